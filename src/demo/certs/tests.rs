use super::*;
use std::os::unix::fs::PermissionsExt;

const YEAR: u64 = 365 * DAY;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

const NOW: u64 = 1_795_000_000;

fn fate<'a>(report: &'a Report, file: &str) -> &'a Fate {
    &report.0.iter().find(|(name, _)| name == file).unwrap_or_else(|| panic!("{file} not reported")).1
}

#[test]
fn everything_is_made_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = complete(dir.path(), &[], at(NOW)).unwrap();
    assert!(first.0.iter().all(|(_, fate)| *fate == Fate::Made), "{first:?}");
    let mut files: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(dir.path().join(file)).unwrap()).collect();
    let second = complete(dir.path(), &[], at(NOW + 1_000)).unwrap();
    assert!(second.0.iter().all(|(_, fate)| *fate == Fate::Kept), "{second:?}");
    for (file, bytes) in files.iter().zip(before) {
        assert_eq!(fs::read(dir.path().join(file)).unwrap(), bytes, "{file} was touched");
        let mode = fs::metadata(dir.path().join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode == 0o600, file.ends_with(".key"), "{file} has mode {mode:o}");
    }
    assert_eq!(files.len(), 2 * (2 + APPLICATIONS.len()) + 5);
}

#[test]
fn what_expired_is_renewed_with_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    complete(dir.path(), &[], at(NOW)).unwrap();
    let key = fs::read(dir.path().join("tax-desk.key")).unwrap();
    let certificate = fs::read(dir.path().join("tax-desk.pem")).unwrap();
    let later = complete(dir.path(), &[], at(NOW + 2 * YEAR)).unwrap();
    let table = [
        ("ca.pem", Fate::Kept),
        ("ca.crl", Fate::Renewed),
        ("server.pem", Fate::Renewed),
        ("tax-desk.pem", Fate::Renewed),
        ("jwks.json", Fate::Kept),
    ];
    for (file, expect) in table {
        assert_eq!(*fate(&later, file), expect, "{file}");
    }
    assert_eq!(fs::read(dir.path().join("tax-desk.key")).unwrap(), key);
    assert_ne!(fs::read(dir.path().join("tax-desk.pem")).unwrap(), certificate);
    let much_later = complete(dir.path(), &[], at(NOW + 11 * YEAR)).unwrap();
    assert_eq!(*fate(&much_later, "ca.pem"), Fate::Renewed);
}

#[test]
fn certificates_carry_the_names_that_identify_them() {
    let dir = tempfile::tempdir().unwrap();
    complete(dir.path(), &["gateway.internal".to_owned(), "10.0.0.7".to_owned()], at(NOW)).unwrap();
    let names = |file: &str| {
        let bytes = fs::read(dir.path().join(file)).unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(&bytes).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        names.value.general_names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("market-window.pem"), r#"URI("spiffe://zhamen.demo/app/market-window")"#);
    let server = names("server.pem");
    for wanted in ["localhost", "gateway.internal"] {
        assert!(server.contains(&format!("DNSName(\"{wanted}\")")), "{server}");
    }
    let report = complete(dir.path(), &["other.internal".to_owned()], at(NOW)).unwrap();
    assert!(matches!(fate(&report, "server.pem"), Fate::KeptBut(why) if why.contains("other.internal")));
    let report = complete(dir.path(), &["10.0.0.7".to_owned()], at(NOW)).unwrap();
    assert_eq!(*fate(&report, "server.pem"), Fate::Kept);
}

#[test]
fn what_a_stranger_put_there_is_left_alone_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    for folder in [dir.path(), other.path()] {
        complete(folder, &[], at(NOW)).unwrap();
    }
    for file in ["server.pem", "server.key", "jwks.json", "pseudonym.key", "audit.key"] {
        fs::copy(other.path().join(file), dir.path().join(file)).unwrap();
    }
    let report = complete(dir.path(), &[], at(NOW)).unwrap();
    assert!(matches!(fate(&report, "server.pem"), Fate::KeptBut(why) if why.contains("another authority")));
    assert!(matches!(fate(&report, "jwks.json"), Fate::KeptBut(_)));

    fs::remove_file(dir.path().join("ca.key")).unwrap();
    assert!(matches!(complete(dir.path(), &[], at(NOW)), Err(CertsError::KeyMissing(_))));
    fs::write(dir.path().join("ca.key"), "nonsense").unwrap();
    assert!(matches!(complete(dir.path(), &[], at(NOW)), Err(CertsError::Unreadable { .. })));
}

#[test]
fn rustls_accepts_both_sides_and_the_list() {
    use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject};
    let dir = tempfile::tempdir().unwrap();
    complete(dir.path(), &[], SystemTime::now()).unwrap();
    let file = |name: &str| dir.path().join(name);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    let list = CertificateRevocationListDer::from_pem_file(file("ca.crl")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients =
        rustls::server::WebPkiClientVerifier::builder_with_provider(roots.clone().into(), provider.clone())
            .with_crls([list])
            .enforce_revocation_expiration()
            .build()
            .unwrap();
    let leaf = CertificateDer::from_pem_file(file("tax-desk.pem")).unwrap();
    clients.verify_client_cert(&leaf, &[], rustls::pki_types::UnixTime::now()).unwrap();
    let servers =
        rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let leaf = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    for name in ["localhost", "127.0.0.1", "::1"] {
        let name = name.try_into().unwrap();
        use rustls::client::danger::ServerCertVerifier;
        servers.verify_server_cert(&leaf, &[], &name, &[], rustls::pki_types::UnixTime::now()).unwrap();
    }
    PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
}
