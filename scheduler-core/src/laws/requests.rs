//! Requests: demands from nothing to the impossible, constraints, strategies, and how a scheduler may be set up.

use std::num::NonZeroU32;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{CAPACITY_PROVIDERS, GROUPS, ZONES, expression, static_expression};
use crate::cluster::TaskKind;
use crate::model::{
    AttributeName, AttributeValue, Demand, GpuDemand, HostPort, HostPorts, MAX_AMOUNT, RequiredAttribute, TaskGroup,
};
use crate::placement::{PlacementConstraint, PlacementRequest, PlacementStrategy, Scheduler, SpreadField, TieBreak};

/// What one task reserves: mostly an even share of an instance or nothing of a resource, rarely more than there is.
pub fn demand() -> BoxedStrategy<Demand> {
    let cpu_units = prop_oneof![12 => select(vec![256, 0, 512, 1024, 1]), 1 => Just(MAX_AMOUNT)];
    let memory_mib = prop_oneof![12 => select(vec![256, 0, 500, 1000, 1]), 1 => Just(MAX_AMOUNT)];
    let gpus = prop_oneof![
        6 => Just(GpuDemand::Count(0)),
        2 => (1..=2u32).prop_map(GpuDemand::Count),
        1 => Just(GpuDemand::All),
        3 => select(vec![250, 500, 600, 1, 999]).prop_map(GpuDemand::Share),
        1 => Just(GpuDemand::Count(MAX_AMOUNT)),
    ];
    let ports = prop_oneof![
        5 => Just(Vec::new()),
        3 => subsequence(vec![HostPort::tcp(80), HostPort::udp(80), HostPort::tcp(8000), HostPort::tcp(22)], 1..=3),
    ];
    (cpu_units, memory_mib, gpus, ports, prop::bool::weighted(0.2))
        .prop_map(|(cpu_units, memory_mib, gpus, ports, needs_eni)| Demand {
            cpu_units,
            memory_mib,
            gpus,
            host_ports: ports.into_iter().collect::<HostPorts>(),
            needs_eni,
        })
        .boxed()
}

/// One of [`GROUPS`].
pub fn task_group() -> BoxedStrategy<TaskGroup> {
    select(GROUPS.to_vec()).prop_map(|group| TaskGroup::new(group).expect("a group of the vocabulary is valid")).boxed()
}

/// A constraint of every type but the embedder's own.
pub fn placement_constraint() -> BoxedStrategy<PlacementConstraint> {
    prop_oneof![
        2 => Just(PlacementConstraint::DistinctInstance),
        1 => (1..=3u32).prop_map(|limit| {
            PlacementConstraint::MaxTasksPerInstance(NonZeroU32::new(limit).expect("one to three is not zero"))
        }),
        3 => expression().prop_map(PlacementConstraint::MemberOf),
        1 => static_expression().prop_map(PlacementConstraint::MemberOf),
    ]
    .boxed()
}

/// One rule of ECS's types.
pub fn placement_rule() -> BoxedStrategy<PlacementStrategy> {
    let attribute = |name: &str| {
        let name = AttributeName::new(name).expect("a name of the vocabulary is valid");
        PlacementStrategy::Spread(SpreadField::Attribute(name))
    };
    select(vec![
        PlacementStrategy::spread_zones(),
        PlacementStrategy::binpack_memory(),
        PlacementStrategy::binpack_cpu(),
        PlacementStrategy::spread_instances(),
        attribute("rack"),
        attribute("stack"),
        attribute("host"),
        PlacementStrategy::Random,
    ])
    .boxed()
}

/// One to five rules.
pub fn chain() -> BoxedStrategy<crate::Strategy> {
    prop::collection::vec(placement_rule(), 1..=5)
        .prop_map(|rules| crate::Strategy::chain(rules).expect("one to five rules are a chain"))
        .boxed()
}

/// Any strategy.
pub fn strategy() -> BoxedStrategy<crate::Strategy> {
    prop_oneof![
        2 => Just(crate::Strategy::Headroom),
        2 => Just(crate::Strategy::EcsDefault),
        2 => placement_rule().prop_map(crate::Strategy::from),
        3 => chain(),
    ]
    .boxed()
}

/// Any tie-break.
pub fn tie_break() -> BoxedStrategy<TieBreak> {
    select(vec![TieBreak::Headroom, TieBreak::Stable, TieBreak::Random]).boxed()
}

/// A scheduler with any default strategy and tie-break; rarely its `spread` ignores other revisions.
pub fn scheduler() -> BoxedStrategy<Scheduler> {
    (strategy(), tie_break(), prop::bool::weighted(0.15))
        .prop_map(|(strategy, tie_break, own_revision_only)| {
            let scheduler = Scheduler::default().with_default_strategy(strategy).with_tie_break(tie_break);
            if own_revision_only { scheduler.with_spread_ignoring_other_revisions() } else { scheduler }
        })
        .boxed()
}

/// A request: any demand, group and kind, up to three constraints, and everything else that a request can ask for.
pub fn placement_request() -> BoxedStrategy<PlacementRequest> {
    let kind = select(vec![TaskKind::Replica, TaskKind::Standalone, TaskKind::Daemon]);
    let zones = prop::option::weighted(0.15, subsequence(ZONES.to_vec(), 0..=3));
    let provider = prop::option::weighted(0.12, select(CAPACITY_PROVIDERS.to_vec()));
    let definition = prop::option::of(select(vec!["web:1", "web:2"]));
    let required = prop::option::weighted(0.15, required_attribute());
    let constraints = prop_oneof![3 => Just(0..=0), 3 => Just(1..=1), 1 => Just(2..=3)]
        .prop_flat_map(|count| prop::collection::vec(placement_constraint(), count));
    ((demand(), task_group(), kind), constraints, prop::option::of(strategy()), (zones, provider, definition, required))
        .prop_map(|((demand, group, kind), constraints, strategy, (zones, provider, definition, required))| {
            let mut request = PlacementRequest::new(demand, group).kind(kind).constraints(constraints);
            if let Some(strategy) = strategy {
                request = request.strategy(strategy);
            }
            if let Some(zones) = zones {
                request = request.zones(zones);
            }
            if let Some(provider) = provider {
                request = request.capacity_provider(provider);
            }
            if let Some(definition) = definition {
                request = request.definition(definition);
            }
            match required {
                Some(required) => request.required_attribute(required),
                None => request,
            }
        })
        .boxed()
}

fn required_attribute() -> BoxedStrategy<RequiredAttribute> {
    select(vec![("ecs.capability.task-eni", None), ("stack", Some("prod")), ("rack", None), ("tier", Some("2"))])
        .prop_map(|(name, value)| RequiredAttribute {
            name: AttributeName::new(name).expect("a name of the vocabulary is valid"),
            value: value.and_then(|value| AttributeValue::new(value).ok()),
        })
        .boxed()
}
