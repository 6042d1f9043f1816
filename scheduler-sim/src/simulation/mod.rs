//! One run: the events of a trace, the ends of tasks and the returns of instances, played on a cluster in the order of
//! (time, rank, sequence).
//!
//! The loop asks the scheduler, applies its answers to the cluster, and tells an observer every change and outcome. It
//! reads no clock and no file: the same plan and events give the same observations.

mod agenda;
mod capacity;
mod daemon;
mod error;
mod events;
mod halted;
mod narrowing;
mod plan;
mod probe;
mod queue;
mod reconcile;
mod replica;
mod requests;
#[cfg(test)]
mod service_tests;
mod services;
mod state;
mod tasks;
#[cfg(test)]
mod tests;
mod update;
mod waiting;
mod zone_loss;

use std::borrow::Borrow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use agenda::{Agenda, Due, Rank};
use capacity::Triggers;
pub use error::{Cause, RunError};
pub use halted::{Addition, Halted, TaskStanding, halted};
pub use narrowing::{Measure, Step};
pub use probe::{Candidate, Decision, Probe, Standing, ZoneStanding};
use queue::Memory;
use requests::RequestTable;
use rustc_hash::FxHashMap;
use scheduler_core::{
    Change, Cluster, Execution, InstanceId, PreparedRequest, Scheduler, SeededDraw, TaskId, TaskStatus,
};
use services::Services;
pub use state::{ServiceStanding, State, busiest_instant, plain_request, state_at};
use tasks::AliveTask;
use waiting::WaitingTasks;

use crate::fleet::Prices;
use crate::outcome::{Observation, Observer, Outcome};
use crate::strategy::{Meaning, Spec};
use crate::trace::{Event, Header, Settings, Survey, TraceError};

/// What a run is made of besides the events.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The trace but for its events.
    pub header: &'a Header,
    /// The settings: the trace's, with those of the command line put over them.
    pub settings: &'a Settings,
    /// What to do with the strategies of the trace.
    pub spec: &'a Spec,
    /// The seed of every random choice.
    pub seed: u64,
    /// The horizon of the trace under these settings.
    pub horizon_ms: u64,
    /// What instances cost whose own price is not given.
    pub prices: Option<&'a Prices>,
    /// Whether tasks without an `id` must be known by their names, `task-N`: the trace says such a name
    /// ([`Survey::mentions_numbered_tasks`](crate::trace::Survey::mentions_numbered_tasks)).
    pub keeps_numbered_names: bool,
}

impl<'a> Plan<'a> {
    /// The run of a trace as it is, under these settings and their seed.
    pub fn new(survey: &'a Survey, settings: &'a Settings, spec: &'a Spec) -> Self {
        Self {
            header: &survey.header,
            settings,
            spec,
            seed: settings.seed,
            horizon_ms: survey.horizon_ms(settings),
            prices: None,
            keeps_numbered_names: survey.mentions_numbered_tasks,
        }
    }
}

/// What a run and those who watch it from outside share.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Set it to end all runs.
    pub is_stopped: AtomicBool,
    /// Events played so far, by all runs.
    pub events: AtomicU64,
    /// A run that asks for more placements than so many is ended as if it were stopped; `None`: it may.
    pub most_decisions: Option<u64>,
}

/// What a run did, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Events of the trace that were played.
    pub events: u64,
    /// Tasks started.
    pub starts: u64,
    /// Tasks ended.
    pub ends: u64,
    /// Changes of instances that no event made: returns.
    pub instance_changes: u64,
    /// Placements asked of the scheduler, refusals included.
    pub decisions: u64,
    /// Those of them that an index answered; the scan the rest.
    pub indexed: u64,
    /// The instant at which the run ended.
    pub ended_at_ms: u64,
    /// What went otherwise than the trace wants, without being an error; at most [`WARNING_LIMIT`].
    pub warnings: Vec<String>,
}

impl Statistics {
    fn count_decision(&mut self, prepared: &PreparedRequest) {
        self.decisions += 1;
        self.indexed += u64::from(prepared.execution() == Execution::Indexed);
    }
}

/// Events are told to the pulse so many at a time: runs that go on together would else wait for each other's counts.
const PULSE: u64 = 64;

/// Most warnings that a run keeps.
pub const WARNING_LIMIT: usize = 20;

/// Plays a trace to its end.
///
/// `events`, read as they are played or kept, come in the order in which the reader hands them out; those after the end of the run are not asked for.
///
/// # Errors
/// [`RunError`]: the trace asks for something that cannot happen, or the run was stopped.
pub fn run<E: Borrow<Event>>(
    plan: &Plan<'_>,
    events: impl IntoIterator<Item = Result<E, TraceError>>,
    observer: &mut dyn Observer,
    pulse: &Pulse,
) -> Result<Statistics, RunError> {
    let mut simulation = Simulation::new(plan, observer, pulse)?;
    simulation.set_up()?;
    simulation.play(events.into_iter())?;
    Ok(simulation.finish())
}

