//! T-054: everything that is logged at the finest level, searched for pieces of secrets.

use crate::support::{Answer, AssertionKey, DEMO, PASSWORD, START, TOKEN, TestServer, UA_SECRET, assertion_claims};
use freshkey_core::keycloak::edit::UserChange;
use freshkey_protocol::client_credentials::JWT_BEARER_ASSERTION;
use freshkey_protocol::jose::Algorithm;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// As much of a secret as is too much.
const SLICE_BYTES: usize = 12;

static RECORDS: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(Mutex::default);
static LISTENING: AtomicBool = AtomicBool::new(false);

/// The log of the whole process, while somebody listens.
#[derive(Clone, Copy)]
struct Recorder;

impl io::Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if LISTENING.load(Ordering::Relaxed) {
            RECORDS.lock().unwrap().extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Recorder {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

/// Secrets and tokens, each with a name for the failure.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, name: &str, text: impl Into<String>) {
        self.0.push((name.to_owned(), text.into()));
    }

    fn add_tokens(&mut self, name: &str, answer: &Answer) {
        for field in ["access_token", "refresh_token", "id_token"] {
            if let Some(token) = answer.json()[field].as_str() {
                self.add(&format!("{field} of {name}"), token);
            }
        }
    }

    /// The name of a secret of which a piece stands in the text.
    fn found_in(&self, text: &[u8]) -> Option<String> {
        let mut pieces = HashMap::new();
        for (name, secret) in &self.0 {
            assert!(secret.len() >= SLICE_BYTES, "{name} is too short to be looked for");
            pieces.extend(secret.as_bytes().windows(SLICE_BYTES).map(|piece| (piece, name)));
        }
        let found = text.windows(SLICE_BYTES).find_map(|piece| Some((piece, *pieces.get(piece)?)));
        found.map(|(piece, name)| format!("{name}: {}", String::from_utf8_lossy(piece)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_054_no_piece_of_a_secret_or_token_is_logged_or_kept_as_an_event() {
    // The one subscriber of this process; whoever was first has the same.
    let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(Recorder).try_init();
    LISTENING.store(true, Ordering::Relaxed);
    let mut server = TestServer::start().await;
    let mut secrets = Secrets::default();
    everything_that_happens(&mut server, &mut secrets).await;
    let events = format!("{:?}", server.events().await);
    server.store().clone().close().await.unwrap();
    let _ = server.password(DEMO, PASSWORD).await;
    LISTENING.store(false, Ordering::Relaxed);

    let records = std::mem::take(&mut *RECORDS.lock().unwrap());
    let text = String::from_utf8_lossy(&records);
    for expected in ["granted", "refused", "wrong_password", "invalid_refresh_token:signature", "the store is unavailable"] {
        assert!(text.contains(expected), "the log was listened to: {expected}");
    }
    assert!(secrets.0.len() >= 29, "{} secrets", secrets.0.len());
    assert_eq!(secrets.found_in(&records), None);
    assert_eq!(secrets.found_in(events.as_bytes()), None);
    assert!(secrets.found_in(format!("x{PASSWORD}x").as_bytes()).is_some(), "the search finds what is there");
}

/// Every grant, every endpoint, and the failures that see a secret.
async fn everything_that_happens(server: &mut TestServer, secrets: &mut Secrets) {
    let (wrong_password, wrong_secret, rotated) = ("a-mistyped-password-9317", "a-mistyped-secret-8844", "the-secret-before-7d1f9");
    for (name, text) in [
        ("password", PASSWORD),
        ("wrong password", wrong_password),
        ("secret", UA_SECRET),
        ("wrong secret", wrong_secret),
        ("rotated secret", rotated),
    ] {
        secrets.add(name, text);
    }
    server.enable_service_account("ua").await;
    server.add_confidential_client("batch", rotated).await;
    for (name, scope) in [("online", "openid"), ("offline", "openid offline_access")] {
        let signed_in = server.sign_in(scope).await;
        secrets.add_tokens(&format!("{name} sign-in"), &signed_in);
        let refreshed = server.refresh(&signed_in.refresh_token()).await;
        secrets.add_tokens(&format!("{name} refresh"), &refreshed);
        failures(server, secrets, &refreshed).await;
        let _ = server.userinfo(&refreshed.access_token()).await;
        let _ = server.introspect(&refreshed.refresh_token()).await;
        let _ = server.revoke(&refreshed.access_token()).await;
        let _ = server.userinfo(&refreshed.access_token()).await;
        let _ = server.log_out(&refreshed.refresh_token()).await;
        let _ = server.refresh(&refreshed.refresh_token()).await;
    }
    let own = server.post(TOKEN).basic("ua", UA_SECRET).form(&[("grant_type", "client_credentials"), ("scope", "openid")]).send().await;
    secrets.add_tokens("client credentials", &own);
    let _ = server.post(TOKEN).basic("batch", rotated).form(&[("grant_type", "client_credentials")]).send().await;

    server.set_realm(&[("revokeRefreshToken", "true"), ("attributes.freshkey.refresh.grace.seconds", "0")]).await;
    let first = server.sign_in("openid").await;
    let second = server.refresh(&first.refresh_token()).await;
    let _ = server.refresh(&first.refresh_token()).await;
    secrets.add_tokens("rotation", &first);
    secrets.add_tokens("rotation", &second);

    for (name, password) in [(DEMO, wrong_password), ("nobody", wrong_password), (DEMO, wrong_password), (DEMO, PASSWORD)] {
        let _ = server.password(name, password).await;
    }
    server.change_demo(&[UserChange::Enabled(false)]).await;
    let _ = server.password(DEMO, PASSWORD).await;
    server.change_demo(&[UserChange::Enabled(true)]).await;
    let _ = server.post(TOKEN).basic("ua", wrong_secret).form(&[("grant_type", "client_credentials")]).send().await;

    server.set_client("ua", &[("clientAuthenticatorType", "client-secret-jwt")]).await;
    let assertion = AssertionKey::of_secret(Algorithm::Hs256, UA_SECRET).sign(&assertion_claims("ua", START));
    for _ in 0..2 {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER_ASSERTION),
            ("client_assertion", assertion.as_str()),
        ];
        let answer = server.token(&form).await;
        if answer.status == 200 {
            secrets.add_tokens("assertion", &answer);
        }
    }
    secrets.add("assertion", assertion);
    server.restart().await;
}

/// Tokens where they do not belong.
async fn failures(server: &TestServer, secrets: &mut Secrets, good: &Answer) {
    let (access, refresh) = (good.access_token(), good.refresh_token());
    let altered = format!("{}AAAA", &refresh[..refresh.len() - 4]);
    for text in [&access, &altered, &format!("{refresh}{refresh}")] {
        let _ = server.refresh(text).await;
    }
    let foreign = server.resigned(&refresh, |claims| claims["iss"] = serde_json::json!("https://elsewhere.example")).await;
    let _ = server.refresh(&foreign).await;
    secrets.add("token of another issuer", foreign);
    let path = "/realms/UA/protocol/openid-connect";
    let form = [
        ("client_id", "ua"),
        ("client_secret", UA_SECRET),
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh),
        ("token", &refresh),
    ];
    for endpoint in ["token", "revoke", "logout", "token/introspect"] {
        let _ = server.post(&format!("{path}/{endpoint}")).form(&form[..4]).send().await;
        let _ = server.get(&format!("{path}/{endpoint}?refresh_token={refresh}")).send().await;
    }
    let _ = server.post(&format!("{path}/userinfo")).bearer(&access).form(&[("access_token", &access)]).send().await;
    let _ = server.post(TOKEN).header("content-type", "application/json").body(format!(r#"{{"refresh_token":"{refresh}"}}"#)).send().await;
    let _ = server
        .token(&[("grant_type", "refresh_token"), ("client_id", "ua-grant"), ("refresh_token", &refresh), ("refresh_token", &refresh)])
        .await;
}
