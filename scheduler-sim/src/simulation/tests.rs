//! Small traces and the decisions that they must lead to, line by line.

use std::sync::atomic::Ordering;

use super::{Plan, Pulse, RunError, run};
use crate::report::{DecisionLog, settings_object};
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

/// One or two instances of 1,000 CPU units and 1,000 MiB in zones `a` and `b`; definitions of all sizes needed.
pub(super) fn trace(settings: &str, instances: u32, events: &str) -> String {
    let instances: Vec<_> = (0..instances)
        .map(|number| {
            let zone = ["a", "b", "c"][number as usize % 3];
            format!(
                r#"{{"ec2InstanceId":"i-{number}","availabilityZone":"{zone}",
                "registeredResources":{{"cpu":1000,"memory":1000}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"version":1,"settings":{settings},"containerInstances":[{}],"taskDefinitions":[
        {{"family":"half","cpu":500,"memory":100}},{{"family":"all","cpu":1000,"memory":100}},
        {{"family":"quarter","cpu":250,"memory":100}},{{"family":"fat","cpu":100,"memory":900}}],"events":[{events}]}}"#,
        instances.join(",")
    )
}

/// Plays a trace; each line of its log as `second task what`.
pub(super) fn lines(text: &str, strategy: &str) -> Result<Vec<String>, RunError> {
    let source = from_bytes("t.json", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let spec: Spec = strategy.parse().expect("a strategy");
    let settings = &survey.header.settings;
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, settings, &spec) };
    let mut log = DecisionLog::new(Vec::new(), "t", spec.name(), 0, settings_object(settings, None));
    let statistics = run(&plan, source.events(&survey).expect("readable"), &mut log, &Pulse::default())?;
    let written = String::from_utf8(log.finish().expect("memory does not fail")).expect("text");
    let mut lines: Vec<_> = written.lines().skip(1).map(brief).collect();
    lines.push(format!("end {}", crate::metrics::seconds(statistics.ended_at_ms)));
    Ok(lines)
}

fn brief(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
    let text = |key: &str| line[key].as_str().unwrap_or("null").to_owned();
    let (key, what) = ["placed", "unplaced", "waiting", "stopped"]
        .into_iter()
        .find(|key| line.get(key).is_some())
        .map(|key| (key, text(key)))
        .expect("one of the four");
    let why = line.get("why").map(|why| format!(" {}", why.as_str().unwrap_or_default())).unwrap_or_default();
    format!("{} {} {key} {what}{why}", line["atSeconds"], text("task"))
}

#[track_caller]
pub(super) fn check(text: &str, expected: &[&str]) {
    assert_eq!(lines(text, "binpack(cpu)").expect("it runs"), expected);
}

#[test]
fn a_task_that_ends_when_its_instance_fails_is_finished_not_lost() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"half","durationSeconds":5}},
        {"atSeconds":0,"runTask":{"taskDefinition":"half","durationSeconds":6}},
        {"atSeconds":5,"failContainerInstances":{"containerInstances":["i-0"],"returnsAfterSeconds":2}},
        {"atSeconds":7,"runTask":{"taskDefinition":"all","durationSeconds":1}}"#;
    check(
        &trace("{}", 1, events),
        &[
            "0 task-0 placed i-0",
            "0 task-1 placed i-0",
            "5 task-0 stopped i-0 finished",
            "5 task-1 stopped i-0 instance-lost",
            "7 task-3 placed i-0",
            "8 task-3 stopped i-0 finished",
            "end 8",
        ],
    );
}

#[test]
fn at_one_instant_ends_come_before_departures_before_arrivals_before_the_rest() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"all","durationSeconds":5}},
        {"atSeconds":5,"runTask":{"taskDefinition":"all","durationSeconds":1}},
        {"atSeconds":5,"registerContainerInstances":[{"ec2InstanceId":"i-0","availabilityZone":"a",
            "registeredResources":{"cpu":1000,"memory":1000}}]},
        {"atSeconds":5,"deregisterContainerInstance":{"containerInstance":"i-0"}}"#;
    // The instance is empty when it leaves, its name is free when the next one joins, and that one takes the task.
    check(
        &trace("{}", 1, events),
        &[
            "0 task-0 placed i-0",
            "5 task-0 stopped i-0 finished",
            "5 task-1 placed i-0",
            "6 task-1 stopped i-0 finished",
            "end 6",
        ],
    );
}

