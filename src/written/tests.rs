use super::{At, Entries, Source};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read by serde and Debug")]
struct Whole {
    name: String,
    port: At<u16>,
    mode: Option<crate::engine::terms::Interface>,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    named: Entries<Part>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read by serde and Debug")]
struct Part {
    size: i64,
    on: Option<bool>,
}

#[test]
fn faults_are_all_found_at_once_with_their_lines() {
    for (text, expect) in [
        ("name: a\nport: 1\nmode: QUERY\nparts:\n  - {size: -3, on: true}\nnamed:\n  x: {size: 0}\n", ""),
        (
            "nam: a\nport: x\nmode: QUERRY\nparts:\n  - size: 1\n    onn: true\n  - size: '1'\n  - on: yes\nnamed:\n  x: 1\n  x: {size: 1}\n",
            "f.yaml:11:3: the key `x` is written twice\n   |\n11 |   x: {size: 1}\n   |   ^",
        ),
        (
            "nam: a\nport: x\nmode: QUERRY\nparts:\n  - size: 1\n    onn: true\n  - size: '1'\n  - on: yes\nnamed:\n  x: 1\n",
            "f.yaml:1:1: the key `name` is missing here\n  |\n1 | nam: a\n  | ^\n\
             f.yaml:1:1: unknown key `nam`\n  |\n1 | nam: a\n  | ^\n  help: did you mean `name`?\n\
             f.yaml:2:7: expected a whole number from 0 to 65535, found a text\n  |\n2 | port: x\n  |       ^\n\
             f.yaml:3:7: unknown value `QUERRY`\n  |\n3 | mode: QUERRY\n  |       ^\n  help: did you mean `QUERY`?\n\
             f.yaml:6:5: unknown key `onn`\n  |\n6 |     onn: true\n  |     ^\n  help: did you mean `on`?\n\
             f.yaml:7:11: expected a whole number, found a text\n  |\n7 |   - size: '1'\n  |           ^\n\
             f.yaml:8:5: the key `size` is missing here\n  |\n8 |   - on: yes\n  |     ^\n\
             f.yaml:8:9: expected `true` or `false`, found a text\n  |\n8 |   - on: yes\n  |         ^\n\
             f.yaml:10:6: expected a map, found the number 1\n   |\n10 |   x: 1\n   |      ^",
        ),
        (
            "name: 007\nport: 1\n",
            "f.yaml:1:7: expected a text, found the number 7\n  |\n1 | name: 007\n  |       ^\n  help: put it in quotes",
        ),
        (
            "name: a\nport: 70000\nparts: {size: 1}\n",
            "f.yaml:2:7: expected a whole number from 0 to 65535, found the number 70000\n  |\n2 | port: 70000\n  |       ^\n\
             f.yaml:3:8: expected a list, found a map\n  |\n3 | parts: {size: 1}\n  |        ^",
        ),
        ("", "f.yaml:1:1: the key `name` is missing here\n  |\n1 | \n  | ^"),
        ("# nothing\n", "f.yaml:1:1: the key `name` is missing here\n  |\n1 | # nothing\n  | ^"),
        ("name: [a\n", "f.yaml:1:7: not valid YAML: unclosed bracket '['\n  |\n1 | name: [a\n  |       ^"),
    ] {
        let found =
            Source::new("f.yaml", text).read::<Whole>().map_or_else(|f| f.to_string(), |_| String::new());
        assert_eq!(found, expect, "{text}");
    }
}

#[test]
fn places_point_at_the_value() {
    let source = Source::new("f.yaml", "name: 闸门\nport:   7\nnamed:\n  k: {size: 1}\n");
    let whole: Whole = source.read().unwrap();
    assert_eq!((whole.port.mark.line, whole.port.mark.column), (2, 9));
    let (key, _) = &whole.named.0[0];
    assert_eq!((key.mark.line, key.mark.column, key.value.as_str()), (4, 3, "k"));
}

#[test]
fn what_looks_like_a_secret_is_not_shown() {
    for (text, shown) in [
        ("api_key: hunter2\n", "api_key: …"),
        ("password: hunter2\n", "password: …"),
        ("client_secret: 'hunter2'\n", "client_secret: …"),
        ("key_file: a.key\n", "key_file: a.key"),
    ] {
        let faults = Source::new("f.yaml", text).read::<Whole>().unwrap_err();
        let fault = faults.0.iter().find(|fault| fault.message.starts_with("unknown key")).unwrap();
        assert_eq!(fault.place.as_ref().unwrap().text, shown);
        assert!(!faults.to_string().contains("hunter2"), "{faults}");
    }
}

#[test]
fn anchors_deep_nesting_and_foreign_tags_are_refused() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for text in ["name: &a x\nport: *a\n", "name: !thing x\n", "a: 1\n---\nb: 2\n", deep.as_str()] {
        let faults = Source::new("f.yaml", text).read::<Whole>().unwrap_err();
        assert_eq!(faults.0.len(), 1, "{faults}");
        assert!(faults.0[0].message.starts_with("not valid YAML"), "{faults}");
    }
}
