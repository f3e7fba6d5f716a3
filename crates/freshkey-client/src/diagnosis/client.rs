//! The client, as the provider knows it. It is asked with a refresh token that is none: a provider looks at the client first (RFC 6749 §5.2), says so if
//! that is wrong, and refuses the token otherwise. No token of anybody's is used up by it.

use super::discovery::Provider;
use super::key::Kept;
use super::{Check, Cure, Patient, Report, settings, shell_path};
use crate::failure::FailureKind;
use crate::provider::{ClientAuthentication, Provider as Client, TokenFailure};

/// What is presented in place of a refresh token.
const NO_TOKEN: &str = "freshkey-doctor-asks-without-a-token";
/// A client that no provider knows.
const NO_CLIENT: &str = "freshkey-doctor-asks-as-nobody";

/// How somebody can sign in through the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it likes: a password is taken.
    Any,
    /// In a browser alone.
    Browser,
    /// On another device alone.
    Device,
    /// Not with a password, and nothing else is offered.
    None,
}

impl Way {
    /// The option of `freshkey login`.
    pub(super) const fn option(self) -> &'static str {
        match self {
            Self::Browser => " --browser",
            Self::Device => " --device",
            Self::Any | Self::None => "",
        }
    }
}

/// `None` when the provider does not take the client.
pub(super) async fn examine(report: &mut Report<'_>, patient: &Patient<'_>, provider: &Provider, kept: &Kept) -> Option<Way> {
    let profile = patient.profile;
    let methods = provider.metadata.token_endpoint_auth_methods.as_deref();
    // What is wrong with the file was said before.
    let authentication = ClientAuthentication::of(profile, methods).ok()?;
    let client = Client { transport: &provider.transport, client_id: &profile.client_id, authentication: &authentication };
    let endpoint = &provider.metadata.token_endpoint;
    let asked = client.token(endpoint, &[("grant_type", "refresh_token"), ("refresh_token", NO_TOKEN)]).await;
    match asked.err() {
        Some(TokenFailure::InvalidGrant(_)) | None => {}
        Some(TokenFailure::Refused { code, description }) if ["invalid_client", "unauthorized_client"].contains(&code.as_str()) => {
            refused(report, patient, &client, endpoint, (&code, &description)).await;
            return None;
        }
        // A provider that looks at the token before it looks at the client has told nothing of the client.
        Some(TokenFailure::Refused { .. }) => {}
        Some(failure) => {
            let told = failure.told(patient.name, &profile.issuer);
            let cure = Cure::both("look again in a while; what is signed in stays so", patient.examines());
            report.problem(Check::Client, told.kind, format!("at the token endpoint, {}", told.message), cure);
            return None;
        }
    }
    let is_signed_in = kept.record().is_some_and(|record| record.ended.is_none()) || matches!(kept, Kept::Hidden | Kept::Blocked);
    let way = if is_signed_in { Way::Any } else { way(&client, provider).await };
    if way == Way::None {
        let says = format!(
            "the client {} may not sign anybody in with a name and password: direct access grants are switched off for it",
            profile.client_id
        );
        let cure = Cure::advice(format!(
            "have \"direct access grants\" switched on for the client at {}, then `{}`",
            profile.issuer,
            patient.signs_in()
        ));
        report.problem(Check::Client, FailureKind::Refused, says, cure);
        return Some(way);
    }
    let what =
        if matches!(authentication, ClientAuthentication::None) { "a public client" } else { "a client with a secret, which is right" };
    report.ok(Check::Client, format!("{} is {what}", profile.client_id));
    Some(way)
}

/// Which of three it is: nobody knows the client, it wants a secret, or another one. Providers differ in their codes; one that answers a client that
/// does not exist in another way than this one knows this one.
async fn refused(report: &mut Report<'_>, patient: &Patient<'_>, client: &Client<'_>, endpoint: &str, (code, description): (&str, &str)) {
    let (id, issuer) = (&patient.profile.client_id, &patient.profile.issuer);
    let nobody = Client { client_id: NO_CLIENT, ..*client };
    let of_nobody = nobody.token(endpoint, &[("grant_type", "refresh_token"), ("refresh_token", NO_TOKEN)]).await.err();
    let is_known = !matches!(of_nobody, Some(TokenFailure::Refused { code: other, .. }) if other == code);
    let words = format!("{issuer} says {code} ({description})");
    let secret_file = patient.profile.client_secret_file.as_deref();
    let (says, cure) = match (secret_file, is_known) {
        (None, true) => {
            (format!("the client {id} is confidential now, and the profile has no secret of it: {words}"), with_secret(patient))
        }
        (Some(path), true) => (format!("the client's secret in {} is wrong: {words}", path.display()), settings::secret_written(path)),
        (None, false) => {
            let says = format!("the provider does not know the client {id}, or not without a secret: {words}");
            let advice =
                format!("ask who runs {issuer} for the client's name and whether it has a secret, then `{}`", other_client(patient));
            (says, Cure::advice(advice))
        }
        (Some(path), false) => {
            let says = format!("the provider does not know the client {id}, or not with the secret in {}: {words}", path.display());
            let advice = format!(
                "ask who runs {issuer} for both; a new secret goes into the file by `{}`",
                settings::secret_written(path).command.unwrap_or_default()
            );
            (says, Cure::advice(advice))
        }
    };
    report.problem(Check::Client, FailureKind::Refused, says, cure);
}

fn with_secret(patient: &Patient<'_>) -> Cure {
    let file = format!("~/.config/freshkey/{}.secret", patient.name);
    let command = format!("install -m 600 /dev/stdin {file} && {} --client-secret-file {file}", patient.signs_in());
    Cure::both("get the secret from who runs the client; paste it, then press Enter and Ctrl-D", command)
}

fn other_client(patient: &Patient<'_>) -> String {
    let secret =
        patient.profile.client_secret_file.as_deref().map(|path| format!(" --client-secret-file {}", shell_path(path))).unwrap_or_default();
    format!("freshkey login {} --issuer {} --client-id ID{secret}", patient.name, patient.profile.issuer)
}

/// A password grant without a name: whether the client may use it is said before what it lacks.
async fn way(client: &Client<'_>, provider: &Provider) -> Way {
    let asked = client.token(&provider.metadata.token_endpoint, &[("grant_type", "password")]).await;
    let takes_passwords =
        !matches!(asked, Err(TokenFailure::Refused { code, .. }) if code == "unauthorized_client" || code == "unsupported_grant_type");
    match (takes_passwords, &provider.metadata.device_authorization_endpoint, &provider.metadata.authorization_endpoint) {
        (true, _, _) => Way::Any,
        (false, Some(_), _) => Way::Device,
        (false, None, Some(_)) => Way::Browser,
        (false, None, None) => Way::None,
    }
}
