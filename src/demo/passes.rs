//! Who asks in the demo: officers, their applications, purposes and matters, one token file each.
//!
//! ```
//! use zhamen::demo::passes;
//! let pass = passes::PASSES.iter().find(|pass| pass.file == "s1-officer").unwrap();
//! assert_eq!(pass.application, "civil-affairs-window");
//! ```

use super::citizens::cast;
use super::departments::Department;
use super::tokens::{CitizenClaims, Claims, Confirmation, MatterClaim, SubjectClaim, SubjectId};

/// A token of the demo.
#[derive(Debug)]
pub struct Pass {
    /// Name of its file below `tokens/`, without `.jwt`.
    pub file: &'static str,
    /// Application it is bound to.
    pub application: &'static str,
    pub department: Department,
    /// Staff id.
    pub officer: &'static str,
    pub post: &'static str,
    pub purpose: Option<&'static str>,
    pub legal_basis: Option<&'static str>,
    pub matter: Option<Matter>,
    /// Justification of a break-glass access.
    pub break_glass: Option<&'static str>,
    /// Whether a second factor was just proved.
    pub step_up: bool,
}

/// A matter of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Matter {
    pub id: &'static str,
    pub matter_type: &'static str,
    pub open: bool,
    /// Type, identifier, relation to the applicant.
    pub subjects: &'static [(&'static str, &'static str, &'static str)],
    pub officers: &'static [&'static str],
}

const ASSISTANCE: Matter = Matter {
    id: "MZ-2026-1104-0001",
    matter_type: "social-assistance-review",
    open: true,
    subjects: &[
        ("NATURAL", cast::APPLICANT, "applicant"),
        ("NATURAL", cast::APPLICANT_SPOUSE, "spouse"),
        ("NATURAL", cast::APPLICANT_CHILD, "child"),
    ],
    officers: &["mz-0417"],
};

const CHILD_ALONE: Matter = Matter {
    id: "MZ-2026-1104-0009",
    subjects: &[("NATURAL", cast::APPLICANT_CHILD, "child")],
    ..ASSISTANCE
};

const TRANSFER: Matter = Matter {
    id: "BDC-2026-1107-0042",
    matter_type: "property-transfer",
    open: true,
    subjects: &[("NATURAL", cast::SELLER, "applicant"), ("NATURAL", cast::BUYER, "buyer")],
    officers: &["bdc-1203"],
};

const SETUP: Matter = Matter {
    id: "SJ-2026-1110-0317",
    matter_type: "company-setup",
    open: true,
    subjects: &[("LEGAL", cast::ENTERPRISE, "applicant"), ("LEGAL", cast::LEGACY_CODE, "shareholder")],
    officers: &["sj-0302"],
};

/// A street officer of civil affairs; the other passes of S1 differ in one thing each.
const ASSISTANCE_OFFICER: Pass = Pass {
    file: "s1-officer",
    application: "civil-affairs-window",
    department: Department::CivilAffairs,
    officer: "mz-0417",
    post: "assistance-officer",
    purpose: Some("social-assistance"),
    legal_basis: Some("STATUTORY_DUTY"),
    matter: Some(ASSISTANCE),
    break_glass: None,
    step_up: false,
};

const REGISTRAR: Pass = Pass {
    file: "s2-officer",
    application: "real-estate-window",
    department: Department::RealEstate,
    officer: "bdc-1203",
    post: "registrar",
    purpose: Some("real-estate-registration"),
    matter: Some(TRANSFER),
    ..ASSISTANCE_OFFICER
};

const DOCTOR: Pass = Pass {
    file: "s4-doctor",
    application: "hospital-emergency",
    department: Department::Health,
    officer: "wj-7781",
    post: "emergency-physician",
    purpose: Some("emergency-treatment"),
    legal_basis: Some("EMERGENCY"),
    matter: None,
    break_glass: Some("患者昏迷，无法取得同意，需立即确认过敏史与血型"),
    step_up: true,
};

/// Every token of the demo.
pub const PASSES: &[Pass] = &[
    ASSISTANCE_OFFICER,
    Pass { file: "s1-closed", matter: Some(Matter { open: false, ..ASSISTANCE }), ..ASSISTANCE_OFFICER },
    Pass { file: "s1-colleague", officer: "mz-0991", ..ASSISTANCE_OFFICER },
    Pass { file: "s1-no-matter", matter: None, ..ASSISTANCE_OFFICER },
    Pass { file: "s1-child-alone", matter: Some(CHILD_ALONE), ..ASSISTANCE_OFFICER },
    REGISTRAR,
    Pass { file: "s2-no-purpose", purpose: None, legal_basis: None, ..REGISTRAR },
    Pass {
        file: "s3-officer",
        application: "market-window",
        department: Department::MarketRegulation,
        officer: "sj-0302",
        post: "registrar",
        purpose: Some("business-registration"),
        matter: Some(SETUP),
        ..ASSISTANCE_OFFICER
    },
    DOCTOR,
    Pass { file: "s4-no-second-factor", step_up: false, ..DOCTOR },
    Pass { file: "s4-no-break-glass", break_glass: None, ..DOCTOR },
    Pass {
        file: "s4-police",
        application: "public-security-desk",
        department: Department::PublicSecurity,
        officer: "ga-2210",
        post: "duty-officer",
        purpose: Some("law-enforcement"),
        matter: None,
        ..ASSISTANCE_OFFICER
    },
];

/// Citizens who ask who looked at their data: name of the token's file, and identity number.
pub const CITIZENS: &[(&str, &str)] =
    &[("citizen-applicant", cast::APPLICANT), ("citizen-seller", cast::SELLER)];

/// What a citizen's token says.
pub fn citizen_claims(file: &str, id: &'static str) -> CitizenClaims {
    CitizenClaims { sub: format!("portal-{file}"), sub_id: SubjectId { subject_type: "NATURAL", id } }
}

impl Pass {
    /// What its token says, bound to the application's certificate.
    pub fn claims(&self, certificate_der: &[u8], now: i64) -> Claims {
        Claims {
            sub: self.officer.to_owned(),
            client_id: self.application.to_owned(),
            department: self.department.uscc().to_owned(),
            post: self.post.to_owned(),
            region: Some("330106".to_owned()),
            purpose: self.purpose.map(str::to_owned),
            legal_basis: self.legal_basis.map(str::to_owned),
            matter: self.matter.map(Matter::claim),
            break_glass: self.break_glass.map(str::to_owned),
            auth_time: self.step_up.then_some(now),
            amr: self.step_up.then(|| vec!["pwd".to_owned(), "mfa".to_owned()]),
            cnf: Some(Confirmation::of(certificate_der)),
        }
    }
}

impl Matter {
    fn claim(self) -> MatterClaim {
        let subject = |(subject_type, id, relation): &(&'static str, &str, &'static str)| SubjectClaim {
            subject_type,
            id: (*id).to_owned(),
            relation,
        };
        MatterClaim {
            id: self.id.to_owned(),
            matter_type: self.matter_type.to_owned(),
            open: self.open,
            subjects: self.subjects.iter().map(subject).collect(),
            officers: self.officers.iter().map(|officer| (*officer).to_owned()).collect(),
        }
    }
}
