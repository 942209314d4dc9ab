//! Plays the scenarios through real TLS against a running gateway, and judges every answer.
//!
//! `scenarios` says as data what is asked and what must come back; `client` asks; `judge` compares;
//! the rest shows it. It knows the gateway only by its address: nothing is passed behind its back.

pub mod client;
pub mod curl;
pub mod disclosure;
pub mod judge;
pub mod scenarios;
pub mod screen;
pub mod table;

use client::{CallError, Callers, Exchange};
use judge::{Reading, Wrong, judge};
use scenarios::{SCENARIOS, Scenario, Step};
use screen::{Screen, Tone};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use table::{Table, cut};

/// Columns given to a received value.
const VALUE_COLUMNS: usize = 44;

/// Why the play could not go on. A wrong answer is no error: it is counted in [`Score`].
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("cannot start a runtime, or cannot print: {0}")]
    Output(#[from] io::Error),
}

/// How the play went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    pub steps: usize,
    /// Steps with at least one wrong outcome.
    pub wrong: usize,
}

/// Plays all scenarios with the credentials in `dir` and shows what each party saw.
///
/// # Errors
/// When the gateway cannot be reached, or credentials cannot be read.
pub fn play(dir: &Path, address: SocketAddr, screen: &mut Screen<'_>) -> Result<Score, PlayError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(play_all(dir, address, screen))
}

async fn play_all(dir: &Path, address: SocketAddr, screen: &mut Screen<'_>) -> Result<Score, PlayError> {
    let mut callers = Callers::new(dir, address)?;
    let all = SCENARIOS.iter().map(|scenario| scenario.steps.len()).sum();
    let mut score = Score { steps: 0, wrong: 0 };
    for scenario in SCENARIOS {
        let mut table = Table::default();
        for (number, step) in (1..).zip(scenario.steps) {
            screen.progress(score.steps, all, &format!("{} {}", scenario.id, step.what))?;
            let exchange = callers.ask(step).await?;
            let reading = Reading::of(&exchange);
            let wrong = judge(step, &exchange, &reading);
            score.steps += 1;
            score.wrong += usize::from(!wrong.is_empty());
            show(&mut table, number, step, &exchange, &reading, &wrong, screen);
        }
        screen.print(&titled(scenario, &table, screen))?;
    }
    screen.print(&summary(score, screen))?;
    Ok(score)
}

fn titled(scenario: &Scenario, table: &Table, screen: &Screen<'_>) -> String {
    let title = screen.tone(Tone::Strong, &format!("{}  {}", scenario.id, scenario.title));
    format!("{title}\n{}", table.render(6))
}

fn summary(score: Score, screen: &Screen<'_>) -> String {
    match score.wrong {
        0 => screen.tone(Tone::Good, &format!("{} answers, all as expected", score.steps)),
        wrong => screen.tone(Tone::Bad, &format!("{wrong} of {} answers are wrong", score.steps)),
    }
}

/// Adds one step to the scenario's table: who, what for, how it ended, field by field.
fn show(
    table: &mut Table,
    number: usize,
    step: &Step,
    exchange: &Exchange,
    reading: &Reading,
    wrong: &[Wrong],
    screen: &Screen<'_>,
) {
    let mark = if wrong.is_empty() { screen.tone(Tone::Good, "✓") } else { screen.tone(Tone::Bad, "✗") };
    table.line(format!("  {mark} {number}. {}", step.what));
    table.line(format!("      {}", screen.tone(Tone::Faint, &asked(step))));
    table.line(format!("      {}", ended(exchange, reading)));
    for field in step.fields {
        let item = reading.item(field.label);
        let why = item.and_then(|item| item.reason);
        table.cells([
            field.name.to_owned(),
            field.label.to_owned(),
            cut(&received(&reading.records, field.name), VALUE_COLUMNS),
            item.map_or("?", |item| item.mode.code()).to_owned(),
            why.map(|reason| format!("{} {}", reason.code(), reason.wording().zh)).unwrap_or_default(),
        ]);
    }
    for Wrong { what, expected, got } in wrong {
        let text = format!("{what}: expected {expected}, got {got}");
        table.line(format!("      {}", screen.tone(Tone::Bad, &text)));
    }
    table.line("");
}

/// Who asked, and what for.
fn asked(step: &Step) -> String {
    let request = format!("{} {}", step.method, step.path);
    let Some(pass) = step.pass() else {
        return format!("{} (no officer): {request}", step.application);
    };
    let purpose = pass.purpose.unwrap_or("no purpose");
    let matter = pass.matter.map_or("no matter", |matter| matter.id);
    let glass = if pass.break_glass.is_some() { ", break-glass" } else { "" };
    format!(
        "{} of {} by {}, {purpose}, {matter}{glass}: {request}",
        pass.officer,
        pass.department.name(),
        step.application
    )
}

fn ended(exchange: &Exchange, reading: &Reading) -> String {
    match &reading.code {
        Some(code) => {
            let title = crate::engine::reason::Reason::parse(code).map(|reason| reason.wording().zh);
            format!("{} {code} {}", exchange.status, title.unwrap_or_default())
        }
        None => format!("{} with {} record(s)", exchange.status, reading.records.len()),
    }
}

/// The member as received, of every record, shortest form.
fn received(records: &[Value], name: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    for record in records {
        let text = match record.get(name) {
            None => "—".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen.join(" / ")
}

#[cfg(test)]
mod tests;
