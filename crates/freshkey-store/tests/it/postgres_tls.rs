//! TLS to PostgreSQL: only to a server that our CA vouches for, and never silently without.

use freshkey_store::db::{Db, DbOptions, StoreError};
use freshkey_testkit::databases::TestPostgres;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::NamedTempFile;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

fn pem_file(content: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("the temporary directory is writable");
    std::fs::write(file.path(), content).expect("writable");
    file
}

#[tokio::test]
async fn a_server_is_believed_only_with_a_certificate_of_our_authority() {
    let server = TestPostgres::start().await;
    let (ours, other) = (authority(), authority());
    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).expect("a name").signed_by(&key, &ours);
    server.enable_tls(&certificate.expect("signed").pem(), &key.serialize_pem()).await;
    let url = format!("{}?sslmode=verify-full", server.database().await.url);

    let mut options = DbOptions::from_url(&url).expect("well-formed");
    options.deadline = std::time::Duration::from_millis(500);
    let without = Db::open(&options).await.err().expect("no CA is named");
    assert!(matches!(without, StoreError::Misconfigured { .. }), "{without:?}");

    let right = pem_file(&ours.pem());
    options.root_ca_file = Some(right.path().to_owned());
    let db = Db::open(&options).await.expect("our authority signed it");
    let row = db.read_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
    assert_eq!(row.expect("readable").expect("our session").bool(0), Ok(true));

    let wrong = pem_file(&other.pem());
    options.root_ca_file = Some(wrong.path().to_owned());
    let error = Db::open(&options).await.err().expect("another authority");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_elsewhere_needs_tls_or_an_explicit_no() {
    let options = DbOptions::from_url("postgres://a@db.example/b").expect("well-formed");
    let error = Db::open(&options).await.err().expect("refused");
    assert!(matches!(error, StoreError::Misconfigured { .. }), "{error:?}");
}
