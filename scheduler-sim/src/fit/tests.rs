use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::{
    Check, Cluster, ContainerInstance, Demand, GpuDemand, Placement, PlacementRequest, PlacementStrategy, Resources,
    Scheduler, SeededDraw, TaskGroup, TaskKind,
};

use super::{Fit, LeftOver, Tasks, fit};
use crate::simulation::{Plan, Pulse, State, plain_request, state_at};
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

fn state(text: &str, strategy: &str) -> (State, Vec<(String, PlacementRequest)>) {
    let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let spec: Spec = strategy.parse().expect("a strategy");
    let plan = Plan::new(&survey, &survey.header.settings, &spec);
    let state = state_at(&plan, source.events(&survey).expect("readable"), 0, &Pulse::default()).expect("it runs");
    let definitions = survey.header.definitions.iter();
    let requests = definitions.map(|it| (it.core.family().to_owned(), plain_request(&spec, it))).collect();
    (state, requests)
}

/// Places on each instance of a fork until it refuses, and holds that against what was found; nothing is placed beyond
/// 200 tasks an instance, where nothing limits.
fn check_by_placing(cluster: &Cluster, request: &PlacementRequest, found: &Fit, told: &str) {
    let request = Arc::new(request.clone());
    let mut fork = cluster.fork();
    for room in &found.instances {
        let mut placed = 0_u64;
        while placed < 200 && fork.start(&Placement::run_task_on(room.instance, Arc::clone(&request))).is_ok() {
            placed += 1;
        }
        assert_eq!(room.tasks.min(Tasks::Most(200)), Tasks::Most(placed), "{told} on {}", room.name);
        let view = fork.instance(room.instance).expect("present");
        if room.tasks != Tasks::Any {
            let remaining = view.remaining();
            let left = LeftOver {
                cpu_units: remaining.cpu_units.into(),
                memory_mib: remaining.memory_mib.into(),
                gpu_milli: remaining.gpu_milli.into(),
            };
            assert_eq!(room.left_over, left, "{told} on {}", room.name);
        }
    }
    let explanation = Scheduler::default().explain(&fork, &request);
    for (room, said) in found.instances.iter().zip(explanation.instances()) {
        assert_eq!(
            room.limited_by,
            said.failures.first().map(scheduler_core::FailedCheck::check),
            "{told} on {}",
            room.name
        );
    }
    assert_eq!(found.limits.iter().map(|limit| limit.instances).sum::<u64>(), found.instances.len() as u64);
    assert_eq!(found.zones.iter().map(|zone| zone.instances).sum::<u64>(), found.instances.len() as u64);
}

const MIXED: &str = r#"{"version":1,
"containerInstances":[
  {"ec2InstanceId":"plain","availabilityZone":"a","registeredResources":{"cpu":1000,"memory":2000}},
  {"ec2InstanceId":"busy","availabilityZone":"b","registeredResources":{"cpu":1000,"memory":2000}},
  {"ec2InstanceId":"gpus","availabilityZone":"b","registeredResources":{"cpu":1000,"memory":2000,"gpu":3}},
  {"ec2InstanceId":"drained","availabilityZone":"c","registeredResources":{"cpu":1000,"memory":2000},"status":"DRAINING"}],
"taskDefinitions":[
  {"family":"cpu","cpu":300,"memory":10},
  {"family":"memory","cpu":10,"memory":700},
  {"family":"nothing","cpu":0,"memory":0},
  {"family":"ports","cpu":10,"memory":10,"ports":[80]},
  {"family":"gpu","cpu":10,"memory":10,"gpu":2},
  {"family":"share","cpu":10,"memory":10,"gpu":1,"gpuMilli":400},
  {"family":"few","cpu":10,"memory":10,"maxTasksPerInstance":3},
  {"family":"alone","cpu":10,"memory":10,"placementConstraints":[{"type":"memberOf","expression":"not(task:group == family:alone)"}]},
  {"family":"crowd","cpu":10,"memory":10,"placementConstraints":[{"type":"memberOf","expression":"runningTasksCount < 5"}]},
  {"family":"huge","cpu":5000,"memory":10}],
"tasks":[
  {"taskArn":"t1","taskDefinitionArn":"memory","containerInstanceArn":"busy"},
  {"taskArn":"t2","taskDefinitionArn":"ports","containerInstanceArn":"busy"},
  {"taskArn":"t3","taskDefinitionArn":"alone","containerInstanceArn":"busy"},
  {"taskArn":"t4","taskDefinitionArn":"few","containerInstanceArn":"busy"},
  {"taskArn":"t5","taskDefinitionArn":"share","containerInstanceArn":"gpus"}]}"#;

