//! RunTask and StartTask: their limits, and their lists of tasks and failures.

use proptest::prelude::*;
use scheduler_core::laws::{self, nth_instance};
use scheduler_core::{
    CALL_LIMIT, CallError, Check, FailedCheck, InstanceStatus, PlacementConstraint, RequestError, SeededDraw,
};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn run_task_starts_one_after_another_and_then_lists_every_candidate(
        history in laws::history(20),
        count in 0..=12usize,
    ) {
        for request in &history.requests {
            let mut cluster = history.replay();
            let before = cluster.snapshot();
            let mut draw = SeededDraw::new(history.seed);
            let outcome = history.scheduler.run_task(&mut cluster, request, count, &mut draw.clone());
            let is_candidate = |instance: &scheduler_core::InstanceView<'_>| {
                let provider = request.capacity_provider_name();
                instance.is_present()
                    && instance.status() == InstanceStatus::Active
                    && (provider.is_none() || provider == instance.description().capacity_provider())
            };
            let outcome = match outcome {
                Err(error) => {
                    let expected = if (1..=CALL_LIMIT).contains(&count) {
                        CallError::NoContainerInstances
                    } else {
                        CallError::CountOutOfRange { given: count, limit: 10 }
                    };
                    prop_assert_eq!(error, expected.clone());
                    prop_assert!(expected != CallError::NoContainerInstances || !cluster.instances().any(|it| is_candidate(&it)));
                    prop_assert_eq!(cluster.snapshot(), before);
                    continue;
                }
                Ok(outcome) => outcome,
            };
            prop_assert!((1..=CALL_LIMIT).contains(&count));
            let mut singly = history.replay();
            for change in &outcome.started {
                let placed = history.scheduler.place_once(&singly, request, &mut draw).expect("valid");
                let placement = placed.expect("RunTask found an instance here");
                prop_assert_eq!(&singly.start(&placement).expect("just placed"), change);
            }
            prop_assert_eq!(singly.snapshot(), cluster.snapshot());
            prop_assert_eq!(outcome.started.len() == count, outcome.failures.is_empty());
            if outcome.started.len() < count {
                // C-48: one entry for each candidate, in registration order, with its own first failing check.
                let explanation = history.scheduler.explain(&cluster, request);
                let expected: Vec<_> = explanation
                    .instances()
                    .iter()
                    .filter(|it| cluster.instance(it.id).is_some_and(|instance| is_candidate(&instance)))
                    .map(|it| (it.id, it.name.clone(), it.failures[0].check().reason()))
                    .collect();
                let failures = outcome.failures.iter();
                let actual: Vec<_> = failures.map(|failure| (failure.instance, failure.name.clone(), failure.reason)).collect();
                prop_assert_eq!(actual, expected);
            }
        }
    }

    #[test]
    fn start_task_asks_each_instance_for_resources_attributes_location_and_agent(
        history in laws::history(20),
        indices in prop::collection::vec(0..12usize, 0..=12),
    ) {
        let mut cluster = history.replay();
        let before = cluster.snapshot();
        let request = &history.requests[0];
        let instances: Vec<_> = indices.iter().map(|index| nth_instance(&cluster, *index)).collect();
        let outcome = history.scheduler.start_task(&mut cluster, request, &instances);
        if !(1..=CALL_LIMIT).contains(&instances.len()) {
            prop_assert_eq!(outcome, Err(CallError::InstancesOutOfRange { given: instances.len(), limit: 10 }));
            prop_assert_eq!(cluster.snapshot(), before);
            return Ok(());
        }
        let outcome = outcome.expect("the request is valid");
        let mut expected = history.replay();
        let (mut started, mut failures) = (Vec::new(), Vec::new());
        for id in instances {
            let explanation = history.scheduler.explain(&expected, request);
            let asked = |check: Check| {
                check >= Check::Cpu
                    && !matches!(check, Check::MemberOf | Check::DistinctInstance | Check::MaxTasksPerInstance)
            };
            let found = explanation.instances().iter().find(|instance| instance.id == id);
            let reason = match found {
                None if expected.instance(id).is_none() => Some("MISSING"),
                None => Some("INACTIVE"),
                Some(found) => {
                    found.failures.iter().map(FailedCheck::check).find(|check| asked(*check)).map(Check::reason)
                }
            };
            if let Some(reason) = reason {
                failures.push((id, reason));
            } else {
                let placement = scheduler_core::Placement::start_task(id, request.clone());
                started.push(expected.start(&placement).expect("nothing speaks against it"));
            }
        }
        prop_assert_eq!(outcome.started, started);
        let actual: Vec<_> = outcome.failures.iter().map(|failure| (failure.instance, failure.reason)).collect();
        prop_assert_eq!(actual, failures);
        prop_assert_eq!(cluster.snapshot(), expected.snapshot());
    }

    #[test]
    fn a_request_with_too_many_constraints_is_refused_everywhere(history in laws::history(8), extra in 0..3usize) {
        let mut cluster = history.replay();
        let before = cluster.snapshot();
        let own = history.requests[0].all_constraints().iter();
        let of_ecs = own.filter(|it| !matches!(it, PlacementConstraint::MaxTasksPerInstance(_))).count();
        let missing = 10 - of_ecs;
        let many = std::iter::repeat_n(PlacementConstraint::DistinctInstance, missing + extra);
        let request = history.requests[0].as_ref().clone().constraints(many);
        let expected = match extra {
            0 => Ok(()),
            _ => Err(RequestError::TooManyConstraints { given: 10 + extra, limit: 10 }),
        };
        let draw = &mut SeededDraw::new(0);
        prop_assert_eq!(request.validate(), expected.clone());
        prop_assert_eq!(history.scheduler.prepare(&mut cluster, request.clone()).map(drop), expected.clone());
        prop_assert_eq!(history.scheduler.place_once(&cluster, &request, draw).map(drop), expected.clone());
        if let Err(error) = expected {
            prop_assert_eq!(history.scheduler.run_task(&mut cluster, &request, 1, draw), Err(CallError::Request(error)));
            prop_assert_eq!(cluster.snapshot(), before);
        }
    }
}
