use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

use super::{Change, Explained, apply, explain};
use crate::check::tests::traces;
use crate::outcome::{Fate, Observation, Observer};
use crate::simulation::{Plan, Pulse, run};
use crate::strategy::Spec;
use crate::trace::{OpenOptions, Settings, Source, Survey, TraceForm, from_bytes};

/// What a run says of tasks: when each was refused first, and where those that run are.
#[derive(Debug, Default)]
struct Log {
    refused: Vec<(u64, String)>,
    placed: Vec<(u64, String, String)>,
    stopped: Vec<(u64, String)>,
}

impl Observer for Log {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        let told = outcome.copies.for_each_name::<()>(|name| {
            let name = name.to_owned();
            match outcome.fate {
                Fate::Placed { instance, .. } => self.placed.push((at_ms, name, instance.to_owned())),
                Fate::Refused(_) | Fate::Waiting(_) | Fate::Missing { is_first: true, .. } => {
                    self.refused.push((at_ms, name));
                }
                Fate::Stopped { .. } => self.stopped.push((at_ms, name)),
                _ => {}
            }
            Ok(())
        });
        assert!(told.is_ok());
    }
}

fn opened(text: &str) -> (Source, Survey) {
    let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    (source, survey)
}

fn log_of(text: &str, strategy: &str, until_ms: Option<u64>) -> Log {
    let (source, survey) = opened(text);
    let settings = Settings { end_ms: until_ms.or(survey.header.settings.end_ms), ..survey.header.settings.clone() };
    let spec: Spec = strategy.parse().expect("a strategy");
    let mut log = Log::default();
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, &settings, &spec) };
    let played = run(&plan, source.events(&survey).expect("readable"), &mut log, &Pulse::default());
    // Random traces may end in an error; what came before counts.
    drop(played);
    log
}

fn explained(text: &str, strategy: &str, task: &str) -> Option<Explained> {
    let (source, survey) = opened(text);
    let spec: Spec = strategy.parse().expect("a strategy");
    let settings = &survey.header.settings;
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, settings, &spec) };
    explain(&plan, || source.events(&survey), task, &mut Log::default()).ok()
}

fn is_placed_at(text: &str, strategy: &str, task: &str, at_ms: u64) -> bool {
    let log = log_of(text, strategy, Some(at_ms));
    log.placed.iter().any(|(placed_ms, name, _)| *placed_ms == at_ms && name == task)
}

/// Whether the decision itself places the task: one that waits first may get its place by what happens later at the instant.
fn is_placed_straight(log: &Log, task: &str, at_ms: u64) -> bool {
    let is_placed = log.placed.iter().any(|(placed_ms, name, _)| *placed_ms == at_ms && name == task);
    is_placed && !log.refused.iter().any(|(_, name)| name == task)
}

/// Applies every suggestion, in both forms, and checks that each places the task at the instant of its refusal.
fn check_suggestions(text: &str, strategy: &str, task: &str) -> Option<Explained> {
    let explained = explained(text, strategy, task)?;
    let (source, survey) = opened(text);
    let (Some(moment), Some(found)) = (explained.moment, &explained.found) else { return Some(explained) };
    let decision = explained.probe.decisions.first()?;
    for change in &found.suggestions {
        let pieces = apply(&source, &survey, moment, decision, change).unwrap_or_else(|error| panic!("{error}"));
        for form in [TraceForm::Lines, TraceForm::Document] {
            let changed = pieces.to_text(form);
            assert!(
                is_placed_at(&changed, strategy, task, moment.at_ms),
                "{task} under {strategy}: {change} does not place it\n{text}\n{changed}"
            );
            check_history(text, &changed, strategy, moment.at_ms);
        }
    }
    Some(explained)
}

/// Nothing that happened before the instant is otherwise.
fn check_history(text: &str, changed: &str, strategy: &str, at_ms: u64) {
    let before = |text: &str| {
        let mut log = log_of(text, strategy, Some(at_ms));
        log.placed.retain(|(placed_ms, ..)| *placed_ms < at_ms);
        log.refused.retain(|(refused_ms, _)| *refused_ms < at_ms);
        (log.placed, log.refused)
    };
    assert_eq!(before(text), before(changed), "{text}\n{changed}");
}

