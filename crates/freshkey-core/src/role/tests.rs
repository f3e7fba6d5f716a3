use super::*;

fn realm_role(name: &str, composites: &[&str]) -> Role {
    Role {
        key: RoleKey::of(name),
        name: name.into(),
        container: RoleContainer::Realm,
        composites: composites.iter().map(|name| RoleKey::of(name)).collect(),
    }
}

fn expanded(graph: &RoleGraph, name: &str) -> Vec<String> {
    let mut set = graph.empty_set();
    graph.insert_expanded(&mut set, graph.find(&RoleContainer::Realm, name).unwrap());
    set.iter().map(|index| graph.role(index).name.clone()).collect()
}

#[test]
fn composites_are_expanded_through_cycles_and_unknown_roles_are_ignored() {
    let graph =
        RoleGraph::new(vec![realm_role("a", &["b"]), realm_role("b", &["c", "gone"]), realm_role("c", &["a"]), realm_role("plain", &[])]);
    assert_eq!(expanded(&graph, "a"), ["a", "b", "c"]);
    assert_eq!(expanded(&graph, "c"), ["a", "b", "c"]);
    assert_eq!(expanded(&graph, "plain"), ["plain"]);
}

#[test]
fn sets_of_more_than_64_roles_keep_their_order() {
    let names: Vec<String> = (0..200).map(|number| format!("role-{number:03}")).collect();
    let graph = RoleGraph::new(names.iter().rev().map(|name| realm_role(name, &[])).collect());
    let mut set = graph.empty_set();
    for name in ["role-199", "role-000", "role-064", "role-063"] {
        graph.insert_expanded(&mut set, graph.find(&RoleContainer::Realm, name).unwrap());
    }
    let members: Vec<_> = set.iter().map(|index| graph.role(index).name.as_str()).collect();
    assert_eq!(members, ["role-000", "role-063", "role-064", "role-199"]);
    let mut other = graph.empty_set();
    other.insert(graph.find(&RoleContainer::Realm, "role-063").unwrap());
    set.intersect(&other);
    assert_eq!(set, other);
}

#[test]
fn client_roles_of_the_same_name_are_different_roles() {
    let mut manage = realm_role("manage", &[]);
    manage.key = RoleKey::of("client manage");
    manage.container = RoleContainer::Client("account".into());
    let graph = RoleGraph::new(vec![realm_role("manage", &[]), manage]);
    let realm = graph.find(&RoleContainer::Realm, "manage").unwrap();
    let client = graph.find(&RoleContainer::Client("account".into()), "manage").unwrap();
    assert_ne!(realm, client);
    assert_eq!(graph.index(RoleKey::of("client manage")), Some(client));
}