#[test]
fn so_many_fit_as_are_placed_until_one_is_refused() {
    let expected = BTreeMap::from([
        ("cpu", Tasks::Most(9)),
        ("memory", Tasks::Most(5)),
        ("nothing", Tasks::Any),
        ("ports", Tasks::Most(2)),
        // One of three has a share taken.
        ("gpu", Tasks::Most(1)),
        ("share", Tasks::Most(5)),
        ("few", Tasks::Most(8)),
        ("alone", Tasks::Most(2)),
        // One runs four already, one runs one.
        ("crowd", Tasks::Most(5 + 1 + 4)),
        ("huge", Tasks::NONE),
    ]);
    let (state, requests) = state(MIXED, "as-written");
    for (family, request) in &requests {
        let found = fit(&state.cluster, request, None);
        check_by_placing(&state.cluster, request, &found, family);
        let drained = found.instances.last().expect("four");
        assert_eq!((drained.tasks, drained.limited_by), (Tasks::NONE, Some(Check::Status)), "{family}");
        // Where nothing limits, it is said so of the sum, too.
        assert_eq!(found.tasks, expected[&**family], "{family}");
    }
}

#[test]
fn one_task_per_host_is_a_constraint_that_binds() {
    let (state, requests) = state(MIXED, "one-task-per-host");
    for (family, request) in &requests {
        let found = fit(&state.cluster, request, None);
        check_by_placing(&state.cluster, request, &found, family);
        assert!(found.instances.iter().all(|room| room.tasks <= Tasks::Most(1)), "{family}");
    }
}

#[test]
fn a_task_that_takes_all_gpus_leaves_none_over() {
    let mut cluster = Cluster::default();
    for (name, gpus) in [("one", 1), ("four", 4)] {
        let resources = Resources::new(100, 100).with_gpus(gpus);
        let instance = ContainerInstance::builder(name).zone("a").resources(resources).build().expect("sound");
        cluster.register(instance).expect("new");
    }
    let demand = Demand { gpus: GpuDemand::All, ..Demand::new(1, 1) };
    let request = PlacementRequest::new(demand, TaskGroup::family("x").expect("a name"));
    let found = fit(&cluster, &request, None);
    check_by_placing(&cluster, &request, &found, "all GPUs");
    assert_eq!((found.tasks, found.limits[0].left_over.gpu_milli), (Tasks::Most(2), 0));
}

#[test]
fn an_empty_cluster_takes_nothing() {
    let request = PlacementRequest::new(Demand::default(), TaskGroup::family("x").expect("a name"));
    let found = fit(&Cluster::default(), &request, Some(&BTreeMap::new()));
    assert_eq!((found.tasks, found.even_tasks), (Tasks::NONE, Some(Tasks::NONE)));
    assert!(found.zones.is_empty() && found.limits.is_empty() && found.instances.is_empty());
}

#[test]
fn only_services_with_rebalancing_are_kept_even() {
    let service =
        |name: &str, more: &str| format!(r#"{{"serviceName":"{name}","taskDefinition":"web","desiredCount":1{more}}}"#);
    let binpack = r#","placementStrategy":[{"type":"binpack","field":"memory"}]"#;
    let off = r#","availabilityZoneRebalancing":"DISABLED""#;
    let services = [service("plain", ""), service("packed", binpack), service("off", off)].join(",");
    let text = format!(
        r#"{{"version":1,"containerInstances":[{{"availabilityZone":"a","registeredResources":{{"cpu":90,"memory":90}}}}],
        "taskDefinitions":[{{"family":"web","cpu":1,"memory":1}}],"services":[{services}]}}"#
    );
    let (state, _) = state(&text, "as-written");
    let kept: Vec<_> = state.services.iter().map(|it| (it.request.group().as_str(), it.is_rebalanced)).collect();
    assert_eq!(kept, [("service:plain", true), ("service:packed", false), ("service:off", false)]);
}

/// A cluster of a zone an entry: tasks of the service there, and room for more of them.
fn zones_of(entries: &[(u32, u32)]) -> (Cluster, PlacementRequest, BTreeMap<Box<str>, u32>) {
    let mut cluster = Cluster::default();
    let group = TaskGroup::service("web").expect("a name");
    let spread = PlacementStrategy::spread_zones();
    let request = PlacementRequest::new(Demand::new(1, 1), group).kind(TaskKind::Replica).strategy(spread);
    let mut counts = BTreeMap::new();
    for (index, (running, room)) in entries.iter().enumerate() {
        let zone = format!("zone-{index}");
        let amount = running + room;
        let instance = ContainerInstance::builder(format!("i-{index}")).zone(&*zone);
        let instance = instance.resources(Resources::new(amount, amount)).build().expect("sound");
        let id = cluster.register(instance).expect("new").instance;
        for _ in 0..*running {
            cluster.start(&Placement::adopt(id, request.clone())).expect("it fits");
        }
        counts.insert(zone.into(), *running);
    }
    (cluster, request, counts)
}

