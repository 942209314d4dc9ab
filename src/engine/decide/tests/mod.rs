//! The shipped policies over a catalogue like the demo's, and properties over random questions.

pub(crate) mod demo;
mod judging;
mod loading;
mod properties;
mod uses;
