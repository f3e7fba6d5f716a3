//! Which addresses a token may be sent to: those of the account and those that its user has named, by https or on this machine (T-082).

use freshkey_client::profile::{Profile, secure_url};

/// Where a token may go: the scheme, the host and the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// Of an address that a secret may be sent to; the reason why not, otherwise.
    pub(crate) fn of(url: &str) -> Result<Self, String> {
        let url = secure_url(url)?;
        Ok(Self(url.origin().ascii_serialization()))
    }
}

/// The account's own: its provider, and what it was set up to supply.
pub(crate) fn of_account(profile: &Profile) -> impl Iterator<Item = Origin> {
    let supplied = profile.deliveries.iter().filter_map(|delivery| delivery.url.as_deref());
    std::iter::once(profile.issuer.as_str()).chain(supplied).filter_map(|url| Origin::of(url).ok())
}
