//! `admin user`, `admin unlock`.

use super::data_dir::{DEMO, DataDir, PASSWORD, claims};
use insta::assert_snapshot;

#[tokio::test]
async fn the_command_of_the_page_changes_the_very_next_token() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("openid").await.refresh_token();
    let ran = dir.admin(&[
        "user",
        "set",
        "demo",
        "--realm",
        "UA",
        "--add-role",
        "admin",
        "--attribute",
        "department=blue",
        "--email",
        "demo@example.org",
    ]);
    assert_snapshot!(ran.shown(), @r#"
    exit code: 0
    ── stdout
    ── stderr
    user "demo" changed: email, attribute:department, +role:admin
    "#);

    let told = claims(&server.refresh(&token).await.access_token());
    assert_eq!(told.other["email"], "demo@example.org");
    assert_eq!(told.other["department"], "blue");
    let roles = told.other["realm_access"]["roles"].as_array().expect("roles").clone();
    assert!(roles.iter().any(|role| role == "admin"), "{roles:?}");

    dir.admin(&["user", "set", "demo", "--realm", "UA", "--remove-role", "admin", "--remove-attribute", "department"]).ok();
    let told = claims(&server.refresh(&token).await.access_token());
    assert!(!told.other["realm_access"].to_string().contains("admin"), "{:?}", told.other);
    assert!(!told.other.contains_key("department"));
}

#[tokio::test]
async fn t_045_every_change_of_a_user_leaves_one_event_with_the_actor() {
    let dir = DataDir::new();
    let before = dir.events().await.len();
    dir.admin(&["user", "set", "demo", "--add-role", "admin", "--attribute", "secretish=hunter22"]).ok();
    let events = dir.events().await;
    assert_eq!(events.len(), before + 1);
    let event = &events[0];
    let fact = |name: &str| event.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default();
    assert_eq!((event.kind.as_str(), fact("action").as_str(), fact("target").as_str()), ("ADMIN_CHANGE", "user.set", DEMO));
    assert!(fact("actor").starts_with("cli:") && fact("actor").len() > 4, "{:?}", event.details);
    assert_eq!(fact("changed"), "attribute:secretish +role:admin");
    assert!(event.user_id.is_some());
    assert!(!format!("{event:?}").contains("hunter22"), "values of attributes may be private");
}

