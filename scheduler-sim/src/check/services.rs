//! Services: what each has and wants, and how it is created, changed and deleted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use scheduler_core::SchedulingStrategy;

use super::CheckError;
use super::ask::Ask;
use super::cluster::{InstanceNumber, TaskNumber};
use super::replay::{Life, Replay};
use crate::trace::{ServiceEntry, UpdateService};

/// The number of a service's creation.
pub(super) type ServiceNumber = u64;

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
    /// The version of the cluster at which nobody could take a copy.
    pub(super) refused_at: u64,
    pub(super) next_number: u64,
    /// Ended tasks that are not yet replaced.
    pub(super) to_replace: u64,
    /// The task that was started for balance, until another one is stopped for it.
    pub(super) moving: Option<TaskNumber>,
    /// No task could be started for balance, and the cluster has not changed since.
    pub(super) cannot_move: bool,
    /// When it has a turn because a task becomes healthy.
    pub(super) wakes_at_ms: Option<u64>,
    /// Of a DAEMON service: instances on which it belongs and could not be placed.
    pub(super) daemon_missing: BTreeMap<InstanceNumber, Missing>,
}

/// Copies without an instance, wanted at one time.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    /// The number of the first; given at the first attempt to place one of them.
    pub(super) first: Option<u64>,
    pub(super) count: u64,
    pub(super) why: &'static str,
    /// The reason that the log told last.
    pub(super) told: Option<&'static str>,
}

impl Missing {
    /// The number of the first.
    pub(super) fn number(&mut self, next_number: &mut u64) -> u64 {
        *self.first.get_or_insert_with(|| {
            *next_number += self.count;
            *next_number - self.count
        })
    }
}

impl ServiceModel {
    fn new(entry: &ServiceEntry, ask: Ask, tasks: BTreeSet<TaskNumber>) -> Self {
        Self {
            entry: entry.clone(),
            ask: Arc::new(ask),
            deployment: 0,
            is_deploying: false,
            tasks,
            missing: VecDeque::new(),
            refused_at: 0,
            next_number: 0,
            to_replace: 0,
            moving: None,
            cannot_move: false,
            wakes_at_ms: None,
            daemon_missing: BTreeMap::new(),
        }
    }

    pub(super) fn is_daemon(&self) -> bool {
        self.entry.service.scheduling_strategy == SchedulingStrategy::Daemon
    }

    /// From RUNNING to healthy: without a load balancer 40 seconds (9.2).
    pub(super) fn health_delay_ms(&self) -> u64 {
        if self.entry.load_balancer_count > 0 { 0 } else { 40_000 }
    }

    pub(super) fn task_ended(&mut self, task: TaskNumber, why: &str) {
        self.tasks.remove(&task);
        self.moving = self.moving.filter(|moving| *moving != task);
        let is_exchange = matches!(why, "scale-in" | "service-deleted" | "deployment" | "rebalancing");
        self.to_replace += u64::from(!is_exchange);
    }

    /// Wants so many copies in all: new ones replace ended tasks first, and the youngest are given up first.
    pub(super) fn want(&mut self, count: u64, other: &'static str) {
        let known: u64 = self.missing.iter().map(|missing| missing.count).sum();
        let mut surplus = known.saturating_sub(count);
        while surplus > 0
            && let Some(youngest) = self.missing.back_mut()
        {
            let part = surplus.min(youngest.count);
            surplus -= part;
            youngest.count -= part;
            if youngest.count == 0 {
                self.missing.pop_back();
            }
        }
        if count > known {
            let wanted = count - known;
            let replacements = wanted.min(std::mem::take(&mut self.to_replace));
            for (count, why) in [(replacements, "replacement"), (wanted - replacements, other)] {
                if count > 0 {
                    self.missing.push_back(Missing { first: None, count, why, told: None });
                }
            }
        }
    }

    /// The first missing copy is placed.
    pub(super) fn pop_missing(&mut self) {
        if let Some(front) = self.missing.front_mut() {
            front.count -= 1;
            front.first = front.first.map(|first| first + 1);
            if front.count == 0 {
                self.missing.pop_front();
            }
        }
    }

