//! Records as tables and lines, for those who open them in a spreadsheet or read them one by one.

use super::routes::{Answer, failure};
use serde::Serialize;
use serde_json::Value;

/// CSV (RFC 4180) with a header row, also where there are no records.
pub(super) fn csv<T: Serialize>(columns: &[&str], records: &[T]) -> Answer {
    let mut body = columns.join(",");
    body.push_str("\r\n");
    for record in records {
        let Ok(Value::Object(record)) = serde_json::to_value(record) else {
            return failure(500, "not serialisable");
        };
        let cells: Vec<String> = columns.iter().map(|column| cell(record.get(*column))).collect();
        body.push_str(&cells.join(","));
        body.push_str("\r\n");
    }
    Answer { status: 200, media: "text/csv; charset=utf-8; header=present", body: body.into_bytes() }
}

/// A JSON document in each line.
pub(super) fn ndjson<T: Serialize>(records: &[T]) -> Answer {
    let mut body = Vec::new();
    for record in records {
        if serde_json::to_writer(&mut body, record).is_err() {
            return failure(500, "not serialisable");
        }
        body.push(b'\n');
    }
    Answer { status: 200, media: "application/x-ndjson", body }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.contains([',', '"', '\r', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_are_written_as_rows_and_lines() {
        let records = [
            json!({"a": "x,y", "b": 1, "c": null}),
            json!({"a": "say \"no\"", "b": 2.5}),
            json!({"a": "甲"}),
        ];
        let table = csv(&["a", "b", "c"], &records);
        let expect = "a,b,c\r\n\"x,y\",1,\r\n\"say \"\"no\"\"\",2.5,\r\n甲,,\r\n";
        assert_eq!(String::from_utf8(table.body).unwrap(), expect);
        assert_eq!(csv::<Value>(&["a", "b"], &[]).body, b"a,b\r\n");
        assert_eq!(csv(&["a"], &[json!([1])]).status, 500);
        let lines = ndjson(&records[1..]);
        assert_eq!(
            String::from_utf8(lines.body).unwrap(),
            "{\"a\":\"say \\\"no\\\"\",\"b\":2.5}\n{\"a\":\"甲\"}\n"
        );
        assert_eq!(ndjson::<Value>(&[]).body, b"");
    }
}
