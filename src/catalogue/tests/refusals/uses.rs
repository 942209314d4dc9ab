//! Uses of fields, rows, counts and caps that are refused.

use super::{check, check_together};

const PARAMETERS: &str = "    subject: {path: id, kind: resident-id}\n";

/// The query's route with these lines more.
fn more(lines: &str) -> String {
    format!("{PARAMETERS}{lines}")
}

fn refused(lines: &str, expect: &[&str]) {
    check("catalogue/civil.yaml", &[(PARAMETERS, &more(lines), expect)]);
}

#[test]
fn parameters_of_classified_datasets_say_what_they_do() {
    refused(
        "    parameters: {since: {type: date}}\n",
        &["41:18 the dataset `marriage` is classified: say what the parameter `since` does with its fields…"],
    );
    refused(
        "    parameters: {q: {type: string, uses: [{label: martial-status, as: search}]}}\n",
        &[
            "41:51 no field of the dataset `marriage` carries the label `martial-status` | did you mean `marital-status`?",
        ],
    );
    refused(
        "    parameters: {q: {type: string, uses: [{label: income, as: filter}]}}\n",
        &[
            "41:51 no field of the dataset `marriage` carries the label `income` | give the field its label in `fields`, also if answers never show it",
        ],
    );
    refused(
        "    parameters: {q: {type: string, uses: [{label: marital-status, as: sot}]}}\n",
        &["41:71 unknown value `sot` | did you mean `sort`?"],
    );
    refused(
        "    parameters: {cursor: {type: string, paging: true}}\n",
        &["41:49 only an `int` moves along the records: a cursor may hold values"],
    );
    refused(
        "    parameters: {page: {type: int, paging: true, uses: []}}\n",
        &["41:56 a parameter of `paging` uses no field"],
    );
    refused(
        "    parameters: {caller.region: {type: string, uses: []}}\n",
        &["41:18 this name stands for what is proved of the caller"],
    );
    for right in [
        "    parameters: {q: {type: string, uses: []}, page: {type: int, paging: true}}\n",
        "    parameters: {size: {type: int}}\n    records_parameter: size\n",
        "    parameters: {sort: {type: fields, as: sort, fields: {status: marital-status, day: none}}}\n",
    ] {
        refused(right, &[]);
    }
}

#[test]
fn words_that_name_fields() {
    refused(
        "    parameters: {sort: {type: fields, as: sort}}\n",
        &["41:31 `fields` needs `fields` (word: label) and `as` (sort, group, …)"],
    );
    refused(
        "    parameters: {sort: {type: fields, as: sort, max: 65, fields: {\"a,b\": none}}}\n",
        &["41:54 1 to 64 fields can be named at once", "41:67 a word that names a field has no comma"],
    );
    refused(
        "    parameters: {sort: {type: enum, values: [a], as: sort, uses: []}}\n",
        &["41:31 this type has no `as`"],
    );
}

#[test]
fn caps_and_what_upstreams_are_told() {
    refused("    records_max_in_tier: {T2: 1}\n", &[]);
    refused(
        "    records_max: 9\n    records_max_in_tier: {T3: 4, T2: 2, T9: 1}\n",
        &[
            "42:31 1 to 2: a higher tier has no more than a lower one",
            "42:41 a tier is T0, T1, T2, T3, T4 or T5",
        ],
    );
    refused(
        "    parameters: {region: {type: string, uses: []}}\n    upstream_parameters: {region: caller.region}\n",
        &["42:27 callers can give `region` themselves"],
    );
    refused(
        "    upstream_parameters: {region: caller.regoin}\n",
        &["41:35 unknown value `caller.regoin` | did you mean `caller.region`?"],
    );
}

#[test]
fn rows_and_counts_of_datasets() {
    const SPOUSE: &str = "      $.data[*].spouseId: id-number\n";
    let dataset = |lines: &str, expect: &[&str]| {
        check("catalogue/civil.yaml", &[(SPOUSE, &format!("{SPOUSE}{lines}"), expect)]);
    };
    dataset("    rows: [{field: \"$.data[*].region\", equals: caller.region}]\n", &[]);
    dataset(
        "    rows: [{field: $.region, equals: caller.region}]\n",
        &["27:20 a row filter stands in records: `$.data[*].region`"],
    );
    dataset(
        "    rows: [{field: \"$.rows[*].region\", equals: caller.region}]\n",
        &[
            "27:20 the field `$.data[*].personId` lies outside of the rows that are filtered here",
            "27:20 the field `$.data[*].status` lies outside of the rows that are filtered here",
            "27:20 the field `$.data[*].spouseId` lies outside of the rows that are filtered here",
        ],
    );
    dataset(
        "    counts: [{field: $.total}]\n",
        &["27:22 `counts` need `group_min` | the smallest group that a count may tell of, for example 5"],
    );
    dataset("    group_min: 5\n", &["27:16 `group_min` without `counts`"]);
    dataset(
        "    counts: [{field: $.total, of: income}]\n    group_min: 1\n",
        &[
            "27:35 no field of the dataset carries the label `income`",
            "28:16 a group has 2 to 1000000 members",
        ],
    );
}

#[test]
fn formats_that_cannot_be_filtered_so() {
    const SPOUSE: &str = "      $.data[*].spouseId: id-number\n";
    let answer = |rows: &str, answer: &str, expect: &[&str]| {
        let fields = format!("{SPOUSE}    rows: [{{field: \"{rows}\", equals: caller.region}}]\n");
        let changes = [(SPOUSE, fields.as_str()), (PARAMETERS, &more(answer))];
        check_together("catalogue/civil.yaml", &changes, expect);
    };
    for format in ["json", "ndjson", "json-seq", "csv", "tsv", "clickhouse-json", "clickhouse-json-compact"] {
        answer("$.data[*].region", &format!("    answer: {format}\n"), &[]);
    }
    answer("$.data[*].at.region", "    answer: ndjson\n", &[]);
    answer(
        "$.data[*].at.region",
        "    answer: csv\n",
        &["42:13 rows are filtered by `at.region`, which is no column"],
    );
    answer(
        "$.data[*].region",
        "    answer: csv\n    table: {columns: [personId, status]}\n",
        &["42:13 rows are filtered by `region`, which is none of the table's `columns`"],
    );
}
