//! The embedder's door: a rule or constraint of their own, written only with what is public, is as good as a built-in.

use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::laws;
use scheduler_core::{
    BinpackField, Candidates, CustomConstraint, Draw, GpuDemand, GpuSet, InstanceView, Placement, PlacementConstraint,
    PlacementPolicy, PlacementRequest, PlacementStrategy, PolicyContext, ScoringPolicy, SeededDraw, SpreadField,
    Strategy as PlacementRules,
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

    /// What is remembered of scores never shows, not on a fork that goes another way either.
    #[test]
    fn remembered_scores_are_those_that_would_be_given_now(history in laws::history(30), forks_at in 0..30usize) {
        let strategy = PlacementStrategy::Custom(Arc::new(Scored));
        let scheduler = history.scheduler.clone().with_default_strategy(strategy);
        let mut run = history.begin();
        let mut prepared: Vec<_> = history.requests.iter().map(|request| {
            let request = request.as_ref().clone().without_strategy();
            scheduler.prepare(&mut run.cluster, request).expect("the request is valid")
        }).collect();
        let mut fork = run.cluster.fork();
        for (number, operation) in history.operations.iter().enumerate() {
            if number == forks_at {
                fork = run.cluster.fork();
            }
            let _ = run.apply(operation);
            for prepared in &mut prepared {
                for cluster in [&mut run.cluster, &mut fork] {
                    let draw = || SeededDraw::new(history.seed);
                    let placed = prepared.place(cluster, &mut draw());
                    let anew = scheduler.place_once(cluster, prepared.request(), &mut draw());
                    let anew = anew.expect("the request is valid");
                    prop_assert_eq!(placed.as_ref(), anew.as_ref());
                    if let Some(placement) = placed {
                        prop_assert!(cluster.start(&placement).is_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn a_policy_chooses_among_the_gpus_that_have_room(history in laws::history(30)) {
        let mut cluster = history.replay();
        for request in &history.requests {
            let last = PlacementStrategy::Custom(Arc::new(LastGpus));
            let request = request.as_ref().clone().strategy(last);
            let placed = history.scheduler.place_once(&cluster, &request, &mut SeededDraw::new(history.seed));
            let Some(placement) = placed.expect("the request is valid") else { continue };
            let left: Vec<u32> = {
                let instance = cluster.instance(placement.instance()).expect("it was chosen");
                instance.free_gpu_millis().collect()
            };
            let change = cluster.start(&placement).expect("what was just placed can be started");
            let held: Vec<usize> = change.task.expect("a start is about a task").gpu_indices.iter().collect();
            prop_assert_eq!(cluster.audit(), Ok(()));
            let wanted = request.demand().gpus.milli_of_each();
            let roomy: Vec<usize> = (0..left.len()).filter(|gpu| left[*gpu] >= wanted).collect();
            match request.demand().gpus {
                GpuDemand::Share(_) => prop_assert_eq!(&held, &roomy[roomy.len() - 1..]),
                GpuDemand::Count(count) => prop_assert_eq!(&held, &roomy[roomy.len() - count as usize..]),
                // Its answer, one GPU, may not do; then the default counts.
                GpuDemand::All => prop_assert_eq!(&held, &roomy),
            }
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

/// Prefers instances by nothing that means anything, but by all that changes.
#[derive(Debug)]
struct Scored;

impl ScoringPolicy for Scored {
    fn name(&self) -> &'static str {
        "scored"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let remaining = instance.remaining();
        let tasks = instance.tasks().map(|task| task.id().number() + 1).sum::<u64>();
        let attributes = instance.attributes().iter().count() as u64;
        let amounts = u64::from(remaining.cpu_units % 7) + u64::from(remaining.gpu_milli % 11) * 3;
        let mixed = amounts + tasks * 5 + attributes + u64::from(request.demand().cpu_units);
        i64::try_from(mixed % 13).expect("it is below 13")
    }
}

/// Chooses the last GPUs that have room, and of `ALL` one too few.
#[derive(Debug)]
struct LastGpus;

impl PlacementPolicy for LastGpus {
    fn name(&self) -> &'static str {
        "last-gpus"
    }

    fn narrow(&self, _: &PolicyContext<'_>, _: &mut Candidates<'_>, _: &mut dyn Draw) {}

    fn choose_gpus(
        &self,
        context: &PolicyContext<'_>,
        instance: &InstanceView<'_>,
        _: &mut dyn Draw,
    ) -> Option<GpuSet> {
        let demand = context.request().demand().gpus;
        let count = match demand {
            GpuDemand::Count(count) => count as usize,
            GpuDemand::Share(_) => 1,
            GpuDemand::All => instance.free_gpus().len() as usize - 1,
        };
        let left: Vec<u32> = instance.free_gpu_millis().collect();
        let roomy = (0..left.len()).rev().filter(|gpu| left[*gpu] >= demand.milli_of_each());
        Some(roomy.take(count).collect())
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
