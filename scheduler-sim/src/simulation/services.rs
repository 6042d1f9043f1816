//! Services of a run: what each has, and what it still wants.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use scheduler_core::{Cluster, InstanceId, InstanceStatus, SchedulingStrategy, TaskId};

use super::plan::{Bounds, ReplicaView};
use super::requests::Prepared;
use crate::metrics::StaticRules;
use crate::outcome::{KeptRefusal, PlacedWhy};
use crate::trace::ServiceEntry;

/// Without a load balancer a task is healthy so long after it has become RUNNING (API: `DeploymentConfiguration`).
const HEALTHY_AFTER_MS: u64 = 40_000;

/// The number of a service's creation in a run; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ServiceId(u32);

impl ServiceId {
    pub(super) fn number(self) -> u64 {
        self.0.into()
    }
}

/// All services that exist.
#[derive(Clone, Default)]
pub(super) struct Services {
    created: u32,
    pub(super) states: BTreeMap<ServiceId, ServiceState>,
    dirty: BTreeSet<ServiceId>,
}

/// One service.
#[derive(Clone)]
pub(super) struct ServiceState {
    pub(super) entry: ServiceEntry,
    pub(super) prepared: Prepared,
    /// The static rules of its request.
    pub(super) rules: StaticRules,
    /// The number of its newest deployment.
    pub(super) deployment: u32,
    /// Whether that one is still on its way.
    pub(super) is_deploying: bool,
    /// Its tasks whose desired status is RUNNING, in the order of their placement.
    pub(super) tasks: BTreeMap<TaskId, ServiceTask>,
    /// Copies that it wants and that have no instance yet, the oldest first.
    pub(super) missing: VecDeque<Missing>,
    /// Ended tasks that are not yet replaced.
    pub(super) to_replace: u64,
    /// The task that was started for balance between zones, until another one is stopped for it.
    pub(super) moving: Option<TaskId>,
    /// No task could be moved; not tried again until the cluster changes.
    pub(super) cannot_move: bool,
    /// Of a DAEMON service: instances on which it could not be placed.
    pub(super) daemon_missing: BTreeMap<InstanceId, Missing>,
    /// When it wants a turn because tasks become healthy.
    pub(super) wakes_at_ms: Option<u64>,
    /// The number of the next name.
    next_number: u64,
}

/// A task of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServiceTask {
    /// The deployment that started it.
    pub(super) deployment: u32,
    /// From when on it is healthy; `None` while it does not run.
    pub(super) healthy_from_ms: Option<u64>,
}

/// Copies wanted at one instant for one reason.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    /// The number of the first; names are given at the first attempt.
    pub(super) first_number: Option<u64>,
    pub(super) count: u64,
    pub(super) wanted_at_ms: u64,
    pub(super) why: PlacedWhy,
    /// Their last refusal; `None`: never tried.
    pub(super) refusal: Option<Arc<KeptRefusal>>,
}

impl Missing {
    pub(super) fn new(count: u64, wanted_at_ms: u64, why: PlacedWhy) -> Self {
        Self { first_number: None, count, wanted_at_ms, why, refusal: None }
    }
}

impl Services {
    pub(super) fn find(&self, name: &str) -> Option<ServiceId> {
        self.states.iter().find(|(_, state)| state.entry.service.name() == name).map(|(id, _)| *id)
    }

    pub(super) fn insert(&mut self, entry: ServiceEntry, prepared: Prepared) -> ServiceId {
        let id = ServiceId(self.created);
        self.created += 1;
        let state = ServiceState {
            rules: StaticRules::of(prepared.request()),
            entry,
            prepared,
            deployment: 0,
            is_deploying: false,
            tasks: BTreeMap::new(),
            missing: VecDeque::new(),
            to_replace: 0,
            moving: None,
            cannot_move: false,
            daemon_missing: BTreeMap::new(),
            wakes_at_ms: None,
            next_number: 0,
        };
        self.states.insert(id, state);
        self.dirty.insert(id);
        id
    }

    /// Something changed for a service: it gets its turn.
    pub(super) fn touch(&mut self, id: ServiceId) {
        self.dirty.insert(id);
    }

    pub(super) fn is_dirty(&self, id: ServiceId) -> bool {
        self.dirty.contains(&id)
    }

    /// A service has had its turn.
    pub(super) fn forget(&mut self, id: ServiceId) {
        self.dirty.remove(&id);
    }

    pub(super) fn are_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Whether there is none that could want a turn.
    pub(super) fn are_idle(&self) -> bool {
        self.states.is_empty() && self.dirty.is_empty()
    }

    /// The services that want a turn, in the order of their creation.
    pub(super) fn take_dirty(&mut self) -> BTreeSet<ServiceId> {
        std::mem::take(&mut self.dirty)
    }
}

impl ServiceState {
    pub(super) fn is_daemon(&self) -> bool {
        self.entry.service.scheduling_strategy == SchedulingStrategy::Daemon
    }

