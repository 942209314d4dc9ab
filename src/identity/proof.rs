//! The way of a token: remembered or proved, then made to agree with the channel it came through.

use super::claims::{self, Claims};
use super::compact::Compact;
use super::memo::{Proof, TokenMemo};
use super::registry::Registry;
use super::{Identities, Proved, not_revoked};
use crate::engine::canonical::Presented;
use crate::engine::clock::Moment;
use crate::engine::json::Object;
use crate::engine::principal::{Application, Certificate, Principal};
use crate::engine::reason::Cause;
use crate::engine::terms::AuthMethod;
use aws_lc_rs::digest::{SHA256, digest};
use std::sync::Arc;

impl Identities {
    /// The principal of a token that came through a certified channel, or without one.
    pub(super) fn by_token(
        &self,
        memo: &mut TokenMemo,
        token: &str,
        presented: &Presented,
        channel: Option<(&Certificate, &Arc<Application>)>,
        registry: &Registry,
        now: Moment,
    ) -> Result<Arc<Principal>, Cause> {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let proof = self.proof(memo, &sum, token, now)?;
        let claims = &proof.claims;
        let (application, bound) = agree(claims, channel, registry)?;
        if claims.token_id.as_ref().is_some_and(|id| registry.revoked_tokens.contains(id)) {
            return Err(Cause::Revoked);
        }
        not_revoked(application, claims.officer.as_deref(), registry)?;
        let fingerprint = channel.map(|(certificate, _)| certificate.fingerprint);
        let silent = !presented.states_anything();
        if silent && let Some(made) = memo.principal(&sum, application, fingerprint) {
            return Ok(made);
        }
        own_department(claims, application)?;
        let proved = Proved {
            application,
            officer: claims.officer.clone(),
            statement: claims.statement.clone(),
            method: channel.map_or(AuthMethod::Token, |_| AuthMethod::Certificate),
            bound,
        };
        let principal = proved.complete(presented, registry)?;
        if silent {
            memo.put_principal(&sum, fingerprint, principal.clone());
        }
        Ok(principal)
    }

    /// A remembered proof that still holds, or a fresh one.
    fn proof(
        &self,
        memo: &mut TokenMemo,
        sum: &[u8; 32],
        token: &str,
        now: Moment,
    ) -> Result<Arc<Proof>, Cause> {
        if let Some(proof) = memo.get(sum) {
            if self.still_holds(&proof, now)? {
                return Ok(proof);
            }
            memo.forget(sum);
        }
        let proof = Arc::new(self.prove(token, now)?);
        memo.put(*sum, proof.clone());
        Ok(proof)
    }

    fn still_holds(&self, proof: &Proof, now: Moment) -> Result<bool, Cause> {
        let trusted = self.trusted.get(proof.issuer).ok_or(Cause::TokenAudience)?;
        let held = trusted.keys.current(now)?;
        let same_keys = held.as_ref().is_some_and(|held| held.generation == proof.generation);
        Ok(same_keys && proof.claims.times.hold_at(now.unix_seconds()).is_ok())
    }

    /// Verifies a token from nothing.
    fn prove(&self, token: &str, now: Moment) -> Result<Proof, Cause> {
        let (place, generation, claims) = self.verified(token, now)?;
        let issuer = &self.trusted.get(place).ok_or(Cause::TokenAudience)?.issuer;
        let claims = Claims::read(&claims, issuer, now.unix_seconds())?;
        Ok(Proof { issuer: place, generation, claims })
    }

    /// The claims of a token with a good signature, which of our issuers signed them, and with which
    /// generation of its keys. What the claims say is not looked at.
    pub(super) fn verified(&self, token: &str, now: Moment) -> Result<(usize, u64, Object), Cause> {
        let compact = Compact::read(token)?;
        let name = claims::issuer(&compact.claims)?;
        let place = self.trusted.iter().position(|trusted| trusted.issuer.issuer == name);
        let (place, trusted) =
            place.and_then(|place| Some((place, self.trusted.get(place)?))).ok_or(Cause::TokenAudience)?;
        if !compact.token_type.eq_ignore_ascii_case(&trusted.issuer.token_type) {
            return Err(Cause::TokenAudience);
        }
        let guard = trusted.keys.current(now)?;
        let held = guard.as_ref().ok_or(Cause::KeysStale)?;
        let Some(key) = held.set.get(&compact.key_id) else {
            trusted.keys.ask_for_refresh(now);
            return Err(Cause::TokenInvalid);
        };
        if key.algorithm != compact.algorithm {
            return Err(Cause::TokenAlgorithm);
        }
        if !key.verifies(compact.signed, &compact.signature) {
            return Err(Cause::TokenInvalid);
        }
        Ok((place, held.generation, compact.claims))
    }
}

/// Whom the token speaks for, and whether it is bound to the channel. Fault ID-08.
///
/// A bound token (RFC 8705) must come through exactly its certificate. It may then have been issued to
/// another client than the certificate names; the application is always the certificate's, so a
/// binding cannot lend anyone another application's rights.
fn agree<'r>(
    claims: &Claims,
    channel: Option<(&Certificate, &'r Arc<Application>)>,
    registry: &'r Registry,
) -> Result<(&'r Arc<Application>, bool), Cause> {
    let client = registry.by_id.get(&*claims.client).ok_or(Cause::ApplicationUnknown)?;
    let Some((certificate, certified)) = channel else {
        return if claims.thumbprint.is_some() { Err(Cause::IdentityMismatch) } else { Ok((client, false)) };
    };
    let bound = claims.thumbprint == Some(certificate.fingerprint);
    let contradicts = claims.thumbprint.is_some() && !bound;
    if contradicts || (!bound && client.id != certified.id) {
        return Err(Cause::IdentityMismatch);
    }
    if registry.revoked_applications.contains(&*client.id) {
        return Err(Cause::Revoked);
    }
    Ok((certified, bound))
}

/// An officer of another department comes only through an application that speaks for others.
fn own_department(claims: &Claims, application: &Application) -> Result<(), Cause> {
    let foreign = claims.officer.as_ref().is_some_and(|officer| officer.department != application.department);
    if foreign && !application.speaks_for_others { Err(Cause::IdentityMismatch) } else { Ok(()) }
}
