//! Misuse of the cluster, one variant a cause. Every call that errs leaves the cluster as it was.

use super::{InstanceId, TaskId};
use crate::model::{AttributeName, ResourceError};

/// Why a call on [`Cluster`](super::Cluster) was refused. The cluster is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Two present (or failed) instances cannot share a name.
    #[error("container instance `{name}` is already registered")]
    DuplicateInstance {
        /// The name.
        name: Box<str>,
    },
    /// The handle names nobody who is registered.
    #[error("container instance number {id} is not registered")]
    UnknownInstance {
        /// The handle.
        id: InstanceId,
    },
    /// The instance has failed and did not return yet.
    #[error("container instance `{name}` has failed and did not return yet")]
    InstanceFailed {
        /// The instance's name.
        name: Box<str>,
    },
    /// Only a failed instance can return.
    #[error("container instance `{name}` has not failed, so it cannot return")]
    InstanceNotFailed {
        /// The instance's name.
        name: Box<str>,
    },
    /// ECS refuses to deregister an instance with tasks unless it is forced to.
    #[error("container instance `{name}` still has {tasks} tasks; stop them, or deregister by force and lose them")]
    InstanceHasTasks {
        /// The instance's name.
        name: Box<str>,
        /// How many tasks hold resources there.
        tasks: u32,
    },
    /// The handle names no task that is alive.
    #[error("task number {id} is not alive")]
    UnknownTask {
        /// The handle.
        id: TaskId,
    },
    /// The task was stopped already and only waits to give its resources back.
    #[error("task number {id} is stopping already")]
    TaskStopping {
        /// The handle.
        id: TaskId,
    },
    /// Only a stopping task can give its resources back.
    #[error("task number {id} was not stopped; stop it before it is released")]
    TaskNotStopping {
        /// The handle.
        id: TaskId,
    },
    /// PutAttributes takes at most ten attributes a call.
    #[error("{given} attributes in one call; the limit is {limit}")]
    TooManyAttributesInCall {
        /// How many were given.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// `AttributeLimitExceededException` of ECS.
    #[error("container instance `{name}` would have {count} custom attributes; the limit is {limit}")]
    AttributeLimitExceeded {
        /// The instance's name.
        name: Box<str>,
        /// How many it would have.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Names that begin with `ecs.` or `com.amazonaws.` belong to ECS (C-44).
    #[error("attribute `{attribute}` is reserved; custom names do not begin with `ecs.` or `com.amazonaws.`")]
    ReservedAttribute {
        /// The name.
        attribute: AttributeName,
    },
    /// The new size does not hold what is reserved already.
    #[error("container instance `{name}` has {used} {resource} in use and cannot shrink to {wanted}")]
    ResizeBelowUse {
        /// The instance's name.
        name: Box<str>,
        /// `CPU units`, `MiB of memory`, `GPUs` or `host ports`.
        resource: &'static str,
        /// What is in use.
        used: u64,
        /// What was asked for.
        wanted: u64,
    },
    /// The new size cannot be anybody's.
    #[error(transparent)]
    Resources(#[from] ResourceError),
    /// More instances than a slot can number.
    #[error("{limit} container instances are registered; that is the limit")]
    TooManyInstances {
        /// The limit.
        limit: u64,
    },
}
