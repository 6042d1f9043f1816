//! A trace of standalone tasks in the making: its task definitions, its tasks in the order of time, and where it ends.
//!
//! Importers of tables add their rows as they read them. Events wait in a [`Spool`], since what a trace says first, its task
//! definitions and its end, is known last. Memory grows with the number of different task definitions alone.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::error::ImportError;
use super::horizon::Horizon;
use super::seconds::{MAX_MS, Seconds};
use super::spool::{LIMIT, Spool};
use super::{ImportReport, TaskTotals};
use crate::trace::{TraceForm, TraceWriter};

/// What tasks of one task definition ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// What the family shall be called; none: after what is asked for.
    pub(super) family: Option<Box<str>>,
    pub(super) cpu_units: u32,
    pub(super) memory_mib: u32,
    pub(super) gpus: u32,
    pub(super) max_tasks_per_instance: Option<u32>,
}

impl Shape {
    fn wanted_family(&self) -> String {
        match (&self.family, self.gpus) {
            (Some(family), _) => family.to_string(),
            (None, 0) => format!("c{}-m{}", self.cpu_units, self.memory_mib),
            (None, gpus) => format!("c{}-m{}-g{gpus}", self.cpu_units, self.memory_mib),
        }
    }
}

/// A runTask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) shape: Shape,
    pub(super) count: u32,
    pub(super) id: Option<String>,
    pub(super) group: Option<String>,
    pub(super) duration_ms: Option<u64>,
    pub(super) constraints: Vec<ConstraintOutput>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ConstraintOutput {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expression: Option<String>,
}

impl ConstraintOutput {
    pub(super) fn member_of(expression: String) -> Self {
        Self { kind: "memberOf", expression: Some(expression) }
    }
}

#[derive(Debug)]
pub(super) struct TaskTrace {
    families: HashMap<Shape, Arc<str>>,
    definitions: Vec<DefinitionOutput>,
    taken: HashSet<Arc<str>>,
    spool: Spool,
    horizon: Horizon,
    totals: TaskTotals,
    latest_ms: u64,
    out_of_order: u64,
}

/// What stands before the tasks of a trace.
pub(super) struct Preamble<'a, I> {
    pub(super) name: String,
    pub(super) instances: &'a [I],
    /// What second 0 of the trace is on the clock of the source, in milliseconds.
    pub(super) start_ms: u64,
    /// Where the trace ends on that clock; none: where most of its tasks have ended, if one stretches the horizon.
    pub(super) end_ms: Option<u64>,
}

impl TaskTrace {
    pub(super) fn new() -> Self {
        Self {
            families: HashMap::new(),
            definitions: Vec::new(),
            taken: HashSet::new(),
            spool: Spool::new(LIMIT),
            horizon: Horizon::default(),
            totals: TaskTotals::default(),
            latest_ms: 0,
            out_of_order: 0,
        }
    }

    /// Adds a task that arrives at a moment on the clock of the source.
    pub(super) fn add(&mut self, at_ms: u64, task: Task) -> Result<(), ImportError> {
        self.out_of_order += u64::from(at_ms < self.latest_ms);
        self.latest_ms = self.latest_ms.max(at_ms);
        self.horizon.add(at_ms, task.duration_ms.map(|duration| at_ms + duration));
        self.totals.add(&task);
        let family = self.family(task.shape);
        let event = RunTaskOutput {
            task_definition: &family,
            count: task.count,
            id: task.id,
            group: task.group,
            duration_seconds: task.duration_ms.map(Seconds),
            placement_constraints: task.constraints,
        };
        Ok(self.spool.push(at_ms, &event)?)
    }

    fn family(&mut self, shape: Shape) -> Arc<str> {
        if let Some(family) = self.families.get(&shape) {
            return Arc::clone(family);
        }
        let wanted = shape.wanted_family();
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let free = std::iter::once(wanted.clone()).chain(numbered).find(|name| !self.taken.contains(&**name));
        let family: Arc<str> = free.unwrap_or(wanted).into();
        self.taken.insert(Arc::clone(&family));
        self.definitions.push(DefinitionOutput {
            family: Arc::clone(&family),
            cpu: shape.cpu_units,
            memory: shape.memory_mib,
            gpu: shape.gpus,
            max_tasks_per_instance: shape.max_tasks_per_instance,
        });
        self.families.insert(shape, Arc::clone(&family));
        family
    }

    /// When the last task so far arrives.
    pub(super) fn latest_ms(&self) -> u64 {
        self.latest_ms
    }

    /// Writes the trace, and reports what is in it.
    pub(super) fn write<I: Serialize>(
        self,
        preamble: &Preamble<'_, I>,
        form: TraceForm,
        out: &mut dyn Write,
    ) -> Result<ImportReport, ImportError> {
        let end_ms = preamble.end_ms.or_else(|| self.horizon.end_ms());
        let end_ms = end_ms.map(|end_ms| end_ms.saturating_sub(preamble.start_ms).min(MAX_MS));
        let mut writer = TraceWriter::new(out, form)?;
        writer.key("name", &preamble.name)?;
        if let Some(end_ms) = end_ms {
            writer.key("settings", &SettingsOutput { end_seconds: Seconds(end_ms) })?;
        }
        writer.list("containerInstances", preamble.instances)?;
        writer.list("taskDefinitions", &self.definitions)?;
        self.spool.drain(|at_ms, text| {
            let at_seconds = Seconds(at_ms.saturating_sub(preamble.start_ms));
            writer.event(&EventOutput { at_seconds, run_task: serde_json::from_slice(text)? })
        })?;
        let mut report = ImportReport {
            task_definitions: self.definitions.len() as u64,
            events: writer.event_count(),
            totals: self.totals,
            ..ImportReport::default()
        };
        if self.out_of_order > 0 {
            report.notes.push(format!("{} rows were not in the order of time, and are sorted", self.out_of_order));
        }
        if let Some(end_ms) = end_ms {
            report.notes.push(format!("the trace ends at second {}: endSeconds", Seconds(end_ms)));
        }
        writer.finish()?;
        Ok(report)
    }
}

/// The trace's name: the file's without folders and extensions.
pub(super) fn title(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst").trim_end_matches(".csv");
    if name.is_empty() || name == "-" { "imported".to_owned() } else { name.to_owned() }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsOutput {
    end_seconds: Seconds,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionOutput {
    family: Arc<str>,
    cpu: u32,
    memory: u32,
    #[serde(skip_serializing_if = "is_zero")]
    gpu: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tasks_per_instance: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventOutput<'a> {
    at_seconds: Seconds,
    run_task: &'a RawValue,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunTaskOutput<'a> {
    task_definition: &'a str,
    #[serde(skip_serializing_if = "is_one")]
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    placement_constraints: Vec<ConstraintOutput>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}
