//! How few container instances could hold some tasks: lower bounds, each of them proved in integers.
//!
//! Every method gives weights to tasks and knows, for each kind of instance, a weight that no set of tasks on one such
//! instance exceeds (a `Weighting`). All the weight has to lie somewhere, so that the instances that can hold most tell
//! how many are needed, and those that hold weight most cheaply what it must cost. The methods differ in the weights:
//!
//! - `volume`: what a task takes of one resource;
//! - `port`: 1 for each task that takes one static port;
//! - `dual-feasible`: what a task takes of one resource, rounded so that the sums of one instance cannot grow;
//! - `relaxation`: the dual prices of the configuration LP, found by column generation in floating point, rounded to
//!   integers, and held against a knapsack in integers.
//!
//! Constraints, strategies, network interfaces and the daemons' share are left out: they can only raise the number. No
//! clock decides anything; what may take long has a budget of steps, and a proof that does not fit in is not used.

mod dual_feasible;
mod grid;
mod knapsack;
mod relaxation;
#[cfg(test)]
mod tests;
mod volume;
mod weighting;

use std::fmt;

use scheduler_core::{Amounts, Demand, GpuDemand, HostPort};
use weighting::Weighting;

/// CPU units, MiB, and thousandths of a GPU.
pub type Resources = [u64; RESOURCE_COUNT];

/// How many resources [`Resources`] has.
pub const RESOURCE_COUNT: usize = 3;

/// Tasks that take the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKind {
    /// What one of them takes.
    pub resources: Resources,
    /// The static host ports that each of them takes.
    pub host_ports: Vec<HostPort>,
    /// How many there are.
    pub count: u64,
}

/// Instances that have the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceKind {
    /// What one of them has.
    pub resources: Resources,
    /// What one of them costs: millionths of a dollar an hour, if it is known.
    pub microdollars: Option<u64>,
    /// How many there are.
    pub count: u64,
}

impl TaskKind {
    /// Tasks of that demand. Who takes all GPUs of an instance takes at least `fewest_gpus`, in thousandths: as many as
    /// the instance with the fewest has.
    pub fn new(demand: &Demand, fewest_gpus: u64, count: u64) -> Self {
        let gpus = match demand.gpus {
            GpuDemand::All => fewest_gpus,
            some => some.milli(0).into(),
        };
        Self {
            resources: [demand.cpu_units.into(), demand.memory_mib.into(), gpus],
            host_ports: demand.host_ports.as_slice().to_vec(),
            count,
        }
    }
}

impl InstanceKind {
    /// Instances that have registered so much.
    pub fn new(registered: Amounts, microdollars: Option<u64>, count: u64) -> Self {
        let Amounts { cpu_units, memory_mib, gpu_milli } = registered;
        Self { resources: [cpu_units.into(), memory_mib.into(), gpu_milli.into()], microdollars, count }
    }

    /// The GPUs of one of them, in thousandths.
    pub fn gpu_thousandths(&self) -> u64 {
        self.resources[RESOURCE_COUNT - 1]
    }
}

/// What gave a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The largest capacities of one resource that add up to the demand.
    Volume,
    /// Tasks that take the same static port.
    Port,
    /// Demands rounded by a dual feasible function.
    DualFeasible,
    /// The configuration LP.
    Relaxation,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Volume => "volume",
            Self::Port => "port",
            Self::DualFeasible => "dual-feasible",
            Self::Relaxation => "relaxation",
        })
    }
}

/// What is proved about the instances that some tasks need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowerBound {
    /// No fewer instances hold the tasks.
    pub instances: u64,
    /// The method that gave the number; of several that gave it, the simplest.
    pub method: Method,
    /// No cheaper instances hold the tasks: millionths of a dollar an hour; `None` unless every instance has a price.
    pub microdollars: Option<u128>,
}

/// Bounds for tasks that have to lie on some of the instances.
///
/// `known` is a number of instances that is known to suffice: who reaches it stops looking. `None` if the tasks are
/// found not to fit on all instances together.
///
/// Cost: O(kinds x log kinds) and at most some hundred million steps for the relaxation, which fleets and tasks of few
/// kinds come nowhere near; memory for at most a few million numbers.
pub fn lower_bound(tasks: &[TaskKind], instances: &[InstanceKind], known: Option<u64>) -> Option<LowerBound> {
    if tasks.iter().any(|task| task.count > 0 && !instances.iter().any(|instance| fits(task, instance))) {
        return None;
    }
    let mut best = Best::new(instances, known);
    volume::bounds(tasks, &mut best);
    volume::port_bounds(tasks, &mut best);
    if best.is_open() {
        dual_feasible::bounds(tasks, &mut best);
    }
    if best.is_open() {
        relaxation::bounds(tasks, &mut best);
    }
    best.finish()
}

fn fits(task: &TaskKind, instance: &InstanceKind) -> bool {
    instance.count > 0 && task.resources.iter().zip(&instance.resources).all(|(one, all)| one <= all)
}

/// The best bounds so far.
struct Best<'a> {
    instances: &'a [InstanceKind],
    known: Option<u64>,
    /// Whether prices are known and differ, so that the cost is a question of its own.
    prices_differ: bool,
    bound: LowerBound,
    /// The cost that a weighting proves, if all prices are known.
    microdollars: Option<u128>,
    is_impossible: bool,
}

impl<'a> Best<'a> {
    fn new(instances: &'a [InstanceKind], known: Option<u64>) -> Self {
        let prices: Option<Vec<u64>> = instances.iter().map(|kind| kind.microdollars).collect();
        Self {
            instances,
            known,
            prices_differ: prices.as_ref().is_some_and(|prices| prices.windows(2).any(|pair| pair[0] != pair[1])),
            bound: LowerBound { instances: 0, method: Method::Volume, microdollars: None },
            microdollars: prices.map(|_| 0),
            is_impossible: false,
        }
    }

    /// Takes over what a weighting proves, where it is more than what was known.
    fn take(&mut self, method: Method, weighting: &Weighting) {
        match weighting.least_instances(self.instances) {
            Some(instances) if instances > self.bound.instances => {
                (self.bound.instances, self.bound.method) = (instances, method);
            }
            Some(_) => {}
            None => self.is_impossible = true,
        }
        if self.prices_differ {
            self.microdollars = self.microdollars.max(weighting.least_cost(self.instances));
        }
    }

    /// Whether a better bound may be found.
    fn is_open(&self) -> bool {
        !self.is_impossible && (self.prices_differ || !self.is_reached())
    }

    /// Whether no larger number of instances can be proved.
    fn is_reached(&self) -> bool {
        self.known.is_some_and(|known| self.bound.instances >= known)
    }

    fn finish(self) -> Option<LowerBound> {
        let of_count = weighting::cheapest(self.instances, self.bound.instances);
        let microdollars = self.microdollars.map(|cost| cost.max(of_count));
        (!self.is_impossible).then_some(LowerBound { microdollars, ..self.bound })
    }
}
