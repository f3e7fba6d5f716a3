//! Tests of certificates in files.

use super::*;

/// A certificate and its key.
struct Pair {
    directory: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

fn pair() -> Pair {
    let directory = tempfile::tempdir().expect("a directory");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    Pair { directory, certificate, key }
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_name() {
    let (one, other) = (pair(), pair());
    let directory = one.directory.path();
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let (certificate, key) = (&one.certificate, &one.key);
    let empty = write("empty.pem", "");
    let garbage = write("garbage.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let broken = write("broken.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let large = write("large.pem", &"x".repeat(usize::try_from(PEM_BYTES_MAX).expect("fits") + 1));
    let missing = directory.join("missing.pem");
    let cases: [(&Path, &Path, &Path, &str); 8] = [
        (&missing, key, &missing, "the file cannot be read: No such file"),
        (certificate, &missing, &missing, "the file cannot be read: No such file"),
        (&empty, key, &empty, "no certificate"),
        (certificate, &empty, &empty, "no private key"),
        (&garbage, key, &garbage, "not PEM"),
        (certificate, &broken, &broken, "broken or of a kind"),
        (&large, key, &large, "more than"),
        (certificate, &other.key, &other.key, "does not belong to the certificate"),
    ];
    for (certificate, key, blamed, words) in cases {
        let error = ServedCertificate::load(certificate, key).expect_err(words).to_string();
        assert!(error.starts_with(&format!("{}: ", blamed.display())) && error.contains(words), "{error}");
    }
}

#[test]
fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let (one, other) = (pair(), pair());
    let served = ServedCertificate::load(&one.certificate, &one.key).expect("usable");
    let shown = |served: &ServedCertificate| served.current.load().cert.clone();
    let before = shown(&served);
    assert!(!served.follow().expect("nothing to do"));
    std::fs::copy(&other.certificate, &one.certificate).expect("copied");
    assert!(served.follow().is_err(), "the key is still that of the old one");
    assert_eq!(shown(&served), before);
    assert!(!served.follow().expect("one complaint is enough"));
    std::fs::copy(&other.key, &one.key).expect("copied");
    assert!(served.follow().expect("usable"));
    assert_ne!(shown(&served), before);
}
