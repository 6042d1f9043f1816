//! Why a run stops before its end.

use std::sync::Arc;

use scheduler_core::{ClusterError, InstanceError, RequestError, StartError};

use crate::metrics::seconds;
use crate::trace::{Place, Printable, TraceError};

/// Why a run came to no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The trace cannot be read any more.
    #[error(transparent)]
    Trace(Box<TraceError>),
    /// What stands at time 0 cannot be.
    #[error("{place}: {}", Printable(.cause))]
    Start {
        /// Where the trace says so.
        place: Place,
        /// What is wrong.
        cause: Box<Cause>,
    },
    /// An event cannot happen.
    #[error("{place}: event {event} at second {}: {}", seconds(*.at_ms), Printable(.cause))]
    Event {
        /// Where the event stands.
        place: Place,
        /// Its position in `events`, from 0.
        event: u64,
        /// Its time in milliseconds.
        at_ms: u64,
        /// What is wrong.
        cause: Box<Cause>,
    },
    /// Something that an event began cannot be brought to its end.
    #[error("event {event}, at second {}: {}", seconds(*.at_ms), Printable(.cause))]
    Later {
        /// The event's position in `events`, from 0.
        event: u64,
        /// When it went wrong, in milliseconds.
        at_ms: u64,
        /// What is wrong.
        cause: Box<Cause>,
    },
    /// A service cannot do what it shall.
    #[error("service `{}`, at second {}: {}", Printable(.service), seconds(*.at_ms), Printable(.cause))]
    Service {
        /// The service.
        service: Box<str>,
        /// When it went wrong, in milliseconds.
        at_ms: u64,
        /// What is wrong.
        cause: Box<Cause>,
    },
    /// A setting cannot be followed.
    #[error("setting {0}")]
    Setting(String),
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<TraceError> for RunError {
    fn from(error: TraceError) -> Self {
        Self::Trace(Box::new(error))
    }
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No instance of that name is there now.
    #[error("no container instance `{0}` is registered at that time")]
    UnknownInstance(Arc<str>),
    /// The instance has failed and did not return yet.
    #[error("container instance `{0}` has failed and is not back at that time")]
    InstanceDown(Arc<str>),
    /// No service of that name is there now.
    #[error("no service `{0}` is there at that time")]
    UnknownService(Box<str>),
    /// A service of that name is there already.
    #[error("a service `{0}` is there already at that time")]
    DuplicateService(Box<str>),
    /// ECS refuses to delete a service that shall have tasks.
    #[error("service `{service}` has a desired count of {desired}; set it to 0 first, or delete it with `force`")]
    ServiceInUse {
        /// The service.
        service: Box<str>,
        /// Its desired count.
        desired: u32,
    },
    /// Its tasks would end and be replaced without time ever moving on.
    #[error("service `{0}` has a `taskLifetimeSeconds` of 0: its tasks would be replaced forever in one instant")]
    EndlessReplacement(Box<str>),
    /// A waiting task has that name.
    #[error("a task named `{0}` waits already; names are unique among the tasks alive or waiting")]
    DuplicateWaiting(Arc<str>),
    /// The cluster refuses the change.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The task cannot be started.
    #[error(transparent)]
    Task(Box<StartError>),
    /// The instance cannot be.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Nobody could ever place the request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// More than the format allows.
    #[error("{what}: {count}; the limit is {limit}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many there would be.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
}

impl From<StartError> for Cause {
    fn from(error: StartError) -> Self {
        Self::Task(Box::new(error))
    }
}
