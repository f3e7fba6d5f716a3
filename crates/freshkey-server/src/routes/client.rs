//! Client authentication as the token, introspection, revocation and logout endpoints share it.

use super::Visit;
use crate::form_body;
use crate::grants::store_refusal;
use crate::guesses::Guessed;
use freshkey_core::Refusal;
use freshkey_core::change::OnceKind;
use freshkey_core::client_auth::{self, AuthenticatedClient, Authentication};
use freshkey_protocol::{Form, PresentedCredentials};

impl Visit {
    /// Authenticates the client of a form post.
    pub(super) async fn authenticate_client(&self, form: &Form<'_>) -> Result<AuthenticatedClient, Refusal> {
        let authorization = form_body::authorization(&self.headers)?;
        let presented = PresentedCredentials::collect(authorization, form);
        self.authenticate(&presented).await
    }

    async fn authenticate(&self, presented: &PresentedCredentials<'_>) -> Result<AuthenticatedClient, Refusal> {
        let realm = &self.served.realm;
        let guesses_a_secret = !matches!(presented, PresentedCredentials::Nothing(_) | PresentedCredentials::IdOnly { .. });
        if guesses_a_secret && self.app.guesses.is_exhausted(realm, Guessed::ClientSecret, self.caller.address, self.now) {
            return Err(Refusal::ClientLocked);
        }
        let issuer = self.served.issuer.as_str();
        let token_endpoints = [&self.served.issuer, &self.served.backchannel].map(|base| format!("{base}/protocol/openid-connect/token"));
        let audiences = [issuer, &token_endpoints[0], &token_endpoints[1]];
        match client_auth::authenticate(realm, presented, &audiences, self.now) {
            Ok(Authentication::Done(client)) => Ok(client),
            Ok(Authentication::Pending(assertion)) => {
                let once =
                    self.app.store.use_once(OnceKind::ClientAssertion, realm.key, &assertion.once_id, assertion.until, self.now).await;
                assertion.confirm(once.map_err(|error| store_refusal(&error))?)
            }
            Err(refusal) => {
                if matches!(refusal, Refusal::WrongClientSecret | Refusal::ClientAssertion(_)) {
                    self.app.guesses.count(realm, Guessed::ClientSecret, self.caller.address, self.now);
                }
                Err(refusal)
            }
        }
    }
}
