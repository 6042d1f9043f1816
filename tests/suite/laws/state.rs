//! What the cluster's state keeps true, whatever happens to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::laws::{self, History};
use scheduler_core::{
    Cluster, ClusterSnapshot, ContainerInstance, InstanceId, Placement, ReleaseOn, Resources, SeededDraw, TaskId,
};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_books_add_up_after_every_operation(history in laws::history(40)) {
        let mut run = history.begin();
        for operation in &history.operations {
            let _ = run.apply(operation);
            prop_assert_eq!(run.cluster.audit(), Ok(()), "{:?}", operation);
        }
    }

    #[test]
    fn a_call_that_errs_changes_nothing(history in laws::history(40)) {
        let mut run = history.begin();
        for operation in &history.operations {
            let before = run.cluster.snapshot();
            if run.apply(operation).is_err() {
                prop_assert_eq!(run.cluster.snapshot(), before);
                prop_assert_eq!(run.cluster.audit(), Ok(()));
            }
        }
    }

    #[test]
    fn start_then_stop_restores_the_state_but_for_the_counter(history in laws::history(25)) {
        let mut cluster = history.replay();
        let before = cluster.snapshot();
        for request in &history.requests {
            let Some(placement) = place(&history, &cluster, request) else { continue };
            let started = cluster.start(&placement).expect("what was just placed can be started");
            let task = started.task_id().expect("a start is about a task");
            let stopped = cluster.stop(task).expect("the task runs");
            if history.release_on == ReleaseOn::LastStopped {
                prop_assert_eq!(cluster.release(task).expect("the task is stopping").after, started.before);
            } else {
                prop_assert_eq!(stopped.after, started.before);
            }
            let after = ClusterSnapshot { next_task: before.next_task, ..cluster.snapshot() };
            prop_assert_eq!(&after, &before);
            prop_assert_eq!(cluster.audit(), Ok(()));
        }
    }

    /// A fork cannot know that nothing has changed since a placement was chosen, so it asks the instance again.
    #[test]
    fn a_placement_starts_exactly_where_a_fork_would_start_it(history in laws::history(40)) {
        let mut run = history.begin();
        for (operation, request) in history.operations.iter().zip(history.requests.iter().cycle()) {
            let chosen = place(&history, &run.cluster, request);
            let _ = run.apply(operation);
            for placement in chosen.into_iter().chain(place(&history, &run.cluster, request)) {
                let asked_again = run.cluster.fork().start(&placement);
                prop_assert_eq!(run.cluster.start(&placement), asked_again, "{:?}", operation);
            }
        }
    }

    #[test]
    fn a_restored_snapshot_is_the_same_cluster(history in laws::history(40)) {
        let cluster = history.replay();
        let snapshot = cluster.snapshot();
        let restored = Cluster::restore(snapshot.clone());
        let restored = restored.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(restored.snapshot(), snapshot);
        prop_assert_eq!(restored.audit(), Ok(()));
        for request in &history.requests {
            let placed = |cluster| place(&history, cluster, request).map(|placement| placement.instance());
            prop_assert_eq!(placed(&restored), placed(&cluster));
            let stop = |cluster| history.scheduler.choose_stop(cluster, request, &mut SeededDraw::new(history.seed));
            prop_assert_eq!(stop(&restored), stop(&cluster));
        }
    }

    #[test]
    fn a_snapshot_survives_json(history in laws::history(40)) {
        let snapshot = history.replay().snapshot();
        let text = serde_json::to_string(&snapshot).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let again = serde_json::from_str::<ClusterSnapshot>(&text);
        prop_assert_eq!(again.map_err(|error| TestCaseError::fail(error.to_string()))?, snapshot);
    }

    #[test]
    fn what_happens_to_a_fork_does_not_show_in_the_original(
        history in laws::history(25),
        later in prop::collection::vec(laws::operation(), 1..15),
    ) {
        let mut run = history.begin();
        for operation in &history.operations {
            let _ = run.apply(operation);
        }
        let original = run.cluster.snapshot();
        let mut on_fork = run.clone();
        on_fork.cluster = run.cluster.fork();
        for operation in &later {
            let _ = on_fork.apply(operation);
        }
        prop_assert_eq!(run.cluster.snapshot(), original);
        prop_assert_eq!(run.cluster.audit(), Ok(()));
        let fork = on_fork.cluster.snapshot();
        for operation in &later {
            let _ = run.apply(operation);
        }
        prop_assert_eq!(on_fork.cluster.snapshot(), fork.clone(), "nor the other way round");
        prop_assert_eq!(run.cluster.snapshot(), fork, "and the same happens to both");
    }

    #[test]
    fn handles_are_never_reused_and_ordered_by_their_giving(history in laws::history(40)) {
        let mut run = history.begin();
        let mut instances: BTreeSet<InstanceId> = run.cluster.instances().map(|instance| instance.id()).collect();
        let mut tasks = BTreeSet::<TaskId>::new();
        for operation in &history.operations {
            let _ = run.apply(operation);
            for instance in run.cluster.instances() {
                let last = instances.last().copied();
                prop_assert!(instances.contains(&instance.id()) || Some(instance.id()) > last);
            }
            for task in run.cluster.tasks() {
                prop_assert!(tasks.contains(&task.id()) || Some(task.id()) > tasks.last().copied());
            }
            // What is gone now must not come back: the sets keep all that ever were.
            instances.extend(run.cluster.instances().map(|instance| instance.id()));
            tasks.extend(run.cluster.tasks().map(|task| task.id()));
            prop_assert!(run.cluster.snapshot().next_instance.number() >= instances.len() as u64);
            prop_assert!(run.cluster.snapshot().next_task.number() >= tasks.len() as u64);
        }
    }

    #[test]
    fn resources_that_cannot_be_are_refused_by_resize(history in laws::history(10), cpu_units in (1u32 << 31)..=u32::MAX) {
        let mut cluster = history.replay();
        let before = cluster.snapshot();
        for id in cluster.instances().map(|instance| instance.id()).collect::<Vec<_>>() {
            prop_assert!(cluster.resize(id, Resources::new(cpu_units, 1024)).is_err());
        }
        prop_assert_eq!(cluster.snapshot(), before);
    }
}

