//! Amazon ECS's own cases, each with its source: the table of section 12 of the specification (T1 to T20), event texts,
//! and the files that the project began with.

mod calls;
mod demands;
mod events;
mod expressions;
mod placement;
mod scale_in;
mod web;

use scheduler_core::{
    Cluster, ContainerInstance, Demand, InstanceId, Placement, PlacementRequest, Resources, Scheduler, SeededDraw,
    Strategy, TaskGroup, TaskId, TaskKind,
};

/// A cluster of instances given as name, zone, CPU units and MiB.
fn cluster(instances: &[(&str, &str, u32, u32)]) -> Cluster {
    let mut cluster = Cluster::default();
    for (name, zone, cpu_units, memory_mib) in instances {
        let builder = ContainerInstance::builder(*name).zone(*zone).resources(Resources::new(*cpu_units, *memory_mib));
        cluster.register(builder.build().expect("a plain instance is valid")).expect("the names differ");
    }
    cluster
}

/// A request for a task of service `S`.
fn of_service(demand: Demand) -> PlacementRequest {
    PlacementRequest::new(demand, group("service:S")).kind(TaskKind::Replica)
}

fn group(name: &str) -> TaskGroup {
    TaskGroup::new(name).expect("a valid group")
}

/// A scheduler that does what ECS does without a strategy.
fn like_ecs() -> Scheduler {
    Scheduler::default().with_default_strategy(Strategy::EcsDefault)
}

/// The name of the instance that is chosen.
fn chosen(scheduler: &Scheduler, cluster: &Cluster, request: &PlacementRequest) -> Option<String> {
    let placed = scheduler.place_once(cluster, request, &mut SeededDraw::new(0)).expect("the request is valid");
    placed.map(|placement| name_of(cluster, placement.instance()))
}

/// A task that runs there already.
fn run_on(cluster: &mut Cluster, instance: &str, request: &PlacementRequest) -> TaskId {
    let id = cluster.instance_id(instance).expect("registered");
    let change = cluster.start(&Placement::adopt(id, request.clone())).expect("the instance has room");
    let task = change.task_id().expect("a start is about a task");
    cluster.set_task_status(task, scheduler_core::TaskStatus::Running).expect("the task is alive");
    task
}

fn name_of(cluster: &Cluster, id: InstanceId) -> String {
    cluster.instance(id).expect("registered").name().to_owned()
}
