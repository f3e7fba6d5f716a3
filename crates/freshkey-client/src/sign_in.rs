//! How a sign-in comes about: five ways to a first set of tokens. Nothing is kept here; [`crate::keeper::Keeper::keep`] does that.

pub mod browser;
pub mod device;
pub mod from_file;

use crate::clock::{Clock, Moment};
use crate::failure::{Failure, FailureKind};
use crate::profile::Profile;
use crate::provider::{ClientAuthentication, Provider, TokenFailure, discover};
use crate::record::{Offline, Record, Renewal};
use crate::transport::Transport;
use freshkey_protocol::{ProviderMetadata, Secret, TokenReply};

/// The codes of a sign-in that was refused since a token without an end was asked for.
const OFFLINE_REFUSED: [&str; 2] = ["invalid_scope", "not_allowed"];

/// A provider that has been looked up, ready for a sign-in.
pub struct SignIn<'a> {
    name: &'a str,
    profile: &'a Profile,
    metadata: ProviderMetadata,
    transport: Transport,
    authentication: ClientAuthentication,
    clock: &'a dyn Clock,
}

impl<'a> SignIn<'a> {
    /// Looks the provider up. Its token endpoint must be an address that a secret may go to.
    pub async fn begin(name: &'a str, profile: &'a Profile, clock: &'a dyn Clock) -> Result<Self, Failure> {
        let told = |failure: TokenFailure| failure.told(name, &profile.issuer);
        let transport = Transport::new(profile.ca_file.as_deref()).map_err(|why| told(TokenFailure::Untrusted(why)))?;
        let metadata = discover(profile, &transport).await.map_err(told)?;
        crate::profile::secure_url(&metadata.token_endpoint).map_err(|why| {
            told(TokenFailure::Untrusted(format!("its token endpoint is {}: {why}", crate::failure::shown(&metadata.token_endpoint))))
        })?;
        let authentication = ClientAuthentication::of(profile, metadata.token_endpoint_auth_methods.as_deref())?;
        Ok(Self { name, profile, metadata, transport, authentication, clock })
    }

    /// What the provider says of itself.
    #[must_use]
    pub fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    /// With a name and a password (RFC 6749 §4.3), and a one-time code where the account has a device for them. The standard has no place for the code;
    /// Keycloak takes it as `totp`, whether it is by time or by count.
    pub async fn with_password(&self, username: &str, password: &Secret<String>, code: Option<&Secret<String>>) -> Result<Record, Failure> {
        let mut pairs =
            vec![("grant_type", "password"), ("username", username), ("password", password.expose()), ("scope", &self.profile.scope)];
        pairs.extend(code.map(|code| ("totp", code.expose().as_str())));
        let (reply, asked) = self.ask(&pairs).await.map_err(|failure| match failure {
            TokenFailure::InvalidGrant(text) => {
                Failure::new(FailureKind::SignIn, format!("{} did not accept the name and password: {text}", self.profile.issuer))
                    .with_hint("check both; an account with one-time codes signs in with --one-time-code, --device or --browser")
            }
            TokenFailure::Refused { code, description } if code == "unauthorized_client" => Failure::new(
                FailureKind::Refused,
                format!("the client {} may not sign in with a password: {description}", self.profile.client_id),
            )
            .with_hint("try --device or --browser, or have \"direct access grants\" switched on for the client"),
            other => self.told(&other),
        })?;
        self.record(reply, asked, Renewal::RefreshToken)
    }

    /// With the client's own credentials (RFC 6749 §4.4).
    pub async fn with_client_credentials(&self) -> Result<Record, Failure> {
        if matches!(self.authentication, ClientAuthentication::None) {
            return Err(Failure::new(FailureKind::Usage, "a client signs in for itself with its secret only")
                .with_hint("name its file with --client-secret-file"));
        }
        let (reply, asked) = self.ask_told(&[("grant_type", "client_credentials"), ("scope", &self.profile.scope)]).await?;
        self.record(reply, asked, Renewal::ClientCredentials)
    }

