//! Who is asking: the four ways in which a client authenticates, and all the ways in which it fails to.

use crate::realm::{LONG_SECRET, SECRET};
use crate::script::{Assertion, Change, Made, Request, Scenario, Signer, endpoint, scenario, token};
use serde_json::{Value, json};

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![secrets(), kinds(), rotated_secret(), registered_key(), refused_assertions(), shared_secret()]
}

fn service() -> Request {
    token(&[("grant_type", "client_credentials")])
}

fn secrets() -> Scenario {
    let named = |id: &str, secret: &str| service().form(&[("client_id", id), ("client_secret", secret)]);
    scenario("client-authentication/secrets")
        .send("Basic", service().basic("confidential", SECRET))
        .send("form", named("confidential", SECRET))
        .send("both, the form right", named("confidential", SECRET).basic("confidential", "wrong"))
        .send("both, the header right", named("confidential", "wrong").basic("confidential", SECRET))
        .send("two clients, the form's counts", named("confidential", SECRET).basic("second", "the-secret-of-second"))
        .send("no client", service())
        .send("no client, a secret", service().form(&[("client_secret", SECRET)]))
        .send("unknown client", named("nobody", "x"))
        .send("unknown client, Basic", service().basic("nobody", "x"))
        .send("no secret", service().form(&[("client_id", "confidential")]))
        .send("empty secret", named("confidential", ""))
        .send("wrong secret", named("confidential", "wrong"))
        .send("wrong secret, Basic", service().basic("confidential", "wrong"))
        .send("Basic without a colon", service().header("authorization", "Basic Y29uZmlkZW50aWFs"))
        .send("Basic that is not base64", service().header("authorization", "Basic !!!"))
        .send("empty Basic", service().header("authorization", "Basic"))
        .send("Basic in lower case", service().header("authorization", "basic Y29uZmlkZW50aWFsOnRoZS1zZWNyZXQtb2YtY29uZmlkZW50aWFs"))
        .send("a bearer token in place of it", service().bearer("x"))
        .send("client id in another case", named("Confidential", SECRET))
        .send("client id with a blank", named(" confidential", SECRET))
}

fn kinds() -> Scenario {
    let sign_in = |id: &str| token(&[("grant_type", "password"), ("client_id", id), ("username", "ann"), ("password", "the password")]);
    scenario("client-authentication/kinds")
        .send("public", sign_in("public"))
        .send("public with a secret", sign_in("public").form(&[("client_secret", "anything")]))
        .send(
            "public with Basic",
            token(&[("grant_type", "password"), ("username", "ann"), ("password", "the password")]).basic("public", "x"),
        )
        .send("disabled", service().form(&[("client_id", "disabled"), ("client_secret", "the-secret-of-disabled")]))
        .send("bearer-only", service().form(&[("client_id", "bearer"), ("client_secret", "the-secret-of-bearer")]))
        .send("a secret from one who signs", service().form(&[("client_id", "jwt"), ("client_secret", "x")]))
        .send("nothing from one who signs", service().form(&[("client_id", "jwt")]))
        .send("a plain secret from one who signs with it", service().form(&[("client_id", "secret-jwt"), ("client_secret", LONG_SECRET)]))
        .send("an unknown grant from an unknown client", token(&[("grant_type", "magic"), ("client_id", "nobody")]))
        .send("no grant from an unknown client", endpoint("POST", "token").form(&[("client_id", "nobody")]))
        .send(
            "a repeated field from an unknown client",
            token(&[("grant_type", "password"), ("client_id", "nobody"), ("scope", "a"), ("scope", "b")]),
        )
        .send("a repeated field", sign_in("public").form(&[("scope", "openid"), ("scope", "openid")]))
        .send("a repeated unknown field", sign_in("public").form(&[("color", "red"), ("color", "blue")]))
}

