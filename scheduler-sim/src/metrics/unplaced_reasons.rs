//! `unplaced_reasons`: why copies never got an instance.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Context, Direction, Metric, MetricInfo, Report, Unit, Value};
use crate::outcome::{Fate, Outcome};

pub(super) const TABLE: &[MetricInfo] = &[MetricInfo {
    name: "unplaced_reasons",
    header: "reasons",
    unit: Unit::Copies,
    direction: Direction::Neither,
    definition: "unplaced copies by the reason of their last refusal, the most frequent first; WITHDRAWN: never tried",
}];

/// The reason of copies that were withdrawn, or left over, before they were ever tried.
const NEVER_TRIED: &str = "WITHDRAWN";

#[derive(Default)]
struct UnplacedReasons {
    counts: BTreeMap<String, u64>,
}

pub(super) fn start(_: &Context) -> Box<dyn Metric> {
    Box::<UnplacedReasons>::default()
}

impl Metric for UnplacedReasons {
    fn outcome(&mut self, _at_ms: u64, outcome: &Outcome<'_>) {
        let reason = match outcome.fate {
            Fate::Refused(refused) => refused.reason,
            Fate::Withdrawn { reason, .. } | Fate::StillWanted { reason } => reason.unwrap_or(NEVER_TRIED),
            _ => return,
        };
        match self.counts.get_mut(reason) {
            Some(count) => *count += outcome.copies.count(),
            None => {
                self.counts.insert(reason.to_owned(), outcome.copies.count());
            }
        }
    }

    fn finish(self: Box<Self>, report: &mut Report) {
        let mut tally: Vec<_> = self.counts.into_iter().collect();
        tally.sort_by_key(|(_, count)| Reverse(*count));
        report.value(&TABLE[0], Value::Tally(tally));
    }
}
