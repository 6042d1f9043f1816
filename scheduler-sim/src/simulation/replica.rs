//! The turn of a REPLICA service: it does what is planned, places what is missing, and keeps its zones even.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{Cluster, InstanceStatus, InstanceView, Placement, Strategy, TaskId};

use super::plan::{Step, ZoneCount, next_step, rebalancing_move};
use super::requests::Asked;
use super::services::{ServiceId, ServiceState, is_on_draining};
use super::tasks::Start;
use super::{RunError, Simulation};
use crate::outcome::{Copies, Fate, Observation, Origin, Outcome, PlacedWhy, StoppedWhy};
use crate::strategy::Meaning;

impl Simulation<'_> {
    /// One turn.
    pub(super) fn reconcile_replica(&mut self, id: ServiceId) -> Result<(), RunError> {
        loop {
            self.take_steps(id);
            if !self.place_missing(id)? {
                break;
            }
        }
        self.forget_what_is_over(id);
        self.rebalance(id)?;
        self.wake_if_waiting(id);
        Ok(())
    }

    /// Does what is planned, step by step.
    fn take_steps(&mut self, id: ServiceId) {
        loop {
            let Self { services, cluster, now_ms, .. } = self;
            let Some(state) = services.states.get_mut(&id) else { return };
            let view = state.view(cluster, *now_ms);
            let is_stopped = match next_step(view) {
                None => return,
                Some(Step::Want(count)) => {
                    state.want(count, *now_ms, view.leaving > 0);
                    continue;
                }
                Some(Step::Withdraw(count)) => {
                    self.withdraw_copies(id, count, StoppedWhy::ScaleIn);
                    continue;
                }
                Some(Step::StopPending) => self.stop_one(id, Whom::PendingOnDraining),
                Some(Step::StopLeaving) => self.stop_one(id, Whom::Leaving),
                Some(Step::ScaleIn(count)) => (0..count).all(|_| self.stop_one(id, Whom::Staying)),
            };
            if !is_stopped {
                return;
            }
        }
    }

    /// Stops the task that scale-in would choose among some of the service's (9.5, C-54). False if there is none that
    /// may be stopped.
    fn stop_one(&mut self, id: ServiceId, whom: Whom<'_>) -> bool {
        let Some(state) = self.services.states.get(&id) else { return false };
        let request = Arc::clone(state.prepared.request());
        // Standalone tasks may be of the service's group, too (C-46).
        let group = self.cluster.group(request.group());
        let tasks = group.into_iter().flat_map(|group| group.tasks()).map(|task| task.id());
        let others: Vec<TaskId> = tasks.filter(|task| !whom.is_meant(state, &self.cluster, *task)).collect();
        let Some(task) = self.choose_stop_but(&request, &others) else { return false };
        let why = match whom {
            Whom::Staying => StoppedWhy::ScaleIn,
            Whom::InZone(_) => StoppedWhy::Rebalancing,
            Whom::PendingOnDraining => StoppedWhy::Draining,
            Whom::Leaving if is_on_draining(&self.cluster, task) => StoppedWhy::Draining,
            Whom::Leaving => StoppedWhy::Deployment,
        };
        self.end(task, why, None);
        true
    }

    /// Scale-in's choice with some tasks left out. The engine leaves protected tasks alone, so these are protected while
    /// it chooses; that changes nothing that anybody observes.
    fn choose_stop_but(&mut self, request: &scheduler_core::PlacementRequest, others: &[TaskId]) -> Option<TaskId> {
        let Self { cluster, scheduler, draw, .. } = self;
        let protected = others.iter().filter(|task| matches!(cluster.set_task_protection(**task, true), Ok(Some(_))));
        let protected: Vec<TaskId> = protected.copied().collect();
        let chosen = scheduler.choose_stop(cluster, request, draw);
        for task in protected {
            drop(cluster.set_task_protection(task, false));
        }
        chosen
    }

    /// Places missing copies one after another until one finds no instance; whether any was placed.
    fn place_missing(&mut self, id: ServiceId) -> Result<bool, RunError> {
        let mut is_any_placed = false;
        loop {
            let Self { services, cluster, draw, statistics, .. } = self;
            let Some(state) = services.states.get_mut(&id) else { return Ok(is_any_placed) };
            let Some(number) = state.front_number() else { return Ok(is_any_placed) };
            statistics.count_decision(&state.prepared.placer);
            let placement = state.prepared.placer.place(cluster, draw);
            if self.probe.is_some() {
                self.look_at_copy(id, number, placement.as_ref());
            }
            let Some(placement) = placement else {
                self.refuse_missing(id);
                return Ok(is_any_placed);
            };
            let Some(state) = self.services.states.get_mut(&id) else { return Ok(is_any_placed) };
            let front = state.missing.front();
            let start = Start {
                event: None,
                origin: Origin::Service,
                wanted_at_ms: front.map_or(self.now_ms, |front| front.wanted_at_ms),
                duration_ms: state.entry.task_lifetime_ms,
                service: Some(id),
                has_waited: front.is_some_and(|front| front.refusal.is_some()),
                why: front.map(|front| front.why),
            };
            state.pop_front();
            self.start_copy(id, placement, number, start)?;
            is_any_placed = true;
        }
    }

    /// Starts a copy of a service under its name.
    pub(super) fn start_copy(
        &mut self,
        id: ServiceId,
        placement: Placement,
        number: u64,
        start: Start,
    ) -> Result<TaskId, RunError> {
        let Some(state) = self.services.states.get(&id) else { return Err(RunError::Interrupted) };
        let service: Box<str> = state.entry.service.name().into();
        let at_ms = self.now_ms;
        let failed = |cause| RunError::Service { service: service.clone(), at_ms, cause: Box::new(cause) };
        self.check_task_limit().map_err(failed)?;
        let name = state.name_of(number);
        let task = self.start(placement, Some(&name), start).map_err(|error| failed(error.into()))?;
        self.service_task_started(id, task);
        Ok(task)
    }

    fn look_at_copy(&mut self, id: ServiceId, number: u64, placement: Option<&Placement>) {
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let request = Arc::clone(state.prepared.request());
        let execution = Some(state.prepared.placer.execution());
        let name: Box<str> = state.entry.service.name().into();
        let last = number + if placement.is_some() { 0 } else { state.missing_count().saturating_sub(1) };
        let is_task = |task: &str| (number..=last).any(|number| *task == format!("{name}/{number}"));
        self.look(is_task, &request, placement, execution, None);
    }

    /// All missing copies are refused; those that are so for the first time, or for another reason, are told.
    pub(super) fn refuse_missing(&mut self, id: ServiceId) {
        let Self { services, scheduler, cluster, version, observer, now_ms, .. } = self;
        let Some(state) = services.states.get_mut(&id) else { return };
        let asked = Asked { scheduler, version: *version, wants_closest: observer.wants_names() };
        let refusal = state.prepared.refusal(&asked, cluster);
        state.number_all();
        let request = Arc::clone(state.prepared.request());
        let name = state.entry.service.name();
        for missing in &mut state.missing {
            let is_news = missing.refusal.as_ref().is_none_or(|known| known.reason != refusal.reason);
            if is_news {
                let first = missing.first_number.unwrap_or_default();
                let copies = Copies::Numbered { base: name, first, count: missing.count };
                let fate = Fate::Missing { refused: refusal.as_refused(), is_first: missing.refusal.is_none() };
                let (group, origin) = (request.group(), Origin::Service);
                let outcome = Outcome { event: None, copies, group, origin, fate };
                observer.observe(*now_ms, &Observation::Outcome(&outcome));
            }
            missing.refusal = Some(Arc::clone(&refusal));
        }
    }

    /// With all tasks that it wants a service has nothing more to replace, and without old ones its deployment has ended.
    fn forget_what_is_over(&mut self, id: ServiceId) {
        let Self { services, cluster, now_ms, .. } = self;
        let Some(state) = services.states.get_mut(&id) else { return };
        let view = state.view(cluster, *now_ms);
        if view.staying >= view.desired {
            state.to_replace = 0;
            state.is_deploying &= view.leaving > 0;
        }
    }

    /// Whoever waits for health is woken in time.
    fn wake_if_waiting(&mut self, id: ServiceId) {
        let Some(state) = self.services.states.get(&id) else { return };
        if state.moving.is_some() || state.view(&self.cluster, self.now_ms).leaving > 0 {
            self.wake_when_healthy(id);
        }
    }

    /// Whether the service has tasks that may move for balance between zones (9.6).
    pub(super) fn may_rebalance(&self, state: &ServiceState) -> bool {
        state.entry.service.desired_count > 1 && self.is_rebalanced(state)
    }

    /// Whether the service is one that ECS rebalances over zones, once it has several tasks (9.6).
    pub(super) fn is_rebalanced(&self, state: &ServiceState) -> bool {
        let service = &state.entry.service;
        // The strategy that counts is the one that the run uses.
        let is_eligible = match self.meaning {
            Meaning::Replace(strategy) => {
                let mut service = service.clone();
                service.strategy = matches!(strategy, Strategy::Chain(_)).then(|| strategy.clone());
                service.is_eligible_for_zone_rebalancing()
            }
            Meaning::AsWritten | Meaning::OneTaskPerHost | Meaning::FragmentationGradientDescent => {
                service.is_eligible_for_zone_rebalancing()
            }
        };
        service.availability_zone_rebalancing.unwrap_or(true) && is_eligible
    }

    /// In a steady state: a task starts in the emptiest zone, and when it is healthy one in the fullest zone stops.
    fn rebalance(&mut self, id: ServiceId) -> Result<(), RunError> {
        let Some(state) = self.services.states.get(&id) else { return Ok(()) };
        if state.cannot_move || !self.may_rebalance(state) {
            return Ok(());
        }
        let view = state.view(&self.cluster, self.now_ms);
        if view.leaving > 0 || view.missing > 0 || state.is_deploying || view.staying != view.desired {
            return Ok(());
        }
        if let Some(moving) = state.moving {
            let is_healthy = state.tasks.get(&moving).is_some_and(|task| task.is_healthy(self.now_ms));
            if is_healthy {
                self.finish_move(id);
            }
            return Ok(());
        }
        let zones = zone_counts(&self.cluster, state);
        let zones: Vec<_> = zones.iter().map(|(zone, tasks)| ZoneCount { zone, tasks: u64::from(*tasks) }).collect();
        let Some((_, to)) = rebalancing_move(&zones) else { return Ok(()) };
        if view.staying + 1 > view.bounds.most {
            return Ok(());
        }
        let to: Box<str> = to.into();
        self.begin_move(id, to)
    }

    /// Starts a task in a zone; if there is no room the service gives up until the cluster changes.
    fn begin_move(&mut self, id: ServiceId, to: Box<str>) -> Result<(), RunError> {
        let Some(state) = self.services.states.get_mut(&id) else { return Ok(()) };
        let request = state.prepared.request().as_ref().clone().zones([to]);
        self.statistics.decisions += 1;
        let placement = self.scheduler.place_once(&self.cluster, &request, &mut self.draw);
        let Ok(Some(placement)) = placement else {
            state.cannot_move = true;
            return Ok(());
        };
        let number = state.take_number();
        let start = Start {
            event: None,
            origin: Origin::Service,
            wanted_at_ms: self.now_ms,
            duration_ms: state.entry.task_lifetime_ms,
            service: Some(id),
            has_waited: false,
            why: Some(PlacedWhy::Rebalancing),
        };
        if self.probe.is_some() {
            let (name, execution) = (state.name_of(number), state.prepared.placer.execution());
            self.look(|task| *task == *name, &Arc::new(request), Some(&placement), Some(execution), None);
        }
        let task = self.start_copy(id, placement, number, start)?;
        if let Some(state) = self.services.states.get_mut(&id) {
            state.moving = Some(task);
        }
        self.services.touch(id);
        Ok(())
    }

    /// Stops a task in the fullest zone.
    fn finish_move(&mut self, id: ServiceId) {
        let Some(state) = self.services.states.get(&id) else { return };
        let zones = zone_counts(&self.cluster, state);
        let fullest = zones.iter().min_by_key(|(zone, tasks)| (std::cmp::Reverse(**tasks), *zone));
        let Some((from, _)) = fullest else { return };
        self.stop_one(id, Whom::InZone(from));
        if let Some(state) = self.services.states.get_mut(&id) {
            state.moving = None;
        }
        self.services.touch(id);
    }
}