#[test]
fn a_role_that_does_not_exist_changes_nothing_and_names_one_that_does() {
    let dir = DataDir::new();
    assert_snapshot!(dir.admin(&["user", "set", "demo", "--realm", "UA", "--add-role", "membr", "--email", "x@example.org"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no role "membr"
    hint: did you mean member?
    "#);
    assert!(!dir.admin(&["user", "show", "demo"]).ok().stdout.contains("x@example.org"));
}

#[test]
fn users_are_listed_found_and_shown() {
    let dir = DataDir::new();
    dir.admin(&["user", "add", "Ada", "--realm", "UA", "--email", "ada@example.org", "--first-name", "Ada", "--add-role", "admin"]).ok();
    assert_snapshot!(dir.admin(&["user", "list", "--realm", "UA"]).shown(), @"
    exit code: 0
    ── stdout
    NAME  E-MAIL  GIVEN NAME  FAMILY NAME  ENABLED  ID
    ada  ada@example.org  Ada  yes  UUID
    demo  yes  UUID
    ── stderr
    ");
    assert_snapshot!(dir.admin(&["user", "show", "ada@example.org"]).shown(), @"
    exit code: 0
    ── stdout
    name  ada
    id  UUID
    enabled  yes
    e-mail  ada@example.org (not proven)
    given name  Ada
    created  MOMENT
    roles  admin default-roles-ua
    effective roles  admin default-roles-ua offline_access uma_authorization account/manage-account account/manage-account-links account/view-profile
    ── stderr
    ");

    let found = dir.admin(&["user", "list", "--search", "EXAMPLE.org", "--json"]).json();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(found[0]["username"], "ada");
    let of_role = dir.admin(&["user", "list", "--role", "member", "--json"]).json();
    assert_eq!(of_role[0]["username"], DEMO);
    assert_eq!(dir.admin(&["user", "list", "--disabled", "--json"]).json(), serde_json::json!([]));

    let page = dir.admin(&["user", "list", "--limit", "1"]).ok();
    assert!(page.stderr.contains("--after \"ada\""), "{}", page.stderr);
    let rest = dir.admin(&["user", "list", "--limit", "1", "--after", "ada", "--json"]).json();
    assert_eq!(rest[0]["username"], DEMO);
}

#[test]
fn the_json_of_a_user_has_no_credentials() {
    let dir = DataDir::new();
    let shown = dir.admin(&["user", "show", "demo", "--json"]).json();
    assert_eq!(shown["username"], DEMO);
    assert!(shown["effectiveRoles"].as_array().is_some_and(|roles| roles.iter().any(|role| role == "offline_access")), "{shown}");
    assert!(shown.get("credentials").is_none(), "{shown}");
}

#[test]
fn names_and_addresses_that_are_taken_are_conflicts() {
    let dir = DataDir::new();
    dir.admin(&["user", "set", "demo", "--email", "demo@example.org"]).ok();
    assert_snapshot!(dir.admin(&["user", "add", "DEMO"]).shown(), @r#"
    exit code: 8
    ── stdout
    ── stderr
    error: there is a user "demo" already
    hint: `user set` changes that user; nothing was changed
    "#);
    assert_snapshot!(dir.admin(&["user", "add", "ada", "--email", "Demo@example.org"]).shown(), @r#"
    exit code: 8
    ── stdout
    ── stderr
    error: another user has the e-mail address "demo@example.org"
    hint: `user list --search` finds that user; nothing was changed
    "#);
    assert_eq!(dir.admin(&["user", "show", "ada"]).code, 7);
}

#[tokio::test]
async fn a_generated_password_is_alone_on_standard_output_and_works() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let old = server.sign_in("").await.refresh_token();
    let password = dir.admin(&["user", "set-password", "demo", "--realm", "UA", "--generate", "--log-out"]).secret();
    let form = |password| [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", password)];
    assert_eq!(server.token(&form(&password)).await.status, 200);
    assert_eq!(server.token(&form(PASSWORD)).await.status, 400);
    assert_eq!(server.refresh(&old).await.status, 400, "--log-out ends what was open");
}

#[tokio::test]
async fn a_password_from_standard_input_has_to_meet_the_policy() {
    let dir = DataDir::new();
    assert_snapshot!(dir.admin_with_input(&["user", "set-password", "demo", "--password-stdin"], "short\n").shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: the realm's rules refuse this password: it needs at least 8 characters
    hint: --generate makes one that nearly every policy takes; nothing was changed
    ");
    assert_snapshot!(dir.admin_with_input(&["user", "set-password", "demo"], "").shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: there is no terminal to ask for the password
    hint: use --password-stdin or --generate
    ");
    dir.admin_with_input(&["user", "set-password", "demo", "--password-stdin"], "a much longer one\n").ok();
    let server = dir.server().await;
    let form = [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", "a much longer one")];
    assert_eq!(server.token(&form).await.status, 200);
}

#[test]
fn a_former_password_is_refused_where_the_policy_remembers() {
    let dir = DataDir::new();
    dir.admin(&["realm", "set", "UA", "--set", "passwordPolicy=passwordHistory(3)"]).ok();
    let set = |password: &str| dir.admin_with_input(&["user", "set-password", "demo", "--password-stdin"], password).code;
    assert_eq!(set("first first"), 0);
    assert_eq!(set("second second"), 0);
    assert_eq!(set("first first"), 2, "one of the last three");
    assert_eq!(set("third third"), 0);
    assert_eq!(set("fourth fourth"), 0);
    assert_eq!(set("first first"), 0, "no longer one of the last three");
}

#[tokio::test]
async fn a_disabled_user_gets_no_token_and_an_unlocked_one_does() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("").await.refresh_token();
    dir.admin(&["user", "set", "demo", "--disabled"]).ok();
    assert_eq!(server.refresh(&token).await.status, 400);
    dir.admin(&["user", "set", "demo", "--enabled"]).ok();
    assert_eq!(server.refresh(&token).await.status, 200);

    dir.admin(&["realm", "set", "UA", "--set", "failureFactor=1", "--set", "waitIncrementSeconds=900"]).ok();
    let form = |password| [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", password)];
    assert_eq!(server.token(&form("wrong")).await.status, 400);
    assert_eq!(server.token(&form(PASSWORD)).await.status, 400, "locked");
    assert!(dir.admin(&["user", "show", "demo"]).ok().stdout.contains("locked"));
    dir.admin(&["unlock", "demo", "--realm", "UA"]).ok();
    assert_eq!(server.token(&form(PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn a_removed_user_is_gone_with_all_sessions() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("offline_access").await.refresh_token();
    dir.admin(&["user", "remove", "demo"]).ok();
    assert_eq!(server.refresh(&token).await.status, 400);
    assert_snapshot!(dir.admin(&["user", "remove", "demo"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no user "demo" in realm "UA"
    hint: look with `admin … user list --realm UA --search PART`; a name, an id or an e-mail address will do
    "#);
}

#[test]
fn nothing_to_change_is_a_mistake_of_usage() {
    let dir = DataDir::new();
    assert_snapshot!(dir.admin(&["user", "set", "demo"]).shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: nothing is to be changed
    hint: `user set --help` lists what can be
    ");
}

#[tokio::test]
async fn devices_for_one_time_codes_are_named_and_can_be_taken_away() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let device = |kind: &str, label: &str| {
        let data = serde_json::json!({ "subType": kind, "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1" }).to_string();
        let secret = serde_json::json!({ "value": "HUNTER22" }).to_string();
        serde_json::json!({ "id": format!("id-of-{label}"), "type": "otp", "userLabel": label, "credentialData": data, "secretData": secret })
    };
    let user = serde_json::json!({
        "username": "eve", "enabled": true,
        "credentials": [device("totp", "phone"), device("hotp", "token"), device("motp", "odd"), device("totp", "")],
    });
    let file = dir.path().join("realm.json");
    std::fs::write(&file, serde_json::json!({ "realm": "codes", "enabled": true, "users": [user] }).to_string()).expect("written");
    dir.admin(&["realm", "import", file.to_str().expect("a path")]).ok();
    let show = || dir.admin(&["user", "show", "eve", "--realm", "codes"]).ok().stdout;
    let devices = r#""phone" (totp), "token" (hotp), "odd" (unreadable: no code of it is right), id-of- (totp)"#;
    assert!(show().lines().any(|line| line.starts_with("one-time codes") && line.ends_with(devices)), "{}", show());
    let json = dir.admin(&["user", "show", "eve", "--realm", "codes", "--json"]).json();
    assert_eq!(json["oneTimeCodeDevices"][1], serde_json::json!({ "id": "id-of-token", "userLabel": "token", "kind": "hotp" }));
    assert!(!json.to_string().contains("HUNTER22") && !show().contains("HUNTER22"));

    let set = |name: &str| dir.admin(&["user", "set", "eve", "--realm", "codes", "--remove-otp", name]);
    assert_snapshot!(set("tablet").shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no device "tablet" of user "eve"
    hint: there are "phone" (totp), "token" (hotp), "odd" (unreadable: no code of it is right), id-of- (totp); nothing was changed
    "#);
    assert_snapshot!(set("phone").shown(), @r#"
    exit code: 0
    ── stdout
    ── stderr
    user "eve" changed: -otp:id-of-phone
    "#);
    set("id-of-odd").ok();
    assert!(show().lines().any(|line| line.ends_with(r#""token" (hotp), id-of- (totp)"#)), "{}", show());
    drop(server);
}
