use super::super::tokens::LIFETIME_SECONDS;
use super::*;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

fn addresses() -> Addresses {
    Addresses {
        data: "127.0.0.1:8443".parse().unwrap(),
        admin: "127.0.0.1:9600".parse().unwrap(),
        departments: BASE_PORT,
    }
}

/// Every file below the folder but the tokens, with its bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_none_or(|extension| extension != "jwt") {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn laying_out_twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("var/demo");
    let first = lay_out(&root, addresses(), SystemTime::now()).unwrap();
    assert!(first.edited.is_empty());
    let before = contents(&root);
    assert!(before.len() > policies::FILES.len() + 20);
    assert!(lay_out(&root, addresses(), SystemTime::now()).unwrap().edited.is_empty());
    assert!(before == contents(&root), "something changed");
    for (path, mode) in [("certs/pseudonym.key", 0o600), ("tokens/s1-officer.jwt", 0o600)] {
        let found = fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path} has mode {found:o}");
    }
    assert_eq!(fs::read_to_string(root.join("certs/pseudonym.key")).unwrap().trim().len(), 64);
}

#[test]
fn what_somebody_edited_stays_and_the_rest_follows_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    lay_out(root, addresses(), SystemTime::now()).unwrap();
    fs::write(root.join("policies/labels.yaml"), "mine").unwrap();
    fs::remove_file(root.join("policies/minors.cedar")).unwrap();
    // As an older binary would have shipped it.
    let mut record = read_record(root).unwrap();
    for (name, old) in [("policies/purposes.yaml", "old"), ("policies/gone.cedar", "gone")] {
        fs::write(root.join(name), old).unwrap();
        record.insert(name.to_owned(), digest(old.as_bytes()));
    }
    fs::write(root.join(RECORD), serde_json::to_vec(&record).unwrap()).unwrap();

    let second = lay_out(root, addresses(), SystemTime::now()).unwrap();
    assert_eq!(second.edited, ["policies/labels.yaml", "policies/minors.cedar"]);
    assert_eq!(fs::read(root.join("policies/labels.yaml")).unwrap(), b"mine");
    assert!(!root.join("policies/minors.cedar").exists());
    assert!(!root.join("policies/gone.cedar").exists());
    assert_ne!(fs::read(root.join("policies/purposes.yaml")).unwrap(), b"old");
}

#[test]
fn other_ports_reach_configuration_and_catalogue() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    lay_out(root, addresses(), SystemTime::now()).unwrap();
    let moved = Addresses { data: "127.0.0.1:9443".parse().unwrap(), departments: 19_701, ..addresses() };
    assert!(lay_out(root, moved, SystemTime::now()).unwrap().edited.is_empty());
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert!(text("zhamen.yaml").contains("address: 127.0.0.1:9443"));
    assert!(text("policies/catalogue/health.yaml").contains("127.0.0.1:19704"));
    assert!(!text("policies/catalogue/health.yaml").contains("127.0.0.1:9704"));
}

#[test]
fn every_token_verifies_and_is_bound_to_its_application() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    lay_out(root, addresses(), SystemTime::now()).unwrap();
    let set = fs::read_to_string(root.join("certs/jwks.json")).unwrap();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&set).unwrap();
    let key = DecodingKey::from_jwk(&set.keys[0]).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["zhamen"]);
    for pass in PASSES {
        let token = fs::read_to_string(root.join(format!("tokens/{}.jwt", pass.file))).unwrap();
        let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!(claims["client_id"], pass.application, "{}", pass.file);
        assert_eq!(claims["department"], pass.department.uscc());
        assert_eq!(claims["matter"].is_object(), pass.matter.is_some());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), LIFETIME_SECONDS);
        let certificate = CertificateDer::from_pem_file(root.join(format!("certs/{}.pem", pass.application)));
        let bound = super::super::tokens::Confirmation::of(&certificate.unwrap());
        assert_eq!(claims["cnf"]["x5t#S256"], bound.x5t_s256.as_str());
    }
}

#[test]
fn files_of_passes_are_distinct_and_applications_exist() {
    let mut files: Vec<&str> = PASSES.iter().map(|pass| pass.file).collect();
    files.sort_unstable();
    files.dedup();
    assert_eq!(files.len(), PASSES.len());
    for pass in PASSES {
        assert!(certs::APPLICATIONS.contains(&pass.application));
    }
}
