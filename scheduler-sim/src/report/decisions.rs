//! The decision log: JSON Lines, a header and then one object a decision, written while the run goes on.

use std::collections::BTreeMap;
use std::io::{self, Write};

use scheduler_core::{Cause, InstanceId, TaskId};

use super::json::SCHEMA_VERSION;
use super::value::{Json, quote};
use crate::metrics::seconds;
use crate::outcome::{Fate, Observation, Observer, Outcome, Refused};

/// Writes the log of one run.
#[derive(Debug)]
pub struct DecisionLog<W> {
    writer: W,
    /// The first error; nothing is written after it.
    error: Option<io::Error>,
}

impl<W: Write> DecisionLog<W> {
    /// A log with its header; `settings` are those of [`settings_object`](super::settings_object).
    pub fn new(writer: W, trace: &str, strategy: &str, seed: u64, settings: Json) -> Self {
        let header = Json::object([
            ("schema_version", Json::count(SCHEMA_VERSION)),
            ("trace", Json::from(trace)),
            ("strategy", Json::from(strategy)),
            ("seed", Json::count(seed)),
            ("settings", settings),
        ]);
        let mut log = Self { writer, error: None };
        log.write_line(&header.compact());
        log
    }

    /// Whoever was written to, once everything has been.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => self.writer.flush().map(|()| self.writer),
        }
    }

    fn write_line(&mut self, line: &str) {
        if self.error.is_none() {
            self.error = writeln!(self.writer, "{line}").err();
        }
    }
}

impl<W: Write> Observer for DecisionLog<W> {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        let Some(tail) = tail(outcome) else { return };
        let head = head(at_ms, outcome);
        let mut line = String::new();
        // An error is kept, and told at the end; the names after it are not wanted.
        let _: Result<(), ()> = outcome.copies.for_each_name(|name| {
            line.clear();
            line.push_str(&head);
            quote(name, &mut line);
            line.push_str(&tail);
            self.write_line(&line);
            if self.error.is_some() { Err(()) } else { Ok(()) }
        });
    }
}

/// `{"atSeconds":12.5,"event":3,"task":`
fn head(at_ms: u64, outcome: &Outcome<'_>) -> String {
    let event = outcome.event.map_or_else(|| "null".to_owned(), |event| event.to_string());
    format!("{{\"atSeconds\":{},\"event\":{event},\"task\":", seconds(at_ms))
}

/// What follows the task's name; `None` where there is no line.
fn tail(outcome: &Outcome<'_>) -> Option<String> {
    let mut tail = String::new();
    put(&mut tail, "group", outcome.group.as_str());
    match outcome.fate {
        Fate::Placed { instance, zone, gpus, why, .. } => {
            put(&mut tail, "placed", instance);
            put(&mut tail, "availabilityZone", zone);
            if !gpus.is_empty() {
                let gpus = Json::List(gpus.iter().map(|gpu| Json::from(*gpu)).collect());
                tail.push_str(",\"gpus\":");
                tail.push_str(&gpus.compact());
            }
            if let Some(why) = why {
                put(&mut tail, "why", &why.to_string());
            }
        }
        Fate::Refused(refused) | Fate::Missing { refused, .. } => put_refusal(&mut tail, "unplaced", refused),
        Fate::Waiting(refused) => put_refusal(&mut tail, "waiting", refused),
        Fate::Withdrawn { why, .. } => {
            // What services give up was never on a line of the queue.
            outcome.event?;
            tail.push_str(",\"stopped\":null");
            put(&mut tail, "why", &why.to_string());
        }
        Fate::StillWanted { .. } => return None,
        Fate::Stopped { instance, why } => {
            put(&mut tail, "stopped", instance);
            put(&mut tail, "why", &why.to_string());
        }
    }
    tail.push('}');
    Some(tail)
}

fn put_refusal(tail: &mut String, key: &str, refused: Refused<'_>) {
    put(tail, key, refused.reason);
    if let Some(closest) = refused.closest {
        put(tail, "closest", closest);
    }
}

fn put(tail: &mut String, key: &str, value: &str) {
    tail.push(',');
    quote(key, tail);
    tail.push(':');
    quote(value, tail);
}

/// The tasks on each instance when the run ends.
#[derive(Debug, Default)]
pub struct FinalPlacement {
    instances: BTreeMap<InstanceId, (String, BTreeMap<TaskId, String>)>,
}

impl FinalPlacement {
    /// Instances that run tasks, in order of registration, each with its tasks in order of placement.
    pub fn finish(self) -> Vec<(String, Vec<String>)> {
        let busy = self.instances.into_values().filter(|(_, tasks)| !tasks.is_empty());
        busy.map(|(instance, tasks)| (instance, tasks.into_values().collect())).collect()
    }
}

impl Observer for FinalPlacement {
    fn observe(&mut self, _at_ms: u64, observation: &Observation<'_>) {
        let Observation::Change(change) = observation else { return };
        match (&change.cause, &change.task) {
            (Cause::Registered(description) | Cause::Returned(description), _) => {
                self.instances.insert(change.instance, (description.name().to_owned(), BTreeMap::new()));
            }
            (Cause::Deregistered | Cause::Failed, _) => {
                self.instances.remove(&change.instance);
            }
            (Cause::Started, Some(task)) => {
                if let Some((_, tasks)) = self.instances.get_mut(&change.instance) {
                    tasks.insert(task.id, task.name.as_deref().unwrap_or_default().to_owned());
                }
            }
            (Cause::Stopped | Cause::Lost, Some(task)) => {
                if let Some((_, tasks)) = self.instances.get_mut(&change.instance) {
                    tasks.remove(&task.id);
                }
            }
            _ => {}
        }
    }
}
