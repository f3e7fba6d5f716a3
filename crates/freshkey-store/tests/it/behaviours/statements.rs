//! Every statement of the store is understood by this engine, against the schema that its migrations make.

use freshkey_store::migrate::MIGRATIONS;
use freshkey_store::statements::ALL;

use super::engine;

#[tokio::test]
async fn every_statement_prepares() {
    let test = engine::open_empty().await;
    MIGRATIONS.run(&test.db, 0).await.expect("applied");
    let mut refused = Vec::new();
    let mut count = 0;
    for list in ALL {
        let coalesced = list.coalesced.iter().map(|statement| test.db.coalesced_text(statement));
        let append = list.append.iter().map(|statement| test.db.append_text(statement));
        for sql in list.portable.iter().copied().chain(coalesced).chain(append) {
            count += 1;
            if let Err(error) = test.db.prepare(sql).await {
                refused.push(format!("{}: {sql}\n    {error:?}", list.module));
            }
        }
    }
    assert!(refused.is_empty(), "refused by {:?}:\n{}", test.db.engine(), refused.join("\n"));
    assert!(count >= 2, "the registry is empty");
}

#[tokio::test]
async fn a_statement_that_does_not_fit_the_schema_is_noticed() {
    let test = engine::open_empty().await;
    assert!(test.db.prepare("SELECT nothing FROM nowhere").await.is_err());
}
