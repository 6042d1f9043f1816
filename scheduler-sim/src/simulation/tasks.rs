//! Tasks of a run: how they start, end, are stopped and are lost.

use std::sync::Arc;

use scheduler_core::{
    Change, Placement, PlacementRequest, ReleaseOn, StartError, TaskId, TaskKind, TaskStatus, TaskView,
};

use super::services::ServiceId;
use super::{Cause, Simulation};
use crate::outcome::{Copies, Fate, Observation, Origin, Outcome, PlacedWhy, StoppedWhy};
use crate::trace::RunningTask;

/// Most tasks alive.
const TASK_LIMIT: u64 = 1 << 31;

/// What a run remembers of a task whose desired status is RUNNING.
#[derive(Debug, Clone)]
pub(super) struct AliveTask {
    pub(super) origin: Origin,
    /// By which it was placed.
    pub(super) request: Arc<PlacementRequest>,
    /// It ends by itself.
    pub(super) is_timed: bool,
    /// Whose it is.
    pub(super) service: Option<ServiceId>,
}

/// How a task comes to be started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) event: Option<u64>,
    pub(super) origin: Origin,
    pub(super) wanted_at_ms: u64,
    pub(super) duration_ms: Option<u64>,
    pub(super) service: Option<ServiceId>,
    /// It was refused before.
    pub(super) has_waited: bool,
    pub(super) why: Option<PlacedWhy>,
}

