//! Services are created, changed and deleted, and get their turns.

use std::collections::BTreeSet;
use std::sync::Arc;

use scheduler_core::{InstanceId, TaskId, TaskKind, TaskStatus};

use super::capacity::Changed;
use super::requests::{Prepared, under};
use super::services::{Missing, ServiceId, ServiceState, ServiceTask};
use super::{Cause, RunError, Simulation};
use crate::metrics::StaticRules;
use crate::outcome::{Copies, Fate, Observation, Origin, Outcome, StoppedWhy};
use crate::trace::{ServiceEntry, UpdateService};

impl Simulation<'_> {
    pub(super) fn create_service(&mut self, entry: &ServiceEntry) -> Result<(), Cause> {
        let name = entry.service.name();
        if self.services.find(name).is_some() {
            return Err(Cause::DuplicateService(name.into()));
        }
        if entry.task_lifetime_ms == Some(0) {
            return Err(Cause::EndlessReplacement(name.into()));
        }
        let prepared = self.prepare_service(entry)?;
        let kind = prepared.request().spec().kind;
        let id = self.services.insert(entry.clone(), prepared);
        let group = self.cluster.group(entry.service.group());
        let tasks = group.into_iter().flat_map(|group| group.tasks());
        let adopted: Vec<TaskId> = tasks.filter(|task| task.spec().kind == kind).map(|task| task.id()).collect();
        for task in adopted {
            self.give_to_service(task, id);
            if let Some(state) = self.services.states.get_mut(&id) {
                // What ran before the trace begins has long been healthy.
                state.tasks.insert(task, ServiceTask { deployment: 0, healthy_from_ms: Some(0) });
            }
        }
        Ok(())
    }

    fn prepare_service(&mut self, entry: &ServiceEntry) -> Result<Prepared, Cause> {
        let request = under(self.meaning, entry.request());
        if request.spec().kind == TaskKind::Replica {
            self.observer.observe(self.now_ms, &Observation::Service(&request));
        }
        Ok(Prepared::new(&self.scheduler, &mut self.cluster, request)?)
    }

    /// A deployment starts on a new task definition and on most other settings (9.3); its tasks are those that stay.
    pub(super) fn update_service(&mut self, update: &UpdateService) -> Result<(), Cause> {
        let id = self.known_service(&update.service)?;
        let Some(state) = self.services.states.get(&id) else { return Ok(()) };
        let mut entry = state.entry.clone();
        update.apply_to(&mut entry);
        let starts_deployment = update.force_new_deployment
            || update.definition.is_some()
            || entry.zones != state.entry.zones
            || entry.load_balancer_count != state.entry.load_balancer_count;
        let prepared = self.prepare_service(&entry)?;
        if let Some(state) = self.services.states.get_mut(&id) {
            state.entry = entry;
            state.rules = StaticRules::of(prepared.request());
            state.prepared = prepared;
            state.cannot_move = false;
            if starts_deployment {
                state.deployment += 1;
                state.is_deploying = true;
                state.moving = None;
            }
        }
        self.services.touch(id);
        Ok(())
    }

    pub(super) fn delete_service(&mut self, name: &str, force: bool) -> Result<(), Cause> {
        let id = self.known_service(name)?;
        let Some(state) = self.services.states.get_mut(&id) else { return Ok(()) };
        let desired = if state.is_daemon() { 0 } else { state.entry.service.desired_count };
        if desired > 0 && !force {
            return Err(Cause::ServiceInUse { service: name.into(), desired });
        }
        let tasks: Vec<TaskId> = state.tasks.keys().copied().collect();
        let mut missing = state.pop_back(u64::MAX);
        missing.extend(std::mem::take(&mut state.daemon_missing).into_values());
        self.tell_withdrawn(id, missing, StoppedWhy::ServiceDeleted);
        for task in tasks {
            self.end(task, StoppedWhy::ServiceDeleted, None);
        }
        self.services.states.remove(&id);
        Ok(())
    }

    fn known_service(&self, name: &str) -> Result<ServiceId, Cause> {
        self.services.find(name).ok_or_else(|| Cause::UnknownService(name.into()))
    }

    /// A service's task has ended; unless the service itself exchanged it or wanted it gone, it is to be replaced.
    pub(super) fn service_task_ended(&mut self, id: ServiceId, task: TaskId, why: StoppedWhy) {
        let Some(state) = self.services.states.get_mut(&id) else { return };
        state.tasks.remove(&task);
        state.moving = state.moving.filter(|moving| *moving != task);
        let is_exchange = matches!(
            why,
            StoppedWhy::ScaleIn | StoppedWhy::ServiceDeleted | StoppedWhy::Deployment | StoppedWhy::Rebalancing
        );
        state.to_replace += u64::from(!is_exchange);
        if !state.is_daemon() {
            // A daemon looks at the instance, which changed.
            self.services.touch(id);
        }
    }

    /// A service's task was started.
    pub(super) fn service_task_started(&mut self, id: ServiceId, task: TaskId) {
        let status = self.cluster.task(task).map(|task| task.status());
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let is_running = status == Some(TaskStatus::Running);
        let healthy_from_ms = is_running.then(|| state.healthy_from_ms(self.now_ms));
        state.tasks.insert(task, ServiceTask { deployment: state.deployment, healthy_from_ms });
    }

    /// A task became RUNNING.
    pub(super) fn service_task_runs(&mut self, task: TaskId) {
        let Some(id) = self.alive.get(&task).and_then(|task| task.service) else { return };
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let healthy_from_ms = Some(state.healthy_from_ms(self.now_ms));
        if let Some(task) = state.tasks.get_mut(&task) {
            task.healthy_from_ms = healthy_from_ms;
        }
        self.services.touch(id);
    }

    /// An instance became ACTIVE or DRAINING: services with tasks there have something to do.
    pub(super) fn services_see_status(&mut self, instance: InstanceId) {
        let Self { cluster, alive, services, .. } = self;
        for task in cluster.instance(instance).into_iter().flat_map(|instance| instance.tasks()) {
            if let Some(id) = alive.get(&task.id()).and_then(|task| task.service) {
                services.touch(id);
            }
        }
    }

    /// Tasks of the service become healthy.
    pub(super) fn service_wakes(&mut self, id: ServiceId) {
        if let Some(state) = self.services.states.get_mut(&id) {
            state.wakes_at_ms = None;
            self.services.touch(id);
        }
    }

    /// Wakes the service when the next of its tasks becomes healthy, if somebody waits for that.
    pub(super) fn wake_when_healthy(&mut self, id: ServiceId) {
        let now_ms = self.now_ms;
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let Some(at_ms) = state.next_healthy_ms(now_ms) else { return };
        if state.wakes_at_ms.is_none_or(|wakes_at_ms| at_ms < wakes_at_ms) {
            state.wakes_at_ms = Some(at_ms);
            self.agenda.service_wakes(at_ms, id);
        }
    }

    /// Every DAEMON service looks at the instances that changed: daemons are the first to start (9.1).
    pub(super) fn reconcile_daemons(&mut self, changed: &Changed) -> Result<(), RunError> {
        let daemons = self.services.states.iter().filter(|(_, state)| state.is_daemon());
        let daemons: Vec<ServiceId> = daemons.map(|(id, _)| *id).collect();
        daemons.into_iter().try_for_each(|id| self.reconcile_daemon(id, changed))
    }

    /// Every REPLICA service for which something changed acts once, in the order of creation.
    ///
    /// Copies without an instance count as tried again whenever room may have been made since they were refused. Where none of the changed
    /// instances can take one, only the reason is asked for.
    pub(super) fn reconcile_replicas(&mut self, changed: &Changed) -> Result<(), RunError> {
        let dirty = self.services.take_dirty();
        let is_concerned = |state: &ServiceState| {
            let prepared = &state.prepared;
            let is_tried = !state.missing.is_empty()
                && changed.concerns_refused_at(prepared.refused_at().unwrap_or(0), prepared.reads_tasks);
            let may_move = !changed.instances.is_empty() || (state.cannot_move && !changed.freed.is_empty());
            let may_move = state.missing.is_empty() && may_move && self.may_rebalance(state);
            !state.is_daemon() && (is_tried || may_move)
        };
        let concerned = self.services.states.iter().filter(|(_, state)| is_concerned(state)).map(|(id, _)| *id);
        let turns: BTreeSet<_> = concerned.chain(dirty.iter().copied()).collect();
        for id in turns {
            let Self { services, cluster, triggers, .. } = self;
            let Some(state) = services.states.get_mut(&id).filter(|state| !state.is_daemon()) else { continue };
            state.cannot_move &= changed.freed.is_empty() && changed.instances.is_empty();
            let (request, reads_tasks) = (state.prepared.request(), state.prepared.reads_tasks);
            let may_fit = changed.may_fit(cluster, request, reads_tasks)
                || triggers.may_fit(cluster, request, reads_tasks)
                || state.missing.is_empty();
            if may_fit || dirty.contains(&id) {
                self.reconcile_replica(id)?;
            } else {
                self.refuse_missing(id);
            }
        }
        Ok(())
    }

    /// Copies that have no instance are given up, the youngest first.
    pub(super) fn withdraw_copies(&mut self, id: ServiceId, count: u64, why: StoppedWhy) {
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let withdrawn = state.pop_back(count);
        self.tell_withdrawn(id, withdrawn, why);
    }

    pub(super) fn tell_withdrawn(&mut self, id: ServiceId, withdrawn: Vec<Missing>, why: StoppedWhy) {
        let Some(state) = self.services.states.get(&id) else { return };
        let request = Arc::clone(state.prepared.request());
        let name: Box<str> = state.entry.service.name().into();
        for Missing { first_number, count, refusal, .. } in withdrawn {
            let copies = Copies::Numbered { base: &name, first: first_number.unwrap_or_default(), count };
            let fate = Fate::Withdrawn { reason: refusal.as_ref().map(|refusal| refusal.reason), why };
            self.tell(&Outcome { event: None, copies, group: request.group(), origin: Origin::Service, fate });
        }
    }

    /// The run ends: missing copies are still wanted.
    pub(super) fn leave_services(&mut self) {
        let states = std::mem::take(&mut self.services.states);
        for state in states.values() {
            for missing in state.missing.iter().chain(state.daemon_missing.values()) {
                let first = missing.first_number.unwrap_or_default();
                let copies = Copies::Numbered { base: state.entry.service.name(), first, count: missing.count };
                let fate = Fate::StillWanted { reason: missing.refusal.as_ref().map(|refusal| refusal.reason) };
                let (group, origin) = (state.entry.service.group(), Origin::Service);
                self.tell(&Outcome { event: None, copies, group, origin, fate });
            }
        }
    }
}
