//! The table that a terminal shows: everything worth knowing on one screen.

use std::fmt::Write;

use super::grid::{Cell, Grid, Mark, Row};
use super::provenance::provenance;
use super::timings::timings;
use super::verdict::verdict;
use crate::comparison::{Comparison, RunResult};
use crate::metrics::{Value, seconds};
use crate::trace::Printable;

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The width of the terminal; `None`: as wide as it takes.
    pub width: Option<usize>,
    /// Whether colours are wanted.
    pub color: bool,
}

/// The tables of all comparisons, one below the other.
pub fn table(comparisons: &[Comparison], columns: Option<&[String]>, style: Style) -> String {
    let tables = comparisons.iter().map(|comparison| one_table(comparison, columns, style));
    tables.collect::<Vec<_>>().join("\n")
}

fn one_table(comparison: &Comparison, columns: Option<&[String]>, style: Style) -> String {
    let mut grid = Grid::of(comparison, columns);
    let dropped = fit(&mut grid, style.width);
    let head = format!("{}{}\n", headline(comparison), provenance(comparison));
    let mut text = wrapped(&head, style.width);
    text.push('\n');
    text.push_str(&body(&grid, style));
    text.push('\n');
    let mut footer = legend(comparison, &grid);
    if !dropped.is_empty() {
        let _ = writeln!(footer, "not shown for want of room: {} (see --columns, --format json)", dropped.join(", "));
    }
    footer.push_str(&reasons(comparison));
    if let Some(verdict) = verdict(&grid) {
        let _ = writeln!(footer, "{verdict}");
    }
    text.push_str(&wrapped(&footer, style.width));
    if let Some(timings) = timings(comparison) {
        let _ = write!(text, "\n{timings}");
    }
    text
}

/// Breaks lines between words where they are longer than the terminal is wide; what goes on is indented.
fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let mut wrapped = String::new();
    for line in text.lines() {
        let mut at = 0;
        for word in line.split(' ') {
            let gap = usize::from(at > 0);
            if at > INDENT.len() && at + gap + length(word) > width {
                wrapped.push('\n');
                wrapped.push_str(INDENT);
                at = INDENT.len();
            } else if gap > 0 {
                wrapped.push(' ');
                at += 1;
            }
            wrapped.push_str(word);
            at += length(word);
        }
        wrapped.push('\n');
    }
    wrapped
}

const INDENT: &str = "  ";

fn headline(comparison: &Comparison) -> String {
    let trace = &comparison.trace;
    let seeds = comparison.strategies().next().map_or(1, <[RunResult]>::len);
    let means = if seeds > 1 { format!("; means of {seeds} seeds") } else { String::new() };
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let fleet = comparison.fleet.as_ref().map(|fleet| format!(" (--fleet {fleet})")).unwrap_or_default();
    format!(
        "{}: {}{fleet}, {}, {}, {} s{means}\n",
        Printable(&trace.name),
        plural(trace.container_instances, "container instance", "container instances"),
        plural(trace.services, "service", "services"),
        plural(trace.events, "event", "events"),
        seconds(trace.horizon_ms),
    )
}

/// The parts of a cell: mark, value, difference.
fn parts(cell: &Cell) -> [String; 3] {
    let mark = match cell.mark {
        Mark::Plain => "",
        Mark::Best => "*",
        Mark::RefusesMore => "~",
    };
    [mark.to_owned(), cell.value.clone(), cell.difference.clone()]
}

/// The widths of a column: value with its mark, and difference.
fn widths(grid: &Grid, column: usize) -> (usize, usize) {
    let cells = grid.rows.iter().map(|row| parts(&row.cells[column]));
    let both = cells.map(|[mark, value, difference]| (length(&mark) + length(&value), length(&difference)));
    let (value, difference) = both.fold((0, 0), |(a, b), (c, d)| (a.max(c), b.max(d)));
    let gap = usize::from(difference > 0);
    let header = length(grid.columns[column].header);
    (value.max(header.saturating_sub(difference + gap)), difference)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

const GAP: usize = 2;

fn name_width(grid: &Grid) -> usize {
    grid.rows.iter().map(|row| length(&row_name(row))).max().unwrap_or(0).max(length("strategy"))
}

fn row_name(row: &Row) -> String {
    if row.is_baseline { format!("{} (baseline)", row.strategy) } else { row.strategy.clone() }
}

fn column_width(grid: &Grid, column: usize) -> usize {
    let (value, difference) = widths(grid, column);
    GAP + value + if difference > 0 { 1 + difference } else { 0 }
}

/// Drops the last columns until the table fits; the names of those dropped.
fn fit(grid: &mut Grid, width: Option<usize>) -> Vec<&'static str> {
    let Some(width) = width else { return Vec::new() };
    let total = |grid: &Grid| {
        name_width(grid) + (0..grid.columns.len()).map(|column| column_width(grid, column)).sum::<usize>()
    };
    let mut dropped = Vec::new();
    while grid.columns.len() > 1 && total(grid) > width {
        dropped.extend(grid.columns.pop().map(|info| info.name));
        grid.rows.iter_mut().for_each(|row| drop(row.cells.pop()));
    }
    dropped.reverse();
    dropped
}