/// A small trace of standalone tasks; the same seed gives the same.
fn trace(seed: u64) -> Value {
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let fleet: Vec<Value> = (0..2 + below(3))
        .map(|_| {
            let cpu = [600, 1000, 1000][below(3) as usize];
            json!({
                "availabilityZone": (["a", "b"][below(2) as usize]),
                "registeredResources": {"cpu": cpu, "memory": 1000, "gpu": (below(3))},
                "attributes": {"rack": (["r0", "r1"][below(2) as usize])},
            })
        })
        .collect();
    let member_of = |expression: &str| json!([{"type": "memberOf", "expression": expression}]);
    let definitions = json!([
        {"family": "small", "cpu": 300, "memory": 300},
        {"family": "big", "cpu": 700, "memory": 500},
        {"family": "gpu", "cpu": 100, "memory": 100, "gpu": 1},
        {"family": "share", "cpu": 100, "memory": 100, "gpu": 1, "gpuMilli": 400},
        {"family": "port", "cpu": 100, "memory": 100, "ports": [80]},
        {"family": "picky", "cpu": 300, "memory": 300, "placementConstraints": member_of("attribute:rack == r2")},
        {"family": "picky-free", "cpu": 300, "memory": 300},
        {"family": "cap", "cpu": 100, "memory": 100, "maxTasksPerInstance": 1},
        {"family": "cap-free", "cpu": 100, "memory": 100},
        {"family": "wide", "cpu": 1200, "memory": 100},
    ]);
    let families = ["small", "big", "gpu", "share", "port", "picky", "cap", "wide", "small", "big"];
    let constraints = ["attribute:rack == r1", "task:group != family:small", "runningTasksCount < 1"];
    let mut at = 0;
    let mut events = Vec::new();
    let mut names = Vec::new();
    for number in 0..6 + below(8) {
        at += below(4);
        if number > 3 && below(6) == 0 {
            let name: &String = &names[below(names.len() as u64) as usize];
            events.push(json!({"atSeconds": at, "stopTask": {"task": name}}));
            continue;
        }
        let family = families[below(10) as usize];
        let mut call = json!({"taskDefinition": family, "id": format!("t{number}")});
        if below(5) == 0 {
            call["overrides"] = json!({"containerOverrides": [{"name": family, "cpu": (50 + 100 * below(3))}]});
        }
        if below(4) == 0 {
            call["count"] = json!(2 + below(2));
            names.push(format!("t{number}/1"));
        } else {
            names.push(format!("t{number}"));
        }
        if below(3) > 0 {
            call["durationSeconds"] = json!(below(20));
        }
        match below(6) {
            0 => call["placementConstraints"] = json!([{"type": "distinctInstance"}]),
            1 => call["placementConstraints"] = member_of(constraints[below(3) as usize]),
            _ => {}
        }
        events.push(json!({"atSeconds": at, "runTask": call}));
    }
    let mut settings = json!({"onUnplaceable": (["fail", "fail", "queue"][below(3) as usize]), "seed": (below(100))});
    if below(4) == 0 {
        settings["releaseOn"] = json!("last-stopped");
        settings["stopTimeoutSeconds"] = json!(below(3));
    }
    if below(4) == 0 {
        settings["taskStartSeconds"] = json!(below(3));
    }
    json!({
        "version": 1,
        "settings": settings,
        "containerInstances": fleet,
        "taskDefinitions": definitions,
        "events": events,
    })
}

/// The trace with the copies of the event one by one, and the event of the task.
fn split(trace: &Value, task: &str, event: usize) -> (Value, usize) {
    let mut trace = trace.clone();
    let events = trace["events"].as_array_mut().expect("a list");
    let count = events[event]["runTask"]["count"].as_u64().unwrap_or(1);
    let Some((id, number)) = task.rsplit_once('/').filter(|_| count > 1) else { return (trace, event) };
    let singles: Vec<Value> = (0..count)
        .map(|copy| {
            let mut single = events[event].clone();
            single["runTask"]["id"] = json!(format!("{id}/{copy}"));
            single["runTask"]["count"] = json!(1);
            single
        })
        .collect();
    events.splice(event..=event, singles);
    (trace, event + number.parse::<usize>().expect("a copy's number"))
}

