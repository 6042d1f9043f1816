//! From a placement to a task: the instance is asked again, so a placement that has gone stale starts nothing.

use std::sync::Arc;

use super::check::{Check, Checker, FailedCheck};
use super::request::PlacementRequest;
use crate::cluster::{Change, Cluster, InstanceId, Slot, TaskStatus};

/// An instance chosen for one task. It changes nothing by itself: hand it to [`Cluster::start`].
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    instance: InstanceId,
    /// Where the instance was when it was chosen; only a hint.
    slot: Slot,
    request: Arc<PlacementRequest>,
    admission: Admission,
    name: Option<Arc<str>>,
    status: TaskStatus,
}

/// Which checks are asked at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// All of them.
    RunTask,
    /// Those of StartTask (C-49): the caller is the scheduler.
    StartTask,
    /// What the task holds must be there; it runs already.
    Adopt,
}

impl Admission {
    fn asks(self, check: Check) -> bool {
        let resources = (Check::Cpu..=Check::Eni).contains(&check);
        match self {
            Self::RunTask => true,
            Self::StartTask => resources || matches!(check, Check::Attributes | Check::Location | Check::Agent),
            Self::Adopt => resources,
        }
    }
}

impl Placement {
    pub(super) fn chosen(cluster: &Cluster, slot: Slot, request: &Arc<PlacementRequest>) -> Self {
        let instance = cluster.instances.ids[slot.index()];
        Self { slot, ..Self::new(instance, Arc::clone(request), Admission::RunTask) }
    }

    /// A placement that the caller has chosen, as StartTask does: strategies and constraints are not asked, and a
    /// DRAINING instance is taken (C-49).
    pub fn start_task(instance: InstanceId, request: impl Into<Arc<PlacementRequest>>) -> Self {
        Self::new(instance, request.into(), Admission::StartTask)
    }

    /// A task that runs there already, to be taken over. Only what it holds must be there.
    pub fn adopt(instance: InstanceId, request: impl Into<Arc<PlacementRequest>>) -> Self {
        Self::new(instance, request.into(), Admission::Adopt)
    }

    fn new(instance: InstanceId, request: Arc<PlacementRequest>, admission: Admission) -> Self {
        Self { instance, slot: Slot(u32::MAX), request, admission, name: None, status: TaskStatus::Pending }
    }

    /// Gives the task the embedder's own name; unique among the tasks that hold resources.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The status that the task starts with; PENDING if this is not called.
    pub fn with_status(mut self, status: TaskStatus) -> Self {
        self.status = status;
        self
    }

    /// The instance chosen.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// What it was chosen for.
    pub fn request(&self) -> &Arc<PlacementRequest> {
        &self.request
    }
}

/// Why a placement started nothing. The cluster is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The instance is not registered (any more): `MISSING` of ECS.
    #[error("container instance number {instance} is not registered")]
    UnknownInstance {
        /// The handle.
        instance: InstanceId,
    },
    /// The instance has failed: `INACTIVE` of ECS.
    #[error("container instance `{name}` has failed and did not return yet")]
    InstanceFailed {
        /// Its name.
        name: Box<str>,
    },
    /// Something changed since the placement was chosen; place again.
    #[error("container instance `{name}` cannot take the task (any more): {failed}")]
    Conflict {
        /// The instance's name.
        name: Box<str>,
        /// The first check that it fails now.
        failed: FailedCheck,
    },
    /// Another task holds resources under that name.
    #[error("a task named `{name}` is alive already")]
    DuplicateTask {
        /// The name.
        name: Box<str>,
    },
}

impl StartError {
    /// The reason string of ECS's failures list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownInstance { .. } => "MISSING",
            Self::InstanceFailed { .. } => "INACTIVE",
            Self::Conflict { failed, .. } => failed.check().reason(),
            Self::DuplicateTask { .. } => "DUPLICATE NAME",
        }
    }
}

impl Cluster {
    /// Reserves what the placement's task needs on its instance; the new task's handle is in the change.
    ///
    /// The instance is asked again all that made it feasible, so several schedulers may work on one cluster: the
    /// slower one gets a [`StartError::Conflict`] and places again. Cost: O(1), and each `memberOf` expression once.
    ///
    /// # Errors
    /// [`StartError`]; the cluster is then unchanged.
    pub fn start(&mut self, placement: &Placement) -> Result<Change, StartError> {
        let instance = placement.instance;
        let slot =
            self.instances.slot_near(placement.slot, instance).ok_or(StartError::UnknownInstance { instance })?;
        let instance_name = || self.instances.occupant(slot).description.name().into();
        if !self.instances.is_present(slot) {
            return Err(StartError::InstanceFailed { name: instance_name() });
        }
        if let Some(name) = placement.name.as_deref().filter(|name| self.task_id(name).is_some()) {
            return Err(StartError::DuplicateTask { name: name.into() });
        }
        let checker = Checker::new(self, &placement.request);
        let mut asked = Check::ALL.into_iter().filter(|check| placement.admission.asks(*check));
        let view = self.view(slot);
        if let Some(failed) = asked.find_map(|check| checker.failure(check, &view)) {
            return Err(StartError::Conflict { name: instance_name(), failed });
        }
        let spec = Arc::clone(placement.request.spec());
        Ok(self.commit_start(slot, &spec, placement.name.clone(), placement.status))
    }

    /// Starts a placement that was chosen on the cluster as it is now, so nothing is asked again.
    pub(super) fn start_chosen(&mut self, placement: &Placement) -> Change {
        let slot =
            self.instances.slot_near(placement.slot, placement.instance).expect("a chosen instance is registered");
        self.commit_start(slot, placement.request.spec(), placement.name.clone(), placement.status)
    }
}
