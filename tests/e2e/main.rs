//! The whole gateway, from the caller's socket to the upstream's and to the audit log.

mod audit;
mod canary;
mod crowds;
mod defence;
mod floods;
mod formats;
mod frames;
mod oracle;
mod refusals;
mod reload;
mod support;
mod usage;
mod watch;
