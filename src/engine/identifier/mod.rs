//! Identifiers of persons, bodies and things: exact validation, one canonical form.
//!
//! Duty: say whether a text is what it claims to be, in which one form it is compared, hashed and
//! sent on, and what the number itself tells (birth, sex, natural or legal). It keeps no table of
//! persons, reads no clock, and its `Debug` never shows a value.
//!
//! However a number was typed, full-width, spaced, hyphenated, with a small `x` or in the old form
//! of fifteen digits, it has one canonical form, and that form holds no separator.
//!
//! ```
//! use zhamen::engine::identifier::{Kind, Verdict, check};
//! let typed = check(Kind::ResidentId, "１１０１０５ 19491231 002x").identifier().unwrap();
//! assert_eq!(typed.canonical(), "11010519491231002X");
//! assert_eq!(typed.birth_date(), Some((1949, 12, 31)));
//! assert!(matches!(check(Kind::ResidentId, "110105194912310021"), Verdict::Invalid(_)));
//! ```

mod abroad;
mod account;
mod body;
mod calendar;
mod checksum;
mod contact;
mod decimal;
mod document;
mod normal;
mod person;
mod plain;
#[cfg(test)]
pub(in crate::engine) mod properties;
#[cfg(test)]
mod tests;
mod thing;
mod vat;

pub use calendar::{Date, age, age_band, civil_date, exists, midnight};
pub use checksum::{organisation_check_char, resident_check_digit, uscc_check_char};

pub(in crate::engine) use body::is_personal;
pub(in crate::engine) use calendar::{day_start, is_plain_number, read_date};
pub(in crate::engine) use contact::{is_extension, read_landline};
pub(in crate::engine) use decimal::Decimal;
pub(in crate::engine) use normal::{half_width, is_dash, is_interpunct, is_space};

use super::terms::SubjectType;
use crate::closed_enum;
use std::sync::Arc;

closed_enum! {
    /// What a value is, where it has a form that can be checked or masked by its own rule.
    pub enum Kind {
        /// GB 11643 number of a citizen. The residence permits of Hong Kong, Macao and Taiwan
        /// residents are accepted too, because they are used as resident identity and share the
        /// structure; the identifier then says [`Kind::HkMoTwPermit`], so that one person has one
        /// identifier whichever kind was asked for. Foreigners' numbers are refused.
        ResidentId = "resident-id",
        /// Residence permit of Hong Kong, Macao and Taiwan residents (810000, 820000, 830000), only.
        HkMoTwPermit = "hk-mo-tw-residence-permit",
        /// Foreigner's permanent-resident number: the form of 2023 (9…), or letters and digits before.
        ForeignerId = "foreigner-id",
        /// Unified social credit code, GB 32100-2015.
        Uscc = "uscc",
        /// Organisation code, GB 11714.
        OrganisationCode = "organisation-code",
        /// Business-licence number of fifteen digits, before 2015.
        BusinessLicence = "business-licence",
        Name = "name",
        Mobile = "mobile",
        Landline = "landline",
        BankCard = "bank-card",
        Iban = "iban",
        Passport = "passport",
        HomeVisitPermit = "home-visit-permit",
        TaiwanPermit = "taiwan-permit",
        MilitaryCard = "military-card",
        Plate = "plate",
        Vin = "vin",
        RealEstateUnit = "real-estate-unit",
        /// Contains an identity number, and tells a health status by itself.
        DisabilityCertificate = "disability-certificate",
        /// Contains an identity number.
        StudentNumber = "student-number",
        Email = "email",
        Address = "address",
        Date = "date",
        Amount = "amount",
        Coordinate = "coordinate",
        EstonianId = "ee-isikukood",
        FinnishHetu = "fi-hetu",
        UsSsn = "us-ssn",
        EuVat = "eu-vat",
    }
}

closed_enum! {
    /// Why a text is not what it was given for. Never carries the text.
    pub enum Flaw {
        /// Nothing was given.
        Empty = "empty",
        /// Too short or too long.
        Length = "length",
        /// A character that the kind never has.
        Character = "character",
        /// The characters do not stand where the kind has them.
        Shape = "shape",
        /// The issuer, region or country does not exist, or is another kind's.
        Issuer = "issuer",
        /// A number that is never issued.
        Reserved = "reserved",
        /// A day that does not exist, or is before 1850.
        Date = "date",
        /// A birth after today.
        FutureDate = "future_date",
        /// The check character is wrong.
        Checksum = "checksum",
    }
}

