//! `admin keys`: signing keys, and their rotation in two steps: published first, signing later.
//!
//! A key that signs before everybody has fetched it makes tokens that nobody can verify (T-031). So a new key begins as a passive one, which verifies and is published,
//! and is activated when the copies of the key set that clients and other nodes hold have expired.

use super::change::change_realm;
use super::{Deed, Desk, OpenRealm, RealmOption, not_found};
use crate::cli::output::Listed;
use crate::cli::output::moment::span;
use crate::cli::{ExitStatus, Failure};
use crate::limits::CONFIGURATION_AGE_MAX_MS;
use freshkey_core::event::EventKind;
use freshkey_core::keycloak::build_realm;
use freshkey_core::keycloak::defaults::GeneratedKey;
use freshkey_core::keycloak::edit::{KeyUse, add_key, retire_active_keys, set_key_use};
use freshkey_core::keys::{KeyStatus, RealmKeyEntry};
use freshkey_core::realm::Realm;
use freshkey_protocol::jose::{Algorithm, Family, KeyKind, generate_private_key};
use serde::Serialize;
use serde_json::json;

/// What can be typed.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List keys, for each algorithm the one that signs first.
    List,
    /// Make a new key and publish it. It signs after `keys activate`, or at once with --now.
    #[command(after_help = "\
Examples:
  freshkey-server admin --data DIR keys rotate --realm UA
  freshkey-server admin --data DIR keys activate KID --realm UA
  freshkey-server admin --data DIR keys rotate --realm UA --algorithm HS512

Planned rotation: rotate, wait until every application has fetched the new key set (a day is ample), activate. The old key becomes passive: tokens that it signed go on
to verify until they expire; then `keys disable` it. HS512 signs refresh tokens, which only the server reads: ten seconds are enough there.

After a theft: `keys rotate --now`, then `keys disable OLD_KID`: everything that the old key signed is dead at once.")]
    Rotate {
        /// The algorithm; that of new tokens when left out.
        #[arg(long, value_name = "NAME", value_parser = parse_algorithm)]
        algorithm: Option<Algorithm>,
        /// Sign with it at once, and make the old ones passive. Verifiers that have not fetched it refuse its tokens for a while.
        #[arg(long)]
        now: bool,
    },
    /// Let a published key sign from now on; the others of its algorithm become passive.
    Activate {
        /// Its kid, or the id of its component.
        kid: String,
    },
    /// Disable a key: all tokens that it signed are dead.
    Disable {
        /// Its kid, or the id of its component.
        kid: String,
        /// Even when no other key can sign with its algorithm: the realm then issues no such tokens.
        #[arg(long)]
        force: bool,
    },
}

/// A key as it is listed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    kid: String,
    algorithm: &'static str,
    status: &'static str,
    /// Whether new tokens of the algorithm are signed with it.
    signs: bool,
    priority: i64,
    provider: String,
    component_id: String,
}

pub(super) async fn run(desk: &Desk, arguments: &Arguments) -> Result<(), Failure> {
    let realm = &arguments.realm;
    match &arguments.verb {
        Verb::List => list(desk, &desk.realm(realm).await?),
        Verb::Rotate { algorithm, now } => rotate(desk, realm, *algorithm, if *now { Start::AtOnce } else { Start::Later }).await,
        Verb::Activate { kid } => activate(desk, realm, kid).await,
        Verb::Disable { kid, force } => disable(desk, realm, kid, if *force { Last::MayGo } else { Last::Stays }).await,
    }
}

/// When a new key begins to sign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    AtOnce,
    Later,
}

/// Whether the last key of an algorithm may be disabled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    MayGo,
    Stays,
}

