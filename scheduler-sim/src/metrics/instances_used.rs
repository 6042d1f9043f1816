//! `instances_used`: how many instances run a task.

use scheduler_core::{Change, InstanceTotals};

use super::packing_density::is_not_empty;
use super::window::{Clock, Piece};
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit, Window};

const fn info(name: &'static str, header: &'static str, definition: &'static str) -> MetricInfo {
    MetricInfo { name, header, unit: Unit::Instances, direction: Direction::Lower, definition }
}

pub(super) const TABLE: &[MetricInfo] = &[
    info("instances_used.mean", "used mean", "present instances that run a task, averaged over the window"),
    info("instances_used.peak", "used peak", "the most instances that run a task at any instant of the window"),
    info("instances_used.final", "used final", "instances that run a task at the horizon"),
];

struct InstancesUsed {
    window: Window,
    clock: Clock,
    used: u64,
    area: u128,
    peak: u64,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    let window = context.window;
    Box::new(InstancesUsed { window, clock: Clock::new(window), used: 0, area: 0, peak: 0 })
}

impl InstancesUsed {
    fn stand(&mut self, piece: Piece) {
        self.area += u128::from(self.used) * u128::from(piece.weight);
        if piece.is_seen {
            self.peak = self.peak.max(self.used);
        }
    }
}

impl Metric for InstancesUsed {
    fn change(&mut self, at_ms: u64, change: &Change) {
        if let Some(piece) = self.clock.advance(at_ms) {
            self.stand(piece);
        }
        let is_used = |totals: Option<InstanceTotals>| u64::from(totals.as_ref().is_some_and(is_not_empty));
        self.used = self.used + is_used(change.after) - is_used(change.before);
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.stand(self.clock.close());
        report.number(&TABLE[0], Quotient::new(self.area, self.window.length_ms()));
        report.count(&TABLE[1], self.peak);
        report.count(&TABLE[2], self.used);
    }
}
