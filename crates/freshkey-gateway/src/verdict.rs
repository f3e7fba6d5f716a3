//! The verdict: a pure function of the policy, the request, the keys and the time. Every front asks it, and nothing else decides.

use crate::policy::{Access, Found, Place, Policy, Requirement, Rule};
use crate::reason::Reason;
use crate::request::{CanonicalRequest, Credential, credential, query_credential};
use crate::token::VerifiedToken;

/// What a policy says of a request before a token has been looked at.
#[derive(Clone, Copy)]
pub enum Question<'r> {
    /// It passes without a token.
    Public(Place),
    /// It passes with this token, if that satisfies the rule.
    Token(Place, Credential<'r>),
}

/// A refusal, and how far the request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The application, if there is one.
    pub application: Option<usize>,
    /// The rule, if one fits.
    pub rule: Option<usize>,
}

/// The first half: which rule it is, and which token. No token makes up for a rule that isn't there.
pub fn question<'r>(policy: &Policy, request: &CanonicalRequest<'r>) -> Result<Question<'r>, Refused> {
    let refused = |reason, application, rule| Refused { reason, application, rule };
    if request.query.is_some_and(query_credential) {
        return Err(refused(Reason::TokenInQuery, None, None));
    }
    let place = match policy.find(request) {
        Found::NoApplication => return Err(refused(Reason::UnknownHost, None, None)),
        Found::NoRule { application } => return Err(refused(Reason::NoRule, Some(application), None)),
        Found::Rule(place) => place,
    };
    let rule = policy.rule(place);
    match rule.access {
        Access::Public => Ok(Question::Public(place)),
        Access::Token(_) => match credential(request, rule.credential_form) {
            Ok(credential) => Ok(Question::Token(place, credential)),
            Err(reason) => Err(refused(reason, Some(place.application), Some(place.rule))),
        },
    }
}

/// The second half: whether a verified token satisfies a rule. It is asked for every request, however well the token is known (T-074).
pub fn authorise(policy: &Policy, rule: &Rule, token: &VerifiedToken, now_s: i64) -> Result<(), Reason> {
    if token.policy_generation != policy.generation {
        return Err(Reason::Failed);
    }
    if now_s >= token.valid_until_s {
        return Err(Reason::Expired);
    }
    if now_s < token.valid_from_s {
        return Err(Reason::NotYetValid);
    }
    match &rule.access {
        Access::Public => Ok(()),
        Access::Token(requirements) => match unmet(requirements, token) {
            Some(_) => Err(Reason::Insufficient),
            None => Ok(()),
        },
    }
}

/// The first requirement that a token does not satisfy.
#[must_use]
pub fn unmet<'q>(requirements: &'q [Requirement], token: &VerifiedToken) -> Option<&'q Requirement> {
    requirements.iter().find(|requirement| !requirement.is_met(&token.facts))
}
