//! A fork on which moves are tried, each made by the engine or not at all, and taken back if need be.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{
    Amounts, Cluster, Demand, GpuSet, InstanceId, InstanceView, Placement, PlacementConstraint, PlacementRequest,
    TaskId, TaskKind, TaskStatus,
};

use super::balance::Balance;
use super::{end, is_used};
use crate::simulation::State;

/// Steps of one pass: an instance looked at is one.
const STEP_LIMIT: u64 = 20_000_000;
/// What a question to the engine counts as.
const ENGINE_STEPS: u64 = 20;

/// A task that may move.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// Its handle before any move.
    pub(super) id: TaskId,
    handle: TaskId,
    request: Arc<PlacementRequest>,
    /// Where it was, and where it is, by position among the instances.
    pub(super) home: usize,
    pub(super) at: usize,
    /// What it takes, in one number.
    pub(super) size: u64,
    /// Whether its place depends on other tasks there.
    pub(super) reads_tasks: bool,
}

/// An instance, seen from its tasks.
#[derive(Debug, Clone)]
pub(super) struct Site {
    id: InstanceId,
    zone: Arc<str>,
    /// The tasks that may move, by position.
    pub(super) tasks: Vec<usize>,
    /// Whether nothing else keeps it from being empty.
    pub(super) can_be_emptied: bool,
    /// What it has and what is left of it, in one number.
    pub(super) registered: u64,
    free: u64,
}

/// One move made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) task: usize,
    from: usize,
    pub(super) to: usize,
    /// The GPUs that it held before.
    gpus: GpuSet,
}

#[derive(Debug, Clone)]
pub(super) struct Trial {
    cluster: Cluster,
    scale: Scale,
    balance: Balance,
    pub(super) tasks: Vec<Task>,
    pub(super) sites: Vec<Site>,
    /// Open instances that run something, the fullest first.
    receivers: BTreeSet<(u64, usize)>,
    /// The moves, in order.
    pub(super) journal: Vec<Step>,
    /// Tasks that are not where they were.
    pub(super) away: usize,
    steps_left: u64,
}

/// Makes one number of several resources: shares of the largest instance, in millionths of a binary kind.
#[derive(Debug, Clone, Copy, Default)]
struct Scale {
    most: Amounts,
}

impl Scale {
    /// Never more for less, so that who has not the size has not the room.
    fn size(self, amounts: Amounts) -> u64 {
        let share = |amount: u32, most: u32| (u64::from(amount) << 20) / u64::from(most.max(1));
        share(amounts.cpu_units, self.most.cpu_units)
            + share(amounts.memory_mib, self.most.memory_mib)
            + share(amounts.gpu_milli, self.most.gpu_milli)
    }
}

/// The least that a demand takes anywhere.
fn least(demand: &Demand) -> Amounts {
    Amounts { cpu_units: demand.cpu_units, memory_mib: demand.memory_mib, gpu_milli: demand.gpus.milli(0) }
}

fn reads_tasks(request: &PlacementRequest) -> bool {
    let reads = |constraint: &PlacementConstraint| match constraint {
        PlacementConstraint::MemberOf(expression) => expression.reads_tasks(),
        PlacementConstraint::Custom(_) => true,
        _ => false,
    };
    request.all_constraints().iter().any(reads)
}

impl Trial {
    pub(super) fn new(state: &State) -> Self {
        let cluster = state.cluster.fork();
        let mut scale = Scale::default();
        for totals in cluster.instances().filter_map(|instance| instance.totals()) {
            let Amounts { cpu_units, memory_mib, gpu_milli } = totals.registered;
            scale.most.cpu_units = scale.most.cpu_units.max(cpu_units);
            scale.most.memory_mib = scale.most.memory_mib.max(memory_mib);
            scale.most.gpu_milli = scale.most.gpu_milli.max(gpu_milli);
        }
        let (mut tasks, mut sites, mut receivers) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut zones: FxHashMap<&str, Arc<str>> = FxHashMap::default();
        for instance in cluster.instances() {
            let Some(totals) = instance.totals() else { continue };
            let index = sites.len();
            let first = tasks.len();
            tasks.extend(movable(state, &instance, index, scale));
            let free = scale.size(instance.remaining());
            if instance.is_open() && is_used(&instance) {
                receivers.insert((free, index));
            }
            let movable: Vec<usize> = (first..tasks.len()).collect();
            sites.push(Site {
                id: instance.id(),
                zone: Arc::clone(zones.entry(instance.zone()).or_insert_with(|| instance.zone().into())),
                can_be_emptied: instance.agent_connected()
                    && !movable.is_empty()
                    && movable.len() == totals.occupying_tasks as usize,
                tasks: movable,
                registered: scale.size(totals.registered),
                free,
            });
        }
        let (balance, journal) = (Balance::new(state), Vec::new());
        Self { cluster, scale, balance, tasks, sites, receivers, journal, away: 0, steps_left: STEP_LIMIT }
    }

    /// Whether the budget of steps is spent.
    pub(super) fn is_spent(&self) -> bool {
        self.steps_left == 0
    }

    fn spend(&mut self, steps: u64) {
        self.steps_left = self.steps_left.saturating_sub(steps);
    }

    /// Nothing is placed there from now on.
    pub(super) fn close(&mut self, site: usize) {
        self.receivers.remove(&(self.sites[site].free, site));
    }

