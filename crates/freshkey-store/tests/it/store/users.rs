//! Users: made, changed, listed, imported, deleted.

use freshkey_core::change::Applied;
use freshkey_core::documents::{ItemKind, UserRecord};
use freshkey_core::event::EventKind;
use freshkey_core::grant::SessionKind;
use freshkey_core::ids::{ClientKey, GroupKey, RealmKey, RoleKey};
use freshkey_core::user::User;
use freshkey_store::{
    EmailRule, GrantFilter, Imported, MembershipChange, Page, RealmChange, RealmChanged, ServiceAccounts, Store, TextMatch, UserChanged,
    UserCreated, UserFilter,
};
use serde_json::json;

use super::engine;
use crate::stores::{apply, audit, begin, create, credential, grant, id_of, realm, realm_with_user, record, user};

#[tokio::test]
async fn a_user_record_is_read_as_it_was_written() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let mut ann = record(User { not_before: 5, service_account_of: Some(ClientKey([6; 16])), ..user("ann") });
    ann.credentials = vec![credential("password", "p-1", "secret one"), credential("otp", "a-1", "secret two")];
    ann.other = json!({"federationLink": "x"});
    create(&test.store, realm, &ann).await;
    let read = test.store.user_record(realm, ann.user.key).await.expect("readable").expect("there");
    assert_eq!((read.version, &read.record.user, &read.record.other), (1, &ann.user, &ann.other));
    let credentials = |record: &UserRecord| {
        record.credentials.iter().map(|c| (c.id.clone(), c.kind.clone(), c.document.clone(), c.secret.expose().clone())).collect::<Vec<_>>()
    };
    assert_eq!(credentials(&read.record), credentials(&ann), "in the same order");
    assert_eq!(test.store.user_by_name(realm, "ANN").await, Ok(Some(ann.user.clone())));
    assert_eq!(test.store.service_account(realm, ClientKey([6; 16])).await, Ok(Some(ann.user)));
    assert_eq!(test.store.service_account(realm, ClientKey([7; 16])).await, Ok(None));
}

#[tokio::test]
async fn a_taken_name_address_or_id_is_an_answer() {
    let test = engine::open().await;
    let (realm_a, ann) = realm_with_user(&test.store).await;
    let create = async |user: User, emails| test.store.create_user(realm_a, &record(user), emails, &audit(EventKind::AdminChange)).await;
    let with_email = |name: &str| User { email: Some("Ann@Example.org".into()), ..user(name) };
    assert_eq!(create(User { username: "ANN".into(), email: None, ..user("bob") }, EmailRule::Unique).await, Ok(UserCreated::NameTaken));
    assert_eq!(create(with_email("bob"), EmailRule::Unique).await, Ok(UserCreated::EmailTaken));
    assert_eq!(create(User { username: "eve".into(), email: None, ..ann.clone() }, EmailRule::Unique).await, Ok(UserCreated::IdTaken));
    assert_eq!(create(with_email("bob"), EmailRule::MayRepeat).await, Ok(UserCreated::Yes));
    assert_eq!(create(with_email("cid"), EmailRule::MayRepeat).await, Ok(UserCreated::Yes));
    let other_realm = realm(&test.store, "second").await;
    crate::stores::create(&test.store, other_realm, &record(ann)).await;
}

#[tokio::test]
async fn a_change_that_names_an_old_version_is_refused() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    create(&test.store, realm, &record(user("bob"))).await;
    let put = async |user: User, version| {
        test.store.put_user(realm, &record(user), version, EmailRule::Unique, &audit(EventKind::AdminChange)).await
    };
    let changed = User { enabled: false, roles: vec![RoleKey([7; 16])], groups: Vec::new(), username: "anna".into(), ..ann.clone() };
    assert_eq!(put(changed.clone(), 2).await, Ok(UserChanged::Raced));
    assert_eq!(put(changed.clone(), 1).await, Ok(UserChanged::Yes));
    assert_eq!(put(ann.clone(), 1).await, Ok(UserChanged::Raced));
    assert_eq!(put(User { username: "bob".into(), ..ann.clone() }, 2).await, Ok(UserChanged::NameTaken));
    assert_eq!(put(User { email: Some("bob@example.org".into()), ..ann.clone() }, 2).await, Ok(UserChanged::EmailTaken));
    assert_eq!(put(user("nobody"), 1).await, Ok(UserChanged::Raced));
    assert_eq!(test.store.user(realm, ann.key).await, Ok(Some(changed)));
}

