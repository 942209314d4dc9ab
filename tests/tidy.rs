//! The house rules, as a test: which room may use which, what the engine may not touch, and how
//! long a file or a function may grow. The tables below are the rules; ARCHITECTURE.md explains them.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file may have.
const FILE_LINES_MAX: usize = 500;
/// Lines a function may have, from its `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Each room and the rooms it may use. A room is a folder of `src`, or a file right under it.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["catalogue", "config", "demo", "engine", "fault", "gateway", "identity", "secret", "state"]),
    ("demo", &["catalogue", "config", "engine", "fault", "gateway", "identity", "state"]),
    (
        "gateway",
        &[
            "catalogue",
            "config",
            "engine",
            "fault",
            "identity",
            "net",
            "ops",
            "record",
            "request",
            "secret",
            "state",
        ],
    ),
    ("request", &["catalogue", "engine", "identity", "net", "record", "refusal", "state"]),
    ("record", &["catalogue", "engine", "net", "ops", "refusal", "state"]),
    ("refusal", &["engine"]),
    ("identity", &["config", "engine", "fault", "secret"]),
    ("net", &["config", "engine", "fault", "secret"]),
    ("state", &["catalogue", "config", "engine", "fault", "identity", "net", "secret"]),
    ("ops", &["catalogue", "config", "engine", "secret", "state"]),
    ("catalogue", &["engine", "fault", "secret", "written"]),
    ("config", &["engine", "fault", "secret", "written"]),
    ("written", &["fault"]),
    ("engine", &["fault"]),
    ("secret", &["fault"]),
    ("fault", &[]),
    ("lib", &[]),
];

/// What the code of a room may not mention, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "engine",
        &[
            "async ",
            ".await",
            "hyper::",
            "http::",
            "tokio::",
            "tracing::",
            "prometheus::",
            "std::fs",
            "std::net::Tcp",
            "Instant::now",
            "SystemTime",
            "rand::",
            "std::env",
            "std::thread",
            "println!",
            "eprintln!",
        ],
        "the engine decides; it does no I/O, reads no clock and counts nothing",
    ),
    (
        "request",
        &["std::fs", "std::net", "prometheus", "TcpStream", "Version::"],
        "the walk opens nothing, counts nothing and knows no protocol version",
    ),
    ("state", &["hyper::", "http::"], "state knows no HTTP types"),
    ("refusal", &["Incoming"], "a refusal never reads a request"),
    ("config", &["tokio::spawn", "thread::spawn"], "configuration starts no tasks"),
    ("catalogue", &["tokio::spawn", "thread::spawn"], "the catalogue starts no tasks"),
];

/// What may be made in one place only: the proof types.
const MADE_IN: &[(&str, &str)] = &[
    ("Admitted {", "src/state/quota"),
    ("Receipt {", "src/state/audit"),
    ("OpaqueGrant(", "src/engine/mask"),
];

fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
}

/// The room of a file under `src`.
fn room(path: &Path) -> String {
    let shown = shown(path);
    let inside = shown.strip_prefix("src/").unwrap_or(&shown);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs").to_owned()
}

/// A file of tests beside the code it tests: `tests.rs`, or anything in a folder `tests`.
fn is_test(path: &Path) -> bool {
    let shown = shown(path);
    shown.ends_with("tests.rs") || shown.contains("/tests/")
}

/// The code without comments, strings and character literals; line breaks stay where they were.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let skip = match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['r', '"' | '#', ..] if !word_before(&code) => raw_string(rest),
            ['"', ..] => quoted(rest, '"'),
            ['\'', '\\', ..] => quoted(rest, '\''),
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if skip == 0 {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(rest[..skip].iter().filter(|c| **c == '\n'));
            at += skip;
        }
    }
    code
}

fn word_before(code: &str) -> bool {
    code.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn block_comment(rest: &[char]) -> usize {
    let end = rest.windows(2).position(|pair| pair == ['*', '/']);
    end.map_or(rest.len(), |end| end + 2)
}

fn quoted(rest: &[char], mark: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == mark => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    let body = &rest[2 + hashes..];
    let close = body.windows(end.len()).position(|window| window == end);
    close.map_or(rest.len(), |close| 2 + hashes + close + end.len())
}

/// Functions longer than allowed: name, first line, length.
fn long_functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut long = Vec::new();
    for (offset, _) in code.match_indices("fn ") {
        if word_before(&code[..offset]) {
            continue;
        }
        let rest = &code[offset..];
        let name: String = rest[3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let lines = if name.is_empty() { None } else { body_lines(rest) };
        if let Some(lines) = lines.filter(|lines| *lines > FUNCTION_LINES_MAX) {
            long.push((name, code[..offset].matches('\n').count() + 1, lines));
        }
    }
    long
}

/// Lines from here to the brace that closes the first one opened; none for a declaration.
fn body_lines(code: &str) -> Option<usize> {
    let (mut braces, mut brackets, mut lines) = (0_usize, 0_usize, 1);
    for c in code.chars() {
        match c {
            ';' if braces == 0 && brackets == 0 => return None,
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces == 1 => return Some(lines),
            '}' => braces = braces.saturating_sub(1),
            '\n' => lines += 1,
            _ => {}
        }
    }
    None
}

/// Names right behind `crate::` (or `zhamen::` in the binary), also in `use crate::{a, b}`.
fn used_rooms(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for root in ["crate::", "zhamen::"] {
        for (offset, _) in code.match_indices(root) {
            let rest = &code[offset + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => used.extend(top_names(list)),
                None => used.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
            }
        }
    }
    used
}

fn top_names(list: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let (mut depth, mut fresh) = (0, true);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(String::new());
                fresh = true;
            }
            c if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => {
                names.last_mut().unwrap().push(c)
            }
            ':' if depth == 0 => fresh = false,
            _ => {}
        }
    }
    names
}

