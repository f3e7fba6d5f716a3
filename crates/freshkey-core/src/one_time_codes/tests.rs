use super::*;

const REALM: RealmKey = RealmKey(1);
const USER: UserKey = UserKey([7; 16]);
const KEY: &[u8] = b"1234567890123456789012345678901234567890123456789012345678901234";

fn device(counts: Counts) -> Device {
    Device {
        credential_id: "phone".into(),
        counts,
        digits: CodeDigits::Six,
        hash: CodeHash::Sha1,
        secret: Secret::new(KEY[..20].to_vec()),
        next: 0,
    }
}

fn by_time() -> Device {
    device(Counts::Periods { period_s: 30 })
}

fn policy(window: u32) -> CodePolicy {
    CodePolicy { window, reuse: CodeReuse::Refused }
}

fn judged(devices: &[Device], code: &str, policy: CodePolicy, now_s: i64) -> Result<Option<i64>, CodeFault> {
    judge(devices, code, policy, (REALM, USER), Now::from_seconds(now_s)).map(|accepted| match accepted {
        Accepted::Once(used) => Some(used.next),
        Accepted::Reusable => None,
    })
}

#[test]
fn rfc_4226_appendix_d_the_ten_values() {
    let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    let mut device = device(Counts::Events);
    for (count, code) in (0..).zip(codes) {
        assert_eq!(device.code(count).expose(), code);
        assert_eq!(judged(std::slice::from_ref(&device), code, policy(0), 0), Ok(Some(count + 1)));
        device.next = count + 1;
    }
}

#[test]
fn rfc_6238_appendix_b_the_eighteen_values() {
    let moments = [59, 1_111_111_109, 1_111_111_111, 1_234_567_890, 2_000_000_000, 20_000_000_000];
    let hashes = [
        (CodeHash::Sha1, 20, ["94287082", "07081804", "14050471", "89005924", "69279037", "65353130"]),
        (CodeHash::Sha256, 32, ["46119246", "68084774", "67062674", "91819424", "90698825", "77737706"]),
        (CodeHash::Sha512, 64, ["90693936", "25091201", "99943326", "93441116", "38618901", "47863826"]),
    ];
    for (hash, key_bytes, codes) in hashes {
        let device = Device { hash, digits: CodeDigits::Eight, secret: Secret::new(KEY[..key_bytes].to_vec()), ..by_time() };
        for (now, code) in moments.into_iter().zip(codes) {
            assert_eq!(judged(std::slice::from_ref(&device), code, policy(0), now), Ok(Some(now / 30 + 1)), "{hash:?} {now}");
        }
    }
}

#[test]
fn rfc_6238_5_2_a_code_by_time_serves_once_and_no_older_one_after_it() {
    let mut device = by_time();
    let (older, present) = (device.code(99).expose().clone(), device.code(100).expose().clone());
    let now = 100 * 30 + 7;
    assert_eq!(judged(std::slice::from_ref(&device), &present, policy(1), now), Ok(Some(101)));
    device.next = 101;
    assert_eq!(judged(std::slice::from_ref(&device), &present, policy(1), now), Err(CodeFault::Used));
    assert_eq!(judged(std::slice::from_ref(&device), &older, policy(1), now), Err(CodeFault::Used));
    let reusable = CodePolicy { reuse: CodeReuse::Allowed, ..policy(1) };
    assert_eq!(judged(&[device], &present, reusable, now), Ok(None), "a realm may allow it");
}

#[test]
fn a_clock_may_be_off_by_the_window_in_either_direction() {
    let device = [by_time()];
    for (window, least, most) in [(0, 100, 100), (1, 99, 101), (3, 97, 103)] {
        for count in 90..110 {
            let found = judged(&device, device[0].code(count).expose(), policy(window), 100 * 30);
            let expected = if (least..=most).contains(&count) { Ok(Some(count + 1)) } else { Err(CodeFault::Wrong) };
            assert_eq!(found, expected, "window {window}, count {count}");
        }
    }
}

#[test]
fn rfc_4226_7_2_a_counter_may_be_ahead_by_the_window_and_never_goes_back() {
    let device = [Device { next: 3, ..device(Counts::Events) }];
    for count in 0..10 {
        let found = judged(&device, device[0].code(count).expose(), policy(2), 0);
        let expected = if (3..=5).contains(&count) { Ok(Some(count + 1)) } else { Err(CodeFault::Wrong) };
        assert_eq!(found, expected, "count {count}");
        let reusable = CodePolicy { reuse: CodeReuse::Allowed, ..policy(2) };
        assert_eq!(judged(&device, device[0].code(count).expose(), reusable, 0), expected, "a counted code is never reusable");
    }
}

#[test]
fn any_of_several_devices_will_do() {
    let token = Device { credential_id: "token".into(), secret: Secret::new(b"another key".to_vec()), ..device(Counts::Events) };
    let devices = [by_time(), token.clone()];
    let code = token.code(0);
    let accepted = judge(&devices, code.expose(), policy(1), (REALM, USER), Now::from_seconds(6_000));
    let expected = CodeUse { realm: REALM, user: USER, credential_id: "token".into(), next: 1 };
    assert_eq!(accepted, Ok(Accepted::Once(expected)));
    assert_eq!(judged(&devices, by_time().code(200).expose(), policy(1), 6_000), Ok(Some(201)));
}

#[test]
fn what_is_no_code_of_the_device_is_wrong() {
    let device = [by_time()];
    let right = device[0].code(0).expose().clone();
    for code in ["", "0", "٠٠٠٠٠٠", "000000000000", &format!(" {right}"), &format!("{right}0"), &right[1..], &"9".repeat(100_000)] {
        assert_eq!(judged(&device, code, policy(1), 0), Err(CodeFault::Wrong), "{}", code.len());
    }
    assert_eq!(judged(&[], &right, policy(1), 0), Err(CodeFault::Wrong));
}

#[test]
fn t_049_neither_a_window_nor_a_crowd_of_devices_nor_an_edge_of_time_costs_more_than_its_limit() {
    let far = by_time().code(i64::from(ONE_TIME_CODE_WINDOW_MAX) + 1);
    assert_eq!(judged(&[by_time()], far.expose(), policy(u32::MAX), 0), Err(CodeFault::Wrong));
    let mut crowd = vec![by_time(); ONE_TIME_CODE_DEVICES_MAX];
    let late = Device { secret: Secret::new(b"late".to_vec()), ..by_time() };
    let code = late.code(0).expose().clone();
    crowd.push(late);
    assert_eq!(judged(&crowd, &code, policy(1), 0), Err(CodeFault::Wrong));
    let edge = Device { next: i64::MAX, ..device(Counts::Events) };
    let code = edge.code(i64::MAX).expose().clone();
    assert_eq!(judged(&[edge], &code, policy(9), 0), Ok(Some(i64::MAX)));
    for now in [i64::MIN / 1000, -1, i64::MAX / 1000] {
        let _ = judged(&[by_time()], "123456", policy(9), now);
    }
}
