//! The turn of a REPLICA service (placement spec 9.2 to 9.6): what it stops, places, refuses and moves, and the lines
//! that say so.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use scheduler_core::{PlacementConstraint, PlacementStrategy, Strategy};

use super::ask::Ask;
use super::cluster::{Task, TaskNumber};
use super::replay::{Due, Rank, Replay, Start, Unplaced};
use super::rules::{Answers, Basis, Candidate};
use super::services::{ServiceModel, ServiceNumber};
use super::{CheckError, Depth};
use crate::strategy::Meaning;

/// Which of its tasks goes.
#[derive(Debug, Clone, PartialEq)]
enum Whom {
    Staying,
    Leaving,
    PendingOnDraining,
    InZone(String),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staying => f.write_str("it has too many"),
            Self::Leaving => f.write_str("of an older deployment, or on an instance that is draining"),
            Self::PendingOnDraining => f.write_str("not yet running, on an instance that is draining"),
            Self::InZone(zone) => write!(f, "for balance, in zone `{zone}`"),
        }
    }
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

impl View {
    /// The tasks that it shall have more. What leaves counts toward the most; without it nothing is exchanged, and the
    /// maximum does not bind.
    fn lacks(&self) -> u64 {
        let lacks = self.desired.saturating_sub(self.staying);
        if self.leaving == 0 { lacks } else { lacks.min(self.most.saturating_sub(self.staying + self.leaving)) }
    }
}

