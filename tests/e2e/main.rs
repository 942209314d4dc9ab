//! The whole gateway, from the caller's socket to the upstream's and to the audit log.

mod audit;
mod canary;
mod crowds;
mod defence;
mod evidence;
mod floods;
mod formats;
mod frames;
mod oracle;
mod receipts;
mod refusals;
mod registers;
mod reload;
mod sinks;
mod support;
mod unreceipted;
mod usage;
mod watch;
