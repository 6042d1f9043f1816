//! What each strategy promises.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scheduler_core::laws;
use scheduler_core::{
    Cluster, ContainerInstance, Demand, InstanceId, Placement, PlacementRequest, PlacementStrategy, Scheduler,
    SeededDraw, SpreadField, Strategy as PlacementRules, TaskGroup, TaskKind, TieBreak,
};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_rule_twice_is_that_rule(
        history in laws::history(20),
        rule in laws::placement_rule(),
        tie_break in laws::tie_break(),
    ) {
        let cluster = history.replay();
        let scheduler = Scheduler::default().with_tie_break(tie_break);
        let chain = |count| PlacementRules::chain(vec![rule.clone(); count]).expect("one to five rules");
        for request in &history.requests {
            let single = request.as_ref().clone().strategy(rule.clone());
            let expected = place(&scheduler, &cluster, &single, history.seed);
            for count in [1, 2, 5] {
                let repeated = request.as_ref().clone().strategy(chain(count));
                prop_assert_eq!(place(&scheduler, &cluster, &repeated, history.seed), expected);
            }
            let default = scheduler.clone().with_default_strategy(rule.clone());
            let without = request.as_ref().clone().without_strategy();
            prop_assert_eq!(place(&default, &cluster, &without, history.seed), expected, "as the default");
        }
    }

    #[test]
    fn what_stands_behind_random_has_no_effect(
        history in laws::history(20),
        rules in prop::collection::vec(laws::placement_rule(), 0..4),
    ) {
        let cluster = history.replay();
        let alone = history.requests[0].as_ref().clone().strategy(PlacementStrategy::Random);
        let chain = std::iter::once(PlacementStrategy::Random).chain(rules);
        let followed = alone.clone().strategy(PlacementRules::chain(chain).expect("one to five rules"));
        let placed = |request| place(&history.scheduler, &cluster, request, history.seed);
        prop_assert_eq!(placed(&followed), placed(&alone));
    }

    #[test]
    fn ecs_default_is_the_chain_that_the_guide_tells(history in laws::history(20)) {
        let cluster = history.replay();
        for request in &history.requests {
            let explicit = match request.spec().kind {
                TaskKind::Standalone => PlacementRules::from(PlacementStrategy::Random),
                _ => PlacementRules::chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])
                    .expect("two rules"),
            };
            let explicit = request.as_ref().clone().kind(match request.spec().kind {
                TaskKind::Daemon => TaskKind::Replica,
                kind => kind,
            }).strategy(explicit);
            let by_name = explicit.clone().strategy(PlacementRules::EcsDefault);
            let placed = |request| place(&history.scheduler, &cluster, request, history.seed);
            prop_assert_eq!(placed(&by_name), placed(&explicit));
        }
    }

    /// Another order of registration changes the choice only where the tie-break goes by it.
    #[test]
    fn the_order_of_registration_only_breaks_ties(
        fleet in laws::fleet(6),
        request in laws::placement_request(),
        rules in prop::collection::vec(laws::placement_rule().prop_filter("no draws", |rule| *rule != PlacementStrategy::Random), 1..4),
        own_strategy in any::<bool>(),
        rotation in 0..6usize,
        homes in prop::collection::vec(0..6usize, 0..8),
    ) {
        let chain = PlacementRules::chain(rules.clone()).expect("one to three rules");
        let request = request.strategy(if own_strategy { chain } else { PlacementRules::Headroom });
        let rules = if own_strategy { rules } else { Vec::new() };
        let mut other = fleet.clone();
        other.reverse();
        other.rotate_left(rotation.min(fleet.len()));
        let (mut first, mut second) = (registered(&fleet), registered(&other));
        for cluster in [&mut first, &mut second] {
            for home in &homes {
                let id = cluster.instance_id(&format!("i-{home}"));
                let adopted = id.map(|id| Placement::adopt(id, request.clone()));
                let _ = adopted.map(|placement| cluster.start(&placement));
            }
        }
        let home = |cluster: &Cluster| {
            let id = place(&Scheduler::default(), cluster, &request, 0)?;
            cluster.instance(id).map(|instance| measures(cluster, &instance, &request, &rules))
        };
        prop_assert_eq!(home(&first), home(&second), "an instance as good as the other");
    }

    #[test]
    fn a_spread_group_that_grows_from_nothing_stays_even(
        fleet in laws::uniform_fleet(6),
        field in prop_oneof![
            Just(PlacementStrategy::spread_zones()),
            Just(PlacementStrategy::spread_instances()),
        ],
        then in laws::placement_rule(),
        tie_break in laws::tie_break(),
        seed in any::<u64>(),
    ) {
        let mut cluster = registered(&fleet);
        let chain = PlacementRules::chain([field.clone(), then]).expect("two rules");
        let request = PlacementRequest::new(Demand::new(64, 64), group("service:web")).strategy(chain);
        let mut prepared =
            Scheduler::default().with_tie_break(tie_break).prepare(&mut cluster, request.clone()).expect("valid");
        let mut draw = SeededDraw::new(seed);
        loop {
            // The law speaks only of steps at which every value has a feasible instance.
            let feasible = values(&cluster, &field, |id| {
                u32::from(cluster.room_for(&request).any(|room| room.instance == id && room.tasks != Some(0)))
            });
            if feasible.values().any(|count| *count == 0) {
                break;
            }
            let placement = prepared.place(&cluster, &mut draw).expect("somebody is feasible");
            cluster.start(&placement).expect("what was just placed can be started");
            let counts = values(&cluster, &field, |id| {
                cluster.instance(id).map_or(0, |instance| instance.group_count(request.group()))
            });
            let (least, most) = (counts.values().min(), counts.values().max());
            prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{:?}", counts);
        }
    }

    #[test]
    fn binpack_opens_no_empty_instance_while_a_used_one_fits(
        fleet in laws::uniform_fleet(6),
        by_cpu in any::<bool>(),
        demands in prop::collection::vec((1..600u32, 1..600u32), 1..20),
        tie_break in laws::tie_break(),
    ) {
        let mut cluster = registered(&fleet);
        let rule = if by_cpu { PlacementStrategy::binpack_cpu() } else { PlacementStrategy::binpack_memory() };
        let scheduler = Scheduler::default().with_tie_break(tie_break);
        for (cpu_units, memory_mib) in demands {
            let request =
                PlacementRequest::new(Demand::new(cpu_units, memory_mib), group("family:job")).strategy(rule.clone());
            let is_used = |cluster: &Cluster, id| {
                cluster.instance(id).is_some_and(|instance| instance.running_tasks_count() > 0)
            };
            let used_one_fits =
                scheduler.explain(&cluster, &request).eligible().any(|instance| is_used(&cluster, instance.id));
            let placed = scheduler.place_once(&cluster, &request, &mut SeededDraw::new(1)).expect("valid");
            let Some(placement) = placed else { continue };
            prop_assert!(!used_one_fits || is_used(&cluster, placement.instance()));
            cluster.start(&placement).expect("what was just placed can be started");
        }
    }

    #[test]
    fn distinct_instances_hold_one_task_of_the_group_each(history in laws::history(15), count in 1..9usize) {
        let mut cluster = history.replay();
        let mut request = history.requests[0].as_ref().clone();
        request = request.constraint(scheduler_core::PlacementConstraint::DistinctInstance);
        let mut prepared = history.scheduler.prepare(&mut cluster, request).expect("valid");
        let changes = prepared.place_many(&mut cluster, count, &mut SeededDraw::new(history.seed));
        for change in changes {
            let instance = cluster.instance(change.instance).expect("registered");
            prop_assert_eq!(instance.group_count(prepared.request().group()), 1);
        }
    }
}

