use super::*;
use proptest::prelude::*;

/// Reads an answer that comes in these pieces as a connection does: the heads, the body, what is
/// left behind it, and whether it is over.
fn read(pieces: &[&[u8]], asked_for_body: bool) -> Result<(AnswerHead, Vec<u8>, Vec<u8>, bool), Cause> {
    let (mut come, mut pieces) = (Vec::new(), pieces.iter());
    let mut seen = 0;
    let head = loop {
        if let Some(end) = head_end(&come, seen)? {
            let head: Vec<u8> = come.drain(..end).collect();
            seen = 0;
            match read_head(&head, asked_for_body, 100)? {
                AnswerHead { status: 100..=199, .. } => continue,
                head => break head,
            }
        }
        seen = come.len();
        come.extend_from_slice(pieces.next().ok_or(Cause::UpstreamReset)?);
    };
    let mut body = Vec::new();
    let mut chunks = Chunks::default();
    loop {
        let over = match head.ending {
            Ending::Length(length) => {
                let wanted = usize::try_from(length).unwrap() - body.len();
                body.extend(come.drain(..wanted.min(come.len())));
                body.len() as u64 == length
            }
            Ending::Close => {
                body.append(&mut come);
                false
            }
            Ending::Chunked => loop {
                match chunks.step(&come)? {
                    Step::Skip(count) => drop(come.drain(..count)),
                    Step::Data(count) => body.extend(come.drain(..count)),
                    Step::Wait => break false,
                    Step::Over => break true,
                }
            },
        };
        match pieces.next() {
            Some(piece) => come.extend_from_slice(piece),
            None => return Ok((head, body, come, over)),
        }
    }
}

/// The answer, whether a body was asked for, and what it is: how it ends, whether the connection
/// stays, its body, and what is left.
type Case = (&'static str, bool, Option<(Ending, bool, &'static str, &'static str)>);

#[rustfmt::skip]
const ANSWERS: &[Case] = &[
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", true, Some((Ending::Length(2), true, "{}", ""))),
    ("HTTP/1.1 200 OK\r\nContent-Length:2\r\n\r\n{}x", true, Some((Ending::Length(2), true, "{}", "x"))),
    ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", true, Some((Ending::Length(0), true, "", ""))),
    ("HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\n", false, Some((Ending::Length(0), true, "", ""))),
    ("HTTP/1.1 200 \u{597d}\r\nx: \u{6d59}\r\ncontent-length: 0\r\n\r\n", true, Some((Ending::Length(0), true, "", ""))),
    ("HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n", true, Some((Ending::Length(0), true, "", ""))),
    ("HTTP/1.1 304 Not Modified\r\n\r\n", true, Some((Ending::Length(0), true, "", ""))),
    ("HTTP/1.1 200 OK\r\n\r\nall of it", true, Some((Ending::Close, false, "all of it", ""))),
    ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", true, Some((Ending::Length(1), false, "x", ""))),
    ("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 1\r\n\r\nx", true, Some((Ending::Length(1), true, "x", ""))),
    ("HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\nx", true, Some((Ending::Length(1), false, "x", ""))),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", true, Some((Ending::Length(1), true, "x", ""))),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", true, Some((Ending::Chunked, true, "{}", ""))),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a=b\r\n{\r\n000A\r\n\"a\":true}\n\r\n0;x\r\nt: 1\r\nu: 2\r\n\r\nHTTP", true, Some((Ending::Chunked, true, "{\"a\":true}\n", "HTTP"))),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", true, Some((Ending::Chunked, true, "{}", ""))),
    // Each of these could be read in two ways, or in none.
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ncontent-length: 02\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n{}", true, None),
    ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", true, None),
    ("HTTP/1.1 101 Switching Protocols\r\n\r\n", true, None),
    ("HTTP/1.1 099 Low\r\n\r\n", true, None),
    ("HTTP/1.1 2000 OK\r\n\r\n", true, None),
    ("HTTP/1.1 2x0 OK\r\n\r\n", true, None),
    ("HTTP/1.1  200 OK\r\n\r\n", true, None),
    ("HTTP/2.0 200 OK\r\n\r\n", true, None),
    ("http/1.1 200 OK\r\n\r\n", true, None),
    (" HTTP/1.1 200 OK\r\n\r\n", true, None),
    ("\r\nHTTP/1.1 200 OK\r\n\r\n", true, None),
    ("SSH-2.0-OpenSSH_9.2\r\n", true, None),
    ("HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", true, None),
    ("HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\na: b\r c\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\na: b\r\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\na: b\0\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\na : b\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\n a: b\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\nab\r\n\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\n{}\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}x\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n 2\r\n{}\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n00000000000000002\r\n{}\r\n", true, None),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno field\r\n\r\n", true, None),
];