/// Every single change of the four classes, made by editing the trace, and whether one of them places the task.
fn any_change_helps(trace: &Value, strategy: &str, task: &str, at_ms: u64, event: usize) -> Option<String> {
    let at = &trace["events"][event]["atSeconds"];
    let with = |added: Vec<Value>, edit: &dyn Fn(&mut Value)| {
        let mut trace = trace.clone();
        let events = trace["events"].as_array_mut().expect("a list");
        edit(&mut events[event]["runTask"]);
        events.splice(event..event, added);
        is_placed_straight(&log_of(&trace.to_string(), strategy, Some(at_ms)), task, at_ms)
    };
    let as_it_is = |_: &mut Value| {};
    let call = &trace["events"][event]["runTask"];
    let drop_own = |call: &mut Value| drop(call.as_object_mut().expect("a call").remove("placementConstraints"));
    if call.get("placementConstraints").is_some() && with(vec![], &drop_own) {
        return Some("drop the constraint".to_owned());
    }
    let family = call["taskDefinition"].as_str().expect("a family");
    let use_twin = |call: &mut Value| {
        call["taskDefinition"] = json!(format!("{family}-free"));
        call["group"] = json!(format!("family:{family}"));
        if let Some(name) = call.pointer_mut("/overrides/containerOverrides/0/name") {
            *name = json!(format!("{family}-free"));
        }
    };
    if ["picky", "cap"].contains(&family) && with(vec![], &use_twin) {
        return Some("drop the definition's constraint".to_owned());
    }
    let fleet = trace["containerInstances"].as_array().expect("a list");
    for model in fleet {
        for zone in fleet.iter().map(|instance| &instance["availabilityZone"]) {
            let mut joining = model.clone();
            joining["availabilityZone"] = zone.clone();
            joining["ec2InstanceId"] = json!("new");
            joining["status"] = json!("DRAINING");
            let register = json!({"atSeconds": at, "registerContainerInstances": [joining]});
            let activate = json!({"containerInstances": ["new"], "status": "ACTIVE"});
            let activate = json!({"atSeconds": at, "updateContainerInstancesState": activate});
            if with(vec![register, activate], &as_it_is) {
                return Some(format!("one more {model} in {zone}"));
            }
        }
    }
    // The state right before the event: as if the trace ended there.
    let mut until = trace.clone();
    until["events"].as_array_mut().expect("a list").truncate(event);
    let log = log_of(&until.to_string(), strategy, Some(at_ms));
    let mut running = log.placed;
    running.retain(|(_, name, _)| !log.stopped.iter().any(|(_, stopped)| stopped == name));
    let stop = |task: &str| json!({"atSeconds": at, "stopTask": {"task": task}});
    for index in 0..fleet.len() {
        let instance = format!("i-{index:06}");
        let there: Vec<&str> = running.iter().filter(|it| it.2 == instance).map(|it| it.1.as_str()).collect();
        for subset in 1_u32..1 << there.len() {
            let chosen = there.iter().enumerate().filter(|(bit, _)| subset & (1 << bit) != 0);
            let stops: Vec<_> = chosen.map(|(_, task)| stop(task)).collect();
            if with(stops.clone(), &as_it_is) {
                return Some(format!("{stops:?}"));
            }
        }
    }
    for (placed_ms, name, from) in &running {
        let id = name.split('/').next().expect("a name");
        let is_it = |it: &&Value| it["runTask"]["id"] == json!(name) || it["runTask"]["id"] == json!(id);
        let original = trace["events"].as_array().expect("a list").iter().find(is_it).expect("its event");
        let mut call = original["runTask"].clone();
        // StartTask does not ask for the moved task's constraints, a move shall: those with none are moved here.
        let is_free = call.get("placementConstraints").is_none()
            && !["picky", "cap"].contains(&call["taskDefinition"].as_str().expect("a family"));
        if !is_free {
            continue;
        }
        let map = call.as_object_mut().expect("a call");
        map.remove("count");
        map.insert("id".to_owned(), json!(name));
        if let Some(duration) = map.get("durationSeconds").and_then(Value::as_u64) {
            map.insert("durationSeconds".to_owned(), json!((duration + placed_ms / 1000).saturating_sub(at_ms / 1000)));
        }
        for to in (0..fleet.len()).map(|index| format!("i-{index:06}")).filter(|to| to != from) {
            call["containerInstances"] = json!([to]);
            let start = json!({"atSeconds": at, "startTask": call});
            let moves = vec![stop(name), start];
            let mut shifted = trace.clone();
            shifted["events"].as_array_mut().expect("a list").splice(event..event, moves.clone());
            let log = log_of(&shifted.to_string(), strategy, Some(at_ms));
            let is_there = log.placed.iter().any(|(placed_ms, it, on)| *placed_ms == at_ms && it == name && *on == to);
            if is_there && is_placed_straight(&log, task, at_ms) {
                return Some(format!("{moves:?}"));
            }
        }
    }
    None
}