#[test]
fn tasks_of_duration_zero_end_after_all_else_of_their_instant() {
    let events = r#"
        {"atSeconds":1,"runTask":{"taskDefinition":"all","durationSeconds":0}},
        {"atSeconds":1,"runTask":{"taskDefinition":"half","durationSeconds":0}},
        {"atSeconds":1,"runTask":{"taskDefinition":"half","durationSeconds":0,"count":2}}"#;
    check(
        &trace(r#"{"onUnplaceable":"queue"}"#, 1, events),
        &[
            "1 task-0 placed i-0",
            "1 task-1 waiting RESOURCE:CPU",
            "1 task-2/0 waiting RESOURCE:CPU",
            "1 task-2/1 waiting RESOURCE:CPU",
            "1 task-0 stopped i-0 finished",
            "1 task-1 placed i-0",
            "1 task-2/0 placed i-0",
            "1 task-1 stopped i-0 finished",
            "1 task-2/0 stopped i-0 finished",
            "1 task-2/1 placed i-0",
            "1 task-2/1 stopped i-0 finished",
            "end 1",
        ],
    );
}

#[test]
fn waiting_tasks_are_tried_oldest_first_and_later_ones_overtake_when_they_fit() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"half","durationSeconds":10}},
        {"atSeconds":0,"runTask":{"taskDefinition":"half","durationSeconds":3}},
        {"atSeconds":1,"runTask":{"taskDefinition":"all","durationSeconds":1}},
        {"atSeconds":2,"runTask":{"taskDefinition":"quarter","durationSeconds":1}},
        {"atSeconds":2,"runTask":{"taskDefinition":"quarter","durationSeconds":1}}"#;
    // The horizon is 10; the task that waited longest runs from 10 to 11 and keeps the run going.
    check(
        &trace(r#"{"onUnplaceable":"queue"}"#, 1, events),
        &[
            "0 task-0 placed i-0",
            "0 task-1 placed i-0",
            "1 task-2 waiting RESOURCE:CPU",
            "2 task-3 waiting RESOURCE:CPU",
            "2 task-4 waiting RESOURCE:CPU",
            "3 task-1 stopped i-0 finished",
            "3 task-3 placed i-0",
            "3 task-4 placed i-0",
            "4 task-3 stopped i-0 finished",
            "4 task-4 stopped i-0 finished",
            "10 task-0 stopped i-0 finished",
            "10 task-2 placed i-0",
            "11 task-2 stopped i-0 finished",
            "end 11",
        ],
    );
}

#[test]
fn a_task_that_wants_company_gets_it_from_a_placement_in_the_same_pass() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"all","durationSeconds":2}},
        {"atSeconds":1,"runTask":{"taskDefinition":"quarter","placementConstraints":
            [{"type":"memberOf","expression":"task:group == family:half"}]}},
        {"atSeconds":1,"runTask":{"taskDefinition":"half","count":1}}"#;
    check(
        &trace(r#"{"onUnplaceable":"queue"}"#, 1, events),
        &[
            "0 task-0 placed i-0",
            "1 task-1 waiting RESOURCE:CPU",
            "1 task-2 waiting RESOURCE:CPU",
            "2 task-0 stopped i-0 finished",
            "2 task-2 placed i-0",
            "2 task-1 placed i-0",
            "end 2",
        ],
    );
}

#[test]
fn a_waiting_task_can_be_stopped_by_its_name() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"all","count":3,"id":"job"}},
        {"atSeconds":1,"stopTask":{"task":"job/1"}},
        {"atSeconds":1,"stopTask":{"task":"job/1"}},
        {"atSeconds":2,"stopTask":{"task":"job/0"}}"#;
    check(
        &trace(r#"{"onUnplaceable":"queue"}"#, 1, events),
        &[
            "0 job/0 placed i-0",
            "0 job/1 waiting RESOURCE:CPU",
            "0 job/2 waiting RESOURCE:CPU",
            "1 job/1 stopped null stopTask",
            "2 job/0 stopped i-0 stopTask",
            "2 job/2 placed i-0",
            "end 2",
        ],
    );
}

#[test]
fn a_stopping_task_holds_its_room_until_it_has_stopped() {
    let settings = r#"{"onUnplaceable":"queue","releaseOn":"last-stopped","stopTimeoutSeconds":3}"#;
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"all","id":"old"}},
        {"atSeconds":1,"stopTask":{"task":"old"}},
        {"atSeconds":1,"runTask":{"taskDefinition":"all","id":"new","durationSeconds":5}}"#;
    check(
        &trace(settings, 1, events),
        &[
            "0 old placed i-0",
            "1 old stopped i-0 stopTask",
            "1 new waiting RESOURCE:CPU",
            "4 new placed i-0",
            "9 new stopped i-0 finished",
            "end 9",
        ],
    );
}

