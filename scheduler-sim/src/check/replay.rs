//! The course of a run as the trace has it, with a line of the log for each decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scheduler_core::{ReleaseOn, TaskGroup};

use super::ask::{Ask, Preferences};
use super::cluster::{Cluster, InstanceNumber, Presence, Task, TaskNumber};
use super::log::{Head, Log};
use super::queue::Queue;
use super::record::What;
use super::rules::{Answers, Basis, Refusal};
use super::services::{ServiceModel, ServiceNumber};
use super::{CheckError, Checked, Claim, Depth};
use crate::metrics::seconds;
use crate::trace::{self, Event, Header, InstanceEntry, RunningTask, TraceError};

/// What comes first at one instant (trace format, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Running,
    Wake,
    End,
    Departure,
    Return,
    Arrival,
    Other,
    InstantEnd,
}

/// What happens without an event.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    Running(TaskNumber),
    End(TaskNumber),
    Release(TaskNumber),
    Return(InstanceNumber),
    /// A task becomes healthy for which the service waits.
    Wake(ServiceNumber),
}

pub(super) struct Replay<'a> {
    pub(super) claim: &'a Claim<'a>,
    pub(super) preferences: Preferences,
    pub(super) log: Log<'a>,
    pub(super) now_ms: u64,
    pub(super) cluster: Cluster<'a>,
    pub(super) agenda: BTreeMap<(u64, Rank, u64), Due>,
    pub(super) queue: Queue,
    pub(super) services: BTreeMap<ServiceNumber, ServiceModel>,
    /// Services to which something happened since their last turns.
    pub(super) dirty: BTreeSet<ServiceNumber>,
    pub(super) created: ServiceNumber,
    pub(super) failures: u64,
    /// Standalone tasks alive that end by themselves.
    pub(super) timed_alive: u64,
    /// Events played so far.
    pub(super) events: u64,
    pub(super) checked: Checked,
}

impl<'a> Replay<'a> {
    pub(super) fn new(claim: &'a Claim<'a>, preferences: Preferences, log: Log<'a>) -> Self {
        Self {
            claim,
            preferences,
            log,
            now_ms: 0,
            cluster: Cluster::new(claim.settings),
            agenda: BTreeMap::new(),
            queue: Queue::default(),
            services: BTreeMap::new(),
            dirty: BTreeSet::new(),
            created: 0,
            failures: 0,
            timed_alive: 0,
            events: 0,
            checked: Checked::default(),
        }
    }

    /// Follows the run from its beginning to its end, or to the first wrong line.
    pub(super) fn run(
        mut self,
        events: impl Iterator<Item = Result<Event, TraceError>>,
    ) -> Result<Checked, CheckError> {
        let header = self.claim.header;
        let result = self.set_up(header).and_then(|()| self.play(events)).and_then(|()| match self.log.peek()? {
            None => Ok(()),
            Some(_) => Err(self.log.wrong(format!("the run ended at second {}", seconds(self.now_ms)))),
        });
        match result {
            Ok(()) => Ok(self.checked),
            Err(CheckError::Wrong(wrong)) => Err(CheckError::Wrong(super::Wrong { events: self.events, ..wrong })),
            Err(error) => Err(error),
        }
    }

    fn set_up(&mut self, header: &Header) -> Result<(), CheckError> {
        header.instances.iter().try_for_each(|entry| self.register(entry))?;
        for task in &header.tasks {
            let is_of_service = header.services.iter().any(|entry| *entry.service.group() == task.group);
            let number = self.adopt(task)?;
            if let Some(task) = self.cluster.tasks.get_mut(&number) {
                task.is_adoptable = is_of_service;
            }
        }
        header.services.iter().for_each(|entry| self.create_service(entry));
        Ok(())
    }

