//! `empty_instances`: the part of the fleet that could be switched off.

use scheduler_core::{Change, InstanceTotals};

use super::packing_density::is_not_empty;
use super::utilization::Ratio;
use super::window::Clock;
use super::{Context, Direction, Metric, MetricInfo, Report, Unit};

pub(super) const TABLE: &[MetricInfo] = &[
    MetricInfo {
        name: "empty_instances.mean",
        header: "empty",
        unit: Unit::Share,
        direction: Direction::Higher,
        definition: "instances without a task / instances present, as the quotient of both integrals over the window; \
                     daemon tasks and foreign load do not count as a task",
    },
    MetricInfo {
        name: "empty_instances.final",
        header: "empty final",
        unit: Unit::Share,
        direction: Direction::Higher,
        definition: "instances without a task / instances present at the horizon",
    },
];

struct EmptyInstances {
    clock: Clock,
    empty: Ratio,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(EmptyInstances { clock: Clock::new(context.window), empty: Ratio::default() })
}

fn counts(totals: Option<InstanceTotals>) -> (u64, u64) {
    totals.map_or((0, 0), |totals| (u64::from(!is_not_empty(&totals)), 1))
}

impl Metric for EmptyInstances {
    fn change(&mut self, at_ms: u64, change: &Change) {
        if let Some(piece) = self.clock.advance(at_ms) {
            self.empty.stand(piece);
        }
        self.empty.replace(counts(change.before), counts(change.after));
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.empty.stand(self.clock.close());
        report.number(&TABLE[0], self.empty.mean());
        report.number(&TABLE[1], self.empty.now());
    }
}
