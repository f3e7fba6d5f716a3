//! A session begins: the first grant of a new `sid`, and the plan of its first tokens.

use crate::change::Change;
use crate::client::{Client, Rotation};
use crate::entropy::Entropy;
use crate::grant::{Grant, GrantId, SessionKind, SessionNotes};
use crate::grants::Setting;
use crate::ids::{Family, SessionId};
use crate::role::RoleSet;
use crate::scopes::{self, GrantedScopes};
use crate::tokens::{GrantLetters, IdToken, RefreshTokenPlan, TokenIdentity, TokenPlan};
use crate::user::User;

/// How the session begins.
pub(crate) struct Started {
    pub(crate) kind: SessionKind,
    pub(crate) notes: SessionNotes,
    pub(crate) grant_type: GrantLetters,
}

/// Begins a session for a user who has proven to be the one, with what was granted.
pub(crate) fn begin<'a>(
    setting: Setting<'a>,
    client: &'a Client,
    user: User,
    granted: GrantedScopes<'a>,
    effective: RoleSet,
    started: Started,
    entropy: &dyn Entropy,
) -> (TokenPlan<'a>, Vec<Change>) {
    let now = setting.now.seconds();
    let grant = Grant {
        id: GrantId {
            sid: SessionId::generate(setting.now, user.key, entropy),
            kind: started.kind,
            client: client.key,
            family: Family::FIRST,
        },
        realm: setting.realm.key,
        user: user.key,
        generation: 0,
        predecessor_uses: 0,
        session_started_at: now,
        started_at: now,
        rotated_at: now,
        last_used_at: now,
        auth_time: None,
        notes: started.notes,
    };
    let offline_grants_max = setting.realm.settings.offline_grants_max.filter(|_| started.kind == SessionKind::Offline);
    let change = Change::BeginGrant { grant: Box::new(grant.clone()), offline_grants_max };
    let identity = match setting.realm.rotation(client) {
        Rotation::On => TokenIdentity::Derived,
        Rotation::Off => TokenIdentity::Random,
    };
    let refresh_token = client.refresh_tokens.is_yes().then(|| RefreshTokenPlan { issued_at: now, scope: granted.complete(), identity });
    let roles = scopes::roles_in_scope(client, &granted, effective);
    let plan = TokenPlan {
        realm: setting.realm,
        client,
        issuer: setting.issuer,
        user,
        grant: Some(grant),
        notes: SessionNotes::new(),
        id_token: if granted.openid { IdToken::Included } else { IdToken::Absent },
        response_scope: granted.shown(),
        scopes: granted,
        roles,
        refresh_token,
        grant_type: started.grant_type,
        nonce: None,
        now: setting.now,
    };
    (plan, vec![change])
}
