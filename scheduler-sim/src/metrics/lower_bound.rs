//! `lower_bound` and `gap`: how few instances could have held the tasks of the busiest instant.

use rustc_hash::FxHashMap;
use scheduler_core::{Amounts, Cause, Change, Demand, GpuDemand, HostPort, InstanceId, InstanceTotals};

use super::packing_density::is_not_empty;
use super::tally::Tally;
use super::window::{Clock, Piece};
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit, Value};
use crate::bounds::{self, InstanceKind, LowerBound, TaskKind};

pub(super) const TABLE: &[MetricInfo] = &[
    MetricInfo {
        name: "lower_bound_instances",
        header: "lower bound",
        unit: Unit::Instances,
        direction: Direction::Neither,
        definition: "no fewer of the instances present at the peak, the first instant at which the most instances run \
                     a task, hold the tasks of that instant: proved in integers from CPU, memory, GPUs and static \
                     ports; constraints, strategies and daemons are left out",
    },
    MetricInfo {
        name: "gap",
        header: "gap",
        unit: Unit::Share,
        direction: Direction::Lower,
        definition: "instances_used.peak / lower_bound_instances - 1; absent where the bound is 0 or the peak lies \
                     outside of the window",
    },
    MetricInfo {
        name: "lower_bound_method",
        header: "bound by",
        unit: Unit::Name,
        direction: Direction::Neither,
        definition: "what gave lower_bound_instances, the simplest first: volume (the largest capacities of one \
                     resource), port (tasks of one static port), dual-feasible (rounded demands), relaxation (the \
                     configuration LP)",
    },
    MetricInfo {
        name: "lower_bound_cost",
        header: "bound cost/h",
        unit: Unit::Dollars,
        direction: Direction::Neither,
        definition: "no cheaper instances present at the peak hold its tasks, in dollars an hour; absent unless each \
                     has a price",
    },
    MetricInfo {
        name: "cost_gap",
        header: "cost gap",
        unit: Unit::Share,
        direction: Direction::Lower,
        definition: "price of the instances that run a task at the peak / lower_bound_cost - 1; absent where the bound \
                     is absent or 0",
    },
];

const MICRODOLLARS: u128 = 1_000_000;

/// What tasks take that count as one kind.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TaskKey {
    cpu_units: u64,
    memory_mib: u64,
    /// `None`: all GPUs of the instance.
    gpu_thousandths: Option<u64>,
    host_ports: Vec<HostPort>,
}

impl TaskKey {
    /// Allocates only for tasks with ports.
    fn of(demand: &Demand) -> Self {
        Self {
            cpu_units: demand.cpu_units.into(),
            memory_mib: demand.memory_mib.into(),
            gpu_thousandths: match demand.gpus {
                GpuDemand::All => None,
                some => Some(some.milli(0).into()),
            },
            host_ports: demand.host_ports.as_slice().to_vec(),
        }
    }
}

struct Bound {
    clock: Clock,
    prices: FxHashMap<InstanceId, Option<u64>>,
    instances: Tally<(Amounts, Option<u64>)>,
    tasks: Tally<TaskKey>,
    used: u64,
    /// Millionths of a dollar an hour of the instances that run a task; those without a price are left out.
    used_price: u128,
    peak: u64,
    price_at_peak: u128,
    /// The peak within the window.
    window_peak: u64,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(Bound {
        clock: Clock::new(context.window),
        prices: FxHashMap::default(),
        instances: Tally::new(),
        tasks: Tally::new(),
        used: 0,
        used_price: 0,
        peak: 0,
        price_at_peak: 0,
        window_peak: 0,
    })
}

impl Bound {
    fn stand(&mut self, piece: Piece) {
        if self.used > self.peak {
            (self.peak, self.price_at_peak) = (self.used, self.used_price);
            self.instances.mark_peak();
            self.tasks.mark_peak();
        }
        if piece.is_seen {
            self.window_peak = self.window_peak.max(self.used);
        }
    }

