//! The state of a run at one instant: the cluster, and by which request each task may be placed again.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{Cluster, InstanceTotals, PlacementConstraint, PlacementRequest, TaskId};

use super::replica::zone_counts;
use super::requests::under;
use super::services::ServiceState;
use super::tasks::AliveTask;
use super::{Nobody, Plan, Pulse, RunError, Simulation};
use crate::outcome::{Observation, Observer, Origin};
use crate::strategy::Spec;
use crate::trace::{Definition, Event, Settings, TaskRequest, TraceError};

/// A run that stands still.
#[derive(Debug)]
pub struct State {
    /// The cluster.
    pub cluster: Cluster,
    /// Of each task whose desired status is RUNNING, the request by which it was placed.
    pub requests: BTreeMap<TaskId, Arc<PlacementRequest>>,
    /// The REPLICA services, in the order of their creation.
    pub services: Vec<ServiceStanding>,
}

/// A REPLICA service of a run that stands still.
#[derive(Debug, Clone)]
pub struct ServiceStanding {
    /// The request for one of its tasks.
    pub request: Arc<PlacementRequest>,
    /// Whether its tasks are kept even over Availability Zones once it has several (AZ rebalancing, 9.6).
    pub is_rebalanced: bool,
    /// Its tasks in each of its Availability Zones, as the engine counts them for that: those of ACTIVE instances that its
    /// static rules admit (C-61).
    pub zones: BTreeMap<Box<str>, u32>,
}

/// The request of a RunTask that says nothing but the task definition, under a SPEC.
pub fn plain_request(spec: &Spec, definition: &Arc<Definition>) -> PlacementRequest {
    let limit = definition.max_tasks_per_instance.map(PlacementConstraint::MaxTasksPerInstance);
    let written = TaskRequest {
        definition: Arc::clone(definition),
        group: definition.core.family_group(),
        constraints: limit.into_iter().collect(),
        strategy: None,
        zones: None,
    };
    under(spec.meaning(), written.placement_request())
}

/// Plays a trace up to one instant: all that happens then has happened.
///
/// # Errors
/// As [`run`](super::run).
pub fn state_at(
    plan: &Plan<'_>,
    events: impl IntoIterator<Item = Result<Event, TraceError>>,
    at_ms: u64,
    pulse: &Pulse,
) -> Result<State, RunError> {
    let settings = Settings { end_ms: Some(at_ms), ..plan.settings.clone() };
    let plan = Plan { settings: &settings, ..*plan };
    let mut nobody = Nobody;
    let mut simulation = Simulation::new(&plan, &mut nobody, pulse)?;
    simulation.is_zone_loss_told = true;
    simulation.set_up()?;
    simulation.play(events.into_iter())?;
    let requests = simulation.alive.iter().map(|(id, task)| (*id, simulation.request_of(task))).collect();
    let replicas = simulation.services.states.values().filter(|state| !state.is_daemon());
    let standing = |state: &ServiceState| ServiceStanding {
        request: Arc::clone(state.prepared.request()),
        is_rebalanced: simulation.is_rebalanced(state),
        zones: zone_counts(&simulation.cluster, state),
    };
    let services = replicas.map(standing).collect();
    Ok(State { cluster: simulation.cluster, requests, services })
}

/// The first instant at whose end the most instances run tasks that are no daemons; 0 if none ever does. Plays the trace
/// to its end.
///
/// # Errors
/// As [`run`](super::run).
pub fn busiest_instant(
    plan: &Plan<'_>,
    events: impl IntoIterator<Item = Result<Event, TraceError>>,
    pulse: &Pulse,
) -> Result<u64, RunError> {
    let mut busiest = Busiest::default();
    super::run(plan, events, &mut busiest, pulse)?;
    busiest.close();
    Ok(busiest.at_ms)
}

/// Counts the instances that run tasks.
#[derive(Debug, Default)]
struct Busiest {
    now_ms: u64,
    used: u64,
    /// The most so far, and when.
    most: u64,
    at_ms: u64,
}

impl Busiest {
    /// All of the instant has happened.
    fn close(&mut self) {
        if self.used > self.most {
            (self.most, self.at_ms) = (self.used, self.now_ms);
        }
    }
}

impl Observer for Busiest {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        let Observation::Change(change) = observation else { return };
        if at_ms != self.now_ms {
            self.close();
            self.now_ms = at_ms;
        }
        let is_used = |totals: Option<InstanceTotals>| u64::from(totals.is_some_and(|it| it.occupying_tasks > 0));
        self.used = self.used + is_used(change.after) - is_used(change.before);
    }

    fn wants_names(&self) -> bool {
        false
    }
}

impl Simulation<'_> {
    /// The request by which a task would be placed again. A task that ran at time 0 is known by its definition alone;
    /// what its service adds to that is added here.
    fn request_of(&self, task: &AliveTask) -> Arc<PlacementRequest> {
        let service = task.service.filter(|_| task.origin == Origin::Initial);
        let Some(state) = service.and_then(|service| self.services.states.get(&service)) else {
            return Arc::clone(&task.request);
        };
        let request = (*task.request).clone().constraints(state.entry.service.constraints.iter().cloned());
        Arc::new(match &state.entry.zones {
            Some(zones) => request.zones(zones.iter().cloned()),
            None => request,
        })
    }
}
