//! `grant_type=password` (RFC 6749 §4.3): in two steps, because checking a password takes milliseconds that belong on other threads.
//!
//! The order of the checks is Keycloak's (`ResourceOwnerPasswordCredentialsGrantType`, KEYCLOAK §2.3).

use super::Setting;
use crate::brute_force::{self, AfterSuccess, LockEvent, LoginFailures};
use crate::change::{Change, Outcome};
use crate::client::Client;
use crate::entropy::Entropy;
use crate::event::{Event, EventKind};
use crate::grant::{SessionKind, SessionNotes};
use crate::one_time_codes::{self, Accepted, CodeFault, CodeUse, Device};
use crate::passwords::{HashAlgorithm, PasswordHash, Verdict};
use crate::refusal::Refusal;
use crate::scopes::{self, OFFLINE_ACCESS, OPENID};
use crate::sign_in;
use crate::tokens::{GrantLetters, TokenPlan};
use crate::user::User;

/// What is known of the one who wants to sign in, loaded in one round trip.
#[derive(Debug, Clone, Default)]
pub struct SignInContext {
    /// The account with this name or address.
    pub user: Option<User>,
    /// Its password.
    pub password: Option<StoredPassword>,
    /// Its devices for one-time codes: with any, the password alone proves nothing.
    pub second_factor: SecondFactor,
    /// Its wrong guesses so far.
    pub failures: Option<LoginFailures>,
}

/// A stored password.
#[derive(Debug, Clone)]
pub struct StoredPassword {
    /// Public id of the credential.
    pub credential_id: String,
    /// The hash.
    pub hash: PasswordHash,
}

/// Whether an account has a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SecondFactor {
    /// The password is enough.
    #[default]
    None,
    /// A code of one of these devices is needed as well. There may be none whose codes can be computed here: then no code is right.
    OneTimeCode(Vec<Device>),
}

/// What somebody presents beside the name.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// What came of the password.
    pub password: &'a HashResult,
    /// The one-time code, if one was sent.
    pub one_time_code: Option<&'a str>,
}

/// The work to be done between the two steps. Each way costs the same, so that the time tells nothing (T-023).
#[derive(Debug, Clone)]
pub enum HashTask {
    /// Compare with this hash; if it matches and is weaker than `wanted`, make a new one.
    Verify {
        /// The stored hash.
        hash: PasswordHash,
        /// What a new hash would be made with today.
        wanted: HashAlgorithm,
    },
    /// Nothing to compare with: take the same time.
    Dummy(HashAlgorithm),
}

/// What came of the work.
#[derive(Debug, Clone)]
pub struct HashResult {
    /// Whether the password matched. Always [`Verdict::Mismatch`] for a dummy.
    pub verdict: Verdict,
    /// A fresh hash of the right password, when the stored one was weaker than wanted.
    pub rehash: Option<PasswordHash>,
}

/// What must hold before the user is looked up.
pub fn check<'r>(client: &Client, username: Option<&'r str>, requested_scope: Option<&str>) -> Result<&'r str, Refusal> {
    if !client.direct_access_grants.is_yes() {
        return Err(Refusal::DirectAccessNotAllowed);
    }
    if client.consent_required {
        return Err(Refusal::ConsentRequired);
    }
    scopes::check_requested(client, requested_scope)?;
    username.ok_or(Refusal::MissingUsername)
}

/// The first step: what to hash. Nothing is refused yet, so that an account that is unknown, locked or disabled costs what any other does (T-023).
pub fn prepare(setting: Setting<'_>, context: &SignInContext) -> HashTask {
    let wanted = setting.realm.settings.password_policy.hash_algorithm();
    match &context.password {
        Some(stored) if context.user.is_some() && !is_locked(setting, context) => HashTask::Verify { hash: stored.hash.clone(), wanted },
        _ => HashTask::Dummy(wanted),
    }
}

/// The second step. Judges the context anew, which may have been loaded again after a lost race.
pub fn decide<'a>(
    setting: Setting<'a>,
    client: &'a Client,
    requested_scope: Option<&str>,
    address: Option<&str>,
    context: SignInContext,
    presented: Presented<'_>,
    entropy: &dyn Entropy,
) -> Outcome<TokenPlan<'a>> {
    let mut event = Event::new(setting.now.milliseconds(), setting.realm.key, EventKind::Login);
    event.client_id = Some(client.client_id.clone());
    event.user_id = context.user.as_ref().map(|user| user.id.clone());
    match judge(setting, &context, presented) {
        Ok(code_use) => {
            // Used up whatever follows: it was right, and somebody may have seen it.
            let code_use = code_use.map(Change::UseOneTimeCode);
            match begin(setting, client, requested_scope, context, presented.password, entropy) {
                Ok((plan, mut changes)) => {
                    changes.extend(code_use);
                    event.sid = plan.grant.as_ref().map(|grant| grant.id.sid);
                    Outcome { answer: Ok(plan), changes, event }
                }
                Err(refusal) => Outcome { event: event.refused(&refusal), answer: Err(refusal), changes: Vec::from_iter(code_use) },
            }
        }
        Err(refusal) => {
            let (changes, event) = count_failure(setting, address, &context, &refusal, event);
            Outcome { event: event.refused(&refusal), answer: Err(refusal), changes }
        }
    }
}

