//! Corruptions of decision logs, made by a plan and not by chance: each kind at some places of each log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Trial, generated, stories, traces};
use crate::check::{CheckError, Depth};
use crate::generate::Preset;
use crate::strategy::Spec;

/// Places at which each kind is tried in one log.
const PLACES: usize = 2;

/// A corrupted log.
type Corruption = (&'static str, Vec<Value>);

/// All corruptions of one log; `instances` are the names and zones of the fleet.
fn corruptions(lines: &[Value], instances: &[(String, String)]) -> Vec<Corruption> {
    let mut all = Vec::new();
    // From the middle outward, so that not only beginnings are tried.
    let middle = lines.len() / 2;
    let order = (1..lines.len()).map(|step| if step % 2 == 0 { middle + step / 2 } else { middle - step / 2 });
    for index in order.filter(|index| (1..lines.len()).contains(index)) {
        of_line(lines, index, instances, &mut all);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    all.retain(|(kind, _)| {
        let count = seen.entry(kind).or_default();
        *count += 1;
        *count <= PLACES
    });
    of_header(lines, &mut all);
    all
}

fn of_line(lines: &[Value], index: usize, instances: &[(String, String)], all: &mut Vec<Corruption>) {
    let line = &lines[index];
    if let Some(next) = lines.get(index + 1) {
        let mut log = lines.to_vec();
        log.swap(index, index + 1);
        if line != next {
            all.push(("swapped", log));
        }
    }
    let mut put = |kind, changed: Vec<Value>| {
        let mut log = lines[..index].to_vec();
        log.extend(changed);
        log.extend_from_slice(&lines[index + 1..]);
        all.push((kind, log));
    };
    let with = |changes: &[(&str, Value)]| {
        let mut line = line.clone();
        for (key, value) in changes {
            line[*key] = value.clone();
        }
        vec![line]
    };
    let bare = |changes: Value| {
        let mut bare = json!({});
        for key in ["atSeconds", "event", "task", "group"] {
            bare[key] = line[key].clone();
        }
        changes.as_object().expect("an object").iter().for_each(|(key, value)| bare[key] = value.clone());
        bare
    };
    let (before, after) = instances.split_at(index % instances.len());
    let other = |than: &Value| after.iter().chain(before).find(|(name, _)| *name != *than);
    let seconds = line["atSeconds"].as_f64().expect("a number");
    put("later", with(&[("atSeconds", json!(seconds + 1.0))]));
    if seconds >= 1.0 {
        put("earlier", with(&[("atSeconds", json!(seconds - 1.0))]));
    }
    put("other event", with(&[("event", json!(line["event"].as_u64().unwrap_or(0) + 1))]));
    put("other group", with(&[("group", json!("family:nobody"))]));
    put("dropped", vec![]);
    put("doubled", vec![line.clone(), line.clone()]);
    if let Some(placed) = line.get("placed") {
        if let Some((name, zone)) = other(placed) {
            put("other instance", with(&[("placed", json!(name)), ("availabilityZone", json!(zone))]));
        }
        put("other zone", with(&[("availabilityZone", json!("us-nowhere-1a"))]));
        put("unplaced instead", vec![bare(json!({"unplaced": "RESOURCE:CPU", "closest": placed}))]);
        put("waiting instead", vec![bare(json!({"waiting": "RESOURCE:MEMORY", "closest": placed}))]);
        let stop = bare(json!({"stopped": placed, "why": "stopTask"}));
        put("a stop of what does not run", vec![stop, line.clone()]);
        let why = if line["why"] == "desired" { "replacement" } else { "desired" };
        put("other why", with(&[("why", json!(why))]));
        put("other GPUs", with(&[("gpus", json!(["gpu-9"]))]));
    }
    for key in ["unplaced", "waiting"].into_iter().filter(|key| line.get(key).is_some()) {
        let (name, zone) = &instances[index % instances.len()];
        put("placed instead", vec![bare(json!({"placed": name, "availabilityZone": zone}))]);
        let reason = if line[key] == "RESOURCE:CPU" { "RESOURCE:MEMORY" } else { "RESOURCE:CPU" };
        put("wrong reason", with(&[(key, json!(reason))]));
        let mut bare_line = line.clone();
        let fields = bare_line.as_object_mut().expect("an object");
        if fields.remove("closest").is_some() {
            put("no closest instance", vec![bare_line]);
        }
        if let Some((name, _)) = other(&line["closest"]) {
            put("wrong closest instance", with(&[("closest", json!(name))]));
        }
    }
    if let Some(stopped) = line.get("stopped") {
        let why = if line["why"] == "failed" { "finished" } else { "failed" };
        put("stopped otherwise", with(&[("why", json!(why))]));
        if let Some((name, _)) = other(stopped) {
            put("stopped elsewhere", with(&[("stopped", json!(name))]));
        }
        put("another stopped", with(&[("task", json!("nobody"))]));
    }
}

fn of_header(lines: &[Value], all: &mut Vec<Corruption>) {
    let header = &lines[0];
    let strategy = if header["strategy"] == "binpack(cpu)" { "random" } else { "binpack(cpu)" };
    let changes = [
        ("schema_version", json!(2)),
        ("trace", json!("another")),
        ("seed", json!(99)),
        ("strategy", json!(strategy)),
        ("settings", json!({"stopTimeoutSeconds": 77})),
    ];
    for (key, value) in changes {
        let mut log = lines.to_vec();
        log[0][key] = value;
        all.push(("another header", log));
    }
    all.push(("no header", lines[1..].to_vec()));
    all.push(("nothing but the header", lines[..1].to_vec()));
}

fn fleet(trial: &Trial) -> Vec<(String, String)> {
    let mut fleet = Vec::new();
    for entry in &trial.survey.header.instances {
        for instance in entry.instances(fleet.len() as u64, 0) {
            let instance = instance.expect("sound");
            fleet.push((instance.name().to_owned(), instance.zone().to_owned()));
        }
    }
    fleet
}

#[test]
fn every_corruption_is_refused() {
    let trials = stories().chain([generated(Preset::Constrained, 8, Some(150))]);
    let trials = trials.chain((0..3).map(|seed| Trial::of("services", traces::services(1_000 + seed).as_bytes())));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for trial in trials {
        let fleet = fleet(&trial);
        for spec in ["as-written", "headroom", "spread(az),binpack(memory)"] {
            let spec: Spec = spec.parse().expect("a strategy");
            let log = trial.log(&spec);
            let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            for (kind, lines) in corruptions(&lines, &fleet) {
                let text = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
                let refused = match trial.verify(&spec, &text, Depth::Choice) {
                    Err(CheckError::Wrong(_)) => true,
                    Err(CheckError::Unreadable { .. }) => kind == "no header",
                    other => panic!("{}, {spec}, {kind}: {other:?}\n{text}", trial.name),
                };
                assert!(refused, "{}, {spec}, {kind}", trial.name);
                *counts.entry(kind).or_default() += 1;
            }
        }
    }
    assert!(counts.len() >= 24, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 10), "{counts:?}");
    assert!(counts.values().sum::<u64>() >= 1_000, "{counts:?}");
}

/// Whether a line of a service tells of a copy again.
fn is_told_again(lines: &[Value], index: usize) -> bool {
    let line = &lines[index];
    let is_same_copy = |earlier: &&Value| earlier["task"] == line["task"] && earlier["group"] == line["group"];
    let last = lines[1..index].iter().rfind(is_same_copy);
    line["event"].is_null() && line.get("unplaced").is_some() && last.is_some_and(|it| it.get("unplaced").is_some())
}

#[test]
fn a_reason_that_is_not_told_again_is_missed() {
    let mut count = 0;
    for seed in 0..100 {
        let trial = Trial::of(&format!("services {seed}"), traces::services(seed).as_bytes());
        for spec in ["as-written", "one-task-per-host"] {
            let spec: Spec = spec.parse().expect("a strategy");
            let log = trial.log(&spec);
            let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            for dropped in (1..lines.len()).filter(|index| is_told_again(&lines, *index)) {
                let kept = lines.iter().enumerate().filter(|(index, _)| *index != dropped);
                let text: Vec<String> = kept.map(|(_, line)| line.to_string()).collect();
                let checked = trial.verify(&spec, &text.join("\n"), Depth::Choice);
                assert!(matches!(checked, Err(CheckError::Wrong(_))), "{seed}, {spec}, without line {}", dropped + 1);
                count += 1;
            }
        }
    }
    assert!(count >= 50, "{count}");
}

/// What is possible but not the strategy's own choice passes with `--legality-only`, what is impossible does not.
#[test]
fn legality_alone_refuses_only_what_cannot_be() {
    let trace = r#"{"version":1,"containerInstances":[
        {"ec2InstanceId":"small","availabilityZone":"a","registeredResources":{"cpu":500,"memory":500}},
        {"ec2InstanceId":"large","availabilityZone":"a","registeredResources":{"cpu":2000,"memory":2000}},
        {"ec2InstanceId":"tiny","availabilityZone":"a","registeredResources":{"cpu":10,"memory":10}}],
        "taskDefinitions":[{"family":"job","cpu":400,"memory":400}],
        "events":[{"atSeconds":1,"runTask":{"taskDefinition":"job","id":"j"}}]}"#;
    let trial = Trial::of("t", trace.as_bytes());
    let spec: Spec = "headroom".parse().expect("a strategy");
    let log = trial.log(&spec);
    assert!(log.contains(r#""placed":"large""#));
    let on = |name: &str| log.replace(r#""placed":"large""#, &format!(r#""placed":"{name}""#));
    for (name, is_possible, problem) in [
        ("large", true, ""),
        ("small", true, "it is placed on large"),
        ("tiny", false, "`tiny` cannot take it: RESOURCE:CPU"),
        ("none", false, "there is no instance `none` now"),
    ] {
        assert_eq!(trial.verify(&spec, &on(name), Depth::Legality).is_ok(), is_possible, "{name}");
        let checked = trial.verify(&spec, &on(name), Depth::Choice);
        match checked {
            Ok(_) => assert_eq!(problem, ""),
            Err(error) => assert_eq!(
                error.to_string(),
                format!("line 2: second 1, event 0, `j` placed on {name}; right would be: {problem}")
            ),
        }
    }
}

#[test]
fn what_is_no_log_is_told_from_a_wrong_one() {
    let trial = stories().next().expect("a story");
    let spec: Spec = "headroom".parse().expect("a strategy");
    let log = trial.log(&spec);
    let first = log.lines().next().expect("a header");
    for line in [
        "",
        "{",
        "[]",
        r#"{"atSeconds":-1,"event":null,"task":"t","group":"g","unplaced":"AGENT"}"#,
        r#"{"atSeconds":1,"event":null,"task":"t","group":"g"}"#,
        r#"{"atSeconds":1,"event":null,"task":"t","group":"g","unplaced":"AGENT","placed":"i"}"#,
        r#"{"atSeconds":1,"event":null,"task":"t","group":"g","unplaced":"AGENT","x":1}"#,
    ] {
        let checked = trial.verify(&spec, &format!("{first}\n{line}\n"), Depth::Choice);
        assert!(matches!(checked, Err(CheckError::Unreadable { line: 2, .. })), "{line}: {checked:?}");
    }
    assert!(matches!(trial.verify(&spec, "", Depth::Choice), Err(CheckError::Unreadable { line: 1, .. })));
}
