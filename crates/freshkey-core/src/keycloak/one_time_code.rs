//! Keycloak's stored form of a device for one-time codes (`OTPCredentialModel`), read. A document that cannot be read is no device: no code fits it.

use super::credential::read_json;
use crate::limits::ONE_TIME_CODE_PERIOD_S_MAX;
use crate::one_time_codes::{CodeDigits, CodeHash, Counts, Device};
use freshkey_protocol::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    sub_type: String,
    digits: i64,
    counter: Option<i64>,
    period: Option<i64>,
    algorithm: String,
    secret_encoding: Option<String>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
}

/// The device in a stored credential. `used` is the count below which all are used up, as far as that is known beside the document.
pub fn read_device(credential_id: &str, document: &Value, secret: &Secret<String>, used: Option<i64>) -> Option<Device> {
    let data: CredentialData = read_json(document.get("credentialData")?.as_str()?, "credentialData").ok()?;
    let value = Secret::new(read_json::<SecretData>(secret.expose(), "secretData").ok()?.value);
    let used = used.unwrap_or(0).max(0);
    let (counts, next) = match data.sub_type.as_str() {
        "hotp" => (Counts::Events, data.counter.filter(|counter| *counter >= 0)?.max(used)),
        "totp" => {
            let period_s = data.period.filter(|period_s| (1..=ONE_TIME_CODE_PERIOD_S_MAX).contains(period_s))?;
            (Counts::Periods { period_s }, used)
        }
        _ => return None,
    };
    let digits = match data.digits {
        6 => CodeDigits::Six,
        7 => CodeDigits::Seven,
        8 => CodeDigits::Eight,
        _ => return None,
    };
    let hash = match data.algorithm.as_str() {
        "HmacSHA1" => CodeHash::Sha1,
        "HmacSHA256" => CodeHash::Sha256,
        "HmacSHA512" => CodeHash::Sha512,
        _ => return None,
    };
    let secret = match data.secret_encoding.as_deref() {
        None => Secret::new(value.expose().as_bytes().to_vec()),
        Some("BASE32") => base32(value.expose())?,
        Some(_) => return None,
    };
    // Anybody could compute the codes of an empty key.
    (!secret.expose().is_empty()).then(|| Device { credential_id: credential_id.to_owned(), counts, digits, hash, secret, next })
}

/// `document` as it is after the codes below `used`: where Keycloak keeps the count of a device that counts its codes. Others have none.
#[must_use]
pub fn with_counter(mut document: Value, used: i64) -> Value {
    let text = document.get("credentialData").and_then(Value::as_str);
    let Some(mut data) = text.and_then(|text| read_json::<Map<String, Value>>(text, "credentialData").ok()) else { return document };
    if data.get("subType").and_then(Value::as_str) == Some("hotp") && data.get("counter").and_then(Value::as_i64) < Some(used) {
        data.insert("counter".to_owned(), used.into());
        document["credentialData"] = Value::Object(data).to_string().into();
    }
    document
}

