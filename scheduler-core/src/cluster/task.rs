//! What a task is to the cluster: its demand, the group it counts under, and how far it has come.

use std::sync::Arc;

use crate::model::{Demand, TaskGroup};

/// Who keeps a task running. It decides what `ecs-default` does, and whether a task makes an instance non-empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
pub enum TaskKind {
    /// Started by RunTask or StartTask.
    #[default]
    Standalone,
    /// One of a REPLICA service's tasks.
    Replica,
    /// One of a DAEMON service's tasks; instances that run nothing else count as empty.
    Daemon,
}

/// What is started: everything about a task that does not depend on where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct TaskSpec {
    /// What the task reserves on its instance.
    pub demand: Demand,
    /// The task group that it counts under.
    pub group: TaskGroup,
    /// Who keeps it running.
    pub kind: TaskKind,
    /// `family:revision` of its task definition, where there is one. Only C-22 (`spread` that ignores other
    /// revisions) looks at it.
    pub definition: Option<Arc<str>>,
}

/// The status that ECS wants for a task. Placement looks at this one, not at the last status (C-13, C-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
pub enum DesiredStatus {
    /// Counted by `spread`, `distinctInstance`, `task:group` and `runningTasksCount`.
    Running,
    /// Counted by nothing; holds its resources only under [`ReleaseOn::LastStopped`].
    Stopped,
}

/// How far a task has come (AWS: "Amazon ECS task lifecycle"). Scale-in stops those first that do not run yet (C-59).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
pub enum TaskStatus {
    /// Its network interface is being attached.
    Provisioning,
    /// Waits for the agent; counts in `pendingTasksCount` as well as in `runningTasksCount` (C-47).
    Pending,
    /// Is being registered with load balancers or service discovery.
    Activating,
    /// Runs.
    Running,
}

/// What the container health checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
pub enum HealthStatus {
    /// No health check has spoken.
    #[default]
    Unknown,
    /// All essential containers are healthy.
    Healthy,
    /// An essential container is not: scale-in prefers such a task (C-59).
    Unhealthy,
}

/// When a stopping task gives its resources back (C-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ReleaseOn {
    /// As soon as its desired status is STOPPED, as users observe of ECS.
    #[default]
    DesiredStopped,
    /// When its last status is STOPPED: call [`release`](super::Cluster::release) then.
    LastStopped,
}
