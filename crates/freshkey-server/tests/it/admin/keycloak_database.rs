//! `admin realm import --from-keycloak-database`: what is typed, and what comes out.

use super::data_dir::DataDir;
use crate::keycloak_database::recorded::Keycloak;
use serde_json::json;

/// The address without the password, and the password.
fn apart(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (account, place) = rest.split_once('@').unwrap();
    let (user, password) = account.split_once(':').unwrap();
    (format!("{scheme}://{user}@{place}"), password.to_owned())
}

#[tokio::test]
async fn a_dry_run_tells_everything_and_changes_nothing_and_then_it_is_done() {
    let (dir, keycloak) = (DataDir::new(), Keycloak::load().await);
    let (url, password) = apart(&keycloak.url);
    let file = dir.file("password", &format!("{password}\n")).display().to_string();
    let import = ["realm", "import", "--from-keycloak-database", &url, "--password-file", &file, "--realm", "shop", "--realm", "till"];
    let dry = dir.admin(&[&import[..], &["--dry-run"]].concat()).ok();
    for said in [
        "Keycloak 26.7.3",
        "realm \"shop\": 7 users and 17 sessions",
        "identity provider \"partner\" is kept and not used; its 1 linked users can't sign in through it",
        "sessions began at http://127.0.0.1:8180/realms/till: they go on only where this server has the same address",
        "realm \"till\" can be moved here; nothing was changed",
    ] {
        assert!(dry.stderr.contains(said), "{said} in {}", dry.stderr);
    }
    assert!(!dir.admin(&["realm", "list"]).ok().stdout.contains("shop"));
    let done = dir.admin(&[&import[..], &["--json", "--without-sessions"]].concat()).ok().json();
    assert_eq!((&done[0]["realm"], &done[0]["users"], &done[0]["offlineSessions"]), (&json!("shop"), &json!(7), &json!(0)));
    assert_eq!(done[1]["notCarriedOver"][0], json!({ "topic": "client of another protocol", "name": "saml-app", "count": 0 }));
    assert_eq!(dir.admin(&["user", "show", "ann", "--realm", "shop", "--json"]).json()["email"], "ann@example.org");
    assert_eq!(dir.admin(&import).code, 8, "it is there already, and without its sessions");
    let again = dir.admin(&[&import[..], &["--without-sessions"]].concat()).ok();
    assert!(again.stderr.contains("realm \"till\" was moved here before"), "{}", again.stderr);
}

#[tokio::test]
async fn a_password_on_the_command_line_is_refused_and_never_repeated() {
    let (dir, keycloak) = (DataDir::new(), Keycloak::load().await);
    let (url, password) = apart(&keycloak.url);
    let typed = dir.admin(&["realm", "import", "--from-keycloak-database", &keycloak.url, "--realm", "shop"]);
    assert_eq!(typed.code, 2);
    assert!(typed.stderr.contains("PGPASSWORD") && !typed.stderr.contains(&password), "{}", typed.stderr);
    let wrong = dir.file("password", "hunter2").display().to_string();
    let refused = dir.admin(&["realm", "import", "--from-keycloak-database", &url, "--password-file", &wrong, "--realm", "shop"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("password authentication failed") && !refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn a_file_and_a_database_are_not_both_imported() {
    let dir = DataDir::new();
    for wrong in [
        &["a.json", "--from-keycloak-database", "postgres://a@127.0.0.1/b", "--realm", "c"][..],
        &["--from-keycloak-database", "postgres://a@127.0.0.1/b"],
        &["a.json", "--realm", "c"],
        &["a.json", "--without-sessions"],
        &[],
    ] {
        assert_eq!(dir.admin(&[&["realm", "import"], wrong].concat()).code, 2, "{wrong:?}");
    }
}