#[tokio::test]
async fn memberships_change_by_name_and_leave_the_rest() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    let change = MembershipChange {
        add_roles: vec![RoleKey([2; 16]), RoleKey([5; 16])],
        remove_roles: vec![RoleKey([1; 16]), RoleKey([8; 16])],
        add_groups: vec![GroupKey([4; 16])],
        remove_groups: Vec::new(),
    };
    let admin = audit(EventKind::AdminChange);
    assert_eq!(test.store.change_memberships(realm, ann.key, &change, &admin).await, Ok(Applied::Yes));
    let after = test.store.user(realm, ann.key).await.expect("readable").expect("there");
    assert_eq!(after.roles, [RoleKey([2; 16]), RoleKey([5; 16])]);
    assert_eq!(after.groups, [GroupKey([3; 16]), GroupKey([4; 16])]);
    assert_eq!(test.store.change_memberships(realm, user("nobody").key, &change, &admin).await, Ok(Applied::Raced));
}

#[tokio::test]
async fn memberships_that_change_at_the_same_time_are_all_kept() {
    let test = engine::open().await;
    let realm = realm(&test.store, "first").await;
    let forgotten = id_of("forgotten");
    let ann = User { roles: vec![RoleKey::of(&forgotten)], groups: Vec::new(), ..user("ann") };
    create(&test.store, realm, &record(ann.clone())).await;
    let mut changes = tokio::task::JoinSet::new();
    for number in 1..=24 {
        let node = test.another_node().await;
        changes.spawn(async move {
            let (add_roles, add_groups) = (vec![RoleKey([number; 16])], vec![GroupKey([number; 16])]);
            let change = MembershipChange { add_roles, add_groups, ..MembershipChange::default() };
            node.change_memberships(realm, ann.key, &change, &audit(EventKind::AdminChange)).await == Ok(Applied::Yes)
        });
        if number == 12 {
            let (node, forgotten) = (test.another_node().await, forgotten.clone());
            changes.spawn(async move {
                let remove = RealmChange { remove: vec![(ItemKind::Role, forgotten)], ..RealmChange::default() };
                node.change_realm(realm, 1, &remove, &audit(EventKind::AdminChange)).await == Ok(RealmChanged::Yes)
            });
        }
    }
    assert!(changes.join_all().await.into_iter().all(|done| done), "every change is applied");
    let after = test.store.user(realm, ann.key).await.expect("readable").expect("there");
    assert_eq!(after.roles, (1..=24).map(|number| RoleKey([number; 16])).collect::<Vec<_>>());
    assert_eq!(after.groups, (1..=24).map(|number| GroupKey([number; 16])).collect::<Vec<_>>());
}

#[tokio::test]
async fn with_a_user_goes_everything_of_it_and_nothing_of_others() {
    let test = engine::open().await;
    let (realm, ann) = realm_with_user(&test.store).await;
    create(&test.store, realm, &record(user("bob"))).await;
    let of_bob = grant(realm, &user("bob"), SessionKind::Offline, 2);
    apply(&test.store, &[begin(&grant(realm, &ann, SessionKind::Offline, 1)), begin(&of_bob)]).await;
    let admin = audit(EventKind::AdminChange);
    assert_eq!(test.store.delete_user(realm, ann.key, &admin).await, Ok(Applied::Yes));
    assert_eq!(test.store.delete_user(realm, ann.key, &admin).await, Ok(Applied::Raced));
    assert_eq!(test.store.user(realm, ann.key).await, Ok(None));
    let left = test.store.grants(&GrantFilter::realm(realm), &Page::first(9)).await;
    assert_eq!(left, Ok(vec![of_bob]));
    // Made anew with the same id, it has nothing of the old one.
    create(&test.store, realm, &record(User { roles: Vec::new(), groups: Vec::new(), ..ann.clone() })).await;
    let anew = test.store.user(realm, ann.key).await.expect("readable").expect("there");
    assert!(anew.roles.is_empty() && anew.groups.is_empty());
}

async fn names(store: &Store, realm: RealmKey, filter: &UserFilter, rows: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = Page::first(rows);
    loop {
        let users = store.list_users(realm, filter, &page).await.expect("readable");
        found.extend(users.iter().map(|user| user.username.clone()));
        match users.last() {
            Some(last) => page.after = Some(last.username.clone()),
            None => break,
        }
    }
    assert_eq!(store.count_users(realm, filter).await, Ok(i64::try_from(found.len()).expect("few")));
    found
}

