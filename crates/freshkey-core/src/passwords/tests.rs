use super::*;

fn plain(text: &str) -> PlainPassword<'_> {
    PlainPassword::new(text).unwrap_or_else(|_| panic!("{} bytes are too many", text.len()))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn argon2(variant: Argon2Variant, version: Argon2Version, memory_kib: u32, iterations: u32, parallelism: u32) -> HashAlgorithm {
    HashAlgorithm::Argon2(Argon2Parameters { variant, version, memory_kib, iterations, parallelism, hash_bytes: 32 })
}

fn argon2id(memory_kib: u32, iterations: u32, parallelism: u32) -> HashAlgorithm {
    argon2(Argon2Variant::Id, Argon2Version::V1_3, memory_kib, iterations, parallelism)
}

fn pbkdf2(prf: Pbkdf2Prf, iterations: u32, hash_bytes: usize) -> HashAlgorithm {
    HashAlgorithm::Pbkdf2(Pbkdf2Parameters { prf, iterations, hash_bytes })
}

/// Cheap enough for a test that is about something else.
const CHEAP: HashAlgorithm = HashAlgorithm::Pbkdf2(Pbkdf2Parameters { prf: Pbkdf2Prf::Sha256, iterations: 10, hash_bytes: 32 });

fn stored(algorithm: HashAlgorithm, salt: &str, value: &str) -> PasswordHash {
    PasswordHash::new(algorithm, salt.as_bytes().to_vec(), bytes(value)).expect("within bounds")
}

#[track_caller]
fn assert_known(algorithm: HashAlgorithm, password: &str, salt: &str, value: &str) {
    let mut workspace = HashWorkspace::new();
    let hash = stored(algorithm, salt, value);
    assert_eq!(verify(&hash, plain(password), &mut workspace), Ok(Verdict::Match), "{algorithm:?}");
    let wrong = format!("{password}x");
    assert_eq!(verify(&hash, plain(&wrong), &mut workspace), Ok(Verdict::Mismatch), "{algorithm:?}");
}