    /// With a refresh token that was got elsewhere, from a download page for instance. It is used at once, so that a wrong one is noticed now.
    pub async fn with_refresh_token(&self, token: &Secret<String>) -> Result<Record, Failure> {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.expose().as_str())];
        let (reply, asked) = self.ask(&pairs).await.map_err(|failure| match failure {
            TokenFailure::InvalidGrant(text) => {
                Failure::new(FailureKind::SignIn, format!("{} does not accept this refresh token: {text}", self.profile.issuer))
                    .with_hint("it may be over, used up, or of another client: check --client-id, or get a new one")
            }
            other => other.told(self.name, &self.profile.issuer),
        })?;
        let reply = TokenReply { refresh_token: reply.refresh_token.clone().or_else(|| Some(token.clone())), ..reply };
        self.record(reply, asked, Renewal::RefreshToken)
    }

    async fn ask(&self, pairs: &[(&str, &str)]) -> Result<(TokenReply, Moment), TokenFailure> {
        let provider = self.provider();
        let asked = self.clock.now();
        provider.token(&self.metadata.token_endpoint, pairs).await.map(|reply| (reply, asked))
    }

    async fn ask_told(&self, pairs: &[(&str, &str)]) -> Result<(TokenReply, Moment), Failure> {
        self.ask(pairs).await.map_err(|failure| self.told(&failure))
    }

    /// Some providers refuse the whole sign-in when a token without an end was asked for and may not be given (Keycloak: `not_allowed`).
    fn told(&self, failure: &TokenFailure) -> Failure {
        match failure {
            TokenFailure::Refused { code, description } if self.profile.wants_offline() && OFFLINE_REFUSED.contains(&code.as_str()) => {
                let what = format!("{} refused the sign-in with offline_access: {code} ({description})", self.profile.issuer);
                Failure::new(FailureKind::Refused, what).with_hint(format!(
                    "sign in without it (--scope openid), or have it allowed: the client {} needs the scope offline_access, and the user the role",
                    self.profile.client_id
                ))
            }
            other => other.told(self.name, &self.profile.issuer),
        }
    }

    fn provider(&self) -> Provider<'_> {
        Provider { transport: &self.transport, client_id: &self.profile.client_id, authentication: &self.authentication }
    }

    fn record(&self, reply: TokenReply, asked: Moment, renewal: Renewal) -> Result<Record, Failure> {
        let mut record = Record {
            version: 0,
            issuer: self.metadata.issuer.clone(),
            token_endpoint: self.metadata.token_endpoint.clone(),
            revocation_endpoint: self.metadata.revocation_endpoint.clone().filter(|url| crate::profile::secure_url(url).is_ok()),
            authentication_methods: self.metadata.token_endpoint_auth_methods.clone(),
            client_id: self.profile.client_id.clone(),
            renewal,
            subject: None,
            signed_in_at: asked.wall_s(),
            refresh_token: None,
            refresh_life: None,
            offline: if self.profile.wants_offline() { Offline::Denied } else { Offline::NotAsked },
            access: None,
            intent: None,
            failed: None,
            ended: None,
        };
        record.take(reply, asked);
        if renewal == Renewal::ClientCredentials {
            record.offline = Offline::NotAsked;
        }
        Ok(record)
    }
}

/// What to tell somebody who asked for a sign-in without an end and did not get it: the trap of an `offline_access` that is silently left out.
#[must_use]
pub fn offline_warning(record: &Record) -> Option<String> {
    (record.offline == Offline::Denied).then(|| {
        format!(
            "offline_access was asked for and not granted: this sign-in ends when it is unused for a while, or with the session. \
             {} has to allow it: the client {} needs the scope offline_access, and the user the role offline_access",
            record.issuer, record.client_id
        )
    })
}
