//! REPLICA services (placement spec 9.2 to 9.6): what each should do next, and the lines that say that it did.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{PlacementConstraint, PlacementStrategy, Strategy};

use super::CheckError;
use super::ask::Ask;
use super::cluster::{Cluster, Task, TaskNumber};
use super::record::{Record, What};
use super::replay::{Life, Replay, Seat};
use super::services::{Attention, Missing, ServiceModel};
use crate::strategy::Meaning;

/// What a service should do next.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Stop(Whom),
    /// Place the first missing copy.
    Place,
    /// Tell of copies that nobody takes.
    Refuse,
    /// Start a task in a zone, for balance.
    Move(String),
}

/// Which of its tasks goes.
#[derive(Debug, Clone, PartialEq)]
enum Whom {
    Staying,
    Leaving,
    PendingOnDraining,
    InZone(String),
}

/// A service in numbers.
#[derive(Debug, Default)]
struct View {
    desired: u64,
    fewest_healthy: u64,
    most: u64,
    staying: u64,
    leaving: u64,
    healthy: u64,
    pending_on_draining: u64,
}

impl Replay<'_> {
    fn is_on_draining(&self, task: &Task) -> bool {
        !self.cluster.instances[task.instance].active
    }

    fn is_leaving(&self, service: &ServiceModel, task: &Task) -> bool {
        task.service.is_none_or(|(_, deployment)| deployment != service.deployment) || self.is_on_draining(task)
    }

    fn is_healthy(&self, task: &Task) -> bool {
        task.is_running && task.healthy_ms.is_some_and(|from_ms| from_ms <= self.now_ms)
    }

    fn view(&self, service: &ServiceModel) -> View {
        let entry = &service.entry.service;
        let desired = u64::from(entry.desired_count);
        let percent = |of: Option<u32>, default: u64| of.map_or(default, u64::from);
        let mut view = View {
            desired: desired + u64::from(service.moving.is_some()),
            fewest_healthy: (desired * percent(entry.minimum_healthy_percent, 100)).div_ceil(100),
            most: desired * percent(entry.maximum_percent, 200) / 100,
            ..View::default()
        };
        for task in service.tasks.iter().map(|task| &self.cluster.tasks[task]) {
            let is_leaving = self.is_leaving(service, task);
            view.leaving += u64::from(is_leaving);
            view.staying += u64::from(!is_leaving);
            view.healthy += u64::from(self.is_healthy(task));
            view.pending_on_draining += u64::from(!task.is_running && self.is_on_draining(task));
        }
        view
    }

    /// One thing after another (C-53): the copies that it wants are counted here, all else shows in the log.
    fn next_step(&mut self, id: usize) -> Option<Step> {
        if self.services[&id].is_placing
            && let Some(step) = self.place_or_refuse(id)
        {
            return Some(step);
        }
        let view = self.view(&self.services[&id]);
        if view.pending_on_draining > 0 {
            return Some(Step::Stop(Whom::PendingOnDraining));
        }
        let lacks = view.desired.saturating_sub(view.staying);
        let room = view.most.saturating_sub(view.staying + view.leaving);
        let allowed = if view.leaving == 0 { lacks } else { lacks.min(room) };
        let service = self.services.get_mut(&id)?;
        service.missing.truncate(allowed as usize);
        let wanted = allowed - service.missing.len() as u64;
        if wanted > 0 {
            let replacements = wanted.min(std::mem::take(&mut service.to_replace));
            let other = match () {
                () if service.is_deploying => "deployment",
                () if view.leaving > 0 => "replacement",
                () => "desired",
            };
            for index in 0..wanted {
                let why = if index < replacements { "replacement" } else { other };
                service.missing.push_back(Missing { number: None, why, told: None });
            }
        }
        if view.leaving > 0 && view.healthy > view.fewest_healthy {
            return Some(Step::Stop(Whom::Leaving));
        }
        if view.staying > view.desired {
            return Some(Step::Stop(Whom::Staying));
        }
        if let Some(step) = self.place_or_refuse(id) {
            return Some(step);
        }
        let step = self.rebalance(id, &view);
        if let Some(Step::Stop(whom)) = &step
            && self.candidates(id, whom).is_empty()
        {
            // The move ends without a stop: the fullest zone has no other task.
            self.services.get_mut(&id)?.moving = None;
            return self.next_step(id);
        }
        let service = self.services.get_mut(&id)?;
        if view.staying >= view.desired {
            service.to_replace = 0;
            service.is_deploying &= view.leaving > 0;
        }
        step
    }

    fn place_or_refuse(&mut self, id: usize) -> Option<Step> {
        let service = self.services.get_mut(&id)?;
        if service.missing.is_empty() {
            return None;
        }
        for missing in service.missing.iter_mut().filter(|missing| missing.number.is_none()) {
            missing.number = Some(service.next_number);
            service.next_number += 1;
        }
        let is_new = service.missing.iter().any(|missing| missing.told.is_none());
        let ask = Arc::clone(&service.ask);
        match self.refusal(&ask) {
            None => Some(Step::Place),
            Some(_) => is_new.then_some(Step::Refuse),
        }
    }

    /// 9.6 and C-61, in a steady state.
    fn rebalance(&mut self, id: usize, view: &View) -> Option<Step> {
        let service = &self.services[&id];
        if view.leaving > 0
            || view.staying != view.desired
            || !service.missing.is_empty()
            || !is_balanced(service, &self.preferences.meaning)
        {
            return None;
        }
        let zones = self.zone_counts(service);
        let fullest = zones.iter().min_by_key(|(zone, tasks)| (Reverse(**tasks), **zone))?;
        let emptiest = zones.iter().min_by_key(|(zone, tasks)| (**tasks, **zone))?;
        if let Some(moving) = service.moving {
            let is_healthy = self.is_healthy(&self.cluster.tasks[&moving]);
            return is_healthy.then(|| Step::Stop(Whom::InZone((*fullest.0).to_owned())));
        }
        let is_uneven = *fullest.1 > *emptiest.1 + 1 && view.staying < view.most;
        is_uneven.then(|| Step::Move((*emptiest.0).to_owned()))
    }

    /// Its tasks by zone, over the zones of ACTIVE instances that its static rules admit.
    fn zone_counts(&self, service: &ServiceModel) -> BTreeMap<&str, u64> {
        let is_counted =
            |number: &usize| self.cluster.instances[*number].active && self.cluster.is_admitted(*number, &service.ask);
        let numbers = self.cluster.present().filter(is_counted);
        let mut zones: BTreeMap<&str, u64> = numbers.map(|number| (self.cluster.instances[number].zone(), 0)).collect();
        for task in service.tasks.iter().map(|task| &self.cluster.tasks[task]) {
            if let Some(count) = zones.get_mut(self.cluster.instances[task.instance].zone()) {
                *count += 1;
            }
        }
        zones
    }

    fn ask_in_zone(&self, id: usize, zone: &str) -> Ask {
        Ask { zones: Some(vec![zone.into()]), ..Ask::clone(&self.services[&id].ask) }
    }

    /// What the service should do, if there is something that it must. Steps towards balance take turns of their own, so
    /// they are asked for at the end only.
    pub(super) fn replica_should(&mut self, id: usize, is_end: bool) -> Option<String> {
        let state = Some((self.cluster.version, self.now_ms));
        if self.services[&id].idle_at == state {
            return None;
        }
        let name = self.services[&id].entry.service.name().to_owned();
        match self.next_step(id) {
            Some(Step::Move(_) | Step::Stop(Whom::InZone(_))) if !is_end => return None,
            Some(Step::Stop(whom)) => return Some(format!("service `{name}` stops a task ({})", why_stopped(&whom))),
            Some(Step::Place) => return Some(format!("service `{name}` places a copy")),
            Some(Step::Refuse) => return Some(format!("service `{name}` tells of a copy that nobody takes")),
            Some(Step::Move(zone)) => {
                let ask = self.ask_in_zone(id, &zone);
                // One that looks at tasks is not tried again after each placement.
                let service = &self.services[&id];
                let changed = self.cluster.freed.max(self.cluster.reshaped);
                let is_due = service.events.is_drawn(changed) && !ask.reads_tasks();
                if is_due && self.cluster.is_feasible(&ask) {
                    return Some(format!("service `{name}` starts a task in zone `{zone}` for balance"));
                }
            }
            None => {}
        }
        if let Some(service) = self.services.get_mut(&id) {
            service.idle_at = state;
        }
        None
    }

    /// All missing copies of a service have been told of for the same reason, and for the right one where room was made
    /// in this instant and nothing was placed since.
    pub(super) fn check_told(&mut self) -> Result<(), CheckError> {
        let ids: Vec<usize> = self.services.keys().copied().collect();
        for id in ids {
            let service = &self.services[&id];
            let mut told = service.missing.iter().map(|missing| &missing.told);
            let Some(first) = told.next().cloned() else { continue };
            let are_alike = told.all(|other| *other == first);
            let ask = Arc::clone(&service.ask);
            let name = service.entry.service.name().to_owned();
            let Cluster { freed, version, .. } = self.cluster;
            let is_fresh = freed == version && service.events.has_room_since(freed);
            let right = if is_fresh { self.refusal(&ask).map(|refusal| refusal.reason.to_owned()) } else { None };
            let is_right = right.as_ref().is_none_or(|right| first.as_ref() == Some(right));
            if !are_alike || !is_right {
                let reason = right.or(first).unwrap_or_default();
                return Err(self.log.wrong(format!("service `{name}` tells of all its missing copies that {reason}")));
            }
        }
        let version = self.cluster.version;
        for service in self.services.values_mut() {
            (service.news, service.events) = (Attention::after(version), Attention::after(version));
        }
        Ok(())
    }

    pub(super) fn follow_replica(&mut self, id: usize, record: &Record) -> Result<(), CheckError> {
        let step = self.next_step(id);
        let service = &self.services[&id];
        let (is_placing, may_tell) = (service.is_placing, service.may_tell);
        match (&record.what, step) {
            (What::Stopped { why, .. }, Some(Step::Stop(whom))) => self.follow_stop(id, record, why, &whom),
            (What::Placed { why, .. }, Some(Step::Place)) => {
                let service = &self.services[&id];
                let missing = service.missing[0].clone();
                let (ask, name) = (Arc::clone(&service.ask), service.name_of(missing.number.unwrap_or_default()));
                self.follow_start(id, record, &name, &ask, (why.as_deref(), missing.why))?;
                if let Some(service) = self.services.get_mut(&id) {
                    service.missing.pop_front();
                    service.is_placing = true;
                }
                Ok(())
            }
            (What::Placed { why, .. }, Some(Step::Move(zone))) => {
                let ask = self.ask_in_zone(id, &zone);
                let service = &self.services[&id];
                let name = service.name_of(service.next_number);
                // The task is one of the service's: the zone is not what it asks for later.
                let number = self.follow_start(id, record, &name, &Arc::new(ask), (why.as_deref(), "rebalancing"))?;
                if let Some(service) = self.services.get_mut(&id) {
                    service.next_number += 1;
                    service.moving = Some(number);
                }
                Ok(())
            }
            // A reason that is another one now may be told again, also of what is left after some have been placed.
            (What::Refused { reason, closest, .. }, step)
                if is_placing
                    || step == Some(Step::Refuse)
                    || (may_tell && matches!(step, None | Some(Step::Move(_)))) =>
            {
                self.follow_refusal(id, record, reason, closest.as_deref())
            }
            (_, step) => {
                let should = match step {
                    None => "the service has nothing to do".to_owned(),
                    Some(Step::Stop(whom)) => format!("the service stops a task ({})", why_stopped(&whom)),
                    Some(Step::Place) => "the service places a copy".to_owned(),
                    Some(Step::Refuse) => "the service tells of a copy that nobody takes".to_owned(),
                    Some(Step::Move(zone)) => format!("the service starts a task in zone `{zone}`"),
                };
                Err(self.log.wrong(should))
            }
        }
    }

    pub(super) fn follow_start(
        &mut self,
        id: usize,
        record: &Record,
        name: &Arc<str>,
        ask: &Arc<Ask>,
        (why, right): (Option<&str>, &str),
    ) -> Result<TaskNumber, CheckError> {
        self.expect_head(None, name, &ask.group)?;
        self.check_name(name)?;
        if why != Some(right) {
            return Err(self.log.wrong(format!("its `why` is {right}")));
        }
        let seat = self.check_placed(ask, &record.what)?;
        self.log.pass();
        Ok(self.start_of_service(id, name, seat))
    }

    pub(super) fn start_of_service(&mut self, id: usize, name: &Arc<str>, seat: Seat) -> TaskNumber {
        let service = &self.services[&id];
        let life = Life {
            duration_ms: service.entry.task_lifetime_ms,
            start_ms: self.settings.task_start_ms,
            service: Some((id, service.deployment)),
        };
        let ask = Arc::clone(&service.ask);
        let number = self.start(name, &ask, seat, life);
        if let Some(service) = self.services.get_mut(&id) {
            service.tasks.insert(number);
        }
        number
    }

    fn follow_refusal(
        &mut self,
        id: usize,
        record: &Record,
        reason: &str,
        closest: Option<&str>,
    ) -> Result<(), CheckError> {
        let service = &self.services[&id];
        let is_news = |missing: &&Missing| missing.told.as_deref() != Some(reason);
        let Some(missing) = service.missing.iter().find(is_news) else {
            return Err(self.log.wrong("the service has no missing copy of which that is news"));
        };
        let (number, ask) = (missing.number, Arc::clone(&service.ask));
        self.expect_head(None, &service.name_of(number.unwrap_or_default()), &ask.group)?;
        // A service may have several turns in one instant: the reason shows which of them a line is of.
        if let Some(right) = self.refusal(&ask).filter(|right| self.is_legality_only && right.reason != reason) {
            return Err(self.log.wrong(format!("the reason is {}", right.reason)));
        }
        self.check_refused(&ask, reason, closest)?;
        self.log.pass();
        debug_assert_eq!(record.group, *ask.group);
        if let Some(service) = self.services.get_mut(&id)
            && let Some(missing) = service.missing.iter_mut().find(|missing| missing.number == number)
        {
            missing.told = Some(reason.to_owned());
            service.idle_at = None;
        }
        Ok(())
    }

    /// The tasks of which one should go.
    fn candidates(&self, id: usize, whom: &Whom) -> Vec<TaskNumber> {
        let service = &self.services[&id];
        let is_meant = |number: &TaskNumber| {
            let task = &self.cluster.tasks[number];
            match whom {
                Whom::Staying => !self.is_leaving(service, task),
                Whom::Leaving => self.is_leaving(service, task),
                Whom::PendingOnDraining => !task.is_running && self.is_on_draining(task),
                Whom::InZone(zone) => {
                    service.moving != Some(*number) && self.cluster.instances[task.instance].zone() == zone
                }
            }
        };
        service.tasks.iter().copied().filter(is_meant).collect()
    }

    fn follow_stop(&mut self, id: usize, record: &Record, why: &str, whom: &Whom) -> Result<(), CheckError> {
        let candidates = self.candidates(id, whom);
        let (right, is_open) = if self.is_legality_only {
            (candidates, true)
        } else {
            self.cluster.to_stop(&candidates, &self.services[&id].ask)
        };
        let names = |numbers: &[TaskNumber]| {
            let names: Vec<_> = numbers.iter().take(5).map(|it| format!("`{}`", self.cluster.tasks[it].name)).collect();
            names.join(" or ")
        };
        let Some(number) = right.iter().copied().find(|number| *self.cluster.tasks[number].name == *record.task) else {
            return Err(self.log.wrong(format!("the service stops {} ({})", names(&right), why_stopped(whom))));
        };
        let is_draining = self.is_on_draining(&self.cluster.tasks[&number]);
        let right_why = match whom {
            Whom::Leaving if !is_draining => "deployment",
            _ => why_stopped(whom),
        };
        if why != right_why {
            return Err(self.log.wrong(format!("its `why` is {right_why}")));
        }
        self.expect_stop(number, right_why, None)?;
        self.checked.open_stops += u64::from(is_open);
        if let Some(service) = self.services.get_mut(&id) {
            service.is_placing = false;
            service.moving = service.moving.filter(|_| !matches!(whom, Whom::InZone(_)));
        }
        Ok(())
    }
}