/// Whether the word stands in the code, not as the tail of a longer name.
fn mentions(code: &str, word: &str) -> bool {
    let first_is_name = word.starts_with(|c: char| c.is_alphanumeric());
    code.match_indices(word).any(|(offset, _)| !(first_is_name && word_before(&code[..offset])))
}

/// Not a pattern or a type: the making of a value.
fn makes(code: &str, offset: usize) -> bool {
    let before = code[..offset].trim_end();
    !["struct", "impl", "for", "->", "let", "enum", "|", "(", "::"].iter().any(|word| before.ends_with(word))
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let mut faults = Vec::new();
    for path in sources("src").into_iter().filter(|path| !is_test(path)) {
        let room = room(&path);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{}: the room `{room}` stands in no table", shown(&path)));
            continue;
        };
        let code = code_of(&fs::read_to_string(&path).unwrap());
        for used in used_rooms(&code) {
            let is_room = ARROWS.iter().any(|(name, _)| *name == used);
            if used != room && is_room && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}: `{room}` may not use `{used}`", shown(&path)));
            }
        }
    }
    report(faults);
}

#[test]
fn rooms_do_not_touch_what_they_may_not() {
    let mut faults = Vec::new();
    for path in sources("src") {
        if is_test(&path) {
            continue;
        }
        let room = room(&path);
        let text = fs::read_to_string(&path).unwrap();
        let code = code_of(text.split("#[cfg(test)]").next().unwrap());
        for (_, words, why) in FORBIDDEN.iter().filter(|(name, ..)| *name == room) {
            for word in words.iter().filter(|word| mentions(&code, word)) {
                faults.push(format!("{}: mentions `{}`; {why}", shown(&path), word.trim()));
            }
        }
    }
    report(faults);
}

#[test]
fn proofs_are_made_in_one_place() {
    let mut faults = Vec::new();
    for path in sources("src") {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        for (making, home) in MADE_IN {
            let places = code.match_indices(making);
            let made = places.into_iter().any(|(at, _)| !word_before(&code[..at]) && makes(&code, at));
            if made && !shown(&path).starts_with(home) {
                faults.push(format!("{}: `{making}` is made only in {home}", shown(&path)));
            }
        }
    }
    report(faults);
}

#[test]
fn files_and_functions_stay_small() {
    let mut faults = Vec::new();
    for path in ["src", "tests", "benches"].into_iter().flat_map(sources) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{}: {lines} lines, {FILE_LINES_MAX} are allowed", shown(&path)));
        }
        for (name, line, length) in long_functions(&code_of(&text)) {
            let place = shown(&path);
            faults.push(format!(
                "{place}:{line}: `{name}` has {length} lines, {FUNCTION_LINES_MAX} are allowed"
            ));
        }
    }
    report(faults);
}

#[test]
fn every_module_begins_with_its_duty() {
    let silent = |path: &&PathBuf| !is_test(path) && !fs::read_to_string(path).unwrap().starts_with("//!");
    let sources = sources("src");
    report(sources.iter().filter(silent).map(|path| format!("{}: no module doc", shown(path))).collect());
}

#[test]
fn nothing_is_left_undone() {
    let mut faults = Vec::new();
    for path in ["src", "benches"].into_iter().flat_map(sources) {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        for stub in ["todo!(", "unimplemented!(", "#[ignore", "dbg!("] {
            if code.contains(stub) {
                faults.push(format!("{}: contains `{stub}`", shown(&path)));
            }
        }
    }
    report(faults);
}

#[test]
fn the_checks_themselves_find_what_they_look_for() {
    let code = code_of(
        "use crate::{net::a, state::{b, c}}; // crate::ops\nlet s = \"crate::demo\";\nfn f() { crate::engine::g() }",
    );
    assert_eq!(used_rooms(&code), ["net", "state", "engine"]);
    let long = format!(
        "fn long(a: [u8; 2]) {{\n{}}}\nfn short() {{}}\nfn declared();\n",
        "a();\n".repeat(FUNCTION_LINES_MAX)
    );
    assert_eq!(long_functions(&long), [("long".to_owned(), 1, FUNCTION_LINES_MAX + 2)]);
    assert!(mentions("std::fs::read", "std::fs"));
    assert!(!mentions("my_async fn", "async "));
}
