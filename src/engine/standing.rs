//! Where a caller stands in its quotas: what is recorded of it, and what the caller is told.
//!
//! Only the value; who may spend what is decided in `state::quota`.
//!
//! ```
//! use zhamen::engine::standing::Standing;
//! let standing = Standing { policy: "caller", limit: 100, remaining: 99, reset_s: 1, window_s: 2 };
//! assert_eq!(standing.field(), r#""caller";r=99;t=1"#);
//! assert_eq!(standing.policy_field(), r#""caller";q=100;w=2"#);
//! ```

use crate::engine::evidence::text::push_number;

/// The standing in one quota, in requests at the caller's present cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Name of the policy: the scope's code.
    pub policy: &'static str,
    /// Requests in a full window (`q`).
    pub limit: u32,
    /// Requests left now (`r`).
    pub remaining: u32,
    /// Seconds until the quota is whole again; of a refusal, until one request fits (`t`).
    pub reset_s: u64,
    /// Seconds in which an empty quota becomes whole (`w`).
    pub window_s: u64,
}

impl Standing {
    /// The value of `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11): one item.
    pub fn field(&self) -> String {
        self.item(";r=", self.remaining.into(), ";t=", self.reset_s)
    }

    /// The value of `RateLimit-Policy`: the same item's limit and window.
    pub fn policy_field(&self) -> String {
        self.item(";q=", self.limit.into(), ";w=", self.window_s)
    }

    /// Each answer carries two of them, so they are put together, not formatted.
    fn item(&self, first: &str, amount: u64, second: &str, seconds: u64) -> String {
        let mut item = Vec::with_capacity(48);
        item.push(b'"');
        item.extend_from_slice(self.policy.as_bytes());
        item.push(b'"');
        item.extend_from_slice(first.as_bytes());
        push_number(&mut item, amount);
        item.extend_from_slice(second.as_bytes());
        push_number(&mut item, seconds);
        String::from_utf8(item).unwrap_or_default()
    }
}