fn why_stopped(whom: &Whom) -> &'static str {
    match whom {
        Whom::Staying => "scale-in",
        Whom::Leaving | Whom::PendingOnDraining => "draining",
        Whom::InZone(_) => "rebalancing",
    }
}

/// Whether ECS keeps the service's zones even (9.6): it wants more than one task, has no strategy or zone spread first,
/// no constraint on the zone, and may have one task more for a while. The strategy is the one that the run gives it.
fn is_balanced(service: &ServiceModel, meaning: &Meaning) -> bool {
    let entry = &service.entry.service;
    let strategy = match meaning {
        Meaning::Replace(strategy) => Some(strategy),
        Meaning::AsWritten | Meaning::OneTaskPerHost => entry.strategy.as_ref(),
        // Code of somebody's own comes first.
        Meaning::FragmentationGradientDescent => return false,
    };
    let zone_first = match strategy {
        Some(Strategy::Chain(chain)) => chain.rules().first() == Some(&PlacementStrategy::spread_zones()),
        None | Some(Strategy::Headroom | Strategy::EcsDefault) => true,
    };
    let is_of_zone = |constraint: &PlacementConstraint| match constraint {
        PlacementConstraint::MemberOf(expression) => {
            expression.attribute_names().iter().any(|name| name.as_str() == "ecs.availability-zone")
        }
        _ => false,
    };
    entry.availability_zone_rebalancing.unwrap_or(true)
        && entry.desired_count > 1
        && entry.maximum_percent != Some(100)
        && zone_first
        && !entry.constraints.iter().any(is_of_zone)
}