fn list(desk: &Desk, open: &OpenRealm) -> Result<(), Failure> {
    let keys = &open.realm.keys;
    let mut rows: Vec<Row> = keys
        .iter()
        .map(|entry| {
            let algorithm = entry.signing.algorithm();
            Row {
                kid: entry.signing.key_id().as_str().to_owned(),
                algorithm: algorithm.as_str(),
                status: status(entry.status),
                signs: entry.status == KeyStatus::Active
                    && keys.signer(algorithm).is_some_and(|signer| signer.key_id() == entry.signing.key_id()),
                priority: entry.priority,
                provider: entry.provider.clone(),
                component_id: entry.component_id.clone(),
            }
        })
        .collect();
    // Within an algorithm the order is that of the keys' priorities.
    rows.sort_by_key(|row| row.algorithm);
    desk.output.list(&rows, "the realm has no key")
}

async fn rotate(desk: &Desk, option: &RealmOption, algorithm: Option<Algorithm>, start: Start) -> Result<(), Failure> {
    let algorithm = match algorithm {
        Some(algorithm) => algorithm,
        None => desk.realm(option).await?.realm.settings.default_signature_algorithm,
    };
    let action = if start == Start::AtOnce { "keys.rotate-now" } else { "keys.rotate" };
    let (open, kid) = change_realm(desk, option, EventKind::KeyChange, |open, draft| {
        let key = if algorithm.family() == Family::Hmac { None } else { Some(generate(algorithm)?) };
        draft.edit(|documents| add_key(documents, algorithm, key, &desk.entropy))?;
        let kid = added(&open.realm, draft.documents())?;
        match start {
            Start::AtOnce => draft.edit(|documents| retire_active_keys(documents, algorithm))?,
            Start::Later => draft.edit(|documents| set_key_use(documents, &kid, KeyUse::VerifyOnly))?,
        }
        Ok((kid.clone(), Deed::new(action, kid).with("algorithm", algorithm.as_str())))
    })
    .await?;
    let realm = &open.documents.name;
    let sentence = match start {
        Start::AtOnce => format!(
            "key {kid} signs {algorithm} tokens of realm {realm:?} from now on; the others are passive",
            algorithm = algorithm.as_str()
        ),
        Start::Later => {
            format!("key {kid} for {algorithm} is published in realm {realm:?}; it doesn't sign yet", algorithm = algorithm.as_str())
        }
    };
    desk.output.done(&sentence, &json!({ "action": action, "realm": realm, "kid": kid, "algorithm": algorithm.as_str() }))?;
    if start == Start::Later {
        let when = if algorithm.family() == Family::Hmac {
            format!("after {} (every server has taken it over then)", span(2 * CONFIGURATION_AGE_MAX_MS / 1000))
        } else {
            "when every application has fetched the key set again (a day is ample)".to_owned()
        };
        desk.output.hint(&format!("{when}, run `freshkey-server admin … keys activate {kid} --realm {realm}`"));
    }
    Ok(())
}

/// The kid of the key that is new.
fn added(before: &Realm, documents: &freshkey_core::documents::RealmDocuments) -> Result<String, Failure> {
    let (after, _) = build_realm(documents).map_err(|error| Failure::new(ExitStatus::Failed, error.to_string()))?;
    let is_new = |entry: &&RealmKeyEntry| before.keys.iter().all(|old| old.component_id != entry.component_id);
    let found = after.keys.iter().find(is_new).map(|entry| entry.signing.key_id().as_str().to_owned());
    found.ok_or_else(|| Failure::new(ExitStatus::Failed, "the new key cannot be used"))
}

