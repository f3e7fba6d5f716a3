//! The password grant: every refusal in its order, and who may sign in.

use crate::realm::{add_devices, client_of, code};
use crate::script::{Change, Made, Request, Scenario, scenario, sign_in, token};
use serde_json::json;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        refusals(),
        accounts(),
        scopes(),
        brute_force(),
        codes_by_time(),
        codes_out_of_order(),
        codes_by_count(),
        two_devices(),
        wrong_codes(),
        cors(),
    ]
}

fn as_user(name: &str, password: &str) -> Request {
    token(&[("grant_type", "password"), ("client_id", "public"), ("username", name), ("password", password)])
}

fn refusals() -> Scenario {
    scenario("password/refusals")
        .send("good", sign_in("public", "openid"))
        .send("no direct grants", sign_in("no-direct", "openid"))
        .send("consent required", sign_in("consent", "openid"))
        .send("unknown scope", sign_in("public", "openid nonsense"))
        .send("unknown scope before a missing name", token(&[("grant_type", "password"), ("client_id", "public"), ("scope", "nonsense")]))
        .send("no name", token(&[("grant_type", "password"), ("client_id", "public"), ("password", "x")]))
        .send("empty name", as_user("", "x"))
        .send("no password", token(&[("grant_type", "password"), ("client_id", "public"), ("username", "ann")]))
        .send("empty password", as_user("ann", ""))
        .send("wrong password", as_user("ann", "wrong"))
        .send("unknown user", as_user("nobody", "wrong"))
        .send("disabled user, right password", as_user("bob", "the password"))
        .send("disabled user, wrong password", as_user("bob", "wrong"))
        .send("required action", as_user("cid", "the password"))
        .send("required action, wrong password", as_user("cid", "wrong"))
        .send("a code that nobody asked for", as_user("ann", "the password").form(&[("otp", "123456")]))
}

fn accounts() -> Scenario {
    scenario("password/accounts")
        .send("by address", as_user("ann@example.org", "the password"))
        .send("by name in capitals", as_user("ANN", "the password"))
        .send("by name with blanks", as_user(" ann ", "the password"))
        .arrange(Change::Realm("loginWithEmailAllowed", json!(false)))
        .send("by address, not allowed", as_user("ann@example.org", "the password"))
        .arrange(Change::User("ann", "enabled", json!(false)))
        .send("switched off", as_user("ann", "the password"))
        .arrange(Change::User("ann", "enabled", json!(true)))
        .send("switched on", as_user("ann", "the password"))
        .arrange(Change::DeleteUser("ann"))
        .send("deleted", as_user("ann", "the password"))
}

fn scopes() -> Scenario {
    scenario("password/scopes")
        .in_realm(|realm| client_of(realm, "public")["webOrigins"] = json!([]))
        .send("none named", as_user("ann", "the password"))
        .send("empty", sign_in("public", ""))
        .send("openid", sign_in("public", "openid"))
        .send("a default scope", sign_in("public", "openid email"))
        .send("an optional scope", sign_in("public", "openid phone"))
        .send("two optional scopes", sign_in("public", "openid phone address"))
        .send("without openid", sign_in("public", "phone"))
        .send("microprofile-jwt", sign_in("public", "openid microprofile-jwt"))
        .send("twice the same", sign_in("public", "openid phone phone"))
        .send("more blanks", sign_in("public", "openid   phone"))
        .send("a hidden one", sign_in("public", "openid roles"))
        .send("in capitals", sign_in("public", "OPENID"))
}

fn brute_force() -> Scenario {
    let wrong = || as_user("ann", "wrong");
    scenario("password/brute-force")
        .in_realm(|realm| {
            realm["bruteForceProtected"] = json!(true);
            realm["failureFactor"] = json!(2);
            realm["quickLoginCheckMilliSeconds"] = json!(0);
        })
        .send("wrong once", wrong())
        .wait(1)
        .send("wrong twice", wrong())
        .wait(2)
        .send("right, while locked", as_user("ann", "the password"))
        .send("somebody else", as_user("eve", "the password"))
}

fn with_code(parameter: &'static str, code: &str) -> Request {
    as_user("ann", "the password").form(&[(parameter, code)])
}

