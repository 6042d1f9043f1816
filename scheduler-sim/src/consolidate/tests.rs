use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use scheduler_core::{Cluster, InstanceStatus, InstanceView, Placement, PlacementConstraint, TaskKind, TaskStatus};

use super::{Consolidation, consolidate, end};
use crate::metrics::StaticRules;
use crate::simulation::{Plan, Pulse, ServiceStanding, State, state_at};
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

/// The state of a trace at an instant.
fn state(text: &str, strategy: &str, at_ms: u64) -> State {
    let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let spec: Spec = strategy.parse().expect("a strategy");
    let settings = &survey.header.settings;
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(&survey, settings, &spec) };
    state_at(&plan, source.events(&survey).expect("readable"), at_ms, &Pulse::default()).expect("it runs")
}

/// Instances `name zone` of 10 CPU units and 100 MiB, with an attribute `id` of the same name.
fn instances(all: &[&str]) -> String {
    let one = |text: &&str| {
        let (name, zone) = text.split_once(' ').expect("a name and a zone");
        format!(
            r#"{{"ec2InstanceId":"{name}","availabilityZone":"{zone}","attributes":{{"id":"{name}"}},"registeredResources":{{"cpu":10,"memory":100}}}}"#
        )
    };
    all.iter().map(one).collect::<Vec<_>>().join(",")
}

