//! What a table says, before it is drawn: a row a strategy, a column a metric, and in each cell its value, its mark and
//! its difference to the baseline.

use std::cmp::Ordering;

use crate::comparison::{Comparison, RunResult};
use crate::metrics::{DEFAULT_COLUMNS, Direction, MetricInfo, Quotient, Unit, metric, shortest};
use crate::summary::{Summary, Verdict, summaries};

/// A table's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// The metrics of the columns; a column that no row has is left out.
    pub columns: Vec<&'static MetricInfo>,
    /// The rows, in the order of the strategies.
    pub rows: Vec<Row>,
}

/// One strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub strategy: String,
    /// Whether the others are compared with it.
    pub is_baseline: bool,
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// The value in the unit of its column; empty where the metric does not apply.
    pub value: String,
    /// The difference to the baseline in points or percent; empty where there is none.
    pub difference: String,
    /// What is to be said of it.
    pub mark: Mark,
}

/// What is to be said of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Nothing.
    #[default]
    Plain,
    /// The best of its column.
    Best,
    /// The strategy leaves more tasks unplaced than the best, which makes the value look better than it is.
    RefusesMore,
}

pub(super) const UNPLACED: &str = "tasks.unplaced";

/// A number of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    /// Of one run.
    Exact(Quotient),
    /// The mean over several seeds.
    Mean(f64),
}

impl Figure {
    /// Units of the `decimals`-th decimal, halves away from zero.
    fn scaled(self, decimals: usize) -> i128 {
        match self {
            Self::Exact(quotient) => quotient.scaled(decimals).unwrap_or(i128::MAX),
            Self::Mean(mean) => rounded(mean, decimals),
        }
    }
}

/// A number in units of its `decimals`-th decimal, halves away from zero.
#[expect(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(super) fn rounded(number: f64, decimals: usize) -> i128 {
    (number * 10_f64.powi(decimals as i32)).round() as i128
}

/// A strategy's numbers before they are put into cells.
struct Numbers {
    strategy: String,
    figures: Vec<Option<Figure>>,
    unplaced: Option<i128>,
    /// Whether chance may explain the difference to the baseline.
    is_unclear: Vec<bool>,
}

/// Places of the numbers that are compared: four decimals, as they are printed in JSON.
const COMPARED: usize = 4;

impl Grid {
    /// The table of a comparison; without `columns` the usual ones.
    pub fn of(comparison: &Comparison, columns: Option<&[String]>) -> Self {
        let summaries = summaries(comparison);
        let columns = chosen_columns(&comparison.runs, columns);
        let numbers: Vec<_> =
            comparison.strategies().zip(&summaries).map(|(runs, summary)| numbers(&columns, runs, summary)).collect();
        let fewest = numbers.iter().filter_map(|row| row.unplaced).min();
        let baseline = numbers.iter().find(|row| row.strategy == comparison.baseline);
        let rows = numbers.iter().map(|row| {
            let is_baseline = row.strategy == comparison.baseline;
            let cells = columns.iter().enumerate().map(|(column, info)| {
                let Some(figure) = row.figures[column] else { return Cell::default() };
                let refuses_more = |row: &Numbers| info.name != UNPLACED && row.unplaced != fewest;
                let rivals = numbers.iter().filter(|row| !refuses_more(row));
                let rivals: Vec<_> =
                    rivals.filter_map(|row| row.figures[column]).map(|it| it.scaled(COMPARED)).collect();
                let mark = match () {
                    () if refuses_more(row) => Mark::RefusesMore,
                    () if is_best(info.direction, figure.scaled(COMPARED), &rivals) => Mark::Best,
                    () => Mark::Plain,
                };
                let base = baseline.filter(|_| !is_baseline).and_then(|base| base.figures[column]);
                let mut difference = base.map(|base| difference(info.unit, base, figure)).unwrap_or_default();
                if !difference.is_empty() && row.is_unclear[column] {
                    difference.push('?');
                }
                Cell { value: value_text(info.unit, figure), difference, mark }
            });
            Row { strategy: row.strategy.clone(), is_baseline, cells: cells.collect() }
        });
        Self { rows: rows.collect(), columns }
    }

    /// Whether any cell has that mark.
    pub fn has(&self, mark: Mark) -> bool {
        self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.mark == mark)
    }

    /// Whether any difference may be chance.
    pub fn has_unclear(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.difference.ends_with('?'))
    }
}

