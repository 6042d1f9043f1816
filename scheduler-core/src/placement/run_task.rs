//! RunTask and StartTask as library functions: ECS's limits, and its lists of tasks and failures.

use std::sync::Arc;

use super::check::{Check, Checker};
use super::commit::{Placement, StartError};
use super::draw::Draw;
use super::request::{PlacementRequest, RequestError};
use super::scheduler::Scheduler;
use crate::cluster::{Change, Cluster, InstanceId, InstanceView};

/// Most tasks in one RunTask call, and most instances in one StartTask call.
pub const CALL_LIMIT: usize = 10;

/// What a call did: not all or nothing, some tasks may run and others have failed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallOutcome {
    /// A change for each task started, in the order of their starts.
    pub started: Vec<Change>,
    /// ECS's `failures`.
    pub failures: Vec<Failure>,
}

/// One entry of ECS's `failures`: an instance and why it did not take the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The container instance.
    pub instance: InstanceId,
    /// Its name; empty if no such instance is registered.
    pub name: Box<str>,
    /// ECS's reason string.
    pub reason: &'static str,
    /// What it falls short of, in words; ECS's `detail`.
    pub detail: String,
}

/// Why a call was refused altogether (`InvalidParameterException` of ECS). Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// RunTask's count is 1 to 10.
    #[error("count is {given}; it must be between 1 and {limit}")]
    CountOutOfRange {
        /// What was given.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// StartTask takes 1 to 10 instances.
    #[error("{given} container instances were given; there must be between 1 and {limit}")]
    InstancesOutOfRange {
        /// What was given.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// ECS's own words, for a cluster (or capacity provider) without an ACTIVE instance.
    #[error("No Container Instances were found in your cluster.")]
    NoContainerInstances,
    /// The request is broken.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl CallError {
    /// The exception that the ECS API answers with.
    pub fn exception(&self) -> &'static str {
        "InvalidParameterException"
    }
}

impl Scheduler {
    /// RunTask: places and starts `count` tasks one after another (C-15).
    ///
    /// When one finds no instance the rest are not tried, and `failures` has one entry for each ACTIVE instance, in
    /// registration order, with its own first failing check (C-48).
    ///
    /// # Errors
    /// [`CallError`]; nothing was started then.
    pub fn run_task(
        &self,
        cluster: &mut Cluster,
        request: &PlacementRequest,
        count: usize,
        draw: &mut dyn Draw,
    ) -> Result<CallOutcome, CallError> {
        if !(1..=CALL_LIMIT).contains(&count) {
            return Err(CallError::CountOutOfRange { given: count, limit: CALL_LIMIT });
        }
        request.validate()?;
        if candidates(cluster, request).next().is_none() {
            return Err(CallError::NoContainerInstances);
        }
        let mut outcome = CallOutcome::default();
        for _ in 0..count {
            let Some(placement) = self.place_once(cluster, request, draw)? else {
                outcome.failures = candidates(cluster, request).collect();
                break;
            };
            outcome.started.push(cluster.start_chosen(&placement));
        }
        Ok(outcome)
    }

    /// StartTask: one task on each of the named instances. Strategies and constraints are not asked (C-49).
    ///
    /// # Errors
    /// [`CallError`]; nothing was started then.
    pub fn start_task(
        &self,
        cluster: &mut Cluster,
        request: &PlacementRequest,
        instances: &[InstanceId],
    ) -> Result<CallOutcome, CallError> {
        if !(1..=CALL_LIMIT).contains(&instances.len()) {
            return Err(CallError::InstancesOutOfRange { given: instances.len(), limit: CALL_LIMIT });
        }
        request.validate()?;
        let request = Arc::new(request.clone());
        let mut outcome = CallOutcome::default();
        for instance in instances {
            match cluster.start(&Placement::start_task(*instance, Arc::clone(&request))) {
                Ok(change) => outcome.started.push(change),
                Err(error) => outcome.failures.push(start_failure(cluster, *instance, &error)),
            }
        }
        Ok(outcome)
    }
}

/// The instances that RunTask looks at (step 0), each with its first failing check, or with none.
fn candidates<'a>(cluster: &'a Cluster, request: &'a PlacementRequest) -> impl Iterator<Item = Failure> + 'a {
    let checker = Checker::new(cluster, request);
    let present = cluster.instances().filter(InstanceView::is_present);
    present.filter_map(move |instance| {
        let failed = checker.first_failure(instance.slot);
        if failed.as_ref().is_some_and(|failed| failed.check() <= Check::CapacityProvider) {
            return None;
        }
        let (reason, detail) = match failed {
            Some(failed) => (failed.check().reason(), failed.to_string()),
            None => ("", String::new()),
        };
        Some(Failure { instance: instance.id(), name: instance.name().into(), reason, detail })
    })
}

fn start_failure(cluster: &Cluster, instance: InstanceId, error: &StartError) -> Failure {
    let name = cluster.instance(instance).map_or("", |instance| instance.name()).into();
    Failure { instance, name, reason: error.reason(), detail: error.to_string() }
}
