//! Who is asking, after proof, and what they state about why.
//!
//! A [`Principal`] is made by the identity room out of proved credentials only. The organisation,
//! the application and the officer are one value, because one access decision needs all three.
//!
//! ```
//! use zhamen::engine::principal::{Application, Principal, Statement};
//! use zhamen::engine::terms::AuthMethod;
//! let app = Application::new("civil-affairs-window", "11330100MB0000019K");
//! let caller = Principal::application(app.into(), AuthMethod::Certificate);
//! assert_eq!(caller.caller(), "civil-affairs-window");
//! assert!(caller.statement.purpose.is_none());
//! ```

use super::terms::{AuthMethod, LegalBasis, SubjectType};
use crate::closed_enum;
use std::net::IpAddr;
use std::sync::Arc;

/// A registered application: the catalogue names it, a certificate, token or key proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Client id, unique in the catalogue.
    pub id: Arc<str>,
    /// Unified social credit code of the department that answers for it.
    pub department: Arc<str>,
    /// Networks it is known to call from; empty means none are known.
    pub networks: Vec<Network>,
    /// Whether its headers may state purpose, matter and officer where a token does not.
    pub speaks_for_others: bool,
}

impl Application {
    /// An application without known networks that may not speak for others.
    pub fn new(id: &str, department: &str) -> Self {
        Application {
            id: id.into(),
            department: department.into(),
            networks: Vec::new(),
            speaks_for_others: false,
        }
    }
}

/// What a client certificate says, read once per handshake after its chain was verified.
///
/// The common name is left out on purpose: names come from the subject alternative names only
/// (RFC 9525), and which type counts is configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the DER encoding; the thumbprint of RFC 8705 (`x5t#S256`).
    pub fingerprint: [u8; 32],
    /// SAN URIs, as written.
    pub uris: Vec<String>,
    /// SAN DNS names, as written.
    pub dns: Vec<String>,
    /// End of validity, seconds since 1970.
    pub not_after: i64,
    /// A name could not be read unambiguously: an unreadable or doubled extension, an empty name,
    /// or bytes outside printable ASCII. No identity may be taken from it.
    pub ambiguous: bool,
}

impl Certificate {
    /// The fingerprint in lower-case hexadecimal digits.
    pub fn fingerprint_hex(&self) -> String {
        self.fingerprint.iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
            hex.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
            hex
        })
    }
}

/// An address range in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    mask: u128,
}

impl Network {
    /// Reads `10.0.0.0/8` or `2001:db8::/32`; a bare address is a range of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (width, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = length.unwrap_or(width);
        if length > width {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - (offset + length)).unwrap_or(0);
        Some(Network { base: wide(address) & mask, mask })
    }

    /// Whether the address lies inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        wide(address) & self.mask == self.base
    }
}

fn wide(address: IpAddr) -> u128 {
    let v6 = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    u128::from_be_bytes(v6.octets())
}

/// A person acting for a department, proved by a signed token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Officer {
    /// Opaque staff id.
    pub id: Arc<str>,
    /// Unified social credit code of the officer's department.
    pub department: Arc<str>,
    /// Post, as the issuer names it.
    pub post: Arc<str>,
    /// Region (GB/T 2260) the officer serves, if the issuer says.
    pub region: Option<Arc<str>>,
}

/// A person or body a matter is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatterSubject {
    pub subject_type: SubjectType,
    /// Canonical identifier. Never leaves the process: see `evidence` for its keyed token.
    pub id: Arc<str>,
    /// Relation to the applicant: `applicant`, `spouse`, `child`, `parent`, `guardian`, ….
    pub relation: Arc<str>,
}

/// A service matter (办件) as a signed claim states it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matter {
    pub id: Arc<str>,
    /// Code of the matter type (事项).
    pub matter_type: Arc<str>,
    pub open: bool,
    pub subjects: Vec<MatterSubject>,
    /// Staff ids of the assigned officers.
    pub officers: Vec<Arc<str>>,
}

impl Matter {
    /// Whether this canonical identifier is one of the matter's subjects.
    pub fn has_subject(&self, id: &str) -> bool {
        self.subjects.iter().any(|subject| &*subject.id == id)
    }

