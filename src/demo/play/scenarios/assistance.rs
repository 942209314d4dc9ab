//! S1 最低生活保障审核确认: civil affairs looks at a household that asks for assistance.
//! 社会救助暂行办法 #58, 浙江省社会救助条例 #49.

use super::{ANSWERED, Field, Scenario, Seen, Step, clear, id_number, less, verify_only, withheld};
use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;

/// What the household's records hold and this matter does not need.
const SECRETS: &[&str] = &[
    "330106196502142015",
    "330106198006122049",
    "330106201908201015",
    "13805710001",
    "13805710002",
    "佛教",
    ":14400",
    "冠心病",
    "乙型病毒性肝炎",
];

const OFFICER: Step =
    Step { application: "civil-affairs-window", token: Some("s1-officer"), forbidden: SECRETS, ..ANSWERED };

const REFUSED: Step = Step { status: 403, ..OFFICER };

const fn income(name: &'static str, band: &'static str) -> Field {
    less(name, "income", DisclosureMode::Generalised, Reason::FieldNotNeeded, Seen::Json(band))
}

const fn sensitive(name: &'static str, label: &'static str) -> Field {
    less(name, label, DisclosureMode::None, Reason::SensitiveNoNecessity, Seen::Absent)
}

pub(super) const SCENARIO: Scenario = Scenario {
    id: "S1",
    title: "低保审核 · a household asks for the minimum living allowance",
    steps: &[
        Step {
            what: "公安: who lives in the household",
            path: "/public-security/v1/households/330106196502142015",
            records: Some(3),
            fields: &[
                id_number("personId", "3***************15"),
                clear("name", "name", Seen::Text("章守根")),
                clear("sex", "sex", Seen::Text("男")),
                clear("birthDate", "birth-date", Seen::Text("1965-02-14")),
                clear("relation", "family-relation", Seen::Text("户主")),
                clear("address", "address", Seen::Something),
                sensitive("ethnicGroup", "ethnic-group"),
                sensitive("religion", "religion"),
            ],
            ..OFFICER
        },
        Step {
            what: "公安: the child, whose father takes part in the matter",
            path: "/public-security/v1/households/330106201908201015",
            records: Some(3),
            fields: &[id_number("personId", "3***************15"), sensitive("religion", "religion")],
            ..OFFICER
        },
        Step {
            what: "不动产: how many dwellings, and where",
            path: "/real-estate/v1/properties/330106196502142015/summary",
            records: Some(1),
            fields: &[
                id_number("ownerId", "3***************15"),
                clear("count", "count", Seen::Json("1")),
                clear("regions", "region-code", Seen::Json(r#"["330106"]"#)),
            ],
            ..OFFICER
        },
        Step {
            what: "税务: the band of the year's income",
            path: "/tax/v1/income/330106196502142015",
            records: Some(1),
            fields: &[
                id_number("personId", "3***************15"),
                clear("name", "name", Seen::Text("章守根")),
                income("annualIncome", "10000"),
                verify_only("taxPaid", "tax-amount"),
                clear("year", "date-public", Seen::Text("2024")),
            ],
            ..OFFICER
        },
        Step {
            what: "社保: whether contributions are paid",
            path: "/social-insurance/v1/contributions/330106196502142015",
            records: Some(1),
            fields: &[
                id_number("personId", "3***************15"),
                clear("name", "name", Seen::Text("章守根")),
                clear("paid", "contribution-paid", Seen::Json("false")),
                income("baseAmount", "0"),
                withheld("employer", "organisation-name"),
                verify_only("months", "count"),
            ],
            ..OFFICER
        },
        Step {
            what: "市场监管: whether an enterprise is held",
            path: "/market-regulation/v1/shareholdings/330106196502142015",
            records: Some(1),
            fields: &[
                id_number("personId", "3***************15"),
                verify_only("holdsEnterprise", "holding"),
                withheld("enterprises", "organisation-name"),
            ],
            ..OFFICER
        },
        Step {
            what: "公安: no vehicle, so an empty list",
            path: "/public-security/v1/vehicles/330106196502142015",
            records: Some(0),
            ..OFFICER
        },
        Step {
            what: "民政: the department's own register",
            path: "/civil-affairs/v1/low-income/330106196502142015",
            records: Some(1),
            fields: &[
                id_number("personId", "3***************15"),
                clear("name", "name", Seen::Text("章守根")),
                clear("status", "benefit-status", Seen::Text("享受中")),
                clear("monthlyAmount", "income", Seen::Json("1199")),
                clear("address", "address", Seen::Something),
            ],
            ..OFFICER
        },
        Step {
            what: "民政: the register of the officer's own district, largest amounts first",
            path: "/civil-affairs/v1/low-income?size=2&sort=-amount",
            records: Some(2),
            fields: &[
                less(
                    "personId",
                    "id-number",
                    DisclosureMode::Partial,
                    Reason::FieldNotNeeded,
                    Seen::Something,
                ),
                clear("name", "name", Seen::Something),
                clear("region", "region-code", Seen::Text("330106")),
                clear("monthlyAmount", "income", Seen::Something),
            ],
            ..OFFICER
        },
        Step {
            what: "a cousin who is not in the matter",
            path: "/public-security/v1/households/33010619581111331X",
            code: Some(Reason::SubjectNotInMatter),
            forbidden: &["章守田", "13805710004"],
            ..REFUSED
        },
        Step {
            what: "民政: the register by the beginning of a number that is shown in part only",
            path: "/civil-affairs/v1/low-income?idPrefix=33010619650214",
            code: Some(Reason::FieldUse),
            ..REFUSED
        },
        Step {
            what: "卫健: health records are no part of assistance",
            path: "/health/v1/emergency-records/330106196502142015",
            code: Some(Reason::PurposeMismatch),
            ..REFUSED
        },
        Step {
            what: "a colleague to whom the matter is not assigned",
            token: Some("s1-colleague"),
            path: "/tax/v1/income/330106196502142015",
            code: Some(Reason::MatterNotAssigned),
            ..REFUSED
        },
        Step {
            what: "the same question after the matter is closed",
            token: Some("s1-closed"),
            path: "/tax/v1/income/330106196502142015",
            code: Some(Reason::MatterClosed),
            ..REFUSED
        },
        Step {
            what: "the same question without a matter",
            token: Some("s1-no-matter"),
            path: "/tax/v1/income/330106196502142015",
            code: Some(Reason::MatterMissing),
            ..REFUSED
        },
        Step {
            what: "the child, where no guardian takes part",
            token: Some("s1-child-alone"),
            path: "/public-security/v1/households/330106201908201015",
            code: Some(Reason::Guardian),
            ..REFUSED
        },
    ],
};
