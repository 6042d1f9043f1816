//! What reading a piece of a trace needs besides the piece: where it stands in the file, and where messages go.

use std::sync::Arc;

use super::error::{ERROR_LIMIT, TraceError, TraceErrors, TraceProblem};
use super::json::{DuplicateKey, Parser, Span, SyntaxError, Value};
use super::place::Place;

/// A text of the file, and how far its lines have been counted.
#[derive(Debug, Clone)]
pub(super) struct Located<'a> {
    pub(super) text: &'a str,
    counted: usize,
    line: u64,
    column: u64,
    start: (u64, u64),
}

impl<'a> Located<'a> {
    /// A text that begins at a line and column of the file.
    pub(super) fn new(text: &'a str, start: (u64, u64)) -> Self {
        Self { text, counted: 0, line: start.0, column: start.1, start }
    }

    /// The line and column of a byte; fast where bytes are asked for in order.
    pub(super) fn locate(&mut self, at: usize) -> (u64, u64) {
        if at < self.counted {
            (self.counted, self.line, self.column) = (0, self.start.0, self.start.1);
        }
        for &byte in &self.text.as_bytes()[self.counted..at.min(self.text.len())] {
            match byte {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                0x80..=0xbf => {}
                _ => self.column += 1,
            }
        }
        self.counted = at;
        (self.line, self.column)
    }
}

/// Where errors and warnings go.
#[derive(Debug, Clone)]
pub(super) struct Messages {
    pub(super) file: Arc<str>,
    pub(super) is_lenient: bool,
    pub(super) errors: Vec<TraceError>,
    pub(super) warnings: Vec<TraceError>,
}

impl Messages {
    pub(super) fn new(file: Arc<str>, is_lenient: bool) -> Self {
        Self { file, is_lenient, errors: Vec::new(), warnings: Vec::new() }
    }

    /// Whether so many errors are known that more help nobody.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= ERROR_LIMIT
    }

    /// Whether no more warnings are kept.
    pub(super) fn is_full_of_warnings(&self) -> bool {
        self.warnings.len() >= ERROR_LIMIT
    }

    pub(super) fn error_at(&mut self, place: Option<Place>, problem: TraceProblem) {
        if !self.is_full() {
            self.errors.push(TraceError { file: Arc::clone(&self.file), place, problem });
        }
    }

    pub(super) fn warn_at(&mut self, place: Option<Place>, problem: TraceProblem) {
        if !self.is_full_of_warnings() {
            self.warnings.push(TraceError { file: Arc::clone(&self.file), place, problem });
        }
    }

    /// Brings all into the order of their places.
    pub(super) fn sort(&mut self) {
        for list in [&mut self.errors, &mut self.warnings] {
            list.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
        }
    }

    /// The errors, if there are any; else the warnings.
    pub(super) fn finish(mut self) -> Result<Vec<TraceError>, TraceErrors> {
        self.sort();
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        let is_complete = !self.is_full();
        Err(TraceErrors { errors: self.errors, warnings: self.warnings, is_complete })
    }
}

/// A text being read, and where its messages go.
pub(super) struct Reading<'a, 'm> {
    pub(super) located: Located<'a>,
    pub(super) messages: &'m mut Messages,
    /// Where keys stand twice in what was parsed last.
    duplicates: Vec<usize>,
}

impl<'a, 'm> Reading<'a, 'm> {
    pub(super) fn new(text: &'a str, start: (u64, u64), messages: &'m mut Messages) -> Self {
        Self { located: Located::new(text, start), messages, duplicates: Vec::new() }
    }

    pub(super) fn place(&mut self, at: usize) -> Place {
        let (line, column) = self.located.locate(at);
        Place { file: Arc::clone(&self.messages.file), line, column }
    }

    pub(super) fn error(&mut self, at: usize, problem: impl Into<TraceProblem>) {
        if !self.messages.is_full() {
            let place = self.place(at);
            self.messages.error_at(Some(place), problem.into());
        }
    }

    pub(super) fn warn(&mut self, at: usize, problem: TraceProblem) {
        if !self.messages.is_full_of_warnings() {
            let place = self.place(at);
            self.messages.warn_at(Some(place), problem);
        }
    }

