//! Each policy on a pool chosen so that they disagree.

use std::sync::Arc;

use scheduler_core::{
    Change, Cluster, ContainerInstance, Demand, PlacementPolicy, PlacementRequest, PlacementStrategy, Resources,
    Scheduler, SeededDraw, TaskGroup, TieBreak,
};

use super::{GpuPacking, POLICIES, named};

/// Name, CPU, memory, GPUs.
type Machine = (&'static str, u32, u32, u32);

fn cluster(machines: &[Machine]) -> Cluster {
    let mut cluster = Cluster::default();
    for (name, cpu_units, memory_mib, gpus) in machines {
        let resources = Resources::new(*cpu_units, *memory_mib).with_gpus(*gpus);
        let instance = ContainerInstance::builder(*name).zone("a").resources(resources).build().expect("valid");
        cluster.register(instance).expect("a new name");
    }
    cluster
}

fn start(cluster: &mut Cluster, policy: Arc<dyn PlacementPolicy>, demand: Demand) -> Change {
    let request = PlacementRequest::new(demand, TaskGroup::new("family:t").expect("valid"));
    let scheduler =
        Scheduler::default().with_default_strategy(PlacementStrategy::Custom(policy)).with_tie_break(TieBreak::Stable);
    let placement = scheduler.place_once(cluster, &request, &mut SeededDraw::new(0)).expect("a sound request");
    cluster.start(&placement.expect("somebody has room")).expect("it was just chosen")
}

fn chosen(machines: &[Machine], policy: &str, resource: Option<&str>, demand: Demand) -> String {
    let mut cluster = cluster(machines);
    let policy = named(policy).and_then(|named| named.make(resource)).expect("a policy");
    let change = start(&mut cluster, policy, demand);
    cluster.instance(change.instance).expect("it is there").name().to_owned()
}

#[test]
fn packing_policies_disagree_where_they_should() {
    let pool = [("first", 4000, 4000, 0), ("small", 1000, 8000, 0), ("large", 8000, 3000, 0), ("even", 5000, 5000, 0)];
    let demand = || Demand::new(900, 1800);
    let check = |policy, resource, expected: &str| {
        assert_eq!(chosen(&pool, policy, resource, demand()), expected, "{policy} {resource:?}");
    };
    check("first-fit", None, "first");
    check("best-fit", Some("cpu"), "small");
    check("best-fit", Some("memory"), "large");
    check("best-fit", None, "large");
    check("worst-fit", Some("CPU"), "large");
    check("worst-fit", Some("memory"), "small");
    // 0.9 of the CPU and 0.225 of the memory are the largest parts, and leave least.
    check("tetris", None, "small");
    check("least-waste", None, "small");
    // Wanted as 0.18 to 0.36 there, and everything is left: the nearest to the diagonal.
    check("cosine-similarity", None, "first");
}

#[test]
fn gpu_packing_prefers_gpus_in_use_then_instances_in_use() {
    let mut cluster = cluster(&[("empty", 10_000, 10_000, 2), ("used", 10_000, 10_000, 2)]);
    let share = |milli| Demand::new(100, 100).with_gpu_share(milli);
    let mut place = |demand: Demand| {
        let change = start(&mut cluster, Arc::new(GpuPacking), demand);
        let gpus: Vec<usize> = change.task.expect("a start").gpu_indices.iter().collect();
        (change.instance.number(), gpus)
    };
    assert_eq!(place(share(700)), (0, vec![0]));
    assert_eq!(place(share(200)), (0, vec![0]));
    assert_eq!(place(share(200)), (0, vec![1]));
    assert_eq!(place(Demand::new(100, 100).with_gpus(1)), (1, vec![0]));
}

#[test]
fn every_policy_places_everything_that_fits_somewhere() {
    let pool = [("bare", 4000, 4000, 0), ("gpus", 4000, 4000, 2), ("none", 0, 0, 0)];
    for policy in POLICIES {
        for demand in [Demand::default(), Demand::new(4000, 4000), Demand::new(1, 1).with_gpu_share(1)] {
            chosen(&pool, policy.name, None, demand.clone());
            if policy.takes_resource() {
                chosen(&pool, policy.name, Some("gpu"), demand);
            }
        }
        chosen(&pool, policy.name, None, Demand::new(1, 1).with_all_gpus());
        assert!(policy.make(Some("disk")).is_none());
    }
}
