//! The closed vocabularies: one enum per enumeration of the law, the catalogue and the defence.
//!
//! Each value has one stable code, which is the same word in configuration, policy, metric, audit
//! entry and console.
//!
//! ```
//! use zhamen::engine::terms::{DisclosureMode, Interface};
//! assert_eq!(Interface::parse("QUERY"), Some(Interface::Query));
//! assert_eq!(DisclosureMode::Partial.code(), "PARTIAL");
//! ```

/// Declares a closed enum whose values carry one stable code each.
///
/// Gives `ALL`, `code()`, `parse()`, `Display` and a `Deserialize` that names the allowed codes.
#[macro_export]
macro_rules! closed_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in declared order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The stable code, the same in every document, metric and entry.
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }

            /// The value with this code, if there is one. Codes are compared exactly.
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&code)
                    .ok_or_else(|| serde::de::Error::unknown_variant(&code, &[$($code),+]))
            }
        }
    };
}

closed_enum! {
    /// What of a value reaches the caller. The order is by what it reveals: the greatest is the most open.
    pub enum DisclosureMode {
        /// Nothing: the member is left out.
        None = "NONE",
        /// Yes or no, never the value.
        Verify = "VERIFY",
        /// A keyed pseudonym: links inside one consumer department and matter, nowhere else.
        Token = "TOKEN",
        /// Part of the characters, the rest replaced.
        Partial = "PARTIAL",
        /// A coarser value: a band, a year, a district.
        Generalised = "GENERALISED",
        /// As it is.
        Clear = "CLEAR",
    }
}

closed_enum! {
    /// Level of general data, L1 (not sensitive) to L4 (sensitive); DB33/T 2350-2021.
    pub enum Level { L1 = "L1", L2 = "L2", L3 = "L3", L4 = "L4" }
}

impl Level {
    /// 1 to 4, as Cedar compares it.
    pub const fn number(self) -> i64 {
        match self {
            Level::L1 => 1,
            Level::L2 => 2,
            Level::L3 => 3,
            Level::L4 => 4,
        }
    }
}

closed_enum! {
    /// National grade: Data Security Law, article 21; GB/T 43697-2024.
    pub enum NationalGrade { General = "GENERAL", Important = "IMPORTANT", Core = "CORE" }
}

closed_enum! {
    /// Secrecy: anything but `NONE` is refused when a dataset is registered.
    pub enum Secrecy { None = "NONE", WorkSecret = "WORK_SECRET", StateSecret = "STATE_SECRET" }
}

closed_enum! {
    /// Sharing attribute of a dataset: Regulation on Government Data Sharing, catalogue chapter.
    pub enum SharingType {
        Unconditional = "UNCONDITIONAL",
        Conditional = "CONDITIONAL",
        NotShared = "NOT_SHARED",
    }
}

closed_enum! {
    /// How data is asked for: 核验, 查询, 批量, 文件.
    pub enum Interface { Verify = "VERIFY", Query = "QUERY", Batch = "BATCH", File = "FILE" }
}

closed_enum! {
    /// Legal basis of processing: Personal Information Protection Law, article 13, items 1 to 7.
    pub enum LegalBasis {
        Consent = "CONSENT",
        Contract = "CONTRACT",
        StatutoryDuty = "STATUTORY_DUTY",
        Emergency = "EMERGENCY",
        PublicSupervision = "PUBLIC_SUPERVISION",
        Published = "PUBLISHED",
        OtherLaw = "OTHER_LAW",
    }
}

closed_enum! {
    /// Category of sensitive personal information: PIPL article 28; GB/T 45574-2025.
    pub enum SensitiveCategory {
        None = "NONE",
        Biometric = "BIOMETRIC",
        Religion = "RELIGION",
        SpecificIdentity = "SPECIFIC_IDENTITY",
        Health = "HEALTH",
        FinancialAccount = "FINANCIAL_ACCOUNT",
        Whereabouts = "WHEREABOUTS",
        MinorUnder14 = "MINOR_U14",
        Other = "OTHER",
    }
}

closed_enum! {
    /// State of the defence towards one caller. What each tier means is written in policy files.
    pub enum RiskTier {
        Normal = "T0",
        Watch = "T1",
        StepUp = "T2",
        Reduced = "T3",
        VerifyOnly = "T4",
        Suspended = "T5",
    }
}

impl RiskTier {
    /// 0 to 5, as `context.tier` shows it to Cedar.
    pub const fn number(self) -> u8 {
        match self {
            RiskTier::Normal => 0,
            RiskTier::Watch => 1,
            RiskTier::StepUp => 2,
            RiskTier::Reduced => 3,
            RiskTier::VerifyOnly => 4,
            RiskTier::Suspended => 5,
        }
    }
}

closed_enum! {
    /// Whom a record is about.
    pub enum SubjectType { Natural = "NATURAL", Legal = "LEGAL", Unknown = "UNKNOWN" }
}

closed_enum! {
    /// Age of a natural person as far as the law asks: PIPL article 31 sets the line at fourteen.
    pub enum AgeBand { Under14 = "UNDER_14", Minor = "14_TO_17", Adult = "ADULT", Unknown = "UNKNOWN" }
}

closed_enum! {
    /// Request methods that routes may offer.
    pub enum Method {
        Get = "GET",
        Head = "HEAD",
        Post = "POST",
        Put = "PUT",
        Patch = "PATCH",
        Delete = "DELETE",
        Options = "OPTIONS",
    }
}

closed_enum! {
    /// How an application proved itself.
    pub enum AuthMethod { Certificate = "CERTIFICATE", Token = "TOKEN", ApiKey = "API_KEY" }
}

/// A text in the two languages every refusal and console page speaks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Method {
    /// Asking twice does no harm (RFC 9110, section 9.2.1).
    pub const fn is_safe(self) -> bool {
        match self {
            Method::Get | Method::Head | Method::Options => true,
            Method::Post | Method::Put | Method::Patch | Method::Delete => false,
        }
    }
}
