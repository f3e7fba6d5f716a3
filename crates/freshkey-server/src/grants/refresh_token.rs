//! `grant_type=refresh_token`, end to end.

use super::{TokenRequest, store_refusal};
use crate::limits::RACE_ATTEMPTS_MAX;
use freshkey_core::Refusal;
use freshkey_core::event::EventKind;
use freshkey_core::grants::refresh_token as rules;
use freshkey_core::scopes;
use freshkey_core::tokens::{Expiry, VerifiedRefreshToken, verify_refresh_token};
use freshkey_protocol::token_request::RefreshRequest;

/// Answers a refresh.
pub async fn refresh_token(request: &TokenRequest<'_>, parameters: RefreshRequest<'_>) -> Result<Vec<u8>, Refusal> {
    let token = match verify(request, parameters) {
        Ok(token) => token,
        Err(refusal) => return request.refuse(EventKind::RefreshToken, refusal, &[]).await,
    };
    let client = request.client.client();
    for _ in 0..RACE_ATTEMPTS_MAX {
        let realm = request.served.realm.key;
        let context = match request.app.store.refresh_context(realm, token.sid, token.kind).await {
            Ok(context) => context,
            Err(error) => return Err(store_refusal(&error)),
        };
        let outcome = rules::decide(request.setting(), client, &token, parameters.scope, context);
        if let Some(answer) = request.conclude(outcome).await {
            return answer;
        }
    }
    Err(Refusal::TooContended)
}

/// Everything that can be said without the store (rows 1 to 8 of KEYCLOAK §2.4).
fn verify(request: &TokenRequest<'_>, parameters: RefreshRequest<'_>) -> Result<VerifiedRefreshToken, Refusal> {
    let text = parameters.refresh_token.ok_or(Refusal::MissingRefreshToken)?;
    let client = request.client.client();
    scopes::check_requested(client, parameters.scope)?;
    verify_refresh_token(request.setting(), client, text, Expiry::Checked)
}