/// A service's tasks in each Availability Zone that is configured for it (C-61): a zone of an ACTIVE instance that its
/// static rules admit, whatever is free there and whether its agent is connected.
pub(super) fn zone_counts(cluster: &Cluster, state: &ServiceState) -> BTreeMap<Box<str>, u32> {
    let is_configured = |instance: &InstanceView<'_>| {
        instance.is_present() && instance.status() == InstanceStatus::Active && state.rules.admit(instance.attributes())
    };
    let mut zones: BTreeMap<Box<str>, u32> = BTreeMap::new();
    for instance in cluster.instances() {
        if !zones.contains_key(instance.zone()) && is_configured(&instance) {
            zones.insert(instance.zone().into(), 0);
        }
    }
    for task in state.tasks.keys().filter_map(|task| cluster.task(*task)) {
        if let Some(count) = zones.get_mut(task.instance().zone()) {
            *count += 1;
        }
    }
    zones
}

/// Which tasks of a service may be stopped.
#[derive(Debug, Clone, Copy)]
enum Whom<'a> {
    /// Those that stay.
    Staying,
    /// Those that leave.
    Leaving,
    /// Those on DRAINING instances that do not run yet.
    PendingOnDraining,
    /// Those in one zone.
    InZone(&'a str),
}

impl Whom<'_> {
    fn is_meant(self, state: &ServiceState, cluster: &Cluster, id: TaskId) -> bool {
        let Some(task) = state.tasks.get(&id) else { return false };
        match self {
            Self::Staying => !state.is_leaving(cluster, id, *task),
            Self::Leaving => state.is_leaving(cluster, id, *task),
            Self::PendingOnDraining => task.healthy_from_ms.is_none() && is_on_draining(cluster, id),
            Self::InZone(zone) => {
                state.moving != Some(id) && cluster.task(id).is_some_and(|task| *task.instance().zone() == *zone)
            }
        }
    }
}
