use super::*;

const BODY: &[u8] = br#"{"data":[{"name":"*"}]}"#;

fn signer() -> Signer {
    Signer::from_seed(&[7; 32]).unwrap()
}

fn statement() -> Statement {
    Statement {
        issued_at: 1_795_397_400,
        request_id: "r-1".into(),
        caller: "market-window|sj-0042".into(),
        department: "11330100MB0000051Y".into(),
        dataset: "enterprise".into(),
        code: "102001/1".into(),
        interface: "QUERY".into(),
        purpose: Some("business-registration".into()),
        matter: None,
        decision: "ALLOW_PARTIAL".into(),
        reasons: Vec::new(),
        status: 200,
        policy_digest: "ab".repeat(32),
        labels: vec![
            LabelStated { label: "uscc".into(), mode: "CLEAR".into(), reason: None },
            LabelStated {
                label: "person-in-charge".into(),
                mode: "PARTIAL".into(),
                reason: Some("E-PRIVACY".into()),
            },
        ],
        subjects: Some(1),
        entry: Place { seq: 42, hash: "cd".repeat(32) },
    }
}

fn answered() -> Answered {
    Answered { records: Some(1), ..Answered::of(BODY) }
}

#[test]
fn a_receipt_says_what_was_stated() {
    let text = signer().sign(&statement(), &answered());
    assert_eq!(text, signer().sign(&statement(), &answered()), "the same answer, the same receipt");
    let said = verify(&format!(" {text}\n"), &signer().public_key()).unwrap();
    assert_eq!((said.jti.as_str(), said.sub.as_str()), ("r-1", "market-window|sj-0042"));
    assert_eq!((said.records, said.subjects, said.body.bytes), (Some(1), Some(1), BODY.len() as u64));
    assert_eq!((said.entry.seq, said.labels.len(), said.decision.as_str()), (42, 2, "ALLOW_PARTIAL"));
    let all = Expected { request_id: Some("r-1"), caller: Some("market-window|sj-0042"), body: Some(BODY) };
    assert_eq!(all.check(&said), Ok(()));
}

/// A refusal has a decision, its reasons and no labels; an answer has no reasons. Anything else is no
/// receipt, whoever signed it.
#[test]
fn a_refusal_states_its_reasons_and_an_answer_has_none() {
    let reasons = || vec!["E-MATTER-MISSING".to_owned(), "E-NO-POLICY".to_owned()];
    let labels = statement().labels;
    for (decision, reasons, labels, expect) in [
        ("DENY", reasons(), vec![], true),
        ("REFUSED", reasons(), vec![], true),
        ("DENY", vec![], vec![], false),
        ("REFUSED", vec![], vec![], false),
        ("DENY", reasons(), labels.clone(), false),
        ("ALLOW", vec![], labels.clone(), true),
        ("ALLOW", reasons(), labels.clone(), false),
        ("ALLOW_PARTIAL", reasons(), labels, false),
        ("PERHAPS", reasons(), vec![], false),
        ("", vec![], vec![], false),
    ] {
        let stated = Statement { decision: decision.into(), reasons, labels, status: 403, ..statement() };
        let said = verify(&signer().sign(&stated, &Answered::of(BODY)), &signer().public_key());
        match said {
            Ok(said) => assert!(expect && said.reasons == stated.reasons, "{stated:?}"),
            Err(fault) => assert!(!expect && fault == ReceiptFault::Claims, "{stated:?}"),
        }
    }
}

/// What is unknown or not told of a refused request is left out, not written as nothing.
#[test]
fn a_refusal_before_a_route_names_no_dataset() {
    let stated = Statement {
        decision: "REFUSED".into(),
        reasons: vec!["E-NOT-FOUND".into()],
        status: 404,
        ..Statement::default()
    };
    let text = signer().sign(&stated, &Answered::of(BODY));
    let claims = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    for name in ["dataset", "code", "interface", "purpose", "matter", "subjects", "records"] {
        assert!(claims.get(name).is_none(), "{name}: {claims}");
    }
    assert_eq!(verify(&text, &signer().public_key()).unwrap().dataset, "");
}

#[test]
fn counted_subjects_go_before_named_ones() {
    for (counted, expect) in [
        (None, (Some(1), false)),
        (Some(SubjectCount { subjects: 0, estimated: false }), (Some(0), false)),
        (Some(SubjectCount { subjects: 5000, estimated: true }), (Some(5000), true)),
    ] {
        let answered = Answered { subjects: counted, ..answered() };
        let said = verify(&signer().sign(&statement(), &answered), &signer().public_key()).unwrap();
        assert_eq!((said.subjects, said.subjects_estimated), expect, "{counted:?}");
    }
}

