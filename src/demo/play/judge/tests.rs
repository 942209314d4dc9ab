use super::super::scenarios::SCENARIOS;
use super::*;

const ID: &str = r#"id-number;mode=PARTIAL;reason=E-FIELD-NOT-NEEDED"#;

fn step(path: &str) -> &'static Step {
    let mut steps = SCENARIOS.iter().flat_map(|scenario| scenario.steps);
    steps.find(|step| step.path == path && step.code.is_none()).unwrap()
}

fn answer(disclosure: &str, body: &str) -> Exchange {
    let headers =
        [("content-type", "application/json"), ("zhamen-request-id", "1"), ("disclosure", disclosure)];
    Exchange {
        status: 200,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

fn whats(step: &Step, exchange: &Exchange) -> Vec<String> {
    judge(step, exchange, &Reading::of(exchange)).into_iter().map(|wrong| wrong.what).collect()
}

#[test]
fn answers_are_judged_by_records_modes_values_and_leaks() {
    let step = step("/real-estate/v1/properties/330106196502142015/summary");
    let labels = format!("{ID}, count;mode=CLEAR, region-code;mode=CLEAR");
    let good = r#"{"data":[{"ownerId":"3***************15","count":1,"regions":["330106"]}]}"#;
    let table: &[(&str, &str, &[&str])] = &[
        (&labels, good, &[]),
        (ID, good, &["label count", "label region-code"]),
        ("garbage!", good, &["label id-number", "label count", "label region-code"]),
        (&labels, r#"{"data":[]}"#, &["records", "field ownerId", "field count", "field regions"]),
        (&labels, &good.replace("\"count\":1", "\"count\":2"), &["field count"]),
        (
            &labels,
            &good.replace("3***************15", "330106196502142015"),
            &["field ownerId", "`330106196502142015`"],
        ),
        (&labels, &good.replace("}]", r#","internalNote":"x"}]"#), &["`internalNote`"]),
        (&labels, &good.replace("}]", r#","x":"\u4f5b\u6559"}]"#), &["`佛教`"]),
    ];
    for (disclosure, body, expect) in table {
        assert_eq!(whats(step, &answer(disclosure, body)), *expect, "{disclosure} {body}");
    }
}

#[test]
fn refusals_are_judged_by_status_and_code() {
    let mut steps = SCENARIOS[0].steps.iter();
    let step = steps.find(|step| step.what.contains("cousin")).unwrap();
    let refusal = |status, kind: &str, code: &str| Exchange {
        status,
        headers: vec![
            ("content-type".to_owned(), kind.to_owned()),
            ("zhamen-request-id".to_owned(), "1".to_owned()),
        ],
        body: format!(r#"{{"code":"{code}"}}"#).into_bytes(),
    };
    let problem = "application/problem+json";
    let code = "E-SUBJECT-NOT-IN-MATTER";
    assert!(whats(step, &refusal(403, problem, code)).is_empty());
    assert_eq!(whats(step, &refusal(404, problem, code)), ["status"]);
    assert_eq!(whats(step, &refusal(403, problem, "E-LEVEL")), ["code"]);
    assert_eq!(whats(step, &refusal(403, "application/json", code)), ["code"]);
    let mut leaking = refusal(403, problem, code);
    leaking.headers.push(("x".to_owned(), "章守田".to_owned()));
    assert_eq!(whats(step, &leaking), ["`章守田`"]);
    leaking.headers.clear();
    assert_eq!(whats(step, &leaking), ["code", "Zhamen-Request-Id"]);
}

#[test]
fn hidden_and_absent_members_are_told_apart() {
    let step = step("/tax/v1/deed-tax/330106199003070022");
    let labels = format!(
        "{ID}, tax-paid;mode=CLEAR, receipt-number;mode=CLEAR, tax-amount;mode=VERIFY;reason=E-FIELD-NOT-NEEDED"
    );
    let body = |amount: &str| {
        format!(
            r#"{{"data":[{{"personId":"3***************22","paid":true,"receiptNumber":"333016251100002661"{amount}}}]}}"#
        )
    };
    for (amount, expect) in [
        ("", &[][..]),
        (r#","amount":false"#, &[]),
        (r#","amount":null"#, &[]),
        (r#","amount":1"#, &["field amount"]),
        (r#","amount":"x""#, &["field amount"]),
    ] {
        assert_eq!(whats(step, &answer(&labels, &body(amount))), expect, "{amount}");
    }
}
