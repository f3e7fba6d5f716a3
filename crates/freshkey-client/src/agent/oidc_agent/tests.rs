use super::*;
use crate::agent::fixture::{Fixture, NAME, delivery};
use crate::limits::HELPER_REQUEST_BYTES_MAX;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use freshkey_testkit::provider::Behaviour;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn listening() -> Fixture {
    let fixture = Fixture::with_tokens_of(1800).await;
    fixture.sign_in("lab").await;
    fixture.set_deliveries(NAME, vec![delivery("oidc-agent", None, None)]);
    fixture.agent.sinks.settle(&fixture.agent).await;
    fixture
}

async fn ask(fixture: &Fixture, request: &Value) -> Value {
    say(fixture, &request.to_string()).await.expect("an answer")
}

/// What the client of oidc-agent does, by hand. `None` when it is hung up on.
async fn say(fixture: &Fixture, text: &str) -> Option<Value> {
    let mut stream = UnixStream::connect(socket(&fixture.directories)).await.expect("connected");
    let ours = SecretKey::from([9; 32]);
    stream.write_all(STANDARD.encode(ours.public_key().as_bytes()).as_bytes()).await.expect("sent");
    let mut theirs = [0; 44];
    stream.read_exact(&mut theirs).await.expect("a key");
    let theirs: [u8; 32] = STANDARD.decode(theirs).expect("base64").try_into().expect("32 bytes");
    let sealing = SalsaBox::new(&PublicKey::from(theirs), &ours);
    let sealed = sealing.encrypt(&[3; 24].into(), text.as_bytes()).expect("sealed");
    let message = format!("{}:{}:{}", text.len(), STANDARD.encode([3; 24]), STANDARD.encode(sealed));
    // Who says too much is not heard to the end.
    let _ = stream.write_all(message.as_bytes()).await;
    let mut answer = String::new();
    if stream.read_to_string(&mut answer).await.is_err() || answer.is_empty() {
        return None;
    }
    let mut parts = answer.split(':').skip(1).map(|part| STANDARD.decode(part).expect("base64"));
    let nonce: [u8; 24] = parts.next().expect("a nonce").try_into().expect("24 bytes");
    let plain = sealing.decrypt(&nonce.into(), parts.next().expect("a box").as_slice()).expect("opened");
    Some(serde_json::from_slice(&plain).expect("JSON"))
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_not_answered() {
    let fixture = listening().await;
    let request = json!({ "request": "access_token", "account": NAME }).to_string();
    let padded = |bytes: usize| request.clone() + &" ".repeat(bytes - request.len());
    assert!(say(&fixture, &padded(HELPER_REQUEST_BYTES_MAX)).await.is_some());
    assert!(say(&fixture, &padded(HELPER_REQUEST_BYTES_MAX + 1)).await.is_none());
}

#[tokio::test]
async fn a_token_is_had_by_account_and_by_issuer() {
    let fixture = listening().await;
    let issuer = fixture.provider.issuer().to_owned();
    for request in [
        json!({ "request": "access_token", "account": NAME, "min_valid_period": 0 }),
        json!({ "request": "access_token", "account": NAME, "min_valid_period": 60, "application_hint": "test", "scope": "openid" }),
        json!({ "request": "access_token", "issuer": issuer, "min_valid_period": 0 }),
        json!({ "request": "access_token", "issuer": format!("{issuer}/"), "min_valid_period": 0 }),
    ] {
        let answer = ask(&fixture, &request).await;
        let token = fixture.kept_token(NAME);
        let expected = json!({ "status": "success", "access_token": token, "issuer": issuer, "expires_at": 1_800_001_800 });
        assert_eq!(answer, expected, "{request}");
    }
    let listed = ask(&fixture, &json!({ "request": "account_info" })).await;
    assert_eq!(listed["info"], json!({ issuer: { "accounts": { "ua": true } } }));
}

#[tokio::test]
async fn a_token_lives_as_long_as_was_asked_for() {
    let fixture = listening().await;
    fixture.clock.advance_s(1000);
    let before = fixture.kept_token(NAME);
    for (min_valid_period, is_renewed) in [(700, false), (900, true)] {
        ask(&fixture, &json!({ "request": "access_token", "account": NAME, "min_valid_period": min_valid_period })).await;
        assert_eq!(fixture.kept_token(NAME) != before, is_renewed, "{min_valid_period}");
    }
}

#[tokio::test]
async fn what_a_profile_does_not_have_is_refused() {
    let fixture = listening().await;
    for (request, expected) in [
        (json!({ "request": "access_token", "account": "nobody" }), "No account configured with that short name"),
        // It is signed in, and was not set up for this.
        (json!({ "request": "access_token", "account": "lab" }), "No account configured with that short name"),
        (json!({ "request": "access_token", "issuer": "https://other.example" }), "No account configured for that issuer"),
        (json!({ "request": "access_token" }), "either an account or an issuer"),
        (json!({ "request": "access_token", "account": NAME, "scope": "openid admin" }), "the scope admin"),
        (json!({ "request": "access_token", "account": NAME, "audience": "https://api.example" }), "the audience https://api.example"),
        (json!({ "request": "mytoken", "account": NAME }), "no answer to the request mytoken"),
        (json!({ "request": "reauthenticate\u{1b}[2J" }), "\\u{1b}[2J"),
        (json!({ "account": NAME }), "not understood"),
        (json!({ "request": "access_token", "account": NAME, "min_valid_period": -1 }), "not understood"),
    ] {
        let answer = ask(&fixture, &request).await;
        assert_eq!(answer["status"], "failure", "{request}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(expected)), "{request}: {answer}");
        assert!(answer.get("access_token").is_none());
    }
    fixture.clock.advance_s(1800);
    fixture.provider.behave(Behaviour::Says(503, String::new()));
    let answer = ask(&fixture, &json!({ "request": "access_token", "account": NAME })).await;
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("cannot be reached")), "{answer}");
}

