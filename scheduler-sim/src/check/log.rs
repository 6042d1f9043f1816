//! The log as it is followed: the next line, and what is wrong with it.

use super::record::{Record, read_record};
use super::{CheckError, Wrong};
use crate::metrics::seconds;

/// Lines of a log, without their ends.
pub(super) type Lines<'a> = Box<dyn Iterator<Item = std::io::Result<String>> + 'a>;

pub(super) struct Log<'a> {
    lines: Lines<'a>,
    /// The number of the last line read.
    line: u64,
    next: Option<Record>,
}

impl<'a> Log<'a> {
    /// After the first line.
    pub(super) fn new(lines: Lines<'a>) -> Self {
        Self { lines, line: 1, next: None }
    }

    /// The line that comes next, if there is one.
    pub(super) fn peek(&mut self) -> Result<Option<&Record>, CheckError> {
        if self.next.is_none()
            && let Some(text) = self.lines.next()
        {
            self.line += 1;
            self.next = Some(read_record(self.line, &text.map_err(CheckError::Read)?)?);
        }
        Ok(self.next.as_ref())
    }

    /// Goes on to the next line.
    pub(super) fn pass(&mut self) {
        self.next = None;
    }

    /// The next line is wrong; `should` says what would be right.
    pub(super) fn wrong(&self, should: impl Into<String>) -> CheckError {
        let (line, found) = match &self.next {
            Some(record) => (record.line, shown(record)),
            None => (self.line + 1, "the log ends".to_owned()),
        };
        CheckError::Wrong(Wrong { line, found, should: should.into(), events: 0 })
    }
}

fn shown(record: &Record) -> String {
    let event = record.event.map_or_else(|| "no event".to_owned(), |event| format!("event {event}"));
    format!("second {}, {event}, `{}` {}", seconds(record.at_ms), record.task, record.what)
}
