//! What a task definition demands.

use scheduler_core::{
    ContainerDefinition, Demand, GpuDemand, NetworkMode, PlacementRequest, PortMapping, Scheduler, TaskDefinition,
};

use super::{cluster, group};

/// T5 [API: ContainerDefinition.memoryReservation]: the soft limit is what is reserved.
#[test]
fn t5_the_reservation_wins_over_the_hard_limit() {
    let container = ContainerDefinition::new("c").with_memory_mib(300).with_memory_reservation_mib(128);
    let definition = TaskDefinition::builder("t").container(container).build().unwrap();
    assert_eq!(definition.demand().memory_mib, 128);
}

/// T6 [AG: task.go `ToHostResources`]: the task's own size wins over the sum of its containers.
#[test]
fn t6_the_size_of_the_task_wins_over_its_containers() {
    let container = |name| ContainerDefinition::new(name).with_memory_reservation_mib(128).with_cpu_units(64);
    let builder = TaskDefinition::builder("t").memory("512").container(container("a")).container(container("b"));
    let definition = builder.build().unwrap();
    assert_eq!((definition.demand().cpu_units, definition.demand().memory_mib), (128, 512));
}

/// T8 [API: PortMapping.hostPort]: dynamic ports reserve nothing, so `PORTS` stays as it was.
#[test]
fn t8_dynamic_ports_reserve_nothing() {
    let container =
        ContainerDefinition::new("c").with_memory_mib(64).with_port_mapping(PortMapping::tcp(80).on_host_port(0));
    let definition = TaskDefinition::builder("t").container(container).build().unwrap();
    let mut cluster = cluster(&[("A", "a", 1024, 1024)]);
    let ports = |cluster: &scheduler_core::Cluster| {
        cluster.instances().flat_map(|instance| instance.taken_ports().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let before = ports(&cluster);
    let request = PlacementRequest::for_task(&definition, group("family:t"));
    let draw = &mut scheduler_core::SeededDraw::new(0);
    let outcome = Scheduler::default().run_task(&mut cluster, &request, 2, draw).unwrap();
    assert_eq!(outcome.started.len(), 2);
    assert_eq!(ports(&cluster), before);
}

/// [D: Task definition parameters; C-09]: in `host` mode the container's port is the host's.
#[test]
fn host_mode_reserves_the_container_port() {
    let container = ContainerDefinition::new("c").with_memory_mib(64).with_port_mapping(PortMapping::udp(53));
    let builder = TaskDefinition::builder("t").network_mode(NetworkMode::Host).container(container);
    let definition = builder.build().unwrap();
    let ports: Vec<_> = definition.demand().host_ports.iter().map(|port| port.to_string()).collect();
    assert_eq!(ports, ["53/udp"]);
}

/// [API: `ResourceRequirement`; C-10]: `ALL` takes every GPU of the instance, and is refused where one is in use.
#[test]
fn all_gpus_means_every_registered_one() {
    let mut cluster = scheduler_core::Cluster::default();
    let builder = scheduler_core::ContainerInstance::builder("A").zone("a");
    let builder = builder.resources(scheduler_core::Resources::new(1024, 1024).with_gpus(2));
    cluster.register(builder.build().unwrap()).unwrap();
    let request = |demand| PlacementRequest::new(demand, group("family:t"));
    let all = request(Demand::default().with_all_gpus());
    let one = request(Demand::default().with_gpus(1));
    assert_eq!(all.demand().gpus, GpuDemand::All);
    assert!(Scheduler::default().refusal(&cluster, &all).is_none());
    let task = super::run_on(&mut cluster, "A", &one);
    assert_eq!(cluster.task(task).unwrap().gpu_ids().collect::<Vec<_>>(), ["gpu-0"]); // C-11
    assert_eq!(
        Scheduler::default().refusal(&cluster, &all).unwrap().to_string(),
        "RESOURCE:GPU (closest: A, short of 1 GPUs)"
    );
}
