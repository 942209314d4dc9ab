//! Routes, parameters and stored queries that are refused.

use super::check;

#[test]
fn routes() {
    const SUBJECT: &str = "    subject: {path: id, kind: resident-id}\n";
    check(
        "catalogue/civil.yaml",
        &[
            ("/marriages/{id}\n", "/marriages/{id\n", &["36:22 a capture is a whole segment: `{name}`"]),
            (
                "/marriages/{id}\n    dataset: marriage",
                "/marriages/{id}\n    dataset: marriages",
                &["37:14 unknown dataset `marriages` | did you mean `marriage`?"],
            ),
            (
                "upstream: main\n    subject: {path",
                "upstream: mian\n    subject: {path",
                &["39:15 unknown upstream `mian` | did you mean `main`?"],
            ),
            (
                SUBJECT,
                "",
                &[
                    "36:11 the capture `{id}` is neither the subject nor a declared parameter",
                    "38:16 QUERY asks about one subject: say where it stands in `subject`",
                ],
            ),
            (
                SUBJECT,
                "    subject: {path: uscc, kind: resident-id}\n",
                &[
                    "36:11 the capture `{id}` is neither the subject nor a declared parameter",
                    "40:21 the path has no capture `{uscc}`",
                ],
            ),
            (
                SUBJECT,
                "    subject: {path: id, query: id, kind: resident-id}\n",
                &["40:14 a subject stands in one place: `path`, `query` or `body`"],
            ),
            (
                "{path: id, kind: resident-id}",
                "{path: id, kind: residentid}",
                &["40:31 unknown value `residentid` | did you mean `resident-id`?"],
            ),
            (
                "{body: /id,",
                "{body: id,",
                &["47:21 not a JSON pointer (RFC 6901), for example `/applicant/id`"],
            ),
            (
                "{body: /id,",
                "{body: /a~2,",
                &["47:21 not a JSON pointer (RFC 6901), for example `/applicant/id`"],
            ),
            (
                SUBJECT,
                "    subject: {path: id, kind: resident-id}\n    claim: {body: /x, label: marital-status}\n",
                &["41:12 only VERIFY has a claim", "41:19 a GET request has no body"],
            ),
        ],
    );
}

#[test]
fn claims_targets_and_overlaps() {
    const CLAIM: &str = "    claim: {body: /claimed, label: marital-status}\n";
    check(
        "catalogue/civil.yaml",
        &[
            (CLAIM, "", &["44:16 VERIFY needs the value to compare in `claim`"]),
            (
                CLAIM,
                "    claim: {label: marital-status}\n",
                &["48:12 a claim stands in one place: `query` or `body`"],
            ),
            (
                "label: marital-status}",
                "label: id-numbr}",
                &[
                    "48:36 no field of the dataset `marriage` carries the label `id-numbr` | did you mean `id-number`?",
                ],
            ),
            ("/v2/verify", "/v2/{id}", &["46:20 the route's path has no capture `{id}`"]),
            (
                "/marriages/verify\n",
                "/{x}/verify\n",
                &["42:11 the capture `{x}` is neither the subject nor a declared parameter"],
            ),
            (
                "POST\n    path: /marriages/verify\n",
                "GET\n    path: /{id}/verify\n",
                &[
                    "42:11 the capture `{id}` is neither the subject nor a declared parameter",
                    "42:11 this overlaps with /marriages/{id}, and neither is more exact",
                    "47:21 a GET request has no body",
                    "48:19 a GET request has no body",
                ],
            ),
            (
                "/numbers/{year}\n",
                "/marriages/{year}\n",
                &["51:11 this overlaps with /marriages/{id}, and neither is more exact"],
            ),
            (
                "answer: opaque",
                "answer: clickhouse-json",
                &["59:13 ClickHouse's rows stand in `$.data[*]`: name it in the dataset's `records`"],
            ),
            ("records_max: 50", "records_max: 0", &["60:18 an answer has 1 to 1000000 records"]),
            (
                "records_parameter: size",
                "records_parameter: order",
                &["61:24 the route has no parameter `order` of type int"],
            ),
        ],
    );
}