fn rotated_secret() -> Scenario {
    scenario("client-authentication/new-secret")
        .send("before", service().basic("confidential", SECRET))
        .arrange(Change::RotateSecret("confidential"))
        .send("the old one", service().basic("confidential", SECRET))
        .send("the new one", service().form(&[("client_id", "confidential"), ("client_secret", "{secret}")]))
        .arrange(Change::Client("confidential", "enabled", json!(false)))
        .send("client switched off", service().form(&[("client_id", "confidential"), ("client_secret", "{secret}")]))
        .arrange(Change::Client("confidential", "enabled", json!(true)))
        .send("client switched on", service().form(&[("client_id", "confidential"), ("client_secret", "{secret}")]))
        .arrange(Change::DeleteClient("confidential"))
        .send("client deleted", service().form(&[("client_id", "confidential"), ("client_secret", "{secret}")]))
}

fn asserted() -> Request {
    service().form(&[("client_assertion_type", BEARER), ("client_assertion", "{assertion}")])
}

fn signed(signer: Signer, claims: Value) -> Made {
    Made::Assertion(Assertion { signer, claims })
}

fn registered_key() -> Scenario {
    scenario("client-authentication/private-key")
        .make("assertion", signed(Signer::Registered, json!({})))
        .send("good", asserted())
        .send("the same again", asserted())
        .make("assertion", signed(Signer::Registered, json!({})))
        .send("with its client id", asserted().form(&[("client_id", "jwt")]))
        .make("assertion", signed(Signer::Registered, json!({})))
        .send("with another client's id", asserted().form(&[("client_id", "confidential")]))
        .make("assertion", signed(Signer::Registered, json!({ "aud": "{issuer}/protocol/openid-connect/token" })))
        .send("for the token endpoint", asserted())
        .make("assertion", signed(Signer::Registered, json!({ "exp": null })))
        .send("without end", asserted())
        .make("assertion", signed(Signer::Registered, json!({ "iat": null })))
        .send("without a moment of issue", asserted())
        .send("without the type", service().form(&[("client_id", "jwt"), ("client_assertion", "{assertion}")]))
        .send("with a wrong type", service().form(&[("client_assertion_type", "something"), ("client_assertion", "{assertion}")]))
        .send("without the assertion", service().form(&[("client_id", "jwt"), ("client_assertion_type", BEARER)]))
}

fn refused_assertions() -> Scenario {
    let mut all = scenario("client-authentication/refused-assertions");
    let cases = [
        ("for somebody else", json!({ "aud": "https://elsewhere.example" })),
        ("without audience", json!({ "aud": null })),
        ("for two", json!({ "aud": ["a", "b"] })),
        ("expired", json!({ "exp": -60, "iat": -120 })),
        ("not valid yet", json!({ "nbf": 600 })),
        ("issued in the future", json!({ "iat": 600, "exp": 700 })),
        ("without id", json!({ "jti": null })),
        ("without subject", json!({ "sub": null })),
        ("without issuer", json!({ "iss": null })),
        ("issuer and subject differ", json!({ "iss": "confidential" })),
        ("of an unknown client", json!({ "iss": "nobody", "sub": "nobody" })),
    ];
    for (name, claims) in cases {
        all = all.make("assertion", signed(Signer::Registered, claims)).send(name, asserted());
    }
    all.make("assertion", signed(Signer::Stranger, json!({})))
        .send("signed by a stranger", asserted())
        .send("no JWT at all", service().form(&[("client_assertion_type", BEARER), ("client_assertion", "x")]))
}

fn shared_secret() -> Scenario {
    scenario("client-authentication/signed-with-the-secret")
        .make("assertion", signed(Signer::Secret, json!({})))
        .send("good", asserted())
        .send("the same again", asserted())
        .make("assertion", signed(Signer::WrongSecret, json!({})))
        .send("signed with a wrong secret", asserted())
        .make("assertion", signed(Signer::Secret, json!({ "exp": -60, "iat": -120 })))
        .send("expired", asserted())
        .make("assertion", signed(Signer::Secret, json!({ "aud": "https://elsewhere.example" })))
        .send("for somebody else", asserted())
}
