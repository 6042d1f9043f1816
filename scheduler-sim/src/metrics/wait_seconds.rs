//! `wait_seconds`: from the instant at which a copy is wanted to its placement.

use super::quantile::Histogram;
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit};
use crate::outcome::{Fate, Origin, Outcome};

const fn info(name: &'static str, header: &'static str, definition: &'static str) -> MetricInfo {
    MetricInfo { name, header, unit: Unit::Seconds, direction: Direction::Lower, definition }
}

pub(super) const TABLE: &[MetricInfo] = &[
    info(
        "wait_seconds.mean",
        "wait mean",
        "over placed copies: from the instant at which it was wanted to its placement; startTask and the tasks of time \
         0 left out; absent if nothing can wait or nothing was placed; the unplaced are not in it",
    ),
    info("wait_seconds.p50", "wait p50", "the median wait; above 2.048 s rounded up by at most 0.1 %"),
    info("wait_seconds.p90", "wait p90", "the wait that 90 % of the placed copies do not exceed, rounded likewise"),
    info("wait_seconds.p99", "wait p99", "the wait that 99 % of the placed copies do not exceed, rounded likewise"),
    info("wait_seconds.max", "wait max", "the longest wait, exact"),
];

/// Waits are kept exact up to this many leading bits, so that memory does not grow with the number of tasks.
const KEPT_BITS: u32 = 11;

struct WaitSeconds {
    can_wait: bool,
    waits: Histogram,
    sum_ms: u128,
    max_ms: u64,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(WaitSeconds { can_wait: context.can_wait, waits: Histogram::default(), sum_ms: 0, max_ms: 0 })
}

impl Metric for WaitSeconds {
    fn outcome(&mut self, at_ms: u64, outcome: &Outcome<'_>) {
        let Fate::Placed { wanted_at_ms, .. } = outcome.fate else { return };
        if self.can_wait && matches!(outcome.origin, Origin::RunTask | Origin::Service) {
            let wait_ms = at_ms.saturating_sub(wanted_at_ms);
            let copies = u128::from(outcome.copies.count());
            self.waits.add(rounded_up(wait_ms), copies);
            self.sum_ms += u128::from(wait_ms) * copies;
            self.max_ms = self.max_ms.max(wait_ms);
        }
    }

    fn finish(self: Box<Self>, report: &mut Report) {
        let placed = self.waits.total();
        if placed == 0 {
            return;
        }
        report.number(&TABLE[0], Quotient::new(self.sum_ms, placed * 1_000));
        for (info, percent) in TABLE[1..4].iter().zip([50, 90, 99]) {
            let wait_ms = self.waits.percentile(percent);
            report.number(info, wait_ms.and_then(|wait_ms| Quotient::new(wait_ms.into(), 1_000)));
        }
        report.number(&TABLE[4], Quotient::new(self.max_ms.into(), 1_000));
    }
}

/// The next number whose binary form has at most [`KEPT_BITS`] leading significant bits.
fn rounded_up(milliseconds: u64) -> u64 {
    let bits = u64::BITS - milliseconds.leading_zeros();
    let shift = bits.saturating_sub(KEPT_BITS);
    if shift == 0 {
        return milliseconds;
    }
    let step = 1 << shift;
    milliseconds.checked_next_multiple_of(step).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, context, placed};
    use super::*;

    #[test]
    fn long_waits_are_rounded_up_to_eleven_bits() {
        let cases = [
            (0, 0),
            (2_047, 2_047),
            (2_048, 2_048),
            (2_049, 2_050),
            (4_095, 4_096),
            (4_096, 4_096),
            (1_000_001, 1_000_448),
        ];
        for (wait, rounded) in cases {
            assert_eq!(rounded_up(wait), rounded, "{wait}");
            assert!(rounded <= wait + wait / 1_000, "{wait} becomes too long");
        }
    }

    #[test]
    fn quantiles_are_of_placed_copies_that_could_wait() {
        let outcomes = [
            placed(0, 0, Origin::RunTask),
            placed(0, 0, Origin::Initial),
            placed(3_000, 0, Origin::RunTask),
            placed(9_001, 4_000, Origin::Service),
            placed(9_001, 0, Origin::StartTask),
        ];
        // Waits 0, 3000, 5001 ms: mean 8001 / 3 = 2667 ms; the third is kept as 5004.
        check(
            start(&context(0, 10_000)),
            &outcomes,
            &[
                ("wait_seconds.mean", "2.667"),
                ("wait_seconds.p50", "3"),
                ("wait_seconds.p90", "5.004"),
                ("wait_seconds.p99", "5.004"),
                ("wait_seconds.max", "5.001"),
            ],
        );
        check(start(&Context { can_wait: false, ..context(0, 10_000) }), &outcomes, &[]);
    }
}
