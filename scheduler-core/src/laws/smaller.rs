//! The smallest history that still shows something: whatever can be left out, is.
//!
//! Shrinking by proptest makes each value plainer; what it cannot see is that an instance or a request may go although
//! indices then mean others, and that a whole request may become a plain one.

use std::sync::Arc;

use super::law::Finding;
use super::{History, Operation};
use crate::cluster::HeadroomWeights;
use crate::model::{ContainerInstance, Demand, GpuDemand, HostPorts, Resources};
use crate::placement::{PlacementConstraint, PlacementRequest, Scheduler};

/// Takes smaller histories as long as one of them still shows something.
pub(super) fn smallest(
    mut history: History,
    mut finding: Finding,
    mut find: impl FnMut(&History) -> Option<Finding>,
) -> (History, Finding) {
    'smaller: loop {
        for smaller in smaller(&history) {
            if let Some(found) = find(&smaller) {
                (history, finding) = (smaller, found);
                continue 'smaller;
            }
        }
        return (history, finding);
    }
}

/// Histories with one thing less each, the larger things first. Each is smaller, so the search ends.
fn smaller(history: &History) -> Vec<History> {
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
    for index in (0..history.fleet.len()).rev() {
        with(&|smaller| drop(smaller.fleet.remove(index)));
    }
    if history.requests.len() > 1 {
        for index in (0..history.requests.len()).rev() {
            with(&|smaller| drop(smaller.requests.remove(index)));
        }
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
    if history.scheduler != Scheduler::default() {
        with(&|smaller| smaller.scheduler = Scheduler::default());
    }
    if history.weights != HeadroomWeights::default() {
        with(&|smaller| smaller.weights = HeadroomWeights::default());
    }
    all
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

fn plainer_demands(demand: &Demand) -> impl Iterator<Item = Demand> + '_ {
    let plainer = [
        Demand { cpu_units: 0, ..demand.clone() },
        Demand { memory_mib: 0, ..demand.clone() },
        Demand { gpus: GpuDemand::Count(0), ..demand.clone() },
        Demand { host_ports: HostPorts::new(), ..demand.clone() },
    ];
    plainer.into_iter().filter(move |plainer| plainer != demand)
}

/// Without anything but name, zone and resources; then with no GPUs, and the agent's ports alone reserved.
fn plainer_instances(instance: &ContainerInstance) -> Vec<ContainerInstance> {
    let of = |resources: Resources| {
        let builder = ContainerInstance::builder(instance.name()).zone(instance.zone()).resources(resources);
        builder.without_capabilities().build().ok()
    };
    let resources = instance.resources();
    let plain = of(Resources::new(resources.cpu_units(), resources.memory_mib()));
    if plain.as_ref() == Some(instance) {
        return Vec::new();
    }
    [of(resources.clone()), plain].into_iter().flatten().filter(|plainer| plainer != instance).collect()
}
