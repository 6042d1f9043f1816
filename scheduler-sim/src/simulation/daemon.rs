//! The turn of a DAEMON service: one task on each ACTIVE instance that its rules admit (placement spec 9.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use scheduler_core::{
    Expression, InstanceId, InstanceStatus, InstanceView, Placement, PlacementConstraint, PlacementRequest, StartError,
    TaskId,
};

use super::capacity::Changed;
use super::services::{Missing, ServiceId};
use super::tasks::Start;
use super::{RunError, Simulation};
use crate::metrics::StaticRules;
use crate::outcome::{Copies, Fate, KeptRefusal, Origin, Outcome, PlacedWhy, StoppedWhy};

impl Simulation<'_> {
    /// Looks at the instances that changed, or at all of them if the service itself changed.
    pub(super) fn reconcile_daemon(&mut self, id: ServiceId, changed: &Changed) -> Result<(), RunError> {
        let is_dirty = self.services.is_dirty(id);
        self.services.forget(id);
        let Some(state) = self.services.states.get(&id) else { return Ok(()) };
        let request = Arc::clone(state.prepared.request());
        let changed = changed.for_daemons(state.prepared.reads_tasks).filter(|_| !is_dirty);
        let instances: BTreeSet<InstanceId> = if let Some(changed) = changed {
            changed.collect()
        } else {
            let present = self.cluster.instances().map(|instance| instance.id());
            present.chain(state.daemon_missing.keys().copied()).collect()
        };
        instances.into_iter().try_for_each(|instance| self.reconcile_on(id, instance, &request))
    }

    /// The service's tasks on an instance, in order of placement.
    fn daemon_tasks(&self, id: ServiceId, instance: InstanceId) -> Vec<TaskId> {
        let tasks = self.cluster.instance(instance).into_iter().flat_map(|instance| instance.tasks());
        let is_own = |task: &TaskId| self.alive.get(task).is_some_and(|alive| alive.service == Some(id));
        tasks.map(|task| task.id()).filter(is_own).collect()
    }

    /// Stops what does not belong on an instance (any more), and starts what is not there.
    fn reconcile_on(
        &mut self,
        id: ServiceId,
        instance: InstanceId,
        request: &Arc<PlacementRequest>,
    ) -> Result<(), RunError> {
        let own = self.daemon_tasks(id, instance);
        let Some(state) = self.services.states.get(&id) else { return Ok(()) };
        let view = self.cluster.instance(instance).filter(InstanceView::is_present);
        let is_draining = view.is_some_and(|view| view.status() == InstanceStatus::Draining);
        let is_wanted = view.is_some_and(|view| !is_draining && admits(&view, request, &state.rules, own.is_empty()));
        let is_current = |task: &&TaskId| state.tasks.get(task).is_some_and(|task| task.deployment == state.deployment);
        // Of several the oldest of the newest deployment stays.
        let kept = own.iter().find(is_current).filter(|_| is_wanted).copied();
        let stopped: Vec<TaskId> = own.iter().filter(|task| Some(**task) != kept).copied().collect();
        let why = match () {
            () if is_draining => StoppedWhy::Draining,
            () if is_wanted => StoppedWhy::Deployment,
            () if view.is_none() => StoppedWhy::InstanceLost,
            () => StoppedWhy::ScaleIn,
        };
        let is_exchange = is_wanted && !stopped.is_empty();
        for task in stopped {
            self.end(task, why, None);
        }
        if !is_wanted {
            let missing = self.services.states.get_mut(&id).and_then(|state| state.daemon_missing.remove(&instance));
            self.tell_withdrawn(id, missing.into_iter().collect(), why);
        } else if kept.is_none() {
            self.start_daemon(id, instance, request, is_exchange)?;
        }
        Ok(())
    }

    fn start_daemon(
        &mut self,
        id: ServiceId,
        instance: InstanceId,
        request: &Arc<PlacementRequest>,
        is_exchange: bool,
    ) -> Result<(), RunError> {
        let Some(state) = self.services.states.get_mut(&id) else { return Ok(()) };
        let missing = state.daemon_missing.remove(&instance).unwrap_or_else(|| {
            let is_replacement = state.to_replace > 0;
            state.to_replace = state.to_replace.saturating_sub(1);
            let why = match () {
                () if is_exchange => PlacedWhy::Deployment,
                () if is_replacement => PlacedWhy::Replacement,
                () => PlacedWhy::Desired,
            };
            Missing { first_number: Some(state.take_number()), ..Missing::new(1, self.now_ms, why) }
        });
        let number = missing.first_number.unwrap_or_default();
        let start = Start {
            event: None,
            origin: Origin::Service,
            wanted_at_ms: missing.wanted_at_ms,
            duration_ms: state.entry.task_lifetime_ms,
            service: Some(id),
            has_waited: missing.refusal.is_some(),
            why: Some(missing.why),
        };
        let (service, name): (Box<str>, _) = (state.entry.service.name().into(), state.name_of(number));
        self.statistics.decisions += 1;
        let placement = Placement::start_task(instance, Arc::clone(request));
        self.look(|task| *task == *name, request, Some(&placement), None, None);
        match self.start(placement, Some(&name), start) {
            Ok(task) => {
                self.service_task_started(id, task);
                Ok(())
            }
            Err(error @ StartError::DuplicateTask { .. }) => {
                Err(RunError::Service { service, at_ms: self.now_ms, cause: Box::new(error.into()) })
            }
            Err(error) => {
                self.miss_daemon(id, instance, &missing, error.reason());
                Ok(())
            }
        }
    }

    /// The daemon does not fit now; it is tried again when something changes on the instance.
    fn miss_daemon(&mut self, id: ServiceId, instance: InstanceId, missing: &Missing, reason: &'static str) {
        let closest = self.cluster.instance(instance).map(|view| view.description().name_shared());
        let refusal = Arc::new(KeptRefusal { reason, closest });
        let is_news = missing.refusal.as_ref().is_none_or(|known| known.reason != reason);
        let is_first = missing.refusal.is_none();
        let number = missing.first_number.unwrap_or_default();
        let Some(state) = self.services.states.get_mut(&id) else { return };
        let kept = Missing { refusal: Some(Arc::clone(&refusal)), ..*missing };
        state.daemon_missing.insert(instance, kept);
        if is_news {
            let name: Box<str> = state.entry.service.name().into();
            let group = state.entry.service.group().clone();
            let copies = Copies::Numbered { base: &name, first: number, count: 1 };
            let fate = Fate::Missing { refused: refusal.as_refused(), is_first };
            self.tell(&Outcome { event: None, copies, group: &group, origin: Origin::Service, fate });
        }
    }
}

/// Whether a daemon belongs on an instance. An expression that looks at tasks is asked only before the daemon is there,
/// since it would see the daemon itself.
fn admits(instance: &InstanceView<'_>, request: &PlacementRequest, rules: &StaticRules, is_absent: bool) -> bool {
    let matches = |expression: &Expression| {
        expression.is_static() || (expression.reads_tasks() && !is_absent) || expression.matches(instance)
    };
    let holds = |constraint: &PlacementConstraint| match constraint {
        PlacementConstraint::MemberOf(expression) => matches(expression),
        _ => true,
    };
    rules.admit(instance.attributes()) && request.all_constraints().iter().all(holds)
}
