//! Citizens who ask about themselves: a bearer token whose subject is the person.

use super::Identities;
use super::claims;
use super::registry::Registry;
use crate::engine::clock::Moment;
use crate::engine::identifier::Identifier;
use crate::engine::reason::Cause;

impl Identities {
    /// The person that a token proves: signed by one of our issuers, of its type and for its audience,
    /// with a claim `sub_id: {type: NATURAL, id}`. Officers' and applications' tokens prove nobody here.
    ///
    /// # Errors
    /// As for other tokens; [`Cause::TokenClaims`] where the subject is missing or is not exactly an
    /// identity number in its canonical form.
    pub fn citizen(&self, token: &str, registry: &Registry, now: Moment) -> Result<Identifier, Cause> {
        let (place, _, object) = self.verified(token, now)?;
        let issuer = &self.trusted.get(place).ok_or(Cause::TokenAudience)?.issuer;
        let citizen = claims::citizen(&object, issuer, now.unix_seconds())?;
        let is_revoked = citizen.token_id.is_some_and(|id| registry.revoked_tokens.contains(&*id))
            || citizen.client.is_some_and(|client| registry.revoked_applications.contains(&*client));
        if is_revoked { Err(Cause::Revoked) } else { Ok(citizen.identifier) }
    }
}
