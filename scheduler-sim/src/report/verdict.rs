//! The table in a sentence: who refuses least, and who of these is best at what the table shows. Nothing is weighed.

use super::grid::{Grid, Mark, Row, UNPLACED};

/// What is told of those that refuse least, in this order: a metric, and what its best is.
const TOLD: [(&str, &str); 4] = [
    ("tasks.lost", "fewest tasks lost"),
    ("instances_used.peak", "fewest instances at the peak"),
    ("empty_instances.mean", "most instances empty"),
    ("az_imbalance.p95", "most even zones"),
];

/// `None` where there is nothing to choose: a single strategy, or all alike.
pub(super) fn verdict(grid: &Grid) -> Option<String> {
    let column = |name: &str| grid.columns.iter().position(|info| info.name == name);
    let unplaced = column(UNPLACED)?;
    // Where all are alike, none is the best.
    let has_best = grid.rows.iter().any(|row| row.cells[unplaced].mark == Mark::Best);
    let names = |rows: &[&Row]| rows.iter().map(|row| row.strategy.as_str()).collect::<Vec<_>>().join(", ");
    let fewest: Vec<_> = grid.rows.iter().filter(|row| !has_best || row.cells[unplaced].mark == Mark::Best).collect();
    let best = TOLD.iter().filter_map(|(name, what)| {
        let column = column(name)?;
        let best: Vec<_> = fewest.iter().copied().filter(|row| row.cells[column].mark == Mark::Best).collect();
        (!best.is_empty()).then(|| format!("{what}: {}", names(&best)))
    });
    let best: Vec<_> = best.collect();
    match (has_best, best.is_empty()) {
        (false, true) => None,
        (false, false) => Some(format!("equally many unplaced with every strategy; {}", best.join("; "))),
        (true, true) => Some(format!("fewest unplaced: {}", names(&fewest))),
        (true, false) => Some(format!("fewest unplaced: {}; of these, {}", names(&fewest), best.join("; "))),
    }
}