    /// Always the pending thing with the least (time, rank, sequence); before events of the last rank, and before time
    /// moves on, waiting tasks and services have their turns.
    fn play(&mut self, mut events: impl Iterator<Item = Result<Event, TraceError>>) -> Result<(), CheckError> {
        let mut next_event = events.next().transpose()?;
        loop {
            self.log.check_pulse()?;
            let of_event = next_event.as_ref().map(|event| (event.at_ms, rank_of(event)));
            let of_agenda = self.agenda.first_key_value().map(|((at_ms, rank, _), _)| (*at_ms, *rank));
            let next = of_event.into_iter().chain(of_agenda).min();
            let is_at_this_instant = next.is_some_and(|(at_ms, rank)| at_ms == self.now_ms && rank != Rank::Other);
            if !is_at_this_instant && self.settle()? {
                continue;
            }
            let Some((at_ms, _)) = next else { return Ok(()) };
            if at_ms > self.now_ms {
                let is_over = match self.claim.settings.end_ms {
                    Some(end_ms) => at_ms > end_ms,
                    None => at_ms > self.claim.horizon_ms && self.timed_alive == 0,
                };
                if is_over {
                    return Ok(());
                }
                self.now_ms = at_ms;
            } else if of_agenda == next {
                if let Some((_, due)) = self.agenda.pop_first() {
                    self.come_due(due)?;
                }
            } else if let Some(event) = next_event.take() {
                self.events += 1;
                self.act(&event)?;
                next_event = events.next().transpose()?;
            }
        }
    }

    fn come_due(&mut self, due: Due) -> Result<(), CheckError> {
        match due {
            Due::Running(task) => self.begin_running(task),
            Due::End(task) if self.cluster.tasks.get(&task).is_some_and(|task| task.should_run) => {
                self.expect_stop(task, "finished", None)?;
            }
            Due::End(_) => {}
            Due::Release(task) => self.cluster.release(task),
            Due::Return(instance) => {
                self.cluster.instances[instance].presence = Presence::Present;
                self.cluster.has_reopened(instance);
            }
            Due::Wake(id) => {
                if let Some(service) = self.services.get_mut(&id) {
                    service.wakes_at_ms = None;
                    self.dirty.insert(id);
                }
            }
        }
        Ok(())
    }

    fn begin_running(&mut self, number: TaskNumber) {
        let Some(task) = self.cluster.tasks.get_mut(&number).filter(|task| task.should_run) else { return };
        let Some(service) = task.service.and_then(|(id, _)| self.services.get(&id)) else { return };
        task.healthy_ms = Some(self.now_ms.saturating_add(service.health_delay_ms()));
        self.dirty.extend(task.service.map(|(id, _)| id));
    }

    pub(super) fn register(&mut self, entry: &InstanceEntry) -> Result<(), CheckError> {
        let now_ms = self.claim.settings.epoch_ms.saturating_add_unsigned(self.now_ms);
        for instance in entry.instances(self.cluster.instances.len() as u64, now_ms) {
            self.cluster.register(instance.map_err(|error| CheckError::Trace(error.to_string()))?);
        }
        Ok(())
    }

    /// A task that runs at time 0 has a line as well.
    fn adopt(&mut self, task: &RunningTask) -> Result<TaskNumber, CheckError> {
        let ask = Arc::new(Ask::of_running(task));
        let answers = Answers::only(self.known_instance(&task.instance)?, Basis::Given);
        let start = Start { event: None, name: &task.name, ask: &ask, why: None };
        let life = Life { duration_ms: task.ends_at_ms, start_ms: 0, service: None };
        self.expect_start(start, life, &answers)
    }

    /// The answers that are right for a task; `None`: nobody can take it.
    pub(super) fn answers(&self, ask: &Ask) -> Option<Answers> {
        let candidates = self.cluster.feasible(ask);
        (!candidates.is_empty()).then(|| match self.claim.depth {
            Depth::Choice => self.cluster.answers(candidates, ask),
            Depth::Legality => Answers { candidates, basis: Basis::Legal },
        })
    }

