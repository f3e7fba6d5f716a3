//! Introspection (RFC 7662).

use crate::realm::{LONG_SECRET, SECRET};
use crate::script::{Change, Damage, Made, Request, Scenario, endpoint, scenario, sign_in, token};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![tokens(), callers(), gone()]
}

fn introspect(token: &str) -> Request {
    endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", token)])
}

fn tokens() -> Scenario {
    scenario("introspection/tokens")
        .send("sign-in", sign_in("public", "openid phone"))
        .keep_tokens()
        .keep("id", "/id_token")
        .send("access token", introspect("{access}"))
        .send("refresh token", introspect("{refresh}"))
        .send("ID token", introspect("{id}"))
        .send("with a hint", introspect("{access}").form(&[("token_type_hint", "access_token")]))
        .send("with the wrong hint", introspect("{access}").form(&[("token_type_hint", "refresh_token")]))
        .send("with an unknown hint", introspect("{access}").form(&[("token_type_hint", "magic")]))
        .send("no token", endpoint("POST", "token/introspect").basic("confidential", SECRET))
        .send("empty token", introspect(""))
        .send("nonsense", introspect("nonsense"))
        .send("twice", introspect("{access}").form(&[("token", "{access}")]))
        .make("damaged", Made::Damaged("access", Damage::Payload))
        .send("damaged", introspect("{damaged}"))
        .make("none", Made::Damaged("access", Damage::AlgorithmNone))
        .send("alg none", introspect("{none}"))
        .send("as a JWT", introspect("{access}").header("accept", "application/jwt"))
        .send("from a page", introspect("{access}").origin("https://app.example"))
        .send("light sign-in", sign_in("light", "openid"))
        .keep_tokens()
        .send("light access token", introspect("{access}"))
}

fn callers() -> Scenario {
    let plain = || endpoint("POST", "token/introspect").form(&[("token", "{access}")]);
    scenario("introspection/callers")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .send("nobody", plain())
        .send("public client", plain().form(&[("client_id", "public")]))
        .send("unknown client", plain().basic("nobody", "x"))
        .send("wrong secret", plain().basic("confidential", "wrong"))
        .send("no secret", plain().form(&[("client_id", "confidential")]))
        .send("in the form", plain().form(&[("client_id", "confidential"), ("client_secret", SECRET)]))
        .send("another client", plain().basic("second", "the-secret-of-second"))
        .send("disabled client", plain().basic("disabled", "the-secret-of-disabled"))
        .send("bearer-only client", plain().basic("bearer", "the-secret-of-bearer"))
        .send("a client that signs, with a secret", plain().basic("secret-jwt", LONG_SECRET))
        .send("with a token in place of a client", plain().bearer("{access}"))
}

fn gone() -> Scenario {
    scenario("introspection/gone")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .arrange(Change::User("ann", "enabled", json!(false)))
        .send("user disabled", introspect("{access}"))
        .send("user disabled, refresh token", introspect("{refresh}"))
        .arrange(Change::User("ann", "enabled", json!(true)))
        .send("user enabled again", introspect("{access}"))
        .arrange(Change::Client("public", "enabled", json!(false)))
        .send("client disabled", introspect("{access}"))
        .arrange(Change::Client("public", "enabled", json!(true)))
        .send("client enabled again", introspect("{access}"))
        .arrange(Change::EndSessions("ann"))
        .send("session ended", introspect("{access}"))
        .send("session ended, refresh token", introspect("{refresh}"))
        .send("sign-in again", sign_in("public", "openid"))
        .keep_tokens()
        .wait(2)
        .arrange(Change::RealmNotBefore)
        .send("not-before", introspect("{access}"))
        .wait(1)
        .send(
            "a third sign-in",
            token(&[
                ("grant_type", "password"),
                ("client_id", "public"),
                ("username", "eve"),
                ("password", "the password"),
                ("scope", "openid"),
            ]),
        )
        .keep_tokens()
        .arrange(Change::DeleteUser("eve"))
        .send("user deleted", introspect("{access}"))
}
