//! Groups: what a member inherits from them and from all their ancestors.

use crate::ids::{GroupKey, RoleKey};
use crate::role::{RoleGraph, RoleIndex};
use std::collections::{BTreeMap, HashMap};

/// A group as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The key that users refer to.
    pub key: GroupKey,
    /// The public id.
    pub id: String,
    /// Unique among its siblings.
    pub name: String,
    /// The group above, if any.
    pub parent: Option<GroupKey>,
    /// Roles given to members of this group and of all groups below.
    pub roles: Vec<RoleKey>,
    /// Attributes that attribute mappers may read.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A group within its tree.
#[derive(Debug)]
pub struct GroupNode {
    /// As configured.
    pub group: Group,
    /// `/parent/child`.
    pub path: String,
    /// Roles of the group and of its ancestors, composites not expanded.
    pub inherited_roles: Vec<RoleIndex>,
    /// Attributes of the group and then of its ancestors, one after the other; those without a value are left out.
    pub inherited_attributes: Vec<(String, Vec<String>)>,
}

impl GroupNode {
    /// The values of an attribute: of the group itself, then of its parent, and so on, for those that have it.
    pub fn attribute<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [String]> {
        self.inherited_attributes.iter().filter(move |(other, _)| other == name).map(|(_, values)| values.as_slice())
    }
}

/// All groups of a realm.
#[derive(Debug, Default)]
pub struct GroupTree {
    nodes: HashMap<GroupKey, GroupNode>,
}

impl GroupTree {
    /// Builds the tree. A group whose parent is unknown, or who is its own ancestor, stands at the top.
    pub fn new(groups: &[Group], roles: &RoleGraph) -> Self {
        let by_key: HashMap<GroupKey, &Group> = groups.iter().map(|group| (group.key, group)).collect();
        let nodes = groups
            .iter()
            .map(|group| {
                let line = ancestors(group, &by_key);
                let path = line.iter().rev().fold(String::new(), |path, above| path + "/" + &above.name);
                let inherited_roles = line.iter().flat_map(|above| &above.roles).filter_map(|key| roles.index(*key)).collect();
                let attributes = line.iter().flat_map(|above| &above.attributes).filter(|(_, values)| !values.is_empty());
                let inherited_attributes = attributes.map(|(name, values)| (name.clone(), values.clone())).collect();
                (group.key, GroupNode { group: group.clone(), path, inherited_roles, inherited_attributes })
            })
            .collect();
        Self { nodes }
    }

    /// The group with this key; `None` when it has been deleted.
    pub fn get(&self, key: GroupKey) -> Option<&GroupNode> {
        self.nodes.get(&key)
    }

    /// All groups, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &GroupNode> {
        self.nodes.values()
    }

    /// Finds a group by its path, `/parent/child`.
    pub fn find(&self, path: &str) -> Option<&GroupNode> {
        self.nodes.values().find(|node| node.path == path)
    }
}

/// The group itself, then its parent, and so on to the top. Ends where a parent is unknown or was met before.
fn ancestors<'a>(group: &'a Group, by_key: &HashMap<GroupKey, &'a Group>) -> Vec<&'a Group> {
    let mut line = vec![group];
    let mut next = group.parent;
    while let Some(above) = next.and_then(|key| by_key.get(&key)) {
        if line.iter().any(|met| met.key == above.key) {
            break;
        }
        line.push(above);
        next = above.parent;
    }
    line
}