closed_enum! {
    /// Sex, as far as the number tells.
    pub enum Sex { Female = "FEMALE", Male = "MALE" }
}

/// A checked identifier in canonical form. Its `Debug` never shows the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    kind: Kind,
    canonical: Arc<str>,
}

/// What checking a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is of the kind.
    Valid(Identifier),
    /// It has the kind's form, but its check character is wrong, and such numbers circulate: unified
    /// social credit codes, bank cards, vehicle identification numbers.
    ChecksumWarning(Identifier),
    /// It is not of the kind.
    Invalid(Flaw),
}

impl Verdict {
    /// The identifier, valid or with a warning.
    pub fn identifier(self) -> Option<Identifier> {
        match self {
            Verdict::Valid(identifier) | Verdict::ChecksumWarning(identifier) => Some(identifier),
            Verdict::Invalid(_) => None,
        }
    }
}

/// Checks a text against its kind, without a clock: impossible days are refused, future ones are not.
///
/// Separators, widths and case are taken as [`Identifier::canonical`] says; texts over 1,024 bytes are
/// refused without being looked at.
pub fn check(kind: Kind, text: &str) -> Verdict {
    match read(kind, text) {
        Ok(Form { identifier, checksum_holds: true }) => Verdict::Valid(identifier),
        Ok(Form { identifier, checksum_holds: false }) => Verdict::ChecksumWarning(identifier),
        Err(flaw) => Verdict::Invalid(flaw),
    }
}

/// As [`check`], and refuses who is born after `today` (year, month, day; see [`civil_date`]).
///
/// ```
/// use zhamen::engine::identifier::{Flaw, Kind, Verdict, check_on};
/// let verdict = check_on(Kind::ResidentId, "330106201908201015", (2019, 8, 19));
/// assert_eq!(verdict, Verdict::Invalid(Flaw::FutureDate));
/// ```
pub fn check_on(kind: Kind, text: &str, today: Date) -> Verdict {
    let verdict = check(kind, text);
    match &verdict {
        Verdict::Valid(identifier) | Verdict::ChecksumWarning(identifier)
            if identifier.birth_date().is_some_and(|birth| birth > today) =>
        {
            Verdict::Invalid(Flaw::FutureDate)
        }
        Verdict::Valid(_) | Verdict::ChecksumWarning(_) | Verdict::Invalid(_) => verdict,
    }
}

/// What a kind's reader found: the identifier, and whether its check character is right.
struct Form {
    identifier: Identifier,
    checksum_holds: bool,
}

impl Form {
    fn new(kind: Kind, canonical: &str, checksum_holds: bool) -> Self {
        Form { identifier: Identifier { kind, canonical: canonical.into() }, checksum_holds }
    }

    fn sound(kind: Kind, canonical: &str) -> Self {
        Form::new(kind, canonical, true)
    }
}

fn read(kind: Kind, text: &str) -> Result<Form, Flaw> {
    match kind {
        Kind::ResidentId => person::resident(text),
        Kind::HkMoTwPermit => person::permit(text),
        Kind::ForeignerId => person::foreigner(text),
        Kind::DisabilityCertificate => person::disability(text),
        Kind::StudentNumber => person::student(text),
        Kind::Uscc => body::uscc(text),
        Kind::OrganisationCode => body::organisation(text),
        Kind::BusinessLicence => body::licence(text),
        Kind::Mobile => contact::mobile(text),
        Kind::Landline => contact::landline(text),
        Kind::Email => contact::email(text),
        Kind::BankCard => account::bank_card(text),
        Kind::Iban => account::iban(text),
        Kind::Passport => document::passport(text),
        Kind::HomeVisitPermit => document::home_visit(text),
        Kind::TaiwanPermit => document::taiwan(text),
        Kind::MilitaryCard => document::military(text),
        Kind::Plate => thing::plate(text),
        Kind::Vin => thing::vin(text),
        Kind::RealEstateUnit => thing::real_estate_unit(text),
        Kind::Name => plain::name(text),
        Kind::Address => plain::address(text),
        Kind::Date => plain::date(text),
        Kind::Amount => plain::amount(text),
        Kind::Coordinate => plain::coordinate(text),
        Kind::EstonianId => abroad::isikukood(text),
        Kind::FinnishHetu => abroad::hetu(text),
        Kind::UsSsn => abroad::ssn(text),
        Kind::EuVat => vat::vat(text),
    }
}

