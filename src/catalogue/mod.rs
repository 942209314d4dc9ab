//! (in preparation)

mod folder;

pub use folder::Folder;
