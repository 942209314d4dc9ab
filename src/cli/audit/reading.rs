//! `zhamen audit show`, `tail`, `usage` and `export`: reading the log, each reading recorded first.

use super::filter::{Filter, FilterArguments};
use super::place::{Opened, Place};
use super::{csv, text};
use crate::cli::{Exit, failed};
use crate::state::follow::{FollowError, Follower, segments};
use crate::state::readings::Note;
use crate::state::usage::{Asked, LogReader, Offline, Place as PageStart, Term, TermKind, UsageError};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks for new entries.
const PAUSE: Duration = Duration::from_millis(200);
/// Uses fetched at once.
const PAGE: usize = 100;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filter: FilterArguments,
    /// Whole entries as JSON lines instead of one line of text each
    #[arg(long)]
    json: bool,
}

/// Arguments of `tail`.
#[derive(Debug, clap::Args)]
pub struct Tail {
    #[command(flatten)]
    show: Show,
    /// Entries shown before the new ones
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: usize,
    /// End after those instead of waiting for new ones
    #[arg(long)]
    no_follow: bool,
}

/// Arguments of `usage`.
#[derive(Debug, clap::Args)]
pub struct Usage {
    #[command(flatten)]
    show: Show,
    /// Uses shown at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filter: FilterArguments,
    /// jsonl: the log's own lines; ocsf: OCSF 1.3.0 events, class 6003 API Activity; csv: RFC 4180
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: Format,
    /// File to write; it must not exist yet. Absent: standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Form of an export.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Jsonl,
    Ocsf,
    Csv,
}

/// Why a command ended early.
enum Stopped {
    Log(FollowError),
    Usage(UsageError),
    /// Nobody reads the output any more, or it cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Stopped::Output(error)
    }
}

/// What a command ended with.
fn ended(result: Result<(), Stopped>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(Stopped::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(Stopped::Output(error)) => failed(Exit::Unreadable, &error),
        Err(Stopped::Log(error @ FollowError::Damaged { .. })) => {
            failed(Exit::Found, &format!("{error}\n`zhamen audit verify` says more"))
        }
        Err(Stopped::Log(error)) => failed(Exit::Unreadable, &error),
        Err(Stopped::Usage(error)) => failed(Exit::Unreadable, &error),
    }
}

/// Finds the log, reads the conditions, and records the reading.
fn open(what: &str, place: &Place, arguments: &FilterArguments) -> Result<(Opened, Filter), Exit> {
    let log = place.open()?;
    let filter = arguments.read(&log)?;
    log.record(&Note {
        what: what.into(),
        subject_token: filter.tokens().first().cloned(),
        officer: filter.officer().map(str::to_owned),
        filter: filter.words(),
    })?;
    Ok((log, filter))
}

pub(super) fn show(arguments: &Show) -> Exit {
    let (log, filter) = match open("show", &arguments.place, &arguments.filter) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    ended(
        each(&log, &filter, |line, entry| shown(&mut out, arguments.json, line, entry))
            .and_then(|()| Ok(out.flush()?)),
    )
}

fn shown(out: &mut impl Write, json: bool, line: &[u8], entry: &Value) -> io::Result<()> {
    match json {
        true => out.write_all(line).and_then(|()| out.write_all(b"\n")),
        false => writeln!(out, "{}", text::line(entry)),
    }
}

/// Every entry that is meant, in order, one in memory at a time: by the index of uses where that knows all
/// of them, else by reading the whole log.
fn each(
    log: &Opened,
    filter: &Filter,
    mut take: impl FnMut(&[u8], &Value) -> io::Result<()>,
) -> Result<(), Stopped> {
    if let Some((mut offline, places)) = looked_up(log, filter)? {
        for seq in places {
            let Some(line) = offline.line(seq).map_err(Stopped::Usage)? else { continue };
            if let Some(entry) = filter.entry(seq, &line) {
                take(&line, &entry)?;
            }
        }
        return Ok(());
    }
    let (first, last) = filter.range();
    let mut follower = follower(log, first - 1);
    while let Some(line) = follower.next(u64::MAX).map_err(Stopped::Log)? {
        if line.seq > last {
            break;
        }
        if let Some(entry) = filter.entry(line.seq, line.bytes) {
            take(line.bytes, &entry)?;
        }
    }
    Ok(())
}

/// Where the entries that are meant stand, and maybe others; none where the index does not say.
fn looked_up(log: &Opened, filter: &Filter) -> Result<Option<(Offline, Vec<u64>)>, Stopped> {
    let (Some(index), Some(terms)) = (&log.index, filter.terms()) else { return Ok(None) };
    let offline = Offline::indexed(index, &log.folders, &terms).map_err(Stopped::Log)?;
    let Some(offline) = offline else { return Ok(None) };
    match offline.places(&terms) {
        Ok(mut places) => {
            let (first, last) = filter.range();
            places.retain(|seq| (first..=last).contains(seq));
            Ok(Some((offline, places)))
        }
        Err(error) => {
            eprintln!("{error}; the whole log is read instead");
            Ok(None)
        }
    }
}

fn follower(log: &Opened, after: u64) -> Follower {
    let (dir, archives) = log.folders.split_at(1);
    let follower = Follower::after(&dir[0], after);
    archives.iter().fold(follower, |follower, archive| follower.with_archive(archive))
}

pub(super) fn tail(arguments: &Tail) -> Exit {
    let (log, filter) = match open("tail", &arguments.show.place, &arguments.show.filter) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    ended(followed(arguments, &log, &filter))
}

