//! On traces with a planted cause: what is found shows it still, and of it no element can be left out alone and no count
//! be lowered by one.

use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};

use super::{Answer, Goal, Shown, ShrinkError, Sign, shows, shrink};
use crate::comparison::RunResult;
use crate::strategy::Spec;
use crate::trace::{OpenOptions, Settings, TraceForm, from_bytes};

/// Shrinks a trace as long as the metric of its first run is above a number, and hands everything on.
fn shrunk<T>(
    text: &str,
    condition: &[(&str, i128)],
    most_replays: u64,
    then: impl FnOnce(&Goal<'_>, Result<Answer, ShrinkError>) -> T,
) -> T {
    let source = from_bytes("t.json", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let specs = ["binpack(cpu)".parse::<Spec>().expect("a strategy")];
    let is_above = |run: &RunResult, (name, least): &(&str, i128)| {
        let value = run.metrics.number(name).and_then(crate::metrics::Quotient::ten_thousandths);
        value.is_some_and(|value| value > least * 10_000)
    };
    let holds = |run: &RunResult| condition.iter().all(|part| is_above(run, part));
    let goal = Goal {
        source: &source,
        survey: &survey,
        specs: &specs,
        settings: &Settings::clone,
        sign: Sign::Result(&holds),
        most_replays,
        events: &AtomicU64::default(),
    };
    let answer = shrink(&goal);
    then(&goal, answer)
}

/// Where counts stand in an element of a list, or in an event.
const COUNTS: [&str; 7] = [
    "/count",
    "/desiredCount",
    "/runTask/count",
    "/createService/desiredCount",
    "/updateService/desiredCount",
    "/stopTask/count",
    "/failTasks/count",
];

/// Every trace that is one with a single element less, or with a count one lower.
fn one_less(trace: &Value) -> Vec<Value> {
    let mut smaller = Vec::new();
    let object = trace.as_object().expect("an object");
    for (key, part) in object {
        for index in 0..part.as_array().map_or(0, Vec::len) {
            let mut less = trace.clone();
            less[key].as_array_mut().expect("a list").remove(index);
            smaller.push(less);
            let lists = ["/registerContainerInstances", "/registerContainerInstances/containerInstances"];
            let mut counts: Vec<String> = COUNTS.map(str::to_owned).into();
            for list in lists {
                for registered in 0..part[index].pointer(list).and_then(Value::as_array).map_or(0, Vec::len) {
                    counts.push(format!("{list}/{registered}/count"));
                    let mut less = trace.clone();
                    let list = less[key][index].pointer_mut(list).expect("it was there");
                    list.as_array_mut().expect("a list").remove(registered);
                    smaller.push(less);
                }
            }
            for count in &counts {
                if let Some(number) = part[index].pointer(count).and_then(Value::as_f64).filter(|count| *count > 0.0) {
                    let mut less = trace.clone();
                    *less[key][index].pointer_mut(count).expect("it was there") = json!(number - 1.0);
                    smaller.push(less);
                }
            }
        }
        for inner in part.as_object().into_iter().flat_map(|part| part.keys()) {
            let mut less = trace.clone();
            less[key].as_object_mut().expect("an object").remove(inner);
            smaller.push(less);
        }
    }
    smaller
}

/// What is found shows it, nothing of it can go, and the same trace gives the same answer.
fn check_minimal(text: &str, condition: &[(&str, i128)]) -> Value {
    let found = shrunk(text, condition, u64::MAX, |goal, answer| {
        let answer = answer.expect("it shows it");
        assert!(!answer.is_cut_short);
        assert!(matches!(answer.shown, Shown::Result(_)));
        let found = answer.pieces.to_text(TraceForm::Document);
        for form in [TraceForm::Document, TraceForm::Lines] {
            assert!(shows(goal, &answer, &answer.pieces.to_text(form)), "{found}");
        }
        let trace: Value = serde_json::from_str(&found).expect("JSON");
        let smaller = one_less(&trace);
        assert!(!smaller.is_empty());
        for less in smaller {
            assert!(!shows(goal, &answer, &less.to_string()), "{found}\nis not the smallest:\n{less}");
        }
        found
    });
    let again = shrunk(text, condition, u64::MAX, |_, answer| answer.expect("it shows it").pieces);
    assert_eq!(again.to_text(TraceForm::Document), found);
    serde_json::from_str(&found).expect("JSON")
}

/// Forty tasks that are nobody's business, and among them three on one port of two instances.
fn planted(seed: u64) -> String {
    let mut number = seed;
    let mut below = |bound: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % bound
    };
    let mut events: Vec<Value> = (0..40)
        .map(|at| json!({"atSeconds": at, "runTask": {"taskDefinition": "small", "count": 1 + below(3), "durationSeconds": 5}}))
        .collect();
    for port in 0..3 {
        let at = below(40);
        events.push(json!({"atSeconds": at, "runTask": {"taskDefinition": "port", "id": format!("port-{port}")}}));
        events.push(json!({"atSeconds": at, "stopTask": {"group": "family:nobody"}}));
    }
    json!({"version": 1, "name": "planted", "settings": {"tieBreak": "stable", "stopTimeoutSeconds": 1}, "x-note": "mine",
        "containerInstances": [{"count": 2, "availabilityZone": "a", "registeredResources": {"cpu": 4000, "memory": 4000}}],
        "taskDefinitions": [{"family": "small", "cpu": 10, "memory": 10}, {"family": "port", "cpu": 1, "memory": 1, "ports": [80]},
            {"family": "never", "cpu": 1, "memory": 1}],
        "services": [{"serviceName": "web", "taskDefinition": "small", "desiredCount": 3}],
        "events": events})
    .to_string()
}

#[test]
fn what_is_found_is_minimal_and_shows_it() {
    for seed in 0..6 {
        // Something runs, and something does not find a place.
        let found = check_minimal(&planted(seed), &[("tasks.unplaced", 0), ("instances_used.peak", 0)]);
        let events = found["events"].as_array().expect("a list");
        assert!((2..=3).contains(&events.len()), "{found}");
        assert!(events.iter().all(|event| event["runTask"]["taskDefinition"] == "port"), "{found}");
        assert_eq!(found["containerInstances"].as_array().map(Vec::len), Some(1), "{found}");
        for key in ["services", "settings", "x-note"] {
            assert!(found.get(key).is_none(), "{found}");
        }
    }
}

#[test]
fn what_is_found_of_traces_in_which_everything_happens_is_minimal() {
    for seed in 0..6 {
        check_minimal(&crate::metrics::testing::random_trace(seed), &[("tasks.placed", 2)]);
    }
}

/// Counts of runTask, of services and of instances, also of those that register later: eight places on four instances,
/// and three tasks more.
#[test]
fn counts_are_lowered() {
    let text = r#"{"version": 1,
        "containerInstances": [{"count": 40, "availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}}],
        "taskDefinitions": [{"family": "half", "cpu": 500, "memory": 1}],
        "services": [{"serviceName": "web", "taskDefinition": "half", "desiredCount": 60}],
        "events": [{"atSeconds": 1, "registerContainerInstances": [
                {"count": 9, "availabilityZone": "b", "registeredResources": {"cpu": 1000, "memory": 1000}},
                {"count": 9, "availabilityZone": "c", "registeredResources": {"cpu": 1000, "memory": 1000}}]},
            {"atSeconds": 2, "runTask": {"taskDefinition": "half", "count": 200}}]}"#;
    let found = check_minimal(text, &[("tasks.unplaced", 2), ("tasks.placed", 6)]);
    let event = |index: usize| &found["events"][index];
    assert_eq!(
        event(1).get("runTask").or_else(|| event(0).get("runTask")).and_then(|run| run["count"].as_u64()),
        Some(11),
        "{found}"
    );
    assert!(found.get("services").is_none(), "{found}");
}

/// The same of instances in the form of ECS's own call, and of counts that are written as 4e1.
#[test]
fn counts_are_lowered_whatever_their_form() {
    let text = r#"{"version": 1,
        "containerInstances": [{"count": 4e1, "availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}}],
        "taskDefinitions": [{"family": "half", "cpu": 500, "memory": 1}],
        "events": [{"atSeconds": 2, "runTask": {"taskDefinition": "half", "count": 2.00e2}}]}"#;
    let found = check_minimal(text, &[("tasks.unplaced", 2), ("tasks.placed", 6)]);
    assert_eq!(
        (&found["containerInstances"][0]["count"], &found["events"][0]["runTask"]["count"]),
        (&json!(4), &json!(11))
    );
    // The fourth of the instances of that name is asked for, and no other.
    let text = r#"{"version": 1, "taskDefinitions": [{"family": "half", "cpu": 500, "memory": 1}],
        "events": [{"atSeconds": 1, "registerContainerInstances": {"containerInstances": [
                {"count": 9, "availabilityZone": "b", "registeredResources": {"cpu": 1000, "memory": 1000}},
                {"count": 9, "ec2InstanceId": "n", "availabilityZone": "c", "registeredResources": {"cpu": 1000, "memory": 1000}},
                {"count": 9, "availabilityZone": "d", "registeredResources": {"cpu": 1000, "memory": 1000}}]}},
            {"atSeconds": 2, "startTask": {"taskDefinition": "half", "containerInstances": ["n-3"]}}]}"#;
    let found = check_minimal(text, &[("tasks.placed", 0)]);
    let list = &found["events"][0]["registerContainerInstances"]["containerInstances"];
    assert_eq!((list.as_array().map(Vec::len), &list[0]["count"]), (Some(1), &json!(4)), "{found}");
}

/// Without a count all tasks would stop or fail.
#[test]
fn counts_of_tasks_that_stop_and_fail_are_lowered_and_said() {
    for call in ["stopTask", "failTasks"] {
        let text = r#"{"version": 1,
            "containerInstances": [{"availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}}],
            "taskDefinitions": [{"family": "half", "cpu": 500, "memory": 1}],
            "events": [{"atSeconds": 1, "runTask": {"taskDefinition": "half", "count": 2}},
                {"atSeconds": 2, "stopTask": {"group": "family:half", "count": 9}},
                {"atSeconds": 3, "runTask": {"taskDefinition": "half", "count": 9}}]}"#;
        let text = text.replace("stopTask", call);
        let found = check_minimal(&text, &[("tasks.stopped", 0), ("tasks.unplaced", 0)]);
        assert_eq!(found["events"][1][call]["count"], 1, "{found}");
    }
}

#[test]
fn names_by_number_stay_where_the_trace_says_them() {
    let text = r#"{"version": 1,
        "containerInstances": [{"availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}}],
        "taskDefinitions": [{"family": "half", "cpu": 500, "memory": 1}],
        "events": [{"atSeconds": 0, "runTask": {"taskDefinition": "half", "durationSeconds": 1}},
            {"atSeconds": 9, "stopTask": {"task": "task-2"}},
            {"atSeconds": 5, "runTask": {"taskDefinition": "half", "durationSeconds": 1000}}]}"#;
    let found = check_minimal(text, &[("tasks.stopped", 0)]);
    assert_eq!(found["events"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(found["events"][0]["runTask"]["id"], "task-2", "{found}");
}

#[test]
fn the_number_of_replays_is_limited_and_what_is_there_then_shows_it() {
    for most in [0, 1, 7, 20] {
        shrunk(&planted(1), &[("tasks.unplaced", 0), ("instances_used.peak", 0)], most, |goal, answer| {
            let answer = answer.expect("it shows it");
            assert!(answer.is_cut_short);
            assert_eq!(answer.replays, most);
            assert!(shows(goal, &answer, &answer.pieces.to_text(TraceForm::Lines)));
        });
    }
}

#[test]
fn what_is_not_shown_is_not_shrunk() {
    shrunk(&planted(1), &[("tasks.lost", 0)], 100, |_, answer| {
        assert!(matches!(answer, Err(ShrinkError::NotShown)));
    });
}

/// Without what ends it, a service that replaces its tasks every millisecond would go on for a year.
#[test]
fn a_part_that_would_run_almost_for_ever_is_not_waited_for() {
    let text = r#"{"version": 1, "settings": {"endSeconds": 10},
        "containerInstances": [{"availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}}],
        "taskDefinitions": [{"family": "half", "cpu": 500, "memory": 1}],
        "services": [{"serviceName": "web", "taskDefinition": "half", "desiredCount": 1, "taskLifetimeSeconds": 0.001}],
        "events": [{"atSeconds": 1, "deleteService": {"service": "web", "force": true}},
            {"atSeconds": 30000000, "runTask": {"taskDefinition": "half"}}]}"#;
    shrunk(text, &[("tasks.placed", 900)], 1_000, |_, answer| {
        let answer = answer.expect("it shows it");
        assert!(answer.after.services == 1 && !answer.is_cut_short, "{}", answer.pieces.to_text(TraceForm::Document));
    });
}
