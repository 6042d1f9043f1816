//! A run that stands still right before something happens: copies of it tell what would happen if something else had
//! happened before.
//!
//! A copy plays what is added and then goes on as the run would, with the same queue, services and random numbers, so
//! that what it shows is what a replay of a trace with these additions does.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{Cluster, InstanceId, Placement, PlacementRequest, Scheduler, TaskId};

use super::tasks::Start;
use super::{Agenda, Nobody, Plan, Pulse, Rank, RunError, Simulation, Statistics};
use crate::outcome::{Fate, Observation, Observer, Origin};
use crate::trace::{Action, Event, RunTask, TraceError};

/// A run that stands still.
pub struct Halted<'a> {
    simulation: Simulation<'a>,
    /// The event that has been read but not played. Of several copies of a RunTask it asks for the one in question alone.
    pub next_event: Option<Event>,
    /// How many copies that the event asks for have been played.
    pub copies_before: u32,
}

/// Something that happens before the run goes on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Addition {
    /// An event of the trace, which is put before the next one.
    Event(Action),
    /// The next event asks for this in place of what it asks for.
    Instead(Action),
    /// StartTask for a task that was stopped just now, by the request that it was placed by.
    StartAgain {
        /// Its name.
        name: Arc<str>,
        /// What it asks for.
        request: Arc<PlacementRequest>,
        /// Where it starts.
        on: InstanceId,
        /// How long it runs, in milliseconds.
        duration_ms: Option<u64>,
    },
}

/// What a run knows of a task besides what the cluster does.
#[derive(Debug, Clone)]
pub struct TaskStanding {
    /// By which request it was placed.
    pub request: Arc<PlacementRequest>,
    /// Whether a service wants it.
    pub is_of_service: bool,
}

/// Plays a trace until the loop has made so many turns, and lets somebody look. If a RunTask is next that asks for the task
/// and for copies before it, these have their turn too: copies are placed one after another.
///
/// # Errors
/// As [`run`](super::run).
pub fn halted<T>(
    plan: &Plan<'_>,
    events: impl IntoIterator<Item = Result<Event, TraceError>>,
    turn: u64,
    task: &str,
    pulse: &Pulse,
    look: impl FnOnce(&Halted<'_>) -> T,
) -> Result<T, RunError> {
    let mut nobody = Nobody;
    let mut simulation = Simulation::new(plan, &mut nobody, pulse)?;
    simulation.halts_before = Some(turn);
    simulation.set_up()?;
    let mut next_event = simulation.play(events.into_iter())?;
    let mut copies_before = 0;
    if let Some(Event { at_ms, number, place, action: Action::RunTask(run) }) = &next_event
        && let Some(index) = run.names.index_of(task).filter(|index| *index > 0)
    {
        let (before, names) = run.names.split_at(index);
        let failed = |cause| RunError::Later { event: *number, at_ms: *at_ms, cause: Box::new(cause) };
        let before = Action::RunTask(RunTask { names: before, ..run.clone() });
        simulation.act_on(&before, *number).map_err(failed)?;
        simulation.come_to_rest()?;
        copies_before = index;
        let action = Action::RunTask(RunTask { names, ..run.clone() });
        next_event = Some(Event { at_ms: *at_ms, number: *number, place: place.clone(), action });
    }
    Ok(look(&Halted { simulation, next_event, copies_before }))
}

impl Halted<'_> {
    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.simulation.cluster
    }

    /// The instant, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.simulation.now_ms
    }

    /// The instant, in milliseconds since 1970: when an instance registers that does so now.
    pub fn moment_ms(&self) -> i64 {
        self.simulation.moment_ms()
    }

    /// The scheduler of the run.
    pub fn scheduler(&self) -> &Scheduler {
        &self.simulation.scheduler
    }

    /// Instances that have registered so far.
    pub fn registered(&self) -> u64 {
        self.simulation.registered
    }

    /// The constraints of a service of that name that are its own, not its task definition's.
    pub fn service_constraints(&self, name: &str) -> Option<Vec<scheduler_core::PlacementConstraint>> {
        let services = &self.simulation.services;
        Some(services.states.get(&services.find(name)?)?.entry.service.constraints.clone())
    }

    /// What is known of a task whose desired status is RUNNING.
    pub fn task(&self, task: TaskId) -> Option<TaskStanding> {
        let alive = self.simulation.alive.get(&task)?;
        Some(TaskStanding { request: Arc::clone(&alive.request), is_of_service: alive.service.is_some() })
    }

    /// When tasks end that end by themselves. Cost: O(what is still to happen).
    pub fn ends(&self) -> FxHashMap<TaskId, u64> {
        self.simulation.agenda.task_ends_at().collect()
    }

    /// How long StartTask would have to let a task run so that it ends at `end_ms`.
    pub fn duration_to(&self, end_ms: u64) -> u64 {
        end_ms.saturating_sub(self.simulation.now_ms).saturating_sub(self.simulation.settings.task_start_ms)
    }

    /// Whether a task of that name is placed at this instant by the next event, with what is added before it.
    ///
    /// Before each thing that is added those who wait and services have their turn, as in a trace.
    pub fn next_event_places(&self, task: &str, additions: &[Addition]) -> bool {
        self.is_placed(task, additions, self.next_event.as_ref())
    }

    /// Whether a task of that name is placed at this instant by the turn of its service, with what is added before it.
    ///
    /// Before each thing that is added those who wait and services have their turn, as in a trace, and once more then.
    pub fn next_turn_places(&self, task: &str, additions: &[Addition]) -> bool {
        self.is_placed(task, additions, None)
    }

    fn is_placed(&self, task: &str, additions: &[Addition], next_event: Option<&Event>) -> bool {
        let mut watch = Watch { task, is_placed: false };
        let mut copy = self.simulation.copy(&mut watch);
        let played = copy.play_additions(additions, next_event);
        drop(copy);
        played.is_ok() && watch.is_placed
    }
}