    /// The next line must place that task, rightly; it starts.
    pub(super) fn expect_start(
        &mut self,
        start: Start<'_>,
        life: Life,
        answers: &Answers,
    ) -> Result<TaskNumber, CheckError> {
        let Start { event, name, ask, why } = start;
        let found = self.log.expect_head(&self.head(event, name, &ask.group))?;
        let What::Placed { instance, zone, gpus, why: found_why } = &found else {
            return Err(self.log.wrong(format!("`{name}` is placed on {}", self.named(answers))));
        };
        if self.cluster.task_named(name).is_some() || self.queue.contains(name) {
            return Err(self.log.wrong(format!("`{name}` is alive already")));
        }
        if found_why.as_deref() != why {
            let should = why.map_or_else(|| "it has no `why`".to_owned(), |why| format!("its `why` is {why}"));
            return Err(self.log.wrong(should));
        }
        let number =
            self.cluster.instance_named(instance).filter(|number| self.cluster.instances[*number].is_present());
        let Some(number) = number else {
            return Err(self.log.wrong(format!("there is no instance `{instance}` now")));
        };
        if answers.candidates.iter().all(|candidate| candidate.instance != number) {
            let should = match self.cluster.ineligibility(number, ask) {
                Some(reason) => format!("`{instance}` cannot take it: {reason}"),
                None => format!("it is placed on {}", self.named(answers)),
            };
            return Err(self.log.wrong(should));
        }
        let right = self.cluster.instances[number].zone();
        if right != *zone {
            return Err(self.log.wrong(format!("`{instance}` is in zone `{right}`")));
        }
        let gpus = self.check_gpus(number, ask, gpus)?;
        self.log.pass();
        match answers.basis {
            Basis::Chosen => self.checked.chosen += 1,
            Basis::Open => self.checked.open += 1,
            Basis::Legal => self.checked.legal += 1,
            Basis::Given => {}
        }
        Ok(self.start(start, life, number, gpus))
    }

    fn named(&self, answers: &Answers) -> String {
        let names = answers.candidates.iter().take(5).map(|it| self.cluster.instances[it.instance].name());
        names.collect::<Vec<_>>().join(" or ")
    }

    /// Code of somebody's own may choose any GPUs that have enough left.
    fn check_gpus(&self, number: InstanceNumber, ask: &Ask, ids: &[String]) -> Result<Vec<usize>, CheckError> {
        let right = self.cluster.gpus_for(number, ask);
        let is_right =
            |gpus: &Vec<usize>| *gpus == right || (ask.takes_any_gpus && self.cluster.are_enough(number, ask, gpus));
        let found = self.cluster.gpu_positions(number, ids).filter(is_right);
        found.ok_or_else(|| {
            let right = self.cluster.gpu_ids(number, &right);
            self.log.wrong(format!("it gets the GPUs {right:?}"))
        })
    }

    fn start(&mut self, start: Start<'_>, life: Life, instance: InstanceNumber, gpus: Vec<usize>) -> TaskNumber {
        let service = life.service.and_then(|(id, _)| self.services.get(&id));
        let number = self.cluster.start(Task {
            name: Arc::clone(start.name),
            gpus,
            ask: Arc::clone(start.ask),
            instance,
            should_run: true,
            healthy_ms: service
                .filter(|_| life.start_ms == 0)
                .map(|service| self.now_ms.saturating_add(service.health_delay_ms())),
            is_adoptable: false,
            is_timed: life.duration_ms.is_some(),
            service: life.service,
        });
        self.timed_alive += u64::from(life.duration_ms.is_some() && life.service.is_none());
        if let Some(service) = life.service.and_then(|(id, _)| self.services.get_mut(&id)) {
            service.tasks.insert(number);
        }
        let runs_at_ms = self.now_ms.saturating_add(life.start_ms);
        if life.start_ms > 0 {
            self.agenda.insert((runs_at_ms, Rank::Running, number), Due::Running(number));
        }
        if let Some(duration_ms) = life.duration_ms {
            let at_ms = runs_at_ms.saturating_add(duration_ms);
            let rank = if at_ms == self.now_ms { Rank::InstantEnd } else { Rank::End };
            self.agenda.insert((at_ms, rank, number), Due::End(number));
        }
        number
    }

