//! Who may take a task, whom the strategy prefers, and why nobody takes it: plain scans over all instances.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use scheduler_core::{AttributeLookup, BinpackField, Expression, GpuDemand, PlacementStrategy, SpreadField, TieBreak};

use super::ask::Ask;
use super::cluster::{Cluster, InstanceNumber, Presence, TaskNumber, amount};

/// What an instance falls short of by a check; `None`: it passes.
type Shortfall = fn(&Cluster<'_>, InstanceNumber, &Ask) -> Option<i64>;

/// Who asks a check (C-49).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Askers {
    All,
    /// All but StartTask.
    Placement,
}

/// The checks of 2.3 in their order (C-18), by their reasons.
const CHECKS: [(&str, Askers, Shortfall); 12] = [
    ("NO ACTIVE INSTANCES", Askers::Placement, |cluster, it, _| unless(cluster.instances[it].active)),
    ("RESOURCE:CPU", Askers::All, |cluster, it, ask| above_0(ask.cpu - cluster.instances[it].cpu_left)),
    ("RESOURCE:MEMORY", Askers::All, |cluster, it, ask| above_0(ask.memory - cluster.instances[it].memory_left)),
    ("RESOURCE:PORTS", Askers::All, |cluster, it, ask| cluster.ports_short(it, ask)),
    ("RESOURCE:GPU", Askers::All, |cluster, it, ask| cluster.gpus_short(it, ask)),
    ("RESOURCE:ENI", Askers::All, |cluster, it, ask| cluster.enis_short(it, ask)),
    ("ATTRIBUTE", Askers::All, |cluster, it, ask| unless(cluster.has_required(it, ask))),
    ("LOCATION", Askers::All, |cluster, it, ask| unless(cluster.is_in_zones(it, ask))),
    ("MemberOf placement constraint unsatisfied.", Askers::Placement, |cluster, it, ask| {
        unless(ask.expressions.iter().all(|expression| cluster.matches(it, expression)))
    }),
    ("DistinctInstance placement constraint unsatisfied.", Askers::Placement, |cluster, it, ask| {
        unless(!ask.distinct || cluster.of_group_on(it, ask) == 0)
    }),
    ("MaxTasksPerInstance", Askers::Placement, |cluster, it, ask| {
        unless(ask.most.is_none_or(|most| cluster.of_group_on(it, ask) < most))
    }),
    ("AGENT", Askers::All, |cluster, it, _| unless(cluster.instances[it].connected)),
];

fn above_0(missing: i64) -> Option<i64> {
    (missing > 0).then_some(missing)
}

fn unless(passes: bool) -> Option<i64> {
    (!passes).then_some(0)
}

/// Why nobody takes a task (C-51).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) closest: Option<String>,
}

/// What the rules choose among: an instance for a task, or a task to stop with its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) instance: InstanceNumber,
    pub(super) stops: Option<TaskNumber>,
}

/// Which way the rules are read: one that stops a task takes the instance that a placement would want last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Placing,
    Stopping,
}

/// The candidates that the rules leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) candidates: Vec<Candidate>,
    pub(super) basis: Basis,
}

/// What makes an answer right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// The rules leave no other.
    Chosen,
    /// A draw or code of somebody's own decides among several.
    Open,
    /// It is possible; no more is asked.
    Legal,
    /// The trace has it so at second 0.
    Given,
}

impl Answers {
    /// There is nothing to choose.
    pub(super) fn only(instance: InstanceNumber, basis: Basis) -> Self {
        Self { candidates: vec![Candidate { instance, stops: None }], basis }
    }

    fn open(candidates: Vec<Candidate>) -> Self {
        let basis = if candidates.len() > 1 { Basis::Open } else { Basis::Chosen };
        Self { candidates, basis }
    }
}

/// A value by which `spread` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket<'a> {
    Instance(InstanceNumber),
    Attribute(AttributeLookup<'a>),
}

/// Those with the least key, in their order.
fn least<K: Ord>(all: &[Candidate], key: impl Fn(Candidate) -> K) -> Vec<Candidate> {
    let keyed: Vec<(K, Candidate)> = all.iter().map(|candidate| (key(*candidate), *candidate)).collect();
    let Some(best) = keyed.iter().map(|(key, _)| key).min() else { return Vec::new() };
    keyed.iter().filter(|(key, _)| key == best).map(|(_, candidate)| *candidate).collect()
}

