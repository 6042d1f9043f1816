//! A running Amazon ECS cluster, from what `aws ecs describe-…` prints.
//!
//! `pages` reads the files, whatever their order, and keeps of every object what is newest; `state` leaves out what has no
//! place in a trace or contradicts the rest, which was taken at other moments; what stays is written as it was.
//!
//! Only what a trace reads is ever taken out of the files: no environment, command, label or secret can get further. Memory
//! grows with the cluster.

mod pages;
mod state;

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use self::pages::Pages;
use self::state::State;
use super::ImportReport;
use super::error::ImportError;
use super::seconds::Seconds;
use crate::trace::{OpenOptions, Source, TraceError, TraceForm, TraceWriter, from_bytes};

/// Characters that are shown of what is refused.
const SHOWN: usize = 120;

/// What an import of a cluster takes besides the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EcsOptions {
    /// Which cluster, if the files tell of several.
    pub cluster: Option<String>,
}

/// Writes the trace of a running cluster with its tasks and services, which has no events.
///
/// # Errors
/// [`ImportError`] for a file that is no JSON, for files that tell of several clusters, and for what they tell where it is
/// nothing that ECS prints: a service without a count, say.
pub fn import_ecs(
    files: &[PathBuf],
    options: &EcsOptions,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<ImportReport, ImportError> {
    let mut pages = Pages::default();
    for file in files {
        pages.read(file)?;
    }
    let cluster = pages.choose_cluster(options.cluster.as_deref())?;
    let rows_read = pages.objects;
    let State { instances, definitions, tasks, services, epoch_ms, dropped, notes } = State::of(pages);
    let mut writer = TraceWriter::new(Vec::new(), TraceForm::Document)?;
    writer.key("name", &cluster.unwrap_or_else(|| "ECS cluster".to_owned()))?;
    writer.key("settings", &SettingsOutput { default_strategy: "ecs-default", epoch: epoch_ms.map(Seconds) })?;
    writer.list("containerInstances", &instances)?;
    writer.list("taskDefinitions", &definitions)?;
    writer.list("tasks", &tasks)?;
    writer.list("services", &services)?;
    let mut report = ImportReport { rows_read, rows_dropped: dropped, notes, ..ImportReport::default() };
    report.container_instances = instances.len() as u64;
    report.task_definitions = definitions.len() as u64;
    report.notes.push(format!("{} running tasks and {} services", tasks.len(), services.len()));
    report
        .notes
        .push("time 0 is the latest moment in the files; there are no events: add some to see what happens".into());
    let text = writer.finish()?;
    let source = read(&text)?;
    match form {
        TraceForm::Document => out.write_all(&text)?,
        TraceForm::Lines => source.pieces().map_err(|error| refused(&error, &text))?.write(out, form)?,
    }
    Ok(report)
}

/// Reads what was written: values stand in it as the files have them, and not all that can be written can be read.
fn read(text: &[u8]) -> Result<Source, ImportError> {
    let source = from_bytes("", text, OpenOptions::default()).map_err(|error| refused(&error, text))?;
    let errors = source.survey().err();
    match errors.as_ref().and_then(|errors| errors.errors().first()) {
        Some(error) => Err(refused(error, text)),
        None => Ok(source),
    }
}

/// Shows the element on whose line the error is.
fn refused(error: &TraceError, text: &[u8]) -> ImportError {
    let line = error.place.as_ref().map_or(0, |place| place.line.saturating_sub(1));
    let line = text.split(|byte| *byte == b'\n').nth(usize::try_from(line).unwrap_or(usize::MAX)).unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN).collect();
    ImportError::Refused { problem: error.problem.to_string().into(), shown: shown.into() }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsOutput {
    default_strategy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Seconds>,
}

/// The id at the end of an ARN; other names as they are.
fn end_of_arn(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, id)| id)
}

#[cfg(test)]
mod tests;
