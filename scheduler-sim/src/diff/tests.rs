use super::*;
use crate::outcome::{Fate, Observation, Observer};
use crate::report::{DecisionLog, Json};
use crate::stories::STORIES;
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

fn difference(text: &str, specs: [&str; 2]) -> Difference {
    let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let specs = specs.map(|spec| spec.parse::<Spec>().expect("a strategy"));
    let plans = specs
        .each_ref()
        .map(|spec| Plan { keeps_numbered_names: true, ..Plan::new(&survey, &survey.header.settings, spec) });
    compare([&plans[0], &plans[1]], &source, &survey).expect("it runs")
}

/// Two instances in two zones; one task each second.
fn trace(events: &str) -> String {
    format!(
        r#"{{"version":1,
        "containerInstances":[
            {{"ec2InstanceId":"A","availabilityZone":"a","registeredResources":{{"cpu":1000,"memory":1000}}}},
            {{"ec2InstanceId":"B","availabilityZone":"b","registeredResources":{{"cpu":1000,"memory":900}}}}],
        "taskDefinitions":[{{"family":"small","cpu":200,"memory":200}},{{"family":"whole","cpu":900,"memory":850}}],
        "events":[{events}]}}"#
    )
}

#[test]
fn a_strategy_never_parts_from_itself() {
    for story in STORIES {
        for spec in ["headroom", "binpack", "random"] {
            let found = difference(story.text, [spec, spec]);
            assert!(!found.is_any() && found.alike > 0, "{}", story.name);
            assert_eq!(found.after, After::default());
        }
    }
}

#[test]
fn the_parting_is_told_and_what_follows_is_counted() {
    let text = trace(
        r#"{"atSeconds":1,"runTask":{"taskDefinition":"small","id":"one"}},
        {"atSeconds":2,"runTask":{"taskDefinition":"small","id":"two"}},
        {"atSeconds":3,"runTask":{"taskDefinition":"whole","id":"three"}},
        {"atSeconds":4,"runTask":{"taskDefinition":"small","id":"four","count":2}}"#,
    );
    let found = difference(&text, ["headroom", "binpack"]);
    assert_eq!(found.alike, 0);
    let instances = found.parting.map(|line| match line.expect("both decide").what {
        What::Placed { instance, .. } => instance.to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(instances, ["A", "B"]);
    let after = &found.after;
    let names = |group: &Group| group.examples.iter().map(|example| example.task.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&after.second_only), ["three"]);
    assert_eq!(settled_after(after), 5);
    // The other way round it is the same with the sides exchanged.
    let turned = difference(&text, ["binpack", "headroom"]);
    assert_eq!(turned.after.first_only.count, after.second_only.count);
    assert_eq!(turned.after.elsewhere.count, after.elsewhere.count);
}

/// The tasks that both runs have placed, refused for good or given up after the parting.
fn settled_after(after: &After) -> u64 {
    let placed_alike = after.alike + after.on_other_gpus + after.elsewhere.count + after.at_another_time.count;
    placed_alike + after.first_only.count + after.second_only.count + after.neither
}

/// Counts those of the first lines of a run.
struct SettledBefore {
    lines: u64,
    tasks: u64,
}

impl Observer for SettledBefore {
    fn observe(&mut self, _at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        let count = outcome.copies.count().min(self.lines);
        self.lines -= count;
        if let Fate::Placed { .. } | Fate::Refused(_) | Fate::Withdrawn { .. } | Fate::StillWanted { .. } = outcome.fate
        {
            self.tasks += count;
        }
    }
}

/// Each task of a trace whose events ask for all of them is settled once: before the parting or after it.
#[test]
fn every_task_is_counted_once() {
    let mut counted_after = 0;
    for text in STORIES.iter().map(|story| story.text).chain([GPUS]) {
        let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
        let survey = source.survey().expect("a trace");
        if !survey.header.services.is_empty() || text.contains("createService") {
            continue;
        }
        for specs in [["headroom", "binpack"], ["first-fit", "random-gpu"], ["random", "spread(instanceId)"]] {
            let found = difference(text, specs);
            let spec: Spec = specs[0].parse().expect("a strategy");
            let plan = Plan::new(&survey, &survey.header.settings, &spec);
            let mut before = SettledBefore { lines: found.alike, tasks: 0 };
            run(&plan, source.events(&survey).expect("readable"), &mut before, &Pulse::default()).expect("it runs");
            let after = settled_after(&found.after);
            let name = &survey.header.name;
            assert_eq!(before.tasks + after, survey.tasks_requested, "{name}, {specs:?}: {:?}", found.after);
            assert_eq!(found.after.unpaired, [0, 0], "{name}");
            counted_after += after;
        }
    }
    assert!(counted_after > 100, "{counted_after}");
}

#[test]
fn waiting_tasks_count_when_they_are_placed() {
    let text = trace(
        r#"{"atSeconds":1,"runTask":{"taskDefinition":"small","id":"one","durationSeconds":10}},
        {"atSeconds":2,"runTask":{"taskDefinition":"small","id":"two","durationSeconds":10}},
        {"atSeconds":3,"runTask":{"taskDefinition":"whole","id":"three","durationSeconds":10}}"#,
    )
    .replace(r#""version":1"#, r#""version":1,"settings":{"onUnplaceable":"queue"}"#);
    let found = difference(&text, ["spread(instanceId)", "binpack"]);
    let example = found.after.elsewhere.examples.iter().chain(&found.after.at_another_time.examples);
    let three = example.into_iter().find(|example| &*example.task == "three").expect("it waited under one");
    assert_eq!(three.at_ms, [11_000, 3_000]);
}

/// The decision log of a run, without its header.
fn log(text: &str, spec: &str) -> Vec<String> {
    let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let spec: Spec = spec.parse().expect("a strategy");
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, &survey.header.settings, &spec) };
    let mut log = DecisionLog::new(Vec::new(), "t", "any", 0, Json::Null);
    run(&plan, source.events(&survey).expect("readable"), &mut log, &Pulse::default()).expect("it runs");
    let written = String::from_utf8(log.finish().expect("memory does not fail")).expect("text");
    written.lines().skip(1).map(str::to_owned).collect()
}

