//! Rows of a table with a header: RFC 4180, and the same with tabs.

/// Rows as pairs of column and cell.
///
/// # Errors
/// No header; a quoted cell that never ends; more cells than columns.
pub(super) fn rows(text: &str, separator: char) -> Result<Vec<Vec<(String, String)>>, String> {
    let mut lines = cells(text, separator)?.into_iter();
    let header = lines.next().filter(|header| header.iter().any(|name| !name.is_empty()));
    let header = header.ok_or("no header in its first line")?;
    let mut rows = Vec::new();
    for (place, cells) in lines.enumerate() {
        if cells.len() > header.len() {
            return Err(format!("row {} has {} cells, the header {}", place + 2, cells.len(), header.len()));
        }
        rows.push(header.iter().cloned().zip(cells).collect());
    }
    Ok(rows)
}

fn cells(text: &str, separator: char) -> Result<Vec<Vec<String>>, String> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.trim_start_matches('\u{FEFF}').chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            _ if quoted => cell.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ if c == separator => row.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
    }
    if quoted {
        return Err(format!("a quoted cell of row {} never ends", rows.len() + 1));
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_or_what_is_wrong() {
        for (text, expect) in [
            ("a,b\n1,2\n", Ok(vec![vec![("a", "1"), ("b", "2")]])),
            ("a,b\r\n\"x, \"\"y\"\"\nz\",2", Ok(vec![vec![("a", "x, \"y\"\nz"), ("b", "2")]])),
            ("a,b\n1\n", Ok(vec![vec![("a", "1")]])),
            ("a\n1,2\n", Err("row 2 has 2 cells, the header 1")),
            ("a\n\"1\n", Err("a quoted cell of row 2 never ends")),
            ("", Err("no header in its first line")),
        ] {
            let expect = expect.map(|rows| {
                let own = |row: Vec<(&str, &str)>| {
                    row.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
                };
                rows.into_iter().map(own).collect::<Vec<Vec<(String, String)>>>()
            });
            assert_eq!(rows(text, ','), expect.map_err(str::to_owned), "{text:?}");
        }
    }
}
