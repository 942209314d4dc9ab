//! What operators see: metrics and the admin plane. Never on the request path, and changes nothing.

pub mod admin;
pub mod metrics;
pub mod registers;
pub mod sinks;
pub mod usage;
