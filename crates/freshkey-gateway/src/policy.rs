//! The policy: an immutable snapshot, made from the configuration and swapped whole. It is asked, and never changed.

mod application;
mod pattern;
mod requirement;
#[cfg(test)]
mod tests;

pub use application::{Application, IdentityEncoding, IdentityHeader, Rule, Upstream, UpstreamHost, UpstreamProtocol};
pub use pattern::{HostPattern, PathPattern, PatternError};
pub use requirement::{Access, Need, Quantifier, Requirement};

use crate::claim::{ClaimPath, ClaimValue};
use crate::issuer::Issuer;
use crate::request::CanonicalRequest;
use freshkey_protocol::Claims;
use std::sync::Arc;

/// Everything that decides.
#[derive(Debug)]
pub struct Policy {
    /// Told apart from every other policy of this process: what was derived under another is void (T-074).
    pub generation: u64,
    /// Whose tokens are believed.
    pub issuers: Vec<Arc<Issuer>>,
    /// What is protected.
    pub applications: Vec<Application>,
    /// The claims that rules and identities ask about; a verified token keeps these and no others.
    pub facts: FactTable,
}

/// The claims that a policy asks about, each with a number.
#[derive(Debug, Clone, Default)]
pub struct FactTable(Vec<FactSource>);

/// The number of a claim in [`FactTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactId(usize);

/// Where a fact comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactSource {
    /// A claim as it is.
    Claim(ClaimPath),
    /// The words of a claim.
    Words(ClaimPath),
}

impl FactTable {
    /// The number of a claim, which is taken up when it is new.
    pub fn add(&mut self, source: FactSource) -> FactId {
        let known = self.0.iter().position(|known| *known == source);
        FactId(known.unwrap_or_else(|| {
            self.0.push(source);
            self.0.len() - 1
        }))
    }

    /// The number of a claim that was taken up.
    #[must_use]
    pub fn id(&self, source: &FactSource) -> Option<FactId> {
        self.0.iter().position(|known| known == source).map(FactId)
    }

    /// What a token says about all of them.
    #[must_use]
    pub fn read(&self, claims: &Claims) -> Box<[ClaimValue]> {
        self.0
            .iter()
            .map(|source| match source {
                FactSource::Claim(path) => path.read(claims),
                FactSource::Words(path) => path.read(claims).into_words(),
            })
            .collect()
    }

    /// The claim of a number, for people.
    #[must_use]
    pub fn name(&self, id: FactId) -> String {
        match &self.0[id.0] {
            FactSource::Claim(path) | FactSource::Words(path) => path.to_string(),
        }
    }
}

impl FactId {
    /// What is said about it.
    #[must_use]
    pub fn of(self, facts: &[ClaimValue]) -> &ClaimValue {
        const ABSENT: &ClaimValue = &ClaimValue::Absent;
        facts.get(self.0).unwrap_or(ABSENT)
    }
}

impl Policy {
    /// The application of a request, and its first rule that fits, by their places.
    #[must_use]
    pub fn find(&self, request: &CanonicalRequest<'_>) -> Found {
        let host = request.host.name();
        let Some(application) = self.applications.iter().position(|application| application.has_host(host)) else {
            return Found::NoApplication;
        };
        match self.applications[application].rules.iter().position(|rule| rule.fits(request)) {
            Some(rule) => Found::Rule(Place { application, rule }),
            None => Found::NoRule { application },
        }
    }

    /// The application of a place.
    #[must_use]
    pub fn application(&self, place: Place) -> &Application {
        &self.applications[place.application]
    }

    /// The rule of a place.
    #[must_use]
    pub fn rule(&self, place: Place) -> &Rule {
        &self.applications[place.application].rules[place.rule]
    }
}

/// Where a rule is in its policy. Places are made by [`Policy::find`] alone, and mean nothing to another policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The application.
    pub application: usize,
    /// The rule.
    pub rule: usize,
}

/// What a policy says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nobody has this host.
    NoApplication,
    /// The application has no rule for it, and so denies it.
    NoRule {
        /// Its place.
        application: usize,
    },
    /// A rule.
    Rule(Place),
}
