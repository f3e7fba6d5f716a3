//! Which one-time codes are used up: a number for each device that only grows, so that of any number of sign-ins with one code one is recorded.

use crate::db::{Expect, Guarded, Value};
use freshkey_core::ids::{RealmKey, UserKey};
use freshkey_core::one_time_codes::CodeUse;

/// Only for a device that is there. Whoever comes second waits for the row of the first, and finds it moved.
const USE: &str = "INSERT INTO one_time_code_use (realm_key, user_key, credential_id, next_count)
SELECT c.realm_key, c.user_key, c.id, CAST($4 AS BIGINT) FROM credential c WHERE c.realm_key = $1 AND c.user_key = $2 AND c.id = $3
ON CONFLICT (realm_key, user_key, credential_id) DO UPDATE SET next_count = excluded.next_count
 WHERE one_time_code_use.next_count < excluded.next_count";
/// Of devices that are gone.
const FORGET: &str = "DELETE FROM one_time_code_use WHERE realm_key = $1 AND user_key = $2
   AND credential_id NOT IN (SELECT c.id FROM credential c WHERE c.realm_key = $1 AND c.user_key = $2)";
const FORGET_USER: &str = "DELETE FROM one_time_code_use WHERE realm_key = $1 AND user_key = $2";

pub(crate) const STATEMENTS: &[&str] = &[USE, FORGET, FORGET_USER];

/// The guarded statement that uses a code up.
pub(crate) fn code_use(used: &CodeUse) -> Guarded {
    let mut params = user_values(used.realm, used.user);
    params.extend([Value::from(used.credential_id.as_str()), Value::Int(used.next)]);
    Guarded { sql: USE, params, expect: Expect::Rows(1) }
}

/// Forgets what is known of devices that the user no longer has, once they are gone.
pub(crate) fn forget_lost_devices(realm: RealmKey, user: UserKey) -> Guarded {
    Guarded { sql: FORGET, params: user_values(realm, user), expect: Expect::Any }
}

/// Forgets all devices of a user.
pub(crate) fn forget_user(realm: RealmKey, user: UserKey) -> Guarded {
    Guarded { sql: FORGET_USER, params: user_values(realm, user), expect: Expect::Any }
}

fn user_values(realm: RealmKey, user: UserKey) -> Vec<Value> {
    vec![Value::Int(realm.0), Value::from(user.0)]
}
