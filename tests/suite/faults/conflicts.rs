//! Schedulers that plan side by side, each on a copy of its own, and start on one shared cluster what they chose: a choice
//! that no longer holds is refused, and nothing of it is done.

use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread;

use proptest::prelude::*;
use scheduler_core::laws::{self, Operation, Run};
use scheduler_core::{
    Cluster, ClusterSnapshot, Demand, Placement, PlacementRequest, Resources, Scheduler, SeededDraw, Strategy,
};

use super::{instance, request};

const SCHEDULERS: u64 = 4;
/// Tasks that one instance holds.
const ROOM: usize = 3;

/// Four schedulers with one strategy want the same instance, which has room for three: the fourth must think again.
#[test]
fn schedulers_that_want_the_same_room_fill_it_exactly() {
    let mut cluster = Cluster::default();
    for number in 0..8 {
        cluster.register(instance(number, Resources::new(1024, 3 * 1024))).expect("the name is new");
    }
    let room = ROOM * cluster.instance_count();
    let shared = Mutex::new(cluster);
    let all_have_planned = Barrier::new(SCHEDULERS as usize);
    let plan_and_start = |number: u64| {
        let web = request(Demand::new(256, 1024), "web").strategy(Strategy::Headroom);
        let mut draw = SeededDraw::new(number);
        let (mut started, mut refused) = (0, 0);
        loop {
            let copy = copy_of(&shared.lock().expect("nobody has panicked"), number);
            let placement = place(&copy, &web, &mut draw);
            if started + refused == 0 {
                all_have_planned.wait();
            }
            let Some(placement) = placement else { return (started, refused) };
            if start_or_leave_alone(&mut shared.lock().expect("nobody has panicked"), &placement) {
                started += 1;
            } else {
                refused += 1;
            }
        }
    };
    let (started, refused) = thread::scope(|scope| {
        let threads: Vec<_> = (0..SCHEDULERS).map(|number| scope.spawn(move || plan_and_start(number))).collect();
        let outcomes = threads.into_iter().map(|thread| thread.join().expect("a scheduler panicked"));
        outcomes.fold((0, 0), |(started, refused), one| (started + one.0, refused + one.1))
    });
    let cluster = shared.into_inner().expect("nobody has panicked");
    assert_eq!(started, room);
    assert_eq!(cluster.task_count(), room);
    assert!(refused >= 1, "the first choices of all were the same instance");
    assert!(cluster.instances().all(|instance| instance.tasks().count() == ROOM));
}

/// What was done to the shared cluster, in the order of its lock.
enum Step<'a> {
    Happened(&'a Operation),
    Started(Placement),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever wins each race, the outcome is one that a single thread could have brought about.
    #[test]
    fn what_threads_do_side_by_side_is_the_same_one_after_another(history in laws::history(40)) {
        let begun = history.begin();
        let shared = Mutex::new((begun.clone(), Vec::new()));
        thread::scope(|scope| {
            for number in 0..2 {
                let (shared, history) = (&shared, &history);
                scope.spawn(move || {
                    let mut draw = SeededDraw::new(history.seed ^ number);
                    for request in history.requests.iter().cycle().take(10) {
                        let copy = copy_of(&lock(shared).0.cluster, number);
                        let placed = history.scheduler.place_once(&copy, request, &mut draw);
                        let Some(placement) = placed.expect("the request is valid") else { continue };
                        let (run, steps) = &mut *lock(shared);
                        let explanation = history.scheduler.explain(&run.cluster, request);
                        let is_legal = explanation.eligible().any(|instance| instance.id == placement.instance());
                        assert_eq!(start_or_leave_alone(&mut run.cluster, &placement), is_legal);
                        if is_legal {
                            steps.push(Step::Started(placement));
                        }
                    }
                });
            }
            for operation in &history.operations {
                let (run, steps) = &mut *lock(&shared);
                let _ = run.apply(operation);
                steps.push(Step::Happened(operation));
            }
        });
        let (run, steps) = shared.into_inner().expect("nobody has panicked");
        prop_assert_eq!(one_after_another(begun, &steps), run.cluster.snapshot());
    }
}

fn one_after_another(mut run: Run, steps: &[Step]) -> ClusterSnapshot {
    for step in steps {
        match step {
            Step::Happened(operation) => drop(run.apply(operation)),
            Step::Started(placement) => drop(run.cluster.start(placement).expect("it was started once before")),
        }
    }
    run.cluster.snapshot()
}

type Shared<'a> = Mutex<(Run, Vec<Step<'a>>)>;

fn lock<'a, 'b>(shared: &'b Shared<'a>) -> MutexGuard<'b, (Run, Vec<Step<'a>>)> {
    shared.lock().expect("nobody has panicked")
}

/// What a scheduler plans on: a fork, or for every other scheduler a cluster made from a snapshot.
fn copy_of(cluster: &Cluster, number: u64) -> Cluster {
    match number % 2 {
        0 => cluster.fork(),
        _ => Cluster::restore(cluster.snapshot()).expect("a snapshot can be restored"),
    }
}

fn place(cluster: &Cluster, request: &PlacementRequest, draw: &mut SeededDraw) -> Option<Placement> {
    Scheduler::default().place_once(cluster, request, draw).expect("the request is valid")
}

/// Whether the placement was started; if it was refused, the cluster is what it was.
fn start_or_leave_alone(cluster: &mut Cluster, placement: &Placement) -> bool {
    let before = cluster.snapshot();
    let is_started = cluster.start(placement).is_ok();
    assert!(is_started || cluster.snapshot() == before, "a refused placement left a trace");
    assert_eq!(cluster.audit(), Ok(()));
    is_started
}