impl Replay<'_> {
    fn is_on_draining(&self, task: &Task) -> bool {
        !self.cluster.instances[task.instance].active
    }

    fn is_leaving(&self, service: &ServiceModel, task: &Task) -> bool {
        task.service.is_none_or(|(_, deployment)| deployment != service.deployment) || self.is_on_draining(task)
    }

    fn is_healthy(&self, task: &Task) -> bool {
        task.healthy_ms.is_some_and(|from_ms| from_ms <= self.now_ms)
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
            view.pending_on_draining += u64::from(task.healthy_ms.is_none() && self.is_on_draining(task));
        }
        view
    }

    /// One turn.
    pub(super) fn reconcile_replica(&mut self, id: ServiceNumber) -> Result<(), CheckError> {
        self.stop_and_want(id)?;
        while self.place_missing(id)? {
            self.stop_and_want(id)?;
        }
        let view = self.view(&self.services[&id]);
        if view.staying >= view.desired {
            let service = self.service_mut(id);
            service.to_replace = 0;
            service.is_deploying &= view.leaving > 0;
        }
        self.rebalance(id, &view)?;
        self.wake_when_healthy(id);
        Ok(())
    }

    /// Stops what leaves or is too much, and counts the copies that it lacks (C-53).
    fn stop_and_want(&mut self, id: ServiceNumber) -> Result<(), CheckError> {
        loop {
            let view = self.view(&self.services[&id]);
            if view.pending_on_draining > 0 {
                self.expect_stop_of(id, &Whom::PendingOnDraining)?;
                continue;
            }
            let service = self.service_mut(id);
            let other = match () {
                () if service.is_deploying => "deployment",
                () if view.leaving > 0 => "replacement",
                () => "desired",
            };
            service.want(view.lacks(), other);
            if view.leaving > 0 && view.healthy > view.fewest_healthy {
                self.expect_stop_of(id, &Whom::Leaving)?;
            } else if view.staying > view.desired {
                self.expect_stop_of(id, &Whom::Staying)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Places missing copies one after another until nobody takes one; whether any was placed.
    fn place_missing(&mut self, id: ServiceNumber) -> Result<bool, CheckError> {
        let mut is_any_placed = false;
        loop {
            let service = self.service_mut(id);
            let Some(front) = service.missing.front_mut() else { return Ok(is_any_placed) };
            let (number, why) = (front.number(&mut service.next_number), front.why);
            let (name, ask) = (service.name_of(number), Arc::clone(&service.ask));
            let Some(answers) = self.answers(&ask) else {
                self.refuse_missing(id)?;
                return Ok(is_any_placed);
            };
            let start = Start { event: None, name: &name, ask: &ask, why: Some(why) };
            self.expect_start(start, self.life_in(id), &answers)?;
            self.service_mut(id).pop_missing();
            is_any_placed = true;
        }
    }

    /// Nobody takes a copy: a line tells of each of which that is news, the first time or for another reason.
    fn refuse_missing(&mut self, id: ServiceNumber) -> Result<(), CheckError> {
        let version = self.cluster.version;
        let service = self.service_mut(id);
        service.refused_at = version;
        let ask = Arc::clone(&service.ask);
        let Some(refusal) = self.cluster.refusal(&ask) else { return Ok(()) };
        for index in 0..self.services[&id].missing.len() {
            let service = self.service_mut(id);
            let missing = &mut service.missing[index];
            let first = missing.number(&mut service.next_number);
            let told = missing.told.replace(refusal.reason);
            let count = if told == Some(refusal.reason) { 0 } else { missing.count };
            for number in first..first + count {
                let name = self.services[&id].name_of(number);
                self.expect_refusal(&self.head(None, &name, &ask.group), &refusal, Unplaced::Fails)?;
            }
        }
        Ok(())
    }

    /// 9.6 and C-61: in a steady state a task starts in the emptiest zone, and when it is healthy one in the fullest stops.
    fn rebalance(&mut self, id: ServiceNumber, view: &View) -> Result<(), CheckError> {
        let service = &self.services[&id];
        let is_steady = view.leaving == 0 && view.staying == view.desired && service.missing.is_empty();
        if !is_steady || service.cannot_move || !self.is_balanced(service) {
            return Ok(());
        }
        let zones = self.zone_counts(service);
        let fullest = zones.iter().min_by_key(|(zone, tasks)| (Reverse(**tasks), **zone));
        let emptiest = zones.iter().min_by_key(|(zone, tasks)| (**tasks, **zone));
        let (Some((fullest, most)), Some((emptiest, fewest))) = (fullest, emptiest) else { return Ok(()) };
        if let Some(moving) = service.moving {
            if self.is_healthy(&self.cluster.tasks[&moving]) {
                let whom = Whom::InZone((*fullest).to_owned());
                if !self.candidates(id, &whom).is_empty() {
                    self.expect_stop_of(id, &whom)?;
                }
                self.service_mut(id).moving = None;
                self.dirty.insert(id);
            }
            return Ok(());
        }
        if *most > *fewest + 1 && view.staying < view.most {
            // The task is one of the service's: the zone is not what its tasks ask for later.
            let ask = Arc::new(Ask { zones: Some(vec![(*emptiest).into()]), ..Ask::clone(&service.ask) });
            self.begin_move(id, &ask)?;
        }
        Ok(())
    }

    fn begin_move(&mut self, id: ServiceNumber, ask: &Arc<Ask>) -> Result<(), CheckError> {
        let Some(answers) = self.answers(ask) else {
            self.service_mut(id).cannot_move = true;
            return Ok(());
        };
        let service = self.service_mut(id);
        let name = service.name_of(service.next_number);
        service.next_number += 1;
        let start = Start { event: None, name: &name, ask, why: Some("rebalancing") };
        let task = self.expect_start(start, self.life_in(id), &answers)?;
        self.service_mut(id).moving = Some(task);
        self.dirty.insert(id);
        Ok(())
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

    /// Whether ECS keeps the service's zones even (9.6): it wants more than one task, has no strategy or zone spread
    /// first, no constraint on the zone, and may have one task more for a while. The strategy is the one that the run
    /// gives it.
    pub(super) fn is_balanced(&self, service: &ServiceModel) -> bool {
        let entry = &service.entry.service;
        let strategy = match &self.preferences.meaning {
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

    /// Whoever waits for health has a turn when the next of its tasks becomes healthy.
    fn wake_when_healthy(&mut self, id: ServiceNumber) {
        let service = &self.services[&id];
        if service.moving.is_none() && self.view(service).leaving == 0 {
            return;
        }
        let healthy_ms = service.tasks.iter().filter_map(|task| self.cluster.tasks[task].healthy_ms);
        let Some(at_ms) = healthy_ms.filter(|at_ms| *at_ms > self.now_ms).min() else { return };
        if service.wakes_at_ms.is_none_or(|known_ms| at_ms < known_ms) {
            self.service_mut(id).wakes_at_ms = Some(at_ms);
            self.agenda.insert((at_ms, Rank::Wake, id), Due::Wake(id));
        }
    }

    /// The tasks of which one should go.
    fn candidates(&self, id: ServiceNumber, whom: &Whom) -> Vec<Candidate> {
        let service = &self.services[&id];
        let is_meant = |number: TaskNumber, task: &Task| match whom {
            Whom::Staying => !self.is_leaving(service, task),
            Whom::Leaving => self.is_leaving(service, task),
            Whom::PendingOnDraining => task.healthy_ms.is_none() && self.is_on_draining(task),
            Whom::InZone(zone) => {
                service.moving != Some(number) && self.cluster.instances[task.instance].zone() == zone
            }
        };
        let tasks = service.tasks.iter().map(|number| (*number, &self.cluster.tasks[number]));
        let meant = tasks.filter(|(number, task)| is_meant(*number, task));
        meant.map(|(number, task)| Candidate { instance: task.instance, stops: Some(number) }).collect()
    }

    /// The next line must stop one of those, the right one.
    fn expect_stop_of(&mut self, id: ServiceNumber, whom: &Whom) -> Result<(), CheckError> {
        let candidates = self.candidates(id, whom);
        let Answers { candidates, basis } = match self.claim.depth {
            Depth::Choice => self.cluster.to_stop(&candidates, &self.services[&id].ask),
            Depth::Legality => Answers { candidates, basis: Basis::Legal },
        };
        let numbers = || candidates.iter().filter_map(|candidate| candidate.stops);
        // Only a draw leaves several; the line says which.
        let told = self.log.peek()?.map(|record| record.task.clone()).unwrap_or_default();
        let Some(number) = numbers().find(|number| *self.cluster.tasks[number].name == *told) else {
            let names = numbers().take(5).map(|number| format!("`{}`", self.cluster.tasks[&number].name));
            let (names, service) = (names.collect::<Vec<_>>().join(" or "), &self.services[&id].entry.service);
            return Err(self.log.wrong(format!("service `{}` stops {names} ({whom})", service.name())));
        };
        let why = match whom {
            Whom::Staying => "scale-in",
            Whom::InZone(_) => "rebalancing",
            Whom::Leaving if !self.is_on_draining(&self.cluster.tasks[&number]) => "deployment",
            Whom::Leaving | Whom::PendingOnDraining => "draining",
        };
        self.expect_stop(number, why, None)?;
        self.checked.open_stops += u64::from(basis != Basis::Chosen);
        Ok(())
    }
}
