//! What headers may add to what a token says: statements of applications that speak for others.
//!
//! `Purpose`, `Matter-Id`, `Legal-Basis` and the X-Road set (X-Road message protocol for REST). They
//! are unsigned, so they count only inside a proved channel, only where the token is silent, and only
//! if the catalogue lets the application speak for others.

use crate::engine::canonical::Presented;
use crate::engine::identifier::{Kind, check};
use crate::engine::principal::{Application, Matter, Officer, Statement};
use crate::engine::reason::Cause;
use crate::engine::terms::LegalBasis;
use std::sync::Arc;

/// The post of an officer that only a header names.
const POST_UNSTATED: &str = "unstated";

/// Officer and statement of a request: the token's, completed by headers where that is allowed.
///
/// # Errors
/// [`Cause::SpeaksForDenied`] where a header may not speak or contradicts the token,
/// [`Cause::IdentityHeader`] where headers contradict each other or cannot be read.
pub fn complete(
    presented: &Presented,
    application: &Application,
    officer: Option<Arc<Officer>>,
    mut statement: Statement,
) -> Result<(Option<Arc<Officer>>, Statement), Cause> {
    if !presented.states_anything() {
        return Ok((officer, statement));
    }
    if !application.speaks_for_others {
        return Err(Cause::SpeaksForDenied);
    }
    add_text(&mut statement.purpose, presented.purpose.as_deref())?;
    add_basis(&mut statement.legal_basis, presented.legal_basis.as_deref())?;
    add_matter(&mut statement.matter, presented)?;
    add_text(&mut statement.represented, presented.x_road.represented.as_deref())?;
    let officer = add_officer(officer, &mut statement, presented, application)?;
    Ok((officer, statement))
}

fn add_text(said: &mut Option<Arc<str>>, header: Option<&str>) -> Result<(), Cause> {
    match (&*said, header) {
        (_, None) => Ok(()),
        (Some(said), Some(header)) if **said == *header => Ok(()),
        (Some(_), Some(_)) => Err(Cause::SpeaksForDenied),
        (None, Some(header)) => {
            *said = Some(header.into());
            Ok(())
        }
    }
}

fn add_basis(said: &mut Option<LegalBasis>, header: Option<&str>) -> Result<(), Cause> {
    let Some(header) = header else { return Ok(()) };
    let basis = LegalBasis::parse(header).ok_or(Cause::IdentityHeader)?;
    if said.is_some_and(|said| said != basis) {
        return Err(Cause::SpeaksForDenied);
    }
    *said = Some(basis);
    Ok(())
}

/// A header names a matter and cannot sign for it: it is taken as open, but no subject belongs to it
/// and no officer is assigned, so policies that ask for either still say no.
fn add_matter(said: &mut Option<Arc<Matter>>, presented: &Presented) -> Result<(), Cause> {
    let header = match (presented.matter_id.as_deref(), presented.x_road.issue.as_deref()) {
        (Some(one), Some(other)) if one != other => return Err(Cause::IdentityHeader),
        (one, other) => one.or(other),
    };
    match (&*said, header) {
        (_, None) => {}
        (Some(matter), Some(id)) if *matter.id == *id => {}
        (Some(_), Some(_)) => return Err(Cause::SpeaksForDenied),
        (None, Some(id)) => {
            *said = Some(Arc::new(Matter {
                id: id.into(),
                matter_type: "".into(),
                open: true,
                subjects: Vec::new(),
                officers: Vec::new(),
            }));
        }
    }
    Ok(())
}

/// `X-Road-UserId` names the officer, and the member of `X-Road-Client` the officer's department.
/// A member without an officer is the party that the application represents.
fn add_officer(
    officer: Option<Arc<Officer>>,
    statement: &mut Statement,
    presented: &Presented,
    application: &Application,
) -> Result<Option<Arc<Officer>>, Cause> {
    let road = &presented.x_road;
    let member = match &road.client {
        None => None,
        Some(client) => Some(check(Kind::Uscc, &client.member).identifier().ok_or(Cause::IdentityHeader)?),
    };
    let member = member.as_ref().map(|member| member.canonical());
    let user = road.user_id.as_deref();
    if user.is_some_and(|user| user.contains('|')) {
        return Err(Cause::IdentityHeader);
    }
    if let Some(officer) = officer {
        let same = user.is_none_or(|user| user == &*officer.id)
            && member.is_none_or(|member| member == &*officer.department);
        return if same { Ok(Some(officer)) } else { Err(Cause::SpeaksForDenied) };
    }
    let Some(user) = user else {
        if statement.represented.is_none() && member.is_some_and(|member| member != &*application.department)
        {
            statement.represented = member.map(Into::into);
        }
        return Ok(None);
    };
    Ok(Some(Arc::new(Officer {
        id: user.into(),
        department: member.unwrap_or(&application.department).into(),
        post: POST_UNSTATED.into(),
        region: None,
    })))
}
