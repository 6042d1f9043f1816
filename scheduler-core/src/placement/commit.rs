//! From a placement to a task: the instance is asked again, so a placement that has gone stale starts nothing.

use std::sync::Arc;

use super::check::{Check, Checker, FailedCheck};
use super::request::PlacementRequest;
use crate::cluster::{Change, Cluster, GpuSet, InstanceId, Slot, TaskStatus, Version};

/// An instance chosen for one task. It changes nothing by itself: hand it to [`Cluster::start`].
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    instance: InstanceId,
    /// Where the instance was when it was chosen; only a hint.
    slot: Slot,
    /// What the cluster was like when it was chosen; `None`: it was the caller's choice.
    chosen_at: Option<Version>,
    request: Arc<PlacementRequest>,
    admission: Admission,
    name: Option<Arc<str>>,
    status: TaskStatus,
    /// Empty: those that the task gets by default.
    gpus: GpuSet,
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
        let chosen_at = Some(cluster.version());
        Self { slot, chosen_at, ..Self::new(instance, Arc::clone(request), Admission::RunTask) }
    }

    /// A placement that the caller has chosen, as StartTask does: strategies and constraints are not asked, and a
    /// DRAINING instance is taken (C-49).
    pub fn start_task(instance: InstanceId, request: impl Into<Arc<PlacementRequest>>) -> Self {
        Self::new(instance, request.into(), Admission::StartTask)
    }

    /// A placement on an instance that the caller has chosen among those that `place` could answer: all checks of
    /// RunTask are asked at the start.
    ///
    /// ```
    /// use scheduler_core::{
    ///     Cluster, ContainerInstance, Demand, Placement, PlacementConstraint, PlacementRequest, TaskGroup,
    /// };
    ///
    /// let mut cluster = Cluster::default();
    /// let instance = ContainerInstance::builder("i-1").instance_type("t2.micro").zone("us-east-2a").build()?;
    /// let instance = cluster.register(instance)?.instance;
    /// let request = PlacementRequest::new(Demand::new(256, 100), TaskGroup::service("web")?)
    ///     .constraint(PlacementConstraint::DistinctInstance);
    /// cluster.start(&Placement::run_task_on(instance, request.clone()))?;
    /// assert!(cluster.start(&Placement::run_task_on(instance, request)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_task_on(instance: InstanceId, request: impl Into<Arc<PlacementRequest>>) -> Self {
        Self::new(instance, request.into(), Admission::RunTask)
    }

    /// A task that runs there already, to be taken over. Only what it holds must be there.
    pub fn adopt(instance: InstanceId, request: impl Into<Arc<PlacementRequest>>) -> Self {
        Self::new(instance, request.into(), Admission::Adopt)
    }

    fn new(instance: InstanceId, request: Arc<PlacementRequest>, admission: Admission) -> Self {
        let (slot, status, gpus) = (Slot(u32::MAX), TaskStatus::Pending, GpuSet::default());
        Self { instance, slot, chosen_at: None, request, admission, name: None, status, gpus }
    }

    /// Gives the task the embedder's own name; unique among the tasks whose desired status is RUNNING.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The status that the task starts with; PENDING if this is not called.
    pub fn with_status(mut self, status: TaskStatus) -> Self {
        self.status = status;
        self
    }

    /// Gives the task these GPUs of the instance, or a share of this one, in place of those that it would get (C-11,
    /// X-01). [`Cluster::start`] refuses what they cannot give.
    pub fn on_gpus(mut self, gpus: GpuSet) -> Self {
        self.gpus = gpus;
        self
    }

    /// The GPUs chosen; none: those that the task gets by default.
    pub fn gpus(&self) -> GpuSet {
        self.gpus
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
    /// Another task that should run has that name.
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
    /// If anything has changed since it was chosen, the instance is asked again all that made it feasible, so several
    /// schedulers may work on one cluster: the slower one gets a [`StartError::Conflict`] and places again. Cost: O(1),
    /// and then each `memberOf` expression once.
    ///
    /// # Errors
    /// [`StartError`]; the cluster is then unchanged.
    pub fn start(&mut self, placement: &Placement) -> Result<Change, StartError> {
        if let Some(name) = placement.name.as_deref().filter(|name| self.task_id(name).is_some()) {
            return Err(StartError::DuplicateTask { name: name.into() });
        }
        let slot = if placement.chosen_at == Some(self.version()) { placement.slot } else { self.recheck(placement)? };
        let (spec, chosen) = (placement.request.spec(), placement.gpus);
        let occupant = self.instances.occupant(slot);
        if !chosen.is_empty() && !occupant.gpus.may_choose(spec.demand.gpus, chosen) {
            let name = occupant.description.name().into();
            return Err(StartError::Conflict { name, failed: FailedCheck::ChosenGpus { chosen } });
        }
        Ok(self.commit_start(slot, spec, placement.name.clone(), placement.status, chosen))
    }

    /// The slot of the placement's instance, if that can (still) take the task.
    fn recheck(&self, placement: &Placement) -> Result<Slot, StartError> {
        let instance = placement.instance;
        let slot =
            self.instances.slot_near(placement.slot, instance).ok_or(StartError::UnknownInstance { instance })?;
        let instance_name = || self.instances.occupant(slot).description.name().into();
        if !self.instances.is_present(slot) {
            return Err(StartError::InstanceFailed { name: instance_name() });
        }
        let checker = Checker::new(self, &placement.request);
        let mut asked = Check::ALL.into_iter().filter(|check| placement.admission.asks(*check));
        let view = self.view(slot);
        match asked.find_map(|check| checker.failure(check, &view)) {
            Some(failed) => Err(StartError::Conflict { name: instance_name(), failed }),
            None => Ok(slot),
        }
    }

    /// Starts a placement that was chosen on the cluster as it is now.
    pub(super) fn start_chosen(&mut self, placement: &Placement) -> Change {
        self.start(placement).expect("nothing has changed since it was chosen, and it has no name")
    }
}
