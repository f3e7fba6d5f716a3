//! `admin client`.

use super::data_dir::{DEMO, DataDir, PASSWORD};
use insta::assert_snapshot;

#[tokio::test]
async fn one_command_makes_the_client_confidential_and_prints_the_secret_alone() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let ran = dir.admin(&["client", "set", "ua-grant", "--realm", "UA", "--confidential"]);
    let secret = ran.secret();
    assert_eq!(ran.stderr, "client \"ua-grant\" changed: confidential; its secret is on standard output\n");
    let form = |secret| {
        [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD), ("client_secret", secret)]
    };
    assert_eq!(server.token(&form(&secret)).await.status, 200);
    assert_eq!(server.token(&form("wrong")).await.status, 401);
    assert_eq!(dir.admin(&["client", "secret", "show", "ua-grant", "--realm", "UA"]).secret(), secret);
    assert_eq!(dir.admin(&["client", "secret", "show", "ua-grant", "--json"]).json()["secret"], secret.as_str());
}

#[tokio::test]
async fn an_old_secret_is_good_for_the_overlap() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let first = dir.admin(&["client", "set", "ua-grant", "--confidential"]).secret();
    let ran = dir.admin(&["client", "secret", "rotate", "ua-grant", "--realm", "UA", "--overlap", "1d"]);
    let second = ran.secret();
    assert!(ran.stderr.contains("the old one is accepted until") && ran.stderr.contains("(in 24 hours)"), "{}", ran.stderr);
    let form = |secret| {
        [("grant_type", "password"), ("client_id", "ua-grant"), ("username", DEMO), ("password", PASSWORD), ("client_secret", secret)]
    };
    assert_ne!(first, second);
    assert_eq!(server.token(&form(&first)).await.status, 200);
    assert_eq!(server.token(&form(&second)).await.status, 200);

    let third = dir.admin(&["client", "secret", "rotate", "ua-grant"]).secret();
    assert_eq!(server.token(&form(&first)).await.status, 401);
    assert_eq!(server.token(&form(&second)).await.status, 401, "without an overlap the old secret is dead at once");
    assert_eq!(server.token(&form(&third)).await.status, 200);
}

#[tokio::test]
async fn a_client_with_a_service_account_can_ask_for_tokens_at_once() {
    let dir = DataDir::new();
    let server = dir.server().await;
    let secret =
        dir.admin(&["client", "add", "nightly", "--realm", "UA", "--confidential", "--set", "serviceAccountsEnabled=true"]).secret();
    let answer = server.token(&[("grant_type", "client_credentials"), ("client_id", "nightly"), ("client_secret", &secret)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let listed = dir.admin(&["user", "list", "--service-accounts", "--json"]).json();
    assert!(listed.to_string().contains("service-account-nightly"));
    dir.admin(&["client", "remove", "nightly"]).ok();
    let listed = dir.admin(&["user", "list", "--service-accounts", "--json"]).json();
    assert!(!listed.to_string().contains("service-account-nightly"), "it goes with its client");
}

#[test]
fn clients_are_listed_and_shown_without_secrets() {
    let dir = DataDir::new();
    assert_snapshot!(dir.admin(&["client", "list", "--realm", "UA"]).shown(), @"
    exit code: 0
    ── stdout
    CLIENT  KIND  ENABLED  PASSWORD GRANT  SERVICE ACCOUNT  OFFLINE
    account  public  yes  no  no  yes
    account-console  public  yes  no  no  yes
    admin-cli  public  yes  yes  no  yes
    broker  bearer-only  yes  no  no  yes
    realm-management  bearer-only  yes  no  no  yes
    security-admin-console  public  yes  no  no  yes
    ua  confidential  yes  yes  no  yes
    ua-grant  public  yes  yes  no  yes
    ── stderr
    ");
    assert_snapshot!(dir.admin(&["client", "show", "ua-grant"]).shown(), @"
    exit code: 0
    ── stdout
    client  ua-grant
    id  UUID
    kind  public
    enabled  yes
    password grant  yes
    service account  no
    full scope  yes
    rotation  refresh tokens can be used repeatedly
    offline upgrade  yes
    default scopes  web-origins acr profile roles basic email ua
    optional scopes  address phone offline_access organization microprofile-jwt
    ── stderr
    ");
    let secret = dir.admin(&["client", "secret", "show", "ua"]).secret();
    let shown = dir.admin(&["client", "show", "ua", "--json"]).json();
    assert_eq!(shown["clientId"], "ua");
    assert!(!shown.to_string().contains(&secret));
}

#[test]
fn mistakes_are_named_with_what_would_be_right() {
    let dir = DataDir::new();
    assert_snapshot!(dir.admin(&["client", "set", "ua-gant", "--confidential"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no client "ua-gant" in realm "UA"
    hint: did you mean ua-grant?
    "#);
    assert_snapshot!(dir.admin(&["client", "set", "ua-grant", "--set", "directAccessGrantEnabled=true"]).shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: there is no field directAccessGrantEnabled
    hint: did you mean directAccessGrantsEnabled? attributes are set as attributes.NAME=VALUE
    ");
    assert_snapshot!(dir.admin(&["client", "set", "ua-grant", "--set", "directAccessGrantsEnabled=maybe"]).shown(), @"
    exit code: 2
    ── stdout
    ── stderr
    error: directAccessGrantsEnabled: expected true or false
    ");
    assert_snapshot!(dir.admin(&["client", "secret", "rotate", "ua-grant"]).shown(), @"
    exit code: 1
    ── stdout
    ── stderr
    error: the client has no secret; make it confidential first
    ");
    assert_snapshot!(dir.admin(&["client", "add", "ua"]).shown(), @r#"
    exit code: 8
    ── stdout
    ── stderr
    error: there is a client "ua" already
    hint: `set` changes what exists
    "#);
}

#[test]
fn scopes_are_assigned_and_taken_away() {
    let dir = DataDir::new();
    dir.admin(&["client", "set", "ua-grant", "--optional-scope", "phone", "--remove-scope", "offline_access"]).ok();
    let shown = dir.admin(&["client", "show", "ua-grant", "--json"]).json();
    assert!(shown["optionalClientScopes"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == "phone")));
    assert!(!shown["optionalClientScopes"].to_string().contains("offline_access"));
}
