//! `packing_density`: how full the instances are that run anything.

use scheduler_core::{Change, InstanceTotals};

use super::utilization::Ratios;
use super::{Context, Direction, Metric, MetricInfo, Report, Unit};

const fn info(name: &'static str, header: &'static str) -> MetricInfo {
    MetricInfo {
        name,
        header,
        unit: Unit::Share,
        direction: Direction::Higher,
        definition: "as utilization, but at each instant only over the present instances that are not empty",
    }
}

pub(super) const TABLE: &[MetricInfo] =
    &[info("packing_density.cpu", "CPU packing"), info("packing_density.memory", "memory packing")];

/// Runs a task; daemon tasks and foreign load do not count as one.
pub(super) fn is_not_empty(totals: &InstanceTotals) -> bool {
    totals.occupying_tasks > 0
}

struct PackingDensity(Ratios);

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(PackingDensity(Ratios::new(context, is_not_empty)))
}

impl Metric for PackingDensity {
    fn change(&mut self, at_ms: u64, change: &Change) {
        self.0.change(at_ms, change);
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.0.close();
        for (info, ratio) in TABLE.iter().zip(&self.0.resources) {
            report.number(info, ratio.mean());
        }
    }
}
