//! `admin user list`.

use super::ListArguments;
use crate::cli::admin::{Desk, OpenRealm, not_found, people};
use crate::cli::output::Listed;
use crate::cli::{Failure, store_failure};
use freshkey_core::keycloak::edit::RoleName;
use freshkey_core::user::User;
use freshkey_store::{Page, ServiceAccounts, TextMatch, UserFilter};
use serde::Serialize;

/// A user as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    username: String,
    id: String,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
}

pub(super) async fn run(desk: &Desk, open: &OpenRealm, arguments: &ListArguments) -> Result<(), Failure> {
    let users = find(desk, open, arguments).await?;
    let last = users.last().map(|user| user.username.clone()).filter(|_| users.len() == arguments.limit);
    let rows: Vec<Row> = users.into_iter().map(Row::from).collect();
    desk.output.list(&rows, "no such users")?;
    if let Some(last) = last {
        desk.output.hint(&format!("there may be more; the next page begins with --after {last:?}"));
    }
    Ok(())
}

async fn find(desk: &Desk, open: &OpenRealm, arguments: &ListArguments) -> Result<Vec<User>, Failure> {
    let (store, realm) = (&desk.store, &open.realm);
    let of_members = async || people::page_after(desk, realm, arguments.after.as_deref(), arguments.limit).await;
    let found = if let Some(role) = &arguments.role {
        let name = RoleName::parse(role, &open.documents);
        let index = realm.roles.find(&name.container, &name.name).ok_or_else(|| not_found(&format!("role {role:?}")))?;
        store.members_of_role(realm.key, realm.roles.role(index).key, &of_members().await?).await
    } else if let Some(path) = &arguments.group {
        let node = realm.groups.find(path).ok_or_else(|| not_found(&format!("group {path:?}")))?;
        store.members_of_group(realm.key, node.group.key, &of_members().await?).await
    } else {
        let page = Page { after: arguments.after.as_ref().map(|name| name.to_lowercase()), rows: arguments.limit };
        store.list_users(realm.key, &filter(arguments), &page).await
    };
    found.map_err(|error| store_failure(&error))
}

fn filter(arguments: &ListArguments) -> UserFilter {
    UserFilter {
        search: arguments.search.clone().map(TextMatch::Contains),
        enabled: if arguments.enabled || arguments.disabled { Some(arguments.enabled) } else { None },
        service_accounts: if arguments.service_accounts { ServiceAccounts::Listed } else { ServiceAccounts::Left },
        ..UserFilter::default()
    }
}

impl From<User> for Row {
    fn from(user: User) -> Self {
        Self {
            username: user.username,
            id: user.id,
            enabled: user.enabled,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
        }
    }
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["name", "e-mail", "given name", "family name", "enabled", "id"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let enabled = if self.enabled { "yes" } else { "no" };
        vec![self.username.clone(), text(&self.email), text(&self.first_name), text(&self.last_name), enabled.to_owned(), self.id.clone()]
    }
}