const STRATEGIES: [&str; 5] = ["headroom", "binpack(memory)", "random", "spread(instanceId)", "first-fit"];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn suggestions_place_the_task_and_where_there_is_none_no_change_does(
        seed in any::<u64>(), strategy in prop::sample::select(&STRATEGIES[..]),
    ) {
        let trace = trace(seed);
        let text = trace.to_string();
        let log = log_of(&text, strategy, None);
        let mut is_searched = false;
        for (at_ms, task) in log.refused.iter().take(6) {
            let explained = check_suggestions(&text, strategy, task).expect("a sound run");
            let found = explained.found.expect("it was refused");
            prop_assert!(!found.is_cut_short);
            let event = explained.probe.decisions[0].event.expect("a RunTask") as usize;
            if found.suggestions.is_empty() && !is_searched {
                is_searched = true;
                let (trace, event) = split(&trace, task, event);
                let helps = any_change_helps(&trace, strategy, task, *at_ms, event);
                prop_assert_eq!(helps, None, "{} under {}: {}", task, strategy, text);
            }
        }
    }
}

#[test]
fn suggestions_hold_in_traces_with_services_and_all_else() {
    let mut suggested = 0;
    for (seed, strategy) in (0..64).zip(["as-written", "random", "binpack(cpu)"].into_iter().cycle()) {
        let text = traces::services(seed);
        let log = log_of(&text, strategy, None);
        for (_, task) in log.refused.iter().take(4) {
            // A run may end in an error, of which nothing can be said.
            let explained = check_suggestions(&text, strategy, task);
            suggested += explained.and_then(|it| it.found).map_or(0, |found| found.suggestions.len());
        }
    }
    assert!(suggested > 250, "{suggested}");
}

/// Three jobs fill the first instance; what the second has is for another rack.
const STORY: &str = r#"{"version": 1, "settings": {"endSeconds": 100},
    "containerInstances": [
        {"availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}, "attributes": {"rack": "r0"}},
        {"availabilityZone": "b", "registeredResources": {"cpu": 400, "memory": 1000}, "attributes": {"rack": "r1"}}],
    "taskDefinitions": [{"family": "job", "cpu": 400, "memory": 200}],
    "events": [
        {"atSeconds": 0, "runTask": {"taskDefinition": "job", "id": "a", "durationSeconds": 50,
            "placementConstraints": [{"type": "memberOf", "expression": "attribute:rack == r0"}]}},
        {"atSeconds": 0, "runTask": {"taskDefinition": "job", "id": "b"}},
        {"atSeconds": 9, "runTask": {"taskDefinition": "job", "id": "c",
            "placementConstraints": [{"type": "memberOf", "expression": "attribute:rack == r0"},
                                     {"type": "distinctInstance"}]}}]}"#;

#[test]
fn changes_come_by_class_and_size() {
    let explained = check_suggestions(STORY, "binpack(cpu)", "c").expect("a sound run");
    let found = explained.found.expect("it is refused");
    let told: Vec<_> = found.suggestions.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "drop the constraint distinctInstance",
            "one more instance like i-000000 in a",
            "one more instance like i-000000 in b",
            "free 1 place of the group on i-000000: stop a",
        ]
    );
}

#[test]
fn what_an_edited_trace_does_later_is_not_lost() {
    let explained = explained(STORY, "binpack(cpu)", "c").expect("a sound run");
    let (source, survey) = opened(STORY);
    let (moment, found) = (explained.moment.expect("refused"), explained.found.expect("refused"));
    let decision = &explained.probe.decisions[0];
    let Change::Lift(_) = &found.suggestions[0] else { panic!("{found:?}") };
    let changed = apply(&source, &survey, moment, decision, &found.suggestions[0]).expect("a trace");
    let line = changed.events.last().expect("events").get();
    assert!(line.contains("attribute:rack == r0") && !line.contains("distinctInstance"), "{line}");
}

/// Whether the whole trace can be played, and where each task of it goes first.
fn places_of(text: &str, strategy: &str) -> Result<Vec<(String, String)>, String> {
    let (source, survey) = opened(text);
    let spec: Spec = strategy.parse().expect("a strategy");
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, &survey.header.settings, &spec) };
    let mut log = Log::default();
    let played = run(&plan, source.events(&survey).expect("readable"), &mut log, &Pulse::default());
    played.map_err(|error| error.to_string())?;
    Ok(log.placed.into_iter().map(|(_, task, instance)| (task, instance)).collect())
}

/// The traces with each suggestion made, by its words.
fn applied(text: &str, strategy: &str, task: &str) -> Vec<(String, String)> {
    let explained = check_suggestions(text, strategy, task).expect("a sound run");
    let (source, survey) = opened(text);
    let (moment, found) = (explained.moment.expect("refused"), explained.found.expect("refused"));
    let decision = &explained.probe.decisions[0];
    let change = |change: &Change| {
        let pieces = apply(&source, &survey, moment, decision, change).expect("a trace");
        (change.to_string(), pieces.to_text(TraceForm::Lines))
    };
    found.suggestions.iter().map(change).collect()
}

