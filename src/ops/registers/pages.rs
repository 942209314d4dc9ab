//! The registers as the admin plane serves them.
//!
//! The catalogue is made when it is asked for. The register of grants takes longer than a thread that
//! answers health checks may be kept, so it is derived on one of its own, once for each snapshot;
//! until then whoever asks is told to come back.

use super::{Form, catalogue, grants, summary};
use crate::config::settings::CatalogueSettings;
use crate::engine::canonical::Language;
use crate::ops::admin::{Answer, Asked, problem};
use crate::state::snapshot::Snapshot;
use grants::Register;
use std::sync::{Arc, Mutex, PoisonError};

const LD_JSON: &str = "application/ld+json";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// Serves the registers of whichever snapshot is in force.
pub struct Pages {
    settings: CatalogueSettings,
    derived: Arc<Mutex<Derived>>,
}

/// The register derived last, and what is being derived.
#[derive(Default)]
struct Derived {
    register: Option<Arc<Register>>,
    /// Digest and day of the snapshot that is being asked.
    working: Option<Key>,
    /// Of `register`.
    key: Option<Key>,
}

/// The same folder on another day may grant less.
#[derive(Clone, PartialEq, Eq)]
struct Key(Arc<str>, crate::engine::identifier::Date);

impl Pages {
    pub fn new(settings: CatalogueSettings) -> Self {
        Pages { settings, derived: Arc::default() }
    }

    /// The page of this path; none for any other.
    pub fn answer(&self, snapshot: &Arc<Snapshot>, asked: &Asked<'_>) -> Option<Answer> {
        let (form, language) = (form(asked), language(asked));
        match asked.path {
            "/catalogue" => Some(match form {
                Form::Data => json(LD_JSON, &catalogue::json_ld(snapshot, &self.settings)),
                Form::Html => page(catalogue::html(snapshot, &self.settings, language)),
            }),
            "/grants" => Some(self.with_register(snapshot, |register| match form {
                Form::Data => json(JSON, &summary::document(register)),
                Form::Html => page(summary::html(register, snapshot, language)),
            })),
            "/admin/v1/grants" => Some(self.with_register(snapshot, |register| json(JSON, register))),
            _ => None,
        }
    }

    fn with_register(&self, snapshot: &Arc<Snapshot>, show: impl FnOnce(&Register) -> Answer) -> Answer {
        match self.register(snapshot) {
            Some(register) => show(&register),
            None => problem(503, "the register is being derived: ask again in a second"),
        }
    }

    /// The register of this snapshot if it is there; else its derivation begins, unless it runs.
    fn register(&self, snapshot: &Arc<Snapshot>) -> Option<Arc<Register>> {
        let key = Key(snapshot.digest.clone(), snapshot.day);
        let mut derived = lock(&self.derived);
        if derived.key.as_ref() == Some(&key) {
            return derived.register.clone();
        }
        if derived.working.is_none() {
            derived.working = Some(key.clone());
            let (shelf, snapshot) = (self.derived.clone(), snapshot.clone());
            let work = move || {
                // A defect here costs this register, not the plane; the next asker tries again.
                let made =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| grants::derive(&snapshot)));
                let mut derived = lock(&shelf);
                derived.working = None;
                match made {
                    Ok(register) => (derived.register, derived.key) = (Some(Arc::new(register)), Some(key)),
                    Err(_) => tracing::error!("the register of grants could not be derived"),
                }
            };
            if std::thread::Builder::new().name("grants".into()).spawn(work).is_err() {
                derived.working = None;
            }
        }
        None
    }
}

fn lock(derived: &Mutex<Derived>) -> std::sync::MutexGuard<'_, Derived> {
    derived.lock().unwrap_or_else(PoisonError::into_inner)
}

fn form(asked: &Asked<'_>) -> Form {
    match parameter(asked.query, "form") {
        Some("html") => Form::Html,
        Some(_) => Form::Data,
        None => Form::of(asked.accept),
    }
}

fn language(asked: &Asked<'_>) -> Language {
    Language::of(parameter(asked.query, "lang").or(Some(asked.accept_language)))
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn page(body: String) -> Answer {
    Answer { status: 200, content_type: HTML, body: body.into() }
}

fn json(content_type: &'static str, view: &impl serde::Serialize) -> Answer {
    match serde_json::to_string(view) {
        Ok(body) => Answer { status: 200, content_type, body: body.into() },
        Err(_) => problem(500, "the view could not be written"),
    }
}
