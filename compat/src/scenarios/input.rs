//! Input that no honest client sends: wrong types, wrong bytes, too much of everything.

use crate::script::{Request, Scenario, endpoint, scenario, sign_in, token};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![types(), bytes(), sizes(), grants()]
}

const FORM: &str = "application/x-www-form-urlencoded";
const GOOD: &str = "grant_type=password&client_id=public&username=ann&password=the+password";

fn body(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    endpoint("POST", "token").raw(content_type, body)
}

fn types() -> Scenario {
    scenario("input/types")
        .send("form", body(FORM, GOOD))
        .send("form with a character set", body("application/x-www-form-urlencoded; charset=UTF-8", GOOD))
        .send("form in capitals", body("APPLICATION/X-WWW-FORM-URLENCODED", GOOD))
        .send("JSON", body("application/json", r#"{"grant_type":"password"}"#))
        .send("text", body("text/plain", GOOD))
        .send(
            "multipart",
            body(
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\npassword\r\n--x--\r\n",
            ),
        )
        .send("no type", Request { body: crate::script::Body::Raw(GOOD.into()), ..endpoint("POST", "token") })
        .send("no body", endpoint("POST", "token"))
        .send("empty form", body(FORM, ""))
        .send("Accept text", body(FORM, GOOD).header("accept", "text/plain"))
        .send("Accept HTML, refused", body(FORM, "grant_type=magic").header("accept", "text/html"))
        .send("introspection as JSON", endpoint("POST", "token/introspect").raw("application/json", "{}"))
        .send("revocation as JSON", endpoint("POST", "revoke").raw("application/json", "{}"))
        .send("logout as JSON", endpoint("POST", "logout").raw("application/json", "{}"))
}

fn bytes() -> Scenario {
    scenario("input/bytes")
        .send("NUL in the name", body(FORM, "grant_type=password&client_id=public&username=ann%00&password=x"))
        .send("NUL in the client", body(FORM, "grant_type=password&client_id=pub%00lic&username=ann&password=x"))
        .send("NUL in the grant", body(FORM, "grant_type=pass%00word"))
        .send("NUL in the scope", body(FORM, format!("{GOOD}&scope=openid%00")))
        .send("NUL in the token", body(FORM, "grant_type=refresh_token&client_id=public&refresh_token=a%00b"))
        .send("a lone percent sign", body(FORM, "grant_type=password&client_id=public&username=100%&password=x"))
        .send("half a percent sequence", body(FORM, "grant_type=password&client_id=public&username=a%4&password=x"))
        .send("no equals sign", body(FORM, "grant_type"))
        .send("only ampersands", body(FORM, "&&&"))
        .send("an empty name", body(FORM, format!("{GOOD}&=x")))
        .send("semicolons", body(FORM, "grant_type=password;client_id=public"))
        .send("line breaks in the scope", body(FORM, format!("{GOOD}&scope=openid%0D%0Aemail")))
        .send("letters of other alphabets", body(FORM, "grant_type=password&client_id=public&username=%D0%90%D0%BD%D0%BD%D0%B0&password=x"))
        .send("a tab in the scope", body(FORM, format!("{GOOD}&scope=openid%09email")))
}

fn sizes() -> Scenario {
    let long = |length: usize| "x".repeat(length);
    scenario("input/sizes")
        .send(
            "a password of 1,000 letters",
            body(FORM, format!("grant_type=password&client_id=public&username=ann&password={}", long(1_000))),
        )
        .send("a name of 300 letters", body(FORM, format!("grant_type=password&client_id=public&username={}&password=x", long(300))))
        .send("a client id of 300 letters", body(FORM, format!("grant_type=password&client_id={}&username=ann&password=x", long(300))))
        .send("a scope of 300 letters", body(FORM, format!("{GOOD}&scope={}", long(300))))
        .send(
            "a refresh token of 3,000 letters",
            body(FORM, format!("grant_type=refresh_token&client_id=public&refresh_token={}", long(3_000))),
        )
        .send("100 fields", body(FORM, format!("{GOOD}{}", (0..100).map(|n| format!("&f{n}=x")).collect::<String>())))
}

fn grants() -> Scenario {
    scenario("input/grants")
        .send("unknown", token(&[("grant_type", "magic"), ("client_id", "public")]))
        .send("empty", token(&[("grant_type", ""), ("client_id", "public")]))
        .send("in capitals", token(&[("grant_type", "PASSWORD"), ("client_id", "public")]))
        .send("with a blank", token(&[("grant_type", " password"), ("client_id", "public")]))
        .send("missing", token(&[("client_id", "public")]))
        .send("twice", sign_in("public", "openid").form(&[("grant_type", "password")]))
        .send(
            "in the query only",
            Request {
                path: "/realms/compat/protocol/openid-connect/token?grant_type=password".into(),
                ..token(&[("client_id", "public")])
            },
        )
        .send("unknown, from a page", token(&[("grant_type", "magic"), ("client_id", "public")]).origin("https://app.example"))
        .send("the implicit one", token(&[("grant_type", "implicit"), ("client_id", "public")]))
}
