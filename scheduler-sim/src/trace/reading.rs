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

    /// The errors, if there are any; else the warnings.
    pub(super) fn finish(self) -> Result<Vec<TraceError>, TraceErrors> {
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
}

impl<'a, 'm> Reading<'a, 'm> {
    pub(super) fn new(text: &'a str, start: (u64, u64), messages: &'m mut Messages) -> Self {
        Self { located: Located::new(text, start), messages }
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
        for DuplicateKey { at, key } in duplicates {
            self.error(at, TraceProblem::DuplicateKey { key });
        }
        self.syntax(value)
    }

    /// A value that the core reads from its JSON. An error that the core notices at the end is one of the whole value.
    pub(super) fn core_value<T: serde::de::DeserializeOwned>(&mut self, value: &Value<'_>) -> Option<T> {
        let text = &self.located.text[value.span.clone()];
        let error = match serde_json::from_str(text) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let at = value.span.start + offset_of(text, error.line(), error.column());
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
        self.error(if at + 1 >= value.span.end { value.span.start } else { at }, TraceProblem::Value(message.into()));
        None
    }
}

/// The byte that `serde_json` means by a line and a column, which it counts in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
