//! S3 企业开办 (without the peak): a company is set up; a sole trader is a person.

use super::{ANSWERED, Field, Scenario, Seen, Step, clear, less};
use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;

const REGISTRAR: Step =
    Step { application: "market-window", token: Some("s3-officer"), forbidden: &["13805710008"], ..ANSWERED };

const PORTAL: Step = Step { application: "open-data-portal", ..ANSWERED };

const fn personal(name: &'static str, label: &'static str, seen: Seen) -> Field {
    less(name, label, DisclosureMode::Partial, Reason::Privacy, seen)
}

pub(super) const SCENARIO: Scenario = Scenario {
    id: "S3",
    title: "企业开办 · a company is set up",
    steps: &[
        Step {
            what: "税务: the tax registration, shared without condition",
            path: "/tax/v1/registrations/91330100MA2DEMA108",
            records: Some(1),
            fields: &[
                clear("uscc", "uscc", Seen::Text("91330100MA2DEMA108")),
                clear("name", "organisation-name", Seen::Text("杭州云杉信息技术有限公司")),
                clear("status", "status-public", Seen::Text("正常")),
                clear("taxpayerType", "status-public", Seen::Text("一般纳税人")),
            ],
            ..REGISTRAR
        },
        Step {
            what: "社保: the employer's account",
            path: "/social-insurance/v1/employers/91330100MA2DEMA108",
            records: Some(1),
            fields: &[
                clear("uscc", "uscc", Seen::Text("91330100MA2DEMA108")),
                clear("registered", "status-public", Seen::Text("已参保登记")),
                clear("employees", "count", Seen::Something),
                less(
                    "contact",
                    "mobile",
                    DisclosureMode::Partial,
                    Reason::FieldNotNeeded,
                    Seen::Text("138****0008"),
                ),
            ],
            ..REGISTRAR
        },
        Step {
            what: "市场监管: its own register",
            path: "/market-regulation/v1/enterprises/91330100MA2DEMA108",
            records: Some(1),
            fields: &[
                clear("uscc", "uscc", Seen::Text("91330100MA2DEMA108")),
                clear("legalRepresentative", "person-in-charge", Seen::Text("叶诗涵")),
                clear("registeredCapital", "amount-public", Seen::Json("5000000")),
                clear("establishedOn", "date-public", Seen::Text("2025-10-09")),
            ],
            ..REGISTRAR
        },
        Step {
            what: "a code in circulation with a wrong check character is let through, with a warning",
            path: "/market-regulation/v1/enterprises/91350203M0001QAY9B",
            records: Some(1),
            fields: &[clear("name", "organisation-name", Seen::Text("鹭岛恒泰贸易有限公司"))],
            ..REGISTRAR
        },
        Step {
            what: "open data: a company is public",
            path: "/market-regulation/v1/enterprises/91330100MA2DEMA108",
            records: Some(1),
            fields: &[
                clear("uscc", "uscc", Seen::Text("91330100MA2DEMA108")),
                clear("legalRepresentative", "person-in-charge", Seen::Text("叶诗涵")),
            ],
            ..PORTAL
        },
        Step {
            what: "open data: a sole trader is a person",
            path: "/market-regulation/v1/enterprises/92330106MA2DEMC3X3",
            records: Some(1),
            fields: &[
                personal("uscc", "uscc", Seen::Text("92330106********X3")),
                personal("legalRepresentative", "person-in-charge", Seen::Text("罗*珍")),
                personal("address", "address-public", Seen::Something),
                clear("name", "organisation-name", Seen::Text("杭州市西湖区珍味小吃店")),
                clear("industry", "industry", Seen::Text("H62 餐饮业")),
            ],
            forbidden: &["92330106MA2DEMC3X3", "罗素珍", "文三路12号"],
            ..PORTAL
        },
        Step {
            what: "open data: a page of the register, sole traders' codes in part",
            path: "/market-regulation/v1/enterprises?page=1&size=3",
            records: Some(3),
            fields: &[
                personal("uscc", "uscc", Seen::Text("91330100MA2DEMA108")),
                clear("name", "organisation-name", Seen::Text("杭州云杉信息技术有限公司")),
            ],
            forbidden: &["92330106MA2DEMC3X3"],
            ..PORTAL
        },
        Step {
            what: "数据局: open statistics",
            path: "/data-bureau/v1/statistics",
            fields: &[
                clear("year", "date-public", Seen::Text("2025")),
                clear("district", "region-code", Seen::Text("330102")),
                clear("indicator", "indicator", Seen::Something),
                clear("value", "statistic", Seen::Something),
            ],
            ..PORTAL
        },
        Step {
            what: "a code that does not verify",
            path: "/market-regulation/v1/enterprises/91330100MA2DEMB108",
            status: 422,
            code: Some(Reason::InvalidId),
            ..REGISTRAR
        },
        Step {
            what: "不动产: the founder's dwelling has nothing to do with it",
            path: "/real-estate/v1/properties/33010619920714306X",
            status: 403,
            code: Some(Reason::PurposeMismatch),
            ..REGISTRAR
        },
    ],
};