fn body(grid: &Grid, style: Style) -> String {
    let first = name_width(grid);
    let widths: Vec<_> = (0..grid.columns.len()).map(|column| widths(grid, column)).collect();
    let mut text = String::new();
    let mut head = format!("{:<first$}", "strategy");
    for (info, (value, difference)) in grid.columns.iter().zip(&widths) {
        let width = GAP + value + if *difference > 0 { 1 + difference } else { 0 };
        let _ = write!(head, "{:>width$}", info.header);
    }
    let _ = writeln!(text, "{}", paint(style, "1", &head));
    for row in &grid.rows {
        let name = format!("{:<first$}", row_name(row));
        let mut line = if row.is_baseline { paint(style, "1", &name) } else { name };
        for (cell, (value_width, difference_width)) in row.cells.iter().zip(&widths) {
            let [mark, value, difference] = parts(cell);
            let value = format!("{:>width$}", format!("{mark}{value}"), width = GAP + value_width);
            line.push_str(&match cell.mark {
                Mark::Best => paint(style, "32", &value),
                Mark::RefusesMore => paint(style, "2", &value),
                Mark::Plain => value,
            });
            if *difference_width > 0 {
                let difference = format!(" {difference:>difference_width$}");
                line.push_str(&paint(style, "2", &difference));
            }
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn paint(style: Style, code: &str, text: &str) -> String {
    if style.color && !text.trim().is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn legend(comparison: &Comparison, grid: &Grid) -> String {
    let mut parts = Vec::new();
    if grid.has(Mark::Best) {
        parts.push("* best of its column".to_owned());
    }
    let has_differences = grid.rows.iter().flat_map(|row| &row.cells).any(|cell| !cell.difference.is_empty());
    if has_differences {
        parts.push(format!("differences to {}: shares in points, all else in percent", comparison.baseline));
    }
    if grid.has_unclear() {
        parts.push("? may be chance".to_owned());
    }
    let mut text = if parts.is_empty() { String::new() } else { format!("{}\n", parts.join("; ")) };
    if grid.has(Mark::RefusesMore) {
        text.push_str("~ leaves more tasks unplaced: with less to run all else looks better, so it is not compared\n");
    }
    text
}

/// Why tasks were not placed; strategies that agree in one line.
fn reasons(comparison: &Comparison) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for runs in comparison.strategies() {
        let tally = tally(runs);
        if tally.is_empty() {
            continue;
        }
        let entries: Vec<_> = tally.iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
        let (entries, strategy) = (entries.join(", "), runs[0].strategy.as_str());
        match told.iter_mut().find(|(known, _)| *known == entries) {
            Some((_, strategies)) => strategies.push(strategy),
            None => told.push((entries, vec![strategy])),
        }
    }
    let all = comparison.strategies().count();
    let has_seeds = comparison.runs.len() > all;
    let mut text = String::new();
    for (entries, strategies) in told {
        let who = if strategies.len() == all { "every strategy".to_owned() } else { strategies.join(", ") };
        let who = if has_seeds { format!("{who}, all seeds together") } else { who };
        let _ = writeln!(text, "unplaced with {who}: {entries}");
    }
    text
}

/// The reasons of all seeds together, the most frequent first.
fn tally(runs: &[RunResult]) -> Vec<(&str, u64)> {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for run in runs {
        let Some(Value::Tally(tally)) = run.metrics.get("unplaced_reasons") else { continue };
        for (reason, count) in tally {
            match sums.iter_mut().find(|(known, _)| known == reason) {
                Some((_, sum)) => *sum += count,
                None => sums.push((reason, *count)),
            }
        }
    }
    sums.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words_and_words_stay_whole() {
        let text = "one two three\nfour\nreally-long-words stay\n";
        assert_eq!(wrapped(text, Some(9)), "one two\n  three\nfour\nreally-long-words\n  stay\n");
        assert_eq!(wrapped(text, None), text);
    }
}
