//! One migration text makes the same schema on both engines: tables, columns, types, nullability and keys.

use freshkey_store::db::Db;
use freshkey_store::migrate::{MIGRATIONS, Migrations};

use crate::engines::{postgres, sqlite};
use crate::tables;

const SQLITE: &str = "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk > 0 \
    FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.name";
const POSTGRES: &str = "SELECT c.table_name::TEXT, c.column_name::TEXT, UPPER(c.data_type)::TEXT, c.is_nullable = 'NO', \
        EXISTS (SELECT 1 FROM information_schema.key_column_usage k \
            JOIN information_schema.table_constraints t USING (constraint_schema, constraint_name) \
            WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name AND k.column_name = c.column_name) \
    FROM information_schema.columns c JOIN information_schema.tables USING (table_schema, table_name) \
    WHERE c.table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY c.table_name COLLATE \"C\", c.column_name COLLATE \"C\"";

/// One line per column, in the words of the portable subset.
async fn describe(db: &Db, sql: &'static str) -> Vec<String> {
    let rows = db.read_long(sql, Vec::new()).await.expect("readable");
    let line = |row: &freshkey_store::db::Row| {
        let kind = match row.text(2)? {
            "BLOB" => "BYTEA",
            other => other,
        };
        let null = if row.bool(3)? { "NOT NULL" } else { "NULL" };
        let key = if row.bool(4)? { " KEY" } else { "" };
        Ok::<_, freshkey_store::db::StoreError>(format!("{}.{} {kind} {null}{key}", row.text(0)?, row.text(1)?))
    };
    rows.iter().map(|row| line(row).expect("every column is described")).collect()
}

async fn both(migrations: Migrations) -> (Vec<String>, Vec<String>) {
    let (sqlite, postgres) = (sqlite::open_empty().await, postgres::open_empty().await);
    migrations.run(&sqlite.db, 0).await.expect("applied to SQLite");
    migrations.run(&postgres.db, 0).await.expect("applied to PostgreSQL");
    (describe(&sqlite.db, SQLITE).await, describe(&postgres.db, POSTGRES).await)
}

#[tokio::test]
async fn the_products_schema_is_the_same_on_both_engines() {
    let (sqlite, postgres) = both(MIGRATIONS).await;
    assert_eq!(sqlite, postgres);
    assert!(sqlite.contains(&"cluster.cluster_id BYTEA NOT NULL".to_owned()), "{sqlite:?}");
}

#[tokio::test]
async fn the_description_tells_types_nulls_and_keys_apart() {
    let (sqlite, postgres) = both(tables::MIGRATIONS).await;
    assert_eq!(sqlite, postgres);
    for line in ["sample.is_enabled BOOLEAN NULL", "test_grant.sid BYTEA NOT NULL KEY"] {
        assert!(sqlite.contains(&line.to_owned()), "{sqlite:?}");
    }
}
