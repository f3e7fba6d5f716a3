//! `POST /realms/{realm}/protocol/openid-connect/token`

mod bad_input;
mod client_authentication;
mod client_credentials;
mod keys_at_url;
mod offline;
mod one_time_codes;
mod password;
mod refresh;
mod refusals;
mod reuse;
mod rotation;
mod scope_and_claims;