impl<'a> Simulation<'a> {
    /// A copy at this instant, watched by another observer. It has no agenda: nothing that is due later comes to pass.
    fn copy<'b>(&self, observer: &'b mut dyn Observer) -> Simulation<'b>
    where
        'a: 'b,
    {
        Simulation {
            header: self.header,
            settings: self.settings,
            meaning: self.meaning,
            horizon_ms: self.horizon_ms,
            prices: self.prices,
            observer,
            pulse: self.pulse,
            probe: None,
            keeps_numbered_names: self.keeps_numbered_names,
            now_ms: self.now_ms,
            cluster: self.cluster.fork(),
            scheduler: self.scheduler.clone(),
            seed: self.seed,
            draw: self.draw.clone(),
            agenda: Agenda::default(),
            // What waits is known by its number there.
            requests: if self.waiting.is_empty() { super::RequestTable::default() } else { self.requests.clone() },
            waiting: self.waiting.clone(),
            memory: self.memory.clone(),
            services: self.services.clone(),
            triggers: self.triggers.clone(),
            alive: self.alive.clone(),
            timed_alive: self.timed_alive,
            registered: self.registered,
            version: self.version,
            turn: self.turn,
            halts_before: None,
            is_zone_loss_told: true,
            statistics: Statistics::default(),
        }
    }

    /// What comes before the next event of this instant: what has become due now, and the turns of those who wait and of
    /// services.
    fn come_to_rest(&mut self) -> Result<(), RunError> {
        loop {
            let due = self.agenda.next().filter(|due| *due <= (self.now_ms, Rank::Other));
            let comes_first = due.is_some_and(|(_, rank)| rank != Rank::Other);
            if !comes_first && self.settle()? {
                continue;
            }
            let Some(item) = due.and_then(|_| self.agenda.pop()) else { return Ok(()) };
            self.come_due(&item.due);
        }
    }

    fn play_additions(&mut self, additions: &[Addition], next: Option<&Event>) -> Result<(), RunError> {
        let event = next.map_or(0, |event| event.number);
        let at_ms = self.now_ms;
        let failed = |cause| RunError::Later { event, at_ms, cause: Box::new(cause) };
        let mut action = next.map(|event| &event.action);
        for addition in additions {
            self.come_to_rest()?;
            match addition {
                Addition::Event(added) => self.act_on(added, event).map_err(failed)?,
                Addition::Instead(other) => action = Some(other),
                Addition::StartAgain { name, request, on, duration_ms } => {
                    let start = Start {
                        event: Some(event),
                        origin: Origin::StartTask,
                        wanted_at_ms: self.now_ms,
                        duration_ms: *duration_ms,
                        service: None,
                        has_waited: false,
                        why: None,
                    };
                    let placement = Placement::start_task(*on, Arc::clone(request));
                    self.start(placement, Some(name), start).map_err(|error| failed(error.into()))?;
                }
            }
        }
        self.come_to_rest()?;
        if let Some(action) = action {
            self.act_on(action, event).map_err(failed)?;
        }
        Ok(())
    }
}

/// Waits for one task.
struct Watch<'a> {
    task: &'a str,
    is_placed: bool,
}

impl Observer for Watch<'_> {
    fn observe(&mut self, _at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        self.is_placed |= matches!(outcome.fate, Fate::Placed { .. }) && outcome.copies.names(self.task);
    }
}

impl std::fmt::Debug for Halted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Halted").field("now_ms", &self.now_ms()).finish_non_exhaustive()
    }
}
