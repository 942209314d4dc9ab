//! The whole gateway, from the caller's socket to the upstream's and to the audit log.

mod audit;
mod canary;
mod defence;
mod evidence;
mod receipts;
mod refusals;
mod registers;
mod reload;
mod sinks;
mod support;
