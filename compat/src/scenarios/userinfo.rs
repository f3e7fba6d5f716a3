//! Userinfo (OpenID Connect Core §5.3).

use crate::script::{Change, Damage, Made, Request, Scenario, endpoint, scenario, sign_in};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![ways(), tokens(), gone()]
}

fn userinfo() -> Request {
    endpoint("GET", "userinfo")
}

fn ways() -> Scenario {
    scenario("userinfo/ways")
        .send("sign-in", sign_in("public", "openid phone address"))
        .keep_tokens()
        .send("GET", userinfo().bearer("{access}"))
        .send("POST", endpoint("POST", "userinfo").bearer("{access}"))
        .send("POST, in the form", endpoint("POST", "userinfo").form(&[("access_token", "{access}")]))
        .send("both ways", endpoint("POST", "userinfo").form(&[("access_token", "{access}")]).bearer("{access}"))
        .send("in the query", Request::new("GET", "/realms/compat/protocol/openid-connect/userinfo?access_token={access}"))
        .send("bearer in lower case", userinfo().header("authorization", "bearer {access}"))
        .send("with Basic", userinfo().basic("public", "x"))
        .send("from its origin", userinfo().bearer("{access}").origin("https://app.example"))
        .send("from another origin", userinfo().bearer("{access}").origin("https://evil.example"))
}

fn tokens() -> Scenario {
    scenario("userinfo/tokens")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .keep("id", "/id_token")
        .send("none", userinfo())
        .send("none, from a page", userinfo().origin("https://app.example"))
        .send("empty", userinfo().header("authorization", "Bearer "))
        .send("nonsense", userinfo().bearer("nonsense"))
        .send("nonsense, from a page", userinfo().bearer("nonsense").origin("https://app.example"))
        .send("refresh token", userinfo().bearer("{refresh}"))
        .send("ID token", userinfo().bearer("{id}"))
        .make("damaged", Made::Damaged("access", Damage::Payload))
        .send("damaged", userinfo().bearer("{damaged}"))
        .make("none", Made::Damaged("access", Damage::AlgorithmNone))
        .send("alg none", userinfo().bearer("{none}"))
        .send("sign-in without openid", sign_in("public", "profile"))
        .keep_tokens()
        .send("without openid", userinfo().bearer("{access}"))
        .send("light sign-in", sign_in("light", "openid"))
        .keep_tokens()
        .send("light access token", userinfo().bearer("{access}"))
}

fn gone() -> Scenario {
    scenario("userinfo/gone")
        .send("sign-in", sign_in("public", "openid"))
        .keep_tokens()
        .arrange(Change::Attribute("ann", "nickname", &["nick"]))
        .send("attribute changed", userinfo().bearer("{access}"))
        .arrange(Change::User("ann", "enabled", json!(false)))
        .send("user disabled", userinfo().bearer("{access}"))
        .arrange(Change::User("ann", "enabled", json!(true)))
        .arrange(Change::Client("public", "enabled", json!(false)))
        .send("client disabled", userinfo().bearer("{access}"))
        .arrange(Change::Client("public", "enabled", json!(true)))
        .send("all is well again", userinfo().bearer("{access}"))
        .arrange(Change::EndSessions("ann"))
        .send("session ended", userinfo().bearer("{access}"))
        .send("sign-in again", sign_in("public", "openid"))
        .keep_tokens()
        .wait(2)
        .arrange(Change::RealmNotBefore)
        .send("not-before", userinfo().bearer("{access}"))
        .arrange(Change::DeleteUser("ann"))
        .send("user deleted", userinfo().bearer("{access}"))
}
