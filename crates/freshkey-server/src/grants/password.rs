//! `grant_type=password`, end to end.

use super::{TokenRequest, store_refusal};
use crate::guesses::Guessed;
use crate::limits::RACE_ATTEMPTS_MAX;
use freshkey_core::Refusal;
use freshkey_core::event::EventKind;
use freshkey_core::grants::password as rules;
use freshkey_core::grants::password::{HashTask, SignInContext};
use freshkey_protocol::token_request::PasswordRequest;
use freshkey_store::LoginBy;

/// Answers a sign-in by password.
pub async fn password(request: &TokenRequest<'_>, parameters: PasswordRequest<'_>) -> Result<Vec<u8>, Refusal> {
    let client = request.client.client();
    let username = match rules::check(client, parameters.username, parameters.scope) {
        Ok(username) => username,
        Err(refusal) => return request.refuse(EventKind::Login, refusal, &[]).await,
    };
    let realm = &request.served.realm;
    if request.app.guesses.is_exhausted(realm, Guessed::Password, request.caller.address, request.now) {
        return request.refuse(EventKind::Login, Refusal::UserLocked, &[("username", username)]).await;
    }
    let mut context = load(request, username).await?;
    let task = match rules::prepare(request.setting(), &context) {
        Ok(task) => task,
        Err(refusal) => return request.refuse(EventKind::Login, refusal, &[("username", username)]).await,
    };
    let verified_hash = match &task {
        HashTask::Verify { hash, .. } => Some(hash.clone()),
        HashTask::Dummy(_) => None,
    };
    let result = request.app.hashing.run(task, parameters.password.unwrap_or_default()).await?;

    let address = request.caller.address.to_string();
    for _ in 0..RACE_ATTEMPTS_MAX {
        // What was verified must still be the user's password when it is acted on.
        if context.password.as_ref().map(|stored| &stored.hash) != verified_hash.as_ref()
            && context.user.is_some()
            && verified_hash.is_some()
        {
            return request.refuse(EventKind::Login, Refusal::WrongPassword, &[("username", username)]).await;
        }
        let outcome = rules::decide(request.setting(), client, parameters.scope, Some(&address), context, &result, &*request.app.entropy);
        if matches!(outcome.answer, Err(Refusal::WrongPassword | Refusal::UnknownUser)) {
            request.app.guesses.count(realm, Guessed::Password, request.caller.address, request.now);
        }
        if let Some(answer) = request.conclude(outcome).await {
            return answer;
        }
        context = load(request, username).await?;
    }
    Err(Refusal::TooContended)
}

async fn load(request: &TokenRequest<'_>, username: &str) -> Result<SignInContext, Refusal> {
    let by = if request.served.realm.settings.login_with_email_allowed { LoginBy::UsernameOrEmail } else { LoginBy::Username };
    request.app.store.sign_in_context(request.served.realm.key, username, by).await.map_err(|error| store_refusal(&error))
}
