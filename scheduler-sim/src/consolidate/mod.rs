//! Consolidation: which tasks to move so that more container instances stand empty.
//!
//! An instance is emptied whole or left alone: each of its tasks finds a place on an instance that runs something
//! already, the fullest that takes it, or all stay. Several orders in which to try the instances are gone through, each
//! once as it is and once with a second task making room for the first; the most emptied with the fewest moves wins.
//! Every move is made on a fork by the engine, which asks all checks of RunTask, and is allowed only if the service of
//! the task stands no less evenly over its Availability Zones than it did at first, or than a difference of 1.
//!
//! What is found is a list that works, not the best there is: the lower bound beside it tells how far it may be from
//! that. As in ECS, constraints are asked of the task that comes, not again of those that are there.

mod balance;
mod search;
#[cfg(test)]
mod tests;
mod trial;

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use scheduler_core::{
    Amounts, Cluster, Demand, GpuSet, InstanceId, InstanceView, Placement, ReleaseOn, TaskGroup, TaskId, TaskKind,
    TaskStatus,
};
use trial::Trial;

use crate::bounds::{self, InstanceKind, LowerBound};
use crate::simulation::State;

/// What was found.
#[derive(Debug, Clone)]
pub struct Consolidation {
    /// The moves, in an order in which each is possible when its turn comes.
    pub moves: Vec<Move>,
    /// The instances that the moves empty, in the order of their registration.
    pub emptied: Vec<Site>,
    /// Instances that run a task before, daemon tasks left out.
    pub used_before: u64,
    /// Those that do after.
    pub used_after: u64,
    /// No fewer of the present instances hold the tasks.
    pub lower_bound: Option<LowerBound>,
    /// Whether the search ended because its budget of steps was spent.
    pub is_cut_short: bool,
}

/// A task that stops on one instance and starts on another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The task's handle before the move.
    pub task: TaskId,
    /// Its name.
    pub name: Box<str>,
    /// The group it counts under.
    pub group: TaskGroup,
    /// Where it stops.
    pub from: Site,
    /// Where it starts.
    pub to: Site,
}

/// An instance as a reader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its handle.
    pub instance: InstanceId,
    /// Its name.
    pub name: Box<str>,
    /// Its Availability Zone.
    pub zone: Box<str>,
}

impl Site {
    fn of(instance: &InstanceView<'_>) -> Self {
        Self { instance: instance.id(), name: instance.name().into(), zone: instance.zone().into() }
    }
}

/// Looks for the moves that empty the most instances, at most `max_moves` of them.
///
/// Tasks that stop already, daemon tasks and tasks protected from scale-in do not move; daemon tasks keep no instance
/// from being empty. Cost: a bounded number of steps (some seconds at most), and one fork a pass.
pub fn consolidate(state: &State, max_moves: Option<u64>) -> Consolidation {
    let used_before = used_instances(&state.cluster);
    let lower_bound = lower_bound(&state.cluster, used_before);
    let target = lower_bound.map_or(0, |bound| bound.instances);
    let most_moves = max_moves.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let found = search::search(&Trial::new(state), most_moves, used_before, target);
    let (moves, after) = replay(state, &found.steps);
    let is_used = |id: InstanceId, cluster: &Cluster| cluster.instance(id).is_some_and(|instance| is_used(&instance));
    let sites = state.cluster.instances().filter(|it| is_used(it.id(), &state.cluster) && !is_used(it.id(), &after));
    let used_after = used_instances(&after);
    debug_assert!(used_after >= target, "{used_after} instances hold what {lower_bound:?} says need more");
    Consolidation {
        moves,
        emptied: sites.map(|instance| Site::of(&instance)).collect(),
        used_before,
        used_after,
        lower_bound,
        is_cut_short: found.is_cut_short,
    }
}

/// Makes the moves on a fork as an operator would, each task stopped before it starts elsewhere.
fn replay(state: &State, steps: &[(TaskId, InstanceId)]) -> (Vec<Move>, Cluster) {
    let mut fork = state.cluster.fork();
    let mut handles: IndexMap<TaskId, TaskId, FxBuildHasher> = IndexMap::default();
    let mut moves = Vec::new();
    for (task, to) in steps {
        let now = handles.get(task).copied().unwrap_or(*task);
        let view = fork.task(now).expect("only tasks that run are moved");
        let made = Move {
            task: *task,
            name: view.name().unwrap_or_default().into(),
            group: view.group().clone(),
            from: Site::of(&view.instance()),
            to: Site::of(&fork.instance(*to).expect("tasks are moved to present instances")),
        };
        end(&mut fork, now);
        let placement = Placement::run_task_on(*to, Arc::clone(&state.requests[task])).named(&*made.name);
        let change =
            fork.start(&placement.with_status(TaskStatus::Running)).expect("the move was made on a fork before");
        handles.insert(*task, change.task.expect("a start changes a task").id);
        moves.push(made);
    }
    (moves, fork)
}

/// Stops a task and frees what it holds at once; the GPUs among that.
fn end(cluster: &mut Cluster, task: TaskId) -> GpuSet {
    let change = cluster.stop(task).expect("the task runs");
    if cluster.release_on() == ReleaseOn::LastStopped {
        cluster.release(task).expect("the task is stopping");
    }
    change.task.expect("a stop changes a task").gpu_indices
}

/// Whether a task holds something there, daemon tasks left out.
fn is_used(instance: &InstanceView<'_>) -> bool {
    instance.totals().is_some_and(|totals| totals.occupying_tasks > 0)
}

fn used_instances(cluster: &Cluster) -> u64 {
    cluster.instances().filter(is_used).count() as u64
}

/// The bound for what holds resources now, on the instances present.
fn lower_bound(cluster: &Cluster, used: u64) -> Option<LowerBound> {
    let mut registered: IndexMap<Amounts, u64, FxBuildHasher> = IndexMap::default();
    for totals in cluster.instances().filter_map(|instance| instance.totals()) {
        *registered.entry(totals.registered).or_default() += 1;
    }
    let instances: Vec<_> =
        registered.into_iter().map(|(registered, count)| InstanceKind::new(registered, None, count)).collect();
    let fewest_gpus = instances.iter().map(InstanceKind::gpu_thousandths).min().unwrap_or(0);
    let mut demands: IndexMap<&Demand, u64, FxBuildHasher> = IndexMap::default();
    for task in cluster.tasks().filter(|task| task.spec().kind != TaskKind::Daemon) {
        *demands.entry(&task.spec().demand).or_default() += 1;
    }
    let tasks: Vec<_> =
        demands.into_iter().map(|(demand, count)| bounds::TaskKind::new(demand, fewest_gpus, count)).collect();
    bounds::lower_bound(&tasks, &instances, Some(used))
}
