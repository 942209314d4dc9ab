//! The public catalogue, read by somebody else's library of RDF.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use support::{Site, curl, root, venv};

/// Code and sharing type of every dataset that the folder registers, read line by line.
fn registered(site: &Site) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(site.path("policies/catalogue")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut code = None;
        for line in text.lines().map(str::trim) {
            if let Some(written) = line.strip_prefix("code: ") {
                code = Some(written.trim_matches('"').to_owned());
            } else if let Some(sharing) = line.strip_prefix("sharing: ") {
                let sharing = sharing.split(['#', ',', '}']).next().unwrap().trim();
                found.insert(code.take().expect("a code stands before the sharing type"), sharing.to_owned());
            }
        }
    }
    found
}

#[test]
fn rdflib_reads_the_catalogue_that_everybody_may_have() {
    let site = Site::lay_out();
    site.replace(
        "zhamen.yaml",
        "audit:\n  dir: audit\n",
        "catalogue: {on_data_plane: true}\naudit:\n  dir: audit\n",
    );
    let registered = registered(&site);
    let gateway = site.start();
    // Without any proof of who asks.
    let reply = curl(&gateway.url("/catalogue"), &gateway.trust());
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/ld+json"));
    let head = curl(&gateway.url("/catalogue"), &[gateway.trust(), vec!["--head".to_owned()]].concat());
    assert_eq!((head.status, head.exit), (200, 0), "{head:?}");
    assert_eq!(head.header("content-length"), reply.body.len().to_string());
    gateway.site.write("catalogue.jsonld", &reply.body);
    let script = root().join("tests/real/catalogue.py");
    let output =
        Command::new(venv("python")).arg(script).arg(gateway.file("catalogue.jsonld")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read.keys().collect::<Vec<_>>(), registered.keys().collect::<Vec<_>>());
    assert!(read.len() > 8, "{read:?}");
    for (code, sharing) in &registered {
        let (dataset, is_shared) = (&read[code], sharing != "NOT_SHARED");
        assert_eq!(dataset["distributions"].as_u64().unwrap() > 0, is_shared, "{code} {sharing}");
        assert_eq!(dataset["rights"] == "NON_PUBLIC", !is_shared, "{code}");
    }
}
