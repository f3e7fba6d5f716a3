//! The file of profiles: small, readable, and written whole by atomic rename, so that it is never half there.

use super::Profile;
use crate::directories::{self, Directories};
use crate::failure::{Failure, FailureKind};
use crate::files;
use crate::limits::PROFILES_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The profile that is meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// All of them, by name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Reads the file. None at all is the same as an empty one.
    pub fn read(directories: &Directories) -> Result<Self, Failure> {
        let path = directories.profiles_file();
        let Some(text) = files::read_text(&path, PROFILES_BYTES_MAX)? else { return Ok(Self::default()) };
        let wrong = |what: &str| Failure::new(FailureKind::Profile, format!("{} is wrong: {what}", path.display()));
        let read: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end()))?;
        read.profiles.iter().try_for_each(|(name, profile)| profile.check(name))?;
        if let Some(default) = read.default.as_ref().filter(|default| !read.profiles.contains_key(*default)) {
            return Err(wrong(&format!("its default, {default}, is none of its profiles")));
        }
        Ok(read)
    }

    /// Reads the file, changes it, and writes it, while nobody else does.
    pub fn change<T>(directories: &Directories, change: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        directories::private(&directories.config)?;
        let _locked = files::Locked::wait(&directories.config.join("profiles.lock"))?;
        let mut profiles = Self::read(directories)?;
        let before = profiles.clone();
        let answer = change(&mut profiles)?;
        profiles.profiles.iter().try_for_each(|(name, profile)| profile.check(name))?;
        if profiles != before {
            let text = toml::to_string_pretty(&profiles)
                .map_err(|error| Failure::new(FailureKind::Failed, format!("the profiles cannot be written: {error}")))?;
            files::replace(&directories.profiles_file(), text.as_bytes(), 0o600)?;
        }
        Ok(answer)
    }

    /// The profile of this name, or the default one, with its name.
    pub fn choose(&self, name: Option<&str>) -> Result<(&str, &Profile), Failure> {
        let known = || self.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let name = match (name, &self.default, self.profiles.len()) {
            (Some(name), _, _) => name,
            (None, Some(default), _) => default,
            (None, None, 1) => self.profiles.keys().next().map_or("", String::as_str),
            (None, None, 0) => {
                return Err(Failure::new(FailureKind::Profile, "there is no profile yet")
                    .with_hint("run `freshkey login --issuer URL --client-id ID`"));
            }
            (None, None, _) => {
                return Err(Failure::new(FailureKind::Profile, format!("which profile? There are {}", known()))
                    .with_hint("name one, or choose with `freshkey profiles default NAME`"));
            }
        };
        self.profiles.get_key_value(name).map(|(name, profile)| (name.as_str(), profile)).ok_or_else(|| {
            let there_are = if self.profiles.is_empty() { "there is none yet".to_owned() } else { format!("there are {}", known()) };
            Failure::new(FailureKind::Profile, format!("there is no profile {}: {there_are}", crate::failure::shown(name)))
                .with_hint("run `freshkey login NAME --issuer URL --client-id ID`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Directories) {
        let place = tempfile::tempdir().expect("a directory");
        let of = |name: &str| place.path().join(name);
        let directories = Directories { config: of("config"), state: of("state"), runtime: of("runtime") };
        (place, directories)
    }

    fn profile() -> Profile {
        toml::from_str("issuer = \"https://sso.example/realms/UA\"\nclient_id = \"ua-grant\"").expect("a profile")
    }

    #[test]
    fn what_was_written_is_read_and_the_rest_stays() {
        let (_place, directories) = place();
        assert_eq!(Profiles::read(&directories), Ok(Profiles::default()));
        for name in ["ua", "lab"] {
            let added = Profiles::change(&directories, |profiles| Ok(profiles.profiles.insert(name.to_owned(), profile())));
            assert_eq!(added, Ok(None));
        }
        let read = Profiles::read(&directories).expect("readable");
        assert_eq!(read.profiles.keys().collect::<Vec<_>>(), ["lab", "ua"]);
        assert_eq!(read.profiles["ua"].scope, "openid");
    }

    #[test]
    fn a_wrong_file_is_an_error_that_names_the_line_and_nothing_is_lost() {
        let (_place, directories) = place();
        directories::private(&directories.config).expect("made");
        for (text, expected) in [
            ("profiles = 7", "profiles"),
            ("[profiles.ua]\nissuer = \"https://sso.example\"\nclient_id = \"c\"\nscopes = \"openid\"", "scopes"),
            ("[profiles.ua]\nissuer = \"http://sso.example\"\nclient_id = \"c\"", "issuer"),
            ("default = \"ua\"", "ua"),
        ] {
            std::fs::write(directories.profiles_file(), text).expect("written");
            let error = Profiles::change(&directories, |profiles| Ok(profiles.profiles.insert("lab".to_owned(), profile())));
            assert!(error.as_ref().is_err_and(|error| error.kind == FailureKind::Profile && error.message.contains(expected)), "{error:?}");
            assert_eq!(std::fs::read_to_string(directories.profiles_file()).expect("there"), text);
        }
    }

    #[test]
    fn the_one_that_is_meant_is_found() {
        let mut profiles = Profiles::default();
        assert!(profiles.choose(None).expect_err("none").hint.expect("a hint").contains("login"));
        profiles.profiles.insert("ua".to_owned(), profile());
        assert_eq!(profiles.choose(None).expect("the only one").0, "ua");
        profiles.profiles.insert("lab".to_owned(), profile());
        assert!(profiles.choose(None).expect_err("two").message.contains("lab, ua"));
        profiles.default = Some("lab".to_owned());
        assert_eq!(profiles.choose(None).expect("the default").0, "lab");
        assert_eq!(profiles.choose(Some("ua")).expect("named").0, "ua");
        assert!(profiles.choose(Some("no\u{1b}ne")).expect_err("unknown").message.contains("no\\u{1b}ne"));
    }
}
