//! What each event does.

use std::sync::Arc;

use scheduler_core::{Expression, InstanceId, InstanceStatus, InstanceView, Placement, TaskGroup, TaskId};

use super::requests::{Asked, RequestId};
use super::tasks::Start;
use super::waiting::{Entry, Fresh, WaitingNames, copies};
use super::{Cause, Simulation};
use crate::outcome::{Copies, Fate, Observation, Origin, Outcome, Refused, StoppedWhy};
use crate::trace::{
    Action, AttributeTarget, Event, InstanceEntry, InstanceSelection, OnUnplaceable, RunTask, StartTask, StopTask,
    TaskNames, TaskRequest, TaskSelection,
};

/// Most instances present.
const INSTANCE_LIMIT: u64 = 4_194_304;

impl Simulation<'_> {
    pub(super) fn act(&mut self, event: &Event) -> Result<(), Cause> {
        self.act_on(&event.action, event.number)
    }

    /// Does what an event of that number does.
    pub(super) fn act_on(&mut self, action: &Action, number: u64) -> Result<(), Cause> {
        match action {
            Action::RunTask(run) => {
                self.run_task(number, run)?;
                self.tell_arrived(&run.request, &run.names);
                Ok(())
            }
            Action::StartTask(start) => {
                self.start_task(number, start)?;
                self.tell_arrived(&start.request, &start.names);
                Ok(())
            }
            Action::StopTask(stop) => {
                self.stop_task(number, stop);
                Ok(())
            }
            Action::RegisterTaskDefinition(_) => Ok(()),
            Action::CreateService(service) => self.create_service(service),
            Action::UpdateService(update) => self.update_service(update),
            Action::DeleteService { service, force } => self.delete_service(service, *force),
            Action::RegisterContainerInstances(entries) => entries.iter().try_for_each(|entry| self.register(entry)),
            Action::DeregisterContainerInstance { instance, force } => self.deregister(number, instance, *force),
            Action::UpdateContainerInstancesState { instances, status } => self.update_state(instances, *status),
            Action::PutAttributes(targets) => self.put_attributes(targets),
            Action::DeleteAttributes(targets) => self.delete_attributes(targets),
            Action::FailContainerInstances { instances, returns_after_ms } => {
                self.fail_instances(number, instances, *returns_after_ms)
            }
            Action::SetAgentConnected { instances, connected } => self.set_agent_connected(instances, *connected),
            Action::FailTasks { tasks, count } => {
                self.fail_tasks(number, tasks, *count);
                Ok(())
            }
        }
    }

    /// Places copy after copy (C-15) until one finds no instance; the rest would find none either.
    fn run_task(&mut self, event: u64, run: &RunTask) -> Result<(), Cause> {
        let id = self.request_id(&run.request);
        let Self { requests, meaning, scheduler, cluster, .. } = self;
        requests.prepare(id, meaning, scheduler, cluster)?;
        let are_kept = self.keeps_numbered_names || run.names.are_given();
        let names = are_kept.then(|| waiting_names(&run.names));
        if let Some(base) = names.as_ref().map(WaitingNames::base)
            && self.waiting.has_base(base)
        {
            return Err(Cause::DuplicateWaiting(Arc::clone(base)));
        }
        let start = Start {
            event: Some(event),
            origin: Origin::RunTask,
            wanted_at_ms: self.now_ms,
            duration_ms: run.duration_ms,
            service: None,
            has_waited: false,
            why: None,
        };
        for index in 0..run.names.count() {
            self.statistics.count_decision(&self.requests.get_mut(id).placer);
            let placement = self.requests.get_mut(id).placer.place(&self.cluster, &mut self.draw);
            if self.probe.is_some() {
                let request = Arc::clone(self.requests.get_mut(id).request());
                let execution = Some(self.requests.get_mut(id).placer.execution());
                let is_task = |task: &str| match &placement {
                    Some(_) => *task == *run.names.name(index),
                    None => (index..run.names.count()).any(|index| *task == *run.names.name(index)),
                };
                self.look(is_task, &request, placement.as_ref(), execution, Some(event));
            }
            let Some(placement) = placement else {
                self.refuse_copies(event, run, names, u64::from(index));
                return Ok(());
            };
            self.check_task_limit()?;
            let name = names.as_ref().map(|names| names.name(index.into()));
            self.start(placement, name.as_ref(), start)?;
        }
        Ok(())
    }

    fn tell_arrived(&mut self, request: &TaskRequest, names: &TaskNames) {
        let demand = request.definition.core.demand();
        let arrived = Observation::Arrived { demand, copies: names.count().into() };
        self.observer.observe(self.now_ms, &arrived);
    }

    /// No instance takes the copies from `first` on.
    fn refuse_copies(&mut self, event: u64, run: &RunTask, names: Option<WaitingNames>, first: u64) {
        let id = self.requests.id(&run.request);
        let wants_closest = self.observer.wants_names();
        let asked = Asked { scheduler: &self.scheduler, version: self.version, wants_closest };
        let refusal = self.requests.get_mut(id).refusal(&asked, &self.cluster);
        let (count, group) = (u64::from(run.names.count()) - first, &run.request.group);
        let copies = copies(names.as_ref(), first, count);
        let is_queued = self.settings.on_unplaceable == OnUnplaceable::Queue;
        let refused = refusal.as_refused();
        let fate = if is_queued { Fate::Waiting(refused) } else { Fate::Refused(refused) };
        self.tell(&Outcome { event: Some(event), copies, group, origin: Origin::RunTask, fate });
        if is_queued {
            let need = self.requests.need(id);
            let fresh = Fresh {
                arrival: self.waiting.next_arrival(),
                request: id,
                event,
                wanted_at_ms: self.now_ms,
                duration_ms: run.duration_ms,
                names,
                group: group.clone(),
                first_reason: refusal.reason,
                round: self.memory.round(need.reads_tasks),
            };
            self.waiting.push(need, Entry::new(fresh, first..first + count));
        }
    }

    fn request_id(&mut self, request: &Arc<TaskRequest>) -> RequestId {
        if self.requests.is_full() {
            self.requests.forget_old(self.waiting.requests());
        }
        self.requests.id(request)
    }

    fn start_task(&mut self, event: u64, task: &StartTask) -> Result<(), Cause> {
        let id = self.request_id(&task.request);
        let request = self.requests.plain(id);
        let start = Start {
            event: Some(event),
            origin: Origin::StartTask,
            wanted_at_ms: self.now_ms,
            duration_ms: task.duration_ms,
            service: None,
            has_waited: false,
            why: None,
        };
        for (index, instance) in (0..).zip(&task.instances) {
            let name = task.names.name(index);
            let Some(target) = self.cluster.instance_id(instance) else {
                return Err(Cause::UnknownInstance(Arc::clone(instance)));
            };
            self.check_task_limit()?;
            self.statistics.decisions += 1;
            let placement = Placement::start_task(target, Arc::clone(&request));
            self.look(|task| *task == *name, &request, Some(&placement), None, Some(event));
            match self.start(placement, Some(&name), start) {
                Ok(_) => {}
                Err(error @ scheduler_core::StartError::DuplicateTask { .. }) => return Err(error.into()),
                Err(error) => {
                    let fate = Fate::Refused(Refused { reason: error.reason(), closest: None });
                    let (copies, group) = (Copies::One(&name), &task.request.group);
                    self.tell(&Outcome { event: Some(event), copies, group, origin: Origin::StartTask, fate });
                }
            }
        }
        Ok(())
    }

    fn stop_task(&mut self, event: u64, stop: &StopTask) {
        match stop {
            StopTask::Task(name) => {
                if self.withdraw(name, event, StoppedWhy::StopTask) {
                    return;
                }
                if let Some(task) = self.cluster.task_id(name) {
                    self.end(task, StoppedWhy::StopTask, Some(event));
                }
            }
            StopTask::Group { group, count } => {
                for task in self.tasks_of(group, *count) {
                    self.end(task, StoppedWhy::StopTask, Some(event));
                }
            }
        }
    }

    /// Tasks of a group whose desired status is RUNNING, the oldest placement first.
    fn tasks_of(&self, group: &TaskGroup, count: Option<u32>) -> Vec<TaskId> {
        let limit = count.map_or(usize::MAX, |count| count as usize);
        let tasks = self.cluster.group(group).into_iter().flat_map(|group| group.tasks());
        tasks.take(limit).map(|task| task.id()).collect()
    }

    fn fail_tasks(&mut self, event: u64, selection: &TaskSelection, count: Option<u32>) {
        let tasks = match selection {
            TaskSelection::Group(group) => self.tasks_of(group, count),
            TaskSelection::Filter(expression) => self.tasks_on(expression, count),
        };
        for task in tasks {
            self.end(task, StoppedWhy::Failed, Some(event));
        }
    }

    /// Tasks on the instances that match whose desired status is RUNNING, the oldest placement first.
    fn tasks_on(&self, expression: &Expression, count: Option<u32>) -> Vec<TaskId> {
        let on_instances = self.cluster.matching(expression).flat_map(|instance| instance.tasks());
        let mut tasks: Vec<_> = on_instances.map(|task| task.id()).filter(|id| self.alive.contains_key(id)).collect();
        tasks.sort_unstable();
        tasks.truncate(count.map_or(usize::MAX, |count| count as usize));
        tasks
    }

    /// This instant, in milliseconds since 1970.
    pub(super) fn moment_ms(&self) -> i64 {
        self.settings.epoch_ms.saturating_add_unsigned(self.now_ms)
    }

    pub(super) fn register(&mut self, entry: &InstanceEntry) -> Result<(), Cause> {
        let now_ms = self.moment_ms();
        let of_type = || self.prices?.of(entry.description.instance_type.as_deref()?);
        let microdollars = entry.description.price_microdollars.or_else(of_type);
        for instance in entry.instances(self.registered, now_ms) {
            let count = self.cluster.instance_count() as u64 + 1;
            if count > INSTANCE_LIMIT {
                return Err(Cause::Limit { what: "container instances present", count, limit: INSTANCE_LIMIT });
            }
            let instance_id = InstanceId::from_number(self.registered);
            self.observer.observe(self.now_ms, &Observation::Price { instance: instance_id, microdollars });
            let change = self.cluster.register(instance?)?;
            debug_assert_eq!(change.instance, instance_id, "instances are numbered in the order of registration");
            self.registered += 1;
            self.note(&change);
        }
        Ok(())
    }

    /// The handle of an instance that is there now.
    pub(super) fn known_instance(&self, name: &Arc<str>) -> Result<InstanceId, Cause> {
        let id = self.cluster.instance_id(name).ok_or_else(|| Cause::UnknownInstance(Arc::clone(name)))?;
        let is_present = self.cluster.instance(id).is_some_and(|instance| instance.is_present());
        if is_present { Ok(id) } else { Err(Cause::InstanceDown(Arc::clone(name))) }
    }

    fn deregister(&mut self, event: u64, name: &Arc<str>, force: bool) -> Result<(), Cause> {
        let id = self.known_instance(name)?;
        let task_count = self.cluster.instance(id).map_or(0, |instance| instance.tasks().count());
        if task_count > 0 && !force {
            let at = crate::metrics::seconds(self.now_ms);
            self.warn(|| {
                format!(
                    "event {event} at second {at}: container instance `{name}` has {task_count} tasks and stays \
                     registered; stop them first, or deregister it with `force`"
                )
            });
            return Ok(());
        }
        self.leave_for_good(event, id, name)
    }

    /// The instance leaves and does not come back; its tasks are lost.
    fn leave_for_good(&mut self, event: u64, id: InstanceId, name: &str) -> Result<(), Cause> {
        if !self.waiting.is_empty()
            && let Some(instance) = self.cluster.instance(id)
        {
            self.memory.remember_departure(&instance);
        }
        let changes = self.cluster.deregister_force(id)?;
        self.lose(changes, name, Some(event));
        Ok(())
    }

    fn update_state(&mut self, names: &[Arc<str>], status: InstanceStatus) -> Result<(), Cause> {
        for name in names {
            let id = self.known_instance(name)?;
            let change = match status {
                InstanceStatus::Active => self.cluster.reactivate(id)?,
                InstanceStatus::Draining => self.cluster.drain(id)?,
            };
            if let Some(change) = change {
                self.note(&change);
                self.services_see_status(id);
            }
        }
        Ok(())
    }

    fn set_agent_connected(&mut self, names: &[Arc<str>], connected: bool) -> Result<(), Cause> {
        for name in names {
            let id = self.known_instance(name)?;
            let change = if connected { self.cluster.connect_agent(id)? } else { self.cluster.disconnect_agent(id)? };
            if let Some(change) = change {
                self.note(&change);
            }
        }
        Ok(())
    }

    fn put_attributes(&mut self, targets: &[AttributeTarget]) -> Result<(), Cause> {
        self.for_each_target(targets, |simulation, id, targets| {
            let attributes: Vec<_> = targets.iter().map(|target| (target.name.clone(), target.value.clone())).collect();
            Ok(simulation.cluster.put_attributes(id, &attributes)?)
        })
    }

    fn delete_attributes(&mut self, targets: &[AttributeTarget]) -> Result<(), Cause> {
        self.for_each_target(targets, |simulation, id, targets| {
            let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
            Ok(simulation.cluster.delete_attributes(id, &names)?)
        })
    }

    /// Changes the attributes of each instance that the call names, in the order of their first mention.
    fn for_each_target(
        &mut self,
        targets: &[AttributeTarget],
        change: impl Fn(&mut Self, InstanceId, &[&AttributeTarget]) -> Result<scheduler_core::Change, Cause>,
    ) -> Result<(), Cause> {
        let mut by_instance: Vec<(InstanceId, Vec<&AttributeTarget>)> = Vec::new();
        for target in targets {
            let id = self.known_instance(&target.instance)?;
            match by_instance.iter_mut().find(|(known, _)| *known == id) {
                Some((_, targets)) => targets.push(target),
                None => by_instance.push((id, vec![target])),
            }
        }
        for (id, targets) in by_instance {
            let change = change(self, id, &targets)?;
            self.note(&change);
        }
        Ok(())
    }

    fn fail_instances(
        &mut self,
        event: u64,
        selection: &InstanceSelection,
        returns_after_ms: Option<u64>,
    ) -> Result<(), Cause> {
        let mut failing: Vec<InstanceId> = match selection {
            InstanceSelection::Names(names) => {
                names.iter().map(|name| self.known_instance(name)).collect::<Result<_, _>>()?
            }
            InstanceSelection::Filter(expression) => {
                self.cluster.matching(expression).map(|instance| instance.id()).collect()
            }
            InstanceSelection::Zone(zone) => {
                let present = self.cluster.instances().filter(InstanceView::is_present);
                present.filter(|instance| *instance.zone() == **zone).map(|instance| instance.id()).collect()
            }
        };
        failing.sort_unstable();
        failing.dedup();
        for id in failing {
            let Some(name) = self.cluster.instance(id).map(|view| view.description().name_shared()) else { continue };
            match returns_after_ms {
                None => self.leave_for_good(event, id, &name)?,
                Some(after_ms) => {
                    let changes = self.cluster.fail(id)?;
                    self.lose(changes, &name, Some(event));
                    self.agenda.instance_returns(self.now_ms.saturating_add(after_ms), id);
                }
            }
        }
        Ok(())
    }
}

/// The names of a RunTask as the queue keeps them.
fn waiting_names(names: &TaskNames) -> WaitingNames {
    if names.count() > 1 { WaitingNames::Numbered(names.id()) } else { WaitingNames::One(names.id()) }
}
