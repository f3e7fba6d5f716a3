//! What a quickstart prints: the page's commands with the values of this server.

use super::credentials::Credentials;
use crate::cli::shell::{assignments, quoted};
use freshkey_protocol::Secret;
use std::path::Path;

/// Everything that the page depends on.
pub(super) struct Page<'a> {
    pub(super) directory: &'a Path,
    /// How this program is called from anywhere.
    pub(super) program: &'a str,
    pub(super) host: &'a str,
    pub(super) credentials: &'a Credentials,
    /// `None` when the password in the file isn't the user's any more.
    pub(super) refresh_token: Option<&'a str>,
    /// `None` when there is no client `ua` any more, or a public one.
    pub(super) ua_secret: Option<&'a Secret<String>>,
}

impl Page<'_> {
    /// Everything as shell assignments.
    pub(super) fn assignments(&self) -> String {
        let mut text = self.own_assignments();
        text.push_str(&assignments(&[
            ("UA_CLIENT_SECRET", self.ua_secret.map_or("", |secret| secret.expose())),
            ("ADMIN_USERNAME", &self.credentials.admin.username),
            ("ADMIN_PASSWORD", self.credentials.admin.password.expose()),
        ]));
        text
    }

    /// What the commands below need.
    fn own_assignments(&self) -> String {
        assignments(&[
            ("KC_ADDR", self.host),
            ("KC_CACERT", &self.directory.join("ca.pem").display().to_string()),
            ("KC_USERNAME", &self.credentials.user.username),
            ("KC_PASSWORD", self.credentials.user.password.expose()),
            ("REFRESH_TOKEN", self.refresh_token.unwrap_or_default()),
        ])
    }

    /// The page. The first line says that the server is ready.
    pub(super) fn text(&self) -> String {
        let values = self.own_assignments();
        let directory = quoted(&self.directory.display().to_string());
        let program = quoted(self.program);
        let host = self.host;
        let note = match self.refresh_token {
            Some(_) => "",
            None => "# The password of the demo user was changed: set KC_PASSWORD, and sign in with the last command below.\n",
        };
        format!(
            r#"ready: https://{host}/realms/UA

# Paste these into another terminal. Clients trust this server by its own authority, ca.pem; curl -k works, too.
{values}{note}
# Refresh the access token
response_json=$(curl --cacert "$KC_CACERT" --data "grant_type=refresh_token&client_id=ua-grant&refresh_token=$REFRESH_TOKEN" "https://$KC_ADDR/realms/UA/protocol/openid-connect/token")

# The tokens in the answer
ACCESS_TOKEN=$(echo "$response_json" | jq -r '.access_token')
REFRESH_TOKEN=$(echo "$response_json" | jq -r '.refresh_token')

# Get a refresh token that does not expire unless it is unused for thirty days
response_json=$(curl --cacert "$KC_CACERT" --data "grant_type=refresh_token&client_id=ua-grant&refresh_token=$REFRESH_TOKEN&scope=offline_access" "https://$KC_ADDR/realms/UA/protocol/openid-connect/token")

# Make ua-grant a confidential client, and refresh with its secret
CLIENT_SECRET=$({program} admin --data {directory} client set ua-grant --realm UA --confidential)
response_json=$(curl --cacert "$KC_CACERT" --data "grant_type=refresh_token&client_id=ua-grant&refresh_token=$REFRESH_TOKEN&client_secret=$CLIENT_SECRET" "https://$KC_ADDR/realms/UA/protocol/openid-connect/token")

# Sign in (add &client_secret=$CLIENT_SECRET once ua-grant is confidential)
response_json=$(curl --cacert "$KC_CACERT" --data "grant_type=password&client_id=ua-grant&username=$KC_USERNAME&password=$KC_PASSWORD" "https://$KC_ADDR/realms/UA/protocol/openid-connect/token")
"#
        )
    }
}
