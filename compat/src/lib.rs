//! The same requests to a Keycloak and to Freshkey, and what differs.
//!
//! A [`script::Scenario`] is a list of requests, values kept from their answers, and changes that an administrator makes. [`run::run`] runs it against a
//! [`subject::Subject`]; [`normal`] checks and then hides what may differ; the answers of a real Keycloak are kept as [`recording`]s, and
//! [`compare`] finds where ours differ. Each difference that stays has a quirk in [`differences`].

pub mod compare;
pub mod differences;
pub mod normal;
pub mod realm;
pub mod recording;
pub mod run;
pub mod scenarios;
pub mod script;
pub mod subject;
pub mod wire;
