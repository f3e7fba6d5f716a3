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