#[test]
fn both_forms_of_registering_instances_are_followed() {
    let instances = r#"[{"count": 2, "availabilityZone": "a", "registeredResources": {"cpu": 800, "memory": 100}}]"#;
    for list in [instances.to_owned(), format!(r#"{{"containerInstances": {instances}}}"#)] {
        let text = format!(
            r#"{{"version": 1, "settings": {{"endSeconds": 100}},
            "containerInstances": [{{"availabilityZone": "a", "registeredResources": {{"cpu": 100, "memory": 100}}}}],
            "taskDefinitions": [{{"family": "big", "cpu": 800, "memory": 10}}],
            "events": [
                {{"atSeconds": 1, "registerContainerInstances": {list}}},
                {{"atSeconds": 2, "runTask": {{"taskDefinition": "big", "id": "a", "count": 2}}}},
                {{"atSeconds": 3, "runTask": {{"taskDefinition": "big", "id": "b"}}}},
                {{"atSeconds": 4, "registerContainerInstances": {list}}},
                {{"atSeconds": 5, "startTask": {{"taskDefinition": "big", "id": "c", "containerInstances": ["i-000004"]}}}}]}}"#
        );
        let changed = applied(&text, "binpack(cpu)", "b");
        let (told, changed) = changed.first().expect("it can join");
        assert_eq!(told, "one more instance like i-000001 in a");
        let places = places_of(changed, "binpack(cpu)").expect("it can be played");
        let place = |task: &str, instance: &str| (task.to_owned(), instance.to_owned());
        assert!(places.contains(&place("b", "added-1")) && places.contains(&place("c", "i-000004")), "{changed}");
        let are_wrapped = changed.matches(r#"{"containerInstances":"#).count() > 1;
        assert_eq!(are_wrapped, list.starts_with('{'), "{changed}");
    }
}

/// Expressions may ask when an instance registered: one that joins does so when the task is decided.
#[test]
fn what_joins_registers_at_the_decision() {
    for (settings, at, since) in [
        ("", 200_000, "1970-01-02"),
        (r#""settings": {"epoch": "2026-01-01T00:00:00Z"}, "#, 5, "2025-12-31"),
        (r#""settings": {"epoch": "2026-01-01T00:00:00Z"}, "#, 200_000, "2026-01-02"),
    ] {
        let text = format!(
            r#"{{"version": 1, {settings}
            "containerInstances": [{{"availabilityZone": "a", "registeredResources": {{"cpu": 100, "memory": 100}}}}],
            "taskDefinitions": [{{"family": "half", "cpu": 60, "memory": 1}}],
            "events": [{{"atSeconds": 0, "runTask": {{"taskDefinition": "half", "id": "a"}}}},
                {{"atSeconds": {at}, "runTask": {{"taskDefinition": "half", "id": "b", "placementConstraints": [
                    {{"type": "memberOf", "expression": "registeredAt >= {since}"}}]}}}}]}}"#
        );
        let told: Vec<_> = applied(&text, "headroom", "b").into_iter().map(|(told, _)| told).collect();
        assert!(told.contains(&"one more instance like i-000000 in a".to_owned()), "{told:?} at {at} s{settings}");
    }
}

#[test]
fn what_joins_has_a_name_that_nothing_registers_under_later() {
    let instance = |name: &str| {
        format!(
            r#"{{"ec2InstanceId": "{name}", "availabilityZone": "a", "registeredResources": {{"cpu": 100, "memory": 100}}}}"#
        )
    };
    let later = [instance("added-4"), instance("added").replacen('{', r#"{"count": 3, "#, 1)];
    let text = format!(
        r#"{{"version": 1, "containerInstances": [{}],
        "taskDefinitions": [{{"family": "half", "cpu": 60, "memory": 1}}],
        "events": [{{"atSeconds": 1, "runTask": {{"taskDefinition": "half", "id": "t", "count": 2}}}},
            {{"atSeconds": 2, "registerContainerInstances": [{}]}}]}}"#,
        instance("added-3"),
        later.join(", ")
    );
    let (told, changed) = applied(&text, "headroom", "t/1").swap_remove(0);
    assert_eq!(told, "one more instance like added-3 in a");
    let places = places_of(&changed, "headroom").unwrap_or_else(|error| panic!("{error}: {changed}"));
    assert_eq!(places[1], ("t/1".to_owned(), "added-5".to_owned()));
}
