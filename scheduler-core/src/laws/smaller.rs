//! How histories shrink: each value by itself, as proptest does it, and then whatever can be left out, is.
//!
//! What proptest cannot see is that indices name things: an instance, a request or an operation may go if the indices of
//! the others follow, and a whole request or instance may become a plain one.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

use super::{History, Operation, ZONES};
use crate::cluster::HeadroomWeights;
use crate::model::{ContainerInstance, Demand, GpuDemand, HostPorts, MAX_AMOUNT, Resources};
use crate::placement::{PlacementConstraint, PlacementRequest, Scheduler};

/// Histories that shrink until nothing can be left out.
#[derive(Debug)]
pub(super) struct Shrinking(pub(super) BoxedStrategy<History>);

impl Strategy for Shrinking {
    type Tree = Tree;
    type Value = History;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Tree { by_value: self.0.new_tree(runner)?, failing: None, search: None })
    }
}

/// A history on its way to a smaller one.
pub(super) struct Tree {
    by_value: Box<dyn ValueTree<Value = History>>,
    /// The smallest history so far that shows what is looked for.
    failing: Option<History>,
    /// Once the values cannot be simpler: what is smaller than that, and which of it is being tried.
    search: Option<(Vec<History>, usize)>,
}

impl Tree {
    fn search(&mut self) -> bool {
        let smaller = self.failing.as_ref().map(smaller).unwrap_or_default();
        !self.search.insert((smaller, 0)).0.is_empty()
    }
}

impl ValueTree for Tree {
    type Value = History;

    fn current(&self) -> History {
        let Some((smaller, tried)) = &self.search else { return self.by_value.current() };
        smaller.get(*tried).or(self.failing.as_ref()).cloned().unwrap_or_else(|| self.by_value.current())
    }

    fn simplify(&mut self) -> bool {
        self.failing = Some(self.current());
        (self.search.is_none() && self.by_value.simplify()) || self.search()
    }

    fn complicate(&mut self) -> bool {
        match &mut self.search {
            Some((smaller, tried)) => {
                *tried += 1;
                *tried < smaller.len()
            }
            None => self.by_value.complicate() || self.search(),
        }
    }
}

/// Histories with one thing less each, the larger things first. Each is smaller, so the search ends.
fn smaller(history: &History) -> Vec<History> {
    let history = &with_least_indices(history);
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut History)| {
        let mut smaller = history.clone();
        change(&mut smaller);
        all.push(smaller);
    };
    if history.operations.len() > 1 {
        with(&|smaller| smaller.operations.clear());
    }
    for (index, operation) in history.operations.iter().enumerate().rev() {
        with(&|smaller| drop(smaller.operations.remove(index)));
        with(&|smaller| {
            smaller.operations.remove(index);
            // If it started a task: that one is not named by those that follow.
            let tasks = smaller.operations[index..].iter_mut().filter_map(task_index);
            tasks.for_each(|task| *task = task.saturating_sub(1));
        });
        // One large task may do what several small ones did.
        with(&|smaller| {
            smaller.operations.remove(index);
            smaller.requests.iter_mut().for_each(|request| *request = Arc::new(doubled(request)));
        });
        // Told by the plainest event.
        if let Operation::Adopt { request, instance } = operation {
            with(&|smaller| {
                smaller.operations[index] = Operation::StartOn { request: *request, instance: *instance };
            });
        }
        // As well there from the beginning.
        if let Operation::Register(late) = operation
            && history.fleet.iter().all(|instance| instance.name() != late.name())
        {
            with(&|smaller| {
                smaller.operations.remove(index);
                smaller.fleet.push(ContainerInstance::clone(late));
            });
        }
    }
    if history.fleet.len() > 1 {
        for instance in &history.fleet {
            with(&|smaller| smaller.fleet = vec![instance.clone()]);
        }
    }
    for gone in (0..history.fleet.len()).rev() {
        with(&|smaller| {
            smaller.fleet.remove(gone);
            close_gap(smaller.operations.iter_mut().filter_map(instance_index), gone);
        });
    }
    for gone in (0..history.requests.len()).rev().filter(|_| history.requests.len() > 1) {
        with(&|smaller| {
            smaller.requests.remove(gone);
            close_gap(smaller.operations.iter_mut().filter_map(request_index), gone);
        });
    }
    for (index, request) in history.requests.iter().enumerate() {
        for plainer in plainer_requests(request) {
            with(&|smaller| smaller.requests[index] = Arc::new(plainer.clone()));
        }
    }
    for (index, instance) in history.fleet.iter().enumerate() {
        for plainer in plainer_instances(instance) {
            with(&|smaller| smaller.fleet[index] = plainer.clone());
        }
    }
    if history.fleet.iter().any(|instance| *instance != plainest(instance)) {
        with(&|smaller| smaller.fleet.iter_mut().for_each(|instance| *instance = plainest(instance)));
    }
    if history.scheduler != Scheduler::default() {
        with(&|smaller| smaller.scheduler = Scheduler::default());
    }
    if history.weights != HeadroomWeights::default() {
        with(&|smaller| smaller.weights = HeadroomWeights::default());
    }
    all
}