#[test]
fn start_task_ignores_the_queue_and_names_a_failed_instance() {
    let events = r#"
        {"atSeconds":0,"startTask":{"taskDefinition":"all","containerInstances":["i-0","i-1"]}},
        {"atSeconds":0,"startTask":{"taskDefinition":"all","containerInstances":["i-0"],"id":"late"}},
        {"atSeconds":1,"failContainerInstances":{"containerInstances":["i-1"],"returnsAfterSeconds":5}},
        {"atSeconds":2,"startTask":{"taskDefinition":"all","containerInstances":["i-1"],"id":"down"}}"#;
    check(
        &trace(r#"{"onUnplaceable":"queue"}"#, 2, events),
        &[
            "0 task-0/0 placed i-0",
            "0 task-0/1 placed i-1",
            "0 late unplaced RESOURCE:CPU",
            "1 task-0/1 stopped i-1 instance-lost",
            "2 down unplaced INACTIVE",
            "end 2",
        ],
    );
}

#[test]
fn the_run_ends_at_end_seconds_and_plays_no_later_event() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"half","durationSeconds":5}},
        {"atSeconds":5,"runTask":{"taskDefinition":"half","durationSeconds":5}},
        {"atSeconds":6,"runTask":{"taskDefinition":"half"}}"#;
    check(
        &trace(r#"{"endSeconds":5}"#, 1, events),
        &["0 task-0 placed i-0", "5 task-0 stopped i-0 finished", "5 task-1 placed i-0", "end 5"],
    );
}

#[test]
fn what_cannot_happen_stops_the_run_and_names_the_event() {
    let cases = [
        (
            r#"{"atSeconds":1,"setAgentConnected":{"containerInstances":["i-9"],"connected":false}}"#,
            "event 0 at second 1: no container instance `i-9` is registered at that time",
        ),
        (
            r#"{"atSeconds":1,"failContainerInstances":{"containerInstances":["i-0"],"returnsAfterSeconds":9}},
               {"atSeconds":2,"updateContainerInstancesState":{"containerInstances":["i-0"],"status":"DRAINING"}}"#,
            "event 1 at second 2: container instance `i-0` has failed and is not back at that time",
        ),
        (
            r#"{"atSeconds":1,"updateService":{"service":"web","desiredCount":1}}"#,
            "event 0 at second 1: no service `web` is there at that time",
        ),
        (
            r#"{"atSeconds":1,"runTask":{"taskDefinition":"half","id":"a"}},
               {"atSeconds":2,"runTask":{"taskDefinition":"half","id":"a"}}"#,
            "event 1 at second 2: a task named `a` is alive already",
        ),
    ];
    for (events, message) in cases {
        let error = lines(&trace("{}", 1, events), "headroom").expect_err("it cannot run").to_string();
        assert!(error.ends_with(message), "{error}");
    }
}

#[test]
fn a_stopped_pulse_interrupts_the_run() {
    let text = trace("{}", 1, r#"{"atSeconds":1,"runTask":{"taskDefinition":"half"}}"#);
    let source = from_bytes("t.json", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().expect("sound");
    let spec: Spec = "headroom".parse().expect("a strategy");
    let plan = Plan::new(&survey, &survey.header.settings, &spec);
    let pulse = Pulse::default();
    pulse.is_stopped.store(true, Ordering::Relaxed);
    let mut log = DecisionLog::new(Vec::new(), "t", "headroom", 0, settings_object(plan.settings, None));
    let result = run(&plan, source.events(&survey).expect("readable"), &mut log, &pulse);
    assert_eq!(result, Err(RunError::Interrupted));
}

#[test]
fn one_task_per_host_adds_distinct_instance_to_every_request() {
    let events = r#"{"atSeconds":0,"runTask":{"taskDefinition":"quarter","count":3}}"#;
    assert_eq!(
        lines(&trace("{}", 2, events), "one-task-per-host").expect("it runs"),
        [
            "0 task-0/0 placed i-0",
            "0 task-0/1 placed i-1",
            "0 task-0/2 unplaced DistinctInstance placement constraint unsatisfied.",
            "end 0",
        ]
    );
}
