//! `grant_type=password`, end to end.

use super::{TokenRequest, store_refusal};
use crate::guesses::Guessed;
use crate::limits::RACE_ATTEMPTS_MAX;
use freshkey_core::Refusal;
use freshkey_core::event::EventKind;
use freshkey_core::grants::password as rules;
use freshkey_core::grants::password::{HashResult, HashTask, Presented, SignInContext};
use freshkey_core::passwords::PasswordHash;
use freshkey_protocol::token_request::PasswordRequest;
use freshkey_store::LoginBy;

/// Answers a sign-in by password.
pub async fn password(request: &TokenRequest<'_>, parameters: PasswordRequest<'_>) -> Result<Vec<u8>, Refusal> {
    let client = request.client.client();
    let username = match rules::check(client, parameters.username, parameters.scope) {
        Ok(username) => username,
        Err(refusal) => return request.refuse(EventKind::Login, refusal, &[]).await,
    };
    let realm = &request.served.realm;
    if request.app.guesses.is_exhausted(realm, Guessed::Password, request.caller.address, request.now) {
        return request.refuse(EventKind::Login, Refusal::UserLocked, &[("username", username)]).await;
    }
    let address = request.caller.address.to_string();
    let mut checked: Option<Checked> = None;
    for _ in 0..CHECKS_MAX + RACE_ATTEMPTS_MAX {
        // Always as of now: the account may have been locked, disabled or given another password while its hash was computed.
        let context = load(request, username).await?;
        let task = rules::prepare(request.setting(), &context);
        let Some(Checked { result, .. }) = checked.as_ref().filter(|checked| checked.is_about(&task)) else {
            let hash = stored_hash(&task).cloned();
            let result = request.app.hashing.run(task, parameters.password.unwrap_or_default()).await?;
            checked = Some(Checked { hash, result });
            continue;
        };
        let presented = Presented { password: result, one_time_code: parameters.one_time_code };
        let outcome = rules::decide(request.setting(), client, parameters.scope, Some(&address), context, presented, &*request.app.entropy);
        if outcome.answer.as_ref().is_err_and(rules::is_guess) {
            request.app.guesses.count(realm, Guessed::Password, request.caller.address, request.now);
        }
        if let Some(answer) = request.conclude(outcome).await {
            return answer;
        }
    }
    Err(Refusal::TooContended)
}

/// How often the hash may be another one than the one that was checked: a sign-in beside this one may have renewed it.
const CHECKS_MAX: usize = 2;

/// What a password was compared with, and what came of it.
struct Checked {
    /// `None` when there was nothing to compare with.
    hash: Option<PasswordHash>,
    result: HashResult,
}

impl Checked {
    fn is_about(&self, task: &HashTask) -> bool {
        self.hash.as_ref() == stored_hash(task)
    }
}

fn stored_hash(task: &HashTask) -> Option<&PasswordHash> {
    match task {
        HashTask::Verify { hash, .. } => Some(hash),
        HashTask::Dummy(_) => None,
    }
}

async fn load(request: &TokenRequest<'_>, username: &str) -> Result<SignInContext, Refusal> {
    let by = if request.served.realm.settings.login_with_email_allowed { LoginBy::UsernameOrEmail } else { LoginBy::Username };
    request.app.store.sign_in_context(request.served.realm.key, username, by).await.map_err(|error| store_refusal(&error))
}
