//! One thing to measure about a refresh: which signatures, how many of them, and whether the token rotates.

use crate::plan::{Plan, Rotation, Signature};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) signature: Signature,
    pub(crate) tokens: Tokens,
    pub(crate) rotation: Rotation,
}

/// Which signed tokens an answer has. The refresh token is MACed and does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    Access,
    AccessAndId,
}

impl Tokens {
    /// Signatures in one answer.
    pub(crate) fn signatures(self) -> u32 {
        match self {
            Self::Access => 1,
            Self::AccessAndId => 2,
        }
    }

    /// The scope of the sign-in whose refresh tokens bring these tokens.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::Access => "offline_access",
            Self::AccessAndId => "openid offline_access",
        }
    }
}

/// The cases of a plan. The cheap signatures are measured with both tokens, as their budget says.
pub(crate) fn cases(plan: &Plan) -> Vec<Case> {
    let mut cases = Vec::new();
    for &signature in &plan.signatures {
        let tokens: &[Tokens] = match signature {
            Signature::Rs256 => &[Tokens::Access, Tokens::AccessAndId],
            Signature::Es256 | Signature::Eddsa => &[Tokens::AccessAndId],
        };
        for &tokens in tokens {
            cases.extend(plan.rotations.iter().map(|&rotation| Case { signature, tokens, rotation }));
        }
    }
    cases
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = match self.tokens {
            Tokens::Access => "access token",
            Tokens::AccessAndId => "access + ID token",
        };
        write!(f, "refresh {}, {tokens}, rotation {}", self.signature.as_str(), self.rotation.as_str())
    }
}
