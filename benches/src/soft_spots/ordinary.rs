//! Fleets as there are: equal machines by the thousand, big groups, many zones, many GPUs.

use scheduler_core::{ContainerInstance, Demand, PlacementRequest, PlacementStrategy, Resources, SeededDraw, Strategy};

use super::{Case, below, chain, churn, instance, refill, request, setup, spread_spread};
use crate::contest::Setup;

pub(super) const CASES: [Case; 13] = [
    ("equal_headroom", |instances| equal(instances, &Strategy::Headroom)),
    ("equal_spread_spread", |instances| equal(instances, &spread_spread())),
    ("equal_binpack_cpu", |instances| equal(instances, &chain([PlacementStrategy::binpack_cpu()]))),
    ("equal_binpack_memory", |instances| equal(instances, &chain([PlacementStrategy::binpack_memory()]))),
    ("big_group_growing", |instances| growing(instances, &spread_spread())),
    ("big_group_growing_instances", |instances| growing(instances, &chain([PlacementStrategy::spread_instances()]))),
    ("big_group_churning", |instances| churning(instances, &spread_spread())),
    ("big_group_churning_instances", |instances| churning(instances, &chain([PlacementStrategy::spread_instances()]))),
    ("zones_12_headroom", |instances| zones(instances, &Strategy::Headroom)),
    ("zones_12_spread_spread", |instances| zones(instances, &spread_spread())),
    ("zones_12_spread_binpack", |instances| {
        zones(instances, &chain([PlacementStrategy::spread_zones(), PlacementStrategy::binpack_memory()]))
    }),
    ("gpus_headroom", |instances| gpus(instances, &Strategy::Headroom)),
    ("gpus_binpack_memory", |instances| gpus(instances, &chain([PlacementStrategy::binpack_memory()]))),
];

const VCPU: [u32; 6] = [2, 4, 8, 16, 32, 64];

/// Sizes of EC2's families: 2, 4 and 8 GiB a vCPU.
pub(super) fn mixed(number: usize, zones: usize, attributes: &[(&str, String)]) -> ContainerInstance {
    let mut draw = SeededDraw::new(number as u64);
    let (vcpu, gib_per_vcpu) = (VCPU[below(&mut draw, 6)], [2, 4, 8][below(&mut draw, 3)]);
    instance(number, zones, Resources::new(vcpu * 1024, vcpu * gib_per_vcpu * 1024), attributes)
}

/// Fifty kinds of tasks.
pub(super) fn mixed_requests(strategy: &Strategy) -> Vec<PlacementRequest> {
    let mut draw = SeededDraw::new(3);
    let mut shape = |group| {
        let (cpu, memory) = (256 << below(&mut draw, 4), 512 << below(&mut draw, 5));
        request(Demand::new(cpu, memory), group).strategy(strategy.clone())
    };
    (0..50).map(&mut shape).collect()
}

/// One size of instances and one of tasks: thousands of equal keys, and whole blocks that split and merge.
fn equal(instances: usize, strategy: &Strategy) -> Setup {
    let fleet = (0..instances).map(|number| instance(number, 3, Resources::new(2_048, 8_192), &[])).collect();
    let shapes = (0..8).map(|group| request(Demand::new(256, 1_024), group).strategy(strategy.clone())).collect();
    Setup { fill_percent: 85, ..setup(fleet, shapes, churn(8)) }
}

const BIG_GROUP: usize = 10_000;

/// A service grows from nothing to 10,000 tasks, one by one, and is gone at once.
fn growing(instances: usize, strategy: &Strategy) -> Setup {
    let fleet = (0..instances).map(|number| mixed(number, 3, &[])).collect();
    let shape = request(Demand::new(64, 128), 0).strategy(strategy.clone());
    setup(fleet, vec![shape], refill(BIG_GROUP))
}

/// A service of 10,000 tasks, as even as can be, loses one and gets one.
fn churning(instances: usize, strategy: &Strategy) -> Setup {
    let tracked = (0..BIG_GROUP.max(instances)).map(|task| (task % instances, 0)).collect();
    Setup { tracked, ..churning_fleet(instances, strategy) }
}

fn churning_fleet(instances: usize, strategy: &Strategy) -> Setup {
    let per_instance = BIG_GROUP.div_ceil(instances) as u32 + 2;
    let resources = |number: usize| {
        let more = 16 * (number as u32 * 7 % 101);
        Resources::new(64 * per_instance + more, 128 * per_instance + more)
    };
    let fleet = (0..instances).map(|number| instance(number, 3, resources(number), &[])).collect();
    setup(fleet, vec![request(Demand::new(64, 128), 0).strategy(strategy.clone())], churn(1))
}

/// A dozen Availability Zones.
fn zones(instances: usize, strategy: &Strategy) -> Setup {
    let fleet = (0..instances).map(|number| mixed(number, 12, &[])).collect();
    Setup { fill_percent: 85, ..setup(fleet, mixed_requests(strategy), churn(50)) }
}

/// Three in four instances have GPUs, and most tasks want some.
fn gpus(instances: usize, strategy: &Strategy) -> Setup {
    let sizes = [(8, 0), (8, 1), (48, 4), (96, 8)];
    let fleet = (0..instances).map(|number| {
        let (vcpu, gpus) = sizes[number / 3 % 4];
        instance(number, 3, Resources::new(vcpu * 1024, vcpu * 4096).with_gpus(gpus), &[])
    });
    let wanted = [0, 0, 1, 1, 1, 2, 2, 4, 8];
    let shapes = (0..45).map(|group| {
        let gpus = wanted[group % 9];
        let demand = Demand::new(1_024 << (group % 4), 4_096 << (group % 3)).with_gpus(gpus);
        request(demand, group).strategy(strategy.clone())
    });
    Setup { fill_percent: 85, ..setup(fleet.collect(), shapes.collect(), churn(45)) }
}
