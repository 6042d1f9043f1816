//! Which task goes first on scale-in (spec 9.5).

use scheduler_core::{
    Cluster, Demand, HealthStatus, PlacementRequest, PlacementStrategy, Scheduler, SeededDraw, TaskId, TaskStatus,
};

use super::{cluster, like_ecs, name_of, of_service, run_on};

fn stopped(scheduler: &Scheduler, cluster: &Cluster, request: &PlacementRequest) -> Option<TaskId> {
    scheduler.choose_stop(cluster, request, &mut SeededDraw::new(0))
}

fn stopped_on(scheduler: &Scheduler, cluster: &Cluster, request: &PlacementRequest) -> String {
    let task = stopped(scheduler, cluster, request).expect("there is a task to stop");
    name_of(cluster, cluster.task(task).expect("alive").instance().id())
}

/// T16 [D: task placement strategies]: the instance that would have the most left after the stop.
#[test]
fn t16_binpack_empties_the_emptiest_instance() {
    let mut cluster = cluster(&[("A", "a", 1024, 400), ("B", "a", 1024, 1000)]);
    let request = of_service(Demand::new(0, 100)).strategy(PlacementStrategy::binpack_memory());
    for instance in ["A", "A", "A", "A", "B", "B", "B", "B"] {
        run_on(&mut cluster, instance, &request);
    }
    // A would have 100 left, B 700.
    assert_eq!(stopped_on(&Scheduler::default(), &cluster, &request), "B");
}

/// [API: UpdateService; D]: the zone with the most tasks of the service, in it the instance with the most.
#[test]
fn without_a_strategy_the_fullest_zone_and_in_it_the_fullest_instance_gives_one_up() {
    let mut cluster = cluster(&[("A", "a", 1024, 400), ("B", "b", 1024, 400), ("B2", "b", 1024, 400)]);
    let request = of_service(Demand::new(1, 1));
    for instance in ["A", "A", "A", "B", "B", "B2", "B2"] {
        run_on(&mut cluster, instance, &request);
    }
    run_on(&mut cluster, "B", &request);
    assert_eq!(stopped_on(&like_ecs(), &cluster, &request), "B");
}

/// C-66: `headroom` backwards.
#[test]
fn headroom_gives_up_a_task_of_the_zone_with_the_least() {
    let mut cluster = cluster(&[("A", "a", 1024, 400), ("B", "b", 512, 400), ("B2", "b", 256, 400)]);
    let request = of_service(Demand::new(1, 1));
    for instance in ["A", "B", "B2", "A", "A"] {
        run_on(&mut cluster, instance, &request);
    }
    assert_eq!(stopped_on(&Scheduler::default(), &cluster, &request), "B2");
}

/// C-59 [D: task scale-in protection]: before the strategy, tasks that do not run, unhealthy ones, those on DRAINING
/// instances; protected ones never.
#[test]
fn before_the_strategy_come_state_health_and_draining() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024), ("B", "b", 1024, 1024)]);
    let request = of_service(Demand::new(1, 1));
    let tasks: Vec<_> = ["A", "A", "A", "B"].map(|instance| run_on(&mut cluster, instance, &request)).into();
    cluster.drain(cluster.instance_id("B").unwrap()).unwrap();
    assert_eq!(stopped(&like_ecs(), &cluster, &request), Some(tasks[3]));
    cluster.set_task_health(tasks[1], HealthStatus::Unhealthy).unwrap();
    assert_eq!(stopped(&like_ecs(), &cluster, &request), Some(tasks[1]));
    cluster.set_task_status(tasks[0], TaskStatus::Activating).unwrap();
    assert_eq!(stopped(&like_ecs(), &cluster, &request), Some(tasks[0]));
    for task in &tasks {
        cluster.set_task_protection(*task, true).unwrap();
    }
    assert_eq!(stopped(&like_ecs(), &cluster, &request), None);
}