/// Two shares of 0.4 on one GPU or on two, and a task that needs a whole one.
const GPUS: &str = r#"{"version":1,"settings":{"seed":1},
    "containerInstances":[{"availabilityZone":"a","registeredResources":{"cpu":1000,"memory":1000,"gpu":2}}],
    "taskDefinitions":[{"family":"share","cpu":1,"memory":1,"gpu":1,"gpuMilli":400},{"family":"whole","cpu":1,"memory":1,"gpu":1}],
    "events":[{"atSeconds":1,"runTask":{"taskDefinition":"share","id":"share","count":2}},
        {"atSeconds":2,"runTask":{"taskDefinition":"whole","id":"whole"}}]}"#;

/// Runs part where their decision logs do.
#[test]
fn the_parting_is_the_first_line_of_the_logs_that_differs() {
    let stories = STORIES.iter().map(|story| story.text);
    for text in stories.chain([GPUS]) {
        for specs in [["first-fit", "random-gpu"], ["headroom", "binpack"], ["random", "spread(instanceId)"]] {
            let [first, second] = specs.map(|spec| log(text, spec));
            let alike = first.iter().zip(&second).take_while(|(one, other)| one == other).count();
            let found = difference(text, specs);
            assert_eq!(found.alike, alike as u64, "{specs:?}\n{:?}\n{:?}", first.get(alike), second.get(alike));
            assert_eq!(found.is_any(), first != second, "{specs:?}");
        }
    }
}

#[test]
fn runs_that_differ_in_gpus_alone_part() {
    let found = difference(GPUS, ["first-fit", "random-gpu"]);
    let gpus = found.parting.map(|line| match line.expect("both decide").what {
        What::Placed { instance, gpus, .. } => (instance.to_string(), gpus),
        other => panic!("{other:?}"),
    });
    assert_eq!(gpus[0].0, gpus[1].0);
    assert_ne!(gpus[0].1, gpus[1].1);
    assert_eq!((found.after.on_other_gpus, found.after.first_only.count), (1, 1), "{:?}", found.after);
}
