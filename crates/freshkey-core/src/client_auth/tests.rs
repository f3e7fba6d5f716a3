#![allow(clippy::type_complexity, reason = "tables of changes and what they lead to")]

use super::*;
use crate::fixture::{START, World};
use freshkey_protocol::Form;
use freshkey_protocol::jose::{HeaderType, KeyKind, SigningKey, generate_private_key, sign_compact};
use serde_json::{Value, json};

const ISSUER: &str = crate::fixture::ISSUER;

fn secret(value: &str, accepted_until: Option<i64>) -> ClientSecret {
    ClientSecret { value: Secret::new(value.to_owned()), accepted_until }
}

fn with_authentication(authentication: ClientAuthentication) -> World {
    let mut world = World::new();
    world.change_client("ua", |client| client.authentication = authentication);
    world
}

fn ask(world: &World, body: &str) -> Result<Authentication, Refusal> {
    let form = Form::parse(body.as_bytes()).unwrap();
    authenticate(&world.realm, &PresentedCredentials::collect(None, &form), &[ISSUER], Now::from_seconds(START))
}

fn refused(world: &World, body: &str) -> Refusal {
    ask(world, body).expect_err("a refusal")
}

#[test]
fn t_022_a_client_without_its_own_secret_is_refused() {
    let world = with_authentication(ClientAuthentication::Secret(vec![
        secret("right", None),
        secret("former", Some(START)),
        secret("dead", Some(START - 1)),
        secret("", None),
    ]));
    assert_eq!(refused(&world, "client_id=ua"), Refusal::ClientSecretMissing);
    assert_eq!(refused(&world, "client_id=ua&client_secret="), Refusal::ClientSecretMissing);
    for wrong in ["wrong", "righ", "right2", "dead"] {
        assert_eq!(refused(&world, &format!("client_id=ua&client_secret={wrong}")), Refusal::WrongClientSecret, "{wrong}");
    }
    for right in ["right", "former"] {
        assert!(
            matches!(ask(&world, &format!("client_id=ua&client_secret={right}")), Ok(Authentication::Done(client)) if client.client().client_id == "ua")
        );
    }
    assert_eq!(refused(&world, "client_id=nobody"), Refusal::UnknownClient);
    assert_eq!(refused(&world, "grant_type=password"), Refusal::NoClient);
}

#[test]
fn a_public_client_needs_no_secret_and_any_is_ignored() {
    let world = World::new();
    for body in ["client_id=ua-grant", "client_id=ua-grant&client_secret=whatever"] {
        assert!(matches!(ask(&world, body), Ok(Authentication::Done(client)) if client.method() == Method::None), "{body}");
    }
}

#[test]
fn a_disabled_bearer_only_or_foreign_client_is_refused() {
    let cases: [(fn(&mut Client), Refusal); 3] = [
        (|client| client.enabled = false, Refusal::ClientDisabled),
        (|client| client.kind = ClientKind::BearerOnly, Refusal::BearerOnlyClient),
        (|client| client.protocol = ClientProtocol::Other, Refusal::WrongClientProtocol),
    ];
    for (change, expected) in cases {
        let mut world = World::new();
        world.change_client("ua", change);
        assert_eq!(refused(&world, "client_id=ua&client_secret=x"), expected);
    }
}

struct Signer {
    world: World,
    key: SigningKey,
}

fn private_key_jwt() -> Signer {
    let key = SigningKey::from_private_key_der(Algorithm::Es256, generate_private_key(KeyKind::P256).unwrap().expose()).unwrap();
    let keys = vec![key.verifying_key().unwrap()];
    Signer { world: with_authentication(ClientAuthentication::PrivateKeyJwt { keys, algorithm: None }), key }
}

impl Signer {
    fn body(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({ "iss": "ua", "sub": "ua", "aud": ISSUER, "jti": "once", "iat": START, "exp": START + 60 });
        change(&mut claims);
        let assertion = sign_compact(&self.key, HeaderType::Jwt, claims.to_string().as_bytes()).unwrap();
        format!("client_assertion_type={JWT_BEARER_ASSERTION}&client_assertion={assertion}")
    }
}

