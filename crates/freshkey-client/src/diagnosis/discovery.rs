//! What the provider says of itself, and what was probably meant where it says nothing: a realm in other letters, a slash too many.

use super::key::Kept;
use super::{Case, Check, Cure, Patient, Report, clock, network, shell_word, tls};
use crate::failure::{FailureKind, shown};
use crate::profile::{Profile, secure_url};
use crate::transport::{Reply, Transport, TransportError};
use freshkey_protocol::{ProviderMetadata, ProviderMetadataError};
use serde_json::Value;

/// Addresses that are tried in place of one where nothing is.
const GUESSES_MAX: usize = 8;

/// A provider that answers.
pub(super) struct Provider {
    pub(super) metadata: ProviderMetadata,
    pub(super) transport: Transport,
    /// The names of its keys, if they could be had.
    pub(super) key_ids: Option<Vec<String>>,
}

pub(super) async fn examine(report: &mut Report<'_>, case: &Case<'_>, patient: &Patient<'_>, kept: &Kept) -> Option<Provider> {
    let profile = patient.profile;
    let transport = Transport::new(profile.ca_file.as_deref()).ok()?;
    let url = profile.discovery_url.clone().unwrap_or_else(|| ProviderMetadata::url_of(&profile.issuer));
    let reply = match transport.get(&url).await {
        Ok(reply) => reply,
        Err(error) => {
            unanswered(report, patient, &url, &error);
            return None;
        }
    };
    let now_s = case.clock.now().wall_s();
    if reply.status != 200 {
        refused(report, patient, kept, &transport, &url, &reply).await;
        return None;
    }
    match ProviderMetadata::parse(&profile.issuer, &reply.body) {
        Ok(metadata) => {
            clock::examine(report, reply.date_s, now_s);
            let is_fit = endpoint(report, patient, kept, &metadata);
            let key_ids = keys(report, &transport, &metadata).await;
            is_fit.then_some(Provider { metadata, transport, key_ids })
        }
        Err(ProviderMetadataError::OtherIssuer(said)) => {
            other_issuer(report, patient, &url, &said);
            None
        }
        Err(ProviderMetadataError::NotJson) => {
            page(report, patient, &url, &reply);
            None
        }
        Err(ProviderMetadataError::Member(name)) => {
            let cure =
                Cure::advice(format!("have who runs it look at {url}; if the issuer is another one, `{}`", patient.signs_in_at("URL")));
            report.problem(Check::Discovery, FailureKind::Strange, format!("the discovery document at {url} has no usable {name}"), cure);
            None
        }
    }
}

/// A connection was made before, so this is about what follows it.
fn unanswered(report: &mut Report<'_>, patient: &Patient<'_>, url: &str, error: &TransportError) {
    let (kind, says) = match error {
        TransportError::TimedOut => (FailureKind::Unavailable, format!("{url} did not answer in time")),
        TransportError::Lost(why) | TransportError::NoConnection(why) => {
            if let Some(https) = speaks_tls(patient.profile) {
                let says = format!("{} speaks https, and the issuer says http", patient.place());
                return report.problem(Check::Discovery, FailureKind::Untrusted, says, Cure::command(patient.signs_in_at(&https)));
            }
            (FailureKind::Unavailable, format!("the connection to {url} ended before its answer: {}", shown(why)))
        }
        TransportError::TooLong => (FailureKind::Strange, format!("{url} answers more than any discovery document has")),
        TransportError::Insecure(why) => (FailureKind::Untrusted, format!("{url} can't be asked: {}", shown(why))),
        TransportError::NoAddress(why) => (FailureKind::Unavailable, format!("{url} has no address any more: {}", shown(why))),
        TransportError::Untrusted(why) => {
            (FailureKind::Untrusted, format!("{url} shows another certificate than a moment ago: {}", shown(why)))
        }
    };
    report.problem(Check::Discovery, kind, says, Cure::both("look again in a while; what is signed in stays so", patient.examines()));
}

/// The issuer with https in it, if that is what answers at the address of one with http.
fn speaks_tls(profile: &Profile) -> Option<String> {
    let issuer = Some(&profile.issuer).filter(|_| profile.discovery_url.is_none())?;
    let url = secure_url(issuer).ok().filter(|url| url.scheme() == "http")?;
    let reached = network::reach(&url).ok()?;
    tls::look(reached.stream, &network::host_and_port(&url).0).ok()?;
    Some(issuer.replacen("http://", "https://", 1))
}