fn numbers(columns: &[&'static MetricInfo], runs: &[RunResult], summary: &Summary) -> Numbers {
    let summarized = |name: &str| summary.metrics.iter().find(|(info, _)| info.name == name).map(|(_, metric)| metric);
    let figure = |name: &str| match runs {
        [run] => run.metrics.number(name).map(Figure::Exact),
        _ => summarized(name).map(|metric| Figure::Mean(metric.mean)),
    };
    let is_unclear =
        |name: &str| runs.len() > 1 && summarized(name).is_some_and(|metric| metric.verdict == Some(Verdict::Unclear));
    Numbers {
        strategy: summary.strategy.clone(),
        figures: columns.iter().map(|info| figure(info.name)).collect(),
        unplaced: figure(UNPLACED).map(|figure| figure.scaled(COMPARED)),
        is_unclear: columns.iter().map(|info| is_unclear(info.name)).collect(),
    }
}

fn chosen_columns(runs: &[RunResult], columns: Option<&[String]>) -> Vec<&'static MetricInfo> {
    let names: Vec<&str> = match columns {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => DEFAULT_COLUMNS.to_vec(),
    };
    let is_shown = |info: &&MetricInfo| {
        let mut values = runs.iter().filter_map(|run| run.metrics.number(info.name));
        // Losses are shown only where there are some.
        let is_idle = columns.is_none() && info.name == "tasks.lost";
        if is_idle { values.any(|value| value != Quotient::whole(0)) } else { values.next().is_some() }
    };
    names.into_iter().filter_map(metric).filter(is_shown).collect()
}

/// Whether a value is the best of several that are not all alike.
fn is_best(direction: Direction, value: i128, rivals: &[i128]) -> bool {
    let loses_to = match direction {
        Direction::Higher => Ordering::Less,
        Direction::Lower => Ordering::Greater,
        Direction::Neither => return false,
    };
    let is_beaten = rivals.iter().any(|rival| value.cmp(rival) == loses_to);
    !is_beaten && rivals.iter().any(|rival| value != *rival)
}

/// A value for people: shares as percent with one decimal.
fn value_text(unit: Unit, value: Figure) -> String {
    match unit {
        Unit::Share => format!("{} %", fixed(value.scaled(3), 1)),
        Unit::Dollars => format!("$ {}", fixed(value.scaled(2), 2)),
        Unit::Copies | Unit::Tasks | Unit::Seconds | Unit::Instances | Unit::Name => shortest(value.scaled(2), 2),
    }
}

/// A number with exactly so many decimals.
fn fixed(scaled: i128, decimals: usize) -> String {
    let text = shortest(scaled, decimals);
    match text.split_once('.') {
        Some((whole, part)) => format!("{whole}.{part:0<decimals$}"),
        None => format!("{text}.{:0<decimals$}", ""),
    }
}

/// Points for shares, percent for all else; empty where there is nothing to say.
fn difference(unit: Unit, base: Figure, value: Figure) -> String {
    let (base, value) = (base.scaled(COMPARED), value.scaled(COMPARED));
    let difference = value.saturating_sub(base);
    let (amount, decimals, sign) = match unit {
        Unit::Share => (divided(difference.abs(), 10), 1, ""),
        _ if base == 0 => return String::new(),
        _ => (divided(difference.abs().saturating_mul(100), base.abs()), 0, " %"),
    };
    if amount == 0 {
        return String::new();
    }
    let amount = if decimals == 0 { amount.to_string() } else { fixed(amount, decimals) };
    format!("{}{amount}{sign}", if difference < 0 { '-' } else { '+' })
}

fn divided(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator) / (2 * denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(numerator: u128, denominator: u128) -> Figure {
        Figure::Exact(Quotient::new(numerator, denominator).expect("not 0"))
    }

    #[test]
    fn values_and_differences_are_told_in_the_unit_of_their_column() {
        let cases = [
            (Unit::Share, (1, 2), (2, 3), "66.7 %", "+16.7"),
            (Unit::Share, (1, 2), (1, 2), "50.0 %", ""),
            (Unit::Share, (1, 2), (0, 1), "0.0 %", "-50.0"),
            (Unit::Instances, (4, 1), (3, 1), "3", "-25 %"),
            (Unit::Seconds, (0, 1), (5, 2), "2.5", ""),
            (Unit::Dollars, (2, 1), (5, 2), "$ 2.50", "+25 %"),
        ];
        for (unit, base, value, text, delta) in cases {
            let (base, value) = (figure(base.0, base.1), figure(value.0, value.1));
            assert_eq!(value_text(unit, value), text);
            assert_eq!(difference(unit, base, value), delta, "{text}");
        }
    }

    #[test]
    fn the_best_is_beaten_by_nobody_and_beats_somebody() {
        let values = [1, 2, 2];
        assert!(is_best(Direction::Higher, values[1], &values));
        assert!(!is_best(Direction::Higher, values[0], &values));
        assert!(is_best(Direction::Lower, values[0], &values));
        assert!(!is_best(Direction::Neither, values[0], &values));
        assert!(!is_best(Direction::Lower, values[1], &values[1..]), "all are alike");
    }
}
