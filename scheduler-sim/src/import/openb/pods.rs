//! The list of pods.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::error::ImportError;
use super::super::table::{Table, UniqueNames};
use super::nodes::{MODEL_EXPECTED, is_model};

/// What a pod asks for: pods of one shape share a task definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shape {
    pub(crate) cpu_milli: u32,
    pub(crate) memory_mib: u32,
    pub(crate) gpus: u32,
    /// The share of its one GPU, if it is not all of it.
    pub(crate) gpu_milli: Option<u32>,
    /// The GPU models that it may have; none: any.
    pub(crate) models: BTreeSet<Box<str>>,
}

#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) name: Box<str>,
    pub(crate) shape: Shape,
    /// `gpu_spec` as it is written.
    pub(crate) gpu_spec: Box<str>,
    /// When it arrives, and how long it runs, in seconds.
    pub(crate) arrives: u64,
    pub(crate) runs: Option<u64>,
}

/// The pods of a list, and what was dropped of it.
#[derive(Debug, Default)]
pub(crate) struct PodList {
    pub(crate) pods: Vec<Pod>,
    pub(crate) rows_dropped: u64,
}

pub(crate) fn read_pods(path: &Path, needs_times: bool) -> Result<PodList, ImportError> {
    const HINT: &str = "A list of pods has the columns `name`, `cpu_milli`, `memory_mib`, `num_gpu` and `gpu_milli`";
    const TIMES: &str = "A list without times is read with an event order";
    let mut table = Table::open(path)?;
    let column = |name| table.column(name, HINT);
    let (name, cpu, memory) = (column("name")?, column("cpu_milli")?, column("memory_mib")?);
    let (gpus, gpu_milli) = (column("num_gpu")?, column("gpu_milli")?);
    let models = table.optional_column("gpu_spec");
    let times = if needs_times {
        let time = |name| table.column(name, TIMES);
        Some((time("creation_time")?, time("deletion_time")?, time("scheduled_time")?))
    } else {
        None
    };
    let mut list = PodList::default();
    let mut names = UniqueNames::default();
    while let Some(row) = table.next()? {
        let count = row.amount(gpus)?;
        let milli = if count == 0 { 1000 } else { row.amount(gpu_milli)? };
        if milli == 0 || milli > 1000 || (milli < 1000 && count > 1) {
            return Err(row.wrong(gpu_milli, "1000, or from 1 on where `num_gpu` is 1"));
        }
        let mut allowed = BTreeSet::new();
        if let Some(models) = models.filter(|_| count > 0) {
            for model in row.text(models).split('|').filter(|model| !model.is_empty()) {
                if !is_model(model) {
                    return Err(row.wrong(models, MODEL_EXPECTED));
                }
                allowed.insert(model.into());
            }
        }
        let shape = Shape {
            cpu_milli: row.amount(cpu)?,
            memory_mib: row.amount(memory)?,
            gpus: count,
            gpu_milli: Some(milli).filter(|&milli| milli < 1000),
            models: allowed,
        };
        let gpu_spec = models.map_or("", |models| row.text(models)).into();
        let mut pod = Pod { name: names.take(&row, name)?, shape, gpu_spec, arrives: 0, runs: None };
        if let Some((created, deleted, scheduled)) = times {
            let Some(created) = row.seconds(created)? else {
                return Err(row.wrong(created, "the second of its creation"));
            };
            let starts = row.seconds(scheduled)?.unwrap_or(created);
            let runs = row.seconds(deleted)?.map(|deleted| deleted.checked_sub(starts));
            let Some(runs) = runs.map_or(Some(None), |runs| runs.map(Some)) else {
                list.rows_dropped += 1;
                continue;
            };
            (pod.arrives, pod.runs) = (created, runs);
        }
        list.pods.push(pod);
    }
    Ok(list)
}
