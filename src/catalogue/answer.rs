//! What a route's upstream answers with: the format, and what may leave beside the body.

use super::routes::Reading;
use crate::closed_enum;
use crate::engine::dataset::Dataset;
use crate::engine::mask::{Columns, Container, Dialect, Format, Quoting};
use std::sync::Arc;

closed_enum! {
    /// What the upstream answers. Anything else (XML, HTML, Arrow's file format, …) has no masker: it is
    /// refused, and passes only as `opaque` on unclassified datasets.
    pub enum AnswerFormat {
        /// A JSON document, masked field by field.
        Json = "json",
        /// One JSON document in each line; also ClickHouse's `JSONEachRow`.
        Ndjson = "ndjson",
        /// A JSON text sequence (RFC 7464).
        JsonSeq = "json-seq",
        /// CSV; `table` says how it differs from RFC 4180 with a header row.
        Csv = "csv",
        /// Tab-separated values without any quoting, with a header row.
        Tsv = "tsv",
        /// ClickHouse `JSON`.
        ClickHouseJson = "clickhouse-json",
        /// ClickHouse `JSONEachRow`.
        ClickHouseJsonEachRow = "clickhouse-json-each-row",
        /// ClickHouse `JSONCompact`.
        ClickHouseJsonCompact = "clickhouse-json-compact",
        /// ClickHouse `JSONCompactEachRow`; the columns stand in `table`.
        ClickHouseJsonCompactEachRow = "clickhouse-json-compact-each-row",
        /// ClickHouse `JSONCompactEachRowWithNames`.
        ClickHouseJsonCompactEachRowWithNames = "clickhouse-json-compact-each-row-with-names",
        /// ClickHouse `JSONCompactEachRowWithNamesAndTypes`.
        ClickHouseJsonCompactEachRowWithNamesAndTypes = "clickhouse-json-compact-each-row-with-names-and-types",
        /// ClickHouse `TabSeparatedWithNames`.
        ClickHouseTsvWithNames = "clickhouse-tsv-with-names",
        /// ClickHouse `TabSeparatedWithNamesAndTypes`.
        ClickHouseTsvWithNamesAndTypes = "clickhouse-tsv-with-names-and-types",
        /// ClickHouse `CSVWithNames`.
        ClickHouseCsvWithNames = "clickhouse-csv-with-names",
        /// An Arrow IPC stream, masked column by column, by builds with the feature `columnar`; also
        /// ClickHouse's `ArrowStream`.
        ArrowStream = "arrow-stream",
        /// A Parquet file, masked column by column, by builds with the feature `columnar`; also
        /// ClickHouse's `Parquet`. Held whole, so 32 MiB at most.
        Parquet = "parquet",
        /// Anything, passed on unread: for unclassified datasets only.
        Opaque = "opaque",
    }
}

closed_enum! {
    /// Media types of masked answers.
    pub enum Media {
        Json = "application/json",
        Ndjson = "application/x-ndjson",
        JsonSeq = "application/json-seq",
        Csv = "text/csv",
        Tsv = "text/tab-separated-values",
        ArrowStream = "application/vnd.apache.arrow.stream",
        Parquet = "application/vnd.apache.parquet",
    }
}

impl AnswerFormat {
    /// The type that leaves; none for `opaque`, which keeps its own.
    pub const fn media(self) -> Option<Media> {
        match self {
            AnswerFormat::Json | AnswerFormat::ClickHouseJson | AnswerFormat::ClickHouseJsonCompact => {
                Some(Media::Json)
            }
            AnswerFormat::Ndjson
            | AnswerFormat::ClickHouseJsonEachRow
            | AnswerFormat::ClickHouseJsonCompactEachRow
            | AnswerFormat::ClickHouseJsonCompactEachRowWithNames
            | AnswerFormat::ClickHouseJsonCompactEachRowWithNamesAndTypes => Some(Media::Ndjson),
            AnswerFormat::JsonSeq => Some(Media::JsonSeq),
            AnswerFormat::Csv | AnswerFormat::ClickHouseCsvWithNames => Some(Media::Csv),
            AnswerFormat::Tsv
            | AnswerFormat::ClickHouseTsvWithNames
            | AnswerFormat::ClickHouseTsvWithNamesAndTypes => Some(Media::Tsv),
            AnswerFormat::ArrowStream => Some(Media::ArrowStream),
            AnswerFormat::Parquet => Some(Media::Parquet),
            AnswerFormat::Opaque => None,
        }
    }

