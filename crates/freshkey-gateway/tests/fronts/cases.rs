//! The table: every attempt to get past the gateway, the same for every front.

mod credentials;
mod forwarding;
mod framing;
mod headers;
mod identity;
mod paths;

use super::case::Case;
use super::provider::Provider;

/// All cases with tokens of this provider. Those after which connections may be in disorder come last.
pub(crate) fn all(provider: &Provider) -> Vec<Case> {
    let tables = [paths::cases(provider), forwarding::cases(provider), identity::cases(provider), headers::cases(provider)];
    let mut cases = tables.concat();
    cases.extend(credentials::cases(provider));
    cases.extend(framing::cases(provider));
    cases.into_iter().enumerate().map(|(number, case)| case.marked(number)).collect()
}
