use super::settings::{KeySource, SanType};
use super::{load, parse};
use crate::engine::terms::RiskTier;
use std::path::Path;
use std::time::Duration;

/// The rest of a configuration that is right.
const REST: &str = "data: {tls: {certificate_file: a, key_file: b}}\npseudonym_key_file: key\n";

fn faults(text: &str) -> String {
    parse("z.yaml", text, Path::new("/base")).map_or_else(|faults| faults.to_string(), |_| String::new())
}

/// Checks the faults of a text, each given as (line, column, message and help).
fn check(text: &str, expect: &[(usize, usize, &str)]) {
    let found = match parse("z.yaml", text, Path::new("/base")) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0,
    };
    let found: Vec<(usize, usize, String)> = found
        .into_iter()
        .map(|fault| {
            let place = fault.place.expect("every fault has a place");
            assert_eq!(place.text, text.lines().nth(place.line - 1).unwrap_or_default(), "the line is shown");
            (
                place.line,
                place.column,
                format!("{}{}", fault.message, fault.help.map_or(String::new(), |help| format!(" | {help}"))),
            )
        })
        .collect();
    let expect: Vec<(usize, usize, String)> =
        expect.iter().map(|(line, column, message)| (*line, *column, (*message).to_owned())).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn a_fault_names_the_place_and_shows_the_line() {
    assert_eq!(
        faults("data:\n  adress: 127.0.0.1:1\n  danger_plain_text: true\npseudonym_key_file: key\n"),
        "z.yaml:2:3: unknown key `adress`\n  |\n2 |   adress: 127.0.0.1:1\n  |   ^\n  help: did you mean `address`?"
    );
    assert_eq!(
        faults(&format!("{REST}drain: 0s\nidentity:\n  step_up_fresh: 5\n")),
        "z.yaml:5:18: expected a number and a unit, such as 500ms, 5s, 30m, 12h or 7d, found the number 5\n  \
         |\n5 |   step_up_fresh: 5\n  |                  ^"
    );
}

#[test]
fn listeners() {
    for (text, expect) in [
        ("data: {danger_plain_text: true}\npseudonym_key_file: key\n", vec![]),
        ("data: {danger_plain_text: true, address: '[::1]:0'}\npseudonym_key_file: key\n", vec![]),
        (
            "data: {danger_plain_text: true, address: 0.0.0.0:80}\npseudonym_key_file: key\n",
            vec![(
                1,
                27,
                "plain text is served on a loopback address only, not on 0.0.0.0:80 | remove `danger_plain_text` and configure `tls`, or listen on 127.0.0.1",
            )],
        ),
        (
            "data: {danger_plain_text: true, tls: {certificate_file: a, key_file: b}}\npseudonym_key_file: key\n",
            vec![(1, 27, "danger_plain_text and tls exclude each other")],
        ),
        (
            "pseudonym_key_file: key\n",
            vec![(
                1,
                1,
                "the data plane has no `tls` | add `tls: {certificate_file: …, key_file: …}` under `data`; `zhamen certs` makes a pair for development",
            )],
        ),
        (
            "data: {danger_plain_text: true}\n",
            vec![(
                1,
                1,
                "the key `pseudonym_key_file` is missing here | add `pseudonym_key_file: certs/pseudonym.key`",
            )],
        ),
        (
            "data: {danger_plain_text: true, address: here}\npseudonym_key_file: ''\nadmin: {address: 10.0.0.1:9600}\n",
            vec![
                (1, 42, "not an address and port | for example `127.0.0.1:8443` or `[::1]:8443`"),
                (2, 21, "the path is empty"),
                (
                    3,
                    18,
                    "the admin plane listens on 10.0.0.1:9600 without `tls` and `credential_file` | listen on 127.0.0.1, or configure both",
                ),
            ],
        ),
    ] {
        check(text, &expect);
    }
}