impl Kind {
    /// Whom identifiers of the kind name, as far as the kind alone tells; numbers of things, accounts
    /// and ways of contact may be anybody's.
    pub fn subject_type(self) -> SubjectType {
        match self {
            Kind::ResidentId
            | Kind::HkMoTwPermit
            | Kind::ForeignerId
            | Kind::Passport
            | Kind::HomeVisitPermit
            | Kind::TaiwanPermit
            | Kind::MilitaryCard
            | Kind::DisabilityCertificate
            | Kind::StudentNumber
            | Kind::EstonianId
            | Kind::FinnishHetu
            | Kind::UsSsn => SubjectType::Natural,
            Kind::Uscc | Kind::OrganisationCode | Kind::BusinessLicence | Kind::EuVat => SubjectType::Legal,
            Kind::Name
            | Kind::Mobile
            | Kind::Landline
            | Kind::BankCard
            | Kind::Iban
            | Kind::Plate
            | Kind::Vin
            | Kind::RealEstateUnit
            | Kind::Email
            | Kind::Address
            | Kind::Date
            | Kind::Amount
            | Kind::Coordinate => SubjectType::Unknown,
        }
    }
}

impl Identifier {
    /// What it is, exactly: see [`Kind::ResidentId`] for the one case in which this is not the kind
    /// that was asked for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The one canonical form: half-width, upper case, without separators.
    ///
    /// Where a mark carries meaning it stays: the sign of the century in a Finnish code, `@` and the
    /// dots of an email address (lower-case domain), the decimal point of an amount. A mobile number
    /// has no country code, a date is `YYYYMMDD`, a name has one interpunct and NFC.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The same, to be kept elsewhere.
    pub fn shared(&self) -> Arc<str> {
        self.canonical.clone()
    }

    /// Whom it names. Sole traders (92) and rural collectives are registered like bodies, but are
    /// persons.
    pub fn subject_type(&self) -> SubjectType {
        let is_personal = self.kind == Kind::Uscc && body::is_personal(&self.canonical);
        if is_personal { SubjectType::Natural } else { self.kind.subject_type() }
    }

    /// The day of birth, where the number tells it.
    pub fn birth_date(&self) -> Option<Date> {
        match self.holder()? {
            Holder::China => person::birth(self.kind, &self.canonical),
            Holder::Estonia => abroad::isikukood_birth(&self.canonical),
            Holder::Finland => abroad::hetu_birth(&self.canonical),
        }
    }

    /// The sex, where the number tells it.
    pub fn sex(&self) -> Option<Sex> {
        let male = match self.holder()? {
            Holder::China => person::is_male(self.kind, &self.canonical)?,
            Holder::Estonia => self.canonical.as_bytes().first()? % 2 == 1,
            Holder::Finland => abroad::hetu_is_male(&self.canonical)?,
        };
        Some(if male { Sex::Male } else { Sex::Female })
    }

    fn holder(&self) -> Option<Holder> {
        match self.kind {
            Kind::ResidentId
            | Kind::HkMoTwPermit
            | Kind::ForeignerId
            | Kind::DisabilityCertificate
            | Kind::StudentNumber => Some(Holder::China),
            Kind::EstonianId => Some(Holder::Estonia),
            Kind::FinnishHetu => Some(Holder::Finland),
            Kind::Uscc
            | Kind::OrganisationCode
            | Kind::BusinessLicence
            | Kind::Name
            | Kind::Mobile
            | Kind::Landline
            | Kind::BankCard
            | Kind::Iban
            | Kind::Passport
            | Kind::HomeVisitPermit
            | Kind::TaiwanPermit
            | Kind::MilitaryCard
            | Kind::Plate
            | Kind::Vin
            | Kind::RealEstateUnit
            | Kind::Email
            | Kind::Address
            | Kind::Date
            | Kind::Amount
            | Kind::Coordinate
            | Kind::UsSsn
            | Kind::EuVat => None,
        }
    }
}

/// In which system's way a number tells its holder's birth and sex.
#[derive(Clone, Copy)]
enum Holder {
    China,
    Estonia,
    Finland,
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identifier({})", self.kind)
    }
}