/// RFC 4648 §6, in either case, with or without padding and the blanks that apps show it with.
fn base32(text: &str) -> Option<Secret<Vec<u8>>> {
    let mut bytes = Secret::new(Vec::with_capacity(text.len()));
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes().filter(|letter| !matches!(letter, b' ' | b'-')) {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            let byte = (bits >> held).to_be_bytes()[3];
            bytes.with_mut(|bytes| bytes.push(byte));
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{RealmKey, UserKey};
    use crate::one_time_codes::{Accepted, CodePolicy, CodeUse, judge};
    use crate::time::Now;
    use serde_json::json;

    fn read(data: &Value, value: &str) -> Option<Device> {
        let secret = Secret::new(json!({ "value": value }).to_string());
        read_device("d", &json!({ "userLabel": "phone", "credentialData": data.to_string() }), &secret, None)
    }

    fn totp() -> Value {
        json!({ "subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1" })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut data = totp();
        data[field] = value;
        data
    }

    #[test]
    fn both_kinds_are_read_with_every_hash_and_length() {
        let device = read(&totp(), "12345678901234567890").expect("a device");
        assert_eq!(
            (device.counts, device.digits, device.hash, device.next),
            (Counts::Periods { period_s: 30 }, CodeDigits::Six, CodeHash::Sha1, 0)
        );
        assert_eq!(device.secret.expose().as_slice(), b"12345678901234567890");
        let hotp = json!({ "subType": "hotp", "digits": 8, "counter": 17, "period": 0, "algorithm": "HmacSHA512", "later": true });
        let device = read(&hotp, "käse").expect("a device");
        assert_eq!((device.counts, device.digits, device.hash, device.next), (Counts::Events, CodeDigits::Eight, CodeHash::Sha512, 17));
        assert_eq!(device.secret.expose().as_slice(), "käse".as_bytes());
        assert_eq!(read(&with("algorithm", json!("HmacSHA256")), "k").expect("a device").hash, CodeHash::Sha256);
    }

    #[test]
    fn a_secret_in_base32_is_the_bytes_that_it_stands_for() {
        let data = with("secretEncoding", json!("BASE32"));
        // RFC 4648 §10.
        for (text, bytes) in [
            ("MY======", "f"),
            ("MZXQ", "fo"),
            ("mzxw6", "foo"),
            ("MZXW 6YQ", "foob"),
            ("MZXW-6YTB", "fooba"),
            ("MZXW6YTBOI======", "foobar"),
        ] {
            assert_eq!(read(&data, text).expect(text).secret.expose().as_slice(), bytes.as_bytes());
        }
        for text in ["", "=", "1", "MZ=XW", "Ünd"] {
            assert!(read(&data, text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_used_is_never_forgotten_by_a_document_that_is_behind() {
        let hotp = json!({ "subType": "hotp", "digits": 6, "counter": 5, "algorithm": "HmacSHA1" });
        let document = json!({ "createdDate": 1, "credentialData": hotp.to_string() });
        let secret = Secret::new(json!({ "value": "12345678901234567890" }).to_string());
        let next = |document: &Value, used| read_device("d", document, &secret, used).expect("a device").next;
        assert_eq!([next(&document, None), next(&document, Some(3)), next(&document, Some(9))], [5, 5, 9]);
        let moved = with_counter(document.clone(), 9);
        assert_eq!((next(&moved, None), moved["createdDate"].as_i64()), (9, Some(1)));
        assert_eq!(with_counter(document.clone(), 4), document);
        let by_time = json!({ "credentialData": totp().to_string() });
        assert_eq!(with_counter(by_time.clone(), 9), by_time);
        assert_eq!(with_counter(json!(7), 9), json!(7));
    }

    #[test]
    fn a_document_that_cannot_be_read_is_no_device() {
        let faults = [
            ("subType", json!("motp")),
            ("digits", json!(5)),
            ("digits", json!(9)),
            ("digits", json!("6")),
            ("period", json!(0)),
            ("period", json!(86_401)),
            ("period", Value::Null),
            ("algorithm", json!("HmacMD5")),
            ("secretEncoding", json!("BASE64")),
        ];
        for (field, value) in faults {
            assert!(read(&with(field, value.clone()), "k").is_none(), "{field} {value}");
        }
        assert!(read(&json!({ "subType": "hotp", "digits": 6, "counter": -1, "algorithm": "HmacSHA1" }), "k").is_none());
        assert!(read(&totp(), "").is_none());
        for (document, secret) in [
            (json!({}), "{}"),
            (json!(7), "{}"),
            (json!({ "credentialData": "{}" }), "no"),
            (json!({ "credentialData": totp().to_string() }), "{}"),
        ] {
            assert!(read_device("d", &document, &Secret::new(secret.to_owned()), None).is_none(), "{document}");
        }
    }

    #[test]
    fn a_device_that_was_read_takes_its_code() {
        let device = read(&with("digits", json!(8)), "12345678901234567890").expect("a device");
        let whose = (RealmKey(1), UserKey([1; 16]));
        let accepted = judge(&[device], "94287082", CodePolicy::KEYCLOAK, whose, Now::from_seconds(59));
        assert_eq!(accepted, Ok(Accepted::Once(CodeUse { realm: whose.0, user: whose.1, credential_id: "d".into(), next: 2 })));
    }
}