    /// Whether an upstream's type (lower case, without parameters) is one that this format comes under.
    pub fn comes_as(self, media: &str) -> bool {
        match self {
            AnswerFormat::Opaque => true,
            AnswerFormat::Ndjson => {
                ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"]
                    .contains(&media)
            }
            // Databases and object stores have no name for it; its first bytes have.
            AnswerFormat::ArrowStream | AnswerFormat::Parquet => {
                self.media().is_some_and(|own| own.code() == media) || media == "application/octet-stream"
            }
            // Its versions differ in what they call lines of JSON.
            AnswerFormat::ClickHouseJsonEachRow
            | AnswerFormat::ClickHouseJsonCompactEachRow
            | AnswerFormat::ClickHouseJsonCompactEachRowWithNames
            | AnswerFormat::ClickHouseJsonCompactEachRowWithNamesAndTypes => {
                ["application/x-ndjson", "application/json", "text/plain"].contains(&media)
            }
            AnswerFormat::Json
            | AnswerFormat::JsonSeq
            | AnswerFormat::Csv
            | AnswerFormat::Tsv
            | AnswerFormat::ClickHouseJson
            | AnswerFormat::ClickHouseJsonCompact
            | AnswerFormat::ClickHouseTsvWithNames
            | AnswerFormat::ClickHouseTsvWithNamesAndTypes
            | AnswerFormat::ClickHouseCsvWithNames => self.media().is_some_and(|own| own.code() == media),
        }
    }

    /// It comes from ClickHouse, which reports failures in the middle of an answer.
    pub const fn is_clickhouse(self) -> bool {
        match self {
            AnswerFormat::ClickHouseJson
            | AnswerFormat::ClickHouseJsonEachRow
            | AnswerFormat::ClickHouseJsonCompact
            | AnswerFormat::ClickHouseJsonCompactEachRow
            | AnswerFormat::ClickHouseJsonCompactEachRowWithNames
            | AnswerFormat::ClickHouseJsonCompactEachRowWithNamesAndTypes
            | AnswerFormat::ClickHouseTsvWithNames
            | AnswerFormat::ClickHouseTsvWithNamesAndTypes
            | AnswerFormat::ClickHouseCsvWithNames => true,
            AnswerFormat::Json
            | AnswerFormat::Ndjson
            | AnswerFormat::JsonSeq
            | AnswerFormat::Csv
            | AnswerFormat::Tsv
            // What breaks off there is no whole stream and no file.
            | AnswerFormat::ArrowStream
            | AnswerFormat::Parquet
            | AnswerFormat::Opaque => false,
        }
    }

    /// The formats under which an answer can be declared that ClickHouse calls by this name, in upper case.
    pub(super) fn of_clickhouse(name: &str) -> impl Iterator<Item = AnswerFormat> {
        AnswerFormat::ALL.iter().copied().filter(move |format| format.clickhouse_name() == Some(name))
    }

    /// Its name in ClickHouse's queries, in upper case.
    const fn clickhouse_name(self) -> Option<&'static str> {
        match self {
            AnswerFormat::Json | AnswerFormat::ClickHouseJson => Some("JSON"),
            AnswerFormat::ClickHouseJsonEachRow => Some("JSONEACHROW"),
            AnswerFormat::ClickHouseJsonCompact => Some("JSONCOMPACT"),
            AnswerFormat::ClickHouseJsonCompactEachRow => Some("JSONCOMPACTEACHROW"),
            AnswerFormat::ClickHouseJsonCompactEachRowWithNames => Some("JSONCOMPACTEACHROWWITHNAMES"),
            AnswerFormat::ClickHouseJsonCompactEachRowWithNamesAndTypes => {
                Some("JSONCOMPACTEACHROWWITHNAMESANDTYPES")
            }
            AnswerFormat::ClickHouseTsvWithNames => Some("TABSEPARATEDWITHNAMES"),
            AnswerFormat::ClickHouseTsvWithNamesAndTypes => Some("TABSEPARATEDWITHNAMESANDTYPES"),
            AnswerFormat::ClickHouseCsvWithNames => Some("CSVWITHNAMES"),
            AnswerFormat::ArrowStream => Some("ARROWSTREAM"),
            AnswerFormat::Parquet => Some("PARQUET"),
            AnswerFormat::Ndjson
            | AnswerFormat::JsonSeq
            | AnswerFormat::Csv
            | AnswerFormat::Tsv
            | AnswerFormat::Opaque => None,
        }
    }

    /// Rows only, without a document around them.
    const fn is_rows(self) -> bool {
        !matches!(self.media(), None | Some(Media::Json))
    }
}

