//! 民政: the register of households on minimum living allowance, which filters, sorts and counts by
//! whatever it is asked to, as data APIs do.

use super::super::citizens::City;
use super::routes::{Answer, failure};
use super::tables;
use super::views::RegisterEntry;
use serde::Serialize;
use std::cmp::Reverse;

/// What the register is asked.
struct Query<'q> {
    page: usize,
    size: usize,
    region: Option<&'q str>,
    name: Option<String>,
    id_prefix: Option<&'q str>,
    amount_min: u32,
    sort: &'q str,
}

/// A page of the register.
pub(super) fn answer(city: &City, query: Option<&str>) -> Answer {
    match read(query.unwrap_or_default()) {
        Some(query) => {
            let (total, data) = found(city, &query);
            page(total, data)
        }
        None => failure(400, "parameters"),
    }
}

/// The same, a record in each line, without the total.
pub(super) fn lines(city: &City, query: Option<&str>) -> Answer {
    match read(query.unwrap_or_default()) {
        Some(query) => tables::ndjson(&found(city, &query).1),
        None => failure(400, "parameters"),
    }
}

/// How many entries there are, and those of the page.
fn found<'c>(city: &'c City, query: &Query<'_>) -> (usize, Vec<RegisterEntry<'c>>) {
    let wanted = |entry: &RegisterEntry<'_>| {
        query.region.is_none_or(|region| entry.region == region)
            && query.name.as_ref().is_none_or(|name| entry.name.contains(name.as_str()))
            && query.id_prefix.is_none_or(|prefix| entry.person_id.starts_with(prefix))
            && entry.monthly_amount >= query.amount_min
    };
    let entries = city.people.iter().filter_map(|person| RegisterEntry::of(city, person));
    let mut entries: Vec<RegisterEntry<'_>> = entries.filter(wanted).collect();
    match query.sort {
        "name" => entries.sort_by_key(|entry| entry.name),
        "personId" => entries.sort_by_key(|entry| entry.person_id),
        "amount" => entries.sort_by_key(|entry| entry.monthly_amount),
        "-amount" => entries.sort_by_key(|entry| Reverse(entry.monthly_amount)),
        _ => {}
    }
    let total = entries.len();
    let data = entries.into_iter().skip((query.page - 1).saturating_mul(query.size)).take(query.size);
    (total, data.collect())
}

fn read(text: &str) -> Option<Query<'_>> {
    let mut query =
        Query { page: 1, size: 20, region: None, name: None, id_prefix: None, amount_min: 0, sort: "" };
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        match name {
            "page" => query.page = value.parse().ok().filter(|page| *page >= 1)?,
            "size" => query.size = value.parse().ok().filter(|size| (1..=50).contains(size))?,
            "region" => query.region = Some(value),
            "name" => query.name = Some(decoded(value)?),
            "idPrefix" => query.id_prefix = Some(value),
            "amountMin" => query.amount_min = value.parse().ok()?,
            "sort" => query.sort = value,
            _ => return None,
        }
    }
    Some(query)
}

/// A value without its percent-encoding.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

fn page(total: usize, data: Vec<RegisterEntry<'_>>) -> Answer {
    #[derive(Serialize)]
    struct Page<'a> {
        total: usize,
        data: Vec<RegisterEntry<'a>>,
    }
    match serde_json::to_vec(&Page { total, data }) {
        Ok(body) => Answer::json(200, body),
        Err(_) => failure(500, "not serialisable"),
    }
}