fn group(name: &str) -> TaskGroup {
    TaskGroup::new(name).expect("a valid group")
}

fn registered(fleet: &[ContainerInstance]) -> Cluster {
    let mut cluster = Cluster::default();
    for instance in fleet {
        cluster.register(instance.clone()).expect("the names of a fleet differ");
    }
    cluster
}

fn place(scheduler: &Scheduler, cluster: &Cluster, request: &PlacementRequest, seed: u64) -> Option<InstanceId> {
    let placed = scheduler.place_once(cluster, request, &mut SeededDraw::new(seed)).expect("the request is valid");
    placed.map(|placement| placement.instance())
}

/// Sums a number of the instances by the value that a rule spreads over.
fn values(cluster: &Cluster, field: &PlacementStrategy, of: impl Fn(InstanceId) -> u32) -> BTreeMap<String, u32> {
    let mut sums = BTreeMap::new();
    for instance in cluster.instances() {
        let value = match field {
            PlacementStrategy::Spread(SpreadField::InstanceId) => instance.name(),
            _ => instance.zone(),
        };
        *sums.entry(value.to_owned()).or_insert(0) += of(instance.id());
    }
    sums
}

/// All that a rule or the headroom can prefer an instance by.
fn measures(
    cluster: &Cluster,
    instance: &scheduler_core::InstanceView<'_>,
    request: &PlacementRequest,
    rules: &[PlacementStrategy],
) -> Vec<u64> {
    let remaining = instance.remaining();
    let group_count = |it: &scheduler_core::InstanceView<'_>| u64::from(it.group_count(request.group()));
    let measured = rules.iter().map(|rule| match rule {
        PlacementStrategy::Binpack(scheduler_core::BinpackField::Cpu) => u64::from(remaining.cpu_units),
        PlacementStrategy::Binpack(scheduler_core::BinpackField::Memory) => u64::from(remaining.memory_mib),
        PlacementStrategy::Spread(SpreadField::Attribute(name)) => {
            let alike = cluster.instances().filter(|it| it.attributes().get(name) == instance.attributes().get(name));
            alike.map(|it| group_count(&it)).sum()
        }
        _ => group_count(instance),
    });
    measured.chain([instance.headroom()]).collect()
}

#[test]
fn a_tie_goes_to_the_first_registered_only_where_the_tie_break_says_so() {
    let history_of = |tie_break| -> Vec<InstanceId> {
        let instances = (0..4).map(|number| {
            let builder = ContainerInstance::builder(format!("i-{number}")).zone("us-east-1a");
            builder.resources(scheduler_core::Resources::new(1024, 1024)).build().expect("valid")
        });
        let cluster = registered(&instances.collect::<Vec<_>>());
        let request =
            PlacementRequest::new(Demand::new(1, 1), group("family:job")).strategy(PlacementStrategy::spread_zones());
        let scheduler = Scheduler::default().with_tie_break(tie_break);
        (0..40).filter_map(|seed| place(&scheduler, &cluster, &request, seed)).collect()
    };
    let first = InstanceId::from_number(0);
    for tie_break in [TieBreak::Headroom, TieBreak::Stable] {
        assert!(history_of(tie_break).iter().all(|id| *id == first));
    }
    assert_eq!(history_of(TieBreak::Random).into_iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
}
