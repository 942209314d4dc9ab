use super::*;
use crate::engine::mask::Format;
use crate::engine::mask::tests::support::{becomes, run, usual};

#[test]
fn each_line_is_one_record() {
    for (body, expect) in [
        ("", Ok("")),
        ("{\"k\":1,\"n\":2}\n", Ok("{\"k\":1}\n")),
        ("{\"k\":1}\n{\"p\":\"abc\", \"x\":0}\n", Ok("{\"k\":1}\n{\"p\":\"a*c\"}\n")),
        ("{\"k\":1}\r\n\n  \n{\"k\": 1.50}", Ok("{\"k\":1}\n{\"k\": 1.50}\n")),
        // No record, or nothing of one.
        ("12\n\"x\"\n{\"k\":2}\n", Ok("{\"k\":2}\n")),
        ("12", Ok("")),
        ("[]\nnull\n", Ok("null\n")),
        ("{\"n\":1}\n", Ok("{}\n")),
        ("{\"k\":1} {\"k\":2}\n", Err(FaultKind::TrailingData)),
        ("{\"k\":\n1}\n", Err(FaultKind::Truncated)),
        ("{\"k\":1", Err(FaultKind::Truncated)),
        ("{\"k\":\"a\nb\"}", Err(FaultKind::ControlCharacter)),
        ("{\"k\":1}\u{1e}{\"k\":2}\n", Err(FaultKind::TrailingData)),
        ("\u{feff}{}\n", Err(FaultKind::ByteOrderMark)),
        ("{\"exception\":\"Code: 395. DB::Exception: x\"}\n", Err(FaultKind::Exception)),
        ("{\"k\":1}\nCode: 395, e.displayText()", Err(FaultKind::Unexpected)),
    ] {
        assert_eq!(becomes(&Format::JsonLines, body), expect.map(str::to_owned), "{body:?}");
    }
}

#[test]
fn sequences_have_separators() {
    for (body, expect) in [
        ("", Ok("")),
        ("\u{1e}{\"k\":1,\"n\":2}\n", Ok("\u{1e}{\"k\":1}\n")),
        (
            "\u{1e}{\"k\":\n1}\n\u{1e}\u{1e}{\"p\":\"abc\"}\n",
            Ok("\u{1e}{\"k\":\n1}\n\u{1e}{\"p\":\"a*c\"}\n"),
        ),
        ("\u{1e}12\n\u{1e}{\"k\":1}\n", Ok("\u{1e}{\"k\":1}\n")),
        ("{\"k\":1}\n", Err(FaultKind::Unexpected)),
        // A value that was cut off has no line break behind it.
        ("\u{1e}{\"k\":1}", Err(FaultKind::Truncated)),
        ("\u{1e}12", Err(FaultKind::Truncated)),
        ("\u{1e}{\"k\":1}\u{1e}{\"k\":2}\n", Err(FaultKind::TrailingData)),
        ("\u{1e}{\"k\":\u{1e}{\"k\":2}\n", Err(FaultKind::Unexpected)),
        ("\u{1e}", Err(FaultKind::Truncated)),
        ("\u{1e}{} {}\n", Err(FaultKind::TrailingData)),
    ] {
        assert_eq!(becomes(&Format::JsonSequence, body), expect.map(str::to_owned), "{body:?}");
    }
}

#[test]
fn records_are_counted_and_capped() {
    let body = b"{\"k\":1,\"secret\":2}\n12\n{\"k\":3,\"p\":\"abc\"}\n{\"k\":4}\n";
    let (out, tally) = run(&Format::JsonLines, usual(), Some(2), body);
    let tally = tally.unwrap();
    assert_eq!(out, "{\"k\":1}\n{\"k\":3,\"p\":\"a*c\"}\n");
    assert_eq!((tally.records, tally.dropped_records, tally.dropped_unknown), (2, 1, 2));
    assert_eq!(tally.labels, [2, 1, 0, 0, 0, 0]);
}