/// A trace of instances, and of tasks `name instance cpu` that run there at time 0, each of its own definition; `more`
/// are further members of their definitions, by name.
fn trace(all: &[&str], tasks: &[&str], more: &[(&str, &str)], services: &str) -> String {
    let (mut definitions, mut running) = (Vec::new(), Vec::new());
    for task in tasks {
        let [name, instance, cpu] = task.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        let more = more.iter().find(|(of, _)| *of == name).map(|(_, more)| format!(",{more}")).unwrap_or_default();
        let family = name.split('-').next().unwrap_or(name);
        let definition = format!(r#"{{"family":"{family}","cpu":{cpu},"memory":1{more}}}"#);
        if !definitions.contains(&definition) {
            definitions.push(definition);
        }
        let group = if services.contains(&format!("\"{family}\"")) {
            format!(r#","group":"service:{family}""#)
        } else {
            String::new()
        };
        running.push(format!(
            r#"{{"taskArn":"{name}","taskDefinitionArn":"{family}","containerInstanceArn":"{instance}"{group}}}"#
        ));
    }
    format!(
        r#"{{"version":1,"containerInstances":[{}],"taskDefinitions":[{}],"tasks":[{}],"services":[{services}]}}"#,
        instances(all),
        definitions.join(","),
        running.join(",")
    )
}

fn told(found: &Consolidation) -> Vec<String> {
    found.moves.iter().map(|it| format!("{} {} {}", it.name, it.from.name, it.to.name)).collect()
}

/// What is found at time 0: the moves, and the instances used before, after, and by the bound.
fn check(text: &str, max_moves: Option<u64>, moves: &[&str], used: [u64; 3]) {
    let found = consolidate(&state(text, "as-written", 0), max_moves);
    assert_eq!(told(&found), moves, "{text}");
    let bound = found.lower_bound.expect("a bound").instances;
    assert_eq!([found.used_before, found.used_after, bound], used, "{text}");
    assert_eq!(found.emptied.len() as u64, found.used_before - found.used_after);
}

#[test]
fn the_fullest_instance_that_has_room_takes_the_tasks() {
    // 2 + 5 + 6 = 13 of 10 each: two instances at least. `x` leaves 8 - 6 = 2 free where `c` is.
    let all = ["i1 a", "i2 a", "i3 a", "i4 a"];
    check(&trace(&all, &["x i1 2", "b i2 5", "c i3 6"], &[], ""), None, &["x i1 i3"], [3, 2, 2]);
    // Two of 6 do not fit on one; nothing moves.
    check(&trace(&all, &["x i1 6", "b i2 6"], &[], ""), None, &[], [2, 2, 2]);
}

#[test]
fn a_task_goes_only_where_its_constraints_let_it() {
    let all = ["i1 a", "i2 a"];
    let tasks = ["x i1 1", "y i2 5"];
    let with = |more| trace(&all, &tasks, &[("x", more), ("y", more)], "");
    check(&trace(&all, &tasks, &[], ""), None, &["x i1 i2"], [2, 1, 1]);
    let pinned =
        |id: &str| format!(r#""placementConstraints":[{{"type":"memberOf","expression":"attribute:id == {id}"}}]"#);
    let both = trace(&all, &tasks, &[("x", &pinned("i1")), ("y", &pinned("i2"))], "");
    check(&both, None, &[], [2, 2, 1]);
    // Only `y` may leave.
    check(&trace(&all, &tasks, &[("x", &pinned("i1"))], ""), None, &["y i2 i1"], [2, 1, 1]);
    // The static port is taken on both.
    check(&with(r#""ports":[80]"#), None, &[], [2, 2, 2]);
}

#[test]
fn a_service_keeps_its_constraints_and_its_balance() {
    let all = ["i1 a", "i2 b"];
    let tasks = ["web-1 i1 2", "web-2 i2 2"];
    let service = |count: u32, more: &str| {
        format!(r#"{{"serviceName":"web","taskDefinition":"web","desiredCount":{count}{more}}}"#)
    };
    // Both in one zone would be a difference of 2.
    check(&trace(&all, &tasks, &[], &service(2, "")), None, &[], [2, 2, 1]);
    // In one zone there is nothing to balance.
    check(&trace(&["i1 a", "i2 a"], &tasks, &[], &service(2, "")), None, &["web-1 i1 i2"], [2, 1, 1]);
    let distinct = r#","placementConstraints":[{"type":"distinctInstance"}]"#;
    check(&trace(&["i1 a", "i2 a"], &tasks, &[], &service(2, distinct)), None, &[], [2, 2, 1]);
    // 2 and 1: one may cross, which makes them 1 and 2, but not the one that is alone.
    let three = ["web-1 i1 4", "web-2 i3 4", "web-3 i2 4"];
    let text = trace(&["i1 a", "i2 b", "i3 a"], &three, &[], &service(3, ""));
    check(&text, None, &["web-1 i1 i2"], [3, 2, 2]);
}

/// A standalone task may say that it is of a service's group; the service does not count it.
#[test]
fn a_standalone_task_of_the_group_of_a_service_moves_freely() {
    let service = r#"{"serviceName":"web","taskDefinition":"web","desiredCount":1}"#;
    let run = r#""events":[{"atSeconds":0,"runTask":{"taskDefinition":"y","id":"x","group":"service:web"}}]"#;
    let text = trace(&["i1 a", "i2 b"], &["web-1 i1 2", "y i1 1"], &[], service);
    let text = format!("{},{run}}}", text.trim_end_matches('}'));
    let state = state(&text, "spread(instanceId)", 0);
    assert_eq!(state.services[0].zones, BTreeMap::from([("a".into(), 1), ("b".into(), 0)]));
    assert_eq!(told(&consolidate(&state, None)), ["x i2 i1"]);
}

#[test]
fn daemon_tasks_keep_no_instance_from_being_empty() {
    let daemon = r#"{"serviceName":"agent","taskDefinition":"agent","schedulingStrategy":"DAEMON"}"#;
    let text = trace(&["i1 a", "i2 a"], &["x i1 2", "y i2 3", "agent-1 i1 1", "agent-2 i2 1"], &[], daemon);
    check(&text, None, &["x i1 i2"], [2, 1, 1]);
}

#[test]
fn a_task_makes_room_for_another() {
    // `d` needs 6: `p` and `r` leave 4, and `s` leaves 3. With `r` (3) on i2 beside `s` (7) there are 7 left on i1.
    // `p` may lie on i1 alone, and `s` fits nowhere else, so that no instance is emptied otherwise.
    let pinned = r#""placementConstraints":[{"type":"memberOf","expression":"attribute:id == i1"}]"#;
    let text = trace(&["i1 a", "i2 a", "i3 a"], &["p i1 3", "r i1 3", "s i2 7", "d i3 6"], &[("p", pinned)], "");
    check(&text, None, &["r i1 i2", "d i3 i1"], [3, 2, 2]);
    check(&text, Some(1), &[], [3, 3, 2]);
}

#[test]
fn with_few_moves_the_instances_that_need_fewest_are_emptied() {
    let all = ["i1 a", "i2 a", "i3 a"];
    let text = trace(&all, &["x i1 1", "y i1 1", "b i2 1", "c i3 5"], &[], "");
    // `b` goes to `c`, which is fuller, and both to i1: each task moves once, straight to where it ends.
    check(&text, None, &["c i3 i1", "b i2 i1"], [3, 1, 1]);
    check(&text, Some(1), &["b i2 i3"], [3, 2, 1]);
    check(&text, Some(0), &[], [3, 3, 1]);
}

#[test]
fn four_instances_do_where_six_are_used() {
    let story = crate::stories::find("mixed-memory").expect("bundled");
    // 5120 x 2 + 4864 + 4608 + 3072 + 2816 + 1280 x 4 = 30720 = 4 x 7680: four instances, all of them full.
    let found = consolidate(&state(story.text, "binpack", 8_000_000), None);
    let bound = found.lower_bound.expect("a bound").instances;
    assert_eq!((found.used_before, found.used_after, bound, found.moves.len()), (6, 4, 4, 6));
}

#[test]
fn a_task_on_its_way_to_stop_stays() {
    let settings = r#""settings":{"releaseOn":"last-stopped","stopTimeoutSeconds":30}"#;
    let text = trace(&["i1 a", "i2 a"], &["x i1 1", "y i2 5"], &[], "").replacen('{', &format!("{{{settings},"), 1);
    let text = text.trim_end_matches('}').to_owned() + r#","events":[{"atSeconds":1,"stopTask":{"task":"x"}}]}"#;
    let at = |at_ms| consolidate(&state(&text, "as-written", at_ms), None);
    assert_eq!(told(&at(0)), ["x i1 i2"]);
    // `y` alone could go, to where `x` is about to leave.
    let found = at(1_000);
    assert_eq!((told(&found), found.used_before, found.used_after), (vec!["y i2 i1".to_owned()], 2, 1));
    assert_eq!(at(40_000).used_before, 1);
}

/// How uneven each service is, counted by hand.
fn differences(state: &State, cluster: &Cluster) -> Vec<u64> {
    let difference = |ServiceStanding { request, .. }: &ServiceStanding| {
        let rules = StaticRules::of(request);
        let is_active = |it: &InstanceView<'_>| it.is_present() && it.status() == InstanceStatus::Active;
        let active = cluster.instances().filter(|it| is_active(it) && rules.admit(it.attributes()));
        let zones: BTreeSet<&str> = active.map(|instance| instance.zone()).collect();
        let tasks = || cluster.tasks().filter(|task| task.group() == request.group());
        let counts = zones.iter().map(|zone| tasks().filter(|task| task.instance().zone() == *zone).count() as u64);
        counts.clone().max().unwrap_or(0) - counts.min().unwrap_or(0)
    };
    state.services.iter().map(difference).collect()
}

fn names(cluster: &Cluster) -> BTreeSet<String> {
    cluster.tasks().map(|task| task.name().unwrap_or_default().to_owned()).collect()
}

fn used(cluster: &Cluster) -> u64 {
    let is_used =
        |instance: &scheduler_core::InstanceView<'_>| instance.tasks().any(|task| task.spec().kind != TaskKind::Daemon);
    cluster.instances().filter(is_used).count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The moves, made one after another through the public door, are all accepted, lose nothing, empty what they say,
    /// and keep constraints and balance; nobody gets below the bound.
    #[test]
    fn moves_can_be_made_and_break_nothing(
        seed in 0_u64..10_000,
        at_ms in 0_u64..16_000,
        strategy in prop::sample::select(vec!["as-written", "spread(instanceId)", "random", "one-task-per-host"]),
        max_moves in prop::option::of(0_u64..4),
    ) {
        let state = state(&crate::metrics::testing::random_trace(seed), strategy, at_ms);
        let found = consolidate(&state, max_moves);
        let mut cluster = state.cluster.fork();
        let mut now = BTreeMap::new();
        for it in &found.moves {
            let task = now.get(&it.task).copied().unwrap_or(it.task);
            prop_assert_eq!(cluster.task(task).map(|task| task.instance().id()), Some(it.from.instance));
            end(&mut cluster, task);
            let request = std::sync::Arc::clone(&state.requests[&it.task]);
            let placement = Placement::run_task_on(it.to.instance, request).named(&*it.name);
            let change = cluster.start(&placement.with_status(TaskStatus::Running));
            prop_assert!(change.is_ok(), "{:?}", change);
            now.insert(it.task, change.expect("accepted").task.expect("a task").id);
            for (after, before) in differences(&state, &cluster).into_iter().zip(differences(&state, &state.cluster)) {
                prop_assert!(after <= before.max(1), "{} after {}", after, before);
            }
        }
        prop_assert!(cluster.audit().is_ok());
        prop_assert_eq!(names(&cluster), names(&state.cluster));
        prop_assert!(found.moves.len() as u64 <= max_moves.unwrap_or(u64::MAX));
        prop_assert_eq!((used(&state.cluster), used(&cluster)), (found.used_before, found.used_after));
        prop_assert!(found.used_after <= found.used_before);
        prop_assert!(found.used_after >= found.lower_bound.expect("the tasks lie there").instances);
        prop_assert_eq!(found.emptied.len() as u64, found.used_before - found.used_after);
        for site in &found.emptied {
            let instance = cluster.instance(site.instance).expect("it stays registered");
            prop_assert!(instance.tasks().all(|task| task.spec().kind == TaskKind::Daemon));
        }
        for (id, request) in &state.requests {
            let Some(task) = now.get(id).and_then(|now| cluster.task(*now)) else { continue };
            for constraint in request.all_constraints() {
                match constraint {
                    PlacementConstraint::MemberOf(expression) => prop_assert!(expression.matches(&task.instance())),
                    PlacementConstraint::DistinctInstance => {
                        prop_assert_eq!(task.instance().group_count(task.group()), 1);
                    }
                    _ => {}
                }
            }
        }
    }
}
