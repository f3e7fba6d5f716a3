//! The schema moves forward once, whoever starts, and never under a program that doesn't know it.

use freshkey_store::db::StoreError;
use freshkey_store::migrate::{MIGRATIONS, Migration, Migrations};

use super::engine;

const OLD: Migrations =
    Migrations(&[Migration { version: 1, name: "first", text: "CREATE TABLE first (id BIGINT NOT NULL PRIMARY KEY);" }]);
const NEW: Migrations = Migrations(&[
    Migration { version: 1, name: "first", text: "CREATE TABLE first (id BIGINT NOT NULL PRIMARY KEY);" },
    Migration {
        version: 2,
        name: "second",
        text: "CREATE TABLE second (id BIGINT NOT NULL PRIMARY KEY); INSERT INTO second (id) VALUES (1);",
    },
]);
const BROKEN: Migrations = Migrations(&[Migration {
    version: 1,
    name: "broken",
    text: "CREATE TABLE half (id BIGINT NOT NULL PRIMARY KEY); INSERT INTO absent (id) VALUES (1);",
}]);
const READ_SECOND: &str = "SELECT id FROM second";
const READ_HALF: &str = "SELECT id FROM half";

fn versions(migrations: &[&Migration]) -> Vec<i64> {
    migrations.iter().map(|migration| migration.version).collect()
}

#[tokio::test]
async fn a_plan_lists_what_is_missing_and_changes_nothing() {
    let test = engine::open_empty().await;
    assert_eq!(versions(&NEW.plan(&test.db).await.expect("planned")), [1, 2]);
    assert_eq!(versions(&NEW.plan(&test.db).await.expect("planned")), [1, 2]);
    assert_eq!(versions(&OLD.run(&test.db, 0).await.expect("applied")), [1]);
    assert_eq!(versions(&NEW.plan(&test.db).await.expect("planned")), [2]);
    let too_old = NEW.check(&test.db).await.expect_err("too old");
    assert_eq!(too_old, StoreError::SchemaTooOld { found: 1, known: 2 });
    assert_eq!(versions(&NEW.run(&test.db, 0).await.expect("applied")), [2]);
    assert!(NEW.run(&test.db, 0).await.expect("nothing to do").is_empty());
    NEW.check(&test.db).await.expect("up to date");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let test = engine::open_empty().await;
    NEW.run(&test.db, 0).await.expect("applied");
    let too_new = StoreError::SchemaTooNew { found: 2, known: 1 };
    assert_eq!(OLD.plan(&test.db).await.expect_err("refused"), too_new);
    assert_eq!(OLD.run(&test.db, 0).await.expect_err("refused"), too_new);
    assert_eq!(OLD.check(&test.db).await.expect_err("refused"), too_new);
    assert!(too_new.to_string().contains("schema 2, newer than 1"));
}

#[tokio::test]
async fn nodes_that_start_at_once_apply_each_migration_once() {
    let test = engine::open_empty().await;
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let node = test.another_node().await;
        nodes.spawn(async move { NEW.run(&node, 0).await.map(|applied| versions(&applied)) });
    }
    let mut applied: Vec<i64> = nodes.join_all().await.into_iter().flat_map(|applied| applied.expect("every node starts")).collect();
    applied.sort_unstable();
    assert_eq!(applied, [1, 2]);
    assert_eq!(test.db.read(READ_SECOND, &[]).await.expect("readable").len(), 1);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let test = engine::open_empty().await;
    assert!(BROKEN.run(&test.db, 0).await.is_err());
    assert!(test.db.read(READ_HALF, &[]).await.is_err());
    assert_eq!(versions(&OLD.run(&test.db, 0).await.expect("applied")), [1]);
}

#[tokio::test]
async fn the_products_migrations_are_numbered_without_gaps_and_apply() {
    let test = engine::open_empty().await;
    let applied = MIGRATIONS.run(&test.db, 0).await.expect("applied");
    let expected: Vec<i64> = (1..).take(MIGRATIONS.0.len()).collect();
    assert_eq!(versions(&applied), expected);
}
