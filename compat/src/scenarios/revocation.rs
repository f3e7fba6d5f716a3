//! Revocation (RFC 7009).

use crate::realm::SECRET;
use crate::script::{Damage, Made, Request, Scenario, endpoint, refresh, scenario, sign_in, token};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![refresh_token(), access_token(), refusals(), clients()]
}

fn revoke(token: &str) -> Request {
    endpoint("POST", "revoke").form(&[("client_id", "public"), ("token", token)])
}

fn introspect(token: &str) -> Request {
    endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", token)])
}

fn refresh_token() -> Scenario {
    scenario("revocation/refresh-token")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .send("revoked", revoke("{refresh}"))
        .send("refresh", refresh("public"))
        .send("introspected", introspect("{refresh}"))
        .send("its access token", introspect("{access}"))
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
        .send("revoked again", revoke("{refresh}"))
        .send("sign-in again", sign_in("public", "openid"))
        .keep_tokens()
        .send("with a hint", revoke("{refresh}").form(&[("token_type_hint", "refresh_token")]))
        .send("refresh after that", refresh("public"))
}

fn access_token() -> Scenario {
    scenario("revocation/access-token")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .send("revoked", revoke("{access}"))
        .send("introspected", introspect("{access}"))
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
        .send("refresh goes on", refresh("public"))
        .send("revoked again", revoke("{access}"))
}

fn refusals() -> Scenario {
    scenario("revocation/refusals")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .keep("id", "/id_token")
        .send("no token", endpoint("POST", "revoke").form(&[("client_id", "public")]))
        .send("empty token", revoke(""))
        .send("nonsense", revoke("nonsense"))
        .send("an ID token", revoke("{id}"))
        .send("with an unknown hint", revoke("{refresh}").form(&[("token_type_hint", "magic")]))
        .make("damaged", Made::Damaged("refresh", Damage::Payload))
        .send("damaged", revoke("{damaged}"))
        .send("twice", revoke("{refresh}").form(&[("token", "{refresh}")]))
        .send("another client's", endpoint("POST", "revoke").form(&[("client_id", "other"), ("token", "{access}")]))
        .send("from its origin", revoke("nonsense").origin("https://app.example"))
        .send("from another origin", revoke("nonsense").origin("https://evil.example"))
}

fn clients() -> Scenario {
    scenario("revocation/clients")
        .send(
            "sign-in",
            token(&[("grant_type", "password"), ("username", "ann"), ("password", "the password"), ("scope", "openid")])
                .basic("confidential", SECRET),
        )
        .keep_tokens()
        .send("nobody", endpoint("POST", "revoke").form(&[("token", "{refresh}")]))
        .send("unknown client", endpoint("POST", "revoke").form(&[("token", "{refresh}"), ("client_id", "nobody")]))
        .send("no secret", endpoint("POST", "revoke").form(&[("token", "{refresh}"), ("client_id", "confidential")]))
        .send("wrong secret", endpoint("POST", "revoke").form(&[("token", "{refresh}")]).basic("confidential", "wrong"))
        .send("another client", revoke("{refresh}"))
        .send("its own", endpoint("POST", "revoke").form(&[("token", "{refresh}")]).basic("confidential", SECRET))
        .send("refresh after that", token(&[("grant_type", "refresh_token"), ("refresh_token", "{refresh}")]).basic("confidential", SECRET))
}