    /// The next line must refuse that task.
    pub(super) fn expect_refusal(
        &mut self,
        head: &Head<'_>,
        refusal: &Refusal,
        form: Unplaced,
    ) -> Result<(), CheckError> {
        let waits = form == Unplaced::Waits;
        match (self.claim.depth, &self.log.expect_head(head)?) {
            (Depth::Legality, What::Refused { waits: found, .. }) if *found == waits => {
                self.log.pass();
                self.checked.legal += 1;
                return Ok(());
            }
            _ => {}
        }
        let what = What::Refused { reason: refusal.reason.to_owned(), closest: refusal.closest.clone(), waits };
        self.log.expect(head, &what)?;
        self.checked.refused += 1;
        Ok(())
    }

    /// The next line must be the stop of that task.
    pub(super) fn expect_stop(&mut self, number: TaskNumber, why: &str, event: Option<u64>) -> Result<(), CheckError> {
        let task = &self.cluster.tasks[&number];
        let instance = self.cluster.instances[task.instance].name().to_owned();
        let what = What::Stopped { instance: Some(instance), why: why.to_owned() };
        self.log.expect(&self.head(event, &task.name, &task.ask.group), &what)?;
        self.checked.stops += 1;
        self.end(number, why);
        Ok(())
    }

    /// How a line of this instant begins.
    pub(super) fn head<'h>(&self, event: Option<u64>, task: &'h str, group: &'h str) -> Head<'h> {
        Head { at_ms: self.now_ms, event, task, group }
    }

    /// A task's desired status becomes STOPPED.
    fn end(&mut self, number: TaskNumber, why: &str) {
        let task = &self.cluster.tasks[&number];
        let service = task.service;
        self.timed_alive -= u64::from(task.is_timed && service.is_none());
        self.cluster.stop(number);
        if self.claim.settings.release_on == ReleaseOn::LastStopped {
            match why {
                "finished" | "failed" => self.cluster.release(number),
                _ => {
                    let at_ms = self.now_ms.saturating_add(self.claim.settings.stop_timeout_ms);
                    self.agenda.insert((at_ms, Rank::End, number), Due::Release(number));
                }
            }
        }
        if let Some((id, _)) = service
            && let Some(service) = self.services.get_mut(&id)
        {
            service.task_ended(number, why);
            // A daemon looks at the instance, which changed.
            if !service.is_daemon() {
                self.dirty.insert(id);
            }
        }
    }

    /// An instance that the trace names, and that must be there.
    pub(super) fn known_instance(&self, name: &str) -> Result<InstanceNumber, CheckError> {
        let number = self.cluster.instance_named(name).filter(|number| self.cluster.instances[*number].is_present());
        number.ok_or_else(|| CheckError::Trace(format!("there is no container instance `{name}` at that time")))
    }

    /// Tasks of a group whose desired status is RUNNING, the oldest first.
    pub(super) fn tasks_of(&self, group: &TaskGroup) -> Vec<TaskNumber> {
        let is_meant = |task: &Task| task.should_run && *task.ask.group == *group.as_str();
        self.cluster.tasks.iter().filter(|(_, task)| is_meant(task)).map(|(number, _)| *number).collect()
    }
}

/// Which task starts, as a line names it.
#[derive(Clone, Copy)]
pub(super) struct Start<'a> {
    pub(super) event: Option<u64>,
    pub(super) name: &'a Arc<str>,
    pub(super) ask: &'a Arc<Ask>,
    /// Why a service placed it.
    pub(super) why: Option<&'static str>,
}

/// How a task lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) duration_ms: Option<u64>,
    pub(super) start_ms: u64,
    /// Whose it is, and of which deployment.
    pub(super) service: Option<(ServiceNumber, u32)>,
}

/// What becomes of a task that nobody takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unplaced {
    Fails,
    Waits,
}

fn rank_of(event: &Event) -> Rank {
    match event.action.rank() {
        trace::Rank::Departure => Rank::Departure,
        trace::Rank::Arrival => Rank::Arrival,
        trace::Rank::Other => Rank::Other,
    }
}
