//! What each event of the trace does, and the lines that it leads to.

use std::sync::Arc;

use scheduler_core::InstanceStatus;

use super::CheckError;
use super::ask::Ask;
use super::cluster::{InstanceNumber, Presence, TaskNumber};
use super::record::What;
use super::replay::{Due, Life, Rank, Replay};
use crate::trace::{
    Action, AttributeTarget, Event, InstanceSelection, OnUnplaceable, RunTask, StartTask, StopTask, TaskSelection,
};

impl Replay<'_> {
    pub(super) fn act(&mut self, event: &Event) -> Result<(), CheckError> {
        let number = event.number;
        match &event.action {
            Action::RunTask(run) => self.run_task(number, run),
            Action::StartTask(start) => self.start_task(number, start),
            Action::StopTask(stop) => self.stop_task(number, stop),
            Action::RegisterTaskDefinition(_) => Ok(()),
            Action::CreateService(entry) => {
                self.create_service(entry);
                Ok(())
            }
            Action::UpdateService(update) => self.update_service(update),
            Action::DeleteService { service, .. } => self.delete_service(service),
            Action::RegisterContainerInstances(entries) => entries.iter().try_for_each(|entry| self.register(entry)),
            Action::DeregisterContainerInstance { instance, force } => {
                let instance = self.known_instance(instance)?;
                if *force || self.cluster.instances[instance].tasks.is_empty() {
                    self.lose(number, instance, Presence::Gone)?;
                }
                Ok(())
            }
            Action::UpdateContainerInstancesState { instances, status } => {
                let is_active = *status == InstanceStatus::Active;
                self.for_each(instances, |replay, number| {
                    let was = std::mem::replace(&mut replay.cluster.instances[number].active, is_active);
                    if was != is_active {
                        replay.touch_services_on(number);
                    }
                    (was != is_active).then_some(is_active)
                })
            }
            Action::SetAgentConnected { instances, connected } => self.for_each(instances, |replay, number| {
                let was = std::mem::replace(&mut replay.cluster.instances[number].connected, *connected);
                (was != *connected).then_some(*connected)
            }),
            Action::PutAttributes(targets) => self.for_each_target(targets, |replay, number, target| {
                replay.cluster.instances[number].attributes.insert(target.name.clone(), target.value.clone());
            }),
            Action::DeleteAttributes(targets) => self.for_each_target(targets, |replay, number, target| {
                replay.cluster.instances[number].attributes.remove(&target.name);
            }),
            Action::FailContainerInstances { instances, returns_after_ms } => {
                self.fail_instances(number, instances, *returns_after_ms)
            }
            Action::FailTasks { tasks, count } => {
                let limit = count.map_or(usize::MAX, |count| count as usize);
                let failing = match tasks {
                    TaskSelection::Group(group) => self.tasks_of(group),
                    TaskSelection::Filter(expression) => {
                        let on = self.cluster.present().filter(|number| self.cluster.matches(*number, expression));
                        let tasks = on.flat_map(|number| self.cluster.running_on(number).map(|(task, _)| task));
                        let mut tasks: Vec<TaskNumber> = tasks.collect();
                        tasks.sort_unstable();
                        tasks
                    }
                };
                failing.into_iter().take(limit).try_for_each(|task| self.expect_stop(task, "failed", Some(number)))
            }
        }
    }

    /// Copies are placed one after another (C-15).
    fn run_task(&mut self, event: u64, run: &RunTask) -> Result<(), CheckError> {
        let ask = self.ask(&run.request);
        let is_queued = self.settings.on_unplaceable == OnUnplaceable::Queue;
        for index in 0..run.names.count() {
            let name = run.names.name(index);
            let record = self.expect_head(Some(event), &name, &ask.group)?;
            match &record.what {
                What::Placed { why: None, .. } => {
                    self.check_name(&name)?;
                    let seat = self.check_placed(&ask, &record.what)?;
                    let life =
                        Life { duration_ms: run.duration_ms, start_ms: self.settings.task_start_ms, service: None };
                    self.start(&name, &ask, seat, life);
                }
                What::Refused { reason, closest, waits } if *waits == is_queued => {
                    self.check_refused(&ask, reason, closest.as_deref())?;
                    if is_queued {
                        self.queue.push(&name, event, &ask, run.duration_ms);
                    }
                }
                _ => {
                    let refused = if is_queued { "waits" } else { "is unplaced" };
                    return Err(self.log.wrong(format!("it is placed without a `why`, or {refused}")));
                }
            }
            self.log.pass();
        }
        Ok(())
    }

    /// No task alive, and none that waits, has that name.
    pub(super) fn check_name(&mut self, name: &str) -> Result<(), CheckError> {
        if self.cluster.task_named(name).is_some() || self.queue.contains(name) {
            return Err(self.log.wrong(format!("`{name}` is alive already")));
        }
        Ok(())
    }

    fn start_task(&mut self, event: u64, start: &StartTask) -> Result<(), CheckError> {
        let ask = Arc::new(Ask::of_start(&start.request));
        for (index, target) in (0..).zip(&start.instances) {
            let name = start.names.name(index);
            let Some(instance) = self.cluster.instance_named(target) else {
                return Err(CheckError::Trace(format!("there is no container instance `{target}` at that time")));
            };
            let record = self.expect_head(Some(event), &name, &ask.group)?;
            match (&record.what, self.cluster.start_task_refusal(instance, &ask)) {
                (What::Placed { instance: found, zone, gpus, why: None }, None) if **found == **target => {
                    self.check_name(&name)?;
                    let seat = self.check_place(instance, &ask, zone, gpus)?;
                    let life =
                        Life { duration_ms: start.duration_ms, start_ms: self.settings.task_start_ms, service: None };
                    self.start(&name, &ask, seat, life);
                    self.checked.chosen += 1;
                }
                (What::Refused { reason, closest: None, waits: false }, Some(right)) if reason == right => {
                    self.checked.refused += 1;
                }
                (_, Some(reason)) => {
                    return Err(self.log.wrong(format!("`{target}` cannot take it, so it is unplaced ({reason})")));
                }
                (_, None) => return Err(self.log.wrong(format!("it is placed on `{target}`, as startTask says"))),
            }
            self.log.pass();
        }
        Ok(())
    }

    fn stop_task(&mut self, event: u64, stop: &StopTask) -> Result<(), CheckError> {
        match stop {
            StopTask::Task(name) => {
                if let Some(waiting) = self.queue.withdraw(name) {
                    let what = What::Stopped { instance: None, why: "stopTask".to_owned() };
                    self.checked.stops += 1;
                    return self.expect(Some(event), name, &waiting.ask.group, &what);
                }
                match self.cluster.task_named(name) {
                    Some(task) => self.expect_stop(task, "stopTask", Some(event)),
                    None => Ok(()),
                }
            }
            StopTask::Group { group, count } => {
                let limit = count.map_or(usize::MAX, |count| count as usize);
                let mut tasks = self.tasks_of(group).into_iter().take(limit);
                tasks.try_for_each(|task| self.expect_stop(task, "stopTask", Some(event)))
            }
        }
    }

    /// Changes instances; `change` tells whether it changed anything, and if so whether that may have made room.
    fn for_each(
        &mut self,
        names: &[Arc<str>],
        mut change: impl FnMut(&mut Self, InstanceNumber) -> Option<bool>,
    ) -> Result<(), CheckError> {
        for name in names {
            let number = self.known_instance(name)?;
            let Some(made_room) = change(self, number) else { continue };
            if made_room {
                self.cluster.has_freed();
            } else {
                self.cluster.has_shrunk();
            }
        }
        Ok(())
    }

    fn for_each_target(
        &mut self,
        targets: &[AttributeTarget],
        mut change: impl FnMut(&mut Self, InstanceNumber, &AttributeTarget),
    ) -> Result<(), CheckError> {
        for target in targets {
            self.for_each(std::slice::from_ref(&target.instance), |replay, number| {
                change(replay, number, target);
                Some(true)
            })?;
        }
        Ok(())
    }

    fn fail_instances(
        &mut self,
        event: u64,
        selection: &InstanceSelection,
        returns_after_ms: Option<u64>,
    ) -> Result<(), CheckError> {
        let mut failing: Vec<InstanceNumber> = match selection {
            InstanceSelection::Names(names) => {
                names.iter().map(|name| self.known_instance(name)).collect::<Result<_, _>>()?
            }
            InstanceSelection::Filter(expression) => {
                self.cluster.present().filter(|number| self.cluster.matches(*number, expression)).collect()
            }
            InstanceSelection::Zone(zone) => {
                self.cluster.present().filter(|number| *self.cluster.instances[*number].zone() == **zone).collect()
            }
        };
        failing.sort_unstable();
        failing.dedup();
        for number in failing {
            let presence = if returns_after_ms.is_some() { Presence::Down } else { Presence::Gone };
            self.lose(event, number, presence)?;
            if let Some(after_ms) = returns_after_ms {
                self.failures += 1;
                let key = (self.now_ms.saturating_add(after_ms), Rank::Return, self.failures);
                self.agenda.insert(key, Due::Return(number));
            }
        }
        Ok(())
    }

    /// An instance goes, and its tasks with it, in the order of their placement.
    fn lose(&mut self, event: u64, number: InstanceNumber, presence: Presence) -> Result<(), CheckError> {
        for task in self.cluster.instances[number].tasks.clone() {
            if self.cluster.tasks[&task].should_run {
                self.expect_stop(task, "instance-lost", Some(event))?;
            }
            self.cluster.release(task);
        }
        self.cluster.instances[number].presence = presence;
        self.cluster.has_shrunk();
        Ok(())
    }
}
