//! Logout with a refresh token: the form that programs send.

use crate::realm::SECRET;
use crate::script::{Damage, Made, Request, Scenario, endpoint, refresh, scenario, sign_in, token};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![good(), refusals(), other_clients()]
}

fn logout(form: &[(&'static str, &str)]) -> Request {
    endpoint("POST", "logout").form(form)
}

fn good() -> Scenario {
    scenario("logout/good")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .send("logout", logout(&[("client_id", "public"), ("refresh_token", "{refresh}")]))
        .send("refresh", refresh("public"))
        .send("userinfo", endpoint("GET", "userinfo").bearer("{access}"))
        .send("introspected", endpoint("POST", "token/introspect").basic("confidential", SECRET).form(&[("token", "{access}")]))
        .send("logout again", logout(&[("client_id", "public"), ("refresh_token", "{refresh}")]))
        .send("sign-in again", sign_in("public", "openid"))
        .keep_tokens()
        .send("from its origin", logout(&[("client_id", "public"), ("refresh_token", "{refresh}")]).origin("https://app.example"))
}

fn refusals() -> Scenario {
    scenario("logout/refusals")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .keep("id", "/id_token")
        .send("no client", logout(&[("refresh_token", "{refresh}")]))
        .send("unknown client", logout(&[("client_id", "nobody"), ("refresh_token", "{refresh}")]))
        .send("another client", logout(&[("client_id", "other"), ("refresh_token", "{refresh}")]))
        .send("another client, confidential", logout(&[("refresh_token", "{refresh}")]).basic("confidential", SECRET))
        .send("wrong secret", logout(&[("refresh_token", "{refresh}")]).basic("confidential", "wrong"))
        .send("nonsense", logout(&[("client_id", "public"), ("refresh_token", "nonsense")]))
        .send("empty token", logout(&[("client_id", "public"), ("refresh_token", "")]))
        .send("an access token", logout(&[("client_id", "public"), ("refresh_token", "{access}")]))
        .send("an ID token", logout(&[("client_id", "public"), ("refresh_token", "{id}")]))
        .make("damaged", Made::Damaged("refresh", Damage::Payload))
        .send("damaged", logout(&[("client_id", "public"), ("refresh_token", "{damaged}")]))
        .send("still good", refresh("public"))
}

fn other_clients() -> Scenario {
    let own = |form: &[(&'static str, &str)]| token(form).basic("confidential", SECRET);
    scenario("logout/confidential")
        .send("sign-in", own(&[("grant_type", "password"), ("username", "ann"), ("password", "the password"), ("scope", "openid")]))
        .keep_tokens()
        .send("logout without secret", logout(&[("client_id", "confidential"), ("refresh_token", "{refresh}")]))
        .send("logout", logout(&[("client_id", "confidential"), ("client_secret", SECRET), ("refresh_token", "{refresh}")]))
        .send("refresh", own(&[("grant_type", "refresh_token"), ("refresh_token", "{refresh}")]))
}
