//! The embedder's door: a rule or constraint of their own, written only with what is public, is as good as a built-in.

use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::laws;
use scheduler_core::{
    BinpackField, Candidates, CustomConstraint, Draw, InstanceView, Placement, PlacementConstraint, PlacementPolicy,
    PlacementStrategy, PolicyContext, SeededDraw, SpreadField, Strategy as PlacementRules,
};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_custom_rule_does_what_the_built_in_does(
        history in laws::history(20),
        rules in prop::collection::vec(laws::placement_rule(), 1..=4),
    ) {
        let cluster = history.replay();
        let own = rules.iter().map(|rule| match rule {
            PlacementStrategy::Random => PlacementStrategy::Random,
            built_in => PlacementStrategy::Custom(Arc::new(Mirror(built_in.clone()))),
        });
        let own = PlacementRules::chain(own).expect("one to four rules");
        let built_in = PlacementRules::chain(rules.clone()).expect("one to four rules");
        // The mirror counts all revisions.
        let scheduler = scheduler_core::Scheduler::default().with_tie_break(history.scheduler.tie_break());
        for request in &history.requests {
            let placed = |strategy: &PlacementRules| {
                let request = request.as_ref().clone().strategy(strategy.clone());
                let placed = scheduler.place_once(&cluster, &request, &mut SeededDraw::new(history.seed));
                placed.expect("the request is valid").map(|placement| placement.instance())
            };
            prop_assert_eq!(placed(&own), placed(&built_in));
        }
    }

    #[test]
    fn a_custom_constraint_binds_like_the_built_in(history in laws::history(20)) {
        let cluster = history.replay();
        for request in &history.requests {
            let placed = |constraint| {
                let request = request.as_ref().clone().constraint(constraint);
                let placed = history.scheduler.place_once(&cluster, &request, &mut SeededDraw::new(history.seed));
                let placed = placed.expect("the request is valid");
                let started = placed.as_ref().map(|placement| cluster.fork().start(placement).is_ok());
                let refused = history.scheduler.refusal(&cluster, &request).is_some();
                (placed.as_ref().map(Placement::instance), started, refused)
            };
            let own = placed(PlacementConstraint::Custom(Arc::new(OnePerInstance)));
            prop_assert_eq!(own, placed(PlacementConstraint::DistinctInstance));
        }
    }
}

/// A built-in rule, done again from outside.
#[derive(Debug)]
struct Mirror(PlacementStrategy);

impl PlacementPolicy for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn narrow(&self, context: &PolicyContext<'_>, candidates: &mut Candidates<'_>, _: &mut dyn Draw) {
        let group = context.request().group();
        match &self.0 {
            PlacementStrategy::Binpack(BinpackField::Cpu) => {
                candidates.keep_least_by_key(|instance| instance.remaining().cpu_units);
            }
            PlacementStrategy::Binpack(BinpackField::Memory) => {
                candidates.keep_least_by_key(|instance| instance.remaining().memory_mib);
            }
            PlacementStrategy::Spread(SpreadField::InstanceId) => {
                candidates.keep_least_by_key(|instance| instance.group_count(group));
            }
            PlacementStrategy::Spread(SpreadField::Attribute(name)) => candidates.keep_least_by_key(|instance| {
                let value = instance.attributes().get(name);
                let alike = context.cluster().instances().filter(|other| other.attributes().get(name) == value);
                alike.map(|other| u64::from(other.group_count(group))).sum::<u64>()
            }),
            PlacementStrategy::Random | PlacementStrategy::Custom(_) => {}
        }
    }
}

/// `distinctInstance`, done again from outside.
#[derive(Debug)]
struct OnePerInstance;

impl CustomConstraint for OnePerInstance {
    fn name(&self) -> &'static str {
        "one-per-instance"
    }

    fn admits(&self, context: &PolicyContext<'_>, instance: &InstanceView<'_>) -> bool {
        instance.group_count(context.request().group()) == 0
    }
}
