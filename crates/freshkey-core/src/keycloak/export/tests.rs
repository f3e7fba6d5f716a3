use super::*;
use crate::entropy::random_uuid;
use crate::keycloak::build_realm;
use crate::keycloak::testing::{EXPORT, Seeded, export, import};
use crate::keycloak::users::{Credentials, write_user};

/// Sorts lists whose order means nothing: of objects by what names them, of texts by themselves.
fn sorted_lists(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(sorted_lists);
            list.sort_by_key(|entry| ["id", "name", "alias"].iter().find_map(|name| entry.get(name)).unwrap_or(entry).to_string());
        }
        Value::Object(fields) => fields.values_mut().for_each(sorted_lists),
        _ => {}
    }
}

fn exported(file: &str) -> Value {
    let plan = import(file).unwrap();
    let (realm, _) = build_realm(plan.documents()).unwrap();
    let users = plan.users(&Seeded::new()).map(|user| write_user(&realm, &user.unwrap().record, Credentials::Included)).collect();
    let mut fields = export_realm(plan.documents());
    fields.insert("users".to_owned(), users);
    Value::Object(fields)
}

/// The first place where two values differ.
fn difference(a: &Value, b: &Value, place: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| match (a.get(name), b.get(name)) {
                (Some(a), Some(b)) => difference(a, b, &format!("{place}.{name}")),
                (a, b) => Some(format!("{place}.{name}: {a:?} / {b:?}")),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| difference(a, b, &format!("{place}[{at}]")))
        }
        (a, b) => (a != b).then(|| format!("{place}: {a} / {b}")),
    }
}

#[test]
fn export_gives_back_what_import_took() {
    let (mut before, mut after) = (export(), exported(EXPORT));
    sorted_lists(&mut before);
    sorted_lists(&mut after);
    assert_eq!(difference(&before, &after, ""), None);
}

#[test]
fn importing_an_export_again_changes_nothing() {
    let once = exported(EXPORT);
    assert_eq!(difference(&once, &exported(&once.to_string()), ""), None);
}

#[test]
fn t_053_documents_hold_no_secret() {
    let plan = import(EXPORT).unwrap();
    let clear: String = std::iter::once(plan.documents().document.to_string())
        .chain(plan.documents().items.iter().map(|item| item.document.to_string()))
        .collect();
    let key = export()["components"]["org.keycloak.keys.KeyProvider"][0]["config"].to_string();
    assert!(key.len() > 20);
    for secret in ["n1ghtly-", "p0rtal-", "w0rker-", "ldap-canary", "smtp-canary", "github-canary", "MIIEv"] {
        assert!(EXPORT.contains(secret), "{secret} is in the file");
        assert!(!clear.contains(secret), "{secret} is in the documents");
    }
    let users: String =
        plan.users(&Seeded::new()).flat_map(|user| user.unwrap().record.credentials).map(|c| c.document.to_string()).collect();
    assert!(users.contains("hashIterations") && !users.contains("salt") && !users.contains("JBSWY3DPEHPK3PXP"));
}

#[test]
fn groups_that_are_their_own_ancestors_end_the_export_all_the_same() {
    let mut documents = crate::keycloak::testing::imported();
    let (one, other) = (random_uuid(&Seeded::new()), "b".to_owned());
    for (id, parent) in [(&one, &other), (&other, &one)] {
        documents.items.push(ConfigItem {
            kind: ItemKind::Group,
            id: id.clone(),
            name: format!("/{id}"),
            document: json!({ "id": id, "name": id, "parentId": parent }),
            secrets: None,
        });
    }
    let groups = export_realm(&documents)["groups"].as_array().unwrap().len();
    assert_eq!(groups, 2, "the two of the file; a circle hangs on no root");
}
