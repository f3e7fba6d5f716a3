//! What a rule asks of a token.

use super::FactId;
use crate::claim::ClaimValue;

/// Who may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a token is not looked at.
    Public,
    /// Whoever has a valid token that satisfies each of these; with none of them, any valid token.
    Token(Vec<Requirement>),
}

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// What kind it is, for people.
    pub need: Need,
    /// The claims in which values are looked for, together.
    pub facts: Vec<FactId>,
    /// How many of the values.
    pub quantifier: Quantifier,
    /// The values.
    pub values: Vec<String>,
}

/// The kinds of requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Roles.
    Role,
    /// Scopes.
    Scope,
    /// Groups.
    Group,
    /// Values of a claim.
    Claim,
    /// The issuer.
    Issuer,
}

/// How many of the values must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// One of them.
    Any,
    /// Each of them.
    All,
}

impl Requirement {
    /// Whether a token satisfies it.
    #[must_use]
    pub fn is_met(&self, facts: &[ClaimValue]) -> bool {
        let has = |value: &String| self.facts.iter().any(|fact| fact.of(facts).contains(value));
        match self.quantifier {
            Quantifier::Any => self.values.iter().any(has),
            // A list of nothing is a mistake that the configuration refuses; here it must not be a yes.
            Quantifier::All => !self.values.is_empty() && self.values.iter().all(has),
        }
    }
}

impl Need {
    /// The word in explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Scope => "scope",
            Self::Group => "group",
            Self::Claim => "claim",
            Self::Issuer => "issuer",
        }
    }
}
