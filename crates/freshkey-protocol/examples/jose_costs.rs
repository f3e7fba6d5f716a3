//! Prints what the JOSE layer costs beside the bare cryptography: `cargo run --release -p freshkey-protocol --example jose_costs`.
//! Times are CPU times of this thread where the system tells them, so a busy machine disturbs them little. Compare only figures of one run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people, not a part of the product")]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use freshkey_protocol::jose::{Algorithm, CompactJws, HeaderType, KeyId, KeyKind, KeyRing, SigningKey, generate_private_key, sign_compact};
use freshkey_protocol::{Claims, Form, PresentedCredentials, TokenResponse, TokenType};

const ROUNDS: usize = 9;

fn main() {
    let rsa_der = generate_private_key(KeyKind::Rsa2048).unwrap();
    let rsa = SigningKey::from_private_key_der(Algorithm::Rs256, rsa_der.expose()).unwrap();
    let rsa_verifying = rsa.verifying_key().unwrap();
    let raw = RsaKeyPair::from_pkcs8(rsa_der.expose()).unwrap();
    let spki = rsa.public_key().unwrap().to_spki_der();
    let hmac = SigningKey::from_hmac_secret(KeyId::parse("7c1f").unwrap(), Algorithm::Hs512, &[7; 64]).unwrap();
    let mut ring = KeyRing::new();
    ring.add_signing(std::sync::Arc::new(hmac)).unwrap();
    let hmac = ring.signing_key(Algorithm::Hs512).unwrap();

    let access_claims = claims(1000);
    let refresh_claims = claims(700);
    let access = sign_compact(&rsa, HeaderType::Jwt, &access_claims).unwrap();
    let refresh = sign_compact(hmac, HeaderType::Jwt, &refresh_claims).unwrap();
    let (signing_input, _) = access.rsplit_once('.').unwrap();
    let mut signature = Vec::new();
    rsa.sign(signing_input.as_bytes(), &mut signature).unwrap();
    println!("access token {} B, refresh token {} B", access.len(), refresh.len());

    let random = SystemRandom::new();
    let mut out = vec![0; raw.public_modulus_len()];
    let raw_sign = &mut || {
        raw.sign(&RSA_PKCS1_SHA256, &random, black_box(signing_input.as_bytes()), &mut out).unwrap();
        black_box(&out);
    };
    let compact_sign = &mut || drop(black_box(sign_compact(&rsa, HeaderType::Jwt, black_box(&access_claims)).unwrap()));
    let [raw_sign, compact_sign] = side_by_side([raw_sign, compact_sign], 1_000);
    report("RS256 raw sign", raw_sign, None);
    report("RS256 sign_compact", compact_sign, Some(raw_sign));

    let unparsed = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &spki);
    let [parsed, unparsed, token, with_claims] = side_by_side(
        [
            &mut || rsa_verifying.verify(black_box(signing_input.as_bytes()), &signature).unwrap(),
            &mut || unparsed.verify(black_box(signing_input.as_bytes()), &signature).unwrap(),
            &mut || drop(CompactJws::parse(black_box(access.as_bytes())).unwrap().verify(&rsa_verifying).map(black_box)),
            &mut || {
                let jws = CompactJws::parse(black_box(access.as_bytes())).unwrap();
                let Ok(payload) = jws.verify(&rsa_verifying) else { unreachable!() };
                drop(black_box(payload.claims().unwrap()));
            },
        ],
        5_000,
    );
    report("RS256 raw verify, key parsed", parsed, None);
    report("RS256 raw verify, key parsed each time", unparsed, Some(parsed));
    report("RS256 token parse + verify", token, Some(parsed));
    report("RS256 token parse + verify + claims", with_claims, Some(parsed));

    let mut mac = Vec::with_capacity(64);
    let refresh_input = refresh.rsplit_once('.').unwrap().0;
    let [raw_mac, parse_only, verify, with_claims, claims_only, mint] = side_by_side(
        [
            &mut || {
                mac.clear();
                hmac.sign(black_box(refresh_input.as_bytes()), &mut mac).unwrap();
            },
            &mut || drop(black_box(CompactJws::parse(black_box(refresh.as_bytes())).unwrap())),
            &mut || drop(ring.verify(&CompactJws::parse(black_box(refresh.as_bytes())).unwrap()).map(black_box)),
            &mut || {
                let Ok(payload) = ring.verify(&CompactJws::parse(black_box(refresh.as_bytes())).unwrap()) else { unreachable!() };
                drop(black_box(payload.claims().unwrap()));
            },
            &mut || drop(black_box(Claims::parse(black_box(&refresh_claims)).unwrap())),
            &mut || drop(black_box(sign_compact(hmac, HeaderType::Jwt, black_box(&refresh_claims)).unwrap())),
        ],
        20_000,
    );
    report("HS512 raw MAC", raw_mac, None);
    report("HS512 token parse only", parse_only, Some(raw_mac));
    report("HS512 token parse + verify", verify, Some(raw_mac));
    report("HS512 token parse + verify + claims", with_claims, Some(raw_mac));
    report("claims alone, 700 B", claims_only, None);
    report("HS512 sign_compact", mint, Some(raw_mac));

    let body = format!("grant_type=refresh_token&client_id=web-app&client_secret=s3cr3t&refresh_token={refresh}&scope=openid+email");
    let [form, response] = side_by_side(
        [
            &mut || {
                let form = Form::parse(black_box(body.as_bytes())).unwrap();
                let presented = PresentedCredentials::collect(None, &form);
                black_box((presented.client_id(), form.duplicates().is_empty()));
            },
            &mut || drop(black_box(response(&access, &refresh).to_json())),
        ],
        20_000,
    );
    report("form, credentials and duplicates", form, None);
    report("token response", response, None);

    let refresh_cost = form + with_claims + mint + compact_sign + response;
    report("one refresh, all of the above, RS256 access token", refresh_cost, Some(raw_sign));
    report("the same with ID token, per signature", (refresh_cost + compact_sign) / 2.0, Some(raw_sign));
}

