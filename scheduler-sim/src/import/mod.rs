//! Traces from the formats of others. One file a format; `table` reads their tables, `output` writes ours.

mod error;
mod openb;
mod output;
mod table;

pub use error::ImportError;
pub use openb::{OpenbOptions, import_openb};
pub use output::{OutputFile, TraceForm, TraceWriter};

/// What an import did, for the user to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// Container instances written.
    pub container_instances: u64,
    /// Task definitions written.
    pub task_definitions: u64,
    /// Events written.
    pub events: u64,
    /// Rows of the input that were left out.
    pub rows_dropped: u64,
    /// What the trace does not say as the input did, and what was left out and why, a sentence each.
    pub notes: Vec<String>,
}