#[test]
fn t_025_an_assertion_is_for_us_alone_for_now_and_names_one_client() {
    use AssertionFault as F;
    use AssertionMethod::PrivateKey as P;
    let signer = private_key_jwt();
    let cases: &[(fn(&mut Value), AssertionFault)] = &[
        (|claims| claims["iss"] = json!("other"), F::IssuerMismatch(P)),
        (|claims| claims["aud"] = json!("https://other.example"), F::Audience(P)),
        (|claims| claims["aud"] = json!([ISSUER, "https://other.example"]), F::Audience(P)),
        (|claims| drop(claims.as_object_mut().unwrap().remove("aud")), F::Audience(P)),
        (|claims| claims["exp"] = json!(START - 16), F::NotActive(P)),
        (|claims| claims["exp"] = json!(START + 301), F::NotActive(P)),
        (|claims| claims["nbf"] = json!(START + 16), F::NotActive(P)),
        (|claims| claims["iat"] = json!(START + 16), F::IssuedInFuture(P)),
        (|claims| drop(claims.as_object_mut().unwrap().remove("jti")), F::IdMissing(P)),
    ];
    for (number, (change, expected)) in cases.iter().enumerate() {
        assert_eq!(refused(&signer.world, &signer.body(change)), Refusal::ClientAssertion(expected.clone()), "case {number}");
    }
    let Ok(Authentication::Pending(assertion)) = ask(&signer.world, &signer.body(|_| {})) else { panic!("a good assertion") };
    assert!(assertion.once_id.ends_with("\nonce"), "{:?}", assertion.once_id);
    assert_eq!(assertion.until, START + 75, "remembered as long as it would be accepted");
    assert_eq!(assertion.confirm(FirstUse::No).err(), Some(Refusal::ClientAssertion(F::Reused(P))));
}

#[test]
fn an_assertion_of_another_key_or_shape_is_refused() {
    use AssertionFault as F;
    let signer = private_key_jwt();
    let stranger = private_key_jwt();
    assert_eq!(refused(&signer.world, &stranger.body(|_| {})), Refusal::ClientAssertion(F::Signature(AssertionMethod::PrivateKey)));
    assert_eq!(refused(&signer.world, "client_id=ua&client_secret=x"), Refusal::ClientAssertion(F::TypeMissing));
    let body = signer.body(|_| {});
    assert_eq!(
        refused(&signer.world, &body.replace("jwt-bearer", "saml")),
        Refusal::ClientAssertion(F::TypeUnknown { sent: JWT_BEARER_ASSERTION.replace("jwt-bearer", "saml") })
    );
    assert_eq!(
        refused(&signer.world, &format!("client_id=ua&client_assertion_type={JWT_BEARER_ASSERTION}")),
        Refusal::ClientAssertion(F::Missing)
    );
    let other = signer.body(|claims| (claims["iss"], claims["sub"]) = (json!("other"), json!("other")));
    assert_eq!(
        refused(&signer.world, &(other + "&client_id=ua")),
        Refusal::ClientAssertion(F::ClientMismatch(AssertionMethod::PrivateKey))
    );
}

#[test]
fn t_027_a_mac_by_the_public_key_is_no_private_key_assertion() {
    let signer = private_key_jwt();
    let spki = signer.key.public_key().unwrap().to_spki_der();
    let mac = SigningKey::from_hmac_secret(KeyId::parse("x").unwrap(), Algorithm::Hs256, &spki).unwrap();
    let forged = Signer { world: World::new(), key: mac };
    assert_eq!(refused(&signer.world, &forged.body(|_| {})), Refusal::ClientAssertion(AssertionFault::Algorithm));
}

#[test]
fn client_secret_jwt_wants_the_secret_and_takes_no_signature() {
    let value = "0123456789abcdef0123456789abcdef";
    let world = with_authentication(ClientAuthentication::SecretJwt { secrets: vec![secret(value, None)], algorithm: None });
    let mac = |secret: &str| SigningKey::from_hmac_secret(KeyId::parse("x").unwrap(), Algorithm::Hs256, secret.as_bytes()).unwrap();
    let right = Signer { world, key: mac(value) };
    assert!(matches!(ask(&right.world, &right.body(|_| {})), Ok(Authentication::Pending(_))));
    let wrong = Signer { world: World::new(), key: mac("another secret, just as long as it") };
    assert_eq!(refused(&right.world, &wrong.body(|_| {})), Refusal::ClientAssertion(AssertionFault::Signature(AssertionMethod::Secret)));
    assert_eq!(refused(&right.world, &private_key_jwt().body(|_| {})), Refusal::ClientAssertion(AssertionFault::Algorithm));
}