    /// Keeps an error, if it is one.
    pub(super) fn ok<T>(&mut self, at: usize, result: Result<T, impl Into<TraceProblem>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                self.error(at, problem);
                None
            }
        }
    }

    pub(super) fn syntax<T>(&mut self, result: Result<T, SyntaxError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(error.at, TraceProblem::Syntax(error.problem.to_string().into()));
                None
            }
        }
    }

    /// The value of a span of the text, which lies inside `depth` lists and objects. Keys that stand twice are errors.
    pub(super) fn parse(&mut self, span: Span, depth: usize) -> Option<Value<'a>> {
        let mut parser = Parser::new(&self.located.text[..span.end], span.start, depth);
        let value = parser.value().and_then(|value| parser.end().map(|()| value));
        let duplicates = parser.duplicates;
        self.duplicates.clear();
        for DuplicateKey { at, key } in duplicates {
            self.duplicate_key(at, &key);
            self.duplicates.push(at);
        }
        self.syntax(value)
    }

    /// Reports a key that stands twice. One that is the author's own, and may be a secret, is not shown.
    pub(super) fn duplicate_key(&mut self, at: usize, key: &str) {
        if self.messages.is_full() {
            return;
        }
        let is_shown = is_known_name(key);
        self.error(
            at,
            if is_shown { TraceProblem::DuplicateKey { key: key.into() } } else { TraceProblem::DuplicateOwnKey },
        );
    }

    /// A value that the core reads from its JSON. An error is one of the innermost value at whose end it is noticed.
    pub(super) fn core_value<T: serde::de::DeserializeOwned>(&mut self, value: &Value<'_>) -> Option<T> {
        let text = &self.located.text[value.span.clone()];
        let error = match serde_json::from_str(text) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let at = value.span.start + offset_of(text, error.line(), error.column());
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
        let is_of_duplicate = message.starts_with("duplicate field") || message.ends_with("is given twice");
        if is_of_duplicate && self.duplicates.iter().any(|at| value.span.contains(at)) {
            return None;
        }
        let message = in_our_words(message);
        self.error(innermost(value, at).span.start, TraceProblem::Value(message.into()));
        None
    }
}

/// The innermost value at a byte.
fn innermost<'v, 'a>(value: &'v Value<'a>, at: usize) -> &'v Value<'a> {
    let members = value.members().iter().map(|member| &member.value);
    let below = members.chain(value.elements()).find(|below| below.span.contains(&at));
    below.map_or(value, |below| innermost(below, at))
}

/// Whether a key is one of the format's or of ECS's.
fn is_known_name(key: &str) -> bool {
    super::format::is_key(key) || super::ecs::is_member(key)
}

/// What `serde` says about a type or a number, without its jargon and without the text found, which may be a secret.
fn in_our_words(message: &str) -> String {
    if message == "number out of range" {
        return "a number that is too large; whole numbers go up to 2147483647 here".to_owned();
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("{key} is missing");
    }
    let kinds = ["invalid type: ", "invalid value: "];
    let Some((start, rest)) = kinds.iter().find_map(|kind| message.split_once(kind)) else {
        return message.to_owned();
    };
    let Some((found, expected)) = rest.rsplit_once(", expected ") else { return message.to_owned() };
    let expected = expected.replacen("an integer", "a whole number", 1);
    let expected = match &*expected {
        "a string" | "string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "u32" | "u64" => "a whole number",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let value = found.split_once('`').and_then(|(_, rest)| rest.split_once('`')).map(|(value, _)| value);
    let found = match (found.split(' ').next().unwrap_or_default(), value) {
        ("integer" | "floating", Some(number)) => number,
        ("integer" | "floating", None) => "a number",
        ("string" | "character", _) => "a text",
        ("boolean", _) => "true or false",
        ("map", _) => "an object",
        ("sequence", _) => "a list",
        _ => "null",
    };
    format!("{start}expected {expected}, found {found}")
}

/// The byte that `serde_json` means by a line and a column, which it counts in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_serde_are_said_in_our_words() {
        let cases = [
            (
                r#"invalid type: string "SECRET, expected x", expected a boolean"#,
                "expected true or false, found a text",
            ),
            (
                "invalid type: floating point `1.5`, expected an integer from 0 to 9",
                "expected a whole number from 0 to 9, found 1.5",
            ),
            (
                "invalid value: integer `-1`, expected an integer from 0 to 9",
                "expected a whole number from 0 to 9, found -1",
            ),
            ("invalid type: sequence, expected struct PortMappingForm", "expected an object, found a list"),
            ("missing field `name`", "`name` is missing"),
            (
                r#"container "a": invalid value: string "x", expected a whole number of GPUs or `ALL`"#,
                r#"container "a": expected a whole number of GPUs or `ALL`, found a text"#,
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(in_our_words(message), expected);
        }
    }
}
