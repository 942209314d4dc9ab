//! Numbers of registered bodies: departments, enterprises, societies, collectives.

use super::checksum::{in_uscc_alphabet, mod_11_10, organisation_check_char, uscc_check_char};
use super::normal::{Compact, digits};
use super::{Flaw, Form, Kind};

/// Unified social credit code, GB 32100-2015.
///
/// First place, the registering authority: 1 establishment office, 2 foreign affairs, 3 justice,
/// 4 culture, 5 civil affairs, 6 tourism, 7 religious affairs, 8 trade unions, 9 market regulation,
/// A military, N agriculture (rural collectives), Y others. Codes with one wrong check character
/// circulate and are accepted by other systems: they come back with a warning. Where neither the
/// code's own check holds nor that of the organisation code inside, it is a typing error.
pub(super) fn uscc(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let code = compact.exactly::<18>()?;
    if !code.iter().all(|byte| in_uscc_alphabet(*byte)) {
        return Err(Flaw::Character);
    }
    let ([authority, category], rest) = code.split_first_chunk::<2>().ok_or(Flaw::Length)?;
    if !matches!(authority, b'1'..=b'9' | b'A' | b'N' | b'Y') || !matches!(category, b'1'..=b'9') {
        return Err(Flaw::Issuer);
    }
    let (region, rest) = rest.split_at(6);
    if !digits(region) {
        return Err(Flaw::Issuer);
    }
    let own = compact
        .as_str()
        .split_at_checked(17)
        .is_some_and(|(first, check)| uscc_check_char(first).is_some_and(|wanted| check.starts_with(wanted)));
    let inner = organisation_holds(rest.get(..9).unwrap_or_default());
    if !own && !inner {
        return Err(Flaw::Checksum);
    }
    Ok(Form::new(Kind::Uscc, compact.as_str(), own && inner))
}

/// Whether the body behind a canonical code is in truth a person or a small group of persons: sole
/// traders (92) and rural collectives (N).
pub(in crate::engine) fn is_personal(canonical: &str) -> bool {
    canonical.starts_with("92") || canonical.starts_with('N')
}

/// Organisation code, GB 11714.
pub(super) fn organisation(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let code = compact.exactly::<9>()?;
    if !code.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Flaw::Character);
    }
    if organisation_holds(code) {
        Ok(Form::sound(Kind::OrganisationCode, compact.as_str()))
    } else {
        Err(Flaw::Checksum)
    }
}

fn organisation_holds(nine: &[u8]) -> bool {
    let Some((check, first)) = nine.split_last() else { return false };
    let wanted = std::str::from_utf8(first).ok().and_then(organisation_check_char);
    wanted == Some(char::from(*check))
}

/// Business-licence number of before 2015: fifteen digits, ISO 7064 MOD 11,10.
pub(super) fn licence(text: &str) -> Result<Form, Flaw> {
    let compact = Compact::read(text)?;
    let number = compact.exactly::<15>()?;
    if !digits(number) {
        Err(Flaw::Character)
    } else if mod_11_10(number) {
        Ok(Form::sound(Kind::BusinessLicence, compact.as_str()))
    } else {
        Err(Flaw::Checksum)
    }
}
