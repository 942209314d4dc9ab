use super::*;
use proptest::prelude::*;

#[test]
fn queries() {
    for (sql, expect) in [
        ("SELECT 1 FORMAT JSON", Ok(0)),
        ("with x as (select 1) select * from x format json", Ok(0)),
        ("SELECT a FROM t WHERE i = {i:String} AND n < {n:UInt32} FORMAT JSON", Ok(2)),
        (
            "SELECT a FROM t WHERE i = {i:resident-id} AND d >= {d:Date} AND i != {i:String} FORMAT JSON",
            Ok(3),
        ),
        ("SELECT 'it''s \\' ; -- fine' FORMAT JSON", Ok(0)),
        ("INSERT INTO t VALUES (1) FORMAT JSON", Err((0, "a stored query begins with SELECT or WITH"))),
        ("SELECT 1 FORMAT CSVWithNames", Ok(0)),
        ("SELECT 1", Err((0, "a stored query ends in FORMAT and a format that can be masked (JSON, …)"))),
        (
            "SELECT 1 FORMAT CSV",
            Err((0, "a stored query ends in FORMAT and a format that can be masked (JSON, …)")),
        ),
        (
            "SELECT 1 FORMAT Arrow",
            Err((0, "a stored query ends in FORMAT and a format that can be masked (JSON, …)")),
        ),
        ("SELECT 1; DROP TABLE t FORMAT JSON", Err((8, "one statement, without `;`"))),
        ("SELECT 1 -- x\n FORMAT JSON", Err((9, "no comments"))),
        ("SELECT 1 /* x */ FORMAT JSON", Err((9, "no comments"))),
        ("SELECT 1 # x FORMAT JSON", Err((9, "this character has no place outside of quotes"))),
        ("SELECT $x$ a $x$ FORMAT JSON", Err((7, "this character has no place outside of quotes"))),
        ("SELECT '{i:String}' FORMAT JSON", Err((8, "no places in quotes: they bring their own"))),
        ("SELECT 'a FORMAT JSON", Err((7, "this quote has no end"))),
        ("SELECT {i} FORMAT JSON", Err((7, "a place is `{name:Type}`"))),
        ("SELECT {i:String FORMAT JSON", Err((7, "`{` without `}`"))),
        ("SELECT } FORMAT JSON", Err((7, "`}` without `{`"))),
        ("SELECT {i j:String} FORMAT JSON", Err((7, "the name of a place has letters, digits, `_` and `-`"))),
        (
            "SELECT {i:Array(String)} FORMAT JSON",
            Err((7, "the type of a place is String, UInt32, UInt64, Int64, Date or a kind of identifier")),
        ),
    ] {
        let found = StoredQuery::parse(sql).map(|query| query.places().count());
        assert_eq!(found, expect.map_err(|(place, message)| (place, message.to_owned())), "{sql}");
    }
}

#[test]
fn literals() {
    for (kind, value, expect) in [
        ("String", "浙A·1", Some("'浙A·1'")),
        ("String", r"a'b\c", Some(r"'a\'b\\c'")),
        ("String", "", Some("''")),
        ("String", "a\nb", None),
        ("String", "a\0b", None),
        ("UInt32", "4294967295", Some("4294967295")),
        ("UInt32", "4294967296", None),
        ("UInt32", "-1", None),
        ("UInt32", "1 OR 1=1", None),
        ("UInt64", "18446744073709551615", Some("18446744073709551615")),
        ("UInt64", "+1", None),
        ("Int64", "-9223372036854775808", Some("-9223372036854775808")),
        ("Int64", "1.5", None),
        ("Date", "2024-02-29", Some("toDate('2024-02-29')")),
        ("Date", "2024-02-30", None),
        ("Date", "2024-02-29'", None),
        ("resident-id", "33010619581111331x", Some("'33010619581111331X'")),
        ("resident-id", "' OR 1=1", None),
        ("uscc", "91330100MA2DEMA108", Some("'91330100MA2DEMA108'")),
    ] {
        let query = StoredQuery::parse(&format!("SELECT {{v:{kind}}} FORMAT JSON")).unwrap();
        let found = query.render(|_| Some(value));
        let expect = expect
            .map(|literal| format!("SELECT {literal} FORMAT JSON"))
            .ok_or_else(|| QueryError::Type("v".into()));
        assert_eq!(found, expect, "{kind} {value:?}");
    }
    let query = StoredQuery::parse("SELECT {v:String} FORMAT JSON").unwrap();
    assert_eq!(query.render(|_| None), Err(QueryError::Missing("v".into())));
}

/// Reads one string literal as ClickHouse does; gives its value and what follows.
fn read_back(sql: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = sql.strip_prefix('\'')?.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                'x' | 'N' | 'b' | 'f' | 'r' | 't' | '0' | 'a' | 'v' => return None,
                other => value.push(other),
            },
            '\'' => {
                let rest = sql.get(place + 2..)?;
                if rest.starts_with('\'') {
                    value.push('\'');
                    letters.next();
                } else {
                    return Some((value, rest));
                }
            }
            other => value.push(other),
        }
    }
    None
}

proptest! {
    /// No value ever ends its literal: what follows the literal is the query's own text.
    #[test]
    fn no_value_leaves_its_quotes(value in r#"([\\'"`;/*{}()=\n\x00a-z0-9 浙-]|\PC){0,40}"#) {
        let query = StoredQuery::parse("SELECT {v:String} FORMAT JSON").unwrap();
        match query.render(|_| Some(&value)) {
            Ok(sql) => {
                let (back, rest) = read_back(sql.strip_prefix("SELECT ").unwrap()).unwrap();
                prop_assert_eq!(back, value);
                prop_assert_eq!(rest, " FORMAT JSON");
            }
            Err(_) => prop_assert!(value.chars().any(char::is_control)),
        }
    }

    /// Every other type lets through its own letters only.
    #[test]
    fn other_types_have_their_own_letters(kind in "UInt32|UInt64|Int64|Date|uscc|resident-id", value in r"\PC{0,30}|[0-9-]{1,19}") {
        let query = StoredQuery::parse(&format!("SELECT {{v:{kind}}} FORMAT JSON")).unwrap();
        if let Ok(sql) = query.render(|_| Some(&value)) {
            let literal = sql.strip_prefix("SELECT ").unwrap().strip_suffix(" FORMAT JSON").unwrap();
            let inner = literal.trim_start_matches("toDate(").trim_end_matches(')').trim_matches('\'');
            prop_assert!(inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{}", literal);
        }
    }
}
