//! More clients, users and tokens than the realm comes with, those included that only somebody with the realm's keys could make.

use super::{Answer, TOKEN, TestServer, UA_SECRET};
use freshkey_core::Now;
use freshkey_core::documents::{CredentialRecord, RealmDocuments};
use freshkey_core::grant::Grant;
use freshkey_core::keycloak::edit::{self, Edit, UserChange, change_user, new_user};
use freshkey_protocol::base64url;
use freshkey_protocol::jose::{CompactJws, HeaderType, SigningKey, sign_compact};
use freshkey_server::clock::Clock as _;
use freshkey_server::realms::ServedRealm;
use freshkey_store::{EmailRule, GrantFilter, Page, UserChanged, UserCreated};
use serde_json::{Value, json};
use std::sync::Arc;

impl TestServer {
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The realm `UA` as the first node serves it.
    pub async fn served(&self) -> Arc<ServedRealm> {
        self.nodes[0].app.realms.get("UA").await.unwrap().unwrap()
    }

    /// A client from its representation.
    pub async fn add_client(&self, representation: Value) {
        let Value::Object(fields) = representation else { panic!("a client is an object") };
        self.configure(|documents| edit::add_client(documents, fields, self.now(), &self.entropy).unwrap().0).await;
    }

    /// A confidential client with this secret that may do everything.
    pub async fn add_confidential_client(&self, client_id: &str, secret: &str) {
        let client = json!({ "clientId": client_id, "secret": secret, "directAccessGrantsEnabled": true, "fullScopeAllowed": true });
        self.add_client(client).await;
        self.enable_service_account(client_id).await;
    }

    /// What `edit` functions with randomness need.
    pub async fn configure_with<F>(&self, change: F)
    where
        F: FnOnce(&RealmDocuments, &dyn freshkey_core::Entropy) -> Edit,
    {
        self.configure(|documents| change(documents, &self.entropy)).await;
    }

    /// Lets a client have tokens of its own.
    pub async fn enable_service_account(&self, client_id: &str) {
        let mut user = None;
        self.configure(|documents| {
            let (edit, made) = edit::enable_service_account(documents, client_id, self.now(), &self.entropy).unwrap();
            user = made;
            edit
        })
        .await;
        let record = freshkey_core::documents::UserRecord { user: user.expect("a new user"), credentials: Vec::new(), other: json!({}) };
        assert_eq!(self.store().create_user(self.realm, &record, EmailRule::Unique, &self.audit()).await.unwrap(), UserCreated::Yes);
    }

    /// One more user, with the same password as `demo` unless a credential is given.
    pub async fn add_user(&self, username: &str, changes: &[UserChange], credential: Option<CredentialRecord>) {
        let documents = self.store().load_realm("UA").await.unwrap().unwrap();
        let realm = Arc::clone(&self.served().await.realm);
        let mut record = new_user(&documents, &realm, username, self.now(), &self.entropy).unwrap();
        record.user = change_user(&realm, &record.user, changes).unwrap();
        record.credentials.push(credential.unwrap_or_else(|| super::realm::password_credential(&self.entropy)));
        assert_eq!(self.store().create_user(self.realm, &record, EmailRule::Unique, &self.audit()).await.unwrap(), UserCreated::Yes);
    }

    /// Changes any user by name.
    pub async fn change_user(&self, username: &str, changes: &[UserChange]) {
        let realm = Arc::clone(&self.served().await.realm);
        let user = self.store().user_by_name(self.realm, username).await.unwrap().unwrap();
        let mut stored = self.store().user_record(self.realm, user.key).await.unwrap().unwrap();
        stored.record.user = change_user(&realm, &stored.record.user, changes).unwrap();
        assert_eq!(
            self.store().put_user(self.realm, &stored.record, stored.version, EmailRule::Unique, &self.audit()).await.unwrap(),
            UserChanged::Yes
        );
    }

    /// A token request.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.post(TOKEN).form(form).send().await
    }

    /// A sign-in at `ua-grant`, whatever comes of it.
    pub async fn password(&self, username: &str, password: &str) -> Answer {
        self.token(&[("grant_type", "password"), ("client_id", "ua-grant"), ("username", username), ("password", password)]).await
    }

    /// A sign-in of `demo` at `ua`, the confidential client.
    pub async fn sign_in_at_ua(&self, scope: &str) -> Answer {
        let form = [
            ("grant_type", "password"),
            ("client_id", "ua"),
            ("client_secret", UA_SECRET),
            ("username", super::DEMO),
            ("password", super::PASSWORD),
            ("scope", scope),
        ];
        let answer = self.post(TOKEN).filled_form(&form).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// Introspection by `ua`.
    pub async fn introspect(&self, token: &str) -> Answer {
        let path = "/realms/UA/protocol/openid-connect/token/introspect";
        self.post(path).form(&[("client_id", "ua"), ("client_secret", UA_SECRET), ("token", token)]).send().await
    }

    /// Userinfo with a bearer token.
    pub async fn userinfo(&self, token: &str) -> Answer {
        self.get("/realms/UA/protocol/openid-connect/userinfo").bearer(token).send().await
    }

    /// Revocation by `ua-grant`.
    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/realms/UA/protocol/openid-connect/revoke").form(&[("client_id", "ua-grant"), ("token", token)]).send().await
    }

    /// Logout by `ua-grant`.
    pub async fn log_out(&self, token: &str) -> Answer {
        self.post("/realms/UA/protocol/openid-connect/logout").form(&[("client_id", "ua-grant"), ("refresh_token", token)]).send().await
    }

    /// All grants of the realm.
    pub async fn grants(&self) -> Vec<Grant> {
        self.store().grants(&GrantFilter::realm(self.realm), &Page::first(1000)).await.unwrap()
    }

    /// A token with other claims, signed with the realm's own key.
    pub async fn resigned(&self, token: &str, change: impl FnOnce(&mut Value)) -> String {
        let served = self.served().await;
        let algorithm = CompactJws::parse(token.as_bytes()).unwrap().header().algorithm;
        resigned_with(served.realm.keys.signer(algorithm).unwrap(), token, change)
    }
}

/// The payload of a token as JSON.
pub fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&base64url::decode(part.as_bytes()).unwrap()).unwrap()
}

/// A token with other claims, signed with a key of the caller's.
pub fn resigned_with(key: &SigningKey, token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = payload(token);
    change(&mut claims);
    sign_compact(key, HeaderType::Jwt, claims.to_string().as_bytes()).unwrap()
}
