//! Every limit on what comes from outside: from providers, from callers of the agent, from files.

use std::time::Duration;

/// Bytes of any reply of a provider.
pub const REPLY_BYTES_MAX: usize = 1024 * 1024;
/// How long a connection to a provider may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a provider may take to answer one request, connection included. Above what a slow directory behind a provider needs (T-058: 60 s).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// Bytes of a request to the agent.
pub const AGENT_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Bytes of an answer of the agent: the longest token that is taken, in the longest form it is handed out in.
pub const AGENT_ANSWER_BYTES_MAX: usize = 512 * 1024;
/// How long a caller may take to send its request.
pub const AGENT_REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for the agent: a whole request to a provider, and a second one after a lost reply.
pub const AGENT_ANSWER_TIMEOUT: Duration = Duration::from_secs(200);
/// How long a caller waits for an agent that it has started.
pub const AGENT_START_TIMEOUT: Duration = Duration::from_secs(10);
/// Callers that the agent listens to at the same time.
pub const AGENT_CALLERS_MAX: usize = 4096;

/// How long anybody waits for the lock of an account: as for the agent.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(200);

/// Bytes of the file of profiles.
pub const PROFILES_BYTES_MAX: u64 = 256 * 1024;
/// Characters of a profile's name.
pub const PROFILE_NAME_MAX: usize = 64;
/// Bytes of a file that holds a secret: a password, a client secret, a passphrase.
pub const SECRET_FILE_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of a file that holds a token.
pub const TOKEN_FILE_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of the sealed file of an account.
pub const ACCOUNT_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long a key source may take to answer. A keyring that waits for a person who is not there must not hang a job (T-060).
pub const KEY_SOURCE_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of the head of a request to the helper on loopback, and of a request in oidc-agent's form.
pub const HELPER_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request to the helper on loopback.
pub const HELPER_HEADERS_MAX: usize = 32;
/// Callers that one helper listens to at the same time.
pub const HELPER_CALLERS_MAX: usize = 64;
