//! The shipped policies folder, carried inside the binary so that the demo needs nothing else.
//!
//! ```
//! use zhamen::demo::policies;
//! assert!(policies::FILES.iter().any(|(path, _)| *path == "schema.cedarschema"));
//! ```

macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        /// Path below `policies/`, and content. A test holds this list against the folder.
        pub const FILES: &[(&str, &[u8])] =
            &[$(($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/", $path)))),+];
    };
}

shipped![
    "authentication.cedar",
    "cases/duties.yaml",
    "cases/identity-verification.yaml",
    "cases/open-data.yaml",
    "cases/own-department.yaml",
    "cases/purposes.yaml",
    "cases/risk-tiers.yaml",
    "cases/s1-social-assistance.yaml",
    "cases/s2-property-transfer.yaml",
    "cases/s3-company-setup.yaml",
    "cases/s4-emergency.yaml",
    "cases/statistics-and-grants.yaml",
    "catalogue/civil-affairs.yaml",
    "catalogue/data-bureau.yaml",
    "catalogue/health.yaml",
    "catalogue/market-regulation.yaml",
    "catalogue/public-security.yaml",
    "catalogue/real-estate.yaml",
    "catalogue/social-insurance.yaml",
    "catalogue/tax.yaml",
    "company-setup.cedar",
    "emergency.cedar",
    "identity-verification.cedar",
    "labels.yaml",
    "law-enforcement.cedar",
    "matter.cedar",
    "minimisation.cedar",
    "minors.cedar",
    "open-data.cedar",
    "own-department.cedar",
    "property-transfer.cedar",
    "purpose.cedar",
    "purposes.yaml",
    "risk-tiers.cedar",
    "schema.cedarschema",
    "sectors.cedar",
    "sharing.cedar",
    "social-assistance.cedar",
    "statistics.cedar",
    "tax-deduction.cedar",
    "use.cedar",
];

#[cfg(test)]
mod tests {
    use super::FILES;
    use std::path::Path;

    fn collect(dir: &Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{path}/"), found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_list_is_the_folder() {
        let mut found = Vec::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), "", &mut found);
        found.sort();
        let listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        let wanted: String = found.iter().map(|path| format!("    \"{path}\",\n")).collect();
        assert_eq!(listed, found, "the list should read:\n{wanted}");
    }
}
