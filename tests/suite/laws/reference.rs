//! The engine and the reference answer alike, after every operation of every history.

use proptest::prelude::*;
use scheduler_core::{FailedCheck, InstanceId, Scheduler, laws};
use scheduler_tests::reference;

use super::cases;
use super::twin::{Twin, follow, same_books, same_state};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_cluster_holds_what_the_reference_holds(history in laws::history(40)) {
        follow(&history, |twin| {
            same_state(&twin.run.cluster.snapshot(), &twin.reference)?;
            same_books(twin)
        })?;
    }

    #[test]
    fn placement_equals_reference_placement(history in laws::history(30)) {
        follow(&history, same_placements)?;
    }

    #[test]
    fn refusals_and_explanations_equal_the_reference(history in laws::history(30)) {
        follow(&history, same_refusals)?;
    }

    #[test]
    fn the_task_to_stop_equals_the_reference(history in laws::history(40)) {
        follow(&history, same_stops)?;
    }

    #[test]
    fn room_is_the_number_of_tasks_that_can_be_started_one_after_another(history in laws::history(20)) {
        let mut twin = Twin::new(&history);
        for operation in &history.operations {
            twin.apply(operation)?;
        }
        same_room(&twin)?;
    }
}

/// By the prepared requests, which have followed the cluster since before its first instance, and by the scan.
fn same_placements(twin: &mut Twin) -> Result<(), TestCaseError> {
    for (index, request) in twin.requests().iter().enumerate() {
        let (mut engine, mut plain) = twin.draws();
        let mut once = engine.clone();
        let expected = reference::place(&twin.reference, request, &twin.rules, &mut plain);
        let by_prepared = twin.run.prepared[index].place(&twin.run.cluster, &mut engine);
        prop_assert_eq!(by_prepared.map(|placement| placement.instance()), expected, "prepared: {:?}", request);
        let by_scan =
            twin.run.scheduler.place_once(&twin.run.cluster, request, &mut once).expect("the request is valid");
        prop_assert_eq!(by_scan.map(|placement| placement.instance()), expected, "once: {:?}", request);
    }
    Ok(())
}

fn same_refusals(twin: &mut Twin) -> Result<(), TestCaseError> {
    let (cluster, reference) = (&twin.run.cluster, &twin.reference);
    let scheduler = Scheduler::default();
    for request in &twin.requests() {
        let explanation = scheduler.explain(cluster, request);
        let eligible: Vec<InstanceId> = explanation.eligible().map(|instance| instance.id).collect();
        prop_assert_eq!(eligible, reference::eligible(reference, request));
        for (actual, expected) in explanation.instances().iter().zip(reference.present()) {
            prop_assert_eq!(actual.id, expected.id);
            let failures: Vec<_> = actual.failures.iter().map(|failed| (failed.check(), shortfall(failed))).collect();
            prop_assert_eq!(failures, reference::failures(expected, request));
        }
        let expected = reference::refusal(reference, request);
        let refusal = scheduler.refusal(cluster, request);
        prop_assert_eq!(refusal.as_ref(), explanation.refusal());
        let actual = refusal.map(|refusal| reference::Refusal {
            check: refusal.check(),
            closest: refusal.closest().map(|closest| (closest.id, shortfall(&closest.failed))),
        });
        prop_assert_eq!(actual, expected, "{:?}", request);
    }
    Ok(())
}

fn shortfall(failed: &FailedCheck) -> i64 {
    i64::try_from(failed.shortfall()).expect("amounts have 31 bits")
}

fn same_stops(twin: &mut Twin) -> Result<(), TestCaseError> {
    for request in twin.requests() {
        let (mut engine, mut plain) = twin.draws();
        let expected = reference::choose_stop(&twin.reference, &request, &twin.rules, &mut plain);
        let actual = twin.run.scheduler.choose_stop(&twin.run.cluster, &request, &mut engine);
        prop_assert_eq!(actual, expected, "{:?}", request);
    }
    Ok(())
}

fn same_room(twin: &Twin) -> Result<(), TestCaseError> {
    const AT_MOST: u32 = 9;
    for request in twin.requests() {
        let mut total = Some(0);
        for room in twin.run.cluster.room_for(&request) {
            let (tasks, limited_by) = reference::room(&twin.reference, room.instance, &request, AT_MOST);
            prop_assert_eq!(room.tasks.unwrap_or(u32::MAX).min(AT_MOST), tasks, "{:?} of {:?}", room, request);
            if tasks < AT_MOST {
                prop_assert_eq!(room.limited_by, limited_by);
            }
            total = total.zip(room.tasks).map(|(total, tasks)| total + u64::from(tasks));
        }
        prop_assert_eq!(twin.run.cluster.total_room_for(&request), total);
    }
    Ok(())
}