fn codes_by_time() -> Scenario {
    scenario("password/codes-by-time")
        .in_realm(|realm| add_devices(realm, "ann", &[("totp", "phone")]))
        .send("no code", as_user("ann", "the password"))
        .send("an empty code", with_code("otp", ""))
        .send("a wrong code", with_code("otp", "not a code"))
        .make("code", Made::Code(0))
        .send("a wrong password, the right code", as_user("ann", "wrong").form(&[("otp", "{code}")]))
        .send("the right code", with_code("otp", "{code}"))
        .send("the same code", with_code("otp", "{code}"))
        .make("old", Made::Code(-4))
        .send("an old code", with_code("otp", "{old}"))
        .make("early", Made::Code(4))
        .send("a code of the future", with_code("otp", "{early}"))
        .wait(31)
        .make("code", Made::Code(0))
        .send("the next code, by the older parameter", with_code("totp", "{code}"))
}

fn codes_out_of_order() -> Scenario {
    scenario("password/codes-out-of-order")
        .in_realm(|realm| add_devices(realm, "ann", &[("totp", "phone")]))
        .make("next", Made::Code(1))
        .make("code", Made::Code(0))
        .send("a period ahead", with_code("otp", "{next}"))
        .send("the one before it", with_code("otp", "{code}"))
}

fn codes_by_count() -> Scenario {
    scenario("password/codes-by-count")
        .in_realm(|realm| {
            add_devices(realm, "ann", &[("hotp", "token")]);
            add_devices(realm, "cid", &[("hotp", "token")]);
            add_devices(realm, "bob", &[("hotp", "token")]);
        })
        .send("beyond the window", with_code("otp", &code(2)))
        .send("the first", with_code("otp", &code(0)))
        .send("the same", with_code("otp", &code(0)))
        .send("one was left out", with_code("otp", &code(2)))
        .send("the one that was left out", with_code("otp", &code(1)))
        .send("the next, a wrong password", as_user("ann", "wrong").form(&[("otp", &code(3))]))
        .send("the next", with_code("otp", &code(3)))
        .send("two parameters, the first counts", with_code("otp", "not a code").form(&[("totp", &code(4))]))
        .send("required action, a wrong code", as_user("cid", "the password").form(&[("otp", "not a code")]))
        .send("required action, the right code", as_user("cid", "the password").form(&[("otp", &code(0))]))
        .send("required action, the same code", as_user("cid", "the password").form(&[("otp", &code(0))]))
        .send("disabled user, no code", as_user("bob", "the password"))
}

fn two_devices() -> Scenario {
    scenario("password/two-devices")
        .in_realm(|realm| add_devices(realm, "ann", &[("totp", "phone"), ("hotp", "token")]))
        .make("code", Made::Code(0))
        .send("of the first", with_code("otp", "{code}"))
        .send("of the second", with_code("otp", &code(0)))
}

fn wrong_codes() -> Scenario {
    scenario("password/wrong-codes")
        .in_realm(|realm| {
            add_devices(realm, "ann", &[("hotp", "token")]);
            realm["bruteForceProtected"] = json!(true);
            realm["failureFactor"] = json!(2);
            realm["quickLoginCheckMilliSeconds"] = json!(0);
        })
        .send("no code", as_user("ann", "the password"))
        .wait(1)
        .send("a wrong code", with_code("otp", "not a code"))
        .wait(2)
        .send("the right code, while locked", with_code("otp", &code(0)))
}

fn cors() -> Scenario {
    let from = |origin: &str| sign_in("public", "openid").origin(origin);
    scenario("password/origins")
        .send("its own origin", from("https://app.example"))
        .send("another origin", from("https://evil.example"))
        .send("its own origin over http", from("http://app.example"))
        .send("its own origin with a port", from("https://app.example:8443"))
        .send("no origin at all", from("null"))
        .send("refused, its own origin", as_user("ann", "wrong").origin("https://app.example"))
        .send("refused, another origin", as_user("ann", "wrong").origin("https://evil.example"))
        .send("unknown client", token(&[("grant_type", "password"), ("client_id", "nobody")]).origin("https://evil.example"))
        .send("no grant", token(&[("client_id", "public")]).origin("https://evil.example"))
        .send(
            "origins of the redirect URIs",
            token(&[("grant_type", "client_credentials")]).basic("confidential", crate::realm::SECRET).origin("https://shop.example"),
        )
}
