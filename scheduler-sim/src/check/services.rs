//! Services: what each has and wants, and how it is created, changed and deleted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use scheduler_core::SchedulingStrategy;

use super::CheckError;
use super::ask::Ask;
use super::cluster::{InstanceNumber, TaskNumber};
use super::replay::Replay;
use crate::trace::{ServiceEntry, UpdateService};

pub(super) struct ServiceModel {
    pub(super) entry: ServiceEntry,
    pub(super) ask: Arc<Ask>,
    /// The number of the newest deployment.
    pub(super) deployment: u32,
    pub(super) is_deploying: bool,
    /// Its tasks whose desired status is RUNNING.
    pub(super) tasks: BTreeSet<TaskNumber>,
    /// Copies that it wants and that have no instance yet, the oldest first.
    pub(super) missing: VecDeque<Missing>,
    pub(super) next_number: u64,
    /// Ended tasks that are not yet replaced.
    pub(super) to_replace: u64,
    /// The task that was started for balance, until another one is stopped for it.
    pub(super) moving: Option<TaskNumber>,
    /// It places one missing copy after another.
    pub(super) is_placing: bool,
    /// The version and time at which it had nothing to do.
    pub(super) idle_at: Option<(u64, u64)>,
    /// What happened for it since it told of missing copies, or could have.
    pub(super) news: Attention,
    /// Whether it may tell of them in this turn.
    pub(super) may_tell: bool,
    /// What happened for it since all services had their turns.
    pub(super) events: Attention,
    /// Of a DAEMON service: instances on which it could not be placed.
    pub(super) daemon_missing: BTreeMap<InstanceNumber, Missing>,
    /// Of a DAEMON service: the instance on which a task was just stopped for one of a new deployment.
    pub(super) exchanging: Option<InstanceNumber>,
}

/// What drew a service's attention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attention {
    is_touched: bool,
    seen: u64,
}

impl Default for Attention {
    fn default() -> Self {
        Self { is_touched: true, seen: 0 }
    }
}

impl Attention {
    /// Everything up to this version of the cluster is known.
    pub(super) fn after(version: u64) -> Self {
        Self { is_touched: false, seen: version }
    }

    /// Whether something happened to the service, or room was made (last at version `freed`).
    pub(super) fn is_drawn(self, freed: u64) -> bool {
        self.is_touched || self.has_room_since(freed)
    }

    pub(super) fn has_room_since(self, freed: u64) -> bool {
        freed > self.seen
    }
}

/// A copy without an instance.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    /// Given at the first attempt to place it.
    pub(super) number: Option<u64>,
    pub(super) why: &'static str,
    /// The reason that the log told last.
    pub(super) told: Option<String>,
}

impl ServiceModel {
    pub(super) fn is_daemon(&self) -> bool {
        self.entry.service.scheduling_strategy == SchedulingStrategy::Daemon
    }

    /// From RUNNING to healthy: without a load balancer 40 seconds (9.2).
    pub(super) fn health_delay_ms(&self) -> u64 {
        if self.entry.load_balancer_count > 0 { 0 } else { 40_000 }
    }

    pub(super) fn task_ended(&mut self, task: TaskNumber, why: &str) {
        self.tasks.remove(&task);
        self.touch();
        self.moving = self.moving.filter(|moving| *moving != task);
        let is_exchange = matches!(why, "scale-in" | "service-deleted" | "deployment" | "rebalancing");
        self.to_replace += u64::from(!is_exchange);
    }

    /// Something happened to the service itself, or a task of it may have become healthy.
    pub(super) fn touch(&mut self) {
        (self.news.is_touched, self.events.is_touched) = (true, true);
    }

    /// Its turn begins. Reasons may be told again if something happened since the last one.
    pub(super) fn begin_turn(&mut self, version: u64, freed: u64) {
        self.is_placing = false;
        self.may_tell = self.news.is_drawn(freed) || self.ask.reads_tasks();
        self.news = Attention::after(version);
    }

    /// `SERVICE/number`
    pub(super) fn name_of(&self, number: u64) -> Arc<str> {
        format!("{}/{number}", self.entry.service.name()).into()
    }
}

impl Replay<'_> {
    /// A service adopts the tasks of its group that a snapshot has.
    pub(super) fn create_service(&mut self, entry: &ServiceEntry) {
        let id = self.created;
        self.created += 1;
        let ask = Arc::new(self.preferences.of_service(entry));
        let mut tasks = BTreeSet::new();
        for (number, task) in &mut self.cluster.tasks {
            if task.should_run && task.is_adoptable && task.service.is_none() && task.ask.group == ask.group {
                task.service = Some((id, 0));
                task.healthy_ms = Some(0);
                self.timed_alive -= u64::from(task.is_timed);
                tasks.insert(*number);
            }
        }
        let model = ServiceModel {
            entry: entry.clone(),
            ask,
            deployment: 0,
            is_deploying: false,
            tasks,
            missing: VecDeque::new(),
            next_number: 0,
            to_replace: 0,
            moving: None,
            is_placing: false,
            idle_at: None,
            news: Attention::default(),
            may_tell: true,
            events: Attention::default(),
            daemon_missing: BTreeMap::new(),
            exchanging: None,
        };
        self.services.insert(id, model);
        self.cluster.version += 1;
    }

    /// A deployment starts on a new task definition and most other settings (9.3).
    pub(super) fn update_service(&mut self, update: &UpdateService) -> Result<(), CheckError> {
        let id = self.service_named(&update.service)?;
        let Self { services, preferences, cluster, .. } = self;
        let Some(service) = services.get_mut(&id) else { return Ok(()) };
        let old = service.entry.clone();
        update.apply_to(&mut service.entry);
        service.ask = Arc::new(preferences.of_service(&service.entry));
        if update.force_new_deployment
            || update.definition.is_some()
            || service.entry.zones != old.zones
            || service.entry.load_balancer_count != old.load_balancer_count
        {
            service.deployment += 1;
            service.is_deploying = true;
            service.moving = None;
        }
        service.touch();
        cluster.version += 1;
        Ok(())
    }

    pub(super) fn delete_service(&mut self, name: &str) -> Result<(), CheckError> {
        let id = self.service_named(name)?;
        let tasks: Vec<TaskNumber> = self.services[&id].tasks.iter().copied().collect();
        tasks.into_iter().try_for_each(|task| self.expect_stop(task, "service-deleted", None))?;
        self.services.remove(&id);
        Ok(())
    }

    fn service_named(&self, name: &str) -> Result<usize, CheckError> {
        let found = self.services.iter().find(|(_, service)| service.entry.service.name() == name);
        found.map(|(id, _)| *id).ok_or_else(|| CheckError::Trace(format!("there is no service `{name}` at that time")))
    }
}
