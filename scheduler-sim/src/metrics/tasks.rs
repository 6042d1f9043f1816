//! `tasks`: how many copies were wanted, and what became of them.

use super::{Context, Direction, Metric, MetricInfo, Report, Unit};
use crate::outcome::{Fate, Outcome, StoppedWhy};

pub(super) const TABLE: &[MetricInfo] = &[
    MetricInfo {
        name: "tasks.requested",
        header: "requested",
        unit: Unit::Copies,
        direction: Direction::Neither,
        definition: "copies ever wanted: requested = placed + unplaced",
    },
    MetricInfo {
        name: "tasks.placed",
        header: "placed",
        unit: Unit::Copies,
        direction: Direction::Neither,
        definition: "copies that got an instance: placed = completed + stopped + lost + running_at_end",
    },
    MetricInfo {
        name: "tasks.unplaced",
        header: "unplaced",
        unit: Unit::Copies,
        direction: Direction::Lower,
        definition: "copies that never got an instance: refused, withdrawn while wanted, or still wanted when the run \
                     ends",
    },
    MetricInfo {
        name: "tasks.pending_at_end",
        header: "pending",
        unit: Unit::Copies,
        direction: Direction::Lower,
        definition: "the part of unplaced that is still wanted when the run ends",
    },
    MetricInfo {
        name: "tasks.completed",
        header: "completed",
        unit: Unit::Tasks,
        direction: Direction::Neither,
        definition: "tasks that ended by themselves",
    },
    MetricInfo {
        name: "tasks.stopped",
        header: "stopped",
        unit: Unit::Tasks,
        direction: Direction::Neither,
        definition: "tasks ended by anything else but the loss of their instance",
    },
    MetricInfo {
        name: "tasks.lost",
        header: "lost",
        unit: Unit::Tasks,
        direction: Direction::Lower,
        definition: "tasks lost with their instance; the copies that services start instead are new ones",
    },
    MetricInfo {
        name: "tasks.running_at_end",
        header: "running",
        unit: Unit::Tasks,
        direction: Direction::Neither,
        definition: "tasks placed and not ended when the run ends",
    },
];

#[derive(Default)]
struct Tasks {
    placed: u64,
    unplaced: u64,
    pending_at_end: u64,
    completed: u64,
    stopped: u64,
    lost: u64,
}

pub(super) fn start(_: &Context) -> Box<dyn Metric> {
    Box::<Tasks>::default()
}

impl Metric for Tasks {
    fn outcome(&mut self, _at_ms: u64, outcome: &Outcome<'_>) {
        let count = outcome.copies.count();
        match outcome.fate {
            Fate::Placed { .. } => self.placed += count,
            Fate::Refused(_) | Fate::Withdrawn { .. } => self.unplaced += count,
            Fate::StillWanted { .. } => {
                self.unplaced += count;
                self.pending_at_end += count;
            }
            Fate::Stopped { why: StoppedWhy::Finished, .. } => self.completed += count,
            Fate::Stopped { why: StoppedWhy::InstanceLost, .. } => self.lost += count,
            Fate::Stopped { .. } => self.stopped += count,
            Fate::Waiting(_) | Fate::Missing { .. } => {}
        }
    }

    fn finish(self: Box<Self>, report: &mut Report) {
        let ended = self.completed + self.stopped + self.lost;
        debug_assert!(ended <= self.placed, "only what was placed can end");
        let counts = [
            self.placed + self.unplaced,
            self.placed,
            self.unplaced,
            self.pending_at_end,
            self.completed,
            self.stopped,
            self.lost,
            self.placed.saturating_sub(ended),
        ];
        for (info, count) in TABLE.iter().zip(counts) {
            report.count(info, count);
        }
    }
}
