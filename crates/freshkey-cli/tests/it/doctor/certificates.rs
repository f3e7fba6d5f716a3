//! Whom the provider's certificate is from, and for whom, and when.

use super::front::{Identity, NOW};
use super::{Authority, Front, Person, examine};
use freshkey_testkit::home::Home;
use freshkey_testkit::provider::TestProvider;

/// A user who is signed in over a door with a certificate of this authority, which the profile trusts.
struct BehindTls {
    home: Home,
    front: Front,
    authority: Authority,
    _provider: TestProvider,
}

impl BehindTls {
    async fn signed_in() -> Self {
        let (home, provider, authority) = (Home::new(), TestProvider::start().await, Authority::new("Root One"));
        let front = Front::start(&provider, Some(&authority.certifies(&["localhost"], NOW, &[&authority]))).await;
        std::fs::write(home.path("ca.pem"), authority.pem()).expect("written");
        let user = Self { home, front, authority, _provider: provider };
        let issuer = format!("https://{}", user.front.host("localhost"));
        let ca_file = user.home.path("ca.pem").display().to_string();
        let arguments =
            ["login", "ua", "--issuer", &issuer, "--client-id", "app", "--ca", &ca_file, "--username", "ann", "--password-stdin"];
        let ended = user.home.run_with_input(&arguments, "the password\n");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        examine(&user.home, &["ua"]).is_well("certificate");
        user
    }

    fn person(&self, fingerprint: &str) -> Person {
        Person { fingerprint: fingerprint.to_owned(), ..Person::ann() }
    }

    fn shows(&self, identity: &Identity) {
        self.front.shows(identity);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_authority_is_named_and_trust_cures_it() {
    let user = BehindTls::signed_in().await;
    let other = Authority::new("Root Two");
    user.shows(&other.certifies(&["localhost"], NOW, &[&other]));
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["comes from", "Root Two", "ca.pem does not trust"]);
    cure.apply(&user.home, &user.person(&other.fingerprint()));
    examine(&user.home, &["ua"]).is_well("certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_was_made_anew_is_told_from_another_one() {
    let user = BehindTls::signed_in().await;
    let anew = Authority::new("Root One");
    user.shows(&anew.certifies(&["localhost"], NOW, &[&anew]));
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["with another key", "made anew"]);
    cure.apply(&user.home, &user.person(&anew.fingerprint()));
    examine(&user.home, &["ua"]).is_well("certificate");
    // Without the authority in the chain, its name alone tells.
    user.shows(&Authority::new("Root One").certifies(&["localhost"], NOW, &[]));
    examine(&user.home, &["ua"]).names("certificate", 9, &["with another key", "made anew"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_vouches_for_itself_is_named_and_trust_cures_it() {
    let user = BehindTls::signed_in().await;
    let own = Identity::of_itself(&["localhost"]);
    user.shows(&own);
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["vouches for itself"]);
    cure.apply(&user.home, &user.person(&own.fingerprint()));
    examine(&user.home, &["ua"]).is_well("certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_intermediate_is_told_from_a_wrong_authority() {
    let user = BehindTls::signed_in().await;
    let between = user.authority.below("Between");
    user.shows(&between.certifies(&["localhost"], NOW, &[]));
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["does not show the intermediate certificate", "Between"]);
    assert!(cure.advice.contains("install the whole chain"), "{}", cure.advice);
    user.shows(&between.certifies(&["localhost"], NOW, &[&between]));
    examine(&user.home, &["ua"]).is_well("certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_over_is_told_from_a_clock_that_is_wrong() {
    let user = BehindTls::signed_in().await;
    user.shows(&user.authority.certifies(&["localhost"], (2020, 2021), &[]));
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["ended on 2021-01-01"]);
    assert!(cure.advice.contains("renew it"), "{}", cure.advice);
    // The same certificate, and a provider in whose time it is good.
    user.front.says_it_is(Some("Wed, 01 Jul 2020 12:00:00 GMT"));
    let cure = examine(&user.home, &["ua"]).names("clock", 1, &["this machine's clock shows", "2020-07-01 12:00 UTC"]);
    assert_eq!(cure.command, "sudo timedatectl set-ntp true");
    user.front.says_it_is(None);
    user.shows(&user.authority.certifies(&["localhost"], NOW, &[]));
    examine(&user.home, &["ua"]).is_well("certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_count_yet_is_named() {
    let user = BehindTls::signed_in().await;
    user.shows(&user.authority.certifies(&["localhost"], (2080, 2090), &[]));
    examine(&user.home, &["ua"]).names("certificate", 9, &["counts only from 2080-01-01"]);
    user.shows(&user.authority.certifies(&["localhost"], NOW, &[]));
    examine(&user.home, &["ua"]).is_well("certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_leads_to_that_host() {
    let user = BehindTls::signed_in().await;
    let ended = user.home.run(&["logout", "ua"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let file = user.home.path(".config/freshkey/profiles.toml");
    let text = std::fs::read_to_string(&file).expect("there").replace("https://localhost", "https://127.0.0.1");
    std::fs::write(&file, text).expect("written");
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["that 127.0.0.1 shows is for localhost"]);
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["ua"]).is_well("certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_authorities_that_has_gone_is_named_and_trust_cures_it() {
    let user = BehindTls::signed_in().await;
    std::fs::remove_file(user.home.path("ca.pem")).expect("removed");
    let cure = examine(&user.home, &["ua"]).names("settings", 9, &["ca.pem cannot be used"]);
    cure.apply(&user.home, &user.person(&user.authority.fingerprint()));
    examine(&user.home, &["ua"]).is_well("settings");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_where_https_is_spoken_is_named_and_corrected() {
    let user = BehindTls::signed_in().await;
    let ca_file = user.home.path("ca.pem").display().to_string();
    let issuer = format!("http://{}", user.front.host("localhost"));
    let cure = examine(&user.home, &["new", "--issuer", &issuer, "--client-id", "app", "--ca", &ca_file]).names(
        "discovery",
        9,
        &["speaks https, and the issuer says http"],
    );
    cure.apply(&user.home, &Person::ann());
    examine(&user.home, &["new"]).is_well("discovery");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_where_http_is_spoken_is_named() {
    let (home, provider) = (Home::new(), TestProvider::start().await);
    let issuer = provider.issuer().replace("http://", "https://");
    let cure = examine(&home, &["new", "--issuer", &issuer, "--client-id", "app"]).names("certificate", 9, &["speaks no TLS"]);
    assert!(cure.advice.contains("freshkey login new --issuer URL"), "{}", cure.advice);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_in_a_servers_place_is_named_and_not_trusted() {
    let user = BehindTls::signed_in().await;
    let own = Authority::new("localhost");
    user.shows(&own.as_server());
    let cure = examine(&user.home, &["ua"]).names("certificate", 9, &["shows the certificate of an authority as its own"]);
    assert!(cure.advice.contains("CA:FALSE"), "{}", cure.advice);
    let ended = user.home.run(&["trust", &user.front.host("localhost"), "--fingerprint", &own.fingerprint()]);
    assert_eq!(ended.code, 9, "{}", ended.stderr);
    assert!(ended.stderr.contains("would not help"), "{}", ended.stderr);
    user.shows(&user.authority.certifies(&["localhost"], NOW, &[]));
    examine(&user.home, &["ua"]).is_well("certificate");
}