/// The cluster at time 0, before any event: the fleet, the tasks that run, and what services have started.
///
/// # Errors
/// As [`run`].
pub fn state_at_start(plan: &Plan<'_>) -> Result<Cluster, RunError> {
    let pulse = Pulse::default();
    let mut nobody = Nobody;
    let mut simulation = Simulation::new(plan, &mut nobody, &pulse)?;
    simulation.set_up()?;
    simulation.settle()?;
    Ok(simulation.cluster)
}

/// Plays a trace to its end, looking at the decisions on one task.
///
/// # Errors
/// As [`run`].
pub fn probe(
    plan: &Plan<'_>,
    events: impl IntoIterator<Item = Result<Event, TraceError>>,
    task: &str,
    observer: &mut dyn Observer,
) -> Result<Probe, RunError> {
    let pulse = Pulse::default();
    let mut simulation = Simulation::new(plan, observer, &pulse)?;
    simulation.probe = Some(Probe::new(task, plan.settings.spread_ignores_other_revisions));
    simulation.set_up()?;
    simulation.play(events.into_iter())?;
    let probe = simulation.probe.take();
    Ok(probe.unwrap_or_else(|| Probe::new(task, false)))
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, _at_ms: u64, _observation: &Observation<'_>) {}
}

/// The state of a run.
struct Simulation<'a> {
    header: &'a Header,
    settings: &'a Settings,
    meaning: &'a Meaning,
    horizon_ms: u64,
    prices: Option<&'a Prices>,
    observer: &'a mut dyn Observer,
    pulse: &'a Pulse,
    probe: Option<Probe>,
    /// Whether tasks without an `id` have names.
    keeps_numbered_names: bool,
    now_ms: u64,
    cluster: Cluster,
    scheduler: Scheduler,
    seed: u64,
    draw: SeededDraw,
    agenda: Agenda,
    requests: RequestTable,
    waiting: WaitingTasks,
    memory: Memory,
    services: Services,
    triggers: Triggers,
    alive: FxHashMap<TaskId, AliveTask>,
    /// Standalone tasks alive that end by themselves: they keep a run going beyond the horizon.
    timed_alive: u64,
    /// Instances ever registered.
    registered: u64,
    /// Counts the changes of the cluster.
    version: u64,
    /// Counts the turns of the loop.
    turn: u64,
    /// The turn before which it halts.
    halts_before: Option<u64>,
    is_zone_loss_told: bool,
    statistics: Statistics,
}

impl<'a> Simulation<'a> {
    fn new(plan: &Plan<'a>, observer: &'a mut dyn Observer, pulse: &'a Pulse) -> Result<Self, RunError> {
        let settings = plan.settings;
        let default_strategy = Spec::default_strategy(&settings.default_strategy)
            .map_err(|error| RunError::Setting(format!("defaultStrategy: {error}")))?;
        let mut scheduler =
            Scheduler::default().with_default_strategy(default_strategy).with_tie_break(settings.tie_break);
        if settings.spread_ignores_other_revisions {
            scheduler = scheduler.with_spread_ignoring_other_revisions();
        }
        Ok(Self {
            header: plan.header,
            settings,
            meaning: plan.spec.meaning(),
            horizon_ms: plan.horizon_ms,
            prices: plan.prices,
            keeps_numbered_names: plan.keeps_numbered_names || observer.wants_names(),
            observer,
            pulse,
            probe: None,
            now_ms: 0,
            cluster: Cluster::new(settings.headroom_weights).with_release_on(settings.release_on),
            scheduler,
            seed: plan.seed,
            draw: SeededDraw::new(plan.seed),
            agenda: Agenda::default(),
            requests: RequestTable::default(),
            waiting: WaitingTasks::default(),
            memory: Memory::default(),
            services: Services::default(),
            triggers: Triggers::default(),
            alive: FxHashMap::default(),
            timed_alive: 0,
            registered: 0,
            version: 0,
            turn: 0,
            halts_before: None,
            is_zone_loss_told: false,
            statistics: Statistics::default(),
        })
    }

    /// Time 0 before any event: the fleet, the tasks that run, the services.
    fn set_up(&mut self) -> Result<(), RunError> {
        let header = self.header;
        for entry in &header.instances {
            self.register(entry)
                .map_err(|cause| RunError::Start { place: entry.place.clone(), cause: Box::new(cause) })?;
        }
        for task in &header.tasks {
            self.adopt(task).map_err(|cause| RunError::Start { place: task.place.clone(), cause: Box::new(cause) })?;
        }
        for service in &header.services {
            self.create_service(service)
                .map_err(|cause| RunError::Start { place: service.place.clone(), cause: Box::new(cause) })?;
        }
        Ok(())
    }

