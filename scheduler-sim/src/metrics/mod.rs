//! Metrics: folds over what happens in a run, each in a file of its own and on one line of the table below.
//!
//! None of them looks at the cluster: all they need is in the [`Observation`]s. The definitions (metrics.md) stand in
//! the table itself, so that help, headers and documentation cannot differ. A new metric is a file and a line.

mod az_imbalance;
mod az_loss;
mod blast_radius;
mod cost;
mod curve;
mod empty_instances;
mod fragmentation;
mod gpu_allocation;
mod info;
mod instances_used;
mod kinds;
mod lower_bound;
mod makespan;
mod packing_density;
mod quantile;
mod quotient;
#[cfg(test)]
mod recomputed;
mod series;
mod static_rules;
mod tally;
mod tasks;
#[cfg(test)]
pub(crate) mod testing;
mod unplaced_reasons;
mod utilization;
mod wait_seconds;
mod window;
mod zones;

use std::fmt;
use std::sync::Arc;

pub use curve::{Arrival, Curve, CurvePoint};
pub use gpu_allocation::GpuAllocation;
pub use info::{Direction, MetricInfo, Report, Unit, Value, Values};
pub use kinds::{Kind, KindCounter};
pub use quotient::{Quotient, seconds, shortest};
use scheduler_core::{Change, InstanceId, PlacementRequest, ReleaseOn};
pub use series::{POINT_LIMIT, Point, Series, SeriesValues};
pub(crate) use static_rules::StaticRules;
pub(crate) use tally::Tally;
pub use window::Window;

use crate::outcome::{Observation, Observer, Outcome};
use crate::policy::TypicalTasks;

/// What metrics know of a run before it starts.
#[derive(Debug, Clone)]
pub struct Context {
    /// What averages cover.
    pub window: Window,
    /// When a stopping task gives its resources back.
    pub release_on: ReleaseOn,
    /// Whether RunTask waits where there is no room.
    pub queues: bool,
    /// Whether anything can wait: copies of RunTask in the queue, or copies of services.
    pub can_wait: bool,
    /// The typical tasks of the trace, for `fragmentation`.
    pub kinds: Arc<[Kind]>,
    /// The typical tasks of the trace, for the curve of GPU allocation and the policy FGD.
    pub typical: Arc<TypicalTasks>,
}

/// One metric, or a few of one subject, of one run.
trait Metric: Send {
    /// The cluster changed, not after the horizon.
    fn change(&mut self, _at_ms: u64, _change: &Change) {}

    /// The cluster changed after the horizon, which only what looks at the whole run cares about.
    fn change_after_horizon(&mut self, _at_ms: u64, _change: &Change) {}

    /// Something became of a task, at any time of the run.
    fn outcome(&mut self, _at_ms: u64, _outcome: &Outcome<'_>) {}

    /// What the instance that registers next costs.
    fn price(&mut self, _instance: InstanceId, _microdollars: Option<u64>) {}

    /// A REPLICA service asks for tasks by this request from now on.
    fn service(&mut self, _at_ms: u64, _request: &PlacementRequest) {}

    /// What the loss of the worst Availability Zone would cost at the horizon.
    fn zone_loss(&mut self, _zone: &str, _unplaced_tasks: u64) {}

    /// The run is over.
    fn finish(self: Box<Self>, report: &mut Report);
}

/// A subject: its metrics in the documented order, and the fold that finds them.
struct Subject {
    table: &'static [MetricInfo],
    start: fn(&Context) -> Box<dyn Metric>,
    hears: Hears,
}

/// What a fold is told; none needs both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hears {
    /// Changes, prices and services.
    Changes,
    /// Outcomes.
    Outcomes,
}

