//! A caller with patience: everything it sees is what the gateway answers it.

use crate::support::client::{Connection, Reply};
use crate::support::{CIVIL, Stage, get};
use serde_json::Value;
use std::sync::Arc;

/// What it believes of one person at the end.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub income: Option<i64>,
    pub id: Option<String>,
}

pub struct Attack<'s> {
    connection: Connection,
    stage: &'s Stage,
    token: String,
    budget: usize,
    transcript: Vec<String>,
}

const PEOPLE: &str = "/register/v1/people";

impl<'s> Attack<'s> {
    pub fn new(stage: &'s Stage, budget: usize) -> Self {
        let token = stage.token(CIVIL.1);
        Attack { connection: stage.connect(CIVIL.0), stage, token, budget, transcript: Vec::new() }
    }

    /// Tries everything against everybody; gives what it found and all that it saw.
    pub fn run(mut self, names: &[String]) -> (Vec<Found>, Arc<[String]>) {
        self.looks_around();
        let mut found = vec![Found::default(); names.len()];
        for (name, found) in names.iter().zip(&mut found) {
            let name = encoded(name);
            // What may be asked: the row as masks show it.
            self.ask(&format!("name={name}"));
            found.income = self.by_average(&name).or_else(|| self.by_bisection(&name));
            if let Some(income) = found.income
                && !self.holds(&format!("name={name}&incomeMin={income}&incomeMax={income}"))
            {
                found.income = None;
            }
            found.id = self.by_prefixes(&name);
        }
        self.by_order(names);
        // What is left of the budget goes into guesses.
        let mut guess = 0i64;
        while self.transcript.len() < self.budget.min(2500) {
            guess += 1;
            self.ask(&format!("incomeMin={}&incomeMax={}&size=50", guess * 37, guess * 37 + 36));
        }
        (found, self.transcript.into())
    }

    /// Asks, and writes down all that the answer says but what is different each time anyway.
    fn ask(&mut self, query: &str) -> Option<Reply> {
        if self.transcript.len() >= self.budget {
            return None;
        }
        let path = format!("{PEOPLE}?{query}");
        let bytes = get(&path, &self.token);
        let reply = match self.connection.ask(&bytes) {
            Ok(reply) => reply,
            // A connection has its last request; the next one goes on.
            Err(_) => {
                self.connection = self.stage.connect(CIVIL.0);
                self.connection.ask(&bytes).unwrap()
            }
        };
        let id = reply.request_id();
        let own = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !matches!(&*name, "date" | "zhamen-request-id" | "ratelimit" | "connection")
        };
        let head: Vec<&str> = reply.head.lines().filter(own).collect();
        let seen = format!("{path} {} {} {}", reply.status, head.join("; "), reply.text().replace(&id, "-"));
        self.transcript.push(seen);
        Some(reply)
    }

    fn document(&mut self, query: &str) -> Value {
        let reply = self.ask(query);
        reply.filter(|reply| reply.status == 200).map_or(Value::Null, |reply| reply.json())
    }

    /// Whether anybody fits; a refusal says no.
    fn holds(&mut self, query: &str) -> bool {
        let document = self.document(query);
        document["data"].as_array().is_some_and(|rows| !rows.is_empty())
    }

    /// What a curious caller asks first: everything in every order, every grouping, every selection.
    fn looks_around(&mut self) {
        for query in [
            "size=50",
            "sort=income",
            "sort=-income",
            "sort=personId",
            "sort=name",
            "group=income",
            "group=region",
            "average=income",
            "select=income",
            "select=name,income",
            "select=personId",
            "region=330106",
            "group=income&region=330106",
            "incomeMin=0",
            "idPrefix=3",
            "income=5000",
            "sort=secret",
            "select=name,secret",
            "fields=income",
            "order=income",
            "sort=income,name",
            "group=income&size=1",
            "average=income&name=%E8%B5%B5",
        ] {
            self.ask(query);
        }
    }

    /// The average of one person is the person's.
    fn by_average(&mut self, name: &str) -> Option<i64> {
        self.document(&format!("average=income&name={name}"))["average"].as_i64()
    }

    fn by_bisection(&mut self, name: &str) -> Option<i64> {
        let (mut low, mut high) = (0i64, 131_072i64);
        while low < high {
            let middle = low + (high - low + 1) / 2;
            if self.holds(&format!("name={name}&incomeMin={middle}")) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        (low > 0).then_some(low)
    }

    /// Digit by digit.
    fn by_prefixes(&mut self, name: &str) -> Option<String> {
        let mut prefix = String::new();
        while prefix.len() < 18 {
            let fits = |digit: &char| format!("name={name}&idPrefix={prefix}{digit}");
            let queries: Vec<(char, String)> =
                "0123456789X".chars().map(|digit| (digit, fits(&digit))).collect();
            match queries.iter().find(|(_, query)| self.holds(query)) {
                Some((digit, _)) => prefix.push(*digit),
                // Refused or wrong: guesses go on with what masks show.
                None if prefix.len() < 16 => prefix.push(if prefix.is_empty() { '3' } else { '0' }),
                None => return None,
            }
        }
        Some(prefix).filter(|id| self.holds(&format!("name={name}&idPrefix={id}")))
    }

    /// Places in a sorted list, page by page, with halves of the range.
    fn by_order(&mut self, names: &[String]) {
        for page in 1..=names.len() {
            self.ask(&format!("size=1&page={page}"));
            for query in ["sort=income", "sort=-income", "sort=personId"] {
                self.ask(&format!("{query}&size=1&page={page}"));
                self.ask(&format!("{query}&size=1&page={page}&select=name"));
            }
            for half in [15_000, 45_000, 90_000] {
                self.ask(&format!("group=region&incomeMin={half}"));
                self.ask(&format!("group=income&region=330106&page={page}"));
            }
        }
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
