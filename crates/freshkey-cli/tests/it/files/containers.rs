//! The helper on loopback, asked as a container on the host's network asks it.

use super::clients::printed;
use crate::with_provider::WithProvider;
use serde_json::Value;
use std::os::unix::fs::MetadataExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_a_token_for_the_secret_and_nothing_without_it() {
    let user = WithProvider::signed_in().await;
    let told = user.home.run(&["setup", "http"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let secret = user.home.path("run/freshkey/http-ua.secret");
    assert!(told.stderr.contains(&secret.display().to_string()), "{}", told.stderr);
    assert_eq!(std::fs::metadata(&secret).expect("there").mode() & 0o777, 0o600);
    let status: Value = serde_json::from_str(&user.home.prints(&["--json", "status"])).expect("JSON");
    let (url, problem) = (&status["deliveries"][0]["url"], &status["deliveries"][0]["problem"]);
    assert_eq!(*problem, Value::Null);
    let url = url.as_str().expect("an address").to_owned();

    let curl = |more: &[&str]| {
        let mut curl = user.home.command("sh");
        let script = "{ printf 'header = \"Authorization: Bearer '; cat \"$1\"; echo '\"'; } | { shift; exec curl --silent --show-error --config - \"$@\"; }";
        curl.args(["-c", script, "sh"]).arg(&secret).args(["--write-out", " %{http_code}", &url]).args(more);
        printed(curl)
    };
    assert_eq!(curl(&[]), format!("{} 200", user.home.prints(&["token"])));
    assert!(curl(&["--header", "Origin: http://localhost"]).ends_with(" 403"));
    assert!(curl(&["--header", "Host: evil.example"]).ends_with(" 421"));
    let mut without = user.home.command("curl");
    without.args(["--silent", "--write-out", "%{http_code}", "--output", "/dev/null", &url]);
    assert_eq!(printed(without), "401");

    // The port stays over a restart of the agent, and so does the secret.
    let before = std::fs::read(&secret).expect("readable");
    user.home.prints(&["agent", "stop"]);
    user.home.prints(&["setup", "http"]);
    assert_eq!(std::fs::read(&secret).expect("readable"), before);
    assert!(curl(&[]).ends_with(" 200"));

    user.home.prints(&["unset", "http"]);
    assert!(!secret.exists());
    let mut after = user.home.command("curl");
    after.args(["--silent", &url]);
    assert_eq!(after.status().expect("curl is installed").code(), Some(7), "nobody listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let user = WithProvider::signed_in().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("an address").port().to_string();
    let refused = user.home.run(&["setup", "http", "--port", &port]);
    assert!(refused.code == 1 && refused.stderr.contains(&port), "{}", refused.stderr);
}