#[test]
fn admin_plane_names_and_client_certificates() {
    for (text, expect) in [
        (
            "data: {danger_plain_text: true}\npseudonym_key_file: key\nadmin: {address: 0.0.0.0:1, tls: {certificate_file: a, key_file: b}, credential_file: c}\n",
            vec![],
        ),
        (
            "data: {danger_plain_text: true}\npseudonym_key_file: key\nadmin: {address: 0.0.0.0:1, tls: {certificate_file: a, key_file: b}}\n",
            vec![(
                3,
                18,
                "the admin plane listens on 0.0.0.0:1 without `tls` and `credential_file` | listen on 127.0.0.1, or configure both",
            )],
        ),
        (
            "data:\n  danger_plain_text: true\n  host_names: [https://x, gw.gov.cn, '[::1]', '']\npseudonym_key_file: key\nadmin: {address: 127.0.0.1:8443}\n",
            vec![
                (3, 16, "not a host name | write it without scheme, port and path"),
                (3, 47, "not a host name | write it without scheme, port and path"),
                (5, 18, "data and admin plane cannot share an address"),
            ],
        ),
        (
            "data:\n  tls: {certificate_file: a, key_file: b, client_certificate_required: true, crl_files: [c]}\npseudonym_key_file: key\n",
            vec![
                (2, 72, "client certificates cannot be required without `client_ca_file`"),
                (2, 90, "revocation lists are of no use without `client_ca_file`"),
            ],
        ),
    ] {
        check(text, &expect);
    }
}

#[test]
fn limits() {
    for (limits, expect) in [
        ("connections_max: 2730", vec![]),
        (
            "connections_max: 2731",
            vec![(
                3,
                27,
                "2731 connections of 196608 bytes do not fit into the memory budget of 536870912 bytes | at most 2730, or set `memory_budget_bytes` to at least 536936448",
            )],
        ),
        (
            "memory_budget_bytes: 64KiB",
            vec![(3, 31, "the memory budget of 65536 bytes does not hold one connection of 196608 bytes")],
        ),
        (
            "connections_per_peer_max: 5000",
            vec![(3, 36, "one peer cannot have more than all 2730 connections")],
        ),
        (
            "header_timeout: 0s, idle_timeout: 0ms",
            vec![
                (3, 26, "a duration of zero is not a limit: it must be longer"),
                (3, 44, "a duration of zero is not a limit: it must be longer"),
            ],
        ),
        ("headers_max: 0", vec![(3, 23, "this limit must be 1 to 1073741824")]),
        ("headers_max: 10001", vec![(3, 23, "a request has at most 10000 header fields")]),
        ("headers_max: -1", vec![(3, 23, "expected a whole number, not negative, found the number -1")]),
        ("header_bytes_max: 4KiB", vec![(3, 28, "a request's head may have 8KiB to 1MiB")]),
        ("target_bytes_max: 17KiB", vec![(3, 28, "the target cannot be longer than the head (16384 bytes)")]),
        ("answer_depth_max: 513", vec![(3, 28, "answers are read to a depth of 512 at most")]),
        ("body_bytes_max: 0", vec![(3, 26, "a size of zero is not a limit: it must be larger")]),
        (
            "body_bytes_max: 1MB",
            vec![(3, 26, "expected a number of bytes, such as 65536, 64KiB, 512MiB or 2GiB, found a text")],
        ),
    ] {
        check(&format!("{REST}limits: {{{limits}}}\n"), &expect);
    }
}

