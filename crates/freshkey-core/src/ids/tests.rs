use super::*;

struct Zeros;
impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

#[test]
fn uuid_text_and_parse_are_inverse() {
    let text = "0190163d-8694-739b-aea5-966c26f8ad91";
    assert_eq!(uuid_text(&parse_uuid(text).unwrap()), text);
    for wrong in [
        "",
        "0190163D-8694-739b-aea5-966c26f8ad91",
        "0190163d-8694-739b-aea5-966c26f8ad9",
        "0190163d08694-739b-aea5-966c26f8ad91",
        "0190163d-8694-739b-aea5-966c26f8ad9g",
    ] {
        assert_eq!(parse_uuid(wrong), None, "{wrong}");
    }
}

#[test]
fn a_key_is_the_uuid_or_a_hash_of_any_other_id() {
    assert_eq!(UserKey::of("0190163d-8694-739b-aea5-966c26f8ad91").to_string(), "0190163d-8694-739b-aea5-966c26f8ad91");
    assert_ne!(UserKey::of("f:ldap:anna"), UserKey::of("f:ldap:anne"));
}

#[test]
fn a_session_id_carries_time_version_and_a_hash_of_the_user() {
    let now = Now::from_milliseconds(0x0190_163d_8694);
    let anna = SessionId::generate(now, UserKey::of("anna"), &Zeros);
    let berta = SessionId::generate(now, UserKey::of("berta"), &Zeros);
    assert!(anna.to_string().starts_with("0190163d-8694-7"), "{anna}");
    assert_eq!(anna.0[8] & 0xc0, 0x80);
    assert_ne!(anna.0[6..8], berta.0[6..8]);
    assert_eq!(SessionId::parse(&anna.to_string()), Some(anna));
}

#[test]
fn a_family_reads_back_what_it_prints() {
    for family in [Family(0), Family(-1), Family(i64::MIN), Family(0x1234)] {
        assert_eq!(Family::parse(&family.to_string()), Some(family));
    }
    assert_eq!(Family::parse("123"), None);
    assert_eq!(Family::parse("000000000000000G"), None);
}

#[test]
fn a_session_of_any_name_has_an_id_and_a_uuid_has_its_own() {
    let uuid = "0b7cfa6a-2f0c-4a57-9a59-1c1e3a3a2f10";
    assert_eq!(SessionId::of(uuid).unwrap().to_string(), uuid);
    for other in ["", "' OR 1=1 --", "f:ldap:ann", &"x".repeat(37)] {
        assert_eq!(SessionId::of(other), None, "{other}");
    }
    assert_eq!(SessionId::of("tzy8C3YBNOLkaEdKUHA9hRG3"), SessionId::of("tzy8C3YBNOLkaEdKUHA9hRG3"));
    assert_ne!(SessionId::of("tzy8C3YBNOLkaEdKUHA9hRG3"), SessionId::of("tzy8C3YBNOLkaEdKUHA9hRG4"));
}

#[test]
fn a_family_of_keycloak_is_named_by_a_uuid_and_by_nothing_else() {
    let uuid = "97dee207-89e1-4753-a4be-7765bf32f3d4";
    assert_eq!(Family::of_keycloak(uuid), Family::of_keycloak(uuid));
    assert_ne!(Family::of_keycloak(uuid), Family::of_keycloak("97dee207-89e1-4753-a4be-7765bf32f3d5"));
    for other in ["", "0000000000000001", "97DEE207-89e1-4753-a4be-7765bf32f3d4", "97dee207"] {
        assert_eq!(Family::of_keycloak(other), None, "{other}");
    }
}
