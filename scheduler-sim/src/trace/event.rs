//! What happens in a trace, and when.

use std::sync::Arc;

use scheduler_core::{
    AttributeName, AttributeValue, Expression, InstanceStatus, PlacementConstraint, Strategy, TaskGroup,
};

use super::model::{Definition, InstanceEntry, ServiceEntry, TaskRequest};
use super::place::Place;

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When, in milliseconds from the start.
    pub at_ms: u64,
    /// Its position in `events` as written, from 0.
    pub number: u64,
    /// Where the trace says so.
    pub place: Place,
    /// What happens.
    pub action: Action,
}

/// Which of the events of one instant come first (trace format, section 1, "At one instant"). The reader hands events
/// out in the order of (time, rank, number); the ends of tasks and the returns of failed instances go between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// After the ends of tasks: instances that leave.
    Departure,
    /// After the returns of failed instances: instances that join.
    Arrival,
    /// All else.
    Other,
}

/// What happens at an event. Names of instances, tasks and services are those that reports show; whether there is one
/// of that name at that time is for the run to find out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// `runTask`
    RunTask(RunTask),
    /// `startTask`
    StartTask(StartTask),
    /// `stopTask`
    StopTask(StopTask),
    /// `registerTaskDefinition`: requests that follow refer to it already; a run has nothing to do.
    RegisterTaskDefinition(Arc<Definition>),
    /// `createService`
    CreateService(Arc<ServiceEntry>),
    /// `updateService`
    UpdateService(Box<UpdateService>),
    /// `deleteService`
    DeleteService {
        /// Its name.
        service: Box<str>,
        /// Whether its tasks may still run.
        force: bool,
    },
    /// `registerContainerInstances`
    RegisterContainerInstances(Arc<[InstanceEntry]>),
    /// `deregisterContainerInstance`
    DeregisterContainerInstance {
        /// The instance.
        instance: Arc<str>,
        /// Whether it goes with tasks on it, which are then lost.
        force: bool,
    },
    /// `updateContainerInstancesState`
    UpdateContainerInstancesState {
        /// The instances.
        instances: Vec<Arc<str>>,
        /// Their new status.
        status: InstanceStatus,
    },
    /// `putAttributes`
    PutAttributes(Vec<AttributeTarget>),
    /// `deleteAttributes`; the values are empty.
    DeleteAttributes(Vec<AttributeTarget>),
    /// `failContainerInstances`
    FailContainerInstances {
        /// Which of them fail.
        instances: InstanceSelection,
        /// After how many milliseconds they return, if they do.
        returns_after_ms: Option<u64>,
    },
    /// `setAgentConnected`
    SetAgentConnected {
        /// The instances.
        instances: Vec<Arc<str>>,
        /// Whether their agents are connected from now on.
        connected: bool,
    },
    /// `failTasks`
    FailTasks {
        /// Which tasks exit.
        tasks: TaskSelection,
        /// How many at most, the oldest placement first; `None`: all.
        count: Option<u32>,
    },
}

impl Action {
    /// Its place among the events of one instant.
    pub fn rank(&self) -> Rank {
        match self {
            Self::DeregisterContainerInstance { .. } | Self::FailContainerInstances { .. } => Rank::Departure,
            Self::RegisterContainerInstances(_) => Rank::Arrival,
            _ => Rank::Other,
        }
    }

    /// Its key in a trace.
    pub fn key(&self) -> &'static str {
        match self {
            Self::RunTask(_) => "runTask",
            Self::StartTask(_) => "startTask",
            Self::StopTask(_) => "stopTask",
            Self::RegisterTaskDefinition(_) => "registerTaskDefinition",
            Self::CreateService(_) => "createService",
            Self::UpdateService(_) => "updateService",
            Self::DeleteService { .. } => "deleteService",
            Self::RegisterContainerInstances(_) => "registerContainerInstances",
            Self::DeregisterContainerInstance { .. } => "deregisterContainerInstance",
            Self::UpdateContainerInstancesState { .. } => "updateContainerInstancesState",
            Self::PutAttributes(_) => "putAttributes",
            Self::DeleteAttributes(_) => "deleteAttributes",
            Self::FailContainerInstances { .. } => "failContainerInstances",
            Self::SetAgentConnected { .. } => "setAgentConnected",
            Self::FailTasks { .. } => "failTasks",
        }
    }
}

/// The names of a request's tasks: `id` alone, or `id/0`, `id/1`, … for several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskNames {
    pub(super) id: TaskNameId,
    pub(super) count: u32,
}

/// The `id` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum TaskNameId {
    /// As the trace gives it.
    Given(Arc<str>),
    /// `task-N`, N the event's number.
    Numbered(u64),
}