/// All metrics in the documented order.
const SUBJECTS: &[Subject] = &[
    Subject { table: tasks::TABLE, start: tasks::start, hears: Hears::Outcomes },
    Subject { table: unplaced_reasons::TABLE, start: unplaced_reasons::start, hears: Hears::Outcomes },
    Subject { table: wait_seconds::TABLE, start: wait_seconds::start, hears: Hears::Outcomes },
    Subject { table: utilization::TABLE, start: utilization::start, hears: Hears::Changes },
    Subject { table: packing_density::TABLE, start: packing_density::start, hears: Hears::Changes },
    Subject { table: empty_instances::TABLE, start: empty_instances::start, hears: Hears::Changes },
    Subject { table: instances_used::TABLE, start: instances_used::start, hears: Hears::Changes },
    Subject { table: fragmentation::TABLE, start: fragmentation::start, hears: Hears::Changes },
    Subject { table: az_imbalance::TABLE, start: az_imbalance::start, hears: Hears::Changes },
    Subject { table: blast_radius::TABLE, start: blast_radius::start, hears: Hears::Changes },
    Subject { table: az_loss::TABLE, start: az_loss::start, hears: Hears::Changes },
    Subject { table: cost::TABLE, start: cost::start, hears: Hears::Changes },
    Subject { table: lower_bound::TABLE, start: lower_bound::start, hears: Hears::Changes },
    Subject { table: makespan::TABLE, start: makespan::start, hears: Hears::Outcomes },
];

/// What the table shows if nothing else is asked for (metrics.md, section 11).
pub const DEFAULT_COLUMNS: &[&str] = &[
    "tasks.unplaced",
    "tasks.lost",
    "utilization.cpu.mean",
    "utilization.memory.mean",
    "utilization.gpu.mean",
    "instances_used.peak",
    "empty_instances.mean",
    "fragmentation.cpu",
    "az_imbalance.p95",
    "blast_radius.az.max",
    "wait_seconds.p90",
    "cost.total",
];

/// The metric of that name.
pub fn metric(name: &str) -> Option<&'static MetricInfo> {
    all_metrics().find(|info| info.name == name)
}

/// All metrics in the documented order.
pub fn all_metrics() -> impl Iterator<Item = &'static MetricInfo> {
    SUBJECTS.iter().flat_map(|subject| subject.table)
}

/// The metrics of a run while it goes on.
pub struct Metrics {
    horizon_ms: u64,
    of_changes: Vec<Box<dyn Metric>>,
    of_outcomes: Vec<Box<dyn Metric>>,
}

impl Metrics {
    /// The metrics of a run that is about to start.
    pub fn new(context: &Context) -> Self {
        let folds = |hears| {
            let subjects = SUBJECTS.iter().filter(move |subject| subject.hears == hears);
            subjects.map(|subject| (subject.start)(context)).collect()
        };
        Self {
            horizon_ms: context.window.to_ms,
            of_changes: folds(Hears::Changes),
            of_outcomes: folds(Hears::Outcomes),
        }
    }

    /// The run is over.
    pub fn finish(self) -> Values {
        let mut report = Report::default();
        for fold in self.of_changes.into_iter().chain(self.of_outcomes) {
            fold.finish(&mut report);
        }
        let table: Vec<_> = all_metrics().collect();
        Values::sorted(report.into_values(), &table)
    }
}

impl Observer for Metrics {
    /// State counts up to the horizon, its instant included; outcomes count to the end of the run.
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        match observation {
            Observation::Outcome(outcome) => self.of_outcomes.iter_mut().for_each(|fold| fold.outcome(at_ms, outcome)),
            Observation::Price { instance, microdollars } => {
                self.of_changes.iter_mut().for_each(|fold| fold.price(*instance, *microdollars));
            }
            Observation::ZoneLoss { zone, unplaced_tasks } => {
                self.of_changes.iter_mut().for_each(|fold| fold.zone_loss(zone, *unplaced_tasks));
            }
            Observation::Arrived { .. } => {}
            Observation::Service(_) if at_ms > self.horizon_ms => {}
            Observation::Change(change) if at_ms > self.horizon_ms => {
                self.of_changes.iter_mut().for_each(|fold| fold.change_after_horizon(at_ms, change));
            }
            Observation::Change(change) => self.of_changes.iter_mut().for_each(|fold| fold.change(at_ms, change)),
            Observation::Service(request) => self.of_changes.iter_mut().for_each(|fold| fold.service(at_ms, request)),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("horizon_ms", &self.horizon_ms).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_stands_once_and_the_default_columns_exist() {
        let names: Vec<_> = all_metrics().map(|info| info.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(DEFAULT_COLUMNS.iter().all(|name| metric(name).is_some()));
        assert!(all_metrics().all(|info| !info.definition.is_empty() && !info.header.is_empty()));
    }
}
