use super::*;

enum Met {
    Key(&'static str),
    Element,
}
use Met::{Element, Key};

type Paths<'a> = &'a [(&'a str, usize)];

fn label(paths: Paths<'_>, way: &[Met]) -> Option<u16> {
    let paths: Vec<_> = paths.iter().map(|(path, label)| ((*path).to_owned(), *label)).collect();
    let map = FieldMap::compile(&paths).unwrap();
    let end = way.iter().fold(map.root(), |at, met| {
        let state = map.state(at);
        match met {
            Key(key) => state.find(key.as_bytes(), 0).map_or(state.other(), |(_, next)| next),
            Element => state.element(),
        }
    });
    map.state(end).label()
}

#[test]
fn paths_lead_to_their_labels() {
    let table: &[(Paths<'_>, &[Met], Option<u16>)] = &[
        (&[("$", 3)], &[], Some(3)),
        (&[("$.a.b", 1)], &[Key("a"), Key("b")], Some(1)),
        (&[("$.a.b", 1)], &[Key("a")], None),
        (&[("$.a.b", 1)], &[Key("a"), Key("b"), Key("c")], None),
        (&[("$.a.b", 1)], &[Key("A"), Key("b")], None),
        (&[("$.a.b", 1)], &[Key("a "), Key("b")], None),
        (&[("$.é", 1)], &[Key("e\u{301}")], None),
        (&[("$['a.b']", 1)], &[Key("a.b")], Some(1)),
        (&[(r"$['it\'s']", 1)], &[Key("it's")], Some(1)),
        (&[("$[\"身份证\"].号", 1)], &[Key("身份证"), Key("号")], Some(1)),
        (&[("$[*].x", 1)], &[Element, Key("x")], Some(1)),
        (&[("$[*].x", 1)], &[Key("0"), Key("x")], None),
        (&[("$.*", 1)], &[Element], None),
        (&[("$.map.*.y", 1)], &[Key("map"), Key("anything"), Key("y")], Some(1)),
        (&[("$.*.y", 1), ("$.k.z", 2)], &[Key("k"), Key("y")], Some(1)),
        (&[("$.*.y", 1), ("$.k.z", 2)], &[Key("k"), Key("z")], Some(2)),
        (&[("$.*.y", 1), ("$.k.z", 2)], &[Key("j"), Key("z")], None),
        (&[("$..x", 1)], &[Key("x")], Some(1)),
        (&[("$..x", 1)], &[Key("a"), Element, Key("x"), Key("x")], Some(1)),
        (&[("$.a..x", 1)], &[Key("x")], None),
        (&[("$..x.y", 1)], &[Key("x"), Key("x"), Key("y")], Some(1)),
        (&[("$..[*]", 1)], &[Key("a"), Element], Some(1)),
        (&[("$..*", 1)], &[Element, Key("q")], Some(1)),
        (&[("$.a", 1), ("$.a.b", 2)], &[Key("a"), Key("b")], Some(2)),
        (&[("$.a", 1), ("$.a", 1)], &[Key("a")], Some(1)),
        (&[], &[], None),
    ];
    for (paths, way, expect) in table {
        assert_eq!(label(paths, way), *expect, "{paths:?}");
    }
}

#[test]
fn bad_paths_are_refused_with_their_place() {
    let table: &[(Paths<'_>, usize, usize, &str)] = &[
        (&[("", 0)], 0, 0, "starts with `$`"),
        (&[("data", 0)], 0, 0, "starts with `$`"),
        (&[("$.", 0)], 0, 2, "a name or `*`"),
        (&[("$..", 0)], 0, 3, "a name or `*`"),
        (&[("$a", 0)], 0, 1, "`.` or `[`"),
        (&[("$.a b", 0)], 0, 3, "['name']"),
        (&[("$.id-card", 0)], 0, 4, "['name']"),
        (&[("$.1a", 0)], 0, 2, "digit"),
        (&[("$.a[0]", 0)], 0, 4, "indexes"),
        (&[("$.a[?@.x]", 0)], 0, 4, "filters"),
        (&[("$.a['b", 0)], 0, 5, "closing quote"),
        (&[("$['a'", 0)], 0, 5, "`]`"),
        (&[(r"$['a\n']", 0)], 0, 4, "escaped"),
        (&[("$.ok", 0), ("$.a.", 0)], 1, 4, "a name or `*`"),
        (&[("$.a", 0), ("$.a", 1)], 1, 0, "of `$.a`"),
        (&[("$.*", 0), ("$.a", 1)], 1, 0, "of `$.*`"),
        (&[("$..id", 0), ("$.data[*].id", 1)], 1, 0, "of `$..id`"),
        (&[("$.a", 70_000)], 0, 0, "labels"),
    ];
    for (paths, index, offset, part) in table {
        let paths: Vec<_> = paths.iter().map(|(path, label)| ((*path).to_owned(), *label)).collect();
        let fault = FieldMap::compile(&paths).unwrap_err();
        assert_eq!((fault.index, fault.offset), (*index, *offset), "{paths:?}: {fault}");
        assert!(fault.message.contains(part), "{paths:?}: {fault}");
    }
}

#[test]
fn paths_that_explode_are_refused() {
    let stars = format!("$..a{}", ".*".repeat(30));
    let fault = FieldMap::compile(&[(stars, 0)]).unwrap_err();
    assert!(fault.message.contains("4096 states"), "{fault}");
    assert!(FieldMap::compile(&[(format!("${}", ".a".repeat(65)), 0)]).is_err());
}

#[test]
fn a_state_knows_what_lies_below() {
    let paths = [("$.data[*].person.id".to_owned(), 70), ("$.total".to_owned(), 1)];
    let map = FieldMap::compile(&paths).unwrap();
    let root = map.state(map.root());
    assert!(root.leads_to_records() && root.reaches(|label| label == 70) && root.reaches(|label| label == 1));
    let (_, total) = root.find(b"total", 0).unwrap();
    let (_, data) = root.find(b"data", 0).unwrap();
    assert!(!map.state(total).leads_to_records() && !map.state(total).reaches(|label| label == 70));
    assert!(map.state(data).leads_to_records() && !map.state(data).reaches(|label| label == 1));
    assert!(!map.state(map.state(data).element()).leads_to_records());
}

#[test]
fn recursive_descent_reaches_in_circles() {
    let map = FieldMap::compile(&[("$..x".to_owned(), 0)]).unwrap();
    let root = map.state(map.root());
    assert!(map.state(root.element()).reaches(|label| label == 0));
    assert!(map.state(map.state(root.other()).element()).leads_to_records());
}

#[test]
fn a_key_is_found_whatever_the_guess() {
    // Of every length up to 40, differing in one byte only.
    let name = |length: usize, last: char| format!("{}{last}", "k".repeat(length));
    let names: Vec<_> = (0..40).flat_map(|length| ['a', 'b'].map(|last| name(length, last))).collect();
    let paths: Vec<_> = names.iter().zip(0..).map(|(name, label)| (format!("$.{name}"), label)).collect();
    let map = FieldMap::compile(&paths).unwrap();
    let root = map.state(map.root());
    for (label, name) in names.iter().enumerate() {
        for guess in [0, label, label + 1, 1000] {
            let (place, next) = root.find(name.as_bytes(), guess).unwrap();
            assert_eq!((place, map.state(next).label()), (label, Some(label as u16)));
        }
        assert_eq!(root.find(&name.as_bytes()[1..], label).is_some(), label > 1, "{name}");
    }
    for length in 0..40 {
        assert_eq!(root.find(name(length, 'c').as_bytes(), 2 * length), None);
        assert_eq!(root.find(format!("{}x", name(length, 'a')).as_bytes(), 2 * length), None);
        for place in 0..length {
            let mut other = name(length, 'a').into_bytes();
            other[place] = b'x';
            assert_eq!(root.find(&other, 2 * length), None, "{length} {place}");
            assert_eq!(root.find(&other, 1000), None, "{length} {place}");
        }
    }
}

#[test]
fn the_array_of_records_can_be_named() {
    let map = |records: &str| {
        let paths = [("$.meta[*].name".to_owned(), 0), ("$.data[*].x".to_owned(), 1)];
        FieldMap::compile(&paths).unwrap().with_records(records)
    };
    assert!(map("$.data").is_ok());
    for wrong in ["$.rows", "$.data[*]", "$", "$..data", "data"] {
        assert!(map(wrong).is_err(), "{wrong}");
    }
}

/// Where the rows of a table stand, and whether they have columns.
#[test]
fn rows_stand_where_the_records_do() {
    for (paths, records, columns, data) in [
        (&["$.data[*].a"][..], None, true, true),
        (&["$.data[*].a", "$.rows"], None, true, true),
        (&["$.data[*].a", "$.meta[*].b"], Some("$.data"), true, true),
        // Two lists, and nobody says which.
        (&["$.data[*].a", "$.meta[*].b"], None, false, false),
        (&["$.rows[*].a"], None, true, false),
        (&["$[*].a"], None, true, false),
        (&["$.a"], None, true, false),
        (&["$[*].*"], None, true, false),
        (&["$.data[*].a.b"], None, false, true),
        (&["$.data[*]"], None, false, true),
        (&[], None, false, false),
    ] {
        let compiled: Vec<_> = paths.iter().map(|path| ((*path).to_owned(), 0)).collect();
        let mut map = FieldMap::compile(&compiled).unwrap();
        if let Some(records) = records {
            map = map.with_records(records).unwrap();
        }
        assert_eq!((map.has_columns(), map.has_data_member()), (columns, data), "{paths:?}");
    }
}