fn followed(arguments: &Tail, log: &Opened, filter: &Filter) -> Result<(), Stopped> {
    let mut out = io::stdout().lock();
    let mut follower = follower(log, start(log, filter, arguments.lines)?);
    let mut last: VecDeque<(Vec<u8>, Value)> = VecDeque::new();
    while let Some(line) = follower.next(u64::MAX).map_err(Stopped::Log)? {
        let Some(entry) = filter.entry(line.seq, line.bytes) else { continue };
        last.push_back((line.bytes.to_vec(), entry));
        if last.len() > arguments.lines {
            last.pop_front();
        }
    }
    for (line, entry) in last {
        shown(&mut out, arguments.show.json, &line, &entry)?;
    }
    if arguments.no_follow {
        return Ok(());
    }
    loop {
        match follower.next(u64::MAX).map_err(Stopped::Log)? {
            Some(line) => {
                if let Some(entry) = filter.entry(line.seq, line.bytes) {
                    shown(&mut out, arguments.show.json, line.bytes, &entry)?;
                }
            }
            None => {
                out.flush()?;
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Where the last lines may begin: with conditions anywhere, else in one of the last segments.
fn start(log: &Opened, filter: &Filter, lines: usize) -> Result<u64, Stopped> {
    let found =
        segments(&log.folders).map_err(|(path, error)| Stopped::Log(FollowError::Io { path, error }))?;
    if filter.words().is_some() || !filter.tokens().is_empty() {
        return Ok(0);
    }
    let newest = found.last().map_or(1, |segment| segment.first);
    let wanted = found.iter().rev().find(|segment| newest - segment.first >= lines as u64);
    Ok(wanted.or(found.first()).map_or(0, |segment| segment.first.saturating_sub(1)))
}

pub(super) fn usage(arguments: &Usage) -> Exit {
    let opened = arguments.show.filter.names_one();
    let opened = opened.and_then(|()| open("usage", &arguments.show.place, &arguments.show.filter));
    match opened {
        Ok((log, filter)) => ended(used(arguments, &log, &filter)),
        Err(exit) => exit,
    }
}

fn used(arguments: &Usage, log: &Opened, filter: &Filter) -> Result<(), Stopped> {
    let tokens = filter.tokens().iter().map(|token| Term::new(TermKind::Subject, token));
    let officer = filter.officer().map(|officer| Term::new(TermKind::Officer, officer));
    let terms: Vec<Term> = tokens.chain(officer).collect();
    let mut offline = Offline::open(log.index.as_deref(), &log.folders, &terms).map_err(Stopped::Log)?;
    let mut meant = Meant::new(log, filter);
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut from, mut left) = (Some(PageStart::NEWEST), arguments.limit);
    while let Some(place) = from.filter(|_| left > 0) {
        let asked = Asked { terms: terms.clone(), from: place, limit: left.min(PAGE) };
        let page = offline.page(&asked, &|seen| meant.holds(seen.seq)).map_err(Stopped::Usage)?;
        meant.failed()?;
        for seen in &page.entries {
            match arguments.show.json {
                true => writeln!(out, "{}", text::used_json(seen))?,
                false => writeln!(out, "{}", text::used(seen))?,
            }
        }
        left -= page.entries.len();
        from = page.next;
    }
    Ok(out.flush()?)
}

/// Whether a use fulfils the conditions besides the one that it was found by.
struct Meant<'a> {
    filter: &'a Filter,
    log: RefCell<LogReader>,
    failed: RefCell<Option<UsageError>>,
}

impl<'a> Meant<'a> {
    fn new(log: &Opened, filter: &'a Filter) -> Self {
        let log = RefCell::new(LogReader::new(log.folders.clone()));
        Meant { filter, log, failed: RefCell::default() }
    }

    fn holds(&self, seq: u64) -> bool {
        if !self.filter.narrows() {
            return true;
        }
        match self.log.borrow_mut().kept_line(seq) {
            Ok(line) => line.is_some_and(|line| self.filter.entry(seq, &line).is_some()),
            Err(error) => {
                self.failed.replace(Some(error.into()));
                false
            }
        }
    }

    /// What kept an entry from being read.
    fn failed(&mut self) -> Result<(), Stopped> {
        self.failed.get_mut().take().map_or(Ok(()), |error| Err(Stopped::Usage(error)))
    }
}

pub(super) fn export(arguments: &Export) -> Exit {
    let (log, filter) = match open("export", &arguments.place, &arguments.filter) {
        Ok(opened) => opened,
        Err(exit) => return exit,
    };
    let out: Box<dyn Write> = match &arguments.output {
        None => Box::new(io::stdout().lock()),
        Some(path) => match File::create_new(path) {
            Ok(file) => Box::new(file),
            Err(error) => return failed(Exit::Unreadable, &format!("{}: {error}", path.display())),
        },
    };
    ended(exported(arguments.format, &log, &filter, BufWriter::new(out)))
}

fn exported(format: Format, log: &Opened, filter: &Filter, mut out: impl Write) -> Result<(), Stopped> {
    if matches!(format, Format::Csv) {
        out.write_all(csv::head().as_bytes())?;
    }
    each(log, filter, |line, entry| match format {
        Format::Jsonl => shown(&mut out, true, line, entry),
        Format::Ocsf => writeln!(out, "{}", crate::engine::evidence::ocsf::event(entry)),
        Format::Csv => out.write_all(csv::row(entry).as_bytes()),
    })?;
    Ok(out.flush()?)
}
