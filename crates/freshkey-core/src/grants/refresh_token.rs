//! `grant_type=refresh_token` (RFC 6749 §6): may this refresh token be used, and what follows.
//!
//! The order of the checks is Keycloak's (`RefreshTokenGrantType`, `TokenManager`, KEYCLOAK §2.4). Reading nothing but its arguments, the decision can be
//! taken again as often as a race is lost.

use super::Setting;
use crate::change::{Change, Outcome};
use crate::client::{Client, Rotation};
use crate::event::{Event, EventKind};
use crate::grant::{Grant, GrantId, RefreshContext, SessionKind, SessionNotes};
use crate::inherited;
use crate::lifetimes::Lifetimes;
use crate::realm::ReuseEnds;
use crate::refusal::Refusal;
use crate::role::RoleSet;
use crate::scopes::{self, OFFLINE_ACCESS, OPENID};
use crate::time::EpochSeconds;
use crate::tokens::{GrantLetters, IdToken, RefreshTokenPlan, TokenIdentity, TokenPlan, VerifiedRefreshToken, not_before};
use crate::user::User;

/// Decides about a refresh.
///
/// `client` has been authenticated, and `token` verified for it; `requested_scope` has passed [`scopes::check_requested`].
pub fn decide<'a>(
    setting: Setting<'a>,
    client: &'a Client,
    token: &VerifiedRefreshToken,
    requested_scope: Option<&str>,
    context: RefreshContext,
) -> Outcome<TokenPlan<'a>> {
    let refresh = Refresh { setting, client, token, requested_scope, lifetimes: setting.realm.lifetimes(token.kind, client) };
    let event = refresh.event();
    match refresh.judge(context) {
        Ok(Verdict { plan, changes, upgrade }) => {
            let kind = if upgrade == Upgrade::ToOffline { EventKind::OfflineUpgrade } else { event.kind };
            let event = Event { kind, ..event };
            Outcome { answer: Ok(plan), changes, event }
        }
        Err(Denial { refusal, changes }) => {
            let kind = match refusal {
                Refusal::ReusedAfterSuccessor | Refusal::ReusedTooOften => EventKind::RefreshTokenReuse,
                Refusal::DatabaseRegressed => EventKind::DatabaseRegression,
                _ => event.kind,
            };
            let event = Event { kind, ..event }.refused(&refusal);
            Outcome { answer: Err(refusal), changes, event }
        }
    }
}

/// A refusal, and what it entails.
struct Denial {
    refusal: Refusal,
    changes: Vec<Change>,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, changes: Vec::new() }
    }
}

impl Refusal {
    fn with(self, change: Change) -> Denial {
        Denial { refusal: self, changes: vec![change] }
    }
}

struct Verdict<'a> {
    plan: TokenPlan<'a>,
    changes: Vec<Change>,
    upgrade: Upgrade,
}

/// Whether an ordinary refresh token becomes an offline one (ADR-0003).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    /// It stays what it is.
    None,
    /// It becomes one.
    ToOffline,
}

/// How a use of the token moves its chain.
struct Advance {
    /// The grant as it will be.
    grant: Grant,
    /// What is to be written for that.
    change: Option<Change>,
    /// Whether the successor must come out the same again.
    identity: TokenIdentity,
}

/// Whether the chain of the presented token has a row of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChainRow {
    /// It has.
    Own,
    /// The row is the one of the first chain.
    Missing,
}

struct Refresh<'a, 't> {
    setting: Setting<'a>,
    client: &'a Client,
    token: &'t VerifiedRefreshToken,
    requested_scope: Option<&'t str>,
    lifetimes: Lifetimes,
}

