//! A running Keycloak, administered over its own interface.

use super::{take_added_keys, take_added_scopes, texts};
use crate::realm::REALM;
use crate::script::Change;
use crate::wire::{Answer, Wire};
use freshkey_protocol::form::encode_pairs;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A Keycloak and the right to administer it.
pub struct Keycloak {
    wire: Wire,
    base: String,
    administrator: (String, String),
    /// Valid for a minute in the realm `master`.
    token: String,
    token_until: i64,
}

impl Keycloak {
    /// Nothing is sent yet.
    pub fn at(base_url: &str, username: &str, password: &str) -> Self {
        let base = base_url.trim_end_matches('/').to_owned();
        Self { wire: Wire::new(), base, administrator: (username.to_owned(), password.to_owned()), token: String::new(), token_until: 0 }
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base
    }

    #[allow(clippy::disallowed_methods, reason = "the clock of a real server is the real one")]
    pub(super) fn now(&self) -> i64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
    }

    #[allow(clippy::disallowed_methods, reason = "the clock of a real server cannot be moved")]
    pub(super) async fn wait(&self, seconds: u32) {
        tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
    }

    /// What the server calls itself: `26.7.3`.
    pub async fn version(&mut self) -> Result<String, String> {
        let info = self.get("/admin/serverinfo").await?;
        info["systemInfo"]["version"].as_str().map(str::to_owned).ok_or_else(|| "the server does not say its version".to_owned())
    }

    pub(super) async fn load(&mut self, realm: &Value) -> Result<(), String> {
        let mut realm = realm.clone();
        let scopes = take_added_scopes(&mut realm);
        // A Keycloak makes a missing key when it is needed.
        let _ = take_added_keys(&mut realm);
        let removed = self.call("DELETE", &realm_path(""), None).await?;
        if !matches!(removed.status, 204 | 404) {
            return Err(unexpected("DELETE realm", &removed));
        }
        self.done("POST", "/admin/realms", Some(&realm)).await?;
        for scope in scopes {
            self.add_scope(&scope).await?;
        }
        Ok(())
    }

    /// Makes a client scope, gives it its roles, and assigns it to its clients.
    async fn add_scope(&mut self, scope: &Value) -> Result<(), String> {
        let mut document = scope.clone();
        let [roles, defaults, optionals] = ["roles", "default", "optional"].map(|field| texts(scope, field));
        if let Some(document) = document.as_object_mut() {
            document.retain(|field, _| !matches!(field.as_str(), "roles" | "default" | "optional"));
        }
        self.done("POST", &realm_path("/client-scopes"), Some(&document)).await?;
        let all = self.get(&realm_path("/client-scopes")).await?;
        let id = id_where(&all, "name", &scope["name"])?;
        for role in roles {
            let role = self.get(&realm_path(&format!("/roles/{role}"))).await?;
            self.done("POST", &realm_path(&format!("/client-scopes/{id}/scope-mappings/realm")), Some(&json!([role]))).await?;
        }
        for (clients, kind) in [(defaults, "default"), (optionals, "optional")] {
            for client in clients {
                let client = self.client_key(&client).await?;
                self.done("PUT", &realm_path(&format!("/clients/{client}/{kind}-client-scopes/{id}")), None).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn arrange(&mut self, change: &Change) -> Result<Option<String>, String> {
        match change {
            Change::Realm(field, value) => self.set(&realm_path(""), field, value).await?,
            Change::Client(client, field, value) => {
                let client = self.client_key(client).await?;
                self.set(&realm_path(&format!("/clients/{client}")), field, value).await?;
            }
            Change::User(user, field, value) => {
                let user = self.user_key(user).await?;
                self.set(&realm_path(&format!("/users/{user}")), field, value).await?;
            }
            Change::Attribute(user, name, values) => {
                let user = self.user_key(user).await?;
                self.set(&realm_path(&format!("/users/{user}")), &format!("attributes.{name}"), &json!(values)).await?;
            }
            Change::GiveRole(user, role) => self.map_role("POST", user, role).await?,
            Change::TakeRole(user, role) => self.map_role("DELETE", user, role).await?,
            Change::JoinGroup(user, path) => self.member("PUT", user, path).await?,
            Change::LeaveGroup(user, path) => self.member("DELETE", user, path).await?,
            Change::DeleteUser(user) => {
                let user = self.user_key(user).await?;
                self.done("DELETE", &realm_path(&format!("/users/{user}")), None).await?;
            }
            Change::DeleteClient(client) => {
                let client = self.client_key(client).await?;
                self.done("DELETE", &realm_path(&format!("/clients/{client}")), None).await?;
            }
            Change::RealmNotBefore => self.set(&realm_path(""), "notBefore", &json!(self.now())).await?,
            Change::ClientNotBefore(client) => {
                let client = self.client_key(client).await?;
                self.set(&realm_path(&format!("/clients/{client}")), "notBefore", &json!(self.now())).await?;
            }
            Change::RotateSecret(client) => {
                let client = self.client_key(client).await?;
                let answer = self.done("POST", &realm_path(&format!("/clients/{client}/client-secret")), Some(&json!({}))).await?;
                return Ok(answer.json().and_then(|credential| credential["value"].as_str().map(str::to_owned)));
            }
            Change::EndSessions(user) => {
                let user = self.user_key(user).await?;
                let sessions = self.get(&realm_path(&format!("/users/{user}/sessions"))).await?;
                for session in sessions.as_array().into_iter().flatten() {
                    let id = session["id"].as_str().unwrap_or_default();
                    self.done("DELETE", &realm_path(&format!("/sessions/{id}")), None).await?;
                }
            }
        }
        Ok(None)
    }

    async fn map_role(&mut self, method: &str, user: &str, role: &str) -> Result<(), String> {
        let user = self.user_key(user).await?;
        let role = self.get(&realm_path(&format!("/roles/{role}"))).await?;
        self.done(method, &realm_path(&format!("/users/{user}/role-mappings/realm")), Some(&json!([role]))).await.map(drop)
    }

    async fn member(&mut self, method: &str, user: &str, path: &str) -> Result<(), String> {
        let user = self.user_key(user).await?;
        let group = self.get(&realm_path(&format!("/group-by-path{path}"))).await?;
        let group = group["id"].as_str().unwrap_or_default();
        self.done(method, &realm_path(&format!("/users/{user}/groups/{group}")), None).await.map(drop)
    }

    /// Reads a representation, changes one field, and writes all of it back.
    async fn set(&mut self, path: &str, field: &str, value: &Value) -> Result<(), String> {
        let mut document = self.get(path).await?;
        match field.split_once('.') {
            Some((outer, inner)) => document[outer][inner] = value.clone(),
            None => document[field] = value.clone(),
        }
        self.done("PUT", path, Some(&document)).await.map(drop)
    }

    async fn client_key(&mut self, client_id: &str) -> Result<String, String> {
        let found = self.get(&realm_path(&format!("/clients?clientId={client_id}"))).await?;
        id_where(&found, "clientId", &json!(client_id))
    }

    async fn user_key(&mut self, username: &str) -> Result<String, String> {
        let found = self.get(&realm_path(&format!("/users?exact=true&username={username}"))).await?;
        id_where(&found, "username", &json!(username))
    }

    async fn get(&mut self, path: &str) -> Result<Value, String> {
        let answer = self.done("GET", path, None).await?;
        answer.json().ok_or_else(|| unexpected(path, &answer))
    }

    async fn done(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let answer = self.call(method, path, body).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(unexpected(&format!("{method} {path}"), &answer)) }
    }

    async fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        if self.now() >= self.token_until {
            self.sign_in().await?;
        }
        let mut headers = vec![("authorization", format!("Bearer {}", self.token))];
        let body = body.map(|body| {
            headers.push(("content-type", "application/json".to_owned()));
            body.to_string().into_bytes()
        });
        self.wire.send(method, &format!("{}{path}", self.base), &headers, body.unwrap_or_default()).await
    }

    async fn sign_in(&mut self) -> Result<(), String> {
        let (username, password) = &self.administrator;
        let form = encode_pairs([("grant_type", "password"), ("client_id", "admin-cli"), ("username", username), ("password", password)]);
        let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        let url = format!("{}/realms/master/protocol/openid-connect/token", self.base);
        let answer = self.wire.send("POST", &url, &headers, form.into_bytes()).await?;
        let token = answer.json().and_then(|body| body["access_token"].as_str().map(str::to_owned));
        self.token = token.ok_or_else(|| unexpected("the administrator's sign-in", &answer))?;
        self.token_until = self.now() + 30;
        Ok(())
    }
}

fn realm_path(rest: &str) -> String {
    format!("/admin/realms/{REALM}{rest}")
}

fn id_where(list: &Value, field: &str, wanted: &Value) -> Result<String, String> {
    let found = list.as_array().into_iter().flatten().find(|entry| entry[field] == *wanted);
    found.and_then(|entry| entry["id"].as_str()).map(str::to_owned).ok_or_else(|| format!("there is no {field} {wanted}"))
}

fn unexpected(what: &str, answer: &Answer) -> String {
    format!("{what}: {} {}", answer.status, answer.text())
}
