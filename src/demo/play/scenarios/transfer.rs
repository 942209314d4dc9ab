//! S2 二手房转移登记: the real-estate register transfers a dwelling. 不动产登记暂行条例 #25 to #28.

use super::{ANSWERED, Field, Scenario, Seen, Step, clear, id_number, less, verify_only};
use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;

const SECRETS: &[&str] = &["330106199003070022", "33010619880521103X", "沈志强", "13805710005", ":38250"];

const REGISTRAR: Step =
    Step { application: "real-estate-window", token: Some("s2-officer"), forbidden: SECRETS, ..ANSWERED };

const REFUSED: Step = Step { status: 403, ..REGISTRAR };

/// A claim about the seller; the answer is yes or no.
const CLAIM: Step = Step { method: "POST", records: Some(1), ..REGISTRAR };

const MARRIAGE: Step = Step { path: "/civil-affairs/v1/marriages/verify", ..CLAIM };

const SELLERS: &str = "/real-estate/v1/properties/330106199003070022";

const fn verified(name: &'static str, label: &'static str, yes: &'static str) -> Field {
    less(name, label, DisclosureMode::Verify, Reason::FieldNotNeeded, Seen::Json(yes))
}

pub(super) const SCENARIO: Scenario = Scenario {
    id: "S2",
    title: "二手房转移登记 · a dwelling is sold",
    steps: &[
        Step {
            what: "民政: is the seller married? yes",
            body: Some(r#"{"id":"330106199003070022","claimedStatus":"已婚"}"#),
            fields: &[verified("maritalStatus", "marital-status", "true")],
            forbidden: &["已婚", "330106199003070022"],
            ..MARRIAGE
        },
        Step {
            what: "民政: is she divorced? no, and nothing else is said",
            body: Some(r#"{"id":"330106199003070022","claimedStatus":"离异"}"#),
            fields: &[verified("maritalStatus", "marital-status", "false")],
            forbidden: &["已婚", "离异", "330106199003070022"],
            ..MARRIAGE
        },
        Step {
            what: "公安: does the name belong to the number? yes",
            path: "/public-security/v1/identity/verify",
            body: Some(r#"{"id":"330106199003070022","name":"林若兰"}"#),
            fields: &[verified("name", "name", "true")],
            forbidden: &["林若兰", "330106199003070022"],
            ..CLAIM
        },
        Step {
            what: "税务: deed tax paid, and the receipt",
            path: "/tax/v1/deed-tax/330106199003070022",
            records: Some(1),
            fields: &[
                id_number("personId", "3***************22"),
                clear("paid", "tax-paid", Seen::Json("true")),
                clear("receiptNumber", "receipt-number", Seen::Text("333016251100002661")),
                verify_only("amount", "tax-amount"),
            ],
            ..REGISTRAR
        },
        Step {
            what: "the register itself: the seller's dwelling",
            path: SELLERS,
            records: Some(1),
            fields: &[
                id_number("ownerId", "3***************22"),
                clear("ownerName", "name", Seen::Text("林若兰")),
                clear("unitNumber", "real-estate-unit", Seen::Text("330106002008GB00266F00050803")),
                clear("areaSquareMetres", "area", Seen::Json("89.57")),
                clear("mortgaged", "mortgage", Seen::Json("true")),
            ],
            ..REGISTRAR
        },
        Step {
            what: "the buyer owns nothing yet: an empty list",
            path: "/real-estate/v1/properties/33010219950918307X",
            records: Some(0),
            ..REGISTRAR
        },
        Step {
            what: "without a stated purpose",
            token: Some("s2-no-purpose"),
            path: SELLERS,
            status: 400,
            code: Some(Reason::PurposeMissing),
            forbidden: &["林若兰", "天目山路"],
            ..REFUSED
        },
        Step {
            what: "卫健: health has nothing to do with it",
            path: "/health/v1/emergency-records/330106199003070022",
            code: Some(Reason::PurposeMismatch),
            ..REFUSED
        },
        Step {
            what: "somebody outside the matter",
            path: "/real-estate/v1/properties/33010619581111331X",
            code: Some(Reason::SubjectNotInMatter),
            ..REFUSED
        },
        Step {
            what: "the whole marriage record instead of yes or no",
            path: "/civil-affairs/v1/marriages/330106199003070022",
            code: Some(Reason::NoPolicy),
            ..REFUSED
        },
        Step {
            what: "the same token, stolen: another application's certificate",
            application: "market-window",
            path: "/tax/v1/deed-tax/330106199003070022",
            status: 401,
            code: Some(Reason::Identity),
            forbidden: &["333016251100002661"],
            ..REFUSED
        },
    ],
};
