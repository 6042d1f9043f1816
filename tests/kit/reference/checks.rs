//! The checks of section 2.3, one instance at a time, and what follows from them: who is eligible, why nobody is (C-51),
//! and for how many more tasks there is room.

use scheduler_core::{Check, GpuDemand, InstanceId, PlacementConstraint, PlacementRequest};

use super::cluster::{Instance, Reference, count};
use super::expression::{Facts, holds};

/// A check that an instance fails, and by how much (C-51).
pub type Failing = (Check, i64);

/// Why nobody can take a task: the check, and the closest instance with its shortfall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The check after which nobody is left.
    pub check: Check,
    /// The closest instance.
    pub closest: Option<(InstanceId, i64)>,
}

/// Every check that the instance fails, in the order of 2.3.
pub fn failures(instance: &Instance, request: &PlacementRequest) -> Vec<Failing> {
    let demand = request.demand();
    let mut failures = Vec::new();
    let mut require = |check, holds: bool, shortfall: i64| {
        if !holds {
            failures.push((check, shortfall));
        }
    };
    require(Check::Status, instance.active, 0);
    let provider = request.capacity_provider_name();
    require(Check::CapacityProvider, provider.is_none() || provider == instance.description.capacity_provider(), 0);
    let cpu = i64::from(demand.cpu_units) - instance.remaining_cpu();
    require(Check::Cpu, cpu <= 0, cpu);
    let memory = i64::from(demand.memory_mib) - instance.remaining_memory();
    require(Check::Memory, memory <= 0, memory);
    let taken = instance.taken_ports();
    let clashing = count(demand.host_ports.iter().filter(|port| taken.contains(port)).count());
    let above_limit = count(taken.len() + demand.host_ports.len()) - 100;
    let ports = if clashing > 0 { clashing } else { above_limit };
    require(Check::Ports, demand.host_ports.is_empty() || ports <= 0, ports);
    let free = count(instance.free_gpus().len());
    let gpus = match demand.gpus {
        GpuDemand::Count(count) => i64::from(count) - free,
        GpuDemand::All => count(instance.resources.gpu_ids().len()).max(1) - free,
        GpuDemand::Share(milli) => i64::from(milli) - instance.gpu_millis_left().into_iter().max().unwrap_or(0),
    };
    require(Check::Gpu, gpus <= 0, gpus);
    require(Check::Eni, !demand.needs_eni || instance.remaining_enis().is_none_or(|left| left > 0), 1);
    let has_required = request.required_attributes().iter().all(|required| match &required.value {
        None => instance.attributes.contains(&required.name),
        Some(value) => instance.attributes.get(&required.name).value() == Some(value.as_str()),
    });
    require(Check::Attributes, has_required, 0);
    let zones = request.allowed_zones();
    require(Check::Location, zones.is_none_or(|zones| zones.iter().any(|zone| **zone == *instance.zone())), 0);
    let constraints = request.all_constraints();
    let matches = |constraint: &PlacementConstraint| match constraint {
        PlacementConstraint::MemberOf(expression) => holds(expression.root(), &facts(instance)),
        _ => true,
    };
    require(Check::MemberOf, constraints.iter().all(matches), 0);
    let running = instance.running_of(request.group());
    let is_distinct = constraints.contains(&PlacementConstraint::DistinctInstance);
    require(Check::DistinctInstance, !is_distinct || running == 0, 0);
    let below_limit = |constraint: &PlacementConstraint| match constraint {
        PlacementConstraint::MaxTasksPerInstance(limit) => running < limit.get() as usize,
        _ => true,
    };
    require(Check::MaxTasksPerInstance, constraints.iter().all(below_limit), 0);
    require(Check::Agent, instance.connected, 0);
    failures
}

fn facts(instance: &Instance) -> Facts<'_> {
    Facts {
        name: instance.description.name(),
        attributes: &instance.attributes,
        connected: instance.connected,
        agent_version: instance.description.agent_version(),
        registered_at_ms: instance.description.registered_at_ms(),
        groups: instance.running().map(|task| task.spec.group.as_str()).collect(),
    }
}

/// Whether the static rules admit an instance (C-19): required attributes, location, and expressions over attributes.
pub(super) fn is_admitted(instance: &Instance, request: &PlacementRequest) -> bool {
    let mut only_static = PlacementRequest::new(scheduler_core::Demand::default(), request.group().clone());
    for required in request.required_attributes() {
        only_static = only_static.required_attribute(required.clone());
    }
    if let Some(zones) = request.allowed_zones() {
        only_static = only_static.zones(zones.to_vec());
    }
    for constraint in request.all_constraints() {
        if matches!(constraint, PlacementConstraint::MemberOf(expression) if expression.is_static()) {
            only_static = only_static.constraint(constraint.clone());
        }
    }
    let is_static = |check: Check| matches!(check, Check::Attributes | Check::Location | Check::MemberOf);
    !failures(instance, &only_static).into_iter().any(|(check, _)| is_static(check))
}

/// The instances that can take the task, in the order of their registration.
pub fn eligible(cluster: &Reference, request: &PlacementRequest) -> Vec<InstanceId> {
    let fits = |instance: &&Instance| failures(instance, request).is_empty();
    cluster.present().filter(fits).map(|instance| instance.id).collect()
}

/// C-51: the checks are gone through in order, each time keeping those that pass, until nobody is left.
pub fn refusal(cluster: &Reference, request: &PlacementRequest) -> Option<Refusal> {
    let mut left: Vec<&Instance> = cluster.present().collect();
    if left.is_empty() {
        return Some(Refusal { check: Check::Status, closest: None });
    }
    for check in Check::ALL {
        let shortfall = |instance: &Instance| {
            failures(instance, request).into_iter().find(|(failed, _)| *failed == check).map(|(_, short)| short)
        };
        let passing: Vec<_> = left.iter().copied().filter(|instance| shortfall(instance).is_none()).collect();
        if passing.is_empty() {
            let closest = left.iter().map(|instance| (shortfall(instance).unwrap_or(0), instance.id)).min();
            let closest = closest.filter(|_| check != Check::Status).map(|(short, id)| (id, short));
            return Some(Refusal { check, closest });
        }
        left = passing;
    }
    None
}

/// How many more tasks an instance takes, found by starting them on a copy, `at_most` of them; and the check that the one
/// after them fails.
///
/// # Panics
/// If the instance is not registered.
pub fn room(cluster: &Reference, id: InstanceId, request: &PlacementRequest, at_most: u32) -> (u32, Option<Check>) {
    let mut copy = cluster.clone();
    for started in 0..at_most {
        let instance = copy.instance(id).expect("the instance is registered");
        if let Some((check, _)) = failures(instance, request).first() {
            return (started, Some(*check));
        }
        copy.start(id, request).expect("the instance is registered");
    }
    (at_most, None)
}