#[tokio::test]
async fn an_issuer_of_several_accounts_means_the_default_one() {
    let fixture = listening().await;
    fixture.set_deliveries("lab", vec![delivery("oidc-agent", None, None)]);
    let request = json!({ "request": "access_token", "issuer": fixture.provider.issuer() });
    let answer = ask(&fixture, &request).await;
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("lab, ua")), "{answer}");
    Profiles::change(&fixture.directories, |profiles| {
        profiles.default = Some("lab".to_owned());
        Ok(())
    })
    .expect("written");
    assert_eq!(ask(&fixture, &request).await["access_token"], Value::String(fixture.kept_token("lab")));
}

#[tokio::test]
async fn whoever_speaks_otherwise_gets_nothing() {
    let fixture = listening().await;
    let key = STANDARD.encode(SecretKey::from([9; 32]).public_key().as_bytes());
    let garbage = format!("10:{}:{}", STANDARD.encode([1; 24]), STANDARD.encode([2; 26]));
    for (request, expected_bytes) in [
        (r#"{"request":"access_token","account":"ua","min_valid_period":0}"#.to_owned(), 0),
        ("?".repeat(44), 0),
        (STANDARD.encode([1; 31]), 0),
        (format!("{key}{garbage}"), 44),
        (format!("{key}99999:"), 44),
        (format!("{key}x:"), 44),
        (format!("{key}{}", "1".repeat(20)), 44),
    ] {
        let mut stream = UnixStream::connect(socket(&fixture.directories)).await.expect("connected");
        // It may hang up before everything is said.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer.len(), expected_bytes, "{request}");
    }
}

#[tokio::test]
async fn the_socket_goes_with_the_last_account_that_wants_it() {
    let fixture = listening().await;
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&fixture.directories.runtime).expect("there"));
    assert_eq!(mode & 0o777, 0o700, "nobody else comes near it");
    fixture.set_deliveries(NAME, Vec::new());
    fixture.agent.sinks.settle(&fixture.agent).await;
    assert!(!socket(&fixture.directories).exists());
}
