//! What a caller is told of its quotas: `RateLimit` and `RateLimit-Policy`.

use crate::state::quota::Standing;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Policies remembered at most: one for each quota and price in force, so that only a change of the
/// configuration makes more.
const REMEMBERED_MAX: usize = 64;

/// The policies of one worker's callers, each made once: nearly every answer states the same one.
#[derive(Default)]
pub struct PolicyHeaders(Vec<(Standing, HeaderValue)>);

impl PolicyHeaders {
    /// Tells a caller where it stands.
    pub(super) fn tell(&mut self, headers: &mut HeaderMap, standing: &Standing) {
        headers.insert(RATE_LIMIT.clone(), ours(&standing.field()));
        headers.insert(RATE_LIMIT_POLICY.clone(), self.of(standing));
    }

    /// The value of `RateLimit-Policy`.
    fn of(&mut self, standing: &Standing) -> HeaderValue {
        let policy = |at: &Standing| (at.policy, at.limit, at.window_s);
        if let Some((_, made)) = self.0.iter().find(|(known, _)| policy(known) == policy(standing)) {
            return made.clone();
        }
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        let made = ours(&standing.policy_field());
        self.0.push((*standing, made.clone()));
        made
    }
}

/// A value of ours, which is visible ASCII. Copied, because a text with room left is copied twice.
fn ours(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_is_the_standings_own() {
        let mut headers = PolicyHeaders::default();
        for round in 0..3 {
            for limit in 1..=(REMEMBERED_MAX as u32 + 1) {
                let (remaining, window_s) = (limit - 1, u64::from(limit % 2) + 1);
                let standing = Standing { policy: "caller", limit, remaining, reset_s: round, window_s };
                assert_eq!(headers.of(&standing), standing.policy_field());
            }
        }
        assert!(headers.0.len() <= REMEMBERED_MAX);
    }
}