impl Simulation<'_> {
    /// Starts a task where it was placed. A task without a name is one that nobody will ask for by it.
    pub(super) fn start(
        &mut self,
        placement: Placement,
        name: Option<&Arc<str>>,
        start: Start,
    ) -> Result<TaskId, StartError> {
        let start_ms = if start.origin == Origin::Initial { 0 } else { self.settings.task_start_ms };
        let status = if start_ms == 0 { TaskStatus::Running } else { TaskStatus::Pending };
        let request = Arc::clone(placement.request());
        let placement = placement.with_status(status);
        let change = self.cluster.start(&match name {
            Some(name) => placement.named(Arc::clone(name)),
            None => placement,
        })?;
        let task = change.task.as_ref().map_or(TaskId::from_number(0), |task| task.id);
        let is_timed = start.duration_ms.is_some();
        self.alive.insert(task, AliveTask { origin: start.origin, request, is_timed, service: start.service });
        self.timed_alive += u64::from(is_timed && start.service.is_none());
        self.statistics.starts += 1;
        if start_ms > 0 {
            self.agenda.task_runs(self.now_ms.saturating_add(start_ms), task);
        }
        if let Some(duration_ms) = start.duration_ms {
            let at_ms = self.now_ms.saturating_add(start_ms).saturating_add(duration_ms);
            self.agenda.task_ends(self.now_ms, at_ms, task);
        }
        self.note(&change);
        self.tell_placed(&change, start);
        Ok(task)
    }

    fn tell_placed(&mut self, change: &Change, start: Start) {
        let Self { cluster, observer, now_ms, .. } = self;
        let Some(task) = &change.task else { return };
        let wanted = observer.wants_names();
        let view = if wanted { cluster.instance(change.instance) } else { None };
        let record = if wanted { cluster.task(task.id) } else { None };
        let gpus: Vec<&str> = record.iter().flat_map(TaskView::gpu_ids).collect();
        let Start { event, origin, wanted_at_ms, has_waited, why, .. } = start;
        let fate = Fate::Placed {
            instance: view.as_ref().map_or("", |view| view.name()),
            zone: view.as_ref().map_or("", |view| view.zone()),
            gpus: &gpus,
            wanted_at_ms,
            has_waited,
            why,
        };
        let copies = Copies::One(task.name.as_deref().unwrap_or_default());
        let outcome = Outcome { event, copies, group: &task.spec.group, origin, fate };
        observer.observe(*now_ms, &Observation::Outcome(&outcome));
    }

    /// Puts a task that runs at time 0 where it runs.
    pub(super) fn adopt(&mut self, task: &RunningTask) -> Result<(), Cause> {
        let instance = self.known_instance(&task.instance)?;
        let owner = self.header.services.iter().find(|entry| *entry.service.group() == task.group);
        let kind = owner.map_or(TaskKind::Standalone, |entry| entry.request().spec().kind);
        let request = PlacementRequest::for_task(&task.definition.core, task.group.clone()).kind(kind);
        let start = Start {
            event: None,
            origin: Origin::Initial,
            wanted_at_ms: 0,
            duration_ms: task.ends_at_ms,
            service: None,
            has_waited: false,
            why: None,
        };
        self.start(Placement::adopt(instance, request), Some(&task.name), start)?;
        Ok(())
    }

    /// A task's duration is over, unless something ended it before.
    pub(super) fn task_is_over(&mut self, task: TaskId) {
        if !self.end(task, StoppedWhy::Finished, None) {
            self.agenda.dropped_stale();
        }
    }

    /// Makes a task's desired status STOPPED, if it is not already; whether it was not.
    ///
    /// A task that ends by itself has stopped then; one that is stopped takes `stopTimeoutSeconds` over it, which
    /// matters with `releaseOn: last-stopped`.
    pub(super) fn end(&mut self, task: TaskId, why: StoppedWhy, event: Option<u64>) -> bool {
        let Ok(change) = self.cluster.stop(task) else { return false };
        let wanted = self.observer.wants_names();
        let view = if wanted { self.cluster.instance(change.instance) } else { None };
        let instance = view.map(|view| view.description().name_shared());
        self.ended(&change, instance.as_deref().unwrap_or_default(), why, event);
        if self.settings.release_on == ReleaseOn::LastStopped {
            match why {
                StoppedWhy::Finished | StoppedWhy::Failed => self.release(task),
                _ => self.agenda.task_releases(self.now_ms.saturating_add(self.settings.stop_timeout_ms), task),
            }
        }
        true
    }

    /// A stopping task has stopped and gives its resources back, unless its instance has gone.
    pub(super) fn release(&mut self, task: TaskId) {
        if let Ok(change) = self.cluster.release(task) {
            self.note(&change);
        }
    }

    /// Changes of an instance that fails or leaves by force: first its tasks, in order of placement, then itself.
    pub(super) fn lose(&mut self, changes: Vec<Change>, instance: &str, event: Option<u64>) {
        for change in changes {
            match &change.task {
                Some(task) if self.alive.contains_key(&task.id) => {
                    self.ended(&change, instance, StoppedWhy::InstanceLost, event);
                }
                _ => self.note(&change),
            }
        }
    }

    /// Books the end of a task.
    fn ended(&mut self, change: &Change, instance: &str, why: StoppedWhy, event: Option<u64>) {
        let Some(task) = &change.task else { return };
        self.note(change);
        self.statistics.ends += 1;
        let Some(alive) = self.alive.remove(&task.id) else { return };
        if alive.is_timed {
            self.timed_alive -= u64::from(alive.service.is_none());
            if why != StoppedWhy::Finished {
                let Self { agenda, alive, cluster, services, .. } = self;
                agenda.went_stale(|due| is_pending(due, alive, cluster, services));
            }
        }
        let name = task.name.as_deref().unwrap_or_default();
        let (copies, group) = (Copies::One(name), &task.spec.group);
        let fate = Fate::Stopped { instance, why };
        self.tell(&Outcome { event, copies, group, origin: alive.origin, fate });
        if let Some(service) = alive.service {
            self.service_task_ended(service, task.id, why);
        }
    }

    /// Hands a task over to a service that adopts it.
    pub(super) fn give_to_service(&mut self, task: TaskId, service: ServiceId) {
        if let Some(alive) = self.alive.get_mut(&task)
            && alive.service.is_none()
        {
            alive.service = Some(service);
            self.timed_alive -= u64::from(alive.is_timed);
        }
    }

    /// Refuses more tasks than the format allows.
    pub(super) fn check_task_limit(&self) -> Result<(), Cause> {
        let count = self.cluster.task_count() as u64;
        if count >= TASK_LIMIT {
            return Err(Cause::Limit { what: "tasks alive", count: count + 1, limit: TASK_LIMIT });
        }
        Ok(())
    }
}

/// Whether something on the agenda still concerns anybody.
fn is_pending(
    due: &super::Due,
    alive: &rustc_hash::FxHashMap<TaskId, AliveTask>,
    cluster: &scheduler_core::Cluster,
    services: &super::Services,
) -> bool {
    match due {
        super::Due::Running(task) | super::Due::End(task) => alive.contains_key(task),
        super::Due::Release(task) => cluster.task(*task).is_some(),
        super::Due::Return(_) => true,
        super::Due::Wake(service) => services.states.contains_key(service),
    }
}