async fn refused(report: &mut Report<'_>, patient: &Patient<'_>, kept: &Kept, transport: &Transport, url: &str, reply: &Reply) {
    let status = reply.status;
    match status {
        429 | 500.. => {
            let wait = reply.retry_after_s.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
            let says = format!("the provider is up, and cannot answer now: {url} says {status}");
            let cure = Cure::both(format!("wait{wait}; what is signed in stays so"), patient.examines());
            report.problem(Check::Discovery, FailureKind::Unavailable, says, cure);
        }
        300..=399 => {
            let says = format!("{url} sends elsewhere ({status}), which is not followed with a secret");
            let cure = Cure::advice(format!("use the address that it sends to as the issuer: `{}`", patient.signs_in_at("URL")));
            report.problem(Check::Discovery, FailureKind::Strange, says, cure);
        }
        404 | 400 | 410 => nothing_there(report, patient, kept, transport, url, status).await,
        _ if is_page(&reply.body) => page(report, patient, url, reply),
        _ => {
            let says = format!("{url} says {status}");
            report.problem(
                Check::Discovery,
                FailureKind::Strange,
                says,
                Cure::advice(format!("check the issuer; then `{}`", patient.signs_in_at("URL"))),
            );
        }
    }
}

async fn nothing_there(report: &mut Report<'_>, patient: &Patient<'_>, kept: &Kept, transport: &Transport, url: &str, status: u16) {
    let issuer = &patient.profile.issuer;
    let says = format!("the host is right, and there is no provider {issuer} on it ({status} at {url})");
    let known = kept.record().map(|record| record.issuer.clone()).filter(|known| known != issuer);
    for guess in known.into_iter().chain(guesses(issuer)).take(GUESSES_MAX) {
        let Ok(reply) = transport.get(&ProviderMetadata::url_of(&guess)).await else { continue };
        if reply.status == 200 && ProviderMetadata::parse(&guess, &reply.body).is_ok() {
            let says = format!("{says}; there is {guess}");
            return report.problem(Check::Discovery, FailureKind::Refused, says, Cure::command(patient.signs_in_at(&guess)));
        }
    }
    let advice = format!("ask who runs it for the issuer (the name of the realm is its last part), then `{}`", patient.signs_in_at("URL"));
    report.problem(Check::Discovery, FailureKind::Refused, says, Cure::advice(advice));
}

/// What is typed in place of an issuer, undone: a slash at the end, other letters, an address below it, a path that one release has and another has not.
fn guesses(issuer: &str) -> Vec<String> {
    let base = ["/.well-known", "/protocol/"].iter().filter_map(|part| issuer.find(part)).min().map_or(issuer, |at| &issuer[..at]);
    let base = base.trim_end_matches('/');
    let mut all = vec![base.to_owned()];
    if let Some((above, realm)) = base.rsplit_once('/') {
        all.extend([realm.to_uppercase(), realm.to_lowercase()].map(|realm| format!("{above}/{realm}")));
        if !above.ends_with("/realms") {
            all.push(format!("{above}/realms/{realm}"));
        }
    }
    if base.contains("/auth/") {
        all.push(base.replacen("/auth/", "/", 1));
    } else if let Some((host, realm)) = base.split_once("/realms/") {
        all.push(format!("{host}/auth/realms/{realm}"));
    }
    if let Some((host, realm)) = base.split_once("/realm/") {
        all.push(format!("{host}/realms/{realm}"));
    }
    all.retain(|guess| guess != issuer && secure_url(guess).is_ok());
    all
}

fn other_issuer(report: &mut Report<'_>, patient: &Patient<'_>, url: &str, said: &str) {
    let issuer = &patient.profile.issuer;
    let problem = |report: &mut Report<'_>, says: String, cure: Cure| report.problem(Check::Discovery, FailureKind::Untrusted, says, cure);
    if said.trim_end_matches('/') == issuer.trim_end_matches('/') {
        let which = if issuer.ends_with('/') {
            "a slash at its end that does not belong there"
        } else {
            "no slash at its end, and one belongs there"
        };
        return problem(
            report,
            format!("the issuer has {which}: the provider calls itself {said}"),
            Cure::command(patient.signs_in_at(said)),
        );
    }
    let host = |text: &str| secure_url(text).ok().map(|url| network::host_and_port(&url));
    let says = format!("the discovery document at {url} is that of {}, not of {issuer}", shown(said));
    match host(said) {
        Some(its) if Some(&its) == host(issuer).as_ref() => problem(report, says, Cure::command(patient.signs_in_at(said))),
        Some(_) => {
            let command = format!("{} --discovery-url {}", patient.signs_in_at(said), shell_word(url));
            problem(report, says, Cure::both("if that is the provider's right name, and it is only reached at another address", command));
        }
        None => problem(report, says, Cure::advice("have who runs the provider set its public address: it must be https")),
    }
}

fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

fn page(report: &mut Report<'_>, patient: &Patient<'_>, url: &str, reply: &Reply) {
    let what = if is_page(&reply.body) { "a page for people" } else { "something else than a discovery document" };
    let says =
        format!("{url} answers {what} ({}): a proxy or the network's sign-in page has answered in the provider's place", reply.status);
    let advice =
        format!("open {url} in a browser, and sign in to the network there; if it is no provider at all, `{}`", patient.signs_in_at("URL"));
    report.problem(Check::Discovery, FailureKind::Strange, says, Cure::advice(advice));
}

/// Whether tokens can be asked for where the document says, and as at the sign-in.
fn endpoint(report: &mut Report<'_>, patient: &Patient<'_>, kept: &Kept, metadata: &ProviderMetadata) -> bool {
    let endpoint = &metadata.token_endpoint;
    if let Err(why) = secure_url(endpoint) {
        let says = format!("the provider's token endpoint is {}: {why}", shown(endpoint));
        let cure = Cure::advice("have who runs the provider set its public address: it must be https");
        report.problem(Check::Discovery, FailureKind::Untrusted, says, cure);
        return false;
    }
    match kept.record().filter(|record| record.issuer == metadata.issuer && record.token_endpoint != *endpoint) {
        Some(record) => {
            let says = format!(
                "the token endpoint is {} now, and was {} at the sign-in, where it is still asked",
                shown(endpoint),
                record.token_endpoint
            );
            report.warning(Check::Discovery, says, Cure::command(patient.signs_in()));
        }
        None => report.ok(Check::Discovery, format!("{} is who it should be", metadata.issuer)),
    }
    true
}

/// The names of the keys that the provider signs with. Its tokens are checked by others with them, so that nothing of ours fails without.
async fn keys(report: &mut Report<'_>, transport: &Transport, metadata: &ProviderMetadata) -> Option<Vec<String>> {
    let unusable = |report: &mut Report<'_>, what: String| {
        report.warning(Check::Keys, what, Cure::advice("have who runs the provider look at it: APIs cannot check its tokens"));
    };
    let Some(url) = &metadata.jwks_uri else {
        unusable(report, "the provider publishes no keys".to_owned());
        return None;
    };
    let set = match transport.get(url).await {
        Ok(reply) if reply.status == 200 => serde_json::from_slice::<Value>(&reply.body).ok(),
        Ok(reply) => {
            unusable(report, format!("the provider's keys cannot be had: {} says {}", shown(url), reply.status));
            return None;
        }
        Err(error) => {
            unusable(report, format!("the provider's keys cannot be had from {}: {error:?}", shown(url)));
            return None;
        }
    };
    let keys = set.as_ref().and_then(|set| set.get("keys")?.as_array()).filter(|keys| !keys.is_empty());
    let Some(keys) = keys else {
        unusable(report, format!("there are no keys at {}", shown(url)));
        return None;
    };
    report.ok(Check::Keys, format!("{} published", keys.len()));
    Some(keys.iter().filter_map(|key| key.get("kid")?.as_str().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_place_of_an_issuer_leads_to_it() {
        for (typed, meant) in [
            ("https://sso.example/realms/UA/", "https://sso.example/realms/UA"),
            ("https://sso.example/realms/ua", "https://sso.example/realms/UA"),
            ("https://sso.example/realms/UA", "https://sso.example/realms/ua"),
            ("https://sso.example/UA", "https://sso.example/realms/UA"),
            ("https://sso.example/realm/UA", "https://sso.example/realms/UA"),
            ("https://sso.example/auth/realms/UA", "https://sso.example/realms/UA"),
            ("https://sso.example/realms/UA", "https://sso.example/auth/realms/UA"),
            ("https://sso.example/realms/UA/.well-known/openid-configuration", "https://sso.example/realms/UA"),
            ("https://sso.example/realms/UA/protocol/openid-connect/token", "https://sso.example/realms/UA"),
        ] {
            let guesses = guesses(typed);
            assert!(guesses.iter().any(|guess| guess == meant), "{typed}: {guesses:?}");
            assert!(guesses.len() <= GUESSES_MAX && guesses.iter().all(|guess| guess != typed), "{typed}: {guesses:?}");
        }
    }
}
