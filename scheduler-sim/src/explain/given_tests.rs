//! Decisions of which the instance is given (StartTask, daemons), and those that services make by themselves.

use super::{Detail, explain, explanation_text, found_text};
use crate::outcome::{Observation, Observer};
use crate::simulation::Plan;
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, _: u64, _: &Observation<'_>) {}
}

/// The decisions on a task as they are told, and what would have let it in.
fn told(text: &str, strategy: &str, task: &str) -> (Vec<String>, Option<String>) {
    let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().expect("a sound trace");
    let spec: Spec = strategy.parse().expect("a strategy");
    let settings = survey.header.settings.clone();
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, &settings, &spec) };
    let explained = explain(&plan, || source.events(&survey), task, &mut Nobody).expect("a sound run");
    let decisions = explained.probe.decisions.iter();
    (
        decisions.map(|decision| explanation_text(decision, None, Detail::Decision)).collect(),
        explained.found.map(|it| found_text(&it)),
    )
}

const SMALL: &str = r#"{"availabilityZone": "a", "registeredResources": {"cpu": 64, "memory": 64}}"#;
const LARGE: &str = r#"{"availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}}"#;

#[test]
fn start_task_is_told_of_the_instance_that_it_names_alone() {
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{LARGE}, {SMALL}, {LARGE}],
        "taskDefinitions": [{{"family": "job", "cpu": 100, "memory": 100}}],
        "events": [
            {{"atSeconds": 0, "updateContainerInstancesState": {{"containerInstances": ["i-000002"], "status": "DRAINING"}}}},
            {{"atSeconds": 1, "startTask": {{"taskDefinition": "job", "containerInstances": ["i-000001"], "id": "small"}}}},
            {{"atSeconds": 2, "startTask": {{"taskDefinition": "job", "containerInstances": ["i-000002"], "id": "drains"}}}}]}}"#
    );
    let (small, found) = told(&text, "headroom", "small");
    assert_eq!(
        small,
        ["at 1 s, event 1
  asks for 100 CPU units, 100 MiB
  of 3 instances present 2 were ACTIVE
    a: 3 instances, 0 of 2064 CPU units and 0 of 2064 MiB reserved, 0 tasks, 0 of the group
  StartTask names i-000001: status, constraints and strategies are not asked
  not placed
    i-000001  a  RESOURCE:CPU: short of 36 CPU units; RESOURCE:MEMORY: short of 36 MiB
"]
    );
    assert!(found.is_some_and(|found| found.starts_with("no single change")));
    let (drains, _) = told(&text, "headroom", "drains");
    assert!(
        drains[0].ends_with(
            "  StartTask names i-000002: status, constraints and strategies are not asked
  placed on i-000002
    i-000002  a  1000 CPU units, 1000 MiB left, 0 of the group
"
        ),
        "{}",
        drains[0]
    );
}

#[test]
fn a_daemon_is_told_of_its_instance_and_what_is_in_its_way() {
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{LARGE}],
        "taskDefinitions": [{{"family": "job", "cpu": 800, "memory": 100}}, {{"family": "agent", "cpu": 300, "memory": 64}}],
        "events": [
            {{"atSeconds": 0, "runTask": {{"taskDefinition": "job", "id": "job"}}}},
            {{"atSeconds": 1, "createService":
                {{"serviceName": "agent", "taskDefinition": "agent", "schedulingStrategy": "DAEMON"}}}}]}}"#
    );
    let (decisions, found) = told(&text, "headroom", "agent/0");
    assert_eq!(decisions.len(), 1);
    assert!(
        decisions[0].ends_with(
            "  the daemon of i-000000: strategies are not asked
  not placed
    i-000000  a  RESOURCE:CPU: short of 100 CPU units
"
        ),
        "{}",
        decisions[0]
    );
    let found = found.expect("it is refused");
    assert!(found.contains("  1. free 100 CPU units on i-000000: stop job\n"), "{found}");
}

#[test]
fn a_task_that_starts_for_balance_is_told_of_its_zone() {
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{LARGE}],
        "taskDefinitions": [{{"family": "web", "cpu": 100, "memory": 100}}],
        "services": [{{"serviceName": "web", "taskDefinition": "web", "desiredCount": 2}}],
        "events": [{{"atSeconds": 1, "registerContainerInstances":
            [{{"availabilityZone": "b", "registeredResources": {{"cpu": 1000, "memory": 1000}}}}]}}]}}"#
    );
    let (decisions, _) = told(&text, "headroom", "web/2");
    assert_eq!(decisions.len(), 1);
    assert!(decisions[0].contains("zones of the subnets: 1 dropped -> 1 left\n"), "{}", decisions[0]);
    assert!(decisions[0].contains("  placed on i-000001\n"), "{}", decisions[0]);
}

#[test]
fn one_refusal_is_told_once() {
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{LARGE}],
        "taskDefinitions": [{{"family": "web", "cpu": 600, "memory": 100}}],
        "services": [{{"serviceName": "web", "taskDefinition": "web", "desiredCount": 3}}], "events": []}}"#
    );
    let (decisions, _) = told(&text, "headroom", "web/2");
    assert_eq!(decisions.len(), 1, "{decisions:?}");
}

#[test]
fn where_all_instances_are_down_one_more_helps() {
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{LARGE}],
        "taskDefinitions": [{{"family": "job", "cpu": 100, "memory": 100}}],
        "events": [
            {{"atSeconds": 0, "failContainerInstances": {{"availabilityZone": "a", "returnsAfterSeconds": 9}}}},
            {{"atSeconds": 1, "runTask": {{"taskDefinition": "job", "id": "job"}}}}]}}"#
    );
    let (_, found) = told(&text, "headroom", "job");
    assert!(found.is_some_and(|found| found.contains("  1. one more instance like i-000000 in a\n")));
}

#[test]
fn of_a_service_it_is_told_which_constraints_are_tried() {
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{LARGE}],
        "taskDefinitions": [{{"family": "web", "cpu": 100, "memory": 100,
            "placementConstraints": [{{"type": "memberOf", "expression": "attribute:rack == r1"}}]}}],
        "services": [{{"serviceName": "web", "taskDefinition": "web", "desiredCount": 1}}], "events": []}}"#
    );
    let (_, found) = told(&text, "headroom", "web/0");
    assert!(found.is_some_and(|found| found.contains("drop one constraint of the service (another task definition")));
}
