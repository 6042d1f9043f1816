//! Services get their turn: the loop applies what they plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use scheduler_core::{InstanceId, Placement, SchedulingStrategy, TaskId, TaskKind};

use super::capacity::Changed;
use super::requests::{Prepared, under};
use super::services::{Missing, ServiceId, ServiceState, Step, plan};
use super::tasks::Start;
use super::{Cause, RunError, Simulation};
use crate::outcome::{Copies, Fate, Observation, Origin, Outcome, StoppedWhy};
use crate::trace::{ServiceEntry, UpdateService};

impl Simulation<'_> {
    pub(super) fn create_service(&mut self, entry: &ServiceEntry) -> Result<(), Cause> {
        let name = entry.service.name();
        if self.services.find(name).is_some() {
            return Err(Cause::DuplicateService(name.into()));
        }
        if entry.service.scheduling_strategy == SchedulingStrategy::Daemon {
            return Err(Cause::NotBuilt("a DAEMON service"));
        }
        if entry.task_lifetime_ms.is_some() {
            return Err(Cause::NotBuilt("`taskLifetimeSeconds`"));
        }
        let prepared = self.prepare_service(entry)?;
        let id = self.services.insert(entry.clone(), prepared);
        let group = entry.service.group();
        let adopted: Vec<TaskId> = self
            .cluster
            .group(group)
            .into_iter()
            .flat_map(|group| group.tasks())
            .filter_map(|task| (task.spec().kind == TaskKind::Replica).then_some(task.id()))
            .collect();
        for task in adopted {
            self.give_to_service(task, id);
            if let Some(state) = self.services.states.get_mut(&id) {
                state.tasks.insert(task);
            }
        }
        Ok(())
    }

    fn prepare_service(&mut self, entry: &ServiceEntry) -> Result<Prepared, Cause> {
        let request = under(self.meaning, entry.request());
        self.observer.observe(self.now_ms, &Observation::Service(&request));
        Ok(Prepared::new(&self.scheduler, &mut self.cluster, request)?)
    }

    pub(super) fn update_service(&mut self, update: &UpdateService) -> Result<(), Cause> {
        let id = self.known_service(&update.service)?;
        let Some(state) = self.services.states.get(&id) else { return Ok(()) };
        if (update.definition.is_some() || update.force_new_deployment) && !state.tasks.is_empty() {
            return Err(Cause::NotBuilt("a deployment of `updateService`"));
        }
        let mut entry = state.entry.clone();
        update.apply_to(&mut entry);
        let prepared = self.prepare_service(&entry)?;
        if let Some(state) = self.services.states.get_mut(&id) {
            state.entry = entry;
            state.prepared = prepared;
        }
        self.services.touch(id);
        Ok(())
    }

    pub(super) fn delete_service(&mut self, name: &str, force: bool) -> Result<(), Cause> {
        let id = self.known_service(name)?;
        let Some(state) = self.services.states.get_mut(&id) else { return Ok(()) };
        let desired = state.entry.service.desired_count;
        if desired > 0 && !force {
            return Err(Cause::ServiceInUse { service: name.into(), desired });
        }
        state.entry.service.desired_count = 0;
        let (missing, tasks) = (state.missing_count(), state.tasks.clone());
        self.withdraw_copies(id, missing, StoppedWhy::ServiceDeleted);
        for task in tasks {
            self.end(task, StoppedWhy::ServiceDeleted, None);
        }
        self.services.states.remove(&id);
        Ok(())
    }

    fn known_service(&self, name: &str) -> Result<ServiceId, Cause> {
        self.services.find(name).ok_or_else(|| Cause::UnknownService(name.into()))
    }

    /// A service's task has ended; unless the service itself wanted it so, it is to be replaced.
    pub(super) fn service_task_ended(&mut self, id: ServiceId, task: TaskId, why: StoppedWhy) {
        let Some(state) = self.services.states.get_mut(&id) else { return };
        state.tasks.remove(&task);
        if !matches!(why, StoppedWhy::ScaleIn | StoppedWhy::ServiceDeleted) {
            state.to_replace += 1;
        }
        self.services.touch(id);
    }

    /// An instance became ACTIVE or DRAINING.
    pub(super) fn services_see_status(&mut self, instance: InstanceId) {
        let Self { cluster, alive, .. } = self;
        let tasks = cluster.instance(instance).into_iter().flat_map(|instance| instance.tasks());
        let services: Vec<_> = tasks.filter_map(|task| alive.get(&task.id()).and_then(|task| task.service)).collect();
        if !services.is_empty() {
            self.warn(|| {
                "service tasks on DRAINING container instances are left where they are: this version does not simulate \
                 their replacement"
                    .to_owned()
            });
        }
    }

    /// Every service for which something changed acts once, in the order of creation; whether any did.
    ///
    /// Copies without an instance count as tried again whenever room may have been made. Where none of the changed
    /// instances can take one, only the reason is asked for.
    pub(super) fn reconcile_services(&mut self, changed: &Changed) -> Result<bool, RunError> {
        let dirty = self.services.take_dirty();
        let is_concerned =
            |state: &ServiceState| !state.missing.is_empty() && changed.concerns(state.prepared.reads_tasks);
        let concerned = self.services.states.iter().filter(|(_, state)| is_concerned(state)).map(|(id, _)| *id);
        let turns: BTreeSet<_> = concerned.chain(dirty.iter().copied()).collect();
        let mut acted = false;
        for id in turns {
            let Self { services, cluster, triggers, .. } = self;
            let may_fit = services.states.get(&id).is_some_and(|state| {
                let (request, reads_tasks) = (state.prepared.request(), state.prepared.reads_tasks);
                changed.may_fit(cluster, request, reads_tasks) || triggers.may_fit(cluster, request, reads_tasks)
            });
            if may_fit || dirty.contains(&id) {
                acted |= self.reconcile(id)?;
            } else {
                self.refuse_missing(id);
            }
        }
        Ok(acted)
    }

    fn reconcile(&mut self, id: ServiceId) -> Result<bool, RunError> {
        let Some(state) = self.services.states.get(&id) else { return Ok(false) };
        let mut acted = false;
        for step in plan(state.view()) {
            acted |= match step {
                Step::Want(count) => {
                    if let Some(state) = self.services.states.get_mut(&id) {
                        state.want(count, self.now_ms);
                    }
                    false
                }
                Step::Withdraw(count) => {
                    self.withdraw_copies(id, count, StoppedWhy::ScaleIn);
                    false
                }
                Step::Stop(count) => self.scale_in(id, count),
            };
        }
        Ok(acted | self.place_missing(id)?)
    }

    /// Stops tasks in the order in which scale-in chooses them (placement spec 9.5).
    fn scale_in(&mut self, id: ServiceId, count: u64) -> bool {
        for stopped in 0..count {
            let Some(state) = self.services.states.get(&id) else { return stopped > 0 };
            let request = Arc::clone(state.prepared.request());
            let Some(task) = self.scheduler.choose_stop(&self.cluster, &request, &mut self.draw) else {
                return stopped > 0;
            };
            self.end(task, StoppedWhy::ScaleIn, None);
        }
        count > 0
    }

    /// Gives up copies that have no instance, the youngest first.
    fn withdraw_copies(&mut self, id: ServiceId, count: u64, why: StoppedWhy) {
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let withdrawn = state.pop_back(count);
        let service = Arc::clone(state.prepared.request());
        let name: Box<str> = state.entry.service.name().into();
        for Missing { first_number, count, refusal, .. } in withdrawn {
            let copies = Copies::Numbered { base: &name, first: first_number.unwrap_or_default(), count };
            let fate = Fate::Withdrawn { reason: refusal.as_ref().map(|refusal| refusal.reason), why };
            self.tell(&Outcome { event: None, copies, group: service.group(), origin: Origin::Service, fate });
        }
    }

    /// Places missing copies one after another until one finds no instance; whether any was placed.
    fn place_missing(&mut self, id: ServiceId) -> Result<bool, RunError> {
        let mut is_any_placed = false;
        loop {
            let Self { services, cluster, draw, statistics, .. } = self;
            let Some(state) = services.states.get_mut(&id) else { return Ok(is_any_placed) };
            let Some(number) = state.front_number() else { return Ok(is_any_placed) };
            statistics.decisions += 1;
            let placement = state.prepared.placer.place(cluster, draw);
            if self.probe.is_some() {
                self.look_at_copy(id, number, placement.as_ref());
            }
            let Some(placement) = placement else {
                self.refuse_missing(id);
                return Ok(is_any_placed);
            };
            let Some(state) = self.services.states.get_mut(&id) else { return Ok(is_any_placed) };
            let service: Box<str> = state.entry.service.name().into();
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
            let at_ms = self.now_ms;
            let failed = |cause| RunError::Service { service: service.clone(), at_ms, cause: Box::new(cause) };
            self.check_task_limit().map_err(failed)?;
            let name: Arc<str> = format!("{service}/{number}").into();
            let task = self.start(placement, &name, start).map_err(|error| failed(error.into()))?;
            if let Some(state) = self.services.states.get_mut(&id) {
                state.tasks.insert(task);
            }
            is_any_placed = true;
        }
    }

    fn look_at_copy(&mut self, id: ServiceId, number: u64, placement: Option<&Placement>) {
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let request = Arc::clone(state.prepared.request());
        let name: Box<str> = state.entry.service.name().into();
        let last = number + if placement.is_some() { 0 } else { state.missing_count().saturating_sub(1) };
        let is_task = |task: &str| (number..=last).any(|number| *task == format!("{name}/{number}"));
        self.look(is_task, &request, placement, None);
    }

    /// All missing copies are refused; those that are so for the first time, or for another reason, are told.
    fn refuse_missing(&mut self, id: ServiceId) {
        let Self { services, scheduler, cluster, version, observer, now_ms, .. } = self;
        let Some(state) = services.states.get_mut(&id) else { return };
        let refusal = state.prepared.refusal(scheduler, cluster, *version);
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

    /// The run ends: missing copies are still wanted.
    pub(super) fn leave_services(&mut self) {
        let states = std::mem::take(&mut self.services.states);
        for state in states.values() {
            for missing in &state.missing {
                let first = missing.first_number.unwrap_or_default();
                let copies = Copies::Numbered { base: state.entry.service.name(), first, count: missing.count };
                let fate = Fate::StillWanted { reason: missing.refusal.as_ref().map(|refusal| refusal.reason) };
                let (group, origin) = (state.entry.service.group(), Origin::Service);
                self.tell(&Outcome { event: None, copies, group, origin, fate });
            }
        }
    }
}
