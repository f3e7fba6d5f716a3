//! Users and sessions, a page at a time, so that their number costs no memory.

use super::realm::{name_groups, parsed};
use super::{Source, SourceError, SourceRealm, sql};
use freshkey_core::grant::SessionKind;
use freshkey_core::keycloak::sessions::{StoredClientSession, StoredSession};
use serde_json::Value;
use std::collections::HashMap;
use tokio_postgres::{Portal, Row};

/// Rows of one page.
pub(super) const PAGE_ROWS: i32 = 1_024;

/// Users of a realm, in no order.
pub(super) struct UserPages<'s> {
    rows: Pages<'s>,
    group_paths: &'s HashMap<String, String>,
}

/// Sessions of a realm, in no order.
pub(super) struct SessionPages<'s> {
    rows: Pages<'s>,
}

struct Pages<'s> {
    source: &'s Source<'s>,
    portal: Portal,
}

impl<'s> Source<'s> {
    /// Begins to read the users, in the shape of an export.
    pub(super) async fn users(
        &'s self,
        realm: &SourceRealm,
        group_paths: &'s HashMap<String, String>,
    ) -> Result<UserPages<'s>, SourceError> {
        Ok(UserPages { rows: self.pages(sql::USERS, realm).await?, group_paths })
    }

    /// Begins to read the sessions.
    pub(super) async fn sessions(&'s self, realm: &SourceRealm) -> Result<SessionPages<'s>, SourceError> {
        Ok(SessionPages { rows: self.pages(sql::SESSIONS, realm).await? })
    }

    async fn pages(&'s self, statement: &str, realm: &SourceRealm) -> Result<Pages<'s>, SourceError> {
        Ok(Pages { source: self, portal: self.transaction.bind(statement, &[&realm.id]).await? })
    }
}

impl UserPages<'_> {
    /// The next page; empty at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Value>, SourceError> {
        let mut users = Vec::new();
        for row in self.rows.next().await? {
            let mut user = parsed(row.try_get(0)?)?;
            if let Some(Value::Array(groups)) = user.get_mut("groups") {
                name_groups(groups, self.group_paths);
            }
            users.push(user);
        }
        Ok(users)
    }
}

impl SessionPages<'_> {
    /// The next page; empty at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<StoredSession>, SourceError> {
        self.rows.next().await?.iter().map(session).collect()
    }
}

impl Pages<'_> {
    async fn next(&mut self) -> Result<Vec<Row>, SourceError> {
        Ok(self.source.transaction.query_portal(&self.portal, PAGE_ROWS).await?)
    }
}

fn session(row: &Row) -> Result<StoredSession, SourceError> {
    let clients = parsed(row.try_get(6)?)?;
    let text = |client: &Value, name: &str| client.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let client = |client: &Value| StoredClientSession {
        client_id: text(client, "client"),
        last_used_at: client.get("at").and_then(Value::as_i64).unwrap_or_default(),
        data: text(client, "data"),
    };
    Ok(StoredSession {
        id: row.try_get(0)?,
        kind: if row.try_get(1)? { SessionKind::Offline } else { SessionKind::Online },
        user_id: row.try_get(2)?,
        started_at: row.try_get(3)?,
        last_used_at: row.try_get(4)?,
        data: row.try_get(5)?,
        clients: clients.as_array().map(|clients| clients.iter().map(client).collect()).unwrap_or_default(),
    })
}
