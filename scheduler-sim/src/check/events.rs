//! What each event of the trace does, and the lines that it leads to.

use std::sync::Arc;

use scheduler_core::{Attributes, InstanceStatus};

use super::CheckError;
use super::ask::Ask;
use super::cluster::{Instance, InstanceNumber, Presence, TaskNumber};
use super::queue::Waiting;
use super::record::What;
use super::replay::{Due, Life, Rank, Replay, Start, Unplaced};
use super::rules::{Answers, Basis};
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
                self.switch(instances, is_active, |instance| &mut instance.active, Self::touch_services_on)
            }
            Action::SetAgentConnected { instances, connected } => {
                self.switch(instances, *connected, |instance| &mut instance.connected, |_, _| {})
            }
            Action::PutAttributes(targets) => self.for_each_target(targets, |attributes, target| {
                attributes.insert(target.name.clone(), target.value.clone());
            }),
            Action::DeleteAttributes(targets) => self.for_each_target(targets, |attributes, target| {
                attributes.remove(&target.name);
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

    /// Copies are placed one after another (C-15) until nobody takes one: the rest is refused as well.
    fn run_task(&mut self, event: u64, run: &RunTask) -> Result<(), CheckError> {
        let ask = Arc::new(self.preferences.of_task(&run.request));
        let RunTask { names, duration_ms, .. } = run;
        let life = self.standalone(*duration_ms);
        let mut index = 0;
        while index < names.count()
            && let Some(answers) = self.answers(&ask)
        {
            let start = Start { event: Some(event), name: &names.name(index), ask: &ask, why: None };
            self.expect_start(start, life, &answers)?;
            index += 1;
        }
        let Some(refusal) = (index < names.count()).then(|| self.cluster.refusal(&ask)).flatten() else {
            return Ok(());
        };
        for index in index..names.count() {
            let name = names.name(index);
            let head = self.head(Some(event), &name, &ask.group);
            match self.claim.settings.on_unplaceable {
                OnUnplaceable::Fail => self.expect_refusal(&head, &refusal, Unplaced::Fails)?,
                OnUnplaceable::Queue => {
                    self.expect_refusal(&head, &refusal, Unplaced::Waits)?;
                    self.queue.push(&run.request, &ask, Waiting { name, event, duration_ms: *duration_ms });
                }
            }
        }
        Ok(())
    }

    /// How a task lives that is no service's.
    pub(super) fn standalone(&self, duration_ms: Option<u64>) -> Life {
        Life { duration_ms, start_ms: self.claim.settings.task_start_ms, service: None }
    }

    fn start_task(&mut self, event: u64, start: &StartTask) -> Result<(), CheckError> {
        let ask = Arc::new(Ask::of_start(&start.request));
        for (index, target) in (0..).zip(&start.instances) {
            let name = start.names.name(index);
            let Some(instance) = self.cluster.instance_named(target) else {
                return Err(CheckError::Trace(format!("there is no container instance `{target}` at that time")));
            };
            let Some(reason) = self.cluster.start_task_refusal(instance, &ask) else {
                let answers = Answers::only(instance, Basis::Chosen);
                let life = self.standalone(start.duration_ms);
                self.expect_start(Start { event: Some(event), name: &name, ask: &ask, why: None }, life, &answers)?;
                continue;
            };
            let what = What::Refused { reason: reason.to_owned(), closest: None, waits: false };
            self.log.expect(&self.head(Some(event), &name, &ask.group), &what)?;
            self.checked.refused += 1;
        }
        Ok(())
    }

    fn stop_task(&mut self, event: u64, stop: &StopTask) -> Result<(), CheckError> {
        match stop {
            StopTask::Task(name) => {
                if let Some((_, ask)) = self.queue.withdraw(name) {
                    let what = What::Stopped { instance: None, why: "stopTask".to_owned() };
                    self.checked.stops += 1;
                    return self.log.expect(&self.head(Some(event), name, &ask.group), &what);
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

    /// Makes a fact about instances so, and does something about those of which it was not.
    fn switch(
        &mut self,
        names: &[Arc<str>],
        to: bool,
        fact: fn(&mut Instance) -> &mut bool,
        and_then: fn(&mut Self, InstanceNumber),
    ) -> Result<(), CheckError> {
        for name in names {
            let number = self.known_instance(name)?;
            if std::mem::replace(fact(&mut self.cluster.instances[number]), to) == to {
                continue;
            }
            if to {
                self.cluster.has_reopened(number);
            } else {
                self.cluster.has_closed(number);
            }
            and_then(self, number);
        }
        Ok(())
    }

    /// Services with tasks on an instance have something to look at.
    fn touch_services_on(&mut self, number: InstanceNumber) {
        let Self { cluster, dirty, .. } = self;
        dirty.extend(cluster.running_on(number).filter_map(|(_, task)| task.service).map(|(id, _)| id));
    }

    fn for_each_target(
        &mut self,
        targets: &[AttributeTarget],
        change: impl Fn(&mut Attributes, &AttributeTarget),
    ) -> Result<(), CheckError> {
        for target in targets {
            let number = self.known_instance(&target.instance)?;
            change(&mut self.cluster.instances[number].attributes, target);
            self.cluster.has_reopened(number);
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
        self.cluster.has_closed(number);
        Ok(())
    }
}
