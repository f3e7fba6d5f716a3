//! `admin realm`.

use super::data_dir::{DEMO, DataDir};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn realms_are_made_listed_shown_and_removed() {
    let dir = DataDir::new();
    dir.admin(&["realm", "create", "shop", "--set", "accessTokenLifespan=600"]).ok();
    assert_snapshot!(dir.admin(&["realm", "list"]).shown(), @"
    exit code: 0
    ── stdout
    REALM  USERS  VERSION
    UA  1  1
    shop  0  1
    ── stderr
    ");
    assert_snapshot!(dir.admin(&["realm", "show", "shop"]).shown(), @"
    exit code: 0
    ── stdout
    realm  shop
    enabled  yes
    users  0
    clients  6
    access tokens  10 minutes
    sessions  30 minutes unused, 10 hours in all
    offline sessions  30 days unused, no absolute end
    rotation  off: a refresh token can be used repeatedly
    offline grants  at most 100 for a user and client
    guessing  not slowed down
    active keys  HS512 RS256
    events kept  30 days
    version  1
    ── stderr
    ");
    assert_eq!(dir.admin(&["realm", "show", "shop", "--json"]).json()["accessTokenLifespan"], 600);
    assert_snapshot!(dir.admin(&["user", "list"]).shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: there are several realms, and none was named
    hint: add --realm with one of: UA, shop
    ");
    assert_snapshot!(dir.admin(&["realm", "create", "shop"]).shown(), @r#"
    exit code: 8
    ── stdout
    ── stderr
    error: there is a realm "shop" already
    hint: `realm set` changes it; `realm remove shop --yes` makes room, after an export
    "#);
    assert_snapshot!(dir.admin(&["realm", "create", "a/b"]).shown(), @r#"
    exit code: 2
    ── stdout
    ── stderr
    error: realm "a/b": realm is "a/b", expected a name without white space and without the reserved characters of URLs
    "#);
    assert_snapshot!(dir.admin(&["realm", "remove", "shop"]).shown(), @r#"
    exit code: 2
    ── stdout
    ── stderr
    error: realm "shop" would be gone with all its users, clients and keys
    hint: add --yes if that is what you want
    "#);
    dir.admin(&["realm", "remove", "shop", "--yes"]).ok();
    assert_snapshot!(dir.admin(&["realm", "show", "shop"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no realm "shop"
    hint: there are: UA
    "#);
}

#[tokio::test]
async fn a_field_of_the_realm_is_set_and_the_server_follows() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("").await.refresh_token();
    dir.admin(&["realm", "set", "UA", "--set", "revokeRefreshToken=true", "--set", "attributes.freshkey.refresh.grace.seconds=0"]).ok();
    assert_eq!(server.refresh(&token).await.status, 200);
    assert_eq!(server.refresh(&token).await.status, 400, "the token has been used");
    dir.admin(&["realm", "set", "UA", "--unset", "attributes.freshkey.refresh.grace.seconds"]).ok();
    let shown = dir.admin(&["realm", "show", "UA", "--json"]).json();
    assert!(shown["attributes"].get("freshkey.refresh.grace.seconds").is_none(), "{shown}");
    assert_snapshot!(dir.admin(&["realm", "set", "UA", "--set", "revokeRefreshTokens=true"]).shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: there is no field revokeRefreshTokens
    hint: did you mean revokeRefreshToken? attributes are set as attributes.NAME=VALUE
    ");
    assert_snapshot!(dir.admin(&["realm", "set", "UA", "--set", "attributes.freshkey.refresh.grace.seconds=61"]).shown(), @r#"
    exit code: 2
    ── stdout
    ── stderr
    error: the realm could not be read with this change: realm "UA": attributes.freshkey.refresh.grace.seconds is "61", expected a number from 0 to 60
    hint: nothing was changed
    "#);
}

#[tokio::test]
async fn an_exported_realm_is_imported_again_and_its_tokens_live() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let token = server.sign_in("openid").await.refresh_token();
    let file = dir.path().join("ua.json");
    let path = file.display().to_string();
    dir.admin(&["realm", "export", "UA", "--with-users", "--file", &path]).ok();
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let exported: Value = serde_json::from_str(&std::fs::read_to_string(&file).expect("read")).expect("JSON");
    assert_eq!(exported["users"][0]["username"], DEMO);

    assert_snapshot!(dir.admin(&["realm", "import", &path]).shown(), @r#"
    exit code: 8
    ── stdout
    ── stderr
    error: there is a realm "UA" already
    hint: `realm set` changes it; `realm remove UA --yes` makes room, after an export
    "#);
    dir.admin(&["realm", "remove", "UA", "--yes"]).ok();
    let imported = dir.admin(&["realm", "import", &path, "--json"]).json();
    assert_eq!((imported[0]["users"].as_i64(), imported[0]["unknown"].clone()), (Some(1), json!([])));
    let again = dir.admin(&["realm", "export", "UA", "--with-users"]).ok();
    let again: Value = serde_json::from_str(&again.stdout).expect("JSON");
    assert_eq!(again, exported, "what an export gives, an import takes");

    let signed_in = server.sign_in("openid").await;
    assert_eq!(signed_in.status, 200, "the imported password works");
    // The session was not imported, but the key was: the token is recognised as one of this realm.
    assert_eq!(server.refresh(&token).await.body["error_description"], "Session not active");
}

#[test]
fn a_broken_file_changes_nothing_and_names_every_fault() {
    let dir = DataDir::new();
    let users = json!([{ "username": "one", "enabled": "perhaps" }, { "username": "two" }, { "username": "TWO" }]);
    let file = dir.file("broken.json", &json!({ "realm": "shop", "accessTokenLifespan": 300, "users": users }).to_string());
    let ran = dir.admin(&["realm", "import", &file.display().to_string()]);
    assert_snapshot!(ran.shown(), @r#"
    exit code: 1
    ── stdout
    ── stderr
    error: DIR/broken.json cannot be imported:
    user "one": enabled is "perhaps", expected true or false
    user "two": username is used twice, expected one of its kind
    hint: nothing was changed; put the file right, and try with --dry-run
    "#);
    let cut = dir.file("cut.json", r#"{"realm": "shop", "users": [{"username": "#);
    assert_eq!(dir.admin(&["realm", "import", &cut.display().to_string()]).code, 1);
    assert_eq!(dir.admin(&["realm", "list", "--json"]).json().as_array().map(Vec::len), Some(1));
}

#[test]
fn a_file_with_a_realm_that_exists_changes_none_of_its_realms() {
    let dir = DataDir::new();
    let file = dir.file("two.json", &json!([{ "realm": "first" }, { "realm": "UA" }]).to_string());
    assert_eq!(dir.admin(&["realm", "import", &file.display().to_string()]).code, 8);
    assert_eq!(dir.admin(&["realm", "show", "first"]).code, 7);
}

#[tokio::test]
async fn plain_passwords_are_hashed_and_unknown_fields_reported() {
    let dir = DataDir::new();
    let user = |number: usize| json!({ "username": format!("user{number}"), "enabled": true, "credentials": [{ "type": "password", "value": format!("password {number}") }] });
    let users: Vec<Value> = (0..3).map(user).collect();
    let client = json!({ "clientId": "app", "publicClient": true, "directAccessGrantsEnabled": true });
    let file = dir.file(
        "shop.json",
        &json!({ "realm": "shop", "enabled": true, "fieldOfTheFuture": 1, "users": users, "clients": [client] }).to_string(),
    );
    let path = file.display().to_string();

    let dry = dir.admin(&["realm", "import", &path, "--dry-run", "--json"]).json();
    assert_eq!((dry[0]["dryRun"].as_bool(), dry[0]["users"].as_i64()), (Some(true), Some(3)));
    assert!(dry[0]["unknown"].to_string().contains("fieldOfTheFuture"), "{dry}");
    assert_eq!(dir.admin(&["realm", "show", "shop"]).code, 7, "a dry run changes nothing");

    let ran = dir.admin(&["realm", "import", &path]).ok();
    assert!(ran.stderr.contains("fieldOfTheFuture"), "{}", ran.stderr);
    assert_eq!(dir.admin(&["realm", "show", "shop", "--json"]).json()["enabled"], true);
    let exported = dir.admin(&["realm", "export", "shop", "--with-users"]).ok().stdout;
    assert!(exported.contains("fieldOfTheFuture"), "kept");
    assert!(!exported.contains("password 1"), "a password in clear was kept");
    assert!(exported.contains("argon2"));
}

#[test]
fn t_049_a_hash_without_bounds_leaves_no_row() {
    let dir = DataDir::new();
    let credential = json!({ "type": "password", "secretData": r#"{"value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","salt":"AAAAAAAAAAAAAAAAAAAAAA=="}"#, "credentialData": r#"{"hashIterations":1000000000,"algorithm":"pbkdf2-sha256"}"# });
    let file =
        dir.file("dear.json", &json!({ "realm": "dear", "users": [{ "username": "one", "credentials": [credential] }] }).to_string());
    let ran = dir.admin(&["realm", "import", &file.display().to_string()]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("bounds"), "{}", ran.stderr);
    assert_eq!(dir.admin(&["realm", "list", "--json"]).json().as_array().map(Vec::len), Some(1));
}

#[test]
fn more_users_than_one_batch_are_all_imported() {
    const USERS: usize = 2_500;
    let dir = DataDir::new();
    let users: Vec<Value> = (0..USERS).map(|number| json!({ "username": format!("user{number}"), "enabled": true })).collect();
    let file = dir.file("many.json", &json!({ "realm": "many", "enabled": true, "users": users }).to_string());
    dir.admin(&["realm", "import", &file.display().to_string()]).ok();
    let listed = dir.admin(&["realm", "list", "--json"]).json();
    assert_eq!(listed[1]["users"], USERS);
}

#[test]
fn a_missing_file_or_database_is_named() {
    let dir = DataDir::new();
    assert_snapshot!(dir.admin(&["realm", "import", "nowhere.json"]).shown(), @"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no file nowhere.json
    ");
    std::fs::remove_file(dir.path().join("freshkey.db")).expect("removed");
    assert_snapshot!(dir.admin(&["realm", "list"]).shown(), @"
    exit code: 4
    ── stdout
    ── stderr
    error: there is no database in DIR: DIR/freshkey.db does not exist
    hint: `freshkey-server quickstart --data DIR` makes one; --config FILE names another
    ");
    assert!(!dir.path().join("freshkey.db").exists(), "looking makes no database");
}