/// The example of RFC 8037, appendices A.2 and A.3.
#[test]
fn the_key_id_is_the_thumbprint_of_the_standard() {
    let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let key: [u8; 32] = x.try_into().unwrap();
    assert_eq!(key_id(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn every_changed_character_shows() {
    let text = signer().sign(&statement(), &answered());
    let key = signer().public_key();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&changed, &key).is_err(), "character {at}");
    }
    for length in 0..text.len() {
        assert!(verify(&text[..length], &key).is_err(), "cut at {length}");
    }
}

#[test]
fn it_fits_no_other_answer() {
    let said = verify(&signer().sign(&statement(), &answered()), &signer().public_key()).unwrap();
    let table: [(Expected<'_>, Mismatch); 5] = [
        (Expected { request_id: Some("r-2"), ..Expected::default() }, Mismatch::Request),
        (Expected { caller: Some("market-window|sj-0043"), ..Expected::default() }, Mismatch::Caller),
        (Expected { caller: Some("market-window"), ..Expected::default() }, Mismatch::Caller),
        (Expected { body: Some(b"{\"data\":[]}"), ..Expected::default() }, Mismatch::Body),
        (Expected { body: Some(b""), ..Expected::default() }, Mismatch::Body),
    ];
    for (expected, mismatch) in table {
        assert_eq!(expected.check(&said), Err(mismatch), "{expected:?}");
    }
}

/// Whoever moves one statement into another receipt needs the key.
#[test]
fn parts_of_two_receipts_do_not_make_a_third() {
    let one = signer().sign(&statement(), &answered());
    let clear = |label: &mut LabelStated| label.mode = "CLEAR".into();
    let mut other = statement();
    other.labels.iter_mut().for_each(clear);
    let other = signer().sign(&other, &answered());
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (parts(&one), parts(&other));
    assert_ne!(a[1], b[1]);
    for mixed in [[&a[0], &a[1], &b[2]], [&a[0], &b[1], &a[2]]] {
        let mixed = mixed.map(String::as_str).join(".");
        assert_eq!(verify(&mixed, &signer().public_key()), Err(ReceiptFault::Signature));
    }
}

#[test]
fn other_signed_things_are_not_receipts() {
    let key = signer().public_key();
    let sign = |header: &str, claims: &str| {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(signer().pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    let kid = key_id(&key);
    let header = |alg: &str, typ: &str| format!(r#"{{"alg":"{alg}","typ":"{typ}","kid":"{kid}"}}"#);
    let good = serde_json::to_string(&claims(&statement(), &answered())).unwrap();
    let odd_mode = good.replace("\"PARTIAL\"", "\"WHOLE\"");
    let twice = good.replacen("{\"iss\"", "{\"jti\":\"r-2\",\"iss\"", 1);
    let more = good.replacen("{\"iss\"", "{\"note\":\"r-2\",\"iss\"", 1);
    for (text, expect) in [
        (sign(&header(ALGORITHM, TYPE), &good), None),
        (sign(&header(ALGORITHM, "at+jwt"), &good), Some(ReceiptFault::Type)),
        (sign(&header("none", TYPE), &good), Some(ReceiptFault::Algorithm)),
        (sign(&header(ALGORITHM, TYPE).replace(&kid, "other"), &good), Some(ReceiptFault::Key)),
        (sign(&header(ALGORITHM, TYPE).replace('{', "{\"jwk\":{},"), &good), Some(ReceiptFault::Form)),
        (sign(&header(ALGORITHM, TYPE), &odd_mode), Some(ReceiptFault::Claims)),
        (sign(&header(ALGORITHM, TYPE), &twice), Some(ReceiptFault::Claims)),
        (sign(&header(ALGORITHM, TYPE), &more), Some(ReceiptFault::Claims)),
        (sign(&header(ALGORITHM, TYPE), "{}"), Some(ReceiptFault::Claims)),
        ("".into(), Some(ReceiptFault::Form)),
        ("a.b".into(), Some(ReceiptFault::Form)),
        ("a.b.c.d".into(), Some(ReceiptFault::Form)),
        ("é.é.é".into(), Some(ReceiptFault::Form)),
    ] {
        assert_eq!(verify(&text, &key).err(), expect, "{text}");
    }
    let other = Signer::from_seed(&[8; 32]).unwrap();
    let text = signer().sign(&statement(), &answered());
    assert_eq!(verify(&text, &other.public_key()), Err(ReceiptFault::Key));
}

#[test]
fn a_digest_in_pieces_is_the_digest_of_the_whole() {
    for cut in 0..=BODY.len() {
        let mut running = Running::default();
        running.update(&BODY[..cut]);
        running.update(&BODY[cut..]);
        assert_eq!(running.finish(None, None), Answered::of(BODY));
    }
}