#[tokio::test]
async fn users_are_listed_by_name_and_searched_by_text_that_means_itself() {
    let test = engine::open().await;
    let realm_a = realm(&test.store, "first").await;
    let realm_b = realm(&test.store, "second").await;
    create(&test.store, realm_b, &record(user("stranger"))).await;
    for name in ["ann", "anna", "b_b", "bxb", "cid%"] {
        create(&test.store, realm_a, &record(User { last_name: Some(format!("O'{name}")), ..user(name) })).await;
    }
    create(&test.store, realm_a, &record(User { enabled: false, email: None, first_name: None, ..user("dan") })).await;
    create(&test.store, realm_a, &record(User { service_account_of: Some(ClientKey([1; 16])), ..user("robot") })).await;
    let none = UserFilter::default();
    let people = ["ann", "anna", "b_b", "bxb", "cid%", "dan"];
    for rows in [1, 2, 6, 100] {
        assert_eq!(names(&test.store, realm_a, &none, rows).await, people);
    }
    let is = |text: &str| Some(TextMatch::Is(text.into()));
    let contains = |text: &str| Some(TextMatch::Contains(text.into()));
    let cases: [(UserFilter, &[&str]); 11] = [
        (UserFilter { username: is("ann"), ..none.clone() }, &["ann"]),
        (UserFilter { username: Some(TextMatch::Begins("AN".into())), ..none.clone() }, &["ann", "anna"]),
        (UserFilter { username: contains("_"), ..none.clone() }, &["b_b"]),
        (UserFilter { username: contains("%"), ..none.clone() }, &["cid%"]),
        (UserFilter { username: contains("\\"), ..none.clone() }, &[]),
        (UserFilter { email: is("anna@example.org"), ..none.clone() }, &["anna"]),
        (UserFilter { last_name: contains("o'b"), ..none.clone() }, &["b_b", "bxb"]),
        (UserFilter { search: contains("DAN"), ..none.clone() }, &["dan"]),
        (UserFilter { search: contains("' OR '1'='1"), ..none.clone() }, &[]),
        (UserFilter { enabled: Some(false), ..none.clone() }, &["dan"]),
        (UserFilter { service_accounts: ServiceAccounts::Listed, search: is("robot"), ..none.clone() }, &["robot"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&test.store, realm_a, &filter, 4).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn members_of_a_role_and_of_a_group_are_listed_by_page() {
    let test = engine::open().await;
    let realm_a = realm(&test.store, "first").await;
    for name in ["a", "b", "c"] {
        create(&test.store, realm_a, &record(user(name))).await;
    }
    create(&test.store, realm_a, &record(User { roles: Vec::new(), groups: Vec::new(), ..user("d") })).await;
    let mut members = ["a", "b", "c"].map(user);
    members.sort_by_key(|user| user.key);
    let page = Page::after(members[0].key, 1);
    for second in [
        test.store.members_of_role(realm_a, RoleKey([1; 16]), &page).await,
        test.store.members_of_group(realm_a, GroupKey([3; 16]), &page).await,
    ] {
        assert_eq!(second.expect("readable"), [members[1].clone()]);
    }
    assert_eq!(test.store.members_of_role(realm_a, RoleKey([1; 16]), &Page::first(9)).await.expect("readable"), members);
    assert_eq!(test.store.members_of_role(realm_a, RoleKey([9; 16]), &Page::first(9)).await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_import_makes_all_users_or_names_the_one_in_conflict() {
    let test = engine::open().await;
    let realm_a = realm(&test.store, "first").await;
    let many: Vec<UserRecord> = (0..600)
        .map(|number| UserRecord {
            credentials: vec![credential("password", &format!("p-{number}"), "s")],
            ..record(user(&format!("u{number:03}")))
        })
        .collect();
    assert_eq!(test.store.import_users(realm_a, &many, EmailRule::Unique).await, Ok(Imported::Yes));
    assert_eq!(test.store.count_users(realm_a, &UserFilter::default()).await, Ok(600));
    let read = test.store.user_record(realm_a, many[511].user.key).await.expect("readable").expect("there");
    assert_eq!((&read.record.user, read.record.credentials.len()), (&many[511].user, 1));
    let more = [record(user("new")), record(User { username: "u007".into(), ..user("other") }), many[9].clone()];
    let conflict = Imported::Conflict { username: "u007".into(), imported: 0 };
    assert_eq!(test.store.import_users(realm_a, &more, EmailRule::Unique).await, Ok(conflict));
    assert_eq!(test.store.user_by_name(realm_a, "new").await, Ok(None));
}
