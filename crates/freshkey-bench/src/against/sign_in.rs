//! Signs every user in twice, for an offline and for an online session, and keeps the tokens that the loads need.

use super::realm::{APP, PASSWORD, endpoint, username};
use super::subject::Subject;
use super::{Order, load};
use crate::http::{self, Connection};
use crate::sessions;
use freshkey_protocol::jose::CompactJws;
use serde_json::Value;
use tokio::task::JoinSet;

/// Of 256 bytes in base64url.
const LETTERS_OF_A_SIGNATURE: usize = 342;

/// The tokens of all sessions. None of them rotates or expires during a run.
pub(super) struct Signed {
    pub(super) offline: Vec<String>,
    pub(super) online: Vec<String>,
    /// Access tokens of the online sessions.
    pub(super) access: Vec<String>,
    /// Names of the claims of an access token, sorted.
    pub(super) claims: Vec<String>,
}

struct Tokens {
    user: usize,
    offline: String,
    online: String,
    access: String,
}

impl Signed {
    pub(super) async fn in_at(subject: &Subject, order: &Order) -> Result<Self, String> {
        let mut tasks = JoinSet::new();
        for (number, connection) in load::connections(subject, order.connections).await?.into_iter().enumerate() {
            let users: Vec<usize> = (number..order.users).step_by(order.connections).collect();
            tasks.spawn(sign_in(connection, subject.host.clone(), users));
        }
        let mut all: Vec<Tokens> = Vec::with_capacity(order.users);
        while let Some(ended) = tasks.join_next().await {
            all.extend(ended.map_err(|error| error.to_string())??);
        }
        all.sort_by_key(|tokens| tokens.user);
        let first = all.first().ok_or("there are no users")?;
        of_the_same_kind(&first.access)?;
        let mut claims: Vec<String> = sessions::claims(&first.access)?.keys().cloned().collect();
        claims.sort();
        let mut signed = Self { offline: Vec::new(), online: Vec::new(), access: Vec::new(), claims };
        for tokens in all {
            signed.offline.push(tokens.offline);
            signed.online.push(tokens.online);
            signed.access.push(tokens.access);
        }
        Ok(signed)
    }
}

/// Both servers have to sign with the same kind of key, or nothing can be compared.
fn of_the_same_kind(token: &str) -> Result<(), String> {
    let jws = CompactJws::parse(token.as_bytes()).map_err(|error| format!("the access token is no JWT: {error:?}"))?;
    let algorithm = jws.header().algorithm.as_str();
    let signature_letters = token.rsplit('.').next().map_or(0, str::len);
    if algorithm == "RS256" && signature_letters == LETTERS_OF_A_SIGNATURE {
        Ok(())
    } else {
        Err(format!("the access token is not signed with RS256 and 2,048 bits: {algorithm}, {signature_letters} letters"))
    }
}

async fn sign_in(mut connection: Connection, host: String, users: Vec<usize>) -> Result<Vec<Tokens>, String> {
    let mut all = Vec::with_capacity(users.len());
    for user in users {
        let mut both = Vec::new();
        for scope in ["openid offline_access", "openid"] {
            let name = username(user);
            let pairs = [("grant_type", "password"), ("client_id", APP), ("username", &name), ("password", PASSWORD), ("scope", scope)];
            let answer = connection.send(&http::form(&host, &endpoint("token"), &pairs)).await?;
            if answer.status != 200 {
                return Err(format!("a sign-in was refused: {}", answer.shown()));
            }
            both.push(answer.json()?);
        }
        let token = |answer: &Value, name: &str| {
            let text = answer.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| format!("a sign-in brought no {name}"))
        };
        let [offline, online] = [&both[0], &both[1]];
        all.push(Tokens {
            user,
            offline: token(offline, "refresh_token")?,
            online: token(online, "refresh_token")?,
            access: token(online, "access_token")?,
        });
    }
    Ok(all)
}
