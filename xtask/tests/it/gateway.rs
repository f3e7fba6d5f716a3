//! The page's last step: the access token at an API, through the gateway. And tokens that open nothing.

use crate::up::Up;
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{Algorithm, HeaderType, KeyId, KeyKind, SigningKey, generate_private_key, sign_compact};
use freshkey_testkit::programs::built;
use serde_json::{Value, json};
use std::process::Command;

impl Up {
    /// What `curl` gets, as status and body. Only the authority of the env-file is trusted.
    fn curl(&self, arguments: &[&str], url: &str) -> (u16, String) {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}", "--cacert", &self.value("KC_CACERT")])
            .args(arguments)
            .arg(url)
            .output()
            .expect("curl is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').expect("a status");
        assert_ne!(status, "000", "{url}: {}", String::from_utf8_lossy(&output.stderr));
        (status.parse().expect("a number"), body.to_owned())
    }

    fn access_token(&self) -> String {
        let form = format!("grant_type=refresh_token&client_id=ua-grant&refresh_token={}", self.value("REFRESH_TOKEN"));
        let (status, body) =
            self.curl(&["--data", &form], &format!("https://{}/realms/UA/protocol/openid-connect/token", self.value("KC_ADDR")));
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    fn whoami(&self, headers: &[&str]) -> (u16, String) {
        let arguments: Vec<&str> = headers.iter().flat_map(|header| ["--header", header]).collect();
        self.curl(&arguments, &format!("https://{}/api/whoami", self.value("GATEWAY_ADDR")))
    }

    /// The private key of the realm, as an export has it.
    fn realm_key(&self) -> SigningKey {
        let exported = self.path("realm.json");
        let output = Command::new(built("freshkey-server"))
            .args(["admin", "--data"])
            .arg(self.path("data"))
            .args(["realm", "export", "UA", "--file"])
            .arg(&exported)
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let realm: Value = serde_json::from_slice(&std::fs::read(exported).expect("written")).expect("JSON");
        let providers = realm["components"]["org.keycloak.keys.KeyProvider"].as_array().expect("keys");
        let is_signing = |provider: &&Value| provider["providerId"] == "rsa-generated" || provider["providerId"] == "rsa";
        let key = providers.iter().find(is_signing).expect("an RSA key")["config"]["privateKey"][0].as_str().expect("a text");
        SigningKey::from_private_key_text(Algorithm::Rs256, key).expect("a key")
    }
}

/// Header and claims of a token.
fn parts(token: &str) -> [Value; 2] {
    let mut parts = token.split('.');
    [parts.next(), parts.next()].map(|part| {
        let json = base64url::decode(part.expect("a part").as_bytes()).expect("base64url");
        serde_json::from_slice(&json).expect("JSON")
    })
}

#[test]
fn the_api_is_told_who_calls_and_nothing_that_the_caller_says_of_itself() {
    let up = Up::start();
    let bearer = format!("Authorization: Bearer {}", up.access_token());
    let forged = ["X-Freshkey-User: admin", "x_freshkey_user: admin", "X-Freshkey-Assertion: e30.e30.e30"];
    let (status, body) = up.whoami(&[&[bearer.as_str()][..], &forged[..]].concat());
    assert_eq!(status, 200, "{body}");
    let said: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(said["caller"]["identity"]["x-freshkey-user"], "demo");
    assert_eq!(said["caller"]["issuer"], format!("https://{}/realms/UA", up.value("KC_ADDR")));
    assert_eq!(said["headers"]["x-freshkey-user"], "demo");
    assert_eq!(said["headers"]["host"], up.value("GATEWAY_ADDR"));
    let headers = said["headers"].as_object().expect("an object");
    assert!(
        headers.contains_key("x-freshkey-assertion") && !headers.contains_key("authorization") && !headers.contains_key("x_freshkey_user")
    );
    assert!(!body.contains("admin"), "{body}");
}

#[test]
fn t_072_an_expired_foreign_tampered_or_wrong_audience_token_opens_nothing_and_each_has_its_reason() {
    let up = Up::start();
    let good = up.access_token();
    let [header, claims] = parts(&good);
    let key_id = || KeyId::parse(header["kid"].as_str().expect("an id")).expect("an id");
    let own = up.realm_key().with_key_id(key_id());
    let strange = generate_private_key(KeyKind::Rsa2048).expect("a key");
    let strange = SigningKey::from_private_key_der(Algorithm::Rs256, strange.expose()).expect("a key");
    let signed = |key: &SigningKey, name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign_compact(key, HeaderType::Jwt, claims.to_string().as_bytes()).expect("signed")
    };
    let issued_at = claims["iat"].as_i64().expect("a time");
    let resigned = signed(&own, "jti", json!("other"));
    assert_eq!(up.whoami(&[&format!("Authorization: Bearer {resigned}")]).0, 200, "the way of signing is not what is refused");
    let mut tampered: Vec<&str> = good.split('.').collect();
    let altered = base64url::encode(claims.to_string().replace("\"demo\"", "\"root\"").as_bytes());
    tampered[1] = &altered;
    let cases = [
        ("expired", signed(&own, "exp", json!(issued_at - 60))),
        (
            "unknown_issuer",
            signed(&strange.with_key_id(KeyId::parse("theirs").expect("an id")), "iss", json!("https://elsewhere.example/realms/UA")),
        ),
        ("issuer_mismatch", signed(&own, "iss", json!("https://elsewhere.example/realms/UA"))),
        ("bad_signature", tampered.join(".")),
        ("wrong_audience", signed(&own, "aud", json!("another-api"))),
    ];
    for (reason, token) in cases {
        let (status, body) = up.whoami(&[&format!("Authorization: Bearer {token}")]);
        assert_eq!((status, body.as_str()), (401, r#"{"error":"unauthorized"}"#), "{reason}");
        let line = up.logged("refused");
        assert!(line.contains(&format!("reason=\"{reason}\"")), "{reason}: {line}");
        assert!(line.contains("application=\"sample-api\"") && line.contains("path=/api/whoami"), "{line}");
        assert!(!line.contains(&token[..20]), "no token is in a log: {line}");
    }
    assert_eq!(up.whoami(&[]).0, 401);
    assert!(up.logged("refused").contains("reason=\"no_credential\""));
}
