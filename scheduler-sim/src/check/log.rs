//! The log as it is followed: the next line, and what is wrong with it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::record::{Record, What, read_record};
use super::{CheckError, Wrong};
use crate::metrics::seconds;

/// Lines of a log, without their ends.
pub(super) type Lines<'a> = Box<dyn Iterator<Item = std::io::Result<String>> + 'a>;

pub(super) struct Log<'a> {
    lines: Lines<'a>,
    /// The number of the last line read.
    line: u64,
    next: Option<Record>,
    is_stopped: &'a AtomicBool,
}

impl<'a> Log<'a> {
    /// After the first line. Whoever sets `is_stopped` ends the work.
    pub(super) fn new(lines: Lines<'a>, is_stopped: &'a AtomicBool) -> Self {
        Self { lines, line: 1, next: None, is_stopped }
    }

    /// The line that comes next, if there is one.
    pub(super) fn peek(&mut self) -> Result<Option<&Record>, CheckError> {
        if self.next.is_none() {
            self.check_pulse()?;
            if let Some(text) = self.lines.next() {
                self.line += 1;
                self.next = Some(read_record(self.line, &text.map_err(CheckError::Read)?)?);
            }
        }
        Ok(self.next.as_ref())
    }

    /// Ends work that shall not go on.
    pub(super) fn check_pulse(&self) -> Result<(), CheckError> {
        if self.is_stopped.load(Ordering::Relaxed) { Err(CheckError::Interrupted) } else { Ok(()) }
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

    /// The next line must be one of that task at that instant; what it says of it comes back.
    pub(super) fn expect_head(&mut self, head: &Head<'_>) -> Result<What, CheckError> {
        let is_right = |record: &&Record| {
            record.at_ms == head.at_ms
                && record.event == head.event
                && record.task == head.task
                && record.group == head.group
        };
        let found = self.peek()?.filter(is_right).map(|record| record.what.clone());
        found.ok_or_else(|| {
            let Head { at_ms, event, task, group } = head;
            self.wrong(format!("a line of `{task}` (group `{group}`) at second {}, {}", seconds(*at_ms), by(*event)))
        })
    }

    /// The next line must be exactly this one.
    pub(super) fn expect(&mut self, head: &Head<'_>, what: &What) -> Result<(), CheckError> {
        let found = self.expect_head(head)?;
        if found != *what {
            let task = head.task;
            let are_alike = found.to_string() == what.to_string();
            let should = if are_alike { format!("`{task}`: {what:?}") } else { format!("`{task}` is {what}") };
            return Err(self.wrong(should));
        }
        self.pass();
        Ok(())
    }
}

/// How a line begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) at_ms: u64,
    pub(super) event: Option<u64>,
    pub(super) task: &'a str,
    pub(super) group: &'a str,
}

fn by(event: Option<u64>) -> String {
    event.map_or_else(|| "no event".to_owned(), |event| format!("event {event}"))
}

fn shown(record: &Record) -> String {
    format!("second {}, {}, `{}` {}", seconds(record.at_ms), by(record.event), record.task, record.what)
}
