//! Why an import fails.

use std::io;

use crate::trace::OutputError;

/// Why a trace could not be imported. Nothing is left of the output file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{file}: cannot read the file: {source}")]
    Read {
        /// The file.
        file: Box<str>,
        /// What went wrong.
        source: io::Error,
    },
    /// A file is not the table that it should be.
    #[error("{file}: not a table of comma-separated values: {source}")]
    Table {
        /// The file.
        file: Box<str>,
        /// What is wrong.
        source: csv::Error,
    },
    /// A table lacks a column.
    #[error("{file}:1: no column `{column}`; there are {found}. {hint}")]
    MissingColumn {
        /// The file.
        file: Box<str>,
        /// The column.
        column: Box<str>,
        /// Those there are.
        found: Box<str>,
        /// What to do.
        hint: &'static str,
    },
    /// A field is not what its column holds.
    #[error("{file}:{line}: `{column}` is {found:?}; expected {expected}")]
    Field {
        /// The file.
        file: Box<str>,
        /// The line.
        line: u64,
        /// The column.
        column: Box<str>,
        /// The field.
        found: Box<str>,
        /// What would be right.
        expected: &'static str,
    },
    /// A name that must be unique is there twice.
    #[error("{file}:{line}: `{name}` is there already, on line {first}")]
    Duplicate {
        /// The file.
        file: Box<str>,
        /// The line.
        line: u64,
        /// The name.
        name: Box<str>,
        /// The line of the first.
        first: u64,
    },
    /// A name that another file should have.
    #[error("{file}:{line}: `{name}` is not in {other}")]
    Unknown {
        /// The file.
        file: Box<str>,
        /// The line.
        line: u64,
        /// The name.
        name: Box<str>,
        /// The other file.
        other: Box<str>,
    },
    /// An order must have all names of the file that it orders.
    #[error("{file}: the order lacks `{name}` of {other}")]
    Incomplete {
        /// The order.
        file: Box<str>,
        /// What it lacks.
        name: Box<str>,
        /// The file that it orders.
        other: Box<str>,
    },
    /// An order holds several seeds, or not the one asked for.
    #[error("{file}: the seeds are {seeds}; choose one of them")]
    Seed {
        /// The order.
        file: Box<str>,
        /// The seeds there are.
        seeds: Box<str>,
    },
    /// What a field of a table is made of is not written as it should be.
    #[error("`{found}` maps no column; write {expected}")]
    Map {
        /// What is written.
        found: Box<str>,
        /// What would be right.
        expected: &'static str,
    },
    /// A file is not what the AWS command line prints.
    #[error("{file}:{line}: {problem}")]
    Json {
        /// The file.
        file: Box<str>,
        /// The line.
        line: u64,
        /// What is wrong.
        problem: Box<str>,
    },
    /// The files tell of several clusters, or not of the one asked for.
    #[error("the files tell of the clusters {found}; choose one of them with --cluster")]
    Cluster {
        /// The clusters.
        found: Box<str>,
    },
    /// The files tell something that is not what it should be.
    #[error("{problem}: {shown}")]
    Refused {
        /// What is wrong.
        problem: Box<str>,
        /// What they tell.
        shown: Box<str>,
    },
    /// The trace cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl From<io::Error> for ImportError {
    fn from(error: io::Error) -> Self {
        Self::Output(error.into())
    }
}