fn claims(len: usize) -> Vec<u8> {
    let head = concat!(
        r#"{"exp":1735691400,"iat":1735689600,"jti":"5f8d9f6e-0c8e-4a3e-9b0e-2f1c7a5d3b11","iss":"https://id.example.org/realms/jupyter","#,
        r#""aud":"https://id.example.org/realms/jupyter","sub":"0a9d2c53-6a55-4c10-a2c0-37f7b6a9ed6f","typ":"Refresh","azp":"web-app","#,
        r#""sid":"b0b9b7a4-93b4-4d1c-8f0f-6f0a5c1f6d4e","scope":"openid basic roles web-origins acr profile email","realm_access":{"roles":["#
    );
    let mut text = head.to_owned();
    while text.len() + 20 < len {
        text.push_str(r#""role-of-a-user","#);
    }
    text.push_str(r#""end"]}}"#);
    text.into_bytes()
}

fn response<'a>(access: &'a str, refresh: &'a str) -> TokenResponse<'a> {
    TokenResponse {
        access_token: access,
        expires_in_s: 300,
        refresh_expires_in_s: 1800,
        refresh_token: Some(refresh),
        token_type: TokenType::Bearer,
        id_token: None,
        not_before_policy: 0,
        session_state: Some("b0b9b7a4-93b4-4d1c-8f0f-6f0a5c1f6d4e"),
        scope: Some("openid profile email"),
        issued_token_type: None,
        other: None,
    }
}

/// Medians in microseconds. The candidates take turns, so that a slower spell of the machine meets them all.
fn side_by_side<const N: usize>(mut candidates: [&mut dyn FnMut(); N], repeats: u32) -> [f64; N] {
    let mut samples = [[0.0; ROUNDS]; N];
    for round in 0..ROUNDS {
        for (candidate, samples) in candidates.iter_mut().zip(&mut samples) {
            let before = cpu_time_ns();
            for _ in 0..repeats {
                candidate();
            }
            samples[round] = (cpu_time_ns() - before) / f64::from(repeats) / 1_000.0;
        }
    }
    samples.map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples[ROUNDS / 2]
    })
}

/// CPU time of this thread as Linux counts it, else the time of day. The kernel brings the counter up to date when
/// the thread gives up its turn.
#[allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::cast_precision_loss, reason = "a clock is the point here")]
fn cpu_time_ns() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    std::thread::yield_now();
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next().and_then(|first| first.parse::<u64>().ok()));
    match counted {
        Some(time_ns) => time_ns as f64,
        None => START.get_or_init(Instant::now).elapsed().as_nanos() as f64,
    }
}

fn report(what: &str, cost_us: f64, base_us: Option<f64>) {
    match base_us {
        Some(base_us) => println!("{what:<52} {cost_us:>9.2} µs   × {:.3}", cost_us / base_us),
        None => println!("{what:<52} {cost_us:>9.2} µs"),
    }
}
