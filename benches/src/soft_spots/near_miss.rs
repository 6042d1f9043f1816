//! Adversarial near misses: every block holds machines that together have all that is wanted, and none that has it alone.

use scheduler_core::{ContainerInstance, Demand, PlacementStrategy, Resources};

use super::{Case, chain, churn, instance, member_of, request, setup};
use crate::contest::{Setup, Step};

pub(super) const CASES: [Case; 4] = [
    ("near_miss_cpu_or_memory", cpu_or_memory),
    ("near_miss_refused", refused),
    ("near_miss_class", class),
    ("near_miss_gpu", gpu),
];

/// What is wanted is 1,000 CPU units and 3,000 MiB. Half of the machines lack one unit, half one MiB, and all have the
/// same headroom (4 × 999 + 7,003 = 4 × 2,000 + 2,999), so each block holds both kinds, and they satisfy every bound.
fn near_miss(number: usize) -> ContainerInstance {
    let resources = [Resources::new(999, 7_003), Resources::new(2_000, 2_999)][number / 3 % 2].clone();
    instance(number, 3, resources, &[])
}

/// The few that fit stand at the end of the order.
fn cpu_or_memory(instances: usize) -> Setup {
    let fitting = (instances / 100).max(6);
    let fleet = (0..instances).map(|number| {
        if number < instances - fitting {
            near_miss(number)
        } else {
            instance(number, 3, Resources::new(1_000, 3_000), &[])
        }
    });
    let tracked = (instances - fitting / 2..instances).map(|number| (number, 0)).collect();
    Setup { tracked, ..setup(fleet.collect(), vec![request(Demand::new(1_000, 3_000), 0)], churn(1)) }
}

/// Nobody fits, and there are more kinds of requests than the release log remembers: each asks everybody again.
fn refused(instances: usize) -> Setup {
    const SHAPES: usize = 300;
    let mut shapes: Vec<_> = (0..SHAPES).map(|group| request(Demand::new(1_000, 3_000), group)).collect();
    shapes.push(request(Demand::new(1, 1), SHAPES));
    let mut turn = 0;
    let script = Box::new(move |_: &mut _, _| {
        turn = (turn + 1) % SHAPES;
        vec![Step::Stop(0), Step::Prepare(SHAPES), Step::Place(turn)]
    });
    Setup { tracked: vec![(0, SHAPES)], ..setup((0..instances).map(near_miss).collect(), shapes, script) }
}

/// In the order of memory each machine of the class admitted, without CPU, stands beside one with CPU of the other class.
fn class(instances: usize) -> Setup {
    let fitting = (instances / 100).max(6);
    let memory = |number: usize| 4_000 + number as u32 / 6;
    let fleet = (0..instances).map(|number| {
        let (stack, cpu) = if number / 3 % 2 == 0 { ("prod", 100) } else { ("test", 4_000) };
        if number < instances - fitting {
            instance(number, 3, Resources::new(cpu, memory(number)), &[("stack", stack.to_owned())])
        } else {
            instance(number, 3, Resources::new(4_000, memory(instances)), &[("stack", "prod".to_owned())])
        }
    });
    let packed = request(Demand::new(3_000, 3_500), 0).constraint(member_of("attribute:stack == prod"));
    let packed = packed.strategy(chain([PlacementStrategy::binpack_memory()]));
    let tracked = (instances - fitting / 2..instances).map(|number| (number, 0)).collect();
    Setup { tracked, ..setup(fleet.collect(), vec![packed], churn(1)) }
}

/// Four GPUs are wanted: half of the machines have three and room, half have four and lack a unit of CPU.
fn gpu(instances: usize) -> Setup {
    let fitting = (instances / 100).max(6);
    let fleet = (0..instances).map(|number| {
        let kinds = [Resources::new(1_750, 4_000).with_gpus(3), Resources::new(999, 7_004).with_gpus(4)];
        if number < instances - fitting {
            instance(number, 3, kinds[number / 3 % 2].clone(), &[])
        } else {
            instance(number, 3, Resources::new(1_000, 3_000).with_gpus(4), &[])
        }
    });
    let tracked = (instances - fitting / 2..instances).map(|number| (number, 0)).collect();
    let shape = request(Demand::new(1_000, 3_000).with_gpus(4), 0);
    Setup { tracked, ..setup(fleet.collect(), vec![shape], churn(1)) }
}