    /// From when on a task of it is healthy that becomes RUNNING now.
    pub(super) fn healthy_from_ms(&self, now_ms: u64) -> u64 {
        if self.entry.load_balancer_count > 0 { now_ms } else { now_ms.saturating_add(HEALTHY_AFTER_MS) }
    }

    /// Whether a task leaves: it is of an older deployment, or its instance is DRAINING.
    pub(super) fn is_leaving(&self, cluster: &Cluster, id: TaskId, task: ServiceTask) -> bool {
        task.deployment != self.deployment || is_on_draining(cluster, id)
    }

    pub(super) fn view(&self, cluster: &Cluster, now_ms: u64) -> ReplicaView {
        let service = &self.entry.service;
        let desired = u64::from(service.desired_count);
        let bounds = Bounds::of(desired, service.minimum_healthy_percent, service.maximum_percent);
        let mut view = ReplicaView {
            desired: desired + u64::from(self.moving.is_some()),
            bounds,
            missing: self.missing_count(),
            ..ReplicaView::default()
        };
        for (id, task) in &self.tasks {
            let is_leaving = self.is_leaving(cluster, *id, *task);
            view.leaving += u64::from(is_leaving);
            view.staying += u64::from(!is_leaving);
            view.healthy += u64::from(task.is_healthy(now_ms));
            let is_pending = task.healthy_from_ms.is_none();
            view.pending_on_draining += u64::from(is_leaving && is_pending && is_on_draining(cluster, *id));
        }
        view
    }

    pub(super) fn missing_count(&self) -> u64 {
        self.missing.iter().map(|missing| missing.count).sum()
    }

    /// Wants more copies: first those that replace ended tasks.
    pub(super) fn want(&mut self, count: u64, now_ms: u64, is_draining: bool) {
        let other = match () {
            () if self.is_deploying => PlacedWhy::Deployment,
            () if is_draining => PlacedWhy::Replacement,
            () => PlacedWhy::Desired,
        };
        let replacements = count.min(std::mem::take(&mut self.to_replace));
        for (count, why) in [(replacements, PlacedWhy::Replacement), (count - replacements, other)] {
            if count > 0 {
                self.missing.push_back(Missing::new(count, now_ms, why));
            }
        }
    }

    /// The name of the copy of that number.
    pub(super) fn name_of(&self, number: u64) -> Arc<str> {
        format!("{}/{number}", self.entry.service.name()).into()
    }

    /// The number of a copy that is tried for the first time.
    pub(super) fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    /// The number of the first missing copy, given now if it has none.
    pub(super) fn front_number(&mut self) -> Option<u64> {
        let Self { missing, next_number, .. } = self;
        missing.front_mut().map(|front| number_of(front, next_number))
    }

    /// Gives names to all missing copies that have none.
    pub(super) fn number_all(&mut self) {
        let Self { missing, next_number, .. } = self;
        for missing in missing {
            number_of(missing, next_number);
        }
    }

    /// The first missing copy is placed.
    pub(super) fn pop_front(&mut self) {
        if let Some(front) = self.missing.front_mut() {
            front.count -= 1;
            front.first_number = front.first_number.map(|number| number + 1);
            if front.count == 0 {
                self.missing.pop_front();
            }
        }
    }

    /// Takes out the youngest missing copies.
    pub(super) fn pop_back(&mut self, mut count: u64) -> Vec<Missing> {
        let mut taken = Vec::new();
        while count > 0
            && let Some(mut back) = self.missing.pop_back()
        {
            let part = back.count.min(count);
            count -= part;
            back.count -= part;
            taken.push(Missing {
                first_number: back.first_number.map(|number| number + back.count),
                count: part,
                refusal: back.refusal.clone(),
                ..back
            });
            if back.count > 0 {
                self.missing.push_back(back);
            }
        }
        taken
    }

    /// The next instant at which one of its tasks becomes healthy.
    pub(super) fn next_healthy_ms(&self, now_ms: u64) -> Option<u64> {
        self.tasks.values().filter_map(|task| task.healthy_from_ms).filter(|at_ms| *at_ms > now_ms).min()
    }
}

impl ServiceTask {
    pub(super) fn is_healthy(self, now_ms: u64) -> bool {
        self.healthy_from_ms.is_some_and(|from_ms| from_ms <= now_ms)
    }
}

pub(super) fn is_on_draining(cluster: &Cluster, task: TaskId) -> bool {
    cluster.task(task).is_some_and(|task| task.instance().status() == InstanceStatus::Draining)
}

/// The number of the first of some copies. Numbers are given in order, so all copies of an entry get theirs at once;
/// that they are tried one after another gives the same numbers.
fn number_of(missing: &mut Missing, next_number: &mut u64) -> u64 {
    *missing.first_number.get_or_insert_with(|| {
        let first = *next_number;
        *next_number += missing.count;
        first
    })
}