async fn activate(desk: &Desk, option: &RealmOption, name: &str) -> Result<(), Failure> {
    let (open, kid) = change_realm(desk, option, EventKind::KeyChange, |open, draft| {
        let entry = find(&open.realm, name)?;
        let (kid, algorithm) = (entry.signing.key_id().as_str().to_owned(), entry.signing.algorithm());
        let above = |other: &&RealmKeyEntry| {
            other.signing.algorithm() == algorithm && other.status == KeyStatus::Active && other.component_id != entry.component_id
        };
        draft.edit(|documents| set_key_use(documents, &kid, KeyUse::SignAndVerify))?;
        for other in open.realm.keys.iter().filter(above) {
            draft.edit(|documents| set_key_use(documents, &other.component_id, KeyUse::VerifyOnly))?;
        }
        Ok((kid.clone(), Deed::new("keys.activate", kid).with("algorithm", algorithm.as_str())))
    })
    .await?;
    desk.output.done(
        &format!("key {kid} signs from now on; the others of its algorithm are passive"),
        &json!({ "action": "keys.activate", "realm": open.documents.name, "kid": kid }),
    )
}

async fn disable(desk: &Desk, option: &RealmOption, name: &str, last: Last) -> Result<(), Failure> {
    let (open, kid) = change_realm(desk, option, EventKind::KeyChange, |open, draft| {
        let entry = find(&open.realm, name)?;
        let (kid, algorithm) = (entry.signing.key_id().as_str().to_owned(), entry.signing.algorithm());
        draft.edit(|documents| set_key_use(documents, &entry.component_id, KeyUse::Nothing))?;
        let (after, _) = build_realm(draft.documents()).map_err(|error| Failure::new(ExitStatus::Failed, error.to_string()))?;
        let could_sign = open.realm.keys.signer(algorithm).is_some();
        if could_sign && after.keys.signer(algorithm).is_none() && last == Last::Stays {
            let hint = format!(
                "first `keys rotate --algorithm {} --now`, then disable this one; --force does it all the same",
                algorithm.as_str()
            );
            return Err(Failure::new(
                ExitStatus::Failed,
                format!("no other key can sign with {}; nothing was changed", algorithm.as_str()),
            )
            .with_hint(hint));
        }
        Ok((kid.clone(), Deed::new("keys.disable", kid).with("algorithm", algorithm.as_str())))
    })
    .await?;
    desk.output.done(
        &format!("key {kid} is disabled: what it signed is dead"),
        &json!({ "action": "keys.disable", "realm": open.documents.name, "kid": kid }),
    )
}

fn find<'r>(realm: &'r Realm, name: &str) -> Result<&'r RealmKeyEntry, Failure> {
    let found = realm.keys.iter().find(|entry| entry.component_id == name || entry.signing.key_id().as_str() == name);
    found.ok_or_else(|| not_found(&format!("key {name:?} in realm {:?}", realm.settings.name)).with_hint("`keys list` shows them"))
}

/// A fresh private key for an algorithm that has one.
pub(super) fn generate(algorithm: Algorithm) -> Result<GeneratedKey, Failure> {
    let kind = match algorithm {
        Algorithm::Es256 => KeyKind::P256,
        Algorithm::Es384 => KeyKind::P384,
        Algorithm::Es512 => KeyKind::P521,
        Algorithm::EdDsa => KeyKind::Ed25519,
        _ => KeyKind::Rsa2048,
    };
    let pkcs8 = generate_private_key(kind)
        .map_err(|_| Failure::new(ExitStatus::Failed, format!("a key for {} cannot be made", algorithm.as_str())))?;
    Ok(GeneratedKey { pkcs8, certificate: None })
}

fn parse_algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let names: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::as_str).collect();
        format!("no such algorithm; there are {}", names.join(", "))
    })
}

fn status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "active",
        KeyStatus::Passive => "passive",
        KeyStatus::Disabled => "disabled",
    }
}

impl Listed for Row {
    const COLUMNS: &'static [&'static str] = &["kid", "algorithm", "status", "signs", "priority", "provider"];

    fn cells(&self) -> Vec<String> {
        let signs = if self.signs { "yes" } else { "" };
        vec![
            self.kid.clone(),
            self.algorithm.to_owned(),
            self.status.to_owned(),
            signs.to_owned(),
            self.priority.to_string(),
            self.provider.clone(),
        ]
    }
}
