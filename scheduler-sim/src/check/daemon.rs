//! The turn of a DAEMON service (placement spec 9.1): one task on each ACTIVE instance that the rules admit.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::CheckError;
use super::cluster::{Changed, InstanceNumber, TaskNumber};
use super::record::{Record, What};
use super::replay::{Replay, Start};
use super::rules::{Answers, Basis};
use super::services::{Missing, ServiceNumber};

impl Replay<'_> {
    /// Looks at the instances that changed, or at all of them if something happened to the service itself.
    pub(super) fn reconcile_daemon(&mut self, id: ServiceNumber, changed: &Changed) -> Result<(), CheckError> {
        let mut instances: BTreeSet<InstanceNumber> = &changed.freed | &changed.instances;
        let service = &self.services[&id];
        if service.ask.reads_tasks() {
            instances.extend(&changed.placed);
        }
        if self.dirty.remove(&id) {
            instances = (0..self.cluster.instances.len()).collect();
        }
        let mut next = 0;
        for number in instances {
            self.reconcile_as_told(id, next..number)?;
            self.reconcile_on(id, number)?;
            next = number + 1;
        }
        self.reconcile_as_told(id, next..InstanceNumber::MAX)
    }

    /// Looks at instances that did not change where the log tells of a copy that is missing there: it may be tried again
    /// more often than it must.
    fn reconcile_as_told(&mut self, id: ServiceNumber, mut on: Range<InstanceNumber>) -> Result<(), CheckError> {
        loop {
            let service = &self.services[&id];
            if service.daemon_missing.is_empty() || on.is_empty() {
                return Ok(());
            }
            let now_ms = self.now_ms;
            let is_own = |record: &&Record| {
                record.at_ms == now_ms && record.event.is_none() && record.group == *service.ask.group
            };
            let record = self.log.peek()?.filter(is_own);
            let Some(What::Refused { closest: Some(name), .. }) = record.map(|record| &record.what) else {
                return Ok(());
            };
            let number = self.cluster.instance_named(name);
            let Some(number) = number.filter(|it| on.contains(it) && service.daemon_missing.contains_key(it)) else {
                return Ok(());
            };
            self.reconcile_on(id, number)?;
            on.start = number + 1;
        }
    }

    /// Whether a daemon belongs on an instance, where it has these tasks. An expression that looks at tasks is asked only
    /// where there is none, as it would see the daemon itself.
    fn is_wanted(&self, id: ServiceNumber, number: InstanceNumber, own: &[TaskNumber]) -> bool {
        let (ask, instance) = (&self.services[&id].ask, &self.cluster.instances[number]);
        let mut expressions = ask.expressions.iter().filter(|expression| own.is_empty() || !expression.reads_tasks());
        instance.is_present()
            && instance.active
            && self.cluster.is_admitted(number, ask)
            && expressions.all(|expression| self.cluster.matches(number, expression))
    }

    /// Stops what does not belong on an instance (any more), and starts what is not there.
    fn reconcile_on(&mut self, id: ServiceNumber, number: InstanceNumber) -> Result<(), CheckError> {
        let service = &self.services[&id];
        let running = self.cluster.running_on(number).map(|(task, _)| task);
        let own: Vec<TaskNumber> = running.filter(|task| service.tasks.contains(task)).collect();
        let is_wanted = self.is_wanted(id, number, &own);
        let is_current = |task: &&TaskNumber| self.cluster.tasks[task].service == Some((id, service.deployment));
        // Of several the oldest of the newest deployment stays.
        let kept = own.iter().find(is_current).filter(|_| is_wanted).copied();
        let why = match () {
            () if !self.cluster.instances[number].active => "draining",
            () if is_wanted => "deployment",
            () => "scale-in",
        };
        for task in own.iter().filter(|task| Some(**task) != kept) {
            self.expect_stop(*task, why, None)?;
        }
        if !is_wanted {
            self.service_mut(id).daemon_missing.remove(&number);
        } else if kept.is_none() {
            let why = if own.is_empty() { None } else { Some("deployment") };
            self.start_daemon(id, number, why)?;
        }
        Ok(())
    }

    /// `why`: what a new copy is for, unless it replaces one that ended or is wanted for the first time.
    fn start_daemon(
        &mut self,
        id: ServiceNumber,
        on: InstanceNumber,
        why: Option<&'static str>,
    ) -> Result<(), CheckError> {
        let service = self.service_mut(id);
        let mut copy = service.daemon_missing.remove(&on).unwrap_or_else(|| {
            let other = if service.to_replace > 0 { "replacement" } else { "desired" };
            service.to_replace = service.to_replace.saturating_sub(1);
            Missing { first: None, count: 1, why: why.unwrap_or(other), told: None }
        });
        let number = copy.number(&mut service.next_number);
        let (name, ask) = (service.name_of(number), Arc::clone(&service.ask));
        let Some(reason) = self.cluster.start_task_refusal(on, &ask) else {
            let start = Start { event: None, name: &name, ask: &ask, why: Some(copy.why) };
            self.expect_start(start, self.life_in(id), &Answers::only(on, Basis::Chosen))?;
            return Ok(());
        };
        if copy.told.replace(reason) != Some(reason) {
            let closest = Some(self.cluster.instances[on].name().to_owned());
            let what = What::Refused { reason: reason.to_owned(), closest, waits: false };
            self.log.expect(&self.head(None, &name, &ask.group), &what)?;
            self.checked.refused += 1;
        }
        self.service_mut(id).daemon_missing.insert(on, copy);
        Ok(())
    }
}
