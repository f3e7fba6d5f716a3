//! The realm's own settings, with Keycloak's defaults for what is absent (`RealmManager.setupRealmDefaults`, `Constants`).

use super::attribute;
use crate::brute_force::{BruteForceSettings, Lockout, Protection, WaitStrategy};
use crate::client::Rotation;
use crate::keycloak::given::{Given, shortened};
use crate::keycloak::password_policy::{PolicyError, parse_password_policy};
use crate::keycloak::problems::{ItemProblems, WarningReason};
use crate::keycloak::representation::RealmRepresentation;
use crate::lifetimes::RealmLifetimes;
use crate::limits::{EVENTS_KEPT_S_MAX, LIFETIME_S_MAX, OFFLINE_GRANTS_MAX, ONE_TIME_CODE_WINDOW_MAX, REFRESH_GRACE_S_MAX};
use crate::one_time_codes::{CodePolicy, CodeReuse};
use crate::passwords::PasswordPolicy;
use crate::realm::{IntrospectionBy, RealmSettings, ReuseEnds, RotationSettings, SslRequired};
use freshkey_protocol::jose::Algorithm;

/// How long events are kept when nobody says: as long as an unused offline session lives.
const EVENTS_KEPT_S: i64 = 30 * 24 * 60 * 60;
/// How long the last predecessor of a rotated refresh token gets the same successor, when nobody says.
const REFRESH_GRACE_S: i64 = 10;
/// How many offline grants a user may have at one client, when nobody says.
const OFFLINE_GRANTS: i64 = 100;

