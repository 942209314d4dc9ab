//! What is not JSON, or too much of it: each fault and its place.

use super::*;

/// Bodies, the fault of each and its offset.
const NOT_JSON: &[(&[u8], FaultKind, u64)] = &[
    (b"", FaultKind::Empty, 0),
    (b" \n", FaultKind::Empty, 2),
    (b"\xEF\xBB\xBF{}", FaultKind::ByteOrderMark, 0),
    (b"\xFF\xFE{\0}\0", FaultKind::ByteOrderMark, 0),
    (b"\xFE\xFF\0{\0}", FaultKind::ByteOrderMark, 0),
    (b"{\0}\0", FaultKind::Unexpected, 1),
    (b"\0{\0}", FaultKind::Unexpected, 0),
    (b"{} \xEF\xBB\xBF", FaultKind::TrailingData, 3),
    (b"{}{}", FaultKind::TrailingData, 2),
    (b"{}\n{}", FaultKind::TrailingData, 3),
    (b"1 2", FaultKind::TrailingData, 2),
    (b"{},", FaultKind::TrailingData, 2),
    (b")]}'\n{}", FaultKind::Unexpected, 0),
    (b"callback({})", FaultKind::Unexpected, 0),
    (b"<html>", FaultKind::Unexpected, 0),
    (b"\x1e{}", FaultKind::Unexpected, 0),
    (b"{", FaultKind::Truncated, 1),
    (b"[1", FaultKind::Truncated, 2),
    (b"\"abc", FaultKind::Truncated, 4),
    (b"tru", FaultKind::Truncated, 3),
    (b"-", FaultKind::Truncated, 1),
    (b"1.", FaultKind::Truncated, 2),
    (b"1e", FaultKind::Truncated, 2),
    (b"{\"data\"", FaultKind::Truncated, 7),
    (b"[1,]", FaultKind::Unexpected, 3),
    (b"[,1]", FaultKind::Unexpected, 1),
    (b"[1 2]", FaultKind::Unexpected, 3),
    (b"{\"a\":1,}", FaultKind::Unexpected, 7),
    (b"{,\"a\":1}", FaultKind::Unexpected, 1),
    (b"{\"a\" 1}", FaultKind::Unexpected, 5),
    (b"{\"a\"}", FaultKind::Unexpected, 4),
    (b"{\"a\":}", FaultKind::Unexpected, 5),
    (b"{a:1}", FaultKind::Unexpected, 1),
    (b"{'a':1}", FaultKind::Unexpected, 1),
    (b"{1:1}", FaultKind::Unexpected, 1),
    (b"[1}", FaultKind::Unexpected, 2),
    (b"{]", FaultKind::Unexpected, 1),
    (b"]", FaultKind::Unexpected, 0),
    (b"[1/*x*/]", FaultKind::Unexpected, 2),
    (b"\x0b1", FaultKind::Unexpected, 0),
    (b"\xc2\xa01", FaultKind::Unexpected, 0),
    (b"True", FaultKind::Unexpected, 0),
    (b"truE", FaultKind::Unexpected, 3),
    (b"nul1", FaultKind::Unexpected, 3),
    (b"nulll", FaultKind::TrailingData, 4),
    (b"NaN", FaultKind::Unexpected, 0),
    (b"Infinity", FaultKind::Unexpected, 0),
    (b"-Infinity", FaultKind::BadNumber, 1),
    (b"+1", FaultKind::Unexpected, 0),
    (b".5", FaultKind::Unexpected, 0),
    (b"01", FaultKind::BadNumber, 1),
    (b"-01", FaultKind::BadNumber, 2),
    (b"00", FaultKind::BadNumber, 1),
    (b"1.e5", FaultKind::BadNumber, 2),
    (b"[1.]", FaultKind::BadNumber, 3),
    (b"1e+", FaultKind::Truncated, 3),
    (b"[1e+]", FaultKind::BadNumber, 4),
    (b"0x10", FaultKind::TrailingData, 1),
    (b"1_000", FaultKind::TrailingData, 1),
    (b"\"a\nb\"", FaultKind::ControlCharacter, 2),
    (b"\"12345678\x1f\"", FaultKind::ControlCharacter, 9),
    (b"\"\\x\"", FaultKind::BadEscape, 2),
    (b"\"\\u12g4\"", FaultKind::BadEscape, 5),
    (b"\"\\u123\"", FaultKind::BadEscape, 6),
    (b"\"\\U0041\"", FaultKind::BadEscape, 2),
    (br#""\ud800""#, FaultKind::LoneSurrogate, 7),
    (br#""\udc00""#, FaultKind::LoneSurrogate, 6),
    (br#""\ud800\ud800""#, FaultKind::LoneSurrogate, 12),
    (br#""\ud800\u0041""#, FaultKind::LoneSurrogate, 12),
    (br#""\ud800\n""#, FaultKind::LoneSurrogate, 8),
    (br#""\ud800x""#, FaultKind::LoneSurrogate, 7),
    (br#"{"\ud800":1}"#, FaultKind::LoneSurrogate, 8),
    (b"\"a\xff\"", FaultKind::InvalidUtf8, 2),
    (b"\"\x80\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xc0\xaf\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xe0\x80\xaf\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xed\xa0\x80\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xf4\x90\x80\x80\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xe5\xbc\"", FaultKind::InvalidUtf8, 1),
    (b"\"\xe5\xbc", FaultKind::Truncated, 3),
    (b"\"12345678\xe5\xbc\"12345678", FaultKind::InvalidUtf8, 9),
    (b"{\"\xff\":1}", FaultKind::InvalidUtf8, 2),
];

/// The short way through a record gives up on what it does not know, and then the fault is the same.
#[test]
fn a_fault_in_a_record_is_the_same_on_both_ways() {
    let ask: Paths<'_> = &[("$.data[*].a", ASK), ("$.data[*].b", KEEP)];
    let drop: Paths<'_> = &[("$.data[*].a", DROP), ("$.data[*].b", KEEP)];
    for (fault, ..) in NOT_JSON.iter().filter(|(fault, ..)| !fault.is_empty()) {
        let body = [br#"{"data":[{"a":1,"b":2},{"a":"#, *fault, br#","b":3}]}"#].concat();
        for paths in [RECORDS, ask, drop] {
            let found = outcome(&fields(paths), &plan(None), &body);
            assert!(found.is_err(), "{}: {found:?}", String::from_utf8_lossy(&body));
        }
    }
}

#[test]
fn what_is_not_json_is_a_fault() {
    use FaultKind::{TokenTooLong, TooDeep};
    let long_key = format!(r#"{{"data":1,"{}":1}}"#, "k".repeat(39));
    let long_number = format!("[{}]", "1".repeat(41));
    let long_space = format!("[{}]", " ".repeat(41));
    let deep = "[".repeat(9);
    let table: &[(&[u8], FaultKind, u64)] = &[
        (deep.as_bytes(), TooDeep, 8),
        (long_key.as_bytes(), TokenTooLong, 50),
        (long_number.as_bytes(), TokenTooLong, 41),
        (long_space.as_bytes(), TokenTooLong, 41),
    ];
    // In what is kept, masked, dropped and unknown alike.
    let maps: [Paths<'_>; 6] =
        [&[("$", KEEP)], &[("$", ASK)], &[("$", DROP)], &[], RECORDS, &[("$..x", KEEP)]];
    for paths in maps {
        let fields = fields(paths);
        for (input, kind, offset) in NOT_JSON.iter().chain(table) {
            let found = outcome(&fields, &plan(None), input);
            assert_eq!(found, Err((*kind, *offset)), "{paths:?}: {}", String::from_utf8_lossy(input));
        }
    }
}

#[test]
fn limits_are_exact() {
    let fields = fields(&[("$", KEEP)]);
    let fits = [
        format!("\"{}\"", "k".repeat(38)),
        "1".repeat(40),
        format!("[{}1]", " ".repeat(40)),
        format!("{}{}", "[".repeat(8), "]".repeat(8)),
    ];
    for input in fits {
        assert!(outcome(&fields, &plan(None), input.as_bytes()).is_ok(), "{input}");
    }
    // A key that is expected, too.
    for (length, fits) in [(38, true), (39, false)] {
        let key = "k".repeat(length);
        let fields = self::fields(&[(&format!("$.{key}"), KEEP)]);
        let found = outcome(&fields, &plan(None), format!(r#"{{"{key}":1}}"#).as_bytes());
        assert_eq!(found.err(), (!fits).then_some((FaultKind::TokenTooLong, 41)));
    }
}

#[test]
fn the_quick_check_of_utf8_is_the_slow_one() {
    // All beginnings of one, two and three bytes, after and before others.
    let bytes = || {
        [0x41, 0x7F, 0x80, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, 0xA0]
    };
    let tails: [&[u8]; 4] = [b"", b"abcdefgh", "张三李四".as_bytes(), b"\x80\x80\x80"];
    for head in [&b""[..], b"1234567", "张".as_bytes(), "张三a".as_bytes()] {
        for (first, second, third) in bytes()
            .into_iter()
            .flat_map(|a| bytes().into_iter().flat_map(move |b| bytes().map(|c| (a, b, c))))
        {
            for tail in tails {
                let text = [head, &[first, second, third], tail].concat();
                assert_eq!(text::is_utf8(&text), std::str::from_utf8(&text).is_ok(), "{text:x?}");
            }
        }
    }
}
