//! (in preparation)

pub mod cases;
