//! Words of faults: the near miss, the list of choices, and the line without a secret in it.

/// The known word that was probably meant: at most a third of its letters differ.
///
/// ```
/// use zhamen::written::did_you_mean;
/// assert_eq!(did_you_mean("listner", ["listener", "limits"]), Some("listener"));
/// assert_eq!(did_you_mean("xyz", ["listener", "limits"]), None);
/// ```
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LETTERS_MAX: usize = 64;
    if word.len() > LETTERS_MAX {
        return None;
    }
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LETTERS_MAX)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `one of: a, b, c`, cut after twenty.
pub fn one_of<'a>(known: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 20;
    let mut words: Vec<&str> = known.into_iter().take(SHOWN_MAX + 1).collect();
    if words.len() > SHOWN_MAX {
        words.truncate(SHOWN_MAX);
        words.push("…");
    }
    format!("one of: {}", words.join(", "))
}

/// A word as a message may repeat it: not longer than 64 characters.
pub(super) fn short(word: &str) -> String {
    const SHOWN_MAX: usize = 64;
    match word.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", word.get(..end).unwrap_or_default()),
        None => word.to_owned(),
    }
}

/// The line, unless its key says that the value is a secret: then the value is left out.
///
/// Secrets belong in files, and such keys end in `_file`; but people err, and an error message is
/// copied into tickets.
pub(super) fn without_secret(line: &str) -> String {
    const SUSPECT: [&str; 6] = ["secret", "password", "passwd", "credential", "private", "key"];
    let Some((key, value)) = line.split_once(':') else { return line.to_owned() };
    let name = key.trim().to_ascii_lowercase();
    let suspect = SUSPECT.iter().any(|word| name.contains(word))
        && !["_file", "_files", "_max", "keys"].iter().any(|ending| name.ends_with(ending));
    if suspect && !value.trim().is_empty() { format!("{key}: …") } else { line.to_owned() }
}

/// Edit distance, where swapping two neighbours counts once (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let width = right.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1; width];
        for (column, other) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            let mut best = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && left[row - 1] == *other && right[column - 1] == *letter;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before = std::mem::replace(&mut above, current);
    }
    above[width - 1]
}
