use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::replay::{Verdict, replay};
use super::{Answer, Offer, Question, SearchError, search};
use crate::fleet::Fleet;
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

/// A trace of these definitions and events, on no instances.
fn trace(settings: &str, definitions: &str, events: &[String]) -> String {
    format!(
        r#"{{"version":1,"settings":{{{settings}}},"containerInstances":[],"taskDefinitions":[{definitions}],"events":[{}]}}"#,
        events.join(",")
    )
}

/// A task definition.
fn definition(family: &str, cpu_units: u32, memory_mib: u32, more: &str) -> String {
    format!(r#"{{"family":"{family}","cpu":{cpu_units},"memory":{memory_mib}{more}}}"#)
}

/// So many tasks at a second; without a duration they stay.
fn run_task(at_seconds: u32, family: &str, count: u32, duration: Option<u32>) -> String {
    let duration = duration.map(|seconds| format!(r#","durationSeconds":{seconds}"#)).unwrap_or_default();
    format!(r#"{{"atSeconds":{at_seconds},"runTask":{{"taskDefinition":"{family}","count":{count}{duration}}}}}"#)
}

/// What is offered: types with their prices in thousandths of a dollar, 0 for none; zones; and what is allowed.
struct Ask<'a> {
    types: &'a [(&'a str, u64)],
    zones: &'a [&'a str],
    max_unplaced: u64,
    most_replays: u32,
}

const ONE_ZONE: &[&str] = &["a"];