/// The same history with indices below the number of what they are an index of.
fn with_least_indices(history: &History) -> History {
    let mut history = history.clone();
    let mut run = history.begin();
    for operation in &mut history.operations {
        let (instances, tasks) = (run.cluster.instance_count(), run.cluster.task_count());
        let reduce = |index: Option<&mut usize>, count: usize| {
            if let Some(index) = index {
                *index %= count.max(1);
            }
        };
        reduce(instance_index(operation), instances);
        reduce(task_index(operation), tasks);
        reduce(request_index(operation), history.requests.len());
        // A call that errs changes nothing.
        let _ = run.apply(operation);
    }
    history
}

/// One of what the indices are of is gone.
fn close_gap<'a>(indices: impl Iterator<Item = &'a mut usize>, gone: usize) {
    indices.filter(|index| **index > gone).for_each(|index| *index -= 1);
}

fn instance_index(operation: &mut Operation) -> Option<&mut usize> {
    match operation {
        Operation::OnInstance(instance, _)
        | Operation::StartOn { instance, .. }
        | Operation::Adopt { instance, .. } => Some(instance),
        _ => None,
    }
}

fn task_index(operation: &mut Operation) -> Option<&mut usize> {
    match operation {
        Operation::OnTask(task, _) => Some(task),
        _ => None,
    }
}

fn request_index(operation: &mut Operation) -> Option<&mut usize> {
    match operation {
        Operation::Place { request }
        | Operation::StartOn { request, .. }
        | Operation::Adopt { request, .. }
        | Operation::ScaleIn { request } => Some(request),
        _ => None,
    }
}

/// Without anything but demand and group; without one constraint each; with less of one resource each.
fn plainer_requests(request: &PlacementRequest) -> Vec<PlacementRequest> {
    let (demand, constraints) = (request.demand(), request.all_constraints());
    let plain = PlacementRequest::new(demand.clone(), request.group().clone());
    let mut all = Vec::new();
    if *request != plain {
        all.push(plain);
    }
    if request.own_strategy().is_some() {
        all.push(request.clone().without_strategy());
    }
    for index in 0..constraints.len() {
        let others = constraints.iter().enumerate().filter(|(other, _)| *other != index);
        all.push(with(request, demand.clone(), others.map(|(_, constraint)| constraint.clone())));
    }
    all.extend(plainer_demands(demand).map(|demand| with(request, demand, constraints.iter().cloned())));
    all
}

/// With another demand and other constraints, and nothing required of attributes and zones.
fn with(
    request: &PlacementRequest,
    demand: Demand,
    constraints: impl IntoIterator<Item = PlacementConstraint>,
) -> PlacementRequest {
    let plain = PlacementRequest::new(demand, request.group().clone()).kind(request.spec().kind);
    let plain = plain.constraints(constraints);
    match request.own_strategy() {
        Some(strategy) => plain.strategy(strategy.clone()),
        None => plain,
    }
}

/// The same with twice the CPU and memory.
fn doubled(request: &PlacementRequest) -> PlacementRequest {
    let demand = request.demand();
    let twice = |amount: u32| amount.saturating_mul(2).min(MAX_AMOUNT);
    let demand = Demand { cpu_units: twice(demand.cpu_units), memory_mib: twice(demand.memory_mib), ..demand.clone() };
    with(request, demand, request.all_constraints().iter().cloned())
}

fn plainer_demands(demand: &Demand) -> impl Iterator<Item = Demand> + '_ {
    let plainer = [
        Demand { cpu_units: 0, ..demand.clone() },
        Demand { memory_mib: 0, ..demand.clone() },
        Demand { gpus: GpuDemand::Count(0), ..demand.clone() },
        Demand { host_ports: HostPorts::new(), ..demand.clone() },
    ];
    plainer.into_iter().filter(move |plainer| plainer != demand)
}

/// Without anything but name, zone and resources; then with no GPUs, and the agent's ports alone reserved; then in the first
/// zone.
fn plainer_instances(instance: &ContainerInstance) -> Vec<ContainerInstance> {
    let of = |zone: &str, resources: Resources| {
        let builder = ContainerInstance::builder(instance.name()).zone(zone).resources(resources);
        builder.without_capabilities().build().ok()
    };
    let (zone, resources) = (instance.zone(), instance.resources());
    let plain = Resources::new(resources.cpu_units(), resources.memory_mib());
    let plainer = [of(zone, resources.clone()), of(zone, plain.clone()), of(ZONES[0], plain)];
    let last = plainer.iter().rposition(|plainer| plainer.as_ref() == Some(instance));
    plainer.into_iter().skip(last.map_or(0, |last| last + 1)).flatten().collect()
}

/// The instance that others shrink to, under its own name.
fn plainest(instance: &ContainerInstance) -> ContainerInstance {
    let builder = ContainerInstance::builder(instance.name()).zone(ZONES[0]).resources(Resources::new(1024, 1024));
    builder.without_capabilities().build().expect("it is valid")
}