    fn follow_instance(&mut self, change: &Change) {
        let registered = |totals: Option<InstanceTotals>| totals.map(|totals| totals.registered);
        let is_used = |totals: Option<InstanceTotals>| totals.as_ref().is_some_and(is_not_empty);
        let (before, after) = (registered(change.before), registered(change.after));
        let (was_used, is_used) = (is_used(change.before), is_used(change.after));
        if before == after && was_used == is_used {
            return;
        }
        let price = self.prices.get(&change.instance).copied().flatten();
        if before != after {
            if let Some(before) = before {
                self.instances.change((before, price), |count| count - 1);
            }
            if let Some(after) = after {
                self.instances.change((after, price), |count| count + 1);
            }
        }
        let price = u128::from(price.unwrap_or(0));
        match (was_used, is_used) {
            (false, true) => (self.used, self.used_price) = (self.used + 1, self.used_price + price),
            (true, false) => (self.used, self.used_price) = (self.used - 1, self.used_price - price),
            _ => {}
        }
        if matches!(change.cause, Cause::Deregistered) {
            self.prices.remove(&change.instance);
        }
    }

    fn follow_task(&mut self, change: &Change) {
        let Some(task) = &change.task else { return };
        let occupying = |totals: Option<InstanceTotals>| totals.map_or(0, |totals| totals.occupying_tasks);
        let (before, after) = (occupying(change.before), occupying(change.after));
        if before == after {
            return;
        }
        self.tasks.change(TaskKey::of(&task.spec.demand), |count| if after > before { count + 1 } else { count - 1 });
    }

    fn lower_bound(&self) -> Option<LowerBound> {
        let instances: Vec<_> = self
            .instances
            .at_peak()
            .map(|((registered, microdollars), count)| InstanceKind::new(*registered, *microdollars, count))
            .collect();
        // Who takes all GPUs takes at least as many as the instance with the fewest has.
        let fewest_gpus = instances.iter().map(InstanceKind::gpu_thousandths).min().unwrap_or(0);
        let tasks = self.tasks.at_peak().map(|(key, count)| TaskKind {
            resources: [key.cpu_units, key.memory_mib, key.gpu_thousandths.unwrap_or(fewest_gpus)],
            host_ports: key.host_ports.clone(),
            count,
        });
        bounds::lower_bound(&tasks.collect::<Vec<_>>(), &instances, Some(self.peak))
    }
}

impl Metric for Bound {
    fn price(&mut self, instance: InstanceId, microdollars: Option<u64>) {
        self.prices.insert(instance, microdollars);
    }

    fn change(&mut self, at_ms: u64, change: &Change) {
        if let Some(piece) = self.clock.advance(at_ms) {
            self.stand(piece);
        }
        self.follow_instance(change);
        self.follow_task(change);
    }

    fn change_after_horizon(&mut self, at_ms: u64, change: &Change) {
        self.change(at_ms, change);
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.stand(self.clock.close());
        let Some(bound) = self.lower_bound() else {
            debug_assert!(false, "the tasks of the peak lie on its instances");
            return;
        };
        debug_assert!(bound.instances <= self.peak, "{bound:?}: {} hold the tasks", self.peak);
        report.count(&TABLE[0], bound.instances);
        if self.window_peak == self.peak {
            report.number(&TABLE[1], gap(self.peak.into(), bound.instances.into()));
        }
        report.value(&TABLE[2], Value::Text(bound.method.to_string()));
        if let Some(microdollars) = bound.microdollars {
            debug_assert!(microdollars <= self.price_at_peak, "{bound:?}: {} hold the tasks", self.price_at_peak);
            report.number(&TABLE[3], Quotient::new(microdollars, MICRODOLLARS));
            report.number(&TABLE[4], gap(self.price_at_peak, microdollars));
        }
    }
}

/// `actual / bound - 1`; `None` where the bound is 0.
fn gap(actual: u128, bound: u128) -> Option<Quotient> {
    Quotient::new(actual.checked_sub(bound)?, bound)
}
