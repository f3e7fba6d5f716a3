//! What somebody says of the profile that they want to sign in to, and the profile that is meant by it.

use super::file::Profiles;
use super::{DEFAULT_SCOPE, Profile, check_name};
use crate::failure::{Failure, FailureKind};
use crate::limits::PROFILE_NAME_MAX;
use std::path::PathBuf;

/// What was said. What was not is as the profile has it, if it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileWish {
    /// Its name. By default the last part of the issuer's address, in small letters.
    pub name: Option<String>,
    /// The provider.
    pub issuer: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// The file with the client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// The authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// The authorities to trust for a profile that is new, if none are named: those of the platform that this runs on.
    pub platform_ca_file: Option<PathBuf>,
    /// What to ask for.
    pub scope: Option<String>,
    /// Where the discovery document is.
    pub discovery_url: Option<String>,
}

impl ProfileWish {
    /// The profile that is meant, with what was said in place of what it knows.
    pub fn described(self, profiles: &Profiles) -> Result<(String, Profile), Failure> {
        let name = match (&self.name, &self.issuer) {
            (Some(name), _) => name.clone(),
            (None, Some(issuer)) => name_of(issuer),
            (None, None) => profiles.choose(None)?.0.to_owned(),
        };
        check_name(&name)?;
        let known = profiles.profiles.get(&name);
        let needed = |what: &str| {
            Failure::new(FailureKind::Usage, format!("{what} is needed for a new profile"))
                .with_hint(format!("run `freshkey login {name} --issuer URL --client-id ID`"))
        };
        let of_known = |field: fn(&Profile) -> &String| known.map(|profile| field(profile).clone());
        let issuer = self.issuer.or_else(|| of_known(|profile| &profile.issuer)).ok_or_else(|| needed("--issuer"))?;
        if let Some(known) = known.filter(|known| known.issuer != issuer && self.name.is_none()) {
            return Err(Failure::new(FailureKind::Usage, format!("the profile {name} is that of {}", known.issuer))
                .with_hint(format!("give the new one a name: `freshkey login NAME --issuer {issuer} …`")));
        }
        let profile = Profile {
            issuer,
            client_id: self.client_id.or_else(|| of_known(|profile| &profile.client_id)).ok_or_else(|| needed("--client-id"))?,
            discovery_url: self.discovery_url.or_else(|| known.and_then(|known| known.discovery_url.clone())),
            client_secret_file: self.client_secret_file.or_else(|| known.and_then(|known| known.client_secret_file.clone())),
            scope: self.scope.or_else(|| of_known(|profile| &profile.scope)).unwrap_or_else(|| DEFAULT_SCOPE.to_owned()),
            ca_file: self.ca_file.or_else(|| known.map_or(self.platform_ca_file, |known| known.ca_file.clone())),
            access_token_file: None,
            deliveries: known.map(|known| known.deliveries.clone()).unwrap_or_default(),
        };
        Ok((name, profile))
    }
}

/// The last part of an issuer's address that can be a name.
#[must_use]
pub fn name_of(issuer: &str) -> String {
    let last = issuer.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let plain: String = last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    plain.trim_start_matches(['-', '_', '.']).chars().take(PROFILE_NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_the_profile_has_it() {
        let wish = |issuer: &str| ProfileWish { issuer: Some(issuer.to_owned()), ..ProfileWish::default() };
        let new = ProfileWish {
            client_id: Some("ua-grant".to_owned()),
            platform_ca_file: Some(PathBuf::from("/etc/ca.pem")),
            ..wish("https://sso.example/realms/UA/")
        };
        let mut profiles = Profiles::default();
        let (name, profile) = new.described(&profiles).expect("a new one");
        assert_eq!((name.as_str(), profile.scope.as_str()), ("ua", "openid"));
        assert_eq!(profile.ca_file, Some(PathBuf::from("/etc/ca.pem")));
        profiles.profiles.insert(name, profile.clone());
        let again = ProfileWish { platform_ca_file: Some(PathBuf::from("/other.pem")), scope: Some("a".to_owned()), ..Default::default() };
        let expected = Profile { scope: "a".to_owned(), ..profile };
        assert_eq!(again.described(&profiles), Ok(("ua".to_owned(), expected)));
        for (wish, why) in [
            (wish("https://other.example/UA"), "is that of"),
            (wish("https://sso.example/realms/lab"), "--client-id"),
            (ProfileWish { name: Some("lab".to_owned()), ..Default::default() }, "--issuer"),
            (ProfileWish { name: Some("../x".to_owned()), ..Default::default() }, "no name"),
        ] {
            let failure = wish.described(&profiles).expect_err(why);
            assert!(failure.message.contains(why), "{failure}");
        }
    }
}
