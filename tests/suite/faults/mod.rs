//! Faults: amounts at their limits, fleets that vanish, indexes that are torn down and built again. The engine answers like
//! the reference throughout, and everything is added up again after each.

mod blocks;
mod conflicts;
mod extremes;
mod groups;
mod orders;
mod pair;
mod vanished;

use scheduler_core::{
    ContainerInstance, Demand, PlacementRequest, PlacementStrategy, Resources, Scheduler, Strategy, TaskGroup, TieBreak,
};

fn instance(number: usize, resources: Resources) -> ContainerInstance {
    ContainerInstance::builder(format!("i-{number}"))
        .zone(["us-east-1a", "us-east-1b", "us-east-1c"][number % 3])
        .attribute("stack", ["prod", "test"][number / 3 % 2])
        .resources(resources)
        .without_capabilities()
        .build()
        .expect("the instance is valid")
}

fn request(demand: Demand, group: &str) -> PlacementRequest {
    PlacementRequest::new(demand, TaskGroup::service(group).expect("the name is valid"))
}

/// Every kind of order: each strategy of the index, with each tie-break that it serves.
fn every_order() -> Vec<(Scheduler, Strategy)> {
    let (zones, instances) = (PlacementStrategy::spread_zones, PlacementStrategy::spread_instances);
    let (cpu, memory) = (PlacementStrategy::binpack_cpu, PlacementStrategy::binpack_memory);
    let chain = |rules: Vec<PlacementStrategy>| Strategy::chain(rules).expect("one to five rules");
    let strategies = [
        Strategy::Headroom,
        chain(vec![PlacementStrategy::Random]),
        chain(vec![zones(), instances()]),
        chain(vec![zones(), memory()]),
        chain(vec![cpu()]),
        chain(vec![memory(), cpu()]),
    ];
    let with = |tie_break| Scheduler::default().with_tie_break(tie_break);
    let pairs = |tie_break| strategies.clone().into_iter().map(move |strategy| (with(tie_break), strategy));
    pairs(TieBreak::Headroom).chain(pairs(TieBreak::Stable)).collect()
}
