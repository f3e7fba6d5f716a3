//! The AWS command line, in both forms.

use super::SignedIn;
use super::server::{Asked, Reply, TestServer};
use super::tools::{complains, freshkey, prints, tool};
use freshkey_testkit::programs::install;
use std::process::Command;

const BUCKETS: &str = "<ListAllMyBucketsResult><Buckets><Bucket><Name>data</Name></Bucket></Buckets></ListAllMyBucketsResult>";
const ASSUMED: &str = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>TEMPORARY</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
    <SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
    </AssumeRoleWithWebIdentityResponse>";

/// The platform's S3 proxy, or something that speaks STS as well.
fn storage() -> TestServer {
    TestServer::start(answer)
}

pub(super) fn answer(asked: &Asked) -> Reply {
    match asked.method.as_str() {
        "POST" => Reply::ok("text/xml", ASSUMED),
        _ => Reply::ok("application/xml", BUCKETS),
    }
}

fn list_buckets(user: &SignedIn, profile: &str) -> Command {
    let mut command = tool(&user.home, "aws");
    command.args(["--profile", profile, "s3api", "list-buckets", "--query", "Buckets[].Name", "--output", "text"]);
    command.args(["--cli-read-timeout", "20"]).env("AWS_MAX_ATTEMPTS", "1").env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn set_up(user: &SignedIn, storage: &TestServer, more: &[&str]) -> String {
    let (url, ca) = (storage.url(), storage.ca_file().display().to_string());
    prints(&mut freshkey(&user.home, &[&["setup", "aws", &url, "--ca", &ca], more].concat()))
}

/// The access key that a request was signed with.
pub(super) fn access_key(authorization: &str) -> &str {
    authorization.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(key, _)| key)
}

#[test]
fn the_s3_proxy_gets_the_token_as_access_key() {
    let user = SignedIn::new();
    let storage = storage();
    let before = "[default]\nregion = eu-west-1\n";
    user.write(".aws/config", before);
    set_up(&user, &storage, &[]);
    assert_eq!(prints(&mut list_buckets(&user, "freshkey-ua")), "data\n");
    assert_eq!(access_key(&storage.last_authorization()), user.token());
    assert_eq!(set_up(&user, &storage, &[]), "everything is as it should be already\n");
    assert_eq!(user.supplied(), [format!("supplied: aws for {} (ua)", storage.url())]);
    prints(&mut freshkey(&user.home, &["unset", "aws"]));
    assert_eq!(user.file(".aws/config"), before);
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn the_answer_has_the_platforms_secret_and_the_end_of_the_token() {
    let user = SignedIn::new();
    let storage = storage();
    set_up(&user, &storage, &[]);
    let mut command = user.home.freshkey(&["credential", "aws", "--profile", "ua", "--url", &storage.url()]);
    let answer: serde_json::Value = serde_json::from_str(&prints(&mut command)).expect("JSON");
    assert_eq!((&answer["Version"], &answer["AccessKeyId"]), (&1.into(), &user.token().into()));
    assert_eq!((&answer["SecretAccessKey"], answer.get("SessionToken")), (&"s3".into(), None));
    let end = answer["Expiration"].as_str().expect("a moment").to_owned();
    let by_date = prints(tool(&user.home, "date").args(["--utc", "--date", &end, "+%s"]));
    assert_eq!(by_date.trim(), user.home.prints(&["token", "--field", "expires_at"]));
}

#[test]
fn a_service_with_sts_exchanges_the_token_from_a_file_that_is_kept_fresh() {
    let user = SignedIn::new();
    let storage = storage();
    set_up(&user, &storage, &["--role-arn", "arn:aws:iam::123456789012:role/analysts", "--aws-profile", "analysts"]);
    assert_eq!(prints(&mut list_buckets(&user, "analysts")), "data\n");
    let exchange = storage.asked().into_iter().find(|asked| asked.method == "POST").expect("asked");
    assert!(exchange.body.contains("Action=AssumeRoleWithWebIdentity"), "{}", exchange.body);
    assert!(exchange.body.contains(&format!("WebIdentityToken={}", user.token())), "{}", exchange.body);
    assert_eq!(access_key(&storage.last_authorization()), "TEMPORARY");
    prints(&mut freshkey(&user.home, &["unset", "aws"]));
    assert!(!user.home.path(".aws/config").exists() && !user.home.path("run/freshkey/aws-analysts.token").exists());
}

#[test]
fn t_063_aws_tools_that_would_go_elsewhere_get_nothing() {
    let user = SignedIn::new();
    let (ours, other) = (storage(), storage());
    set_up(&user, &ours, &[]);
    for (name, value) in [
        ("AWS_ENDPOINT_URL", other.url()),
        ("AWS_ENDPOINT_URL_S3", other.url()),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true".to_owned()),
    ] {
        let said = complains(list_buckets(&user, "freshkey-ua").env(name, value));
        assert!(said.contains(&format!("freshkey: no token: {name} sends it elsewhere; run `unset {name}`")), "{said}");
    }
    let settings = user.file(".aws/config");
    user.write("elsewhere", &settings);
    let said = complains(list_buckets(&user, "freshkey-ua").env("AWS_CONFIG_FILE", user.home.path("elsewhere")));
    assert!(said.contains("AWS_CONFIG_FILE sends it elsewhere"), "{said}");
    user.write(".aws/config", &settings.replace(&format!("endpoint_url = {}", ours.url()), &format!("endpoint_url = {}", other.url())));
    let said = complains(&mut list_buckets(&user, "freshkey-ua"));
    assert!(said.contains("freshkey: no token: the profile of the AWS tools was changed since"), "{said}");
    let mut direct = user.home.freshkey(&["credential", "aws", "--profile", "ua", "--url", &other.url()]);
    assert!(complains(&mut direct).contains("this endpoint was not set up"));
    assert_eq!((ours.asked().len(), other.asked().len()), (0, 0));
}

#[test]
fn a_profile_of_somebody_else_stays() {
    let user = SignedIn::new();
    let before = "[profile freshkey-ua]\nregion = eu-west-1\n";
    user.write(".aws/config", before);
    let said = complains(&mut freshkey(&user.home, &["setup", "aws", "https://s3.example.org"]));
    assert!(said.contains("has a profile freshkey-ua already"), "{said}");
    assert_eq!(user.file(".aws/config"), before);
    for endpoint in ["http://s3.example.org", "s3.example.org", "https://s3.example.org\n[default]"] {
        complains(&mut freshkey(&user.home, &["setup", "aws", endpoint]));
    }
    assert_eq!(user.supplied(), Vec::<String>::new());
}

#[test]
fn t_063_a_command_line_that_would_go_to_amazon_is_not_set_up() {
    let user = SignedIn::new();
    for (version, is_fit) in [("1.28.9", false), ("2.9.19", false), ("1.29.0", true), ("2.13.0", true), ("3.0.0", true)] {
        let program = format!("#!/bin/sh\necho aws-cli/{version} Python/3.11.2 Linux/6.1 source/x86_64\n");
        std::fs::create_dir_all(user.home.path(".local/bin")).expect("made");
        install(program.as_bytes(), &user.home.path(".local/bin/aws"));
        let mut command = freshkey(&user.home, &["setup", "aws", "https://s3.example.org"]);
        if is_fit {
            prints(&mut command);
            prints(&mut freshkey(&user.home, &["unset", "aws"]));
        } else {
            let said = complains(&mut command);
            assert!(said.contains(&format!("is {version}, which would go to Amazon")), "{said}");
        }
        assert!(!user.home.path(".aws/config").exists());
    }
}
