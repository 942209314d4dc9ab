//! Aligned text where Chinese characters are two columns wide.
//!
//! ```
//! use zhamen::demo::play::table::width;
//! assert_eq!((width("name"), width("姓名"), width("买买提·艾力")), (4, 4, 11));
//! ```

/// Columns a terminal gives to this text (Unicode Standard Annex 11: wide and full-width are two).
pub fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

fn character_width(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The text cut to so many columns, with an ellipsis if it was longer.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character_width(character);
        if used > columns {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// Rows of five cells and lines between them, aligned as one table.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Line(String),
    Cells([String; 5]),
}

impl Table {
    /// A line across all columns.
    pub fn line(&mut self, text: impl Into<String>) {
        self.rows.push(Row::Line(text.into()));
    }

    /// A row of cells.
    pub fn cells(&mut self, cells: [String; 5]) {
        self.rows.push(Row::Cells(cells));
    }

    /// The table as text; rows of cells are indented by so many columns.
    pub fn render(&self, indent: usize) -> String {
        let mut widths = [0; 5];
        for row in &self.rows {
            if let Row::Cells(cells) = row {
                for (known, cell) in widths.iter_mut().zip(cells) {
                    *known = (*known).max(width(cell));
                }
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            match row {
                Row::Line(line) => text.push_str(line),
                Row::Cells(cells) => text.push_str(&aligned(cells, &widths, indent)),
            }
            text.push('\n');
        }
        text
    }
}

fn aligned(cells: &[String; 5], widths: &[usize; 5], indent: usize) -> String {
    let mut line = " ".repeat(indent);
    for (cell, column) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(column.saturating_sub(width(cell)) + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_the_script() {
        let mut table = Table::default();
        table.line("一行 across");
        for cells in [["名字", "b", "c", "d", "e"], ["n", "标签标签", "𠮷", "", "why"]] {
            table.cells(cells.map(str::to_owned));
        }
        let text = table.render(2);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "一行 across");
        let end = |line: &str, cell: &str| width(&line[..line.find(cell).unwrap()]);
        assert_eq!(end(lines[1], "e"), end(lines[2], "why"));
        assert_eq!(end(lines[1], "c"), end(lines[2], "𠮷"));
    }

    #[test]
    fn long_texts_are_cut_by_columns() {
        for (text, columns, expect) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("中文字", 6, "中文字"),
            ("中文字", 5, "中文…"),
            ("中文字", 4, "中…"),
        ] {
            assert_eq!(cut(text, columns), expect);
            assert!(width(&cut(text, columns)) <= columns);
        }
    }
}
