//! The table in Markdown, to paste.

use std::fmt::Write;

use super::grid::{Grid, Mark};
use super::provenance::provenance;
use super::timings::timings;
use super::verdict::verdict;
use crate::comparison::Comparison;
use crate::trace::Printable;

/// The tables of all comparisons, one below the other.
pub fn markdown(comparisons: &[Comparison], columns: Option<&[String]>) -> String {
    comparisons.iter().map(|comparison| one_table(comparison, columns)).collect::<Vec<_>>().join("\n")
}

fn one_table(comparison: &Comparison, columns: Option<&[String]>) -> String {
    let grid = Grid::of(comparison, columns);
    let fleet = comparison.fleet.as_ref().map(|fleet| format!(", --fleet {fleet}")).unwrap_or_default();
    let mut text = format!("**{}**{fleet}\n\n| strategy |", escaped(&Printable(&comparison.trace.name).to_string()));
    for info in &grid.columns {
        let _ = write!(text, " {} |", info.header);
    }
    text.push_str("\n| --- |");
    grid.columns.iter().for_each(|_| text.push_str(" ---: |"));
    text.push('\n');
    for row in &grid.rows {
        let baseline = if row.is_baseline { " (baseline)" } else { "" };
        let _ = write!(text, "| {}{baseline} |", escaped(&row.strategy));
        for cell in &row.cells {
            let value = match cell.mark {
                Mark::Best => format!("**{}**", cell.value),
                Mark::RefusesMore => format!("~ {}", cell.value),
                Mark::Plain => cell.value.clone(),
            };
            let difference = if cell.difference.is_empty() { String::new() } else { format!(" ({})", cell.difference) };
            let _ = write!(text, " {value}{difference} |");
        }
        text.push('\n');
    }
    if grid.has(Mark::RefusesMore) {
        text.push_str(
            "\n~ leaves more tasks unplaced: with less to run all else looks better, so it is not compared\n",
        );
    }
    if let Some(verdict) = verdict(&grid) {
        let _ = writeln!(text, "\n{verdict}");
    }
    let _ = writeln!(text, "\n{}", escaped(&provenance(comparison)));
    if let Some(timings) = timings(comparison) {
        let _ = writeln!(text, "\n```text\n{timings}```");
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