    /// Always the pending thing with the least (time, rank, sequence). Before each event of rank 3, and before time
    /// moves on, waiting tasks and services get their turn.
    ///
    /// Hands out the event that would be next, if it halts before the end.
    fn play<E: Borrow<Event>>(
        &mut self,
        mut events: impl Iterator<Item = Result<E, TraceError>>,
    ) -> Result<Option<E>, RunError> {
        let mut next_event = events.next().transpose()?;
        loop {
            if self.halts_before == Some(self.turn) {
                return Ok(next_event);
            }
            self.turn += 1;
            let of_event = next_event.as_ref().map(|event| {
                let event: &Event = event.borrow();
                (event.at_ms, Rank::from(event.action.rank()))
            });
            let of_agenda = self.agenda.next();
            let next = of_event.into_iter().chain(of_agenda).min();
            let is_at_this_instant = next.is_some_and(|(at_ms, rank)| at_ms == self.now_ms && rank != Rank::Other);
            if !is_at_this_instant && self.settle()? {
                continue;
            }
            let Some((at_ms, rank)) = next else { break };
            if at_ms > self.now_ms {
                if at_ms > self.horizon_ms {
                    self.foresee_zone_loss()?;
                }
                if self.is_over(at_ms) {
                    break;
                }
                self.now_ms = at_ms;
                continue;
            }
            if of_agenda == Some((at_ms, rank)) {
                if let Some(item) = self.agenda.pop() {
                    self.come_due(&item.due);
                }
            } else if let Some(event) = next_event.take() {
                self.play_event(event.borrow())?;
                next_event = events.next().transpose()?;
            }
        }
        self.foresee_zone_loss()?;
        Ok(None)
    }

    /// Whether the run ends before that time: after the horizon only placed tasks keep it going.
    fn is_over(&self, at_ms: u64) -> bool {
        match self.settings.end_ms {
            Some(end_ms) => at_ms > end_ms,
            None => at_ms > self.horizon_ms && self.timed_alive == 0,
        }
    }

    fn play_event(&mut self, event: &Event) -> Result<(), RunError> {
        self.check_pulse()?;
        self.statistics.events += 1;
        if self.statistics.events.is_multiple_of(PULSE) {
            self.pulse.events.fetch_add(PULSE, Ordering::Relaxed);
        }
        self.act(event).map_err(|cause| RunError::Event {
            place: event.place.clone(),
            event: event.number,
            at_ms: event.at_ms,
            cause: Box::new(cause),
        })
    }

    fn come_due(&mut self, due: &Due) {
        match due {
            Due::Running(task) => self.task_runs(*task),
            Due::End(task) => self.task_is_over(*task),
            Due::Release(task) => self.release(*task),
            Due::Return(instance) => self.return_instance(*instance),
            Due::Wake(service) => self.service_wakes(*service),
        }
    }

    fn task_runs(&mut self, task: TaskId) {
        match self.cluster.set_task_status(task, TaskStatus::Running) {
            Ok(Some(change)) => {
                self.note(&change);
                self.service_task_runs(task);
            }
            Ok(None) => {}
            Err(_) => self.agenda.dropped_stale(),
        }
    }

    fn return_instance(&mut self, instance: InstanceId) {
        self.statistics.instance_changes += 1;
        if let Ok(change) = self.cluster.return_failed(instance) {
            self.note(&change);
        }
    }

    /// Lets waiting tasks and services act on what changed, until nothing changes any more. Whether anything had: what is
    /// next may then be something else.
    fn settle(&mut self) -> Result<bool, RunError> {
        let mut had_a_turn = false;
        while self.triggers.is_pending() || self.services.are_dirty() {
            had_a_turn = true;
            if self.waiting.is_empty() && self.services.are_idle() {
                // The usual end of an event: nobody waits for anything.
                self.triggers.clear();
                continue;
            }
            let mut changed = self.triggers.take();
            self.reconcile_daemons(&changed)?;
            self.retry_waiting(&mut changed)?;
            self.reconcile_replicas(&changed)?;
            self.check_pulse()?;
        }
        Ok(had_a_turn)
    }

    /// Ends a run that shall not go on.
    fn check_pulse(&self) -> Result<(), RunError> {
        let Pulse { is_stopped, most_decisions, .. } = self.pulse;
        let is_spent = most_decisions.is_some_and(|most| self.statistics.decisions > most);
        if is_spent || is_stopped.load(Ordering::Relaxed) { Err(RunError::Interrupted) } else { Ok(()) }
    }

    /// The run is over: what is still wanted is counted as such.
    fn finish(mut self) -> Statistics {
        self.leave_waiting();
        self.leave_services();
        self.statistics.ended_at_ms = self.now_ms;
        self.statistics
    }

    /// Tells everybody that the cluster changed.
    fn note(&mut self, change: &Change) {
        self.version += 1;
        self.observer.observe(self.now_ms, &Observation::Change(change));
        self.triggers.note(change, self.version);
        if !self.waiting.is_empty() {
            self.memory.remember(change);
        }
    }

    fn tell(&mut self, outcome: &Outcome<'_>) {
        self.observer.observe(self.now_ms, &Observation::Outcome(outcome));
    }

    fn warn(&mut self, warning: impl FnOnce() -> String) {
        if self.statistics.warnings.len() < WARNING_LIMIT {
            self.statistics.warnings.push(warning());
        }
    }
}
