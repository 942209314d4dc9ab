//! Which field carries which label: the catalogue's paths, compiled once per snapshot.

/// Field paths of one dataset, compiled.
#[derive(Debug, Default)]
pub struct FieldMap {}