/// How an answer is read, and what leaves beside its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerShape {
    /// None for `opaque`.
    pub format: Option<Format>,
    /// Upstream headers that leave, lower case, each masked by the label at this index.
    pub headers: Vec<(Arc<str>, usize)>,
    /// `Location`, `Content-Location` and `Link` leave, as the gateway's own paths.
    pub links: bool,
    /// The answer may leave compressed, although it is classified.
    pub compress: bool,
}

impl Default for AnswerShape {
    fn default() -> Self {
        AnswerShape { format: Some(Format::Json), headers: Vec::new(), links: false, compress: false }
    }
}

impl Reading<'_, '_, '_> {
    pub(super) fn answer(&mut self, dataset: &Dataset) -> (AnswerFormat, AnswerShape) {
        let answer = self.written.answer.as_ref().map_or(AnswerFormat::Json, |at| at.value);
        let mark = self.written.answer.as_ref().map_or(self.written.path.mark, |at| at.mark);
        if answer == AnswerFormat::Opaque && dataset.is_classified() {
            let message = format!("the dataset `{}` is classified: its answers must be masked", dataset.id);
            self.fault(mark, message);
        }
        if answer.is_rows() && !dataset.fields.has_columns() {
            let message = format!("no field path of the dataset `{}` names a member of a record", dataset.id);
            self.fault(mark, message);
        }
        let document = matches!(answer, AnswerFormat::ClickHouseJson | AnswerFormat::ClickHouseJsonCompact);
        if document && !dataset.fields.has_data_member() {
            self.fault(mark, "ClickHouse's rows stand in `$.data[*]`: name it in the dataset's `records`");
        }
        self.query_answers_so(answer);
        let shape = AnswerShape {
            format: self.format(answer),
            headers: self.headers(dataset),
            links: self.written.links,
            compress: self.compress(),
        };
        (answer, shape)
    }

    /// A stored query asks for the format that the route declares.
    fn query_answers_so(&mut self, answer: AnswerFormat) {
        let Some(query) = &self.written.query else { return };
        let word = query.sql.value.split_whitespace().last().unwrap_or_default().to_ascii_uppercase();
        let mut fits = AnswerFormat::of_clickhouse(&word).peekable();
        if let Some(first) = fits.peek().copied()
            && !fits.any(|format| format == answer)
        {
            let mark = query.sql.mark;
            self.fault(mark, format!("the query asks for another format: `answer: {first}` goes with it"));
        }
    }

    fn format(&mut self, answer: AnswerFormat) -> Option<Format> {
        let table = self.written.table.as_ref();
        let columns = |columns| Some(Format::ClickHouseCompactLines(columns));
        if let Some(at) = table.filter(|_| !matches!(answer, AnswerFormat::Csv | AnswerFormat::Tsv)) {
            let only_columns = at.value.delimiter.is_none() && at.value.quote.is_none();
            let declared = answer == AnswerFormat::ClickHouseJsonCompactEachRow && only_columns;
            let own = matches!(
                answer,
                AnswerFormat::ClickHouseTsvWithNames
                    | AnswerFormat::ClickHouseTsvWithNamesAndTypes
                    | AnswerFormat::ClickHouseCsvWithNames
            ) && only_columns
                && at.value.columns.is_none();
            if !declared && !own {
                self.fault(at.mark, format!("`{answer}` says by itself how it is written"));
            }
        }
        match answer {
            AnswerFormat::Json => Some(Format::Json),
            AnswerFormat::Ndjson | AnswerFormat::ClickHouseJsonEachRow => Some(Format::JsonLines),
            AnswerFormat::JsonSeq => Some(Format::JsonSequence),
            AnswerFormat::Csv => Some(Format::Table(self.dialect(Dialect::csv()))),
            AnswerFormat::Tsv => Some(Format::Table(self.dialect(Dialect::tsv()))),
            AnswerFormat::ClickHouseJson => Some(Format::ClickHouseJson),
            AnswerFormat::ClickHouseJsonCompact => Some(Format::ClickHouseCompact),
            AnswerFormat::ClickHouseJsonCompactEachRow => {
                let names = self.columns();
                if names.is_none() {
                    self.fault(self.written.path.mark, "name the columns in `table: {columns: […]}`");
                }
                columns(Columns::Declared(names.unwrap_or_default()))
            }
            AnswerFormat::ClickHouseJsonCompactEachRowWithNames => columns(Columns::Header),
            AnswerFormat::ClickHouseJsonCompactEachRowWithNamesAndTypes => columns(Columns::HeaderAndTypes),
            AnswerFormat::ClickHouseTsvWithNames => {
                Some(Format::Table(self.dialect(Dialect::clickhouse_tsv(false))))
            }
            AnswerFormat::ClickHouseTsvWithNamesAndTypes => {
                Some(Format::Table(self.dialect(Dialect::clickhouse_tsv(true))))
            }
            AnswerFormat::ClickHouseCsvWithNames => {
                Some(Format::Table(self.dialect(Dialect::clickhouse_csv())))
            }
            AnswerFormat::ArrowStream => self.columnar(Container::Stream),
            AnswerFormat::Parquet => self.columnar(Container::Parquet),
            AnswerFormat::Opaque => None,
        }
    }

    #[cfg(feature = "columnar")]
    fn columnar(&mut self, container: Container) -> Option<Format> {
        Some(Format::Columnar(container))
    }

    #[cfg(not(feature = "columnar"))]
    fn columnar(&mut self, _: Container) -> Option<Format> {
        let mark = self.written.answer.as_ref().map_or(self.written.path.mark, |at| at.mark);
        self.fault(mark, "this build has no columnar formats: build with `--features columnar`");
        None
    }

    /// What `table` says, on top of what the format says.
    fn dialect(&mut self, mut dialect: Dialect) -> Dialect {
        let Some(at) = self.written.table.as_ref() else { return dialect };
        if let Some(delimiter) = &at.value.delimiter {
            match delimiter.value.as_bytes() {
                [byte] if byte.is_ascii_punctuation() || matches!(byte, b'\t' | b' ') => {
                    dialect.delimiter = *byte;
                }
                _ => self.fault(delimiter.mark, "a delimiter is one character: `,`, `;`, `|` or a tab"),
            }
        }
        if let Some(quote) = &at.value.quote {
            match quote.value.as_bytes() {
                b"" => dialect.quoting = Quoting::Never,
                [byte @ (b'"' | b'\'')] => dialect.quoting = Quoting::Quotes(*byte),
                _ => self.fault(quote.mark, "a quote is `\"` or `'`; an empty text means that there is none"),
            }
        }
        if matches!(dialect.quoting, Quoting::Quotes(quote) if quote == dialect.delimiter) {
            self.fault(at.mark, "the delimiter is the quote");
        }
        if let Some(formulas) = at.value.formulas {
            dialect.formulas = formulas;
        }
        if let Some(names) = self.columns() {
            dialect.columns = Columns::Declared(names);
        }
        dialect
    }

    fn columns(&mut self) -> Option<Arc<[String]>> {
        let at = self.written.table.as_ref()?;
        let names = at.value.columns.as_ref()?;
        let mut seen: Vec<&str> = Vec::new();
        for name in names {
            if seen.contains(&name.value.as_str()) {
                self.fault(name.mark, format!("the column `{}` stands here twice", name.value));
            }
            seen.push(&name.value);
        }
        if names.is_empty() {
            self.fault(at.mark, "a table has columns");
        }
        Some(names.iter().map(|name| name.value.clone()).collect())
    }

    fn headers(&mut self, dataset: &Dataset) -> Vec<(Arc<str>, usize)> {
        let mut headers = Vec::new();
        for (name, label) in &self.written.headers.0 {
            let lower = name.value.to_ascii_lowercase();
            let token = lower.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !lower.starts_with("x-") || !token || crate::engine::canonical::speaks_of_identity(&lower) {
                self.fault(
                    name.mark,
                    "only headers of the API's own leave (`x-…`); those of HTTP are written anew, and \
                     those about the caller never leave",
                );
            }
            match dataset.label_index(&label.value) {
                Some(index) => headers.push((lower.as_str().into(), index)),
                None => self.fault(
                    label.mark,
                    format!("no field of the dataset `{}` carries the label `{}`", dataset.id, label.value),
                ),
            }
        }
        headers
    }

    fn compress(&mut self) -> bool {
        let Some(at) = &self.written.compress else { return false };
        if at.value && self.written.claim.is_some() {
            self.fault(
                at.mark,
                "with a claim in the request, the length of a compressed answer tells secrets",
            );
        }
        at.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_comes_as_its_own_type_and_no_other() {
        for format in AnswerFormat::ALL.iter().filter(|format| **format != AnswerFormat::Opaque) {
            let own = format.media().unwrap();
            let plain = format.is_clickhouse() && own == Media::Ndjson;
            assert!(format.comes_as(own.code()), "{format}");
            assert_eq!(format.comes_as("text/plain"), plain, "{format}");
            for other in ["application/xml", "text/html", "application/problem+json"] {
                assert!(!format.comes_as(other), "{format} {other}");
            }
            let columnar = matches!(format, AnswerFormat::ArrowStream | AnswerFormat::Parquet);
            assert_eq!(format.comes_as("application/octet-stream"), columnar, "{format}");
        }
    }
}