pub(super) fn read(name: &str, realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> RealmSettings {
    // Named here so that a broken map is reported once; what needs an entry reads it below.
    problems.read("attributes", &realm.attributes);
    RealmSettings {
        name: name.to_owned(),
        // Keycloak imports a realm that doesn't say it is enabled as a disabled one.
        enabled: problems.flag("enabled", &realm.enabled, false),
        ssl_required: ssl_required(realm, problems),
        not_before: problems.natural("notBefore", &realm.not_before, 0),
        default_signature_algorithm: signature_algorithm(realm, problems),
        lifetimes: lifetimes(realm, problems),
        rotation: rotation(realm, problems),
        introspection: introspection(realm, problems),
        offline_grants_max: offline_grants_max(realm, problems),
        login_with_email_allowed: problems.flag("loginWithEmailAllowed", &realm.login_with_email_allowed, true),
        brute_force: brute_force(realm, problems),
        password_policy: password_policy(realm, problems),
        one_time_codes: one_time_codes(realm, problems),
        frontend_url: frontend_url(realm, problems),
        events_kept_s: events_kept_s(realm, problems),
    }
}

fn ssl_required(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> SslRequired {
    let word = problems.text("sslRequired", &realm.ssl_required).unwrap_or("external");
    // Keycloak reads the word in any case and writes it in lower case.
    match word.to_ascii_lowercase().as_str() {
        "none" => SslRequired::None,
        "external" => SslRequired::External,
        "all" => SslRequired::All,
        _ => {
            problems.broken("sslRequired", shortened(word), "none, external or all");
            SslRequired::All
        }
    }
}

fn signature_algorithm(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> Algorithm {
    let Some(name) = problems.text("defaultSignatureAlgorithm", &realm.default_signature_algorithm) else { return Algorithm::Rs256 };
    Algorithm::parse(name).unwrap_or_else(|| {
        problems.broken("defaultSignatureAlgorithm", shortened(name), "the name of a signature algorithm, RS256 for instance");
        Algorithm::Rs256
    })
}

fn lifetimes(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> RealmLifetimes {
    // KEYCLOAK §5.2: what isn't positive falls back to the constants.
    let mut positive = |field: &str, given: &Given<i64>, absent: i64| match within_limit(field, given, problems) {
        Some(seconds) if seconds > 0 => seconds,
        _ => absent,
    };
    let access_token_lifespan_s = positive("accessTokenLifespan", &realm.access_token_lifespan, 300);
    let session_idle_s = positive("ssoSessionIdleTimeout", &realm.sso_session_idle_timeout, 1800);
    let session_max_s = positive("ssoSessionMaxLifespan", &realm.sso_session_max_lifespan, 36_000);
    let offline_session_idle_s = positive("offlineSessionIdleTimeout", &realm.offline_session_idle_timeout, 2_592_000);
    let offline_max_s = positive("offlineSessionMaxLifespan", &realm.offline_session_max_lifespan, 5_184_000);
    // Absent and negative both mean "as the one it overrides".
    let client_session_idle_s = positive("clientSessionIdleTimeout", &realm.client_session_idle_timeout, 0);
    let client_session_max_s = positive("clientSessionMaxLifespan", &realm.client_session_max_lifespan, 0);
    let client_offline_session_idle_s = positive("clientOfflineSessionIdleTimeout", &realm.client_offline_session_idle_timeout, 0);
    let client_offline_session_max_s = positive("clientOfflineSessionMaxLifespan", &realm.client_offline_session_max_lifespan, 0);
    let offline_limited = problems.flag("offlineSessionMaxLifespanEnabled", &realm.offline_session_max_lifespan_enabled, false);
    RealmLifetimes {
        access_token_lifespan_s,
        session_idle_s,
        session_max_s,
        client_session_idle_s,
        client_session_max_s,
        offline_session_idle_s,
        offline_session_max_s: offline_limited.then_some(offline_max_s),
        client_offline_session_idle_s,
        client_offline_session_max_s,
    }
}

/// A lifetime; one above the limit is broken, since adding it to a time could have no answer.
fn within_limit(field: &str, given: &Given<i64>, problems: &mut ItemProblems<'_>) -> Option<i64> {
    let seconds = *problems.read(field, given)?;
    if seconds > LIFETIME_S_MAX {
        problems.broken(field, seconds.to_string(), "at most 2147483647 seconds");
        return None;
    }
    Some(seconds)
}

fn introspection(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> IntrospectionBy {
    match attribute(&realm.attributes, "freshkey.introspection.by") {
        None | Some("any-client") => IntrospectionBy::AnyClient,
        Some("audience") => IntrospectionBy::Audience,
        Some(other) => {
            problems.broken("attributes.freshkey.introspection.by", shortened(other), "any-client or audience");
            IntrospectionBy::Audience
        }
    }
}

fn rotation(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> RotationSettings {
    let rotates = problems.flag("revokeRefreshToken", &realm.revoke_refresh_token, false);
    let reuse_max = problems.natural("refreshTokenMaxReuse", &realm.refresh_token_max_reuse, 0);
    let reuse_ends = match attribute(&realm.attributes, "freshkey.refresh.reuse.ends") {
        None | Some("grant") => ReuseEnds::Grant,
        Some("client-session") => ReuseEnds::ClientSession,
        Some(other) => {
            problems.broken("attributes.freshkey.refresh.reuse.ends", shortened(other), "grant or client-session");
            ReuseEnds::ClientSession
        }
    };
    RotationSettings {
        default: if rotates { Rotation::On } else { Rotation::Off },
        reuse_max,
        grace_s: number_attribute(realm, "freshkey.refresh.grace.seconds", REFRESH_GRACE_S_MAX, problems).unwrap_or(REFRESH_GRACE_S),
        reuse_ends,
    }
}

fn offline_grants_max(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> Option<u32> {
    let most = number_attribute(realm, "freshkey.offline.grants.max", OFFLINE_GRANTS_MAX, problems).unwrap_or(OFFLINE_GRANTS);
    u32::try_from(most).ok().filter(|most| *most > 0)
}

fn events_kept_s(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> i64 {
    let own = number_attribute(realm, "freshkey.events.kept.seconds", EVENTS_KEPT_S_MAX, problems);
    let expiration = problems.whole("eventsExpiration", &realm.events_expiration, 0);
    own.unwrap_or(if expiration > 0 { expiration.min(EVENTS_KEPT_S_MAX) } else { EVENTS_KEPT_S })
}

/// A number among the realm's attributes, from 0 to `most`.
fn number_attribute(realm: &RealmRepresentation, name: &str, most: i64, problems: &mut ItemProblems<'_>) -> Option<i64> {
    let text = attribute(&realm.attributes, name)?;
    let number = text.parse().ok().filter(|number| (0..=most).contains(number));
    if number.is_none() {
        problems.broken(&format!("attributes.{name}"), shortened(text), &format!("a number from 0 to {most}"));
    }
    number
}

fn brute_force(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> BruteForceSettings {
    let absent = BruteForceSettings::KEYCLOAK;
    let protection =
        if problems.flag("bruteForceProtected", &realm.brute_force_protected, false) { Protection::On } else { Protection::Off };
    let mut small = |field: &str, given: &Given<i64>, absent: u32| {
        let number = problems.natural(field, given, i64::from(absent));
        u32::try_from(number).unwrap_or_else(|_| {
            problems.broken(field, number.to_string(), "a number from 0 to 4294967295");
            absent
        })
    };
    let temporary_lockouts_max = small("maxTemporaryLockouts", &realm.max_temporary_lockouts, 0);
    let failures_max = small("failureFactor", &realm.failure_factor, absent.failures_max);
    let wait_increment_s = small("waitIncrementSeconds", &realm.wait_increment_seconds, absent.wait_increment_s);
    let wait_max_s = small("maxFailureWaitSeconds", &realm.max_failure_wait_seconds, absent.wait_max_s);
    let quick_failure_wait_s = small("minimumQuickLoginWaitSeconds", &realm.minimum_quick_login_wait_seconds, absent.quick_failure_wait_s);
    let quick_failure_ms = small("quickLoginCheckMilliSeconds", &realm.quick_login_check_milli_seconds, absent.quick_failure_ms);
    let reset_after_s = small("maxDeltaTimeSeconds", &realm.max_delta_time_seconds, absent.reset_after_s);
    let permanent = problems.flag("permanentLockout", &realm.permanent_lockout, false);
    BruteForceSettings {
        protection,
        lockout: if permanent { Lockout::Permanent { temporary_lockouts_max } } else { Lockout::Temporary },
        strategy: wait_strategy(realm, problems),
        failures_max,
        wait_increment_s,
        wait_max_s,
        quick_failure_wait_s,
        quick_failure_ms,
        reset_after_s,
    }
}

fn wait_strategy(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> WaitStrategy {
    match problems.text("bruteForceStrategy", &realm.brute_force_strategy) {
        None | Some("MULTIPLE") => WaitStrategy::Multiple,
        Some("LINEAR") => WaitStrategy::Linear,
        Some(other) => {
            problems.broken("bruteForceStrategy", shortened(other), "MULTIPLE or LINEAR");
            WaitStrategy::Linear
        }
    }
}

/// The other fields of the policy are for making a device; one that is there has them itself.
fn one_time_codes(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> CodePolicy {
    let absent = CodePolicy::KEYCLOAK;
    let window = problems.natural("otpPolicyLookAheadWindow", &realm.otp_policy_look_ahead_window, i64::from(absent.window));
    let limit = i64::from(ONE_TIME_CODE_WINDOW_MAX);
    if window > limit {
        problems.warn(WarningReason::OneTimeCodeWindowTooWide { given: window, used: limit });
    }
    let reusable = problems.flag("otpPolicyCodeReusable", &realm.otp_policy_code_reusable, false);
    CodePolicy {
        window: u32::try_from(window.min(limit)).unwrap_or(ONE_TIME_CODE_WINDOW_MAX),
        reuse: if reusable { CodeReuse::Allowed } else { CodeReuse::Refused },
    }
}

fn password_policy(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> PasswordPolicy {
    let text = problems.text("passwordPolicy", &realm.password_policy).unwrap_or_default();
    match parse_password_policy(text) {
        Ok(policy) => {
            for rule in policy.unsupported() {
                problems.warn(WarningReason::UnenforcedPasswordRule(rule.to_owned()));
            }
            policy
        }
        Err(error) => {
            let (found, expected) = match error {
                PolicyError::TooLong => ("too long".to_owned(), "rules of at most 8192 bytes"),
                PolicyError::Unclosed(rule) => {
                    (format!("without a closing parenthesis in {}", shortened(&rule)), "rules such as length(8)")
                }
                PolicyError::BadNumber(rule) => (format!("without an allowed number in {}", shortened(&rule)), "rules such as length(8)"),
            };
            problems.broken("passwordPolicy", found, expected);
            PasswordPolicy::default()
        }
    }
}

fn frontend_url(realm: &RealmRepresentation, problems: &mut ItemProblems<'_>) -> Option<String> {
    let text = attribute(&realm.attributes, "frontendUrl")?;
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let sound = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && text.chars().all(|letter| letter.is_ascii_graphic() && !matches!(letter, '?' | '#' | '"' | '<' | '>' | '\\' | '@'));
    if !sound {
        problems.broken("attributes.frontendUrl", shortened(text), "a URL with http or https, without user, query or fragment");
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}
