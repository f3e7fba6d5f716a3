//! Client authentication as the token, introspection, revocation and logout endpoints share it.

use super::Visit;
use crate::cors::{self, Allow};
use crate::grants::store_refusal;
use crate::guesses::Guessed;
use crate::{answer, form_body};
use axum::body::Body;
use axum::http::{Response, StatusCode};
use freshkey_core::Refusal;
use freshkey_core::change::OnceKind;
use freshkey_core::client_auth::{self, AssertionFault, AuthenticatedClient, Authentication};
use freshkey_protocol::{Form, PresentedCredentials};

/// A refusal, and the client if it was known by then: it decides who may read the answer (CORS).
struct Refused {
    refusal: Refusal,
    client: Option<AuthenticatedClient>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, client: None }
    }
}

impl Visit {
    /// Does what a client asks for in a form post, once it is authenticated. The answer has this status and no body when all went well.
    pub(super) async fn carry_out(
        &self,
        body: Body,
        done: StatusCode,
        work: impl AsyncFnOnce(&Self, &AuthenticatedClient, &Form<'_>) -> Result<(), Refusal>,
    ) -> Response<Body> {
        let (mut response, client) = match self.carried_out(body, work).await {
            Ok(client) => (answer::empty(done), Some(client)),
            Err(Refused { refusal, client }) => (self.refuse(&refusal), client),
        };
        let allow = client.as_ref().map_or(Allow::AnyOrigin, |client| Allow::OriginsOf(client.client()));
        cors::add(response.headers_mut(), self.origin.as_ref(), allow);
        answer::no_store(response)
    }

    async fn carried_out(
        &self,
        body: Body,
        work: impl AsyncFnOnce(&Self, &AuthenticatedClient, &Form<'_>) -> Result<(), Refusal>,
    ) -> Result<AuthenticatedClient, Refused> {
        let bytes = form_body::read(&self.headers, body).await?;
        let form = Form::parse(&bytes).map_err(|_| Refusal::MalformedForm)?;
        let client = self.authenticate_client(&form).await?;
        match work(self, &client, &form).await {
            Ok(()) => Ok(client),
            Err(refusal) => Err(Refused { refusal, client: Some(client) }),
        }
    }

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
        let assertion = match client_auth::authenticate(realm, presented, &audiences, self.now) {
            Ok(Authentication::Done(client)) => return Ok(client),
            Ok(Authentication::Pending(assertion)) => Ok(assertion),
            Ok(Authentication::KeysWanted(wanted)) => {
                let keys = self.app.published_keys.of(realm.key, &wanted, self.now).await;
                wanted.check(presented, keys.as_deref(), &audiences, self.now)
            }
            Err(refusal) => Err(refusal),
        };
        match assertion {
            Ok(assertion) => {
                let once =
                    self.app.store.use_once(OnceKind::ClientAssertion, realm.key, &assertion.once_id, assertion.until, self.now).await;
                assertion.confirm(once.map_err(|error| store_refusal(&error))?)
            }
            Err(refusal) => {
                let is_guess = match &refusal {
                    Refusal::ClientAssertion(fault) => *fault != AssertionFault::KeysUnavailable,
                    refusal => *refusal == Refusal::WrongClientSecret,
                };
                if is_guess {
                    self.app.guesses.count(realm, Guessed::ClientSecret, self.caller.address, self.now);
                }
                Err(refusal)
            }
        }
    }
}
