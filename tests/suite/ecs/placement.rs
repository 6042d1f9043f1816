//! Whom the strategies prefer, and what stands in the way.

use scheduler_core::{
    Cluster, ContainerInstance, Demand, HostPort, HostPorts, Placement, PlacementConstraint, PlacementStrategy,
    ReleaseOn, Resources, Scheduler, StartError, Strategy, TaskStatus,
};

use super::{chosen, cluster, like_ecs, of_service, run_on};

/// T1 [API: UpdateService; D: ECS services]: without a strategy a service goes to the zone with the fewest of its tasks.
#[test]
fn t1_a_service_without_a_strategy_goes_to_the_zone_with_fewest_of_its_tasks() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024), ("B", "b", 1024, 1024)]);
    let request = of_service(Demand::new(128, 128));
    run_on(&mut cluster, "A", &request);
    assert_eq!(chosen(&like_ecs(), &cluster, &request).as_deref(), Some("B"));
}

/// T2 [D: task placement strategies, note]: strategies are best effort.
#[test]
fn t2_a_zone_without_room_is_passed_over() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024), ("B", "b", 1024, 64)]);
    let request = of_service(Demand::new(128, 128));
    run_on(&mut cluster, "A", &request);
    assert_eq!(chosen(&like_ecs(), &cluster, &request).as_deref(), Some("A"));
}

/// T3 [API: `PlacementStrategy`]: the least remaining amount that still holds the task.
#[test]
fn t3_binpack_takes_the_fullest_instance_that_still_fits() {
    let cluster = cluster(&[("A", "a", 1024, 500), ("B", "a", 1024, 300), ("C", "a", 1024, 200)]);
    let request = of_service(Demand::new(0, 256)).strategy(PlacementStrategy::binpack_memory());
    assert_eq!(chosen(&Scheduler::default(), &cluster, &request).as_deref(), Some("B"));
}

/// T4 [D: example strategies, the AZ and memory example]: a chain narrows, rule by rule.
#[test]
fn t4_spread_over_zones_comes_before_binpack_in_the_zone() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024), ("B", "a", 512, 1024), ("C", "b", 512, 1024)]);
    let chain = [PlacementStrategy::spread_zones(), PlacementStrategy::binpack_cpu()];
    let request = of_service(Demand::new(256, 0)).strategy(Strategy::chain(chain).expect("two rules"));
    run_on(&mut cluster, "C", &request);
    assert_eq!(chosen(&Scheduler::default(), &cluster, &request).as_deref(), Some("B"));
}

/// T7 [API: `PortMapping`; spec 1.3]: TCP and UDP are name spaces of their own.
#[test]
fn t7_a_udp_port_does_not_clash_with_the_same_tcp_port() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024)]);
    let tcp = of_service(Demand::default().with_host_ports(HostPorts::tcp(&[80])));
    let udp = of_service(Demand::default().with_host_ports([HostPort::udp(80)].into_iter().collect()));
    run_on(&mut cluster, "A", &tcp);
    assert_eq!(chosen(&Scheduler::default(), &cluster, &tcp), None);
    assert_eq!(chosen(&Scheduler::default(), &cluster, &udp).as_deref(), Some("A"));
}

/// [API: PortMapping.hostPort; C-06]: a hundred reserved ports, the agent's own included.
#[test]
fn a_hundred_ports_are_reserved_at_most() {
    let mut cluster = Cluster::default();
    let reserved = (1000..1099).map(HostPort::tcp).collect();
    let resources = Resources::new(1024, 1024).with_reserved_ports(reserved);
    cluster.register(ContainerInstance::builder("A").zone("a").resources(resources).build().unwrap()).unwrap();
    let wanting = |ports: &[u16]| of_service(Demand::default().with_host_ports(HostPorts::tcp(ports)));
    assert_eq!(chosen(&Scheduler::default(), &cluster, &wanting(&[80])).as_deref(), Some("A"));
    let refusal = Scheduler::default().refusal(&cluster, &wanting(&[80, 81])).unwrap();
    assert_eq!(refusal.to_string(), "RESOURCE:PORTS (closest: A, 1 above the limit of 100 reserved host ports)");
}

/// T9 [D: Elastic network interface trunking]: a c5.large holds two awsvpc tasks, ten with a trunk.
#[test]
fn t9_the_third_awsvpc_task_on_a_c5_large_lacks_an_interface() {
    for (trunking, expected) in [(false, 2), (true, 10)] {
        let mut cluster = Cluster::default();
        let builder = ContainerInstance::builder("A").zone("a").instance_type("c5.large").trunking(trunking);
        cluster.register(builder.build().unwrap()).unwrap();
        let request = of_service(Demand::new(1, 1).with_eni());
        for _ in 0..expected {
            assert_eq!(chosen(&Scheduler::default(), &cluster, &request).as_deref(), Some("A"));
            run_on(&mut cluster, "A", &request);
        }
        assert_eq!(Scheduler::default().refusal(&cluster, &request).unwrap().reason(), "RESOURCE:ENI");
    }
}

