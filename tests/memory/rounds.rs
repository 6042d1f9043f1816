//! Memory follows the instances and tasks present, not those that ever were: thousands of rounds of emptying a cluster and
//! filling it again under new names.
//!
//! A hundred rounds by default; `SCHEDULER_ROUNDS=10000 cargo test --release -p scheduler-memory-test` takes minutes.

use scheduler_core::{
    Cluster, ContainerInstance, Demand, Expression, HostPorts, PlacementConstraint, PlacementRequest,
    PlacementStrategy, PreparedRequest, Resources, Scheduler, SeededDraw, Strategy, TaskGroup,
};
use scheduler_memory_test::{CountingAllocator, allocated_bytes};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const INSTANCES: usize = 1_000;
const ROUNDS: usize = 100;
const SETTLED_AFTER: usize = 10;

#[test]
fn memory_after_thousands_of_rounds_is_that_of_the_tenth() {
    let given = std::env::var("SCHEDULER_ROUNDS").ok();
    let rounds = given.map_or(ROUNDS, |given| given.parse().expect("SCHEDULER_ROUNDS is a number of rounds"));
    let mut cluster = Cluster::default();
    let mut prepared = prepare(&mut cluster);
    let before = allocated_bytes();
    let mut settled = None;
    for round in 1..=rounds.max(SETTLED_AFTER + 1) {
        fill(&mut cluster, &mut prepared, round);
        let full = allocated_bytes() - before;
        empty(&mut cluster);
        let emptied = allocated_bytes() - before;
        if round == SETTLED_AFTER {
            settled = Some((full, emptied));
        }
        let Some((full_then, emptied_then)) = settled else { continue };
        // What is kept of those that left (vacant slots, classes until they are numbered anew) is bounded as well.
        let tenth = full_then / 10;
        assert!(full <= full_then + tenth, "round {round}, full: {full_then} bytes became {full}");
        assert!(emptied <= emptied_then + tenth, "round {round}, empty: {emptied_then} bytes became {emptied}");
    }
    assert_eq!(cluster.audit(), Ok(()));
}

/// Requests that use several orders, attribute classes, the port dictionary and remembered refusals.
fn prepare(cluster: &mut Cluster) -> Vec<PreparedRequest> {
    let service = |name: &str, demand| PlacementRequest::new(demand, TaskGroup::service(name).expect("a valid name"));
    let chain = |rules: Vec<PlacementStrategy>| Strategy::chain(rules).expect("one to five rules");
    let any_round = Expression::parse("attribute:round =~ r-.*").expect("it parses");
    let requests = [
        service("web", Demand::new(256, 512)),
        service("api", Demand::new(100, 900))
            .strategy(chain(vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]))
            .constraint(PlacementConstraint::MemberOf(any_round)),
        service("packed", Demand::new(500, 100)).strategy(chain(vec![PlacementStrategy::binpack_memory()])),
        service("port", Demand::new(10, 10).with_host_ports(HostPorts::tcp(&[443])))
            .constraint(PlacementConstraint::DistinctInstance),
        service("impossible", Demand::new(1 << 20, 1)),
    ];
    let scheduler = Scheduler::default();
    requests.into_iter().map(|request| scheduler.prepare(cluster, request).expect("a valid request")).collect()
}

/// All instances register under names and attribute values never seen before, and run tasks.
fn fill(cluster: &mut Cluster, prepared: &mut [PreparedRequest], round: usize) {
    for number in 0..INSTANCES {
        let instance = ContainerInstance::builder(format!("i-{round:05}-{number:04}"))
            .zone(["us-east-1a", "us-east-1b", "us-east-1c"][number % 3])
            .resources(Resources::new(if number % 7 == 0 { 1_024 } else { 1_030 }, 2_048))
            .attribute("round", format!("r-{round}"))
            .without_capabilities()
            .build()
            .expect("a valid instance");
        cluster.register(instance).expect("the name is new");
    }
    let mut draw = SeededDraw::new(round as u64);
    for prepared in prepared {
        prepared.place_many(cluster, 500, &mut draw);
    }
    assert_eq!(cluster.task_count(), 2_000);
}

/// Half of the tasks stop; the rest goes with its instances.
fn empty(cluster: &mut Cluster) {
    let tasks: Vec<_> = cluster.tasks().map(|task| task.id()).step_by(2).collect();
    for task in tasks {
        cluster.stop(task).expect("the task runs");
    }
    let ids: Vec<_> = cluster.instances().map(|instance| instance.id()).collect();
    for id in ids {
        cluster.deregister_force(id).expect("the instance is registered");
    }
    assert_eq!((cluster.instance_count(), cluster.task_count()), (0, 0));
}