#[test]
fn issuers_and_keys() {
    for (issuer, expect) in [
        ("issuer: a, audience: b, keys: {file: c}, leeway: 60s", vec![]),
        ("issuer: a, audience: b, keys: {file: c}, leeway: 61s", vec![(5, 57, "the leeway is at most 60s")]),
        (
            "issuer: '', audience: b, keys: {file: c}",
            vec![(5, 16, "`issuer` is empty: every token would have to be believed")],
        ),
        ("issuer: a, audience: b, keys: {}", vec![(5, 38, "a key set comes from either `file` or `url`")]),
        (
            "issuer: a, audience: b, keys: {url: 'https://idp/jwks'}",
            vec![(5, 44, "an https address needs `ca_file`: no other CA is trusted")],
        ),
        ("issuer: a, audience: b, keys: {url: 'http://127.0.0.1:9/jwks'}", vec![]),
        ("issuer: a, audience: b, keys: {url: 'http://[::1]:9/jwks'}", vec![]),
        (
            "issuer: a, audience: b, keys: {url: 'http://idp/jwks'}",
            vec![(5, 44, "keys over http are accepted from a loopback address only")],
        ),
        ("issuer: a, audience: b, keys: {url: 'ftp://idp/jwks'}", vec![(5, 44, "not an https address")]),
        (
            "issuer: a, audience: b, keys: {url: 'https://idp', ca_file: c, refresh: 2h, age_max: 1h}",
            vec![(5, 93, "`age_max` is shorter than `refresh`: the keys would always be stale")],
        ),
        ("issuer: a, audience: b", vec![(5, 7, "the key `keys` is missing here")]),
    ] {
        check(&format!("{REST}identity:\n  issuers:\n    - {{{issuer}}}\n"), &expect);
    }
    let twice = "    - {issuer: a, audience: b, keys: {file: c}}\n".repeat(2);
    let message = "this issuer is configured twice for the same audience";
    check(&format!("{REST}identity:\n  issuers:\n{twice}"), &[(6, 16, message)]);
}

#[test]
fn quotas_and_defence() {
    for (text, expect) in [
        ("quotas: {caller: {per_second: 1, burst: 16}}", vec![]),
        (
            "quotas: {caller: {per_second: 0, burst: 15}}",
            vec![
                (3, 18, "the quota of `caller` never grows back: `per_second` must be 1 or more"),
                (
                    3,
                    18,
                    "the burst of `caller` (15) is below the highest cost (16) | a request of that tier could never be let through",
                ),
            ],
        ),
        (
            "quotas: {cost: {T0: 1, T1: 1, T2: 1, T3: 1, T4: 1, T5: 101}}",
            vec![(
                3,
                16,
                "the burst of `caller` (100) is below the highest cost (101) | a request of that tier could never be let through",
            )],
        ),
        (
            "quotas: {cost: {T0: 2, T1: 1, T2: 1, T3: 1, T4: 1, T5: 1}}",
            vec![(3, 16, "costs begin at 1 or more and never fall from tier to tier")],
        ),
        (
            "quotas: {cost: {T0: 1, T1: 1, T2: 1, T3: 1, T4: 16, T6: 1}}",
            vec![(3, 16, "the tier T5 is missing here"), (3, 16, "unknown tier `T6`")],
        ),
        (
            "defence: {enter: {T1: 200, T2: 200, T3: 500, T4: 700, T5: 1001}}",
            vec![
                (3, 18, "the scores of `enter` must ascend from T1 to T5, within 1 to 1000"),
                (3, 18, "T2 is left at 250 but entered at 200: it must be left below"),
            ],
        ),
        (
            "defence: {leave: {T1: 200, T2: 250, T3: 400, T4: 600, T5: 800}}",
            vec![(3, 18, "T1 is left at 200 but entered at 200: it must be left below")],
        ),
        ("workers: 0", vec![(3, 10, "workers must be 1 to 256")]),
        ("audit: {segment_bytes_max: 1KiB}", vec![(3, 28, "a segment holds at least 64KiB")]),
        ("audit: {origin: a b}", vec![(3, 17, "an origin has no space, no plus and at most 255 bytes")]),
        (
            "audit: {witness_file: w}",
            vec![(3, 23, "only signed checkpoints are witnessed: `signing_key_file` is missing")],
        ),
        (
            "audit: {signing_key_file: k, witnesses: [{url: 'ftp://w', key: x}]}",
            vec![
                (3, 48, "not an https address"),
                (3, 64, "this is not a verifier key: name+8 hexadecimal digits+base64, Ed25519"),
            ],
        ),
        (
            "policies_dir: '${env:ZHAMEN_NO_SUCH_VARIABLE}/x'",
            vec![(3, 15, "the environment variable ZHAMEN_NO_SUCH_VARIABLE is not set")],
        ),
        ("policies_dir: ${HOME}", vec![(3, 15, "only `${env:NAME}` may be put in")]),
        ("policies_dir: ${env:HOME", vec![(3, 15, "`${` without `}`")]),
    ] {
        check(&format!("{REST}{text}\n"), &expect);
    }
}

