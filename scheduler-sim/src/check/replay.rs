//! The course of a run as the trace has it, with a line of the log for each decision.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{ReleaseOn, TaskGroup};

use super::ask::{Ask, Preferences};
use super::cluster::{Cluster, InstanceNumber, Presence, Task, TaskNumber};
use super::log::Log;
use super::queue::Queue;
use super::record::{Record, What};
use super::rules::Refusal;
use super::services::ServiceModel;
use super::{CheckError, Checked};
use crate::metrics::seconds;
use crate::trace::{self, Event, Header, InstanceEntry, RunningTask, Settings, TaskRequest, TraceError};

/// What comes first at one instant (trace format, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Running,
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
    /// A task of the service becomes healthy, so that it may act.
    Healthy(usize),
}

pub(super) struct Replay<'a> {
    pub(super) settings: &'a Settings,
    pub(super) preferences: Preferences,
    pub(super) horizon_ms: u64,
    pub(super) is_legality_only: bool,
    pub(super) log: Log<'a>,
    pub(super) now_ms: u64,
    pub(super) cluster: Cluster,
    pub(super) agenda: BTreeMap<(u64, Rank, u64), Due>,
    pub(super) queue: Queue,
    /// By the number of their creation.
    pub(super) services: BTreeMap<usize, ServiceModel>,
    pub(super) created: usize,
    /// By the address of what the trace says, which is kept.
    asks: BTreeMap<usize, (Arc<TaskRequest>, Arc<Ask>)>,
    last_refusal: Option<(u64, Arc<Ask>, Option<Refusal>)>,
    pub(super) failures: u64,
    /// Standalone tasks alive that end by themselves.
    pub(super) timed_alive: u64,
    /// Events played so far.
    pub(super) events: u64,
    pub(super) checked: Checked,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        preferences: Preferences,
        horizon_ms: u64,
        is_legality_only: bool,
        log: Log<'a>,
    ) -> Self {
        let cluster = Cluster {
            weights: settings.headroom_weights,
            tie_break: settings.tie_break,
            release_on: settings.release_on,
            own_revision_only: settings.spread_ignores_other_revisions,
            instances: Vec::new(),
            tasks: BTreeMap::new(),
            names: BTreeMap::new(),
            starts: 0,
            version: 0,
            freed: 0,
            reshaped: 0,
        };
        Self {
            settings,
            preferences,
            horizon_ms,
            is_legality_only,
            log,
            now_ms: 0,
            cluster,
            agenda: BTreeMap::new(),
            queue: Queue::default(),
            services: BTreeMap::new(),
            created: 0,
            asks: BTreeMap::new(),
            last_refusal: None,
            failures: 0,
            timed_alive: 0,
            events: 0,
            checked: Checked::default(),
        }
    }

    /// Follows the run from its beginning to its end, or to the first wrong line.
    pub(super) fn run(
        mut self,
        header: &Header,
        events: impl Iterator<Item = Result<Event, TraceError>>,
    ) -> Result<Checked, CheckError> {
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
            self.adopt(task, is_of_service)?;
        }
        header.services.iter().for_each(|entry| self.create_service(entry));
        Ok(())
    }

    /// Always the pending thing with the least (time, rank, sequence); before events of the last rank, and before time
    /// moves on, waiting tasks and services have their turn.
    fn play(&mut self, mut events: impl Iterator<Item = Result<Event, TraceError>>) -> Result<(), CheckError> {
        let mut next_event = events.next().transpose()?;
        loop {
            let of_event = next_event.as_ref().map(|event| (event.at_ms, rank_of(event)));
            let of_agenda = self.agenda.first_key_value().map(|((at_ms, rank, _), _)| (*at_ms, *rank));
            let next = of_event.into_iter().chain(of_agenda).min();
            let is_at_this_instant = next.is_some_and(|(at_ms, rank)| at_ms == self.now_ms && rank != Rank::Other);
            let is_last = next.is_none_or(|(at_ms, _)| at_ms > self.now_ms);
            if !is_at_this_instant && self.settle(is_last)? {
                continue;
            }
            let Some((at_ms, _)) = next else { return Ok(()) };
            if at_ms > self.now_ms {
                let is_over = match self.settings.end_ms {
                    Some(end_ms) => at_ms > end_ms,
                    None => at_ms > self.horizon_ms && self.timed_alive == 0,
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
            Due::Release(task) => self.cluster.release(task),
            Due::Return(instance) => {
                self.cluster.instances[instance].presence = Presence::Present;
                self.cluster.has_freed();
            }
            Due::Healthy(service) => {
                if let Some(service) = self.services.get_mut(&service) {
                    service.touch();
                }
            }
            Due::End(_) => {}
        }
        Ok(())
    }

    fn begin_running(&mut self, number: TaskNumber) {
        let Some(task) = self.cluster.tasks.get_mut(&number).filter(|task| task.should_run) else { return };
        task.is_running = true;
        self.cluster.version += 1;
        if let Some((id, _)) = task.service
            && let Some(service) = self.services.get_mut(&id)
        {
            service.touch();
            let healthy_ms = self.now_ms.saturating_add(service.health_delay_ms());
            task.healthy_ms = Some(healthy_ms);
            self.agenda.insert((healthy_ms, Rank::Running, number), Due::Healthy(id));
        }
    }

    /// Services with tasks on an instance have something to look at.
    pub(super) fn touch_services_on(&mut self, number: InstanceNumber) {
        let Self { cluster, services, .. } = self;
        for (id, _) in cluster.running_on(number).filter_map(|(_, task)| task.service) {
            if let Some(service) = services.get_mut(&id) {
                service.touch();
            }
        }
    }

    pub(super) fn register(&mut self, entry: &InstanceEntry) -> Result<(), CheckError> {
        let now_ms = self.settings.epoch_ms.saturating_add_unsigned(self.now_ms);
        for instance in entry.instances(self.cluster.instances.len() as u64, now_ms) {
            self.cluster.register(instance.map_err(|error| CheckError::Trace(error.to_string()))?);
        }
        Ok(())
    }

    /// A task that runs at time 0 has a line as well.
    fn adopt(&mut self, task: &RunningTask, is_of_service: bool) -> Result<(), CheckError> {
        let ask = Arc::new(Ask::of_running(task));
        let instance = self.known_instance(&task.instance)?;
        let gpus = self.cluster.gpus_for(instance, &ask);
        let what = What::Placed {
            instance: task.instance.to_string(),
            zone: self.cluster.instances[instance].zone().to_owned(),
            gpus: self.cluster.gpu_ids(instance, &gpus),
            why: None,
        };
        self.expect(None, &task.name, &ask.group, &what)?;
        let life = Life { duration_ms: task.ends_at_ms, start_ms: 0, service: None };
        let number = self.start(&task.name, &ask, Seat { instance, gpus }, life);
        if let Some(task) = self.cluster.tasks.get_mut(&number) {
            task.is_adoptable = is_of_service;
        }
        Ok(())
    }

    /// Starts a task whose line was right.
    pub(super) fn start(&mut self, name: &Arc<str>, ask: &Arc<Ask>, seat: Seat, life: Life) -> TaskNumber {
        let is_running = life.start_ms == 0;
        let number = self.cluster.start(Task {
            name: Arc::clone(name),
            gpus: seat.gpus,
            ask: Arc::clone(ask),
            instance: seat.instance,
            should_run: true,
            is_running: false,
            healthy_ms: None,
            is_adoptable: false,
            is_timed: life.duration_ms.is_some(),
            service: life.service,
        });
        self.timed_alive += u64::from(life.duration_ms.is_some() && life.service.is_none());
        if is_running {
            self.begin_running(number);
        } else {
            self.agenda.insert((self.now_ms + life.start_ms, Rank::Running, number), Due::Running(number));
        }
        if let Some(duration_ms) = life.duration_ms {
            let at_ms = self.now_ms.saturating_add(life.start_ms).saturating_add(duration_ms);
            let rank = if at_ms == self.now_ms { Rank::InstantEnd } else { Rank::End };
            self.agenda.insert((at_ms, rank, number), Due::End(number));
        }
        number
    }

    /// The next line must be the stop of that task.
    pub(super) fn expect_stop(&mut self, number: TaskNumber, why: &str, event: Option<u64>) -> Result<(), CheckError> {
        let task = &self.cluster.tasks[&number];
        let instance = self.cluster.instances[task.instance].name().to_owned();
        let what = What::Stopped { instance: Some(instance), why: why.to_owned() };
        let (name, group) = (Arc::clone(&task.name), Arc::clone(&task.ask.group));
        self.expect(event, &name, &group, &what)?;
        self.checked.stops += 1;
        self.end(number, why);
        Ok(())
    }

    /// A task's desired status becomes STOPPED.
    pub(super) fn end(&mut self, number: TaskNumber, why: &str) {
        let task = &self.cluster.tasks[&number];
        let service = task.service;
        self.timed_alive -= u64::from(task.is_timed && service.is_none());
        self.cluster.stop(number);
        if self.settings.release_on == ReleaseOn::LastStopped {
            match why {
                "finished" | "failed" => self.cluster.release(number),
                _ => {
                    let at_ms = self.now_ms.saturating_add(self.settings.stop_timeout_ms);
                    self.agenda.insert((at_ms, Rank::End, number), Due::Release(number));
                }
            }
        }
        if let Some(service) = service.and_then(|(service, _)| self.services.get_mut(&service)) {
            service.task_ended(number, why);
        }
    }

    /// The next line must be exactly this one.
    pub(super) fn expect(
        &mut self,
        event: Option<u64>,
        task: &str,
        group: &str,
        what: &What,
    ) -> Result<(), CheckError> {
        self.expect_head(event, task, group)?;
        let found = self.log.peek()?.map(|record| record.what.clone());
        if found.as_ref() == Some(what) {
            self.log.pass();
            return Ok(());
        }
        let what = if found.is_some_and(|found| found.to_string() == what.to_string()) {
            format!("{what:?}")
        } else {
            what.to_string()
        };
        Err(self.log.wrong(format!("`{task}` is {what}")))
    }

    /// The next line must be one of that task at this instant; what it says of it comes back.
    pub(super) fn expect_head(&mut self, event: Option<u64>, task: &str, group: &str) -> Result<Record, CheckError> {
        let now_ms = self.now_ms;
        let by = event.map_or_else(|| "no event".to_owned(), |event| format!("event {event}"));
        let should = || format!("a line of `{task}` (group `{group}`) at second {}, {by}", seconds(now_ms));
        let record = self.log.peek()?.cloned();
        let is_right = |record: &Record| {
            record.at_ms == now_ms && record.event == event && record.task == task && record.group == group
        };
        record.filter(is_right).ok_or_else(|| self.log.wrong(should()))
    }

    /// The next line places a task there. What is wrong with it, or the instance.
    pub(super) fn check_placed(&mut self, ask: &Ask, what: &What) -> Result<Seat, CheckError> {
        let What::Placed { instance, zone, gpus, .. } = what else {
            return Err(self.log.wrong("a placement"));
        };
        let number =
            self.cluster.instance_named(instance).filter(|number| self.cluster.instances[*number].is_present());
        let Some(number) = number else {
            return Err(self.log.wrong(format!("there is no instance `{instance}` now")));
        };
        if let Some((check, _)) = self.cluster.failing(number, ask) {
            return Err(self.log.wrong(format!("`{instance}` cannot take it: {}", check.reason())));
        }
        let seat = self.check_place(number, ask, zone, gpus)?;
        if self.is_legality_only {
            self.checked.legal += 1;
            return Ok(seat);
        }
        let answers = self.cluster.answers(ask);
        if !answers.instances.contains(&number) {
            let names: Vec<_> = answers.instances.iter().take(5).map(|it| self.cluster.instances[*it].name()).collect();
            return Err(self.log.wrong(format!("the strategy takes {}", names.join(" or "))));
        }
        if answers.are_open {
            self.checked.open += 1;
        } else {
            self.checked.chosen += 1;
        }
        Ok(seat)
    }

    /// The zone and the GPUs of a placement. Code of somebody's own may choose any GPUs that have enough left.
    pub(super) fn check_place(
        &mut self,
        number: InstanceNumber,
        ask: &Ask,
        zone: &str,
        gpus: &[String],
    ) -> Result<Seat, CheckError> {
        let instance = &self.cluster.instances[number];
        if instance.zone() != zone {
            return Err(self.log.wrong(format!("`{}` is in zone `{}`", instance.name(), instance.zone())));
        }
        let right = self.cluster.gpus_for(number, ask);
        let chosen = self.cluster.gpu_positions(number, gpus);
        let is_right = chosen
            .as_ref()
            .is_some_and(|chosen| *chosen == right || (ask.is_open && self.cluster.are_enough(number, ask, chosen)));
        match chosen {
            Some(gpus) if is_right => Ok(Seat { instance: number, gpus }),
            _ => {
                let ids = self.cluster.gpu_ids(number, &right);
                Err(self.log.wrong(format!("it gets the GPUs {ids:?}")))
            }
        }
    }

    /// The next line refuses a task: nobody may take it, for that reason.
    pub(super) fn check_refused(
        &mut self,
        ask: &Arc<Ask>,
        reason: &str,
        closest: Option<&str>,
    ) -> Result<(), CheckError> {
        let refusal = self.refusal(ask);
        let Some(refusal) = refusal else {
            let answers = self.cluster.answers(ask).instances;
            let names: Vec<_> = answers.iter().take(5).map(|it| self.cluster.instances[*it].name()).collect();
            return Err(self.log.wrong(format!("it is not refused: {} can take it", names.join(" or "))));
        };
        if self.is_legality_only {
            self.checked.legal += 1;
            return Ok(());
        }
        if refusal.reason != reason || refusal.closest.as_deref() != closest {
            let closest = refusal.closest.map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
            return Err(self.log.wrong(format!("the reason is {}, the closest instance {closest}", refusal.reason)));
        }
        self.checked.refused += 1;
        Ok(())
    }

    /// Why nobody takes a task now; asked once while nothing changes.
    pub(super) fn refusal(&mut self, ask: &Arc<Ask>) -> Option<Refusal> {
        let version = self.cluster.version;
        if let Some((known, of, refusal)) = &self.last_refusal
            && *known == version
            && Arc::ptr_eq(of, ask)
        {
            return refusal.clone();
        }
        let refusal = self.cluster.refusal(ask);
        self.last_refusal = Some((version, Arc::clone(ask), refusal.clone()));
        refusal
    }

    /// What the tasks of a RunTask ask for.
    pub(super) fn ask(&mut self, request: &Arc<TaskRequest>) -> Arc<Ask> {
        let Self { asks, preferences, .. } = self;
        let new = || (Arc::clone(request), Arc::new(preferences.of_task(request)));
        Arc::clone(&asks.entry(Arc::as_ptr(request) as usize).or_insert_with(new).1)
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

/// Where a task runs, and on which GPUs.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) instance: InstanceNumber,
    pub(super) gpus: Vec<usize>,
}

/// How a task lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) duration_ms: Option<u64>,
    pub(super) start_ms: u64,
    pub(super) service: Option<(usize, u32)>,
}

fn rank_of(event: &Event) -> Rank {
    match event.action.rank() {
        trace::Rank::Departure => Rank::Departure,
        trace::Rank::Arrival => Rank::Arrival,
        trace::Rank::Other => Rank::Other,
    }
}