impl<'a> Ask<'a> {
    fn of(types: &'a [(&'a str, u64)]) -> Self {
        Self { types, zones: ONE_ZONE, max_unplaced: 0, most_replays: 300 }
    }

    fn with<T>(&self, text: &str, use_question: impl FnOnce(&Question<'_>) -> T) -> T {
        let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
        let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let spec: Spec = "binpack(memory)".parse().expect("a strategy");
        let offer = |(name, price): &(&str, u64)| Offer {
            instance_type: (*name).into(),
            microdollars: (*price > 0).then_some(price * 1_000),
        };
        use_question(&Question {
            source: &source,
            survey: &survey,
            settings: &survey.header.settings,
            spec: &spec,
            offers: &self.types.iter().map(offer).collect::<Vec<_>>(),
            zones: &self.zones.iter().map(|zone| (*zone).into()).collect::<Vec<_>>(),
            max_unplaced: self.max_unplaced,
            most_replays: self.most_replays,
            events: &AtomicU64::default(),
        })
    }

    fn search(&self, text: &str) -> Result<Answer, SearchError> {
        self.with(text, search)
    }

    /// The fleet found, and its floor in instances.
    fn check(&self, text: &str, fleet: &str, floor: u64) {
        let answer = self.search(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!((answer.fleet.to_string().as_str(), answer.floor.instances), (fleet, floor), "{text}");
        assert!(answer.unplaced <= self.max_unplaced && !answer.is_cut_short);
    }
}

#[test]
fn a_mix_of_types_is_cheaper_than_any_alone() {
    // m5.large: 2048 CPU units, 7680 MiB; c5.large: 2048, 3704. Each task takes all the CPU of one.
    let definitions = [definition("large", 2_048, 7_000, ""), definition("small", 2_048, 3_500, "")].join(",");
    let text = trace("", &definitions, &[run_task(0, "large", 1, None), run_task(1, "small", 3, None)]);
    // m5.large alone: 4 x 96 = 384; c5.large does not hold the large one. 96 + 3 x 85 = 351.
    let ask = Ask::of(&[("m5.large", 96), ("c5.large", 85)]);
    ask.check(&text, "m5.large=1,c5.large=3", 4);
    let answer = ask.search(&text).expect("a fleet");
    assert_eq!((answer.microdollars, answer.instances), (Some(351_000), 4));
    assert!(answer.floor.microdollars <= 351_000 && answer.floor.microdollars >= 4 * 85_000, "{:?}", answer.floor);
    // m5.xlarge (4096, 15576) holds two of either. At 190 two, or one and two c5.large, are dearer than the mix; at 165
    // one and two c5.large are 335, and two are 330.
    Ask::of(&[("m5.large", 96), ("c5.large", 85), ("m5.xlarge", 190)]).check(&text, "m5.large=1,c5.large=3", 2);
    Ask::of(&[("m5.large", 96), ("c5.large", 85), ("m5.xlarge", 165)]).check(&text, "m5.xlarge=2", 2);
    // Without prices the fewest instances are looked for.
    Ask::of(&[("m5.large", 0), ("c5.large", 0), ("m5.xlarge", 0)]).check(&text, "m5.xlarge=2", 2);
}

#[test]
fn types_that_hold_only_some_tasks_are_mixed() {
    // t2.micro (1024, 993) is cheapest but holds small ones alone; four of those lie on one m5.large too.
    let definitions = [definition("large", 2_048, 7_000, ""), definition("small", 512, 900, "")].join(",");
    let text = trace("", &definitions, &[run_task(0, "large", 1, None), run_task(1, "small", 2, None)]);
    Ask::of(&[("t2.micro", 12), ("m5.large", 96)]).check(&text, "t2.micro=2,m5.large=1", 2);
    Ask::of(&[("t2.micro", 60), ("m5.large", 96)]).check(&text, "m5.large=2", 2);
}

#[test]
fn instances_take_the_zones_in_turn() {
    let in_b = r#","placementConstraints":[{"type":"memberOf","expression":"attribute:ecs.availability-zone == b"}]"#;
    let text = trace("", &definition("pinned", 2_048, 1_000, in_b), &[run_task(0, "pinned", 2, None)]);
    let ask = |zones| Ask { zones, ..Ask::of(&[("m5.large", 0)]) };
    ask(&["b"]).check(&text, "m5.large=2", 2);
    // a, b, a, b: the second in b is the fourth.
    ask(&["a", "b"]).check(&text, "m5.large=4", 2);
    ask(&["b", "a"]).check(&text, "m5.large=3", 2);
    let error = ask(&["a"]).search(&text).expect_err("no instance is in b").to_string();
    assert!(error.contains("family:pinned") && error.contains("memberOf"), "{error}");
}

#[test]
fn some_tasks_may_be_left_unplaced() {
    let text = trace("", &definition("whole", 2_048, 1_000, ""), &[run_task(0, "whole", 5, None)]);
    let ask = |max_unplaced| Ask { max_unplaced, ..Ask::of(&[("m5.large", 96)]) };
    ask(0).check(&text, "m5.large=5", 5);
    ask(2).check(&text, "m5.large=3", 3);
    assert_eq!(ask(5).search(&text).expect("none is needed").instances, 0);
    assert_eq!(ask(0).search(&trace("", &definition("t", 1, 4, ""), &[])).expect("no task").instances, 0);
}

#[test]
fn the_floor_counts_what_must_stand_side_by_side() {
    let definitions = definition("whole", 2_048, 1_000, "");
    let ask = Ask::of(&[("m5.large", 0)]);
    let one_after_another = [run_task(0, "whole", 2, Some(10)), run_task(10, "whole", 3, Some(10))];
    ask.check(&trace("", &definitions, &one_after_another), "m5.large=3", 3);
    let at_once = [run_task(0, "whole", 2, Some(11)), run_task(10, "whole", 3, Some(10))];
    ask.check(&trace("", &definitions, &at_once), "m5.large=5", 5);
    // Who may wait needs one instance in the end, and no more is proved.
    ask.check(&trace(r#""onUnplaceable":"queue""#, &definitions, &at_once), "m5.large=1", 1);
    // What stays needs its place even so.
    let stays = [run_task(0, "whole", 2, None), run_task(10, "whole", 3, Some(10))];
    ask.check(&trace(r#""onUnplaceable":"queue""#, &definitions, &stays), "m5.large=3", 2);
    // A zone that fails takes tasks with it, whose number is the fleet's doing; those of services come back.
    let fails = r#"{"atSeconds":5,"failContainerInstances":{"availabilityZone":"a","returnsAfterSeconds":1}}"#;
    let service = r#"{"atSeconds":0,"createService":{"serviceName":"s","taskDefinition":"whole","desiredCount":2}}"#;
    let events = [service.to_owned(), fails.to_owned(), run_task(20, "whole", 1, Some(1))];
    ask.check(&trace("", &definitions, &events), "m5.large=3", 2);
}

#[test]
fn what_cannot_be_is_said_with_its_reason() {
    let big = trace("", &definition("big", 9_999, 1_000, ""), &[run_task(0, "big", 2, None)]);
    let error = |text: &str, ask: &Ask<'_>| ask.search(text).expect_err("no fleet").to_string();
    let both = Ask::of(&[("m5.large", 0), ("t2.micro", 0)]);
    let text = error(&big, &both);
    assert!(text.contains("2 of the tasks of family:big") && text.contains("RESOURCE:CPU"), "{text}");
    // Nobody has a task of that group, so that no number of instances helps.
    let lonely = r#","placementConstraints":[{"type":"memberOf","expression":"task:group == service:none"}]"#;
    let lonely = trace("", &definition("lonely", 1, 4, lonely), &[run_task(0, "lonely", 2, None)]);
    let text = error(&lonely, &both);
    assert!(text.contains("runs the trace") && text.contains("one of family:lonely, event 0"), "{text}");
    assert!(!text.contains("--replays"), "{text}");
    // One of every two instances is in b, so that two are not enough.
    let in_b = r#","placementConstraints":[{"type":"memberOf","expression":"attribute:ecs.availability-zone == b"}]"#;
    let pinned = trace("", &definition("pinned", 2_048, 1_000, in_b), &[run_task(0, "pinned", 2, None)]);
    let text = error(&pinned, &Ask { most_replays: 1, zones: &["a", "b"], ..Ask::of(&[("m5.large", 0)]) });
    assert!(text.contains("family:pinned") && text.ends_with("--replays allows no more"), "{text}");
    let whole = |count| trace("", &definition("whole", 1_024, 900, ""), &[run_task(0, "whole", count, None)]);
    let text = error(&whole(40_000), &Ask::of(&[("m5.large", 0)]));
    assert!(text.contains("of up to 16384 instances") && text.contains("the floor is 20000 instances"), "{text}");
    for (zones, problem) in [(&[][..], "no container instance whose zone"), (&["a", ""], "an attribute value is empty")]
    {
        let text = error(&whole(5), &Ask { zones, ..both });
        assert!(text.contains(problem), "{text}");
    }
    let unknown = Ask::of(&[("m5.enormous", 0)]);
    assert!(error(&whole(5), &unknown).contains("m5.enormous"));
}

#[test]
fn the_number_of_replays_is_limited() {
    // The floor of five m5.large runs; that five c5.large do, for less, is not asked any more.
    let events = [run_task(0, "whole", 5, None)];
    let text = trace("", &definition("whole", 2_048, 3_000, ""), &events);
    let types = [("m5.large", 96), ("c5.large", 85)];
    let answer = Ask { most_replays: 1, ..Ask::of(&types) }.search(&text).expect("the floor runs");
    assert_eq!((answer.replays, answer.fleet.to_string().as_str()), (1, "m5.large=5"));
    assert!(answer.is_cut_short);
    Ask::of(&types).check(&text, "c5.large=5", 5);
}

/// Tasks: what each takes in quarters of an m5.large, when it comes and how long it stays.
fn any_tasks() -> impl Strategy<Value = Vec<(u32, u32, u32, Option<u32>)>> {
    prop::collection::vec((1_u32..=4, 1_u32..=4, 0_u32..6, prop::option::of(1_u32..6)), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Of all small fleets none that runs the trace is below the floor, and the answer is one that runs.
    #[test]
    fn the_floor_never_lies_and_the_answer_runs(
        tasks in any_tasks(), max_unplaced in 0_u64..3, queues in any::<bool>(), price in 50_u64..120,
    ) {
        let definitions: Vec<_> = tasks
            .iter()
            .enumerate()
            .map(|(index, (cpu, memory, ..))| definition(&format!("t{index}"), cpu * 512, memory * 1_800, ""))
            .collect();
        let events: Vec<_> = tasks
            .iter()
            .enumerate()
            .map(|(index, (_, _, at, duration))| run_task(*at, &format!("t{index}"), 1, *duration))
            .collect();
        let settings = if queues { r#""onUnplaceable":"queue""# } else { "" };
        let text = trace(settings, &definitions.join(","), &events);
        let types = [("m5.large", 96), ("c5.large", price)];
        let ask = Ask { max_unplaced, ..Ask::of(&types) };
        let answer = ask.search(&text).expect("an m5.large holds each");
        ask.with(&text, |question| {
            let runs = |fleet: &Fleet| matches!(replay(question, fleet), Ok(Verdict::Runs(_)));
            assert!(runs(&answer.fleet.clone().in_zones(question.zones)));
            for (large, small) in (0..=6_u32).flat_map(|large| (0..=6).map(move |small| (large, small))) {
                let counts = [("m5.large".into(), large), ("c5.large".into(), small)];
                if runs(&Fleet::new(counts).expect("known types").in_zones(question.zones)) {
                    let cost = u128::from(large) * 96_000 + u128::from(small) * u128::from(price) * 1_000;
                    assert!(cost >= answer.floor.microdollars, "{large} and {small}: {:?}", answer.floor);
                    assert!(u64::from(large + small) >= answer.floor.instances, "{large} and {small}");
                    // No type alone, and no single instance less, is cheaper than what was found.
                    assert!(small > 0 || Some(cost) >= answer.microdollars, "{large} alone: {answer:?}");
                }
            }
        });
    }
}