#[test]
fn the_shipped_file_has_a_meaning_and_states_the_defaults() {
    let base = Path::new("/etc/zhamen");
    let shipped = include_str!("../../zhamen.yaml");
    let settings = parse("zhamen.yaml", shipped, base).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.data.address.to_string(), "127.0.0.1:8443");
    assert_eq!(settings.admin.address.to_string(), "127.0.0.1:9600");
    assert_eq!(settings.policies_dir, base.join("policies"));
    assert_eq!(settings.limits.connections_max, 2730);
    assert_eq!(settings.limits.connections_per_peer_max, 1365);
    assert_eq!(settings.quotas.cost[5], (RiskTier::Suspended, 16));
    assert_eq!(settings.identity.certificate_san, SanType::Uri);
    let issuer = &settings.identity.issuers[0];
    assert_eq!((issuer.issuer.as_str(), issuer.audience.as_str()), ("https://idp.zhamen.demo", "zhamen"));
    assert!(matches!(&issuer.keys, KeySource::File(path) if *path == base.join("certs/jwks.json")));
    assert_eq!(issuer.leeway, Duration::from_secs(30));

    let bare = "data: {tls: {certificate_file: certs/server.pem, key_file: certs/server.key, client_ca_file: certs/ca.pem}}\n\
                pseudonym_key_file: certs/pseudonym.key\naudit: {signing_key_file: certs/audit.key}\n";
    let mut bare = parse("bare", bare, base).unwrap();
    bare.identity.issuers = settings.identity.issuers.clone();
    assert_eq!(format!("{settings:#?}"), format!("{bare:#?}"));
}

#[cfg(unix)]
#[test]
fn files_are_looked_at_and_secrets_must_be_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let config =
        "data: {danger_plain_text: true}\npseudonym_key_file: pseudonym.key\npolicies_dir: policies\n";
    std::fs::write(at("zhamen.yaml"), config).unwrap();
    let messages = || load(&at("zhamen.yaml")).err().map_or(Vec::new(), |faults| faults.0);

    let absent = messages();
    assert_eq!(absent.len(), 2, "{absent:?}");
    assert!(absent.iter().all(|fault| fault.message.contains("cannot be read")), "{absent:?}");

    std::fs::create_dir(at("policies")).unwrap();
    std::fs::write(at("pseudonym.key"), "planted-secret").unwrap();
    for (mode, wanted) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o666, false)] {
        std::fs::set_permissions(at("pseudonym.key"), std::fs::Permissions::from_mode(mode)).unwrap();
        let faults = messages();
        assert_eq!(faults.is_empty(), wanted, "{mode:o}: {faults:?}");
        if let Some(fault) = faults.first() {
            assert!(fault.message.contains("others may read") && fault.place.is_some(), "{fault}");
            assert!(!fault.to_string().contains("planted-secret"));
        }
    }
    std::fs::set_permissions(at("pseudonym.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::remove_dir(at("policies")).unwrap();
    std::fs::write(at("policies"), "").unwrap();
    assert!(messages().first().is_some_and(|fault| fault.message.ends_with("is not a folder")));
    assert!(load(&at("nowhere.yaml")).unwrap_err().to_string().contains("cannot be read"));
    assert!(load(folder.path()).unwrap_err().to_string().contains("not a plain file"));
}
