//! What can only grow or only shrink: constraints take candidates away, capacity brings them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scheduler_core::laws::{self, History};
use scheduler_core::{Cluster, InstanceId, PlacementConstraint, PlacementRequest, Resources, SeededDraw};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_constraint_only_shrinks_the_feasible_set(
        history in laws::history(20),
        constraint in laws::placement_constraint(),
    ) {
        let cluster = history.replay();
        for request in &history.requests {
            let stricter = request.as_ref().clone().constraint(constraint.clone());
            let (fewer, more) = (eligible(&history, &cluster, &stricter), eligible(&history, &cluster, request));
            prop_assert!(fewer.is_subset(&more), "{:?} of {:?}", fewer, more);
            // So does whoever is chosen.
            let chosen = chosen(&history, &cluster, &stricter);
            prop_assert!(chosen.is_none_or(|id| more.contains(&id)));
        }
    }

    #[test]
    fn two_constraints_leave_what_both_leave(
        history in laws::history(15),
        first in laws::placement_constraint(),
        second in laws::placement_constraint(),
    ) {
        let cluster = history.replay();
        let with = |constraints: &[&PlacementConstraint]| {
            let request = history.requests[0].as_ref().clone();
            eligible(&history, &cluster, &request.constraints(constraints.iter().copied().cloned()))
        };
        let both: BTreeSet<_> = with(&[&first]).intersection(&with(&[&second])).copied().collect();
        prop_assert_eq!(with(&[&first, &second]), both);
    }

    #[test]
    fn more_capacity_never_makes_a_placeable_request_unplaceable(
        history in laws::history(20),
        more in laws::container_instance(),
    ) {
        let mut cluster = history.replay();
        let could = placeable(&history, &cluster);
        let _ = cluster.register(more);
        prop_assert!(could.is_subset(&placeable(&history, &cluster)), "by another instance");
        let could = placeable(&history, &cluster);
        for id in cluster.instances().map(|instance| instance.id()).collect::<Vec<_>>() {
            let old = cluster.instance(id).expect("registered").description().resources().clone();
            let grow = |amount: u32| amount.saturating_add(512).min(i32::MAX as u32);
            let larger = Resources::new(grow(old.cpu_units()), grow(old.memory_mib()))
                .with_gpu_ids(old.gpu_ids().to_vec())
                .with_reserved_ports(old.reserved_ports().clone());
            let _ = cluster.resize(id, larger);
        }
        prop_assert!(could.is_subset(&placeable(&history, &cluster)), "by larger instances");
        let could = placeable(&history, &cluster);
        for id in cluster.instances().map(|instance| instance.id()).collect::<Vec<_>>() {
            let _ = (cluster.reactivate(id), cluster.connect_agent(id), cluster.return_failed(id));
        }
        prop_assert!(could.is_subset(&placeable(&history, &cluster)), "by instances coming back");
    }

    #[test]
    fn a_stopped_task_never_makes_a_placeable_request_without_expressions_unplaceable(history in laws::history(25)) {
        let mut cluster = history.replay();
        let tasks: Vec<_> = cluster.tasks().map(|task| task.id()).collect();
        for task in tasks {
            let could = placeable(&history, &cluster);
            let _ = cluster.stop(task);
            let can = placeable(&history, &cluster);
            // An expression may ask for company: `task:group == service:web`.
            let asks = |index: &usize| {
                let constraints = history.requests[*index].all_constraints();
                constraints.iter().any(|it| matches!(it, PlacementConstraint::MemberOf(it) if it.reads_tasks()))
            };
            prop_assert!(could.difference(&can).all(asks));
        }
    }
}

fn eligible(history: &History, cluster: &Cluster, request: &PlacementRequest) -> BTreeSet<InstanceId> {
    history.scheduler.explain(cluster, request).eligible().map(|instance| instance.id).collect()
}

fn chosen(history: &History, cluster: &Cluster, request: &PlacementRequest) -> Option<InstanceId> {
    let placed = history.scheduler.place_once(cluster, request, &mut SeededDraw::new(history.seed));
    placed.expect("the request is valid").map(|placement| placement.instance())
}

/// Which of the history's requests find an instance.
fn placeable(history: &History, cluster: &Cluster) -> BTreeSet<usize> {
    let requests = history.requests.iter().enumerate();
    requests.filter(|(_, request)| chosen(history, cluster, request).is_some()).map(|(index, _)| index).collect()
}