    /// `SERVICE/number`
    pub(super) fn name_of(&self, number: u64) -> Arc<str> {
        format!("{}/{number}", self.entry.service.name()).into()
    }
}

impl Replay<'_> {
    pub(super) fn service_mut(&mut self, id: ServiceNumber) -> &mut ServiceModel {
        self.services.get_mut(&id).expect("no service is deleted in its own turn")
    }

    /// How a task of a service lives that starts now.
    pub(super) fn life_in(&self, id: ServiceNumber) -> Life {
        let service = &self.services[&id];
        Life {
            duration_ms: service.entry.task_lifetime_ms,
            start_ms: self.claim.settings.task_start_ms,
            service: Some((id, service.deployment)),
        }
    }

    /// A service adopts the tasks of its group that a snapshot has.
    pub(super) fn create_service(&mut self, entry: &ServiceEntry) {
        let id = self.created;
        self.created += 1;
        let ask = self.preferences.of_service(entry);
        let mut tasks = BTreeSet::new();
        for (number, task) in &mut self.cluster.tasks {
            if task.should_run && task.is_adoptable && task.service.is_none() && task.ask.group == ask.group {
                task.service = Some((id, 0));
                task.healthy_ms = Some(0);
                self.timed_alive -= u64::from(task.is_timed);
                tasks.insert(*number);
            }
        }
        self.services.insert(id, ServiceModel::new(entry, ask, tasks));
        self.dirty.insert(id);
    }

    /// A deployment starts on a new task definition and most other settings (9.3).
    pub(super) fn update_service(&mut self, update: &UpdateService) -> Result<(), CheckError> {
        let id = self.service_named(&update.service)?;
        let mut entry = self.services[&id].entry.clone();
        apply(update, &mut entry);
        let ask = Arc::new(self.preferences.of_service(&entry));
        let service = self.service_mut(id);
        let old = std::mem::replace(&mut service.entry, entry);
        service.ask = ask;
        service.refused_at = 0;
        service.cannot_move = false;
        if update.force_new_deployment
            || update.definition.is_some()
            || service.entry.zones != old.zones
            || service.entry.load_balancer_count != old.load_balancer_count
        {
            service.deployment += 1;
            service.is_deploying = true;
            service.moving = None;
        }
        self.dirty.insert(id);
        Ok(())
    }

    pub(super) fn delete_service(&mut self, name: &str) -> Result<(), CheckError> {
        let id = self.service_named(name)?;
        let tasks: Vec<TaskNumber> = self.services[&id].tasks.iter().copied().collect();
        tasks.into_iter().try_for_each(|task| self.expect_stop(task, "service-deleted", None))?;
        self.services.remove(&id);
        Ok(())
    }

    fn service_named(&self, name: &str) -> Result<ServiceNumber, CheckError> {
        let found = self.services.iter().find(|(_, service)| service.entry.service.name() == name);
        found.map(|(id, _)| *id).ok_or_else(|| CheckError::Trace(format!("there is no service `{name}` at that time")))
    }
}

/// What UpdateService leaves out stays.
fn apply(update: &UpdateService, entry: &mut ServiceEntry) {
    let service = &mut entry.service;
    service.desired_count = update.desired_count.unwrap_or(service.desired_count);
    if let Some(constraints) = &update.constraints {
        service.constraints.clone_from(constraints);
    }
    if let Some(strategy) = &update.strategy {
        service.strategy.clone_from(strategy);
    }
    service.minimum_healthy_percent = update.minimum_healthy_percent.or(service.minimum_healthy_percent);
    service.maximum_percent = update.maximum_percent.or(service.maximum_percent);
    service.availability_zone_rebalancing =
        update.availability_zone_rebalancing.or(service.availability_zone_rebalancing);
    if let Some(definition) = &update.definition {
        entry.definition = Arc::clone(definition);
    }
    if let Some(zones) = &update.zones {
        entry.zones.clone_from(zones);
    }
    entry.load_balancer_count = update.load_balancer_count.unwrap_or(entry.load_balancer_count);
}
