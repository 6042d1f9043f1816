//! What is printed of a comparison: a table, JSON, CSV or Markdown, each in a file of its own.

mod csv;
mod decisions;
mod grid;
mod json;
mod markdown;
mod provenance;
mod table;
mod timings;
mod value;
mod verdict;
mod words;

pub use csv::{csv, csv_of_curves};
pub use decisions::{DecisionLog, FinalPlacement};
pub use grid::{Cell, Grid, Mark};
pub use json::{SCHEMA_VERSION, digest, document, json, settings_object};
pub use markdown::markdown;
pub use table::{Style, table};
pub use value::Json;
pub(crate) use words::{counted, demand_words};

use crate::comparison::Comparison;

/// The forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// A table for people.
    #[default]
    Table,
    /// The whole result for programs.
    Json,
    /// One line a run.
    Csv,
    /// The table, to paste.
    Markdown,
}

/// The result of a comparison of one or several traces in one of the forms.
pub fn render(comparisons: &[Comparison], format: Format, columns: Option<&[String]>, style: Style) -> String {
    match format {
        Format::Table => table(comparisons, columns, style),
        Format::Json => json(comparisons),
        Format::Csv => csv(comparisons, columns),
        Format::Markdown => markdown(comparisons, columns),
    }
}
