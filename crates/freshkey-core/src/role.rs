//! Roles, composite roles, and the sets of them that a token is made from.

use crate::ids::RoleKey;
use std::collections::HashMap;

/// Who a role belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleContainer {
    /// A role of the realm.
    Realm,
    /// A role of the client with this `client_id`.
    Client(String),
}

/// A role as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The key that users, groups and scope mappings refer to.
    pub key: RoleKey,
    /// Unique within the container.
    pub name: String,
    /// Realm or client.
    pub container: RoleContainer,
    /// The roles that this one brings along, not expanded.
    pub composites: Vec<RoleKey>,
}

/// Position of a role in its [`RoleGraph`]: roles are sorted by container, then by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleIndex(u32);

/// All roles of a realm, with every composite expanded once when the realm is read.
#[derive(Debug, Default)]
pub struct RoleGraph {
    roles: Vec<Role>,
    index_by_key: HashMap<RoleKey, RoleIndex>,
    /// For a composite: all it brings along, itself included. Empty for a plain role.
    expansions: Vec<Box<[RoleIndex]>>,
}

impl RoleGraph {
    /// Sorts and expands. A composite that names an unknown role ignores it; cycles are allowed, as in Keycloak.
    pub fn new(mut roles: Vec<Role>) -> Self {
        roles.sort_by(|a, b| (&a.container, &a.name).cmp(&(&b.container, &b.name)));
        let index_by_key: HashMap<_, _> = roles.iter().zip(0_u32..).map(|(role, position)| (role.key, RoleIndex(position))).collect();
        let mut graph = Self { expansions: Vec::new(), index_by_key, roles };
        graph.expansions = graph.roles.iter().map(|role| graph.expand(role)).collect();
        graph
    }

    /// The role at a position handed out by this graph.
    pub fn role(&self, index: RoleIndex) -> &Role {
        &self.roles[index.0 as usize]
    }

    /// Where a role stands; `None` for a role that this realm does not have (any more).
    pub fn index(&self, key: RoleKey) -> Option<RoleIndex> {
        self.index_by_key.get(&key).copied()
    }

    /// Finds a role by container and name.
    pub fn find(&self, container: &RoleContainer, name: &str) -> Option<RoleIndex> {
        let position = self.roles.binary_search_by(|role| (&role.container, role.name.as_str()).cmp(&(container, name))).ok()?;
        u32::try_from(position).ok().map(RoleIndex)
    }

    /// All roles, sorted by container and name.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter()
    }

    /// A set that can hold the roles of this graph.
    pub fn empty_set(&self) -> RoleSet {
        RoleSet { words: vec![0; self.roles.len().div_ceil(64)] }
    }

    /// Adds a role and all that it brings along.
    pub fn insert_expanded(&self, set: &mut RoleSet, index: RoleIndex) {
        set.insert(index);
        for brought in &self.expansions[index.0 as usize] {
            set.insert(*brought);
        }
    }

    fn expand(&self, role: &Role) -> Box<[RoleIndex]> {
        if role.composites.is_empty() {
            return Box::default();
        }
        let mut seen = self.empty_set();
        let mut open: Vec<RoleIndex> = self.index(role.key).into_iter().collect();
        while let Some(index) = open.pop() {
            if seen.insert(index) {
                open.extend(self.role(index).composites.iter().filter_map(|key| self.index(*key)));
            }
        }
        seen.iter().collect()
    }
}

/// A set of roles of one [`RoleGraph`], a bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSet {
    words: Vec<u64>,
}

impl RoleSet {
    /// Adds a role; false when it was there already.
    pub fn insert(&mut self, index: RoleIndex) -> bool {
        let (word, bit) = (index.0 as usize / 64, 1_u64 << (index.0 % 64));
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        fresh
    }

    /// Whether the role is in the set.
    pub fn contains(&self, index: RoleIndex) -> bool {
        self.words.get(index.0 as usize / 64).is_some_and(|word| word & (1_u64 << (index.0 % 64)) != 0)
    }

    /// Keeps only what `other` has too.
    pub fn intersect(&mut self, other: &Self) {
        for (word, mask) in self.words.iter_mut().zip(&other.words) {
            *word &= mask;
        }
    }

    /// Whether the two sets share a role.
    pub fn intersects(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Adds all that `other` has.
    pub fn union(&mut self, other: &Self) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// The members, in the order of the graph: realm roles first, then by client, by name.
    pub fn iter(&self) -> impl Iterator<Item = RoleIndex> {
        self.words.iter().zip(0_u32..).flat_map(|(&word, position)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    RoleIndex(position * 64 + bit)
                })
            })
        })
    }
}

#[cfg(test)]
mod tests;
