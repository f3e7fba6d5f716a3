//! Every bound on input from outside that this crate sets, with its reason.

// Passwords (T-049). A single hash within these bounds takes at most a few seconds.

/// Longest password in bytes; longer ones are refused before hashing.
pub const PASSWORD_BYTES_MAX: usize = 4096;
/// Longest salt of a stored hash.
pub const PASSWORD_SALT_BYTES_MAX: usize = 256;
/// Shortest salt that Argon2 takes (RFC 9106 §3.1).
pub const ARGON2_SALT_BYTES_MIN: usize = 8;
/// Shortest stored hash: a shorter one can be met by chance.
pub const PASSWORD_HASH_BYTES_MIN: usize = 16;
/// Longest stored hash: Keycloak's length. PBKDF2 pays for each block of it.
pub const PASSWORD_HASH_BYTES_MAX: usize = 64;
/// Most iterations of PBKDF2; OWASP's advice is 1.3 million at most.
pub const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;
/// Most memory of one Argon2 hash: 1 GiB.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 1 << 20;
/// Most passes of Argon2. Keycloak, too, ignores more in a policy.
pub const ARGON2_ITERATIONS_MAX: u32 = 100;
/// Most lanes of Argon2.
pub const ARGON2_PARALLELISM_MAX: u32 = 16;
/// Memory times passes: 2 GiB, about two seconds. Each bound alone would still allow more than a minute.
pub const ARGON2_WORK_KIB_MAX: u64 = 2 << 20;
/// Blocks of 1 KiB that a thread keeps between hashes: 64 MiB, three times the default cost.
pub const ARGON2_RETAINED_BLOCKS_MAX: usize = 64 << 10;
/// Longest JSON text, and longest base64 text, of one imported credential.
pub const CREDENTIAL_JSON_BYTES_MAX: usize = 8192;
/// Longest password policy; Keycloak's column holds 2,550 characters.
pub const PASSWORD_POLICY_BYTES_MAX: usize = 8192;
/// Largest number in a rule of a password policy (days, characters).
pub const PASSWORD_POLICY_NUMBER_MAX: u32 = 100_000;
/// Longest password history: each entry costs one hash at every change of a password.
pub const PASSWORD_HISTORY_MAX: u32 = 50;

// One-time codes (T-024, T-049). Each bound multiplies the guesses of one try, and the work for it.

/// Most devices of one user that a code is compared with.
pub const ONE_TIME_CODE_DEVICES_MAX: usize = 16;
/// Most counts by which a device may be off. Keycloak's default is 1.
pub const ONE_TIME_CODE_WINDOW_MAX: u32 = 100;
/// Longest period of a code by time: a day.
pub const ONE_TIME_CODE_PERIOD_S_MAX: i64 = 86_400;

// Keys that clients publish at URLs (T-051).

/// Longest URL that is fetched.
pub const FETCHED_URL_BYTES_MAX: usize = 2048;
/// Most keys of one client.
pub const CLIENT_KEYS_MAX: usize = 32;
/// Seconds between two fetches for one client: as often as somebody who makes up keys can cause one.
pub const CLIENT_KEYS_RETRY_S: i64 = 10;
/// Seconds after which keys that are in use are fetched anew.
pub const CLIENT_KEYS_REFRESH_S: i64 = 300;
/// Seconds after which keys that could not be fetched anew are no longer believed: a day, as Keycloak.
pub const CLIENT_KEYS_STALE_S: i64 = 86_400;

// Configuration and realm files.

/// Largest realm file: a hundred thousand users take about 150 MB.
pub const REALM_FILE_BYTES_MAX: usize = 2 << 30;
/// Most realms in one file.
pub const REALMS_IN_FILE_MAX: usize = 10_000;
/// Most things of one kind (clients, roles, groups, …) in one realm.
pub const CONFIG_ITEMS_MAX: usize = 1_000_000;
/// Deepest nesting of groups and components; Keycloak's own file parser gives up earlier.
pub const CONFIG_DEPTH_MAX: usize = 100;
/// Longest name or id, in bytes: Keycloak's columns hold 255 characters.
pub const NAME_BYTES_MAX: usize = 1020;
/// Problems that are reported one by one.
pub const CONFIG_PROBLEMS_MAX: usize = 1000;
/// Longest note of a session that is taken over, in bytes: what a mapper reads is short.
pub const SESSION_NOTE_BYTES_MAX: usize = 4096;
/// Largest number of seconds in a lifetime: that of Keycloak's columns, 68 years.
pub const LIFETIME_S_MAX: i64 = i32::MAX as i64;
/// Longest grace window of a rotated refresh token.
pub const REFRESH_GRACE_S_MAX: i64 = 60;
/// Offline grants per user and client: the largest cap that can be set.
pub const OFFLINE_GRANTS_MAX: i64 = 1_000_000;
/// Longest time for which events are kept: ten years.
pub const EVENTS_KEPT_S_MAX: i64 = 315_360_000;
/// Longest overlap of two client secrets: a year.
pub const SECRET_OVERLAP_S_MAX: i64 = 31_536_000;