/// T10 [D: Define which container instances Amazon ECS uses]: a task whose desired status is STOPPED blocks no longer.
#[test]
fn t10_a_stopping_task_does_not_block_distinct_instance() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024)]).with_release_on(ReleaseOn::LastStopped);
    let request = of_service(Demand::new(64, 64)).constraint(PlacementConstraint::DistinctInstance);
    let old = run_on(&mut cluster, "A", &request);
    let refusal = Scheduler::default().refusal(&cluster, &request).unwrap();
    assert_eq!(refusal.reason(), "DistinctInstance placement constraint unsatisfied.");
    cluster.stop(old).unwrap();
    assert_eq!(cluster.task(old).unwrap().status(), TaskStatus::Running);
    assert_eq!(cluster.instance(cluster.instance_id("A").unwrap()).unwrap().remaining().cpu_units, 1024 - 64);
    assert_eq!(chosen(&Scheduler::default(), &cluster, &request).as_deref(), Some("A"));
}

/// A service that is created again gives its tasks the names of those that still stop (C-13); a snapshot keeps both.
#[test]
fn the_name_of_a_stopping_task_is_free() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024)]).with_release_on(ReleaseOn::LastStopped);
    let on = cluster.instance_id("A").unwrap();
    let placement = || Placement::run_task_on(on, of_service(Demand::new(64, 64))).named("web/0");
    let old = cluster.start(&placement()).unwrap().task_id().unwrap();
    assert!(matches!(cluster.start(&placement()), Err(StartError::DuplicateTask { .. })));
    cluster.stop(old).unwrap();
    assert_eq!(cluster.task_id("web/0"), None);
    let new = cluster.start(&placement()).unwrap().task_id().unwrap();
    let mut restored = Cluster::restore(cluster.snapshot()).unwrap();
    for cluster in [&mut cluster, &mut restored] {
        let change = cluster.release(old).unwrap();
        assert_eq!(change.task.unwrap().name.as_deref(), Some("web/0"));
        assert_eq!(cluster.task_id("web/0"), Some(new));
        cluster.audit().unwrap();
    }
}

/// C-24: `spread` counts where tasks run, full and draining instances included.
#[test]
fn a_full_or_draining_instance_still_counts_for_its_zone() {
    let mut cluster = cluster(&[("A", "a", 64, 64), ("A2", "a", 1024, 1024), ("B", "b", 512, 512), ("C", "c", 64, 64)]);
    let request = of_service(Demand::new(64, 64)).strategy(PlacementStrategy::spread_zones());
    run_on(&mut cluster, "A", &request);
    cluster.drain(cluster.instance_id("A").unwrap()).unwrap();
    run_on(&mut cluster, "C", &request);
    assert_eq!(chosen(&Scheduler::default(), &cluster, &request).as_deref(), Some("B"));
}

/// C-19, and the difference from ECS that section 2.4 tells: the zone with the most left is not the one with the fewest
/// tasks of the service.
#[test]
fn headroom_takes_the_zone_with_the_most_left_in_all() {
    let mut cluster = cluster(&[("A", "a", 2048, 2048), ("B1", "b", 1024, 1500), ("B2", "b", 1024, 1400)]);
    let request = of_service(Demand::new(64, 64));
    run_on(&mut cluster, "B1", &request);
    // Zone b has 2 x 1024 CPU units and 2900 MiB, minus one task; A alone is the largest instance.
    assert_eq!(chosen(&Scheduler::default(), &cluster, &request).as_deref(), Some("B2"));
    assert_eq!(chosen(&like_ecs(), &cluster, &request).as_deref(), Some("A"));
}

/// C-19: equal zones are told apart by their best instance, equal instances by their registration.
#[test]
fn headroom_breaks_ties_by_the_best_instance_and_then_by_registration() {
    let instances = [("A1", "a", 512, 512), ("A2", "a", 512, 512), ("B1", "b", 256, 256), ("B2", "b", 768, 768)];
    let request = of_service(Demand::new(64, 64));
    assert_eq!(chosen(&Scheduler::default(), &cluster(&instances), &request).as_deref(), Some("B2"));
    assert_eq!(chosen(&Scheduler::default(), &cluster(&instances[..2]), &request).as_deref(), Some("A1"));
}
