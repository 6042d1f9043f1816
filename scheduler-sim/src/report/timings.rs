//! How long everything took, for people: a short section below the table.

use std::fmt::Write;
use std::time::Duration;

use crate::comparison::Comparison;

/// A line for all, then a line a strategy, its seeds together; `None` where nobody asked.
pub(super) fn timings(comparison: &Comparison) -> Option<String> {
    let timings = comparison.timings.as_ref()?;
    let mut text = format!("timings: {} in all, {} reading", time(timings.wall), time(timings.parse));
    if let Some(bytes) = timings.peak_rss_bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, ", {} MiB of memory at most", bytes.div_ceil(1 << 20));
    }
    text.push('\n');
    let width = comparison.runs.iter().map(|run| run.strategy.chars().count()).max().unwrap_or(0);
    for runs in comparison.strategies() {
        let wall: Duration = runs.iter().map(|run| run.wall).sum();
        let events = rate(runs.iter().map(|run| run.event_count(&comparison.trace)).sum(), wall);
        let placements = rate(runs.iter().map(|run| run.statistics.decisions).sum(), wall);
        let strategy = &runs[0].strategy;
        let wall = time(wall);
        let _ =
            writeln!(text, "  {strategy:<width$}  {wall:>11}  {events:>11} events/s  {placements:>11} placements/s");
    }
    Some(text)
}

fn time(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}.{:03} ms", duration.subsec_millis(), duration.subsec_micros() % 1_000),
        seconds => format!("{seconds}.{:03} s", duration.subsec_millis()),
    }
}

/// So many a second.
pub(super) fn rate(count: u64, wall: Duration) -> u128 {
    u128::from(count) * 1_000_000 / wall.as_micros().max(1)
}
