//! A trace in the pieces that it is written of: to leave some out, change some, and write it again.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::error::TraceProblem;
use super::input::Input;
use super::lines::Lines;
use super::output::{TraceForm, TraceWriter};
use super::raw::{RawMap, edit, object, set};
use super::source::without_mark;

/// A trace as text in pieces. What is not touched stays as it was written, but for line breaks.
///
/// Memory: as much as the unpacked trace, and 16 bytes an event.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// The keys of the document with their values, but for `version` and `events`.
    pub fields: RawMap,
    /// The events as they stand in the file, which may be another order than that in which they are played. An
    /// event's [number](super::Event::number) is its index here.
    pub events: Vec<Box<RawValue>>,
}

impl Pieces {
    pub(super) fn of_document(text: &str) -> Result<Self, TraceProblem> {
        let mut pieces = Self { fields: serde_json::from_str(text).map_err(broken)?, events: Vec::new() };
        pieces.events = pieces.list("events").map_err(broken)?;
        Ok(pieces.without_frame())
    }

    pub(super) fn of_lines(input: &Input) -> Result<Self, TraceProblem> {
        let mut lines = Lines::new(input)?;
        let first = lines.next()?.unwrap_or_default();
        let mut pieces =
            Self { fields: serde_json::from_str(without_mark(first)).map_err(broken)?, events: Vec::new() };
        while let Some(line) = lines.next()? {
            // Empty lines stand at the end only.
            if !line.trim_ascii().is_empty() {
                pieces.events.push(serde_json::from_str(line).map_err(broken)?);
            }
        }
        Ok(pieces.without_frame())
    }

    /// Without what the writer writes by itself.
    fn without_frame(mut self) -> Self {
        self.fields.shift_remove("version");
        self.fields.shift_remove("events");
        self
    }

    /// The elements of a key whose value is a list; none where the key is absent.
    ///
    /// # Errors
    /// If the value is no list.
    pub fn list(&self, key: &str) -> serde_json::Result<Vec<Box<RawValue>>> {
        self.fields.get(key).map_or(Ok(Vec::new()), |value| serde_json::from_str(value.get()))
    }

    /// Sets the list of a key, which goes with its last element.
    ///
    /// # Errors
    /// If an element cannot be written as JSON.
    pub fn set_list<T: Serialize>(&mut self, key: &str, elements: &[T]) -> serde_json::Result<()> {
        if elements.is_empty() {
            self.fields.shift_remove(key);
        } else {
            self.fields.insert(key.to_owned(), to_raw_value(elements)?);
        }
        Ok(())
    }

    /// Gives the tasks without an `id` the one that they have by their event's number, so that they keep it when other
    /// events come or go.
    pub fn name_tasks(&mut self) {
        for (number, event) in self.events.iter_mut().enumerate() {
            if let Some(named) = with_task_name(event, number) {
                *event = named;
            }
        }
    }

    /// Writes the trace.
    ///
    /// # Errors
    /// As the writer has them.
    pub fn write(&self, out: impl Write, form: TraceForm) -> io::Result<()> {
        let mut writer = TraceWriter::new(out, form)?;
        for (key, value) in &self.fields {
            writer.key(key, &on_one_line(value))?;
        }
        for event in &self.events {
            writer.event(&on_one_line(event))?;
        }
        writer.finish().map(drop)
    }

    /// The trace as text.
    pub fn to_text(&self, form: TraceForm) -> String {
        let mut text = Vec::new();
        // Memory takes all that is written, and it is text.
        let _ = self.write(&mut text, form);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The event with an `id` for its tasks; `None` if it has one, or starts no task.
fn with_task_name(event: &RawValue, number: usize) -> Option<Box<RawValue>> {
    let members = object(event).ok()?;
    let key = ["runTask", "startTask"].into_iter().find(|key| members.contains_key(*key))?;
    let is_named = object(members.get(key)?).ok()?.contains_key("id");
    let name = || edit(event, key, |call| set(call, "id", format!("task-{number}"))).ok();
    if is_named { None } else { name() }
}

/// A value on one line: JSON has line breaks only where a space does as well.
fn on_one_line(value: &RawValue) -> Box<RawValue> {
    let text = value.get();
    let joined = text.contains(['\n', '\r']).then(|| text.replace(['\n', '\r'], " "));
    joined.and_then(|text| RawValue::from_string(text).ok()).unwrap_or_else(|| value.to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn broken(error: serde_json::Error) -> TraceProblem {
    TraceProblem::Read(error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{OpenOptions, from_bytes};

    fn pieces(text: &str) -> Pieces {
        from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable").pieces().expect("a trace")
    }

    #[test]
    fn pieces_put_together_again_are_the_trace() {
        let document = concat!(
            "\u{feff}{\n \"version\": 1, \"settings\": {\n   \"seed\": 1e0},\n \"events\": [{\"atSeconds\": 2.50,\r\n",
            " \"runTask\": {\"taskDefinition\": \"a\\nb\"}},\n {\"atSeconds\": 1}\n ], \"name\": \"n\"}\n"
        );
        let lines = concat!(
            "{\"version\": 1, \"settings\": {    \"seed\": 1e0}, \"name\": \"n\"}\n",
            "{\"atSeconds\": 2.50,   \"runTask\": {\"taskDefinition\": \"a\\nb\"}}\n{\"atSeconds\": 1}\n"
        );
        assert_eq!(pieces(document).to_text(TraceForm::Lines), lines);
        for form in [TraceForm::Document, TraceForm::Lines] {
            let text = pieces(document).to_text(form);
            assert_eq!(pieces(&text).to_text(TraceForm::Lines), lines, "{text}");
        }
    }

    #[test]
    fn tasks_keep_their_names() {
        let mut pieces = pieces(concat!(
            "{\"version\": 1}\n{\"runTask\": {\"id\": \"own\"}}\n{\"startTask\": {}, \"atSeconds\": 0}\n",
            "{\"stopTask\": {}}\n"
        ));
        pieces.name_tasks();
        pieces.events.remove(0);
        let named = "{\"version\": 1}\n{\"startTask\":{\"id\":\"task-1\"},\"atSeconds\":0}\n{\"stopTask\": {}}\n";
        assert_eq!(pieces.to_text(TraceForm::Lines), named);
    }

    #[test]
    fn lists_are_taken_apart_and_set() {
        let mut pieces = pieces("{\"version\": 1, \"services\": [{\"a\": 1}, {}], \"tasks\": 3}\n{}\n");
        let mut services = pieces.list("services").expect("a list");
        assert!(pieces.list("tasks").is_err() && pieces.list("absent").expect("none").is_empty());
        services.remove(0);
        pieces.set_list("services", &services).expect("JSON");
        assert_eq!(pieces.fields["services"].get(), "[{}]");
        pieces.set_list::<Box<RawValue>>("services", &[]).expect("JSON");
        assert!(!pieces.fields.contains_key("services"));
    }
}
