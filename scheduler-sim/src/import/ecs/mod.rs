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
use crate::trace::{TraceForm, TraceWriter};

/// What an import of a cluster takes besides the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EcsOptions {
    /// Which cluster, if the files tell of several.
    pub cluster: Option<String>,
}

/// Writes the trace of a running cluster with its tasks and services, which has no events.
///
/// # Errors
/// [`ImportError`] for a file that is no JSON, and for files that tell of several clusters.
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
    let mut writer = TraceWriter::new(out, form)?;
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
    writer.finish()?;
    Ok(report)
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
