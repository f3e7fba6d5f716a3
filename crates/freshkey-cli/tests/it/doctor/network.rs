//! The way to the provider, and who answers there.

use super::front::NOW;
use super::{Answers, Authority, Cure, Diagnosis, Front, Person, examine, examined};
use freshkey_testkit::home::Home;
use freshkey_testkit::programs::Quickstart;
use freshkey_testkit::provider::TestProvider;
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A user who is signed in over a door that speaks plain HTTP on loopback.
struct BehindDoor {
    home: Home,
    front: Front,
    _provider: TestProvider,
}

impl BehindDoor {
    async fn signed_in() -> Self {
        let (home, provider) = (Home::new(), TestProvider::start().await);
        let front = Front::start(&provider, None).await;
        let user = Self { home, front, _provider: provider };
        let ended = user.login(&format!("http://{}", user.front.host("127.0.0.1")));
        assert_eq!(ended, 0);
        user
    }

    fn login(&self, issuer: &str) -> i32 {
        let arguments = ["login", "ua", "--issuer", issuer, "--client-id", "app", "--username", "ann", "--password-stdin"];
        self.home.run_with_input(&arguments, "the password\n").code
    }

    fn examine(&self) -> Diagnosis {
        examine(&self.home, &["ua"])
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.front.host("127.0.0.1"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_is_named() {
    let home = Home::new();
    let cure = examine(&home, &["--issuer", "https://sso.invalid/realms/UA", "--client-id", "app"]).names(
        "address",
        4,
        &["sso.invalid has no address"],
    );
    assert!(cure.advice.contains("how https://sso.invalid/realms/UA is spelled"), "{}", cure.advice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_where_nobody_listens_is_named() {
    let home = Home::new();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
        listener.local_addr().expect("an address").port()
    };
    let issuer = format!("https://localhost:{port}/realms/UA");
    let says = format!("nobody listens on port {port} of localhost");
    examine(&home, &["--issuer", &issuer, "--client-id", "app"]).names("connection", 4, &[&says]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_too_many_is_named_and_taken_away() {
    let user = BehindDoor::signed_in().await;
    let with_slash = format!("{}/", user.issuer());
    let cure = examine(&user.home, &["new", "--issuer", &with_slash, "--client-id", "app"]).names(
        "discovery",
        9,
        &["a slash at its end that does not belong there"],
    );
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["new"]).is_well("discovery");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_called_something_else_is_named_and_found() {
    let user = BehindDoor::signed_in().await;
    let outside = "https://sso.outside.example/realms/UA".to_owned();
    user.front.answers(Answers::DiscoveryOf(outside.clone()));
    let cure = user.examine().names("discovery", 9, &["is that of https://sso.outside.example/realms/UA"]);
    cure.apply(&user.home, &Person::ann());
    user.examine().is_well("discovery");
    assert!(user.home.prints(&["profiles"]).contains(&outside));
}

#[tokio::test(flavor = "multi_thread")]
async fn t_065_a_hostile_issuer_is_one_word_of_the_cure() {
    let user = BehindDoor::signed_in().await;
    user.front.answers(Answers::DiscoveryOf("https://evil.example/$(touch${IFS}pwned)';touch${IFS}pwned;'".to_owned()));
    let cure = user.examine().names("discovery", 9, &["is that of https://evil.example/"]);
    let mut shell = user.home.command("sh");
    shell.args(["-c", &cure.command]).output().expect("a shell");
    assert!(!user.home.path("pwned").exists(), "{}", cure.command);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_place_of_a_provider_is_named() {
    let user = BehindDoor::signed_in().await;
    user.front.answers(Answers::Other(200, "Content-Type: text/html\r\n", "<!doctype html><title>Welcome to our network</title>"));
    let cure = user.examine().names("discovery", 10, &["a page for people", "a proxy or the network's sign-in page"]);
    assert!(cure.advice.contains("in a browser"), "{}", cure.advice);
    user.front.answers(Answers::Discovery);
    user.examine().is_well("discovery");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_057_a_provider_that_is_overloaded_is_no_logout() {
    let user = BehindDoor::signed_in().await;
    user.front.answers(Answers::Other(503, "Retry-After: 30\r\n", ""));
    let cure = user.examine().names("discovery", 4, &["cannot answer now", "503"]);
    assert!(cure.advice.contains("wait for 30 s"), "{}", cure.advice);
    user.front.answers(Answers::Discovery);
    cure.apply(&user.home, &Person::ann());
    user.examine().is_well("sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_named() {
    let user = BehindDoor::signed_in().await;
    user.front.answers(Answers::Other(301, "Location: https://elsewhere.example/\r\n", ""));
    user.examine().names("discovery", 10, &["sends elsewhere (301)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_093_a_clock_that_is_wrong_is_named() {
    let user = BehindDoor::signed_in().await;
    user.front.says_it_is(Some("Thu, 01 Jan 2015 00:00:00 GMT"));
    let cure = user.examine().names("clock", 1, &["ahead of the provider's"]);
    assert_eq!(cure.command, "sudo timedatectl set-ntp true");
    user.front.says_it_is(Some("Mon, 01 Jan 2085 00:00:00 GMT"));
    user.examine().names("clock", 1, &["behind the provider's"]);
    user.front.says_it_is(None);
    user.examine().is_well("clock");
}

#[test]
fn a_realm_in_other_letters_is_found_and_one_that_is_not_there_is_named() {
    let (quickstart, home) = (Quickstart::start(), Home::new());
    let ca_file = quickstart.ca_file().display().to_string();
    let described = |issuer: &str| examine(&home, &["new", "--issuer", issuer, "--client-id", "ua-grant", "--ca", &ca_file]);
    let cure =
        described(&quickstart.issuer().replace("/UA", "/ua")).names("discovery", 5, &["there is no provider", "; there is https://"]);
    let demo = Person { username: "demo".into(), password: quickstart.value("KC_PASSWORD"), ..Person::ann() };
    cure.apply(&home, &demo);
    examine(&home, &["new"]).is_well("discovery");
    let cure = described(&quickstart.issuer().replace("/UA", "/sales")).names("discovery", 5, &["the host is right", "/realms/sales"]);
    assert!(cure.advice.contains("the name of the realm"), "{}", cure.advice);
}

/// A proxy that answers each request for a tunnel with this.
async fn proxy(answer: &'static str) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            // One that says nothing is answered all the same.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, task)
}

/// A user whose provider is not on loopback, as far as proxies are concerned.
struct BehindProxy {
    home: Home,
    _front: Front,
    _provider: TestProvider,
}

impl BehindProxy {
    async fn signed_in() -> Self {
        let (home, provider, authority) = (Home::new(), TestProvider::start().await, Authority::new("Root"));
        let front = Front::start(&provider, Some(&authority.certifies(&["0.0.0.0"], NOW, &[]))).await;
        std::fs::write(home.path("ca.pem"), authority.pem()).expect("written");
        let ca_file = home.path("ca.pem").display().to_string();
        let issuer = format!("https://{}", front.host("0.0.0.0"));
        let arguments =
            ["login", "ua", "--issuer", &issuer, "--client-id", "app", "--ca", &ca_file, "--username", "ann", "--password-stdin"];
        let ended = home.run_with_input(&arguments, "the password\n");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        Self { home, _front: front, _provider: provider }
    }

    fn with(&self, program: &str, proxy: &str) -> Command {
        let mut command = self.home.command(program);
        command.env_remove("NO_PROXY").env("HTTPS_PROXY", proxy);
        command
    }

    fn examine(&self, proxy: &str) -> Diagnosis {
        let mut command = self.with("freshkey", proxy);
        command.args(["--json", "doctor", "ua"]);
        examined(command)
    }

    fn is_cured(&self, cure: &Cure, proxy: &str) {
        assert!(cure.advice.contains("without the proxy"), "{}", cure.advice);
        cure.examine_after(self.with("sh", proxy)).is_well("proxy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_named_and_gone_around() {
    let user = BehindProxy::signed_in().await;
    let (proxy, task) = proxy("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let cure = user.examine(&proxy).names("proxy", 4, &["does not let us through to 0.0.0.0", "(403)"]);
    user.is_cured(&cure, &proxy);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_a_password_is_named_and_gone_around() {
    let user = BehindProxy::signed_in().await;
    let (proxy, task) = proxy("HTTP/1.1 407 Who Are You\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n").await;
    let cure = user.examine(&proxy).names("proxy", 4, &["wants a name and a password", "(407)"]);
    user.is_cured(&cure, &proxy);
    task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_there_or_none_is_named_and_gone_around() {
    let user = BehindProxy::signed_in().await;
    let (address, task) = proxy("SSH-2.0-none\r\n\r\n").await;
    let cure = user.examine(&address).names("proxy", 4, &["does not answer as a proxy"]);
    user.is_cured(&cure, &address);
    task.abort();
    let _ = task.await;
    let cure = user.examine(&address).names("proxy", 4, &["cannot be reached", "nobody listens"]);
    user.is_cured(&cure, &address);
}
