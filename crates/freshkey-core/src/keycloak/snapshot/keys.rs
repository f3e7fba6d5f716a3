//! Keys from key components (KEYCLOAK §4.1). A key that can't be used is a warning with its name; the realm goes on without it.

use super::read_document;
use crate::documents::ConfigItem;
use crate::keycloak::problems::{ItemProblems, Problems, WarningReason, named};
use crate::keycloak::representation::{ComponentRepresentation, TextLists};
use crate::keycloak::secrets;
use crate::keys::{KeyStatus, RealmKeyEntry, RealmKeys};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{Algorithm, KeyError, KeyId, SigningKey};

/// Keycloak's type of key components.
pub(crate) const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

pub(super) fn read<'a>(items: impl Iterator<Item = &'a ConfigItem>, problems: &mut Problems) -> RealmKeys {
    let mut entries = Vec::new();
    for item in items {
        if secrets::is_realm_secrets(item) {
            continue;
        }
        let whole = secrets::whole(item);
        let component: ComponentRepresentation = read_document(&whole, &named("component", &item.name), problems);
        if component.provider_type.get().is_none_or(|kind| kind != KEY_PROVIDER) {
            continue;
        }
        let shown_name = component.name.get().unwrap_or(&item.name);
        let mut of_key = problems.of(format!("{} ({})", named("key", shown_name), item.id));
        entries.extend(read_key(item, &component, &mut of_key));
    }
    RealmKeys::new(entries)
}

fn read_key(item: &ConfigItem, component: &ComponentRepresentation, problems: &mut ItemProblems<'_>) -> Option<RealmKeyEntry> {
    let provider = problems.text("providerId", &component.provider_id)?;
    let none = TextLists::new();
    let config = Config(problems.read("config", &component.config).unwrap_or(&none));
    let status = config.status(problems);
    let priority = config.priority(problems);
    let signing = match provider {
        "rsa-generated" | "rsa" => config.private_key("RS256"),
        "ecdsa-generated" => config.ecdsa_key(),
        "eddsa-generated" => config.private_key("EdDSA"),
        "hmac-generated" => config.hmac_key(),
        // Encryption isn't offered; these are kept for Keycloak's sake.
        "rsa-enc-generated" | "rsa-enc" | "aes-generated" | "ecdh-generated" => return None,
        other => {
            problems.warn(WarningReason::UnknownKeyProvider(other.to_owned()));
            return None;
        }
    };
    let keys = signing.and_then(|signing| {
        let verifying = signing.verifying_key().map_err(Fault::Key)?;
        Ok((signing, verifying))
    });
    match keys {
        Ok((signing, verifying)) => Some(RealmKeyEntry {
            component_id: item.id.clone(),
            provider: provider.to_owned(),
            priority,
            status,
            signing,
            verifying,
            certificates: config.certificates(),
        }),
        Err(fault) => {
            problems.warn(WarningReason::UnusableKey(fault.words()));
            None
        }
    }
}

/// Settings of a key component.
struct Config<'a>(&'a TextLists);

/// Why a key can't be used.
enum Fault {
    Missing(&'static str),
    Algorithm(String),
    Secret,
    Key(KeyError),
}

impl Fault {
    fn words(&self) -> String {
        match self {
            Self::Missing(field) => format!("{field} is missing"),
            Self::Algorithm(name) => format!("this server has no signature algorithm {name:?}"),
            Self::Secret => "the secret isn't base64url".to_owned(),
            Self::Key(error) => match error {
                KeyError::Malformed => "it isn't PEM, base64 or DER of a key",
                KeyError::Unsupported => "this kind of key isn't offered",
                KeyError::WrongAlgorithm => "it is of another kind than its algorithm",
                KeyError::RsaTooSmall => "it has fewer than 2048 bits",
                KeyError::RsaTooLarge => "it has more than 8192 bits",
                KeyError::SecretTooShort => "the secret is shorter than the hash of its algorithm",
                KeyError::Inconsistent => "its parts don't belong together",
                KeyError::BadKeyId => "its kid is empty, too long or not printable",
                KeyError::NotForSignatures => "it isn't for signatures",
                KeyError::Failed => "the cryptographic library failed",
            }
            .to_owned(),
        }
    }
}

impl Config<'_> {
    fn first(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.first()).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<&str, Fault> {
        self.first(name).ok_or(Fault::Missing(name))
    }

    fn algorithm(&self, absent: &str) -> Result<Algorithm, Fault> {
        let name = self.first("algorithm").unwrap_or(absent);
        Algorithm::parse(name).ok_or_else(|| Fault::Algorithm(name.chars().take(32).collect()))
    }

    fn private_key(&self, absent: &str) -> Result<SigningKey, Fault> {
        SigningKey::from_private_key_text(self.algorithm(absent)?, self.required("privateKey")?).map_err(Fault::Key)
    }

    /// Keycloak names the curve where newer versions name the algorithm too.
    fn ecdsa_key(&self) -> Result<SigningKey, Fault> {
        let algorithm = match self.first("ecdsaEllipticCurveKey") {
            Some("P-384") => "ES384",
            Some("P-521") => "ES512",
            _ => "ES256",
        };
        let text = self.first("privateKey").map_or_else(|| self.required("ecdsaPrivateKey"), Ok)?;
        SigningKey::from_private_key_text(self.algorithm(algorithm)?, text).map_err(Fault::Key)
    }

    fn hmac_key(&self) -> Result<SigningKey, Fault> {
        // Components from before Keycloak 24 name no algorithm and are HS256.
        let algorithm = self.algorithm("HS256")?;
        let secret = base64url::decode(self.required("secret")?.trim_end_matches('=').as_bytes()).map_err(|_| Fault::Secret)?;
        let key_id = KeyId::parse(self.required("kid")?).map_err(Fault::Key)?;
        SigningKey::from_hmac_secret(key_id, algorithm, &secret).map_err(Fault::Key)
    }

    fn status(&self, problems: &mut ItemProblems<'_>) -> KeyStatus {
        match (self.flag("enabled", problems), self.flag("active", problems)) {
            (true, true) => KeyStatus::Active,
            (true, false) => KeyStatus::Passive,
            (false, _) => KeyStatus::Disabled,
        }
    }

    /// Absent is true, as in Keycloak.
    fn flag(&self, name: &str, problems: &mut ItemProblems<'_>) -> bool {
        match self.first(name) {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => {
                problems.broken(&format!("config.{name}"), format!("{:?}", other.chars().take(32).collect::<String>()), "true or false");
                false
            }
        }
    }

    fn priority(&self, problems: &mut ItemProblems<'_>) -> i64 {
        let Some(text) = self.first("priority") else { return 0 };
        text.parse().unwrap_or_else(|_| {
            problems.broken("config.priority", format!("{:?}", text.chars().take(32).collect::<String>()), "a whole number");
            0
        })
    }

    /// The certificate in DER, if it can be read.
    fn certificates(&self) -> Vec<Vec<u8>> {
        let text: String = self.first("certificate").unwrap_or_default().lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(text.trim()).ok().filter(|der| !der.is_empty()).into_iter().collect()
    }
}
