//! A realm as Keycloak's export would write it, users aside: PostgreSQL makes the pieces, this puts them together.

use super::{Source, SourceError, SourceRealm, sql};
use freshkey_core::keycloak::tables::realm_attributes;
use freshkey_core::limits::CONFIG_DEPTH_MAX;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// A realm in the shape of an export, and the paths of its groups, which users name by their ids.
pub(super) struct RealmFields {
    pub(super) fields: Map<String, Value>,
    pub(super) group_paths: HashMap<String, String>,
}

impl Source<'_> {
    /// Everything of a realm but its users.
    pub(super) async fn realm_fields(&self, realm: &SourceRealm) -> Result<RealmFields, SourceError> {
        let mut fields = match self.representations(sql::REALM, realm).await?.pop() {
            Some(Value::Object(fields)) => fields,
            _ => return Err(SourceError::Failed("the realm has no row".to_owned())),
        };
        let attributes = self.rows(sql::REALM_ATTRIBUTES, realm).await?;
        let attributes = attributes.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        realm_attributes(attributes.collect::<Result<Vec<(String, String)>, SourceError>>()?, &mut fields);
        for row in self.rows(sql::KEPT_LISTS, realm).await? {
            fields.insert(row.try_get(0)?, parsed(row.try_get(1)?)?);
        }
        fields.insert("clients".to_owned(), Value::Array(self.representations(sql::CLIENTS, realm).await?));
        fields.insert("clientScopes".to_owned(), Value::Array(self.representations(sql::CLIENT_SCOPES, realm).await?));
        fields.insert("roles".to_owned(), self.roles(realm).await?);
        self.add_scope_mappings(realm, &mut fields).await?;
        fields.insert("components".to_owned(), self.components(realm).await?);
        let (groups, group_paths) = self.groups(realm).await?;
        fields.insert("groups".to_owned(), Value::Array(groups));
        if let Some(Value::Array(default_groups)) = fields.get_mut("defaultGroups") {
            name_groups(default_groups, &group_paths);
        }
        fields.insert("keycloakVersion".to_owned(), json!(self.version));
        Ok(RealmFields { fields, group_paths })
    }

    /// The first column of each row, read as JSON.
    async fn representations(&self, statement: &str, realm: &SourceRealm) -> Result<Vec<Value>, SourceError> {
        self.rows(statement, realm).await?.iter().map(|row| parsed(row.try_get(0)?)).collect()
    }

    async fn roles(&self, realm: &SourceRealm) -> Result<Value, SourceError> {
        let mut of_realm = Vec::new();
        let mut of_clients: Map<String, Value> = Map::new();
        for row in self.rows(sql::ROLES, realm).await? {
            let role = parsed(row.try_get(1)?)?;
            match row.try_get::<_, Option<String>>(0)? {
                None => of_realm.push(role),
                Some(client_id) => push(of_clients.entry(client_id).or_insert(json!([])), role),
            }
        }
        Ok(json!({ "realm": of_realm, "client": of_clients }))
    }

    async fn add_scope_mappings(&self, realm: &SourceRealm, fields: &mut Map<String, Value>) -> Result<(), SourceError> {
        let mut of_realm = json!([]);
        let mut of_clients: Map<String, Value> = Map::new();
        for row in self.rows(sql::SCOPE_MAPPINGS, realm).await? {
            let holder = if row.try_get(0)? { "clientScope" } else { "client" };
            let mapping = json!({ holder: row.try_get::<_, String>(1)?, "roles": parsed(row.try_get(3)?)? });
            match row.try_get::<_, Option<String>>(2)? {
                None => push(&mut of_realm, mapping),
                Some(client_id) => push(of_clients.entry(client_id).or_insert(json!([])), mapping),
            }
        }
        fields.insert("scopeMappings".to_owned(), of_realm);
        fields.insert("clientScopeMappings".to_owned(), Value::Object(of_clients));
        Ok(())
    }

    async fn components(&self, realm: &SourceRealm) -> Result<Value, SourceError> {
        let mut below: HashMap<String, Vec<Component>> = HashMap::new();
        for row in self.rows(sql::COMPONENTS, realm).await? {
            let component = Component { id: row.try_get(0)?, provider_type: row.try_get(2)?, document: parsed(row.try_get(3)?)? };
            // Some of the realm's own have no parent at all.
            let parent: Option<String> = row.try_get(1)?;
            below.entry(parent.unwrap_or_else(|| realm.id.clone())).or_default().push(component);
        }
        Ok(by_type(&realm.id, &mut below, 0))
    }

    async fn groups(&self, realm: &SourceRealm) -> Result<(Vec<Value>, HashMap<String, String>), SourceError> {
        let mut below: HashMap<Option<String>, Vec<(String, Value)>> = HashMap::new();
        for row in self.rows(sql::GROUPS, realm).await? {
            below.entry(row.try_get(1)?).or_default().push((row.try_get(0)?, parsed(row.try_get(2)?)?));
        }
        let mut paths = HashMap::new();
        let groups = groups_below(None, "", &mut below, &mut paths, 0);
        Ok((groups, paths))
    }
}

struct Component {
    id: String,
    provider_type: String,
    document: Value,
}

/// The components below `parent`, by type. What is nested more deeply than the importer reads is left out.
fn by_type(parent: &str, below: &mut HashMap<String, Vec<Component>>, depth: usize) -> Value {
    let mut types: Map<String, Value> = Map::new();
    if depth > CONFIG_DEPTH_MAX {
        return Value::Object(types);
    }
    for mut component in below.remove(parent).unwrap_or_default() {
        component.document["subComponents"] = by_type(&component.id, below, depth + 1);
        push(types.entry(component.provider_type).or_insert(json!([])), component.document);
    }
    Value::Object(types)
}

/// The groups below `parent`, each with those below it; their paths are noted.
fn groups_below(
    parent: Option<&str>,
    parent_path: &str,
    below: &mut HashMap<Option<String>, Vec<(String, Value)>>,
    paths: &mut HashMap<String, String>,
    depth: usize,
) -> Vec<Value> {
    if depth > CONFIG_DEPTH_MAX {
        return Vec::new();
    }
    let mut groups = Vec::new();
    for (id, mut group) in below.remove(&parent.map(str::to_owned)).unwrap_or_default() {
        let path = format!("{parent_path}/{}", group.get("name").and_then(Value::as_str).unwrap_or_default());
        paths.insert(id.clone(), path.clone());
        group["subGroups"] = Value::Array(groups_below(Some(&id), &path, below, paths, depth + 1));
        group["path"] = json!(path);
        groups.push(group);
    }
    groups
}

/// Puts paths in place of ids. Groups that stand for organizations have no path here, and are left out.
pub(super) fn name_groups(groups: &mut Vec<Value>, paths: &HashMap<String, String>) {
    let named = groups.iter().filter_map(|id| paths.get(id.as_str()?)).map(|path| json!(path)).collect();
    *groups = named;
}

fn push(list: &mut Value, value: Value) {
    if let Value::Array(list) = list {
        list.push(value);
    }
}

pub(super) fn parsed(text: &str) -> Result<Value, SourceError> {
    serde_json::from_str(text).map_err(|error| SourceError::Failed(format!("PostgreSQL answered no JSON: {error}")))
}
