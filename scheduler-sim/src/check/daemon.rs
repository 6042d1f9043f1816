//! DAEMON services (placement spec 9.1): one task on each ACTIVE instance that the rules admit.

use std::sync::Arc;

use super::CheckError;
use super::cluster::{InstanceNumber, TaskNumber};
use super::record::{Record, What};
use super::replay::Replay;
use super::services::Missing;

/// What a service should do on an instance.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Stop(TaskNumber, &'static str),
    Place,
    /// It cannot be placed.
    Refuse(&'static str),
}

impl Replay<'_> {
    /// Whether a daemon belongs on an instance. An expression that looks at tasks is asked only where there is none, as
    /// it would see the daemon itself.
    fn is_wanted(&self, id: usize, number: InstanceNumber, is_absent: bool) -> bool {
        let (ask, instance) = (&self.services[&id].ask, &self.cluster.instances[number]);
        let mut expressions = ask.expressions.iter().filter(|expression| is_absent || !expression.reads_tasks());
        instance.is_present()
            && instance.active
            && self.cluster.is_admitted(number, ask)
            && expressions.all(|expression| self.cluster.matches(number, expression))
    }

    fn daemon_step(&self, id: usize, number: InstanceNumber) -> Option<Step> {
        let service = &self.services[&id];
        let own: Vec<TaskNumber> =
            self.cluster.running_on(number).map(|(task, _)| task).filter(|task| service.tasks.contains(task)).collect();
        // What makes place for a new deployment was there.
        let is_absent = own.is_empty() && service.exchanging != Some(number);
        let is_wanted = self.is_wanted(id, number, is_absent);
        let is_current = |task: &&TaskNumber| self.cluster.tasks[task].service == Some((id, service.deployment));
        let kept = own.iter().find(is_current).filter(|_| is_wanted);
        if let Some(task) = own.iter().find(|task| Some(*task) != kept) {
            let why = match () {
                () if !self.cluster.instances[number].active => "draining",
                () if is_wanted => "deployment",
                () => "scale-in",
            };
            return Some(Step::Stop(*task, why));
        }
        match (is_wanted && kept.is_none(), self.cluster.start_task_refusal(number, &service.ask)) {
            (false, _) => None,
            (true, None) => Some(Step::Place),
            (true, Some(reason)) => Some(Step::Refuse(reason)),
        }
    }

    /// What the service should do, if there is something that it must. A changed reason need not be told at once.
    pub(super) fn daemon_should(&mut self, id: usize) -> Option<String> {
        let state = Some((self.cluster.version, self.now_ms));
        let service = &self.services[&id];
        if service.idle_at == state {
            return None;
        }
        let name = service.entry.service.name();
        for number in 0..self.cluster.instances.len() {
            let on = self.cluster.instances[number].name();
            match self.daemon_step(id, number) {
                Some(Step::Stop(task, why)) => {
                    return Some(format!("`{}` is stopped ({why})", self.cluster.tasks[&task].name));
                }
                Some(Step::Place) => return Some(format!("service `{name}` starts a task on `{on}`")),
                Some(Step::Refuse(_)) if !service.daemon_missing.contains_key(&number) => {
                    return Some(format!("service `{name}` tells that it cannot start a task on `{on}`"));
                }
                _ => {}
            }
        }
        if let Some(service) = self.services.get_mut(&id) {
            service.idle_at = state;
        }
        None
    }

    pub(super) fn follow_daemon(&mut self, id: usize, record: &Record) -> Result<(), CheckError> {
        let on = match &record.what {
            What::Placed { instance, .. } | What::Stopped { instance: Some(instance), .. } => Some(instance),
            What::Refused { closest, .. } => closest.as_ref(),
            What::Stopped { instance: None, .. } => None,
        };
        let Some(number) = on.and_then(|name| self.cluster.instance_named(name)) else {
            return Err(self.log.wrong("a line of a daemon names its instance"));
        };
        match (&record.what, self.daemon_step(id, number)) {
            (What::Stopped { .. }, Some(Step::Stop(task, why))) => {
                self.expect_stop(task, why, None)?;
                let is_exchange = why == "deployment";
                if let Some(service) = self.services.get_mut(&id) {
                    service.exchanging = is_exchange.then_some(number);
                }
                Ok(())
            }
            (What::Placed { zone, gpus, why, .. }, Some(Step::Place)) => {
                let missing = self.daemon_copy(id, number, record)?;
                let ask = Arc::clone(&self.services[&id].ask);
                if why.as_deref() != Some(missing.why) {
                    return Err(self.log.wrong(format!("its `why` is {}", missing.why)));
                }
                let seat = self.check_place(number, &ask, zone, gpus)?;
                self.log.pass();
                self.checked.chosen += 1;
                let name = self.services[&id].name_of(missing.number.unwrap_or_default());
                self.start_of_service(id, &name, seat);
                self.book(id, number, &missing, None);
                Ok(())
            }
            (What::Refused { reason, .. }, Some(Step::Refuse(right))) if reason == right => {
                let mut missing = self.daemon_copy(id, number, record)?;
                if missing.told.as_ref() == Some(reason) && self.is_wanted(id, number, true) {
                    return Err(self.log.wrong("that has been told already"));
                }
                self.log.pass();
                self.checked.refused += 1;
                missing.told = Some(reason.clone());
                self.book(id, number, &missing, Some(missing.clone()));
                Ok(())
            }
            (_, step) => {
                let should = match step {
                    None => "the service has nothing to do there".to_owned(),
                    Some(Step::Stop(task, why)) => format!("`{}` is stopped ({why})", self.cluster.tasks[&task].name),
                    Some(Step::Place) => "the service starts a task there".to_owned(),
                    Some(Step::Refuse(reason)) => format!("it cannot be placed there ({reason})"),
                };
                Err(self.log.wrong(should))
            }
        }
    }

    /// The copy that a line is of: the one that is missing there, or a new one.
    fn daemon_copy(&mut self, id: usize, number: InstanceNumber, record: &Record) -> Result<Missing, CheckError> {
        let service = &self.services[&id];
        let why = match () {
            () if service.exchanging == Some(number) => "deployment",
            () if service.to_replace > 0 => "replacement",
            () => "desired",
        };
        let new = Missing { number: Some(service.next_number), why, told: None };
        let known = service.daemon_missing.get(&number).cloned();
        let copy =
            known.filter(|known| *service.name_of(known.number.unwrap_or_default()) == *record.task).unwrap_or(new);
        let (name, group) = (service.name_of(copy.number.unwrap_or_default()), Arc::clone(&service.ask.group));
        self.expect_head(None, &name, &group)?;
        self.check_name(&name)?;
        Ok(copy)
    }

    /// The copy is there, or missing.
    fn book(&mut self, id: usize, number: InstanceNumber, copy: &Missing, missing: Option<Missing>) {
        let Some(service) = self.services.get_mut(&id) else { return };
        if copy.number == Some(service.next_number) {
            service.next_number += 1;
            service.to_replace = service.to_replace.saturating_sub(1);
        }
        service.exchanging = None;
        service.idle_at = None;
        match missing {
            None => service.daemon_missing.remove(&number),
            Some(missing) => service.daemon_missing.insert(number, missing),
        };
    }
}