#[test]
fn answers_are_read_in_one_way_or_not_at_all_however_they_are_cut() {
    for (answer, asked_for_body, expect) in ANSWERS {
        let whole = read(&[answer.as_bytes()], *asked_for_body);
        match (expect, &whole) {
            (Some((ending, keeps_open, body, left)), Ok((head, read, behind, _))) => {
                assert_eq!((head.ending, head.keeps_open), (*ending, *keeps_open), "{answer}");
                assert_eq!(
                    (read.as_slice(), behind.as_slice()),
                    (body.as_bytes(), left.as_bytes()),
                    "{answer}"
                );
            }
            (None, Err(Cause::UpstreamMalformed)) => {}
            (_, got) => panic!("{answer}: {got:?}"),
        }
        for at in 0..answer.len() {
            let (front, back) = answer.as_bytes().split_at(at);
            assert_eq!(read(&[front, back], *asked_for_body), whole, "{answer} cut at {at}");
        }
        let bytes: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes, *asked_for_body), whole, "{answer} a byte at a time");
    }
}

#[test]
fn fields_are_found_whatever_their_case_and_blanks() {
    let head = "HTTP/1.1 200 OK\r\nA:1\r\nb: \t2 3\t \r\nB:\r\nempty: \t\r\nc:4:5\r\n\r\n";
    let fields = read_head(head.as_bytes(), true, 5).unwrap().fields;
    for (name, expect) in
        [("a", &["1"][..]), ("b", &["2 3", ""]), ("empty", &[""]), ("C", &["4:5"]), ("d", &[])]
    {
        let found: Vec<&[u8]> = fields.all(name).collect();
        assert_eq!(found, expect.iter().map(|value| value.as_bytes()).collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(format!("{fields:?}"), "5 fields");
    assert_eq!(read_head(head.as_bytes(), true, 4), Err(Cause::UpstreamMalformed));
}

#[test]
fn a_body_is_over_only_at_its_end() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: y\r\n\r\n";
    let sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    for answer in [chunked, sized] {
        let head = answer.find("\r\n\r\n").unwrap() + 4;
        for end in head..=answer.len() {
            let (.., over) = read(&[&answer.as_bytes()[..end]], true).unwrap();
            assert_eq!(over, end == answer.len(), "{answer} up to {end}");
        }
    }
}

#[test]
fn lines_that_never_end_are_refused() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (line, fine) in [
        (format!("1;{}", "x".repeat(250)), true),
        (format!("1;{}", "x".repeat(260)), false),
        (format!("0\r\nx: {}", "y".repeat(10_000)), true),
        (format!("0\r\nx: {}", "y".repeat(20_000)), false),
        (format!("0\r\n{}", "x: y\r\n".repeat(1_000)), true),
        (format!("0\r\n{}", "x: y\r\n".repeat(10_000)), false),
    ] {
        let answer = format!("{chunked}{line}");
        assert_eq!(read(&[answer.as_bytes()], true).is_ok(), fine, "{answer:.80}");
    }
}

proptest! {
    /// Whatever an upstream sends, nothing panics, and where the pieces end makes no difference.
    #[test]
    fn no_bytes_are_too_odd(
        case in 0..ANSWERS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let (answer, asked_for_body, _) = ANSWERS[case];
        let mut answer = answer.as_bytes().to_vec();
        for (index, byte) in edits {
            let at = index.index(answer.len());
            answer[at] = byte;
        }
        let (front, back) = answer.split_at(cut.index(answer.len()));
        prop_assert_eq!(read(&[front, back], asked_for_body), read(&[&answer], asked_for_body));
    }
}