/// Whether this is the user; and the one-time code that this uses up.
fn judge(setting: Setting<'_>, context: &SignInContext, presented: Presented<'_>) -> Result<Option<CodeUse>, Refusal> {
    let user = context.user.as_ref().ok_or(Refusal::UnknownUser)?;
    if is_locked(setting, context) {
        return Err(Refusal::UserLocked);
    }
    if presented.password.verdict != Verdict::Match {
        return Err(Refusal::WrongPassword);
    }
    // Only to whoever knows the password is it told that the account is there (KC-012).
    if !user.enabled {
        return Err(Refusal::AccountDisabled);
    }
    match &context.second_factor {
        SecondFactor::None => Ok(None),
        SecondFactor::OneTimeCode(devices) => judge_code(setting, user, devices, presented.one_time_code),
    }
}

fn judge_code(setting: Setting<'_>, user: &User, devices: &[Device], code: Option<&str>) -> Result<Option<CodeUse>, Refusal> {
    let code = code.ok_or(Refusal::SecondFactorRequired)?;
    let whose = (setting.realm.key, user.key);
    match one_time_codes::judge(devices, code, setting.realm.settings.one_time_codes, whose, setting.now) {
        Ok(Accepted::Once(code_use)) => Ok(Some(code_use)),
        Ok(Accepted::Reusable) => Ok(None),
        Err(CodeFault::Wrong) => Err(Refusal::WrongOneTimeCode),
        Err(CodeFault::Used) => Err(Refusal::UsedOneTimeCode),
    }
}

/// Whether a refusal is one of a guess (T-024). A code that is missing is: whoever has the password must not learn it from a lock that doesn't come.
pub fn is_guess(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::UnknownUser
            | Refusal::WrongPassword
            | Refusal::SecondFactorRequired
            | Refusal::WrongOneTimeCode
            | Refusal::UsedOneTimeCode
    )
}

fn begin<'a>(
    setting: Setting<'a>,
    client: &'a Client,
    requested_scope: Option<&str>,
    context: SignInContext,
    result: &HashResult,
    entropy: &dyn Entropy,
) -> Result<(TokenPlan<'a>, Vec<Change>), Refusal> {
    let SignInContext { user, password, failures, .. } = context;
    let user = user.ok_or(Refusal::UnknownUser)?;
    if !user.required_actions.is_empty() {
        return Err(Refusal::AccountNotSetUp);
    }
    let requested = requested_scope.unwrap_or_default();
    let effective = scopes::effective_roles(setting.realm, &user);
    let granted =
        scopes::resolve(setting.realm, client, &effective, scopes::has_name(requested, OPENID), |name| scopes::has_name(requested, name));
    let offline = granted.contains(OFFLINE_ACCESS);
    if offline && !scopes::may_have_offline_tokens(setting.realm, client, &effective) {
        return Err(Refusal::OfflineNotAllowed);
    }
    let mut after = Vec::new();
    if let Some(seen) = failures
        .filter(|failures| brute_force::after_success(failures, &setting.realm.settings.brute_force, setting.now) == AfterSuccess::Clear)
    {
        after.push(Change::LoginFailures { realm: setting.realm.key, user: user.key, seen: Some(seen), becomes: None });
    }
    if let (Some(stored), Some(hash)) = (password, &result.rehash) {
        after.push(Change::Rehash { realm: setting.realm.key, user: user.key, credential_id: stored.credential_id, hash: hash.clone() });
    }
    let kind = if offline { SessionKind::Offline } else { SessionKind::Online };
    let started = sign_in::Started { kind, notes: SessionNotes::new(), grant_type: GrantLetters::Password };
    let (plan, mut changes) = sign_in::begin(setting, client, user, granted, effective, started, entropy);
    changes.append(&mut after);
    Ok((plan, changes))
}

/// Only a wrong guess counts. A locked account is not counted further, an unknown one has no row.
fn count_failure(
    setting: Setting<'_>,
    address: Option<&str>,
    context: &SignInContext,
    refusal: &Refusal,
    event: Event,
) -> (Vec<Change>, Event) {
    let Some(user) = context.user.as_ref().filter(|_| is_guess(refusal)) else { return (Vec::new(), event) };
    let seen = context.failures.clone().unwrap_or_default();
    let after = brute_force::after_failure(&seen, &setting.realm.settings.brute_force, address, setting.now);
    let event = match after.event {
        None => event,
        Some(LockEvent::TemporarilyLocked { until_s }) => event.with("locked_until", until_s.to_string()),
        Some(LockEvent::PermanentlyLocked) => event.with("locked_until", "unlocked by an administrator"),
    };
    if after.failures == seen {
        return (Vec::new(), event);
    }
    let change =
        Change::LoginFailures { realm: setting.realm.key, user: user.key, seen: context.failures.clone(), becomes: Some(after.failures) };
    (vec![change], event)
}

fn is_locked(setting: Setting<'_>, context: &SignInContext) -> bool {
    context.failures.as_ref().is_some_and(|failures| brute_force::is_locked(failures, &setting.realm.settings.brute_force, setting.now))
}