#[test]
fn rfc_6070_pbkdf2_sha1_vectors_verify() {
    let long = ("passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt");
    for (iterations, password, salt, value) in [
        (1, "password", "salt", "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        (2, "password", "salt", "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
        (4096, "password", "salt", "4b007901b765489abead49d926f721d065a429c1"),
        (4096, long.0, long.1, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"),
        (4096, "pass\0word", "sa\0lt", "56fa6aa75548099dcc37d7f03425e0c3"),
    ] {
        assert_known(pbkdf2(Pbkdf2Prf::Sha1, iterations, value.len() / 2), password, salt, value);
    }
}

/// RFC 7914 §11.
#[test]
fn rfc_7914_pbkdf2_sha256_vectors_verify() {
    assert_known(
        pbkdf2(Pbkdf2Prf::Sha256, 1, 64),
        "passwd",
        "salt",
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    );
    assert_known(
        pbkdf2(Pbkdf2Prf::Sha256, 80_000, 64),
        "Password",
        "NaCl",
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
    );
}

#[test]
fn published_pbkdf2_sha512_vectors_verify() {
    assert_known(
        pbkdf2(Pbkdf2Prf::Sha512, 1, 64),
        "password",
        "salt",
        "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce",
    );
    assert_known(
        pbkdf2(Pbkdf2Prf::Sha512, 4096, 64),
        "passwordPASSWORDpassword",
        "saltSALTsaltSALTsaltSALTsaltSALTsalt",
        "8c0511f4c6e597c6ac6315d8f0362e225f3c501495ba23b868c005174dc4ee71115b59f9e60cd9532fa33e0f75aefe30225c583a186cd82bd4daea9724a3d3b8",
    );
}

/// 256 KiB, two passes, two lanes; computed with the reference implementation of Argon2.
#[test]
fn every_argon2_variant_and_version_verifies() {
    use Argon2Variant::{D, I, Id};
    use Argon2Version::{V1_0, V1_3};
    for (variant, version, value) in [
        (D, V1_0, "6a91d02b9f8854ba0841f04aa6e53c1d3374c0a0c646b8e431b03de805b91ec3"),
        (D, V1_3, "7b69c92d7c3889aad1281dbc8baefc12cc37c80f1c75e33ef2c2d40c28ebc573"),
        (I, V1_0, "b6c11560a6a9d61eac706b79a2f97d68b4463aa3ad87e00c07e2b01e90c564fb"),
        (I, V1_3, "4ff5ce2769a1d7f4c8a491df09d41a9fbe90e5eb02155a13e4c01e20cd4eab61"),
        (Id, V1_0, "f8aabb5315c63cddcdb3b4a021550928e525699da8fcbd1c2b0b1ccd35cc87a7"),
        (Id, V1_3, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"),
    ] {
        assert_known(argon2(variant, version, 256, 2, 2), "password", "somesalt", value);
    }
    assert_known(argon2id(256, 2, 1), "password", "somesalt", "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");
}

/// The vectors of RFC 9106 §5 use a secret and associated data, which stored passwords don't have: this one guards the dependency.
#[test]
fn rfc_9106_argon2id_vector_holds_for_the_library() {
    let data = argon2::AssociatedData::new(&[4; 12]).expect("12 bytes fit");
    let cost = argon2::ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(data).build().expect("valid");
    let context = argon2::Argon2::new_with_secret(&[3; 8], argon2::Algorithm::Argon2id, argon2::Version::V0x13, cost).expect("valid");
    let mut tag = [0; 32];
    context.hash_password_into(&[1; 32], &[2; 16], &mut tag).expect("valid");
    assert_eq!(tag.to_vec(), bytes("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"));
}

#[test]
fn a_workspace_is_reused_across_costs_without_changing_results() {
    let mut workspace = HashWorkspace::new();
    let salt = [7; 16];
    let fresh = |algorithm| hash(plain("p"), &algorithm, salt, &mut HashWorkspace::new()).expect("hashes");
    for algorithm in [argon2id(512, 1, 1), argon2id(64, 3, 2), argon2id(2048, 1, 4), argon2id(64, 3, 2)] {
        let reused = hash(plain("p"), &algorithm, salt, &mut workspace).expect("hashes");
        assert_eq!(reused.value(), fresh(algorithm).value(), "{algorithm:?}");
    }
    assert_eq!(workspace.block_count(), 2048, "the largest so far stays for the next");
}

#[test]
fn one_expensive_hash_does_not_keep_its_memory() {
    let mut workspace = HashWorkspace::new();
    let large = u32::try_from(crate::limits::ARGON2_RETAINED_BLOCKS_MAX).expect("fits") + 4096;
    hash(plain("p"), &argon2id(large, 1, 1), [0; 16], &mut workspace).expect("hashes");
    assert_eq!(workspace.block_count(), crate::limits::ARGON2_RETAINED_BLOCKS_MAX);
}

#[test]
fn debug_shows_neither_salt_nor_value() {
    let hash = PasswordHash::new(CHEAP, vec![0xab; 16], vec![0xcd; 32]).expect("within bounds");
    let text = format!("{hash:?}");
    assert!(text.contains("Sha256"), "{text}");
    assert!(!text.contains("205") && !text.contains("171") && !text.to_lowercase().contains("cd, cd"), "{text}");
}

#[test]
fn owasp_default_is_argon2id_with_19_mib_and_two_passes() {
    assert_eq!(PasswordPolicy::default().hash_algorithm(), argon2id(19_456, 2, 1));
    let made = hash(plain("correct horse"), &HashAlgorithm::RECOMMENDED, [9; 16], &mut HashWorkspace::new()).expect("hashes");
    assert_eq!(verify(&made, plain("correct horse"), &mut HashWorkspace::new()), Ok(Verdict::Match));
    assert_eq!(verify(&made, plain("correct horsf"), &mut HashWorkspace::new()), Ok(Verdict::Mismatch));
}

#[test]
fn a_policy_chooses_the_cost_but_never_below_owasp() {
    use HashFamily::{Argon2, Pbkdf2};
    use Pbkdf2Prf::{Sha1, Sha256, Sha512};
    let with = |family, iterations: Option<u32>| {
        let mut rules = vec![PolicyRule::Hash(family)];
        rules.extend(iterations.map(PolicyRule::HashIterations));
        PasswordPolicy::new(rules, String::new()).hash_algorithm()
    };
    for (family, stated, expected) in [
        (Argon2, None, argon2id(19_456, 2, 1)),
        (Argon2, Some(1), argon2id(19_456, 2, 1)),
        (Argon2, Some(5), argon2id(19_456, 5, 1)),
        (Argon2, Some(100), argon2id(19_456, 100, 1)),
        (Argon2, Some(210_000), argon2id(19_456, 2, 1)),
        (Pbkdf2(Sha1), None, pbkdf2(Sha1, 1_300_000, 64)),
        (Pbkdf2(Sha256), None, pbkdf2(Sha256, 600_000, 64)),
        (Pbkdf2(Sha512), None, pbkdf2(Sha512, 210_000, 64)),
        (Pbkdf2(Sha256), Some(27_500), pbkdf2(Sha256, 600_000, 64)),
        (Pbkdf2(Sha512), Some(500_000), pbkdf2(Sha512, 500_000, 64)),
    ] {
        assert_eq!(with(family, stated), expected, "{family:?} {stated:?}");
    }
    let iterations_alone = PasswordPolicy::new(vec![PolicyRule::HashIterations(210_000)], String::new());
    assert_eq!(iterations_alone.hash_algorithm(), argon2id(19_456, 2, 1), "meant for PBKDF2, ignored by Argon2");
}

#[test]
fn every_algorithm_of_a_policy_is_within_the_limits() {
    for family in [HashFamily::Argon2, HashFamily::Pbkdf2(Pbkdf2Prf::Sha1), HashFamily::Pbkdf2(Pbkdf2Prf::Sha512)] {
        for iterations in [0, 1, 100, 101, crate::limits::PBKDF2_ITERATIONS_MAX] {
            let rules = vec![PolicyRule::Hash(family), PolicyRule::HashIterations(iterations)];
            assert_eq!(PasswordPolicy::new(rules, String::new()).hash_algorithm().check(), Ok(()), "{family:?} {iterations}");
        }
    }
}

#[test]
fn weaker_or_other_hashes_are_replaced_and_stronger_ones_stay() {
    use Argon2Version::V1_0;
    let ours = HashAlgorithm::RECOMMENDED;
    let sha512 = pbkdf2(Pbkdf2Prf::Sha512, 210_000, 64);
    for (name, stored, salt_bytes, wanted, expected) in [
        ("the same", ours, 16, ours, false),
        ("Keycloak's default", argon2id(7168, 5, 1), 16, ours, true),
        ("more memory", argon2id(65_536, 3, 4), 16, ours, false),
        ("more memory but less work", argon2id(20_000, 1, 1), 16, ours, true),
        ("old version", argon2(Argon2Variant::Id, V1_0, 19_456, 2, 1), 16, ours, true),
        ("other variant", argon2(Argon2Variant::I, Argon2Version::V1_3, 19_456, 2, 1), 16, ours, true),
        ("short salt", ours, 8, ours, true),
        ("other algorithm", sha512, 16, ours, true),
        ("other hash", pbkdf2(Pbkdf2Prf::Sha256, 600_000, 64), 16, sha512, true),
        ("fewer iterations", pbkdf2(Pbkdf2Prf::Sha512, 209_999, 64), 16, sha512, true),
        ("more iterations", pbkdf2(Pbkdf2Prf::Sha512, 300_000, 64), 16, sha512, false),
        ("short value", pbkdf2(Pbkdf2Prf::Sha512, 210_000, 32), 16, sha512, true),
    ] {
        let hash = PasswordHash::new(stored, vec![1; salt_bytes], vec![2; stored.hash_bytes()]).expect("within bounds");
        assert_eq!(needs_rehash(&hash, &wanted), expected, "{name}");
    }
}

#[test]
fn t_049_a_password_of_a_megabyte_never_reaches_the_hash() {
    assert_eq!(PlainPassword::new(&"x".repeat(1 << 20)).err(), Some(PasswordTooLong));
    assert_eq!(PlainPassword::new(&"x".repeat(4097)).err(), Some(PasswordTooLong));
    assert!(PlainPassword::new(&"x".repeat(4096)).is_ok());
    assert!(PlainPassword::new(&"é".repeat(2049)).is_err(), "bytes count, not characters");
}

#[test]
fn t_049_costs_beyond_the_limits_are_refused_when_a_hash_is_made_or_read() {
    use HashOutOfBounds::{HashLength, Iterations, Memory, Parallelism, SaltLength, Work};
    let id = argon2id;
    let wide = |hash_bytes| pbkdf2(Pbkdf2Prf::Sha256, 1000, hash_bytes);
    for (algorithm, salt_bytes, expected) in [
        (pbkdf2(Pbkdf2Prf::Sha256, 1_000_000_000, 64), 16, Iterations),
        (pbkdf2(Pbkdf2Prf::Sha256, 10_000_001, 64), 16, Iterations),
        (pbkdf2(Pbkdf2Prf::Sha256, 0, 64), 16, Iterations),
        (wide(15), 16, HashLength),
        (wide(65), 16, HashLength),
        (wide(64), 0, SaltLength),
        (wide(64), 257, SaltLength),
        (id(10 << 20, 1, 1), 16, Memory),
        (id((1 << 20) + 1, 1, 1), 16, Memory),
        (id(15, 1, 2), 16, Memory),
        (id(0, 1, 1), 16, Memory),
        (id(1024, 0, 1), 16, Iterations),
        (id(1024, 101, 1), 16, Iterations),
        (id(1024, 1, 0), 16, Parallelism),
        (id(1024, 1, 17), 16, Parallelism),
        (id(1 << 20, 3, 1), 16, Work),
        (id(1024, 1, 1), 7, SaltLength),
    ] {
        let read = PasswordHash::new(algorithm, vec![1; salt_bytes], vec![2; algorithm.hash_bytes()]);
        assert_eq!(read.err(), Some(expected), "{algorithm:?}");
        if expected != SaltLength {
            let mut workspace = HashWorkspace::new();
            let made = hash(plain("p"), &algorithm, [0; 16], &mut workspace);
            assert_eq!(made.err(), Some(HashFailure::OutOfBounds(expected)), "{algorithm:?}");
            assert_eq!(verify_dummy(&algorithm, plain("p"), &mut workspace), Err(HashFailure::OutOfBounds(expected)));
            assert_eq!(workspace.block_count(), 0, "nothing was hashed");
        }
    }
    for allowed in [id(1 << 20, 2, 16), id(16, 1, 2), pbkdf2(Pbkdf2Prf::Sha512, 10_000_000, 64), wide(16)] {
        assert_eq!(allowed.check(), Ok(()), "{allowed:?}");
    }
    assert_eq!(PasswordHash::new(CHEAP, vec![1; 16], vec![2; 31]).err(), Some(HashLength), "value and parameters disagree");
}

#[test]
fn t_023_an_unknown_user_costs_what_a_known_one_does_and_never_matches() {
    let mut policies = vec![PasswordPolicy::default()];
    policies.extend(
        [HashFamily::Argon2, HashFamily::Pbkdf2(Pbkdf2Prf::Sha512)]
            .map(|family| PasswordPolicy::new(vec![PolicyRule::Hash(family)], String::new())),
    );
    for policy in policies {
        let wanted = policy.hash_algorithm();
        let dummy = hashing::dummy_hash(&wanted).expect("within bounds");
        assert_eq!((dummy.algorithm(), dummy.salt().len(), dummy.value().len()), (&wanted, 16, wanted.hash_bytes()));
    }
    let mut workspace = HashWorkspace::new();
    assert_eq!(verify_dummy(&argon2id(512, 1, 1), plain(""), &mut workspace), Ok(Verdict::Mismatch));
    assert_eq!(workspace.block_count(), 512, "the work was done");
}

#[test]
fn policy_rules_are_checked_in_written_order() {
    use PolicyRule::{Digits, LengthMax, LengthMin, LowerCase, NotContainsUsername, NotEmail, NotUsername, SpecialCharacters, UpperCase};
    use PolicyViolation as Broken;
    let subject = PolicySubject { username: "alice", email: Some("alice@example.org") };
    for (rules, password, expected) in [
        (vec![LengthMin(8)], "1234567", Some(Broken::TooShort(8))),
        (vec![LengthMin(8)], "12345678", None),
        (vec![LengthMin(8)], "😀😀😀😀", None),
        (vec![LengthMax(4)], "12345", Some(Broken::TooLong(4))),
        (vec![LengthMax(4)], "1234", None),
        (vec![Digits(2)], "a1b", Some(Broken::TooFewDigits(2))),
        (vec![Digits(2)], "a1b2", None),
        (vec![LowerCase(2)], "AbC", Some(Broken::TooFewLowerCase(2))),
        (vec![LowerCase(2)], "aßC", None),
        (vec![UpperCase(1)], "abc", Some(Broken::TooFewUpperCase(1))),
        (vec![UpperCase(1)], "abÖ", None),
        (vec![SpecialCharacters(2)], "ab!c9é", Some(Broken::TooFewSpecialCharacters(2))),
        (vec![SpecialCharacters(2)], "ab! ", None),
        (vec![NotUsername], "ALICE", Some(Broken::IsUsername)),
        (vec![NotUsername], "alice2", None),
        (vec![NotContainsUsername], "xxAlicexx", Some(Broken::ContainsUsername)),
        (vec![NotContainsUsername], "xxAlixx", None),
        (vec![NotEmail], "Alice@Example.org", Some(Broken::IsEmail)),
        (vec![NotEmail], "alice@example.com", None),
        (vec![Digits(1), LengthMin(8)], "abc", Some(Broken::TooFewDigits(1))),
        (vec![PolicyRule::Unsupported("regexPattern".into()), PolicyRule::ExpiresAfterDays(1)], "", None),
    ] {
        let policy = PasswordPolicy::new(rules.clone(), String::new());
        let outcome = policy.check(plain(password), subject, &[], &mut HashWorkspace::new());
        assert_eq!(outcome.err(), expected.map(PolicyRefusal::Violation), "{rules:?} {password}");
    }
    let without_email = PolicySubject { email: None, ..subject };
    let policy = PasswordPolicy::new(vec![NotEmail], String::new());
    assert_eq!(policy.check(plain(""), without_email, &[], &mut HashWorkspace::new()), Ok(()));
}

#[test]
fn only_as_many_former_passwords_as_the_rule_says_are_refused() {
    let mut workspace = HashWorkspace::new();
    let history: Vec<_> = ["present", "former-1", "former-2", "former-3"]
        .iter()
        .map(|text| hash(plain(text), &CHEAP, [1; 16], &mut workspace).expect("hashes"))
        .collect();
    let subject = PolicySubject { username: "alice", email: None };
    for (rule, password, refused) in [
        (3, "present", true),
        (3, "former-2", true),
        (3, "former-3", false),
        (3, "new", false),
        (0, "present", true),
        (0, "former-1", false),
    ] {
        let policy = PasswordPolicy::new(vec![PolicyRule::History(rule)], String::new());
        let outcome = policy.check(plain(password), subject, &history, &mut workspace);
        let expected = if refused { Err(PolicyRefusal::Violation(PolicyViolation::UsedBefore(rule))) } else { Ok(()) };
        assert_eq!(outcome, expected, "history({rule}) {password}");
    }
    assert_eq!(PasswordPolicy::new(vec![PolicyRule::History(3)], String::new()).former_passwords_kept(), 2);
    assert_eq!(PasswordPolicy::default().check(plain("present"), subject, &history, &mut workspace), Ok(()));
}

#[test]
fn passwords_expire_after_the_days_of_the_rule() {
    use crate::time::Now;
    let policy = PasswordPolicy::new(vec![PolicyRule::ExpiresAfterDays(365)], String::new());
    let made_ms = 1_700_000_000_000;
    let year_ms = 365 * 86_400_000;
    assert!(!policy.is_expired(made_ms, Now::from_milliseconds(made_ms + year_ms)));
    assert!(policy.is_expired(made_ms, Now::from_milliseconds(made_ms + year_ms + 1)));
    assert!(!PasswordPolicy::default().is_expired(0, Now::from_milliseconds(i64::MAX)));
}