/// What the names of tasks without an `id` begin with.
pub(super) const NUMBERED_TASK: &str = "task-";

impl TaskNames {
    /// The name of a single task, and the start of the names of several. One that is not given is put together here.
    pub fn id(&self) -> Arc<str> {
        match &self.id {
            TaskNameId::Given(id) => Arc::clone(id),
            TaskNameId::Numbered(number) => format!("{NUMBERED_TASK}{number}").into(),
        }
    }

    /// Whether the trace gives them; if not they are made of the event's number.
    pub fn are_given(&self) -> bool {
        matches!(self.id, TaskNameId::Given(_))
    }

    /// How many tasks there are, from 1 on.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The number of the task of that name, if it is one of these.
    pub fn index_of(&self, name: &str) -> Option<u32> {
        let rest = name.strip_prefix(&*self.id())?;
        let index = if rest.is_empty() { 0 } else { rest.strip_prefix('/')?.parse().ok()? };
        (index < self.count && *self.name(index) == *name).then_some(index)
    }

    /// The names of the tasks before `index`, which is above 0, and that of task `index`, as two requests give them.
    pub fn split_at(&self, index: u32) -> (TaskNames, TaskNames) {
        let one = |index| TaskNames { id: TaskNameId::Given(self.name(index)), count: 1 };
        let before = if index == 1 { one(0) } else { TaskNames { id: self.id.clone(), count: index } };
        (before, one(index))
    }

    /// The name of task `index`, the first being 0.
    pub fn name(&self, index: u32) -> Arc<str> {
        let id = self.id();
        if self.count == 1 { id } else { format!("{id}/{index}").into() }
    }
}

/// RunTask: place so many tasks of one request, one after another.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunTask {
    /// What the tasks are called, and how many there are.
    pub names: TaskNames,
    /// What each asks for.
    pub request: Arc<TaskRequest>,
    /// How long each runs once it is RUNNING, in milliseconds; `None`: to the horizon.
    pub duration_ms: Option<u64>,
    /// How long a lifetime-aware policy believes that it runs.
    pub predicted_duration_ms: Option<u64>,
}

/// StartTask: one task on each of the named instances.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StartTask {
    /// What the tasks are called: one for each instance.
    pub names: TaskNames,
    /// What each needs. Constraints and strategy are not asked (C-49).
    pub request: Arc<TaskRequest>,
    /// Where they go.
    pub instances: Vec<Arc<str>>,
    /// How long each runs once it is RUNNING, in milliseconds; `None`: to the horizon.
    pub duration_ms: Option<u64>,
}

/// StopTask.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopTask {
    /// The task of that name, which may have ended, or wait, or never have been placed.
    Task(Arc<str>),
    /// The tasks of a group that were placed first.
    Group {
        /// The group.
        group: TaskGroup,
        /// How many at most; `None`: all.
        count: Option<u32>,
    },
}

/// UpdateService: what changes; `None` keeps what there is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UpdateService {
    /// The service's name.
    pub service: Box<str>,
    /// The new desired count.
    pub desired_count: Option<u32>,
    /// The new task definition, which starts a deployment, also where it is the one there is.
    pub definition: Option<Arc<Definition>>,
    /// The new constraints; an empty list removes all.
    pub constraints: Option<Vec<PlacementConstraint>>,
    /// The new strategy; `Some(None)` removes it.
    pub strategy: Option<Option<Strategy>>,
    /// The new zones of its subnets; `Some(None)` lifts the restriction.
    pub zones: Option<Option<Vec<Box<str>>>>,
    /// The new `minimumHealthyPercent`.
    pub minimum_healthy_percent: Option<u32>,
    /// The new `maximumPercent`.
    pub maximum_percent: Option<u32>,
    /// The new `availabilityZoneRebalancing`.
    pub availability_zone_rebalancing: Option<bool>,
    /// The new number of load balancers.
    pub load_balancer_count: Option<u32>,
    /// Whether a deployment starts in any case.
    pub force_new_deployment: bool,
}

/// An attribute of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeTarget {
    /// The instance.
    pub instance: Arc<str>,
    /// The attribute.
    pub name: AttributeName,
    /// Its value, if it has one.
    pub value: Option<AttributeValue>,
}

/// Which instances fail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InstanceSelection {
    /// These.
    Names(Vec<Arc<str>>),
    /// Those ACTIVE or DRAINING that the expression matches.
    Filter(Expression),
    /// Those ACTIVE or DRAINING in an Availability Zone.
    Zone(Box<str>),
}

/// Which tasks fail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TaskSelection {
    /// Those of a group.
    Group(TaskGroup),
    /// Those on the instances that the expression matches.
    Filter(Expression),
}
