//! `grant_type=client_credentials`, end to end.

use super::{TokenRequest, store_refusal};
use crate::limits::RACE_ATTEMPTS_MAX;
use freshkey_core::Refusal;
use freshkey_core::event::EventKind;
use freshkey_core::grants::client_credentials as rules;
use freshkey_protocol::token_request::ClientCredentialsRequest;

/// Answers a client that asks for itself.
pub async fn client_credentials(request: &TokenRequest<'_>, parameters: ClientCredentialsRequest<'_>) -> Result<Vec<u8>, Refusal> {
    let client = request.client.client();
    if let Err(refusal) = rules::check(client, parameters.scope) {
        return request.refuse(EventKind::ClientLogin, refusal, &[]).await;
    }
    let address = request.caller.address.to_string();
    for _ in 0..RACE_ATTEMPTS_MAX {
        let account = match client.service_account {
            Some(key) => request.app.store.user(request.served.realm.key, key).await.map_err(|error| store_refusal(&error))?,
            None => None,
        };
        let caller = rules::Caller { address: &address };
        let outcome = rules::decide(request.setting(), client, parameters.scope, caller, account, &*request.app.entropy);
        if let Some(answer) = request.conclude(outcome).await {
            return answer;
        }
    }
    Err(Refusal::TooContended)
}
