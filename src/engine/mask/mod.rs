//! Disclosure carried out: a format's masker walks, a kind's mask acts on one scalar.

pub mod fields;
pub mod json;
pub mod scalar;
