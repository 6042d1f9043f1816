//! `az_loss`: how many tasks would find no other place if the worst Availability Zone were lost at the horizon.

use super::{Context, Direction, Metric, MetricInfo, Report, Unit, Value};

pub(super) const TABLE: &[MetricInfo] = &[
    MetricInfo {
        name: "az_loss.unplaced_tasks",
        header: "AZ loss",
        unit: Unit::Tasks,
        direction: Direction::Lower,
        definition: "at the horizon, for each Availability Zone: all its instances fail and its tasks, daemons left out, \
                     are placed again in the order of their placement; the number that finds no place, of the worst \
                     zone; absent with fewer than two zones or no running task",
    },
    MetricInfo {
        name: "az_loss.worst_az",
        header: "worst AZ",
        unit: Unit::Name,
        direction: Direction::Neither,
        definition: "that zone; of equal ones the one with more tasks, then the first by name",
    },
];

#[derive(Default)]
struct AzLoss(Option<(String, u64)>);

pub(super) fn start(_: &Context) -> Box<dyn Metric> {
    Box::<AzLoss>::default()
}

impl Metric for AzLoss {
    fn zone_loss(&mut self, zone: &str, unplaced_tasks: u64) {
        self.0 = Some((zone.to_owned(), unplaced_tasks));
    }

    fn finish(self: Box<Self>, report: &mut Report) {
        if let Some((zone, unplaced_tasks)) = self.0 {
            report.count(&TABLE[0], unplaced_tasks);
            report.value(&TABLE[1], Value::Text(zone));
        }
    }
}