    /// Moves a task to the fullest instance that takes it, two of them left out.
    pub(super) fn place(&mut self, task: usize, but: [usize; 2]) -> bool {
        let mut from = (self.tasks[task].size, 0);
        while let Some((free, site)) = self.receivers.range(from..).next().copied() {
            from = (free, site + 1);
            self.spend(1);
            if self.is_spent() {
                return false;
            }
            if !but.contains(&site) && self.has_room(task, site, None) && self.try_move(task, site) {
                return true;
            }
        }
        false
    }

    /// Moves a task to an instance where another one makes room for it by going elsewhere.
    pub(super) fn place_by_swap(&mut self, task: usize, but: usize) -> bool {
        let sites: Vec<usize> = self.receivers.iter().map(|(_, site)| *site).filter(|site| *site != but).collect();
        for site in sites {
            let others = self.sites[site].tasks.clone();
            if others.iter().any(|other| self.tasks[*other].reads_tasks) {
                continue;
            }
            for other in others {
                self.spend(1);
                if self.is_spent() {
                    return false;
                }
                let is_smaller = self.tasks[other].size < self.tasks[task].size;
                if !is_smaller || !self.has_room(task, site, Some(other)) {
                    continue;
                }
                let mark = self.journal.len();
                if self.place(other, [but, site]) {
                    if self.try_move(task, site) {
                        return true;
                    }
                    self.take_back(mark);
                }
            }
        }
        false
    }

    /// Whether what is left on an instance, with what another task gives back, is enough.
    fn has_room(&self, task: usize, site: usize, other: Option<usize>) -> bool {
        let demand = |task: usize| least(&self.tasks[task].request.spec().demand);
        let remaining = self.cluster.instance(self.sites[site].id).map(|instance| instance.remaining());
        let (needed, remaining) = (demand(task), remaining.unwrap_or_default());
        let given = other.map(demand).unwrap_or_default();
        let is_enough = |needed: u32, remaining: u32, given: u32| needed <= remaining.saturating_add(given);
        is_enough(needed.cpu_units, remaining.cpu_units, given.cpu_units)
            && is_enough(needed.memory_mib, remaining.memory_mib, given.memory_mib)
            && is_enough(needed.gpu_milli, remaining.gpu_milli, given.gpu_milli)
    }

    /// Moves a task if its service's balance and the engine allow it.
    pub(super) fn try_move(&mut self, task: usize, to: usize) -> bool {
        self.spend(ENGINE_STEPS);
        let Task { request, at: from, .. } = &self.tasks[task];
        let (from, request) = (*from, Arc::clone(request));
        if !self.balance.admit(&request, &self.sites[from].zone, &self.sites[to].zone) {
            return false;
        }
        // All checks are about the instance to which it goes, so that it may start there before it stops here.
        let placement = Placement::run_task_on(self.sites[to].id, Arc::clone(&request));
        let Some(gpus) = self.start(task, placement) else {
            self.balance.take_back(&request, &self.sites[from].zone, &self.sites[to].zone);
            return false;
        };
        self.stand(task, from, to);
        self.journal.push(Step { task, from, to, gpus });
        true
    }

    /// Takes back the moves since the journal was so long.
    pub(super) fn take_back(&mut self, mark: usize) {
        while self.journal.len() > mark
            && let Some(Step { task, from, to, gpus }) = self.journal.pop()
        {
            let request = Arc::clone(&self.tasks[task].request);
            self.balance.take_back(&request, &self.sites[from].zone, &self.sites[to].zone);
            let placement = Placement::adopt(self.sites[from].id, request).on_gpus(gpus);
            self.start(task, placement).expect("a task finds what it held before");
            self.stand(task, to, from);
        }
    }

    /// Starts a task there and ends it here, where it held these GPUs. `None` if it cannot start.
    fn start(&mut self, task: usize, placement: Placement) -> Option<GpuSet> {
        let change = self.cluster.start(&placement.with_status(TaskStatus::Running)).ok()?;
        let started = change.task.expect("a start changes a task").id;
        Some(end(&mut self.cluster, std::mem::replace(&mut self.tasks[task].handle, started)))
    }

    /// Books that a task stands elsewhere.
    fn stand(&mut self, task: usize, from: usize, to: usize) {
        self.sites[from].tasks.retain(|other| *other != task);
        self.sites[to].tasks.push(task);
        let it = &mut self.tasks[task];
        self.away = self.away + usize::from(to != it.home) - usize::from(from != it.home);
        it.at = to;
        for site in [from, to] {
            let remaining = self.cluster.instance(self.sites[site].id).map(|instance| instance.remaining());
            let free = self.scale.size(remaining.unwrap_or_default());
            let before = std::mem::replace(&mut self.sites[site].free, free);
            if self.receivers.remove(&(before, site)) {
                self.receivers.insert((free, site));
            }
        }
    }

    /// A move as the cluster's handles tell it.
    pub(super) fn told(&self, step: Step) -> (TaskId, InstanceId) {
        (self.tasks[step.task].id, self.sites[step.to].id)
    }
}

/// The tasks of an instance that may move: they run, are no daemon's and are not protected.
fn movable<'a>(
    state: &'a State,
    instance: &InstanceView<'a>,
    home: usize,
    scale: Scale,
) -> impl Iterator<Item = Task> + use<'a> {
    let tasks = instance.tasks().filter(|task| task.spec().kind != TaskKind::Daemon && !task.is_protected());
    tasks.filter_map(move |task| {
        let request = Arc::clone(state.requests.get(&task.id())?);
        let size = scale.size(least(&request.spec().demand));
        let reads_tasks = reads_tasks(&request);
        Some(Task { id: task.id(), handle: task.id(), request, home, at: home, size, reads_tasks })
    })
}