fn place(history: &History, cluster: &Cluster, request: &Arc<scheduler_core::PlacementRequest>) -> Option<Placement> {
    history.scheduler.place_once(cluster, request, &mut SeededDraw::new(history.seed)).expect("the request is valid")
}

proptest! {
    #![proptest_config(cases())]

    /// The cluster's own text, which has an entry for all that it holds, does not grow any more once it has been through
    /// all sizes: four new classes a round, of which some sixty may be kept unused.
    #[test]
    fn memory_follows_what_is_present(
        fleet in std::array::from_fn::<_, 4, _>(|number| laws::container_instance_named(format!("i-{number}"))),
        requests in prop::collection::vec(laws::placement_request().prop_map(Arc::new), 1..=2),
    ) {
        let mut cluster = Cluster::default();
        let mut prepared = requests
            .iter()
            .map(|request| scheduler_core::Scheduler::default().prepare(&mut cluster, Arc::clone(request)))
            .collect::<Result<Vec<_>, _>>()
            .expect("requests are valid");
        let (mut early, mut late) = (0, 0);
        for round in 0..140 {
            churn(&mut cluster, &fleet, &mut prepared, round);
            match round {
                40..80 if round % 4 == 0 => early = early.max(format!("{cluster:?}").len()),
                100..140 if round % 4 == 0 => late = late.max(format!("{cluster:?}").len()),
                _ => {}
            }
        }
        prop_assert!(late <= early + early / 4 + 200, "{} grew to {}", early, late);
    }
}

/// All instances join under names never seen before, run tasks, and leave.
fn churn(
    cluster: &mut Cluster,
    fleet: &[ContainerInstance],
    prepared: &mut [scheduler_core::PreparedRequest],
    round: usize,
) {
    let mut draw = SeededDraw::new(round as u64);
    let mut ids = Vec::new();
    for instance in fleet {
        let renamed = ContainerInstance::builder(format!("{}-{round}", instance.name()))
            .zone(instance.zone())
            .resources(instance.resources().clone())
            .attribute("host", format!("{}-{round}", instance.name()))
            .without_capabilities()
            .build()
            .expect("a renamed instance is valid");
        ids.push(cluster.register(renamed).expect("the name is new").instance);
    }
    for prepared in prepared {
        prepared.place_many(cluster, 3, &mut draw);
    }
    for id in ids {
        cluster.deregister_force(id).expect("the instance is registered");
    }
}

/// Found by hand: `ALL` was held against the GPUs registered now, not against those at the task's start.
#[test]
fn a_task_with_all_gpus_survives_growth_and_restart() {
    let with_gpus = |count| Resources::new(1024, 1024).with_gpus(count);
    let mut cluster = Cluster::default();
    let instance = ContainerInstance::builder("i-0").zone("us-east-1a").resources(with_gpus(2)).build().expect("valid");
    let id = cluster.register(instance).expect("the first").instance;
    let group = scheduler_core::TaskGroup::new("family:job").expect("valid");
    let request = scheduler_core::PlacementRequest::new(scheduler_core::Demand::default().with_all_gpus(), group);
    cluster.start(&Placement::start_task(id, request)).expect("both GPUs are free");
    cluster.resize(id, with_gpus(4)).expect("it only grows");
    let restored = Cluster::restore(cluster.snapshot()).expect("a snapshot can be restored");
    assert_eq!(restored.snapshot(), cluster.snapshot());
    assert_eq!(restored.audit(), Ok(()));
}
