//! What every placement keeps, whatever the strategy.

use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::laws::{self, History};
use scheduler_core::{
    Change, Cluster, InstanceId, PlacementRequest, PlacementStrategy, PreparedRequest, Scheduler, SeededDraw,
};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_placement_is_a_function_of_cluster_request_and_generator(history in laws::history(25)) {
        let (first, second) = (history.replay(), history.replay());
        prop_assert_eq!(first.snapshot(), second.snapshot());
        for request in &history.requests {
            let before = first.snapshot();
            let placed = once(&history, &first, request);
            prop_assert_eq!(placed, once(&history, &first, request), "asked again");
            prop_assert_eq!(placed, once(&history, &second, request), "on an equal cluster");
            prop_assert_eq!(first.snapshot(), before, "placing changes nothing");
        }
    }

    #[test]
    fn nobody_is_chosen_exactly_when_there_is_a_reason(history in laws::history(30)) {
        let mut run = history.begin();
        for operation in &history.operations {
            let _ = run.apply(operation);
            for request in &history.requests {
                let placed = once(&history, &run.cluster, request);
                let explanation = history.scheduler.explain(&run.cluster, request);
                prop_assert_eq!(placed.is_none(), history.scheduler.refusal(&run.cluster, request).is_some());
                prop_assert_eq!(placed.is_none(), explanation.eligible().next().is_none());
                prop_assert_eq!(placed.is_none(), run.cluster.total_room_for(request) == Some(0));
                if let Some(id) = placed {
                    prop_assert!(explanation.eligible().any(|instance| instance.id == id), "{} fails a check", id);
                }
            }
        }
    }

    #[test]
    fn a_prepared_request_answers_like_a_new_one_on_any_cluster(
        history in laws::history(20),
        other in laws::history(12),
        later in prop::collection::vec(laws::operation(), 0..10),
    ) {
        let mut run = history.begin();
        for operation in &history.operations {
            let _ = run.apply(operation);
        }
        // Prepared late, on a cluster that has instances, and asked on clusters that have gone other ways since.
        for request in &history.requests {
            run.prepared.push(history.scheduler.prepare(&mut run.cluster, Arc::clone(request)).expect("valid"));
        }
        let mut forked = run.clone();
        for operation in &later {
            let _ = forked.apply(operation);
        }
        let unrelated = other.replay();
        let mut dropped = forked.cluster.fork();
        run.prepared.truncate(history.requests.len());
        let mentioned_anew = history.scheduler.prepare(&mut dropped, other.requests[0].clone()).expect("valid");
        for cluster in [&run.cluster, &forked.cluster, &unrelated, &dropped, &run.cluster, &unrelated] {
            for prepared in run.prepared.iter_mut().chain(&mut forked.prepared) {
                same_answer(&history, cluster, prepared)?;
            }
            same_answer(&history, cluster, &mut mentioned_anew.clone())?;
        }
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one(history in laws::history(20), count in 0..12usize) {
        let cluster = history.replay();
        for request in &history.requests {
            let (mut together, mut singly) = (cluster.fork(), cluster.fork());
            let mut prepared = history.scheduler.prepare(&mut together, Arc::clone(request)).expect("valid");
            let mut draw = SeededDraw::new(history.seed);
            let changes = prepared.place_many(&mut together, count, &mut draw.clone());
            let mut expected: Vec<Change> = Vec::new();
            for _ in 0..count {
                let placed = history.scheduler.place_once(&singly, request, &mut draw).expect("valid");
                let Some(placement) = placed else { break };
                expected.push(singly.start(&placement).expect("what was just placed can be started"));
            }
            prop_assert_eq!(changes, expected);
            prop_assert_eq!(together.snapshot(), singly.snapshot());
            prop_assert_eq!(together.audit(), Ok(()));
        }
    }

    #[test]
    fn a_plan_foretells_what_placing_will_do(history in laws::history(20)) {
        let mut cluster = history.replay();
        let before = cluster.snapshot();
        let requests = || history.requests.iter().map(|request| &**request);
        let mut draw = SeededDraw::new(history.seed);
        let planned = history.scheduler.plan(&cluster, requests(), &mut draw.clone()).expect("requests are valid");
        prop_assert_eq!(cluster.snapshot(), before);
        for (request, planned) in requests().zip(planned) {
            let placed = history.scheduler.place_once(&cluster, request, &mut draw).expect("valid");
            if let Some(placement) = placed {
                prop_assert_eq!(planned.map(|it| it.instance()), Ok(placement.instance()));
                cluster.start(&placement).expect("what was just placed can be started");
            } else {
                prop_assert_eq!(planned.err(), history.scheduler.refusal(&cluster, request));
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_placements(
        history in laws::history(10),
        request in laws::placement_request(),
        seed in any::<u64>(),
    ) {
        let request = Arc::new(request.strategy(PlacementStrategy::Random));
        let homes = || {
            let mut cluster = history.replay();
            let mut prepared = Scheduler::default().prepare(&mut cluster, Arc::clone(&request)).expect("valid");
            prepared.place_many(&mut cluster, 10, &mut SeededDraw::new(seed))
        };
        prop_assert_eq!(homes(), homes());
    }

    #[test]
    fn a_stale_placement_starts_nothing(history in laws::history(20), later in prop::collection::vec(laws::operation(), 1..8)) {
        let mut run = history.begin();
        for operation in &history.operations {
            let _ = run.apply(operation);
        }
        let placements: Vec<_> = history
            .requests
            .iter()
            .filter_map(|request| {
                history.scheduler.place_once(&run.cluster, request, &mut SeededDraw::new(history.seed)).expect("valid")
            })
            .collect();
        for operation in &later {
            let _ = run.apply(operation);
        }
        for placement in placements {
            let explanation = history.scheduler.explain(&run.cluster, placement.request());
            let fits = explanation.eligible().any(|instance| instance.id == placement.instance());
            let before = run.cluster.snapshot();
            if let Ok(change) = run.cluster.start(&placement) {
                prop_assert!(fits);
                prop_assert_eq!(change.instance, placement.instance());
            } else {
                prop_assert!(!fits);
                prop_assert_eq!(run.cluster.snapshot(), before);
            }
        }
    }
}

fn once(history: &History, cluster: &Cluster, request: &PlacementRequest) -> Option<InstanceId> {
    let placed = history.scheduler.place_once(cluster, request, &mut SeededDraw::new(history.seed));
    placed.expect("the request is valid").map(|placement| placement.instance())
}

fn same_answer(history: &History, cluster: &Cluster, prepared: &mut PreparedRequest) -> Result<(), TestCaseError> {
    let expected = once(history, cluster, &Arc::clone(prepared.request()));
    let actual = prepared.place(cluster, &mut SeededDraw::new(history.seed)).map(|placement| placement.instance());
    prop_assert_eq!(actual, expected, "{:?}", prepared);
    Ok(())
}