impl Cluster<'_> {
    fn ports_short(&self, number: InstanceNumber, ask: &Ask) -> Option<i64> {
        if ask.ports.is_empty() {
            return None;
        }
        let taken = self.taken_ports(number);
        let clashing = amount(ask.ports.iter().filter(|port| taken.contains(port)).count());
        // C-06
        let above_limit = amount(taken.len() + ask.ports.len()) - 100;
        above_0(if clashing > 0 { clashing } else { above_limit })
    }

    fn gpus_short(&self, number: InstanceNumber, ask: &Ask) -> Option<i64> {
        let free = || amount(self.free_gpus(number).len());
        above_0(match ask.gpus {
            GpuDemand::Count(0) => 0,
            GpuDemand::Count(count) => i64::from(count) - free(),
            // C-10: all that are registered, and there must be one.
            GpuDemand::All => amount(self.gpu_millis_left(number).len().max(1)) - free(),
            GpuDemand::Share(milli) => i64::from(milli) - self.gpu_millis_left(number).into_iter().max().unwrap_or(0),
        })
    }

    fn enis_short(&self, number: InstanceNumber, ask: &Ask) -> Option<i64> {
        let left = if ask.eni { self.enis_left(number) } else { None };
        left.and_then(|left| above_0(1 - left))
    }

    fn has_required(&self, number: InstanceNumber, ask: &Ask) -> bool {
        let attributes = &self.instances[number].attributes;
        ask.required.iter().all(|required| match &required.value {
            None => attributes.contains(&required.name),
            Some(value) => attributes.get(&required.name).value() == Some(value.as_str()),
        })
    }

    fn is_in_zones(&self, number: InstanceNumber, ask: &Ask) -> bool {
        let zone = self.instances[number].zone();
        ask.zones.as_ref().is_none_or(|zones| zones.iter().any(|it| **it == *zone))
    }

    fn of_group_on(&self, number: InstanceNumber, ask: &Ask) -> usize {
        self.running_on(number).filter(|(_, task)| task.ask.group == ask.group).count()
    }

    /// The position of the first check that an instance fails, with its shortfall.
    fn failing(&self, number: InstanceNumber, ask: &Ask) -> Option<(usize, i64)> {
        let mut checks = CHECKS.iter().enumerate();
        checks.find_map(|(index, (_, _, shortfall))| Some((index, shortfall(self, number, ask)?)))
    }

    /// The reason for which an instance cannot take a task.
    pub(super) fn ineligibility(&self, number: InstanceNumber, ask: &Ask) -> Option<&'static str> {
        self.failing(number, ask).map(|(index, _)| CHECKS[index].0)
    }

    /// The reason that StartTask gives for not starting there.
    pub(super) fn start_task_refusal(&self, number: InstanceNumber, ask: &Ask) -> Option<&'static str> {
        if self.instances[number].presence == Presence::Down {
            return Some("INACTIVE");
        }
        let mut asked = CHECKS.iter().filter(|(_, askers, _)| *askers == Askers::All);
        asked.find(|(_, _, shortfall)| shortfall(self, number, ask).is_some()).map(|(reason, _, _)| *reason)
    }

    pub(super) fn is_feasible(&self, ask: &Ask) -> bool {
        self.present().any(|number| self.failing(number, ask).is_none())
    }

    /// The instances that can take a task.
    pub(super) fn feasible(&self, ask: &Ask) -> Vec<Candidate> {
        let feasible = self.present().filter(|number| self.failing(*number, ask).is_none());
        feasible.map(|instance| Candidate { instance, stops: None }).collect()
    }

    /// The reason of a refusal and the closest instance (C-51): the instances that get furthest through the checks, and
    /// of them the one that falls short by least. `None`: somebody takes the task.
    pub(super) fn refusal(&self, ask: &Ask) -> Option<Refusal> {
        let mut furthest = (0, Reverse(0), Reverse(InstanceNumber::MAX));
        for number in self.present() {
            let (check, shortfall) = self.failing(number, ask)?;
            furthest = furthest.max((check, Reverse(shortfall), Reverse(number)));
        }
        let (check, _, Reverse(number)) = furthest;
        let closest = (check > 0).then(|| self.instances[number].name().to_owned());
        Some(Refusal { reason: CHECKS[check].0, closest })
    }

    /// Whether the static rules admit an instance (C-19): required attributes, location, expressions over attributes.
    pub(super) fn is_admitted(&self, number: InstanceNumber, ask: &Ask) -> bool {
        let holds = |expression: &Expression| !expression.is_static() || self.matches(number, expression);
        self.has_required(number, ask) && self.is_in_zones(number, ask) && ask.expressions.iter().all(holds)
    }

    /// C-19: what the ACTIVE instances of each zone that the static rules admit have left.
    fn zone_headrooms(&self, ask: &Ask) -> BTreeMap<&str, i128> {
        let mut headrooms = BTreeMap::new();
        for number in self.present() {
            let is_counted = self.instances[number].active && self.is_admitted(number, ask);
            let headroom = if is_counted { self.headroom(number) } else { 0 };
            *headrooms.entry(self.instances[number].zone()).or_insert(0) += headroom;
        }
        headrooms
    }

    /// Tasks of the scope by the value of a field (C-22 to C-25), asked of an instance.
    fn spread_counts<'a>(&'a self, field: &'a SpreadField, ask: &Ask) -> impl Fn(InstanceNumber) -> i128 + 'a {
        let bucket = move |number: InstanceNumber| match field {
            SpreadField::InstanceId => Bucket::Instance(number),
            SpreadField::Attribute(name) => Bucket::Attribute(self.instances[number].attributes.get(name)),
        };
        let mut on_instance = vec![0; self.instances.len()];
        for task in self.tasks.values().filter(|task| task.should_run && task.ask.group == ask.group) {
            let is_counted = !self.settings.spread_ignores_other_revisions || task.ask.definition == ask.definition;
            on_instance[task.instance] += i128::from(is_counted);
        }
        let mut counts = BTreeMap::new();
        for (number, count) in on_instance.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            *counts.entry(bucket(number)).or_insert(0) += count;
        }
        move |number| counts.get(&bucket(number)).copied().unwrap_or(0)
    }

    /// What is left of a field on an instance, what the task to stop gives back counted in.
    fn left_of(&self, field: BinpackField, of: Candidate) -> i128 {
        let instance = &self.instances[of.instance];
        let ask = of.stops.map(|task| &self.tasks[&task].ask);
        i128::from(match field {
            BinpackField::Cpu => instance.cpu_left + ask.map_or(0, |ask| ask.cpu),
            BinpackField::Memory => instance.memory_left + ask.map_or(0, |ask| ask.memory),
        })
    }

    /// The instances among `feasible` that may be the answer (3).
    pub(super) fn answers(&self, feasible: Vec<Candidate>, ask: &Ask) -> Answers {
        self.narrow(feasible, ask, Direction::Placing)
    }

    /// The tasks among `tasks` that may be the one to stop (9.5).
    pub(super) fn to_stop(&self, tasks: &[Candidate], ask: &Ask) -> Answers {
        // C-59
        let left = least(tasks, |candidate| {
            let is_running = candidate.stops.is_some_and(|task| self.tasks[&task].healthy_ms.is_some());
            (is_running, is_running && self.instances[candidate.instance].active)
        });
        self.narrow(left, ask, Direction::Stopping)
    }

    /// Each rule keeps the best, or the worst where one is to go; then the tie-break.
    fn narrow(&self, mut left: Vec<Candidate>, ask: &Ask, direction: Direction) -> Answers {
        let sign = match direction {
            Direction::Placing => 1,
            Direction::Stopping => -1,
        };
        for rule in ask.rules.iter().flatten() {
            left = match rule {
                // What follows a draw has no effect (C-26); what a rule of one's own leaves is not known here.
                PlacementStrategy::Random => return Answers::open(left),
                PlacementStrategy::Custom(_) if direction == Direction::Placing => return Answers::open(left),
                PlacementStrategy::Custom(_) => left,
                PlacementStrategy::Spread(field) => {
                    let counts = self.spread_counts(field, ask);
                    least(&left, |it| sign * counts(it.instance))
                }
                PlacementStrategy::Binpack(field) => least(&left, |it| sign * self.left_of(*field, it)),
            };
        }
        let tie_break = match &ask.rules {
            None => {
                // C-19, and C-66 backwards.
                let zones = self.zone_headrooms(ask);
                left = least(&left, |it| -sign * zones[self.instances[it.instance].zone()]);
                TieBreak::Headroom
            }
            Some(_) => self.settings.tie_break,
        };
        match tie_break {
            TieBreak::Random => return Answers::open(left),
            TieBreak::Headroom => left = least(&left, |it| -sign * self.headroom(it.instance)),
            TieBreak::Stable => {}
        }
        // The first of the instances, the last of the tasks (C-60).
        let last = match direction {
            Direction::Placing => left.into_iter().min(),
            Direction::Stopping => left.into_iter().max(),
        };
        Answers { candidates: last.into_iter().collect(), basis: Basis::Chosen }
    }
}