impl<'a> Refresh<'a, '_> {
    /// The list of checks, a line each. The numbers are the rows of KEYCLOAK §2.4; rows 1 to 10 were passed before.
    fn judge(&self, context: RefreshContext) -> Result<Verdict<'a>, Denial> {
        self.check_session_alive(&context)?; // 11, 12, 13
        let user = self.check_user(&context)?; // 14, 15
        self.check_issued_after_session_start(&context)?; // 16
        let (grant, row) = self.check_client_session(&context)?; // 17
        self.check_client_session_alive(grant)?; // 18
        self.check_issued_after_client_session_start(grant)?; // 19
        self.check_not_before(user)?; // 20
        self.check_consent()?; // 21
        let effective = scopes::effective_roles(self.setting.realm, user);
        let offline_allowed = scopes::may_have_offline_tokens(self.setting.realm, self.client, &effective);
        let kept = match self.token.kind {
            SessionKind::Offline if !offline_allowed => Err(Refusal::OfflineNoLongerAllowed), // 24
            _ => Ok(()),
        };
        let advance = self.advance(grant, row)?; // 22, 23
        kept?;
        let user = context.user.ok_or(Refusal::RefreshUserUnknown)?;
        Ok(self.verdict(user, advance, self.upgrade(offline_allowed), &effective))
    }

    fn check_session_alive(&self, context: &RefreshContext) -> Result<(), Denial> {
        let (sid, kind, now) = (self.token.sid, self.token.kind, self.now());
        let absent = match kind {
            SessionKind::Online => Refusal::SessionNotActive,
            SessionKind::Offline => Refusal::OfflineSessionNotFound,
        };
        let (Some(first), Some(last_used_at)) = (context.grants.first(), context.session_last_used_at()) else {
            return Err(absent.into());
        };
        let started_at = first.session_started_at;
        let too_old = self.lifetimes.session_end(started_at).is_some_and(|end| end <= now);
        let disused = self.lifetimes.session_idle_end(last_used_at, self.granularity_s()) <= now;
        if too_old || disused {
            let dead = match kind {
                SessionKind::Online => Refusal::SessionNotActive,
                SessionKind::Offline => Refusal::OfflineSessionExpired,
            };
            return Err(dead.with(Change::EndSession { sid, kind }));
        }
        Ok(())
    }

    fn check_user<'c>(&self, context: &'c RefreshContext) -> Result<&'c User, Refusal> {
        // T-015: the user of the token, of the session and of the account must be one.
        let is_named =
            |user: &User| self.token.subject.as_ref().is_none_or(|subject| *subject == user.id || self.client.has_pairwise_subjects());
        let user = context.user.as_ref().filter(|user| is_named(user)).ok_or(Refusal::RefreshUserUnknown)?;
        let same_row = context.grants.iter().all(|grant| grant.user == user.key && grant.realm == self.setting.realm.key);
        if !same_row {
            return Err(Refusal::RefreshUserUnknown);
        }
        if user.enabled { Ok(user) } else { Err(Refusal::UserDisabled) }
    }

    fn check_issued_after_session_start(&self, context: &RefreshContext) -> Result<(), Refusal> {
        let started_at = context.grants.iter().map(|grant| grant.session_started_at).min();
        if started_at.is_some_and(|start| self.token.issued_at < start) { Err(Refusal::IssuedBeforeSession) } else { Ok(()) }
    }

    fn check_client_session<'c>(&self, context: &'c RefreshContext) -> Result<(&'c Grant, ChainRow), Refusal> {
        let id = GrantId { sid: self.token.sid, kind: self.token.kind, client: self.client.key, family: self.token.family };
        let own = context.grant(&id).map(|grant| (grant, ChainRow::Own));
        let of_first = || inherited::chain_without_row(context, &id, self.token).map(|first| (first, ChainRow::Missing));
        own.or_else(of_first).ok_or(Refusal::ClientNotInSession)
    }

    fn check_client_session_alive(&self, grant: &Grant) -> Result<(), Denial> {
        let now = self.now();
        let too_old = self.lifetimes.client_session_end(grant).is_some_and(|end| end <= now);
        let disused = self.lifetimes.client_session_idle_end(grant.last_used_at, self.granularity_s()) <= now;
        if too_old || disused {
            return Err(Refusal::ClientSessionExpired.with(Change::EndGrant(grant.id)));
        }
        Ok(())
    }

    fn check_issued_after_client_session_start(&self, grant: &Grant) -> Result<(), Refusal> {
        if self.token.issued_at < grant.started_at { Err(Refusal::IssuedBeforeClientSession) } else { Ok(()) }
    }

    fn check_not_before(&self, user: &User) -> Result<(), Refusal> {
        if self.token.issued_at < not_before(self.setting.realm, self.client, user) { Err(Refusal::StaleNotBefore) } else { Ok(()) }
    }

    fn check_consent(&self) -> Result<(), Refusal> {
        // Consents are given on a page; until there is one, a client that needs them has none.
        if self.client.consent_required { Err(Refusal::ConsentWithdrawn) } else { Ok(()) }
    }

    /// Where the presented generation stands in its chain, and what its use does to the chain.
    fn advance(&self, grant: &Grant, row: ChainRow) -> Result<Advance, Denial> {
        let rotation = self.setting.realm.rotation(self.client);
        if row == ChainRow::Missing {
            // Without rotation chains are not told apart: the token counts as one of the first chain.
            return if rotation == Rotation::On { Ok(self.begin_chain(grant)) } else { self.use_again(grant, grant.generation) };
        }
        let presented = inherited::generation_of(grant, self.token);
        if presented > grant.generation {
            let note = Change::NoteRegression { grant: grant.id, seen_generation: presented, at: self.now() };
            return Err(Refusal::DatabaseRegressed.with(note));
        }
        match rotation {
            Rotation::Off => self.use_again(grant, presented),
            Rotation::On if presented == grant.generation => Ok(self.rotate(grant)),
            Rotation::On => self.use_predecessor(grant, presented),
        }
    }

    /// Without rotation a token can be used repeatedly. One that was replaced while rotation was on stays replaced.
    fn use_again(&self, grant: &Grant, presented: i64) -> Result<Advance, Denial> {
        if presented < grant.generation && !self.is_retry(grant, presented) {
            return Err(Refusal::ReusedAfterSuccessor.into());
        }
        let now = self.now();
        let is_due = now - grant.last_used_at >= self.lifetimes.last_used_granularity_s().max(1);
        let change = is_due.then_some(Change::Touch { grant: grant.id, at: now });
        let last_used_at = if is_due { now } else { grant.last_used_at };
        Ok(Advance { grant: Grant { last_used_at, ..grant.clone() }, change, identity: TokenIdentity::Random })
    }

    fn rotate(&self, grant: &Grant) -> Advance {
        let now = self.now();
        let successor =
            Grant { generation: grant.generation + 1, predecessor_uses: 1, rotated_at: now, last_used_at: now, ..grant.clone() };
        let change = Change::Rotate { grant: grant.id, presented: grant.generation, at: now };
        Advance { grant: successor, change: Some(change), identity: TokenIdentity::Derived }
    }

    /// The first use of a chain that was brought here without a row: it gets one, with this use already in it.
    fn begin_chain(&self, first: &Grant) -> Advance {
        let now = self.now();
        let grant = Grant {
            id: GrantId { family: self.token.family, ..first.id },
            generation: 1,
            predecessor_uses: 1,
            rotated_at: now,
            last_used_at: now,
            notes: inherited::notes_of_begun_chain(&first.notes),
            ..first.clone()
        };
        let change = Change::BeginChain { grant: Box::new(grant.clone()), first: first.id };
        Advance { grant, change: Some(change), identity: TokenIdentity::Derived }
    }

    /// A token that has a successor already: a retry, a permitted reuse, or a theft.
    fn use_predecessor(&self, grant: &Grant, presented: i64) -> Result<Advance, Denial> {
        if self.is_retry(grant, presented) {
            return Ok(Advance { grant: grant.clone(), change: None, identity: TokenIdentity::Derived });
        }
        let is_last_predecessor = presented == grant.generation - 1;
        if is_last_predecessor && grant.predecessor_uses <= self.setting.realm.settings.rotation.reuse_max {
            let change = Change::CountReuse { grant: grant.id, generation: grant.generation, seen: grant.predecessor_uses, at: self.now() };
            return Ok(Advance { grant: grant.clone(), change: Some(change), identity: TokenIdentity::Derived });
        }
        let refusal = if is_last_predecessor { Refusal::ReusedTooOften } else { Refusal::ReusedAfterSuccessor };
        Err(refusal.with(match self.setting.realm.settings.rotation.reuse_ends {
            // What was brought here ends whole, as where it came from: a chain that ended alone could begin again without a row.
            ReuseEnds::Grant if !inherited::is_inherited(&grant.notes) => Change::EndGrant(grant.id),
            ReuseEnds::Grant | ReuseEnds::ClientSession => {
                Change::EndClientSession { sid: grant.id.sid, kind: grant.id.kind, client: grant.id.client }
            }
        }))
    }

    /// The last predecessor, inside the grace window: the reply was lost, and the same successor is handed out again (T-003).
    fn is_retry(&self, grant: &Grant, presented: i64) -> bool {
        let grace_s = self.setting.realm.settings.rotation.grace_s;
        // The clock of the node that rotated may be a little ahead of ours; its moment is then not in the past yet.
        presented == grant.generation - 1 && grace_s > 0 && self.now() - grant.rotated_at <= grace_s
    }

    fn upgrade(&self, offline_allowed: bool) -> Upgrade {
        let asked = self.requested_scope.is_some_and(|scope| scopes::has_name(scope, OFFLINE_ACCESS));
        let may = self.token.kind == SessionKind::Online && self.client.offline_upgrade_on_refresh.is_yes();
        if asked && may && offline_allowed { Upgrade::ToOffline } else { Upgrade::None }
    }

    fn verdict(&self, user: User, advance: Advance, upgrade: Upgrade, effective: &RoleSet) -> Verdict<'a> {
        let Setting { realm, issuer, now } = self.setting;
        let original = self.original_scope(upgrade);
        let openid = scopes::has_name(&original, OPENID);
        let granted = scopes::resolve(realm, self.client, effective, openid && self.keeps(OPENID), |name| {
            scopes::has_name(&original, name) && self.keeps(name)
        });
        let identity = advance.identity;
        let (grant, changes) = self.moved(advance, upgrade);
        // KC-014: an offline token's response names the whole scope even when the access token was narrowed.
        let response_scope = match grant.id.kind {
            SessionKind::Offline if self.narrows() => {
                scopes::resolve(realm, self.client, effective, openid, |name| scopes::has_name(&original, name)).shown()
            }
            _ => granted.shown(),
        };
        let issued_at = if identity == TokenIdentity::Derived { grant.rotated_at } else { now.seconds() };
        let plan = TokenPlan {
            realm,
            client: self.client,
            issuer,
            user,
            response_scope,
            grant: Some(grant),
            notes: SessionNotes::new(),
            roles: scopes::roles_in_scope(self.client, &granted, effective.clone()),
            scopes: granted,
            refresh_token: self.client.refresh_tokens.is_yes().then_some(RefreshTokenPlan { issued_at, scope: original, identity }),
            id_token: if openid { IdToken::Included } else { IdToken::Absent },
            grant_type: GrantLetters::RefreshToken,
            nonce: self.token.nonce.clone(),
            now,
        };
        Verdict { plan, changes, upgrade }
    }

    /// Whether a narrowed request still wants this scope.
    fn keeps(&self, name: &str) -> bool {
        !self.narrows() || self.requested_scope.is_some_and(|requested| scopes::has_name(requested, name))
    }

    /// Whether the request asks for less than there is. An empty one narrows nothing.
    fn narrows(&self) -> bool {
        self.requested_scope.is_some_and(|requested| !requested.is_empty())
    }

    /// The grant that the new tokens belong to, and everything that is to be written.
    fn moved(&self, advance: Advance, upgrade: Upgrade) -> (Grant, Vec<Change>) {
        if upgrade == Upgrade::None {
            return (advance.grant, advance.change.into_iter().collect());
        }
        let offline = self.offline_twin(&advance);
        // The online grant must still stand when its twin begins (T-005).
        let hold = Change::Touch { grant: advance.grant.id, at: self.now() };
        let begin =
            Change::BeginGrant { grant: Box::new(offline.clone()), offline_grants_max: self.setting.realm.settings.offline_grants_max };
        (offline, vec![advance.change.unwrap_or(hold), begin])
    }

    /// The scope of the new refresh token: the one of the presented token, word for word (KC-002), but for an upgrade.
    fn original_scope(&self, upgrade: Upgrade) -> String {
        let scope = &self.token.scope;
        let adds = upgrade == Upgrade::ToOffline && !scopes::has_name(scope, OFFLINE_ACCESS);
        if adds { format!("{scope} {OFFLINE_ACCESS}") } else { scope.clone() }
    }

    /// The offline grant that an upgrade makes: of the same sign-in, so that doing it twice makes one, and a retry gets the identical token.
    fn offline_twin(&self, advance: &Advance) -> Grant {
        let online = &advance.grant;
        let at = match advance.identity {
            TokenIdentity::Derived => online.rotated_at,
            TokenIdentity::Random => self.now(),
        };
        Grant {
            id: GrantId { kind: SessionKind::Offline, ..online.id },
            generation: 0,
            predecessor_uses: 0,
            session_started_at: at,
            started_at: at,
            rotated_at: at,
            last_used_at: at,
            notes: inherited::notes_of_twin(&online.notes),
            ..online.clone()
        }
    }

    fn event(&self) -> Event {
        let token = self.token;
        let mut event = Event::new(self.setting.now.milliseconds(), self.setting.realm.key, EventKind::RefreshToken)
            .with("refresh_token_id", token.id.clone())
            .with("refresh_token_type", if token.kind == SessionKind::Offline { "Offline" } else { "Refresh" });
        event.client_id = Some(self.client.client_id.clone());
        event.user_id = token.subject.clone();
        event.sid = Some(token.sid);
        event
    }

    /// Without rotation "last used" is coarse, and idle expiry allows for it. With rotation it is exact.
    fn granularity_s(&self) -> i64 {
        match self.setting.realm.rotation(self.client) {
            Rotation::On => 0,
            Rotation::Off => self.lifetimes.last_used_granularity_s(),
        }
    }

    fn now(&self) -> EpochSeconds {
        self.setting.now.seconds()
    }
}

#[cfg(test)]
mod tests;
