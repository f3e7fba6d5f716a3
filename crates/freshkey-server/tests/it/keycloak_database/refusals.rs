//! Databases that can't be read, and what is told of those that can.

use super::recorded::{Keycloak, Ours, Recording, Unhindered};
use freshkey_protocol::Secret;
use freshkey_server::keycloak_database::{Address, MoveError, SourceError};

async fn refused(keycloak: &Keycloak) -> SourceError {
    match keycloak.connect().await.source().await {
        Err(error) => error,
        Ok(source) => panic!("the database of Keycloak {} was taken", source.version()),
    }
}

#[tokio::test]
async fn a_foreign_database_and_one_of_another_version_are_refused() {
    assert_eq!(refused(&Keycloak::empty().await).await, SourceError::NotKeycloak);
    let foreign = Keycloak::empty().await;
    foreign.execute("CREATE TABLE realm (id TEXT); CREATE TABLE client (id TEXT)").await;
    assert_eq!(refused(&foreign).await, SourceError::NotKeycloak);
    for version in ["25.0.6", "2.6", "27.0.0", ""] {
        let keycloak = Keycloak::load().await;
        keycloak.execute(&format!("UPDATE migration_model SET version = '{version}'")).await;
        assert_eq!(refused(&keycloak).await, SourceError::Version(version.to_owned()));
    }
}

#[tokio::test]
async fn an_unreachable_database_says_so_without_its_password() {
    let address = Address::parse("postgres://keycloak@127.0.0.1:1/keycloak", Some(&Secret::new("hunter2".to_owned())), None).unwrap();
    let Err(error) = address.connect().await else { panic!("somebody answered") };
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_realm_that_is_there_or_is_not_in_keycloak_is_refused_and_nothing_is_written() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    let unknown = ours.try_to_take_over(&keycloak, "shed", recording.taken_at, &mut Unhindered).await;
    let Err(MoveError::Source(SourceError::NoRealm(name, there))) = unknown else { panic!("{unknown:?}") };
    assert_eq!((name.as_str(), there), ("shed", vec!["shop".to_owned(), "till".to_owned()]));
    assert_eq!(ours.store.realm_list().await.unwrap(), []);
    ours.take_over(&keycloak, &["shop"], recording.taken_at).await;
    keycloak.execute("UPDATE realm SET display_name = 'The other shop'").await;
    let before = ours.store.config_version().await.unwrap();
    let again = ours.try_to_take_over(&keycloak, "shop", recording.taken_at, &mut Unhindered).await;
    assert!(matches!(again, Err(MoveError::Exists)), "{again:?}");
    assert_eq!(ours.store.config_version().await.unwrap(), before);
}

#[tokio::test]
async fn what_cannot_come_along_is_told_by_name_before_anything_is_written() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    keycloak
        .execute(
            "UPDATE authentication_execution SET authenticator = 'acme-risk' WHERE authenticator = 'auth-spnego';
             UPDATE user_entity SET federation_link = (SELECT id FROM component WHERE name = 'old-directory' AND realm_id = user_entity.realm_id)
              WHERE username = 'bob'",
        )
        .await;
    let mut connected = keycloak.connect().await;
    let source = connected.source().await.unwrap();
    let plan = ours.movement(&source, recording.taken_at).plan("shop", &mut Unhindered).await.unwrap();
    let found: Vec<(&str, &str, i64)> =
        plan.survey.findings.iter().map(|finding| (finding.topic.as_str(), finding.name.as_str(), finding.count)).collect();
    assert_eq!(
        found,
        [
            ("authenticator", "acme-risk", 1),
            ("client of another protocol", "saml-app", 0),
            ("client that asks for consent", "consenting", 0),
            ("consent", "consenting", 1),
            ("credential", "webauthn", 1),
            ("identity provider", "partner", 1),
            ("user federation", "old-directory", 1),
        ]
    );
    assert_eq!(plan.survey.issuers, ["http://127.0.0.1:8180/realms/shop"]);
    assert_eq!(ours.store.realm_list().await.unwrap(), []);
}

#[tokio::test]
async fn what_has_expired_is_left_behind_and_counted() {
    let (recording, keycloak, ours) = (Recording::read(), Keycloak::load().await, Ours::make().await);
    let mut connected = keycloak.connect().await;
    let source = connected.source().await.unwrap();
    let movement = ours.movement(&source, recording.taken_at + 86_000);
    let plan = movement.plan("shop", &mut Unhindered).await.unwrap();
    let moved = movement.carry_out(&plan, &super::recorded::audit, &mut Unhindered).await.unwrap();
    assert_eq!((moved.online, moved.offline), (0, 9));
    assert_eq!(moved.left_behind.values().sum::<u64>(), 8);
}
