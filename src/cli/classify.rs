//! `zhamen classify`: a catalogue entry proposed from sample answers or an OpenAPI document.
//!
//! Standard output carries the proposal; of the sample it shows names of fields and counts, never a
//! value. Nothing is written anywhere else.

use super::{Exit, failed};
use crate::catalogue::classify::{Proposal, Route, Sample, operations, plain_name, propose, template};
use crate::catalogue::{self, Catalogue, Folder};
use crate::fault::{Fault, Faults};
use crate::identity::fetch::{self, Endpoint};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest sample, from a file or a URL.
const SAMPLE_BYTES_MAX: usize = 32 << 20;

/// Arguments of `classify`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Answers (.json, .ndjson, .csv, .tsv), an OpenAPI 3 document (.yaml, .json), an http(s) URL, or `-`
    #[arg(required = true, value_name = "URL|FILE")]
    samples: Vec<String>,
    /// The policies folder whose labels are used
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// Name of the dataset and of its upstream; otherwise from the sample's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The department's unified social credit code
    #[arg(long, value_name = "CODE")]
    department: Option<String>,
    /// Where the data will come from; otherwise the URL's own host
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Authorities that an https URL is trusted by, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

pub(super) fn classify(arguments: &Arguments) -> Exit {
    match proposed(arguments) {
        Ok(file) => {
            print!("{file}");
            Exit::Done
        }
        Err(faults) => failed(Exit::Found, &faults),
    }
}

fn proposed(arguments: &Arguments) -> Result<String, Faults> {
    let catalogue = catalogue::load(&Folder::read(&arguments.policies)?)?;
    let mut gathered = Gathered::default();
    for sample in &arguments.samples {
        gathered.take(sample, arguments, &catalogue)?;
    }
    let first = arguments.samples.first().map_or("sample", String::as_str);
    let name = plain_name(arguments.name.as_deref().unwrap_or(&stem(first)));
    let upstream =
        arguments.upstream.clone().or(gathered.upstream).unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let mut datasets = gathered.operations;
    if gathered.sample.documents > 0 {
        datasets.push((name.clone(), gathered.sample, gathered.routes));
    }
    let origin = match arguments.samples.len() {
        1 => "1 sample".to_owned(),
        count => format!("{count} samples"),
    };
    let department = arguments.department.clone();
    let ca_file = arguments.ca_file.as_ref().map(|file| file.display().to_string());
    Ok(propose(&Proposal { name, department, upstream, ca_file, datasets, origin }, &catalogue))
}

/// What the samples gave so far.
#[derive(Default)]
struct Gathered {
    sample: Sample,
    routes: Vec<Route>,
    operations: Vec<(String, Sample, Vec<Route>)>,
    upstream: Option<String>,
}

impl Gathered {
    fn take(&mut self, sample: &str, arguments: &Arguments, catalogue: &Catalogue) -> Result<(), Faults> {
        if !is_url(sample) {
            return self.file(sample, &read(sample)?, catalogue);
        }
        let bytes = fetched(sample, arguments.ca_file.as_deref())?;
        let (origin, path) = parts(sample);
        self.upstream.get_or_insert(origin);
        let route = template("GET", &path);
        if !self.routes.contains(&route) {
            self.routes.push(route);
        }
        // An address is not shown: it may carry the identifier that was asked for.
        self.sample.json(&bytes).map_err(|wrong| Fault::new("the answer", wrong).into())
    }

    fn file(&mut self, name: &str, bytes: &[u8], catalogue: &Catalogue) -> Result<(), Faults> {
        let fault = |wrong: String| Faults::from(Fault::new(name, wrong));
        let text = || {
            std::str::from_utf8(bytes)
                .map_err(|wrong| fault(format!("not UTF-8 at byte {}", wrong.valid_up_to())))
        };
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending.to_ascii_lowercase().as_str() {
            "csv" => self.sample.table(text()?, ',').map_err(fault),
            "tsv" | "tab" => self.sample.table(text()?, '\t').map_err(fault),
            "yaml" | "yml" => self.document(name, text()?, catalogue),
            _ if is_openapi(text()?) => self.document(name, text()?, catalogue),
            _ => self.sample.json(bytes).map_err(fault),
        }
    }

    fn document(&mut self, name: &str, text: &str, catalogue: &Catalogue) -> Result<(), Faults> {
        for operation in operations(name, text, catalogue)? {
            self.operations.push((operation.name, operation.sample, vec![operation.route]));
        }
        Ok(())
    }
}

/// Whether a JSON document says that it is OpenAPI; only its own members count.
fn is_openapi(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Head {
        openapi: Option<String>,
    }
    serde_json::from_str::<Head>(text).is_ok_and(|head| head.openapi.is_some())
}

fn is_url(sample: &str) -> bool {
    sample.starts_with("http://") || sample.starts_with("https://")
}

fn fetched(url: &str, ca_file: Option<&Path>) -> Result<Vec<u8>, Faults> {
    let fault = |wrong: String| Faults::from(Fault::new("the URL", wrong));
    let endpoint = Endpoint::new(url, ca_file).map_err(fault)?;
    fetch::once(&endpoint, "application/json", SAMPLE_BYTES_MAX).map(|bytes| bytes.to_vec()).map_err(fault)
}

fn read(sample: &str) -> Result<Vec<u8>, Faults> {
    let mut bytes = Vec::new();
    let limit = SAMPLE_BYTES_MAX as u64 + 1;
    let read = match sample {
        "-" => std::io::stdin().take(limit).read_to_end(&mut bytes),
        file => std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Fault::new(sample, error.to_string()))?;
    if bytes.len() > SAMPLE_BYTES_MAX {
        return Err(Fault::new(sample, format!("larger than {} MiB", SAMPLE_BYTES_MAX >> 20)).into());
    }
    Ok(bytes)
}

/// Origin and path of a URL that was fetched.
fn parts(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (format!("{scheme}://{host}"), format!("/{path}"))
}

/// A name out of a file's or a URL's; identifiers in it are left out.
fn stem(sample: &str) -> String {
    let path = if is_url(sample) { parts(sample).1 } else { sample.to_owned() };
    let route = template("GET", &path);
    let named = route.path.rsplit('/').find(|part| !part.is_empty() && !part.starts_with('{'));
    let named = named.unwrap_or("sample").to_owned();
    named.split_once('.').map_or(named.clone(), |(stem, _)| stem.to_owned())
}