/// Places one after another, each in the emptiest zone with room, until the service would be more uneven than at first
/// and than 1.
fn placed_evenly(cluster: &Cluster, request: &PlacementRequest, counts: &BTreeMap<Box<str>, u32>) -> u64 {
    let difference =
        |counts: &BTreeMap<Box<str>, u32>| counts.values().max().unwrap_or(&0) - counts.values().min().unwrap_or(&0);
    let (mut cluster, mut counts) = (cluster.fork(), counts.clone());
    let mut prepared = Scheduler::default().prepare(&mut cluster, request.clone()).expect("sound");
    let mut draw = SeededDraw::new(0);
    let mut placed = 0;
    while let Some(placement) = prepared.place(&cluster, &mut draw) {
        let before = difference(&counts);
        let zone = cluster.instance(placement.instance()).expect("present").zone().to_owned();
        *counts.get_mut(&*zone).expect("known") += 1;
        if difference(&counts) > before.max(1) {
            break;
        }
        cluster.start(&placement).expect("just placed");
        placed += 1;
    }
    placed
}

#[test]
fn the_first_full_zone_ends_an_even_service() {
    let cases: [(&[(u32, u32)], u64); 6] = [
        // (2, 2, 3) with room (1, 0, 5): one more in the first.
        (&[(2, 1), (2, 0), (3, 5)], 1),
        (&[(2, 5), (2, 5), (2, 0)], 2),
        // Uneven already: the emptier rises to the fuller, and one above it.
        (&[(5, 0), (0, 10)], 6),
        (&[(5, 2), (0, 2)], 2),
        (&[(0, 3)], 3),
        (&[(0, 0), (0, 0)], 0),
    ];
    for (entries, expected) in cases {
        let (cluster, request, counts) = zones_of(entries);
        let found = fit(&cluster, &request, Some(&counts));
        assert_eq!(found.even_tasks, Some(Tasks::Most(expected)), "{entries:?}");
        assert_eq!(placed_evenly(&cluster, &request, &counts), expected, "{entries:?}");
    }
}

proptest! {
    #[test]
    fn so_many_fit_evenly_as_are_placed_before_a_zone_gets_ahead(
        entries in prop::collection::vec((0_u32..6, 0_u32..6), 2..5)
    ) {
        let (cluster, request, counts) = zones_of(&entries);
        let found = fit(&cluster, &request, Some(&counts));
        prop_assert_eq!(found.even_tasks, Some(Tasks::Most(placed_evenly(&cluster, &request, &counts))));
        let of_zones: Tasks = found.zones.iter().filter_map(|zone| zone.even_tasks).sum();
        prop_assert_eq!(found.even_tasks, Some(of_zones));
        prop_assert!(of_zones <= found.tasks);
    }
}

/// C-61 counts the zone of an ACTIVE instance, whatever its agent does; that of a DRAINING one it does not.
#[test]
fn a_zone_whose_agents_are_away_is_one_to_keep_even() {
    let instance = |zone: &str, more: &str| {
        format!(r#"{{"availabilityZone":"{zone}","registeredResources":{{"cpu":9,"memory":9}}{more}}}"#)
    };
    let fleet = [
        instance("a", ""),
        instance("b", r#","agentConnected":false"#),
        instance("c", r#","status":"DRAINING""#),
        instance("d", r#","attributes":{"rack":"r1"}"#),
    ];
    let text = format!(
        r#"{{"version":1,"containerInstances":[{}],
        "taskDefinitions":[{{"family":"web","cpu":1,"memory":1}}],
        "services":[{{"serviceName":"web","taskDefinition":"web","desiredCount":3,"placementConstraints":[
            {{"type":"memberOf","expression":"not(attribute:rack exists)"}}]}}]}}"#,
        fleet.join(",")
    );
    let (state, _) = state(&text, "as-written");
    let service = &state.services[0];
    assert_eq!(service.zones, BTreeMap::from([("a".into(), 3), ("b".into(), 0)]));
    let found = fit(&state.cluster, &service.request, Some(&service.zones));
    assert_eq!((found.tasks, found.even_tasks), (Tasks::Most(6), Some(Tasks::NONE)));
}
