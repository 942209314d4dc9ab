//! Identifiers of persons and bodies: exact validation, one canonical form.

use crate::closed_enum;
use std::sync::Arc;

closed_enum! {
    /// What a value is, where it has a form that can be checked or masked by its own rule.
    pub enum Kind {
        ResidentId = "resident-id",
        HkMoTwPermit = "hk-mo-tw-residence-permit",
        ForeignerId = "foreigner-id",
        Uscc = "uscc",
        OrganisationCode = "organisation-code",
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
        DisabilityCertificate = "disability-certificate",
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

/// A checked identifier in canonical form. Its `Debug` never shows the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    kind: Kind,
    canonical: Arc<str>,
}

impl Identifier {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The one canonical form: half-width, upper case, without separators.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identifier({})", self.kind)
    }
}