    /// Whether the matter explains that this officer asks for this canonical identifier: it is open, the
    /// officer is assigned to it, and its subjects are meant. None where it does not say whom it is about.
    ///
    /// ```
    /// use zhamen::engine::principal::Matter;
    /// let (id, matter_type) = ("m-1".into(), "review".into());
    /// let unsaid = Matter { id, matter_type, open: true, subjects: Vec::new(), officers: Vec::new() };
    /// assert_eq!(unsaid.explains("mz-0417", "330106196502142015"), None);
    /// ```
    pub fn explains(&self, officer: &str, id: &str) -> Option<bool> {
        let is_assigned = || self.officers.iter().any(|assigned| &**assigned == officer);
        (!self.subjects.is_empty()).then(|| self.open && is_assigned() && self.has_subject(id))
    }

    /// Whether someone who may consent for a child takes part: a guardian, or a parent as applicant.
    pub fn has_guardian(&self) -> bool {
        self.subjects.iter().any(|subject| matches!(&*subject.relation, "guardian" | "applicant" | "parent"))
    }
}

/// What the caller states about why: from the signed token, or from headers of an application that
/// may speak for others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Purpose code of `purposes.yaml`.
    pub purpose: Option<Arc<str>>,
    pub legal_basis: Option<LegalBasis>,
    /// Where the subject's consent is kept, if that is the basis (PIPL 13 (1), 14).
    pub consent: Option<Arc<str>>,
    pub matter: Option<Arc<Matter>>,
    /// The party on whose behalf the officer acts (X-Road represented party).
    pub represented: Option<Arc<str>>,
    /// Break-glass was declared, with this justification.
    pub break_glass: Option<Arc<str>>,
    /// When the officer last proved a second factor, seconds since 1970.
    pub stepped_up_at: Option<i64>,
}

closed_enum! {
    /// What is proved of a caller and may bound the rows it sees; the code is what catalogues write.
    pub enum CallerAttribute {
        /// Region of the officer (GB/T 2260), as the token's issuer states it.
        Region = "caller.region",
        /// The receiving department's unified social credit code.
        Department = "caller.department",
        /// The application's client id.
        Application = "caller.application",
        /// The officer's staff id.
        Officer = "caller.officer",
    }
}

/// Who is asking, proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub application: Arc<Application>,
    pub officer: Option<Arc<Officer>>,
    pub statement: Statement,
    /// How the application proved itself.
    pub method: AuthMethod,
    /// Whether the token is bound to the certificate (RFC 8705 `cnf`).
    pub bound: bool,
    caller: Arc<str>,
}

impl Principal {
    /// An application calling for itself.
    pub fn application(application: Arc<Application>, method: AuthMethod) -> Self {
        let caller = application.id.clone();
        Principal {
            application,
            officer: None,
            statement: Statement::default(),
            method,
            bound: false,
            caller,
        }
    }

    /// An officer acting through an application.
    pub fn officer(
        application: Arc<Application>,
        officer: Arc<Officer>,
        statement: Statement,
        method: AuthMethod,
        bound: bool,
    ) -> Self {
        let caller = format!("{}|{}", application.id, officer.id).into();
        Principal { application, officer: Some(officer), statement, method, bound, caller }
    }

    /// The key of quotas and profiles: the application, and the officer where there is one.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The same, shared.
    pub fn caller_key(&self) -> Arc<str> {
        self.caller.clone()
    }

    /// The department that receives the data: the officer's, else the application's.
    pub fn department(&self) -> &Arc<str> {
        self.officer.as_ref().map_or(&self.application.department, |officer| &officer.department)
    }

    /// What is proved of the caller, if it is.
    pub fn attribute(&self, attribute: CallerAttribute) -> Option<&Arc<str>> {
        let officer = self.officer.as_deref();
        match attribute {
            CallerAttribute::Region => officer.and_then(|officer| officer.region.as_ref()),
            CallerAttribute::Department => Some(self.department()),
            CallerAttribute::Application => Some(&self.application.id),
            CallerAttribute::Officer => officer.map(|officer| &officer.id),
        }
    }

    /// An API key alone is a weak proof, and policies can see that.
    pub fn is_weak(&self) -> bool {
        matches!(self.method, AuthMethod::ApiKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_their_prefix_says() {
        for (range, address, inside) in [
            ("10.0.0.0/8", "10.2.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::/0", "8.8.8.8", true),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network = Network::parse(range).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address} in {range}");
        }
        for bad in ["10.0.0.0/33", "x", "10.0.0.0/", "::/129"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
