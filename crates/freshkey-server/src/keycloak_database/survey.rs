//! What of a realm can't come along, or not whole, by name: told before anything is written.

use super::{Source, SourceError, SourceRealm, sql};
use freshkey_core::keycloak::tables::Part;
use std::fmt;

/// One thing that can't come along as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What kind of thing, `identity provider` for instance.
    pub topic: String,
    /// Which one.
    pub name: String,
    /// How many users, sessions or rows it concerns.
    pub count: i64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// What can't come along.
    pub findings: Vec<Finding>,
    /// The issuers that the sessions were begun under: where their tokens say that they are from.
    pub issuers: Vec<String>,
}

impl Source<'_> {
    /// Looks for what can't come along.
    pub async fn survey(&self, realm: &SourceRealm) -> Result<Survey, SourceError> {
        let mut survey = Survey::default();
        for row in self.rows(sql::SURVEY, realm).await? {
            let finding =
                Finding { topic: row.try_get(0)?, name: row.try_get::<_, Option<String>>(1)?.unwrap_or_default(), count: row.try_get(2)? };
            match finding.topic.as_str() {
                "issuer" => survey.issuers.push(finding.name),
                topic if Part::parse(topic).is_some_and(|part| part.is_stock(&finding.name)) => {}
                _ => survey.findings.push(finding),
            }
        }
        Ok(survey)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, name, count } = self;
        match topic.as_str() {
            "user federation" => write!(
                formatter,
                "user federation {name:?} is kept and not used: its {count} imported users come along and their sessions go on, but they can't \
                 sign in with a password"
            ),
            "federated user data" => {
                write!(formatter, "{count} users live in the user federation {name} alone; they and their sessions stay behind")
            }
            "identity provider" => {
                write!(formatter, "identity provider {name:?} is kept and not used; its {count} linked users can't sign in through it")
            }
            "credential" => write!(formatter, "{count} credentials of kind {name:?} are kept and not used"),
            "consent" => write!(formatter, "{count} consents for client {name:?} are kept and not used"),
            "client that asks for consent" => {
                write!(formatter, "client {name:?} asks for consent, which this server can't: its {count} sessions can't be refreshed")
            }
            "organization" => write!(formatter, "organization {name:?} stays behind; its members come along"),
            "authorization services" => write!(formatter, "the authorization services of client {name:?} stay behind"),
            "client of another protocol" => {
                write!(
                    formatter,
                    "client {name:?} speaks another protocol than OpenID Connect: it is kept and not used, {count} sessions stay behind"
                )
            }
            "remembered sessions" => {
                write!(formatter, "{count} sessions began with \"remember me\"; they get the lifetimes of ordinary ones")
            }
            "authenticator" | "required action" | "event listener" | "component" => {
                write!(formatter, "{topic} {name:?} is none of Keycloak's own: what it does is not done here")
            }
            _ => write!(formatter, "{topic} {name:?} ({count}) can't come along"),
        }
    }
}
