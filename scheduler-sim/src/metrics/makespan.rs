//! `makespan_seconds`: when the last thing happened to a task.

use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit};
use crate::outcome::{Fate, Outcome};

pub(super) const TABLE: &[MetricInfo] = &[MetricInfo {
    name: "makespan_seconds",
    header: "makespan",
    unit: Unit::Seconds,
    direction: Direction::Lower,
    definition: "the instant of the run's last task end or placement; only with onUnplaceable queue",
}];

struct Makespan {
    queues: bool,
    last_ms: Option<u64>,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(Makespan { queues: context.queues, last_ms: None })
}

impl Metric for Makespan {
    fn outcome(&mut self, at_ms: u64, outcome: &Outcome<'_>) {
        if matches!(outcome.fate, Fate::Placed { .. } | Fate::Stopped { .. }) {
            self.last_ms = Some(at_ms);
        }
    }

    fn finish(self: Box<Self>, report: &mut Report) {
        if self.queues {
            report.number(&TABLE[0], self.last_ms.and_then(|last_ms| Quotient::new(last_ms.into(), 1_000)));
        }
    }
}
