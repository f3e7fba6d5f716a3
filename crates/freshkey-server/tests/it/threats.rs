//! Threats that belong to no single path. The others are beside the endpoint that they aim at.

mod canaries;
mod logs;
mod races;
mod realms;
mod rules;
