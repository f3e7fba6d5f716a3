//! `admin role` and `admin group`.

use super::data_dir::DataDir;
use insta::assert_snapshot;

#[test]
fn a_composite_role_brings_others_along() {
    let dir = DataDir::new();
    dir.admin(&["role", "add", "auditor", "--realm", "UA", "--description", "May read everything"]).ok();
    dir.admin(&["role", "add", "ua/buyer"]).ok();
    assert_snapshot!(dir.admin(&["role", "add-composite", "auditor", "member", "ua/buyer"]).shown(), @r#"
    exit code: 0
    ── stdout
    ── stderr
    role "auditor" brings along member ua/buyer
    "#);
    dir.admin(&["user", "set", "demo", "--remove-role", "member", "--add-role", "auditor"]).ok();
    let shown = dir.admin(&["user", "show", "demo", "--json"]).json();
    let effective = shown["effectiveRoles"].to_string();
    assert!(effective.contains("\"member\"") && effective.contains("\"ua/buyer\""), "{effective}");
    assert_snapshot!(dir.admin(&["role", "list", "--client", "ua"]).shown(), @"
    exit code: 0
    ── stdout
    ROLE  BRINGS ALONG
    ua/buyer
    ── stderr
    ");

    dir.admin(&["role", "remove-composite", "auditor", "member"]).ok();
    let listed = dir.admin(&["role", "list", "--json"]).json();
    let auditor = listed.as_array().and_then(|roles| roles.iter().find(|role| role["role"] == "auditor")).expect("listed");
    assert_eq!(auditor["composites"], serde_json::json!(["ua/buyer"]));
    dir.admin(&["role", "remove", "auditor"]).ok();
    assert!(!dir.admin(&["user", "show", "demo", "--json"]).json()["effectiveRoles"].to_string().contains("auditor"));
    assert_snapshot!(dir.admin(&["role", "remove", "auditor"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no role "auditor"
    "#);
}

#[test]
fn members_of_a_group_have_its_roles() {
    let dir = DataDir::new();
    dir.admin(&["group", "add", "/staff", "--realm", "UA", "--add-role", "admin"]).ok();
    dir.admin(&["group", "add", "staff/physics", "--attribute", "floor=3", "--attribute", "floor=4"]).ok();
    assert_snapshot!(dir.admin(&["group", "list"]).shown(), @"
    exit code: 0
    ── stdout
    GROUP  ROLES  ATTRIBUTES
    /staff  admin
    /staff/physics  floor=3, 4
    ── stderr
    ");
    dir.admin(&["user", "set", "demo", "--add-group", "/staff/physics"]).ok();
    let shown = dir.admin(&["user", "show", "demo", "--json"]).json();
    assert!(shown["effectiveRoles"].to_string().contains("\"admin\""), "a role of the group above");
    assert_snapshot!(dir.admin(&["group", "members", "/staff/physics"]).shown(), @"
    exit code: 0
    ── stdout
    NAME  ENABLED  ID
    demo  yes  UUID
    ── stderr
    ");
    dir.admin(&["group", "set", "/staff", "--remove-role", "admin"]).ok();
    assert!(!dir.admin(&["user", "show", "demo", "--json"]).json()["effectiveRoles"].to_string().contains("\"admin\""));
    dir.admin(&["group", "remove", "/staff"]).ok();
    assert_eq!(dir.admin(&["group", "list", "--json"]).json(), serde_json::json!([]));
    assert_snapshot!(dir.admin(&["group", "add", "/no/such"]).shown(), @r#"
    exit code: 7
    ── stdout
    ── stderr
    error: there is no group "/no"
    "#);
}
