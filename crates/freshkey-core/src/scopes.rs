//! Which client scopes a token gets, and which roles may be in it (Keycloak's `DefaultClientSessionContext` and `RoleUtils`).

use crate::client::{Client, ClientScope};
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::role::RoleSet;
use crate::user::User;

/// The scope that makes a token an OpenID Connect one. Not a client scope; always allowed.
pub const OPENID: &str = "openid";

/// The client scope that asks for an offline token.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The client scopes of one token.
#[derive(Debug)]
pub struct GrantedScopes<'r> {
    /// `openid` was asked for.
    pub openid: bool,
    /// Default scopes in the client's order, then optional ones in the client's order.
    pub scopes: Vec<&'r ClientScope>,
}

impl GrantedScopes<'_> {
    /// The `scope` of a token response and access token: `openid`, then every scope that shows.
    pub fn shown(&self) -> String {
        joined(self.openid, self.scopes.iter().filter(|scope| scope.in_token_scope))
    }

    /// The `scope` of a refresh token: every scope, hidden ones too, so that a later refresh can grant all of them again.
    pub fn complete(&self) -> String {
        joined(self.openid, self.scopes.iter())
    }

    /// Whether a scope of this name was granted.
    pub fn contains(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.name == name)
    }
}

fn joined<'s, 'r: 's>(openid: bool, scopes: impl Iterator<Item = &'s &'r ClientScope>) -> String {
    let mut text = String::with_capacity(96);
    for name in openid.then_some(OPENID).into_iter().chain(scopes.map(|scope| scope.name.as_str())) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(name);
    }
    text
}

/// Refuses a requested scope that is neither `openid` nor a default or optional scope of the client. One that is there and empty, or has two blanks in
/// a row, names a scope without a name (KC-048).
pub fn check_requested(client: &Client, requested: Option<&str>) -> Result<(), Refusal> {
    let Some(requested) = requested else { return Ok(()) };
    if requested.split(' ').all(|name| name == OPENID || client.has_scope(name)) {
        Ok(())
    } else {
        Err(Refusal::InvalidScope { requested: requested.to_owned() })
    }
}

/// Whether a space-separated list has this name.
pub fn has_name(list: &str, name: &str) -> bool {
    names(list).any(|entry| entry == name)
}

/// The names in a space-separated list (RFC 6749 §3.3).
pub fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(' ').filter(|name| !name.is_empty())
}

/// Resolves what a token gets: all default scopes of the client, and its optional ones for which `is_wanted` says yes.
///
/// A scope with role mappings is granted only to a user who has one of these roles. `offline_access` is judged elsewhere, so that
/// lacking the role is an error and not a silent loss.
pub fn resolve<'r>(
    realm: &'r Realm,
    client: &Client,
    effective: &RoleSet,
    openid: bool,
    is_wanted: impl Fn(&str) -> bool,
) -> GrantedScopes<'r> {
    let defaults = client.default_scopes.iter();
    let optional = client.optional_scopes.iter().filter(|name| is_wanted(name));
    let scopes = defaults
        .chain(optional)
        .filter_map(|name| realm.scopes.get(name))
        .filter(|scope| scope.name == OFFLINE_ACCESS || scope.role_scope.as_ref().is_none_or(|roles| roles.intersects(effective)))
        .collect();
    GrantedScopes { openid, scopes }
}

/// All roles of a user: direct ones, those of the groups and of all their ancestors, composites expanded.
pub fn effective_roles(realm: &Realm, user: &User) -> RoleSet {
    let mut set = realm.roles.empty_set();
    for index in user.roles.iter().filter_map(|key| realm.roles.index(*key)) {
        realm.roles.insert_expanded(&mut set, index);
    }
    for node in user.groups.iter().filter_map(|key| realm.groups.get(*key)) {
        for index in &node.inherited_roles {
            realm.roles.insert_expanded(&mut set, *index);
        }
    }
    set
}

/// The roles that a token for this client may carry: all of the user's, or without full scope those in reach of the client or of a granted scope.
pub fn roles_in_scope(client: &Client, granted: &GrantedScopes<'_>, effective: RoleSet) -> RoleSet {
    if client.full_scope_allowed {
        return effective;
    }
    let mut reach = client.role_scope.clone();
    for roles in granted.scopes.iter().filter_map(|scope| scope.role_scope.as_ref()) {
        reach.union(roles);
    }
    let mut roles = effective;
    roles.intersect(&reach);
    roles
}

/// Whether this user may have offline tokens of this client: the scope is assigned, and the role `offline_access` is held and in reach.
pub fn may_have_offline_tokens(realm: &Realm, client: &Client, effective: &RoleSet) -> bool {
    let Some(role) = realm.offline_access_role else { return false };
    if !client.has_scope(OFFLINE_ACCESS) || !effective.contains(role) {
        return false;
    }
    let by_scope = realm.scopes.get(OFFLINE_ACCESS).and_then(|scope| scope.role_scope.as_ref());
    client.full_scope_allowed || client.role_scope.contains(role) || by_scope.is_some_and(|roles| roles.contains(role))
}
