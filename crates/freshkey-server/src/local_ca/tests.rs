use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// A moment at which certificates of these tests are valid for OpenSSL, too, which asks the machine's clock.
fn now() -> Now {
    let since = SystemTime::UNIX_EPOCH + file_age();
    Now::from_milliseconds(i64::try_from(since.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis()).expect("fits"))
}

/// The time at which a file was just made: the tests, too, leave the clock to others.
fn file_age() -> Duration {
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file()
        .metadata()
        .and_then(|metadata| metadata.modified())
        .expect("a time")
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
}

fn later(days: i64) -> Now {
    Now::from_milliseconds(now().milliseconds() + days * 24 * 60 * 60 * 1000)
}

fn openssl_accepts(ca: &LocalCa, check: &[&str]) -> bool {
    let output = Command::new("openssl").arg("verify").args(check).arg("-CAfile").arg(&ca.ca_certificate).arg(&ca.certificate).output();
    output.expect("openssl is installed").status.success()
}

fn rustls_accepts(ca: &LocalCa, name: &str) -> bool {
    let now = Duration::from_millis(u64::try_from(now().milliseconds()).expect("after 1970"));
    ca.certifies(&ca.certificate, &names(name).expect("a name")[..1], now).expect("readable")
}

#[test]
fn the_certificate_is_good_for_every_name_of_the_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let ca = LocalCa::open_or_make(directory.path(), "Keys.example.org", now()).expect("made");
    for check in
        [["-verify_hostname", "keys.example.org"], ["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]]
    {
        assert!(openssl_accepts(&ca, &check), "{check:?}");
    }
    for name in ["keys.example.org", "localhost", "127.0.0.1", "::1"] {
        assert!(rustls_accepts(&ca, name), "{name}");
    }
    assert!(!openssl_accepts(&ca, &["-verify_hostname", "evil.example.org"]));
    assert!(!rustls_accepts(&ca, "evil.example.org"));
}

#[test]
fn t_053_a_certificate_outside_the_constraints_is_refused_by_openssl_and_rustls() {
    let directory = tempfile::tempdir().expect("a directory");
    let ca = LocalCa::open_or_make(directory.path(), "keys.example.org", now()).expect("made");
    let moment = Duration::from_millis(u64::try_from(now().milliseconds()).expect("after 1970"));
    // Whoever has the key of the authority can sign anything. Nobody must believe it.
    let cases = [
        ("bank.example", "-verify_hostname"),
        ("example.org", "-verify_hostname"),
        ("10.0.0.1", "-verify_ip"),
        ("127.0.0.2", "-verify_ip"),
        ("::2", "-verify_ip"),
    ];
    for (name, check) in cases {
        ca.make_leaf(&names(name).expect("a name")[..1], moment).expect("signed");
        assert!(!openssl_accepts(&ca, &[check, name]), "OpenSSL accepts {name}");
        assert!(!openssl_accepts(&ca, &[]), "OpenSSL accepts the chain of {name}");
        assert!(!rustls_accepts(&ca, name), "rustls accepts {name}");
    }
    ca.make_leaf(&names("keys.example.org").expect("a name")[..1], moment).expect("signed");
    assert!(openssl_accepts(&ca, &["-verify_hostname", "keys.example.org"]), "the way of signing is not what was refused");
}

#[test]
fn a_second_start_keeps_both_until_thirty_days_before_the_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let read = |path: &Path| std::fs::read(path).expect("readable");
    let ca = LocalCa::open_or_make(directory.path(), "localhost", now()).expect("made");
    let (authority, certificate) = (read(&ca.ca_certificate), read(&ca.certificate));
    LocalCa::open_or_make(directory.path(), "localhost", later(366)).expect("there");
    assert_eq!(read(&ca.certificate), certificate);
    LocalCa::open_or_make(directory.path(), "localhost", later(368)).expect("renewed");
    assert_ne!(read(&ca.certificate), certificate);
    assert_eq!(read(&ca.ca_certificate), authority, "what clients trust never changes by itself");
}

#[test]
fn another_host_name_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    LocalCa::open_or_make(directory.path(), "localhost", now()).expect("made");
    let other = LocalCa::open_or_make(directory.path(), "keys.example.org", now()).expect_err("another name");
    assert!(matches!(other, LocalCaError::OtherHostname(..)), "{other}");
    for wrong in ["https://localhost", "a b", "", "-", "x:8443"] {
        assert!(matches!(LocalCa::open_or_make(directory.path(), wrong, now()), Err(LocalCaError::NotAHostname(_))), "{wrong}");
    }
}

#[test]
fn t_053_no_file_is_readable_by_others() {
    let directory = tempfile::tempdir().expect("a directory");
    LocalCa::open_or_make(directory.path(), "localhost", now()).expect("made");
    let mut count = 0;
    for entry in std::fs::read_dir(directory.path()).expect("readable") {
        let entry = entry.expect("an entry");
        assert_eq!(entry.metadata().expect("there").permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        count += 1;
    }
    assert_eq!(count, 4);
}