#[test]
fn parameters_and_stored_queries() {
    const YEAR: &str = "year: {type: int, min: 1949, max: 2100}";
    const ANSWER: &str = "    answer: opaque\n";
    check(
        "catalogue/civil.yaml",
        &[
            (
                "type: enum, values: [up, down]",
                "type: enm",
                &["58:21 unknown type of parameter | did you mean `enum`?"],
            ),
            ("type: enum, values: [up, down]", "type: enum", &["58:21 `enum` needs `values`"]),
            ("type: enum, values: [up, down]", "type: date, min: 1", &["58:21 this type has no `min`"]),
            (
                "type: enum, values: [up, down]",
                "type: string, max: 0",
                &["58:34 a text has 1 to 1024 characters"],
            ),
            (YEAR, "year: {type: int, min: 2, max: 1}", &["56:38 `max` is below `min`"]),
            (
                YEAR,
                "years: {type: int}",
                &["51:11 the capture `{year}` is neither the subject nor a declared parameter"],
            ),
            (
                "    subject: {path: id, kind: resident-id}\n",
                "    subject: {path: id, kind: resident-id}\n    parameters: {id: {type: string}}\n",
                &["41:18 `id` is the subject already"],
            ),
            (
                ANSWER,
                "    query: {sql: \"SELECT {y:Int64} FORMAT JSON\"}\n",
                &["59:18 the route has no input `y` for the place `{y:…}`"],
            ),
            (
                ANSWER,
                "    query: {sql: \"SELECT {y:Int64} FORMAT JSON\", parameters: {y: yeer}}\n",
                &["59:66 the route has no input `yeer` for the place `{y:…}`"],
            ),
            (
                ANSWER,
                "    query: {sql: \"SELECT {year:Date} FORMAT JSON\"}\n",
                &["59:18 the input `year` does not fit the type of the place `{year:…}`"],
            ),
            (
                ANSWER,
                "    query: {sql: \"SELECT {order:String} FORMAT JSON\"}\n",
                &["59:18 the input `order` is optional, but the query needs it"],
            ),
            (
                ANSWER,
                "    query: {sql: \"SELECT {year:UInt32} FORMAT JSON\", parameters: {z: year}}\n",
                &["59:67 the query has no place `{z:…}`"],
            ),
            (
                ANSWER,
                "    query: {sql: \"SELECT '{year:UInt32}' FORMAT JSON\"}\n",
                &["59:27 no places in quotes: they bring their own"],
            ),
            (
                ANSWER,
                "    query: {sql: DROP TABLE t}\n",
                &["59:18 a stored query begins with SELECT or WITH"],
            ),
        ],
    );
}

/// The first route, with more lines.
macro_rules! with {
    ($($more:literal),+) => {
        concat!("    subject: {path: id, kind: resident-id}\n", $("    ", $more, "\n"),+)
    };
}

/// What a route says of its answers.
#[test]
fn answers() {
    const MARRIAGE: &str = "    subject: {path: id, kind: resident-id}\n";
    check(
        "catalogue/civil.yaml",
        &[
            (
                MARRIAGE,
                with!("answer: csv", "table: {delimiter: ab}"),
                &["42:24 a delimiter is one character: `,`, `;`, `|` or a tab"],
            ),
            (
                MARRIAGE,
                with!("answer: csv", "table: {quote: x}"),
                &["42:20 a quote is `\"` or `'`; an empty text means that there is none"],
            ),
            (
                MARRIAGE,
                with!("answer: csv", "table: {delimiter: '\"'}"),
                &["42:12 the delimiter is the quote"],
            ),
            (
                MARRIAGE,
                with!("answer: csv", "table: {columns: [a, a]}"),
                &["42:26 the column `a` stands here twice"],
            ),
            (MARRIAGE, with!("answer: csv", "table: {columns: []}"), &["42:12 a table has columns"]),
            (
                MARRIAGE,
                with!("answer: csv", "table: {formulas: drop}"),
                &["42:23 unknown value `drop` | one of: keep, quote, refuse"],
            ),
            (
                MARRIAGE,
                with!("answer: ndjson", "table: {delimiter: ','}"),
                &["42:12 `ndjson` says by itself how it is written"],
            ),
            (
                MARRIAGE,
                with!("answer: clickhouse-tsv-with-names", "table: {columns: [a]}"),
                &["42:12 `clickhouse-tsv-with-names` says by itself how it is written"],
            ),
            (
                MARRIAGE,
                with!("answer: clickhouse-json-compact-each-row"),
                &["36:11 name the columns in `table: {columns: […]}`"],
            ),
            (MARRIAGE, with!("headers: {ETag: id-number}"), &[NO_HEADER]),
            (MARRIAGE, with!("headers: {X-User: id-number}"), &[NO_HEADER]),
            (
                MARRIAGE,
                with!("headers: {X-Count: name}"),
                &["41:24 no field of the dataset `marriage` carries the label `name`"],
            ),
            (
                MARRIAGE,
                with!("answer: csv", "query: {sql: \"SELECT 1 FORMAT JSONCompact\"}"),
                &["42:18 the query asks for another format: `answer: clickhouse-json-compact` goes with it"],
            ),
            (
                "    hidden: true\n",
                "    compress: true\n",
                &["49:15 with a claim in the request, the length of a compressed answer tells secrets"],
            ),
        ],
    );
}

/// A build without the columnar formats says so where the route asks for one; nothing else is wrong with it.
#[test]
fn columnar_answers() {
    const MARRIAGE: &str = "    subject: {path: id, kind: resident-id}\n";
    let missing = "this build has no columnar formats: build with `--features columnar`";
    let missing = format!("41:13 {missing}");
    let absent: &[&str] = if cfg!(feature = "columnar") { &[] } else { &[missing.as_str()] };
    let other = "42:18 the query asks for another format: `answer: parquet` goes with it";
    check(
        "catalogue/civil.yaml",
        &[
            (MARRIAGE, with!("answer: arrow-stream"), absent),
            (MARRIAGE, with!("answer: parquet"), absent),
            (MARRIAGE, with!("answer: csv", "query: {sql: \"SELECT 1 FORMAT Parquet\"}"), &[other]),
        ],
    );
}

const NO_HEADER: &str = "41:15 only headers of the API's own leave (`x-…`); those of HTTP are written anew, and those \
                         about the caller never leave";
