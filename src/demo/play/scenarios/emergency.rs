//! S4 急救 (without the follow-ups): an unconscious patient. 个人信息保护法 #13(4), #18.

use super::{ANSWERED, Field, Scenario, Seen, Step, clear, less, withheld};
use crate::engine::reason::Reason;
use crate::engine::terms::DisclosureMode;

const SECRETS: &[&str] =
    &["330106196502142015", "章守根", "冠心病", "2型糖尿病", "乙型病毒性肝炎", "演示市第一医院"];

const PATIENT: &str = "/health/v1/emergency-records/330106196502142015";

const DOCTOR: Step = Step {
    application: "hospital-emergency",
    token: Some("s4-doctor"),
    path: PATIENT,
    forbidden: SECRETS,
    ..ANSWERED
};

const POLICE: Step =
    Step { application: "public-security-desk", token: Some("s4-police"), status: 403, ..DOCTOR };

const fn partial(name: &'static str, label: &'static str, shown: &'static str) -> Field {
    less(name, label, DisclosureMode::Partial, Reason::FieldNotNeeded, Seen::Text(shown))
}

pub(super) const SCENARIO: Scenario = Scenario {
    id: "S4",
    title: "急救 · an unconscious patient",
    steps: &[
        Step {
            what: "break-glass with a second factor: what saves a life, and no more",
            records: Some(1),
            fields: &[
                partial("patientId", "id-number", "3***************15"),
                partial("name", "name", "章*根"),
                clear("bloodType", "blood-type", Seen::Text("AB型Rh阴性")),
                clear("allergies", "allergy", Seen::Json(r#"["青霉素","碘造影剂"]"#)),
                clear("emergencyContactName", "contact-name", Seen::Text("何桂兰")),
                clear("emergencyContactMobile", "mobile", Seen::Text("13805710002")),
                withheld("diagnoses", "health-diagnosis"),
                withheld("visits", "health-visit"),
                withheld("infectious", "infectious-disease"),
            ],
            ..DOCTOR
        },
        Step {
            what: "the same without a fresh second factor",
            token: Some("s4-no-second-factor"),
            status: 401,
            code: Some(Reason::RiskStepUp),
            ..DOCTOR
        },
        Step {
            what: "the same without break-glass or an emergency matter",
            token: Some("s4-no-break-glass"),
            status: 403,
            code: Some(Reason::SectorHealth),
            ..DOCTOR
        },
        Step { what: "公安 asks for the patient's record", code: Some(Reason::PurposeMismatch), ..POLICE },
        Step {
            what: "公安 asks for the list of infectious diseases",
            path: "/health/v1/infectious-diseases",
            code: Some(Reason::SectorHealth),
            ..POLICE
        },
    ],
};
