//! RunTask and StartTask.

use scheduler_core::{CallError, Cluster, Demand, InstanceId, PlacementConstraint, Scheduler, SeededDraw};

use super::{cluster, name_of, of_service, run_on};

/// T19 [O; spec 8.2]: ECS's own words for a cluster without instances, and `NO ACTIVE INSTANCES` in logs.
#[test]
fn t19_run_task_on_an_empty_cluster_is_an_invalid_parameter() {
    let mut cluster = Cluster::default();
    let request = of_service(Demand::new(1, 1));
    let error = Scheduler::default().run_task(&mut cluster, &request, 1, &mut SeededDraw::new(0)).unwrap_err();
    assert_eq!(error, CallError::NoContainerInstances);
    assert_eq!(error.to_string(), "No Container Instances were found in your cluster.");
    assert_eq!(Scheduler::default().refusal(&cluster, &request).unwrap().reason(), "NO ACTIVE INSTANCES");
}

/// T20 [D: task placement constraints; API: Failure; C-48].
#[test]
fn t20_run_task_of_three_on_two_distinct_instances_places_two() {
    let mut cluster = cluster(&[("A", "a", 1024, 1024), ("B", "b", 1024, 1024)]);
    let request = of_service(Demand::new(1, 1)).constraint(PlacementConstraint::DistinctInstance);
    let outcome = Scheduler::default().run_task(&mut cluster, &request, 3, &mut SeededDraw::new(0)).unwrap();
    assert_eq!(outcome.started.len(), 2);
    let failures: Vec<_> = outcome.failures.iter().map(|failure| (&*failure.name, failure.reason)).collect();
    let reason = "DistinctInstance placement constraint unsatisfied.";
    assert_eq!(failures, [("A", reason), ("B", reason)]);
}

/// [O: agent PR 3044; C-48]: each instance has its own first reason.
#[test]
fn failures_list_one_reason_for_each_candidate() {
    let mut cluster = cluster(&[("A", "a", 8, 8), ("B", "a", 64, 8), ("C", "a", 64, 64), ("D", "a", 64, 64)]);
    cluster.disconnect_agent(cluster.instance_id("C").unwrap()).unwrap();
    cluster.drain(cluster.instance_id("D").unwrap()).unwrap();
    let request = of_service(Demand::new(32, 32));
    let outcome = Scheduler::default().run_task(&mut cluster, &request, 1, &mut SeededDraw::new(0)).unwrap();
    let failures: Vec<_> = outcome.failures.iter().map(|it| (&*it.name, it.reason, &*it.detail)).collect();
    assert_eq!(
        failures,
        [
            ("A", "RESOURCE:CPU", "short of 24 CPU units"),
            ("B", "RESOURCE:MEMORY", "short of 24 MiB"),
            ("C", "AGENT", "agent disconnected"),
        ]
    );
}

/// [API: StartTask; C-49]: constraints are not asked and a DRAINING instance is taken; unknown instances are MISSING,
/// failed ones INACTIVE.
#[test]
fn start_task_asks_no_constraints() {
    let mut cluster = cluster(&[("A", "a", 64, 64), ("B", "a", 64, 64)]);
    let request = of_service(Demand::new(16, 16)).constraint(PlacementConstraint::DistinctInstance);
    let (a, b) = (cluster.instance_id("A").unwrap(), cluster.instance_id("B").unwrap());
    run_on(&mut cluster, "A", &request);
    cluster.drain(a).unwrap();
    cluster.fail(b).unwrap();
    let instances = [a, b, InstanceId::from_number(9)];
    let outcome = Scheduler::default().start_task(&mut cluster, &request, &instances).unwrap();
    let homes: Vec<_> = outcome.started.iter().map(|change| name_of(&cluster, change.instance)).collect();
    assert_eq!(homes, ["A"]);
    let reasons: Vec<_> = outcome.failures.iter().map(|failure| failure.reason).collect();
    assert_eq!(reasons, ["INACTIVE", "MISSING"]);
}
