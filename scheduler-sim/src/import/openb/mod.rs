//! The GPU cluster of Alibaba, 2023 (`openb`, `cluster-trace-gpu-v2023`): a list of nodes and a list of pods.
//!
//! What becomes of what:
//! - a node: a container instance of its name in the one Availability Zone `openb`, its GPU model the attribute
//!   `gpu-model`; CPU in thousandths of a core, one thousandth being one CPU unit, since 1.024 does not give whole ones;
//! - a pod: a runTask of its name. Pods that ask for the same share a task definition;
//! - `gpu_spec`: a memberOf constraint on `gpu-model`; it counts for pods with GPUs alone;
//! - `gpu_milli` of a pod with one GPU: `gpuMilli`;
//! - with an event order: one pod a second in that order, from second 0, none of which ends;
//! - without: a pod arrives at `creation_time` and runs from when it was scheduled there (never: from its creation) to
//!   its `deletion_time`.

mod definitions;
mod nodes;
mod order;
mod pods;

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub(crate) use self::definitions::model_expression;
use self::definitions::{Definitions, UsedNames};
pub(crate) use self::nodes::{Node, read_nodes};
pub(crate) use self::order::read_orders;
use self::order::{ordered, read_order};
use self::pods::PodList;
pub(crate) use self::pods::{Pod, Shape, read_pods};
use super::ImportReport;
use super::error::ImportError;
use crate::trace::{TraceForm, TraceWriter};

/// The Availability Zone of all nodes; the list has none.
pub(crate) const ZONE: &str = "openb";
/// The attribute that holds the GPU model.
pub(crate) const MODEL: &str = "gpu-model";

/// What an import of openb takes besides the two lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenbOptions {
    /// The order in which pods arrive, one a second: columns `pod` and, for several orders in a file, `seed`.
    pub event_order: Option<PathBuf>,
    /// Which of several orders.
    pub order_seed: Option<u64>,
    /// The order in which nodes register: columns `node` and, for several orders in a file, `seed`.
    pub node_order: Option<PathBuf>,
}

/// Writes the trace of a list of nodes and a list of pods, each a table that may be packed with gzip.
///
/// # Errors
/// [`ImportError`] with file and line for a column that is missing, a field that is none, a name that is there twice or
/// not at all.
pub fn import_openb(
    nodes: &Path,
    pods: &Path,
    options: &OpenbOptions,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<ImportReport, ImportError> {
    let mut nodes = read_nodes(nodes)?;
    if let Some(order) = &options.node_order {
        nodes = ordered(&nodes, order, options.order_seed)?;
    }
    let list = read_pods(pods, options.event_order.is_none())?;
    let arrivals = match &options.event_order {
        Some(order) => arrivals_in_order(&list, order, options.order_seed)?,
        None => arrivals_by_time(&list),
    };
    let definitions = Definitions::of(&list.pods);
    let mut writer = TraceWriter::new(out, form)?;
    writer.key("name", &title(pods, options.order_seed.filter(|_| options.event_order.is_some())))?;
    writer.list("containerInstances", nodes.iter().map(Node::entry))?;
    writer.list("taskDefinitions", definitions.entries())?;
    let mut names = UsedNames::default();
    for arrival in &arrivals {
        writer.event(&event(&list.pods[arrival.pod], arrival, &definitions, &mut names))?;
    }
    let mut report = ImportReport { rows_dropped: list.rows_dropped, ..ImportReport::default() };
    report.rows_read = list.pods.len() as u64 + list.rows_dropped;
    report.container_instances = nodes.len() as u64;
    report.task_definitions = definitions.names.len() as u64;
    report.events = writer.event_count();
    report.notes = notes(&list, &arrivals, options);
    writer.finish()?;
    Ok(report)
}

/// A pod that arrives.
#[derive(Debug)]
struct Arrival {
    pod: usize,
    at_seconds: u64,
    duration_seconds: Option<u64>,
}

fn arrivals_in_order(list: &PodList, order: &Path, seed: Option<u64>) -> Result<Vec<Arrival>, ImportError> {
    let indexes: HashMap<_, _> = list.pods.iter().zip(0..).map(|(pod, index)| (&*pod.name, index)).collect();
    let order = read_order(order, "pod", seed, |name| indexes.get(name).copied(), "the list of pods")?;
    let arrivals = (0..).zip(order).map(|(at_seconds, (pod, _))| Arrival { pod, at_seconds, duration_seconds: None });
    Ok(arrivals.collect())
}

fn arrivals_by_time(list: &PodList) -> Vec<Arrival> {
    let arrival = |(pod, it): (usize, &Pod)| Arrival { pod, at_seconds: it.arrives, duration_seconds: it.runs };
    let mut arrivals: Vec<_> = list.pods.iter().enumerate().map(arrival).collect();
    arrivals.sort_by_key(|arrival| arrival.at_seconds);
    arrivals
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventOutput<'a> {
    at_seconds: u64,
    run_task: RunTaskOutput<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunTaskOutput<'a> {
    task_definition: &'a str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<u64>,
}

fn event<'a>(pod: &Pod, arrival: &Arrival, definitions: &'a Definitions<'_>, names: &mut UsedNames) -> EventOutput<'a> {
    let run_task = RunTaskOutput {
        task_definition: &definitions.names[&pod.shape],
        id: names.next(&pod.name, '.'),
        duration_seconds: arrival.duration_seconds,
    };
    EventOutput { at_seconds: arrival.at_seconds, run_task }
}

/// The trace's name: the list's without folders and extensions, and the seed of the order.
fn title(pods: &Path, seed: Option<u64>) -> String {
    let name = pods.file_name().unwrap_or_default().to_string_lossy();
    let title = name.trim_end_matches(".gz").trim_end_matches(".csv");
    match seed {
        Some(seed) => format!("{title} seed {seed}"),
        None => title.to_owned(),
    }
}

fn notes(list: &PodList, arrivals: &[Arrival], options: &OpenbOptions) -> Vec<String> {
    let mut notes = Vec::new();
    if list.rows_dropped > 0 {
        notes.push(format!("{} pods are left out: they are deleted before they are scheduled", list.rows_dropped));
    }
    if options.event_order.is_some() {
        let distinct: HashSet<_> = arrivals.iter().map(|arrival| arrival.pod).collect();
        let (again, never) = (arrivals.len() - distinct.len(), list.pods.len() - distinct.len());
        notes.push(format!("{} pods arrive one a second in the order given, and none ends", arrivals.len()));
        if again > 0 {
            notes.push(format!("{again} of them come up again, named with a number: `pod.2`"));
        }
        if never > 0 {
            notes.push(format!("{never} pods of the list are not in the order, and are left out"));
        }
    } else {
        notes.push(
            "pods arrive at creation_time and run from scheduled_time (none: creation_time) to deletion_time".into(),
        );
    }
    notes
}

#[cfg(test)]
mod tests;
