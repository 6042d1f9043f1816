//! Traces from the formats of others. One file a format; `table` reads their tables.

mod alibaba_dlrm;
mod azure_vms;
mod columns;
mod csv_table;
mod decimal;
mod ecs;
mod error;
mod horizon;
mod huawei_topology;
mod line_ends;
mod machines;
pub(crate) mod openb;
#[cfg(test)]
mod public_traces;
mod seconds;
mod spool;
pub(crate) mod table;
mod task_trace;
#[cfg(test)]
mod testing;

pub use alibaba_dlrm::{DlrmOptions, DlrmRole, import_alibaba_dlrm};
pub use azure_vms::{AzureOptions, Lifetime, import_azure_vms};
pub use columns::ColumnMap;
pub use csv_table::{CsvOptions, CsvStart, import_csv};
pub use ecs::{EcsOptions, import_ecs};
pub use error::ImportError;
pub use huawei_topology::import_huawei_topology;
pub use machines::{Machines, MachinesError, Zones};
pub use openb::{OpenbOptions, import_openb};

/// What an import did, for the user to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// Rows, or objects, of the input that became something, and those left out.
    pub rows_read: u64,
    /// Container instances written.
    pub container_instances: u64,
    /// Task definitions written.
    pub task_definitions: u64,
    /// Events written.
    pub events: u64,
    /// Rows of the input that were left out.
    pub rows_dropped: u64,
    /// What the tasks of the events ask for together.
    pub totals: TaskTotals,
    /// What the trace does not say as the input did, and what was left out and why, a sentence each.
    pub notes: Vec<String>,
}

/// What tasks ask for together: to compare with the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TaskTotals {
    /// Tasks.
    pub tasks: u64,
    /// Their CPU units.
    pub cpu_units: u64,
    /// Their memory in MiB.
    pub memory_mib: u64,
    /// Their GPUs.
    pub gpus: u64,
    /// The durations of those that have one, in milliseconds.
    pub task_ms: u128,
}

impl TaskTotals {
    fn add(&mut self, task: &task_trace::Task) {
        let count = u64::from(task.count);
        let sum = |total: u64, amount: u32| total.saturating_add(count * u64::from(amount));
        self.tasks += count;
        self.cpu_units = sum(self.cpu_units, task.shape.cpu_units);
        self.memory_mib = sum(self.memory_mib, task.shape.memory_mib);
        self.gpus = sum(self.gpus, task.shape.gpus);
        self.task_ms += u128::from(count) * u128::from(task.duration_ms.unwrap_or(0));
    }
}
