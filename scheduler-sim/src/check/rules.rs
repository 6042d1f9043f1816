//! Who may take a task, whom the strategy prefers, and why nobody takes it: plain scans over all instances.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use scheduler_core::{BinpackField, GpuDemand, PlacementStrategy, SpreadField, TieBreak};

use super::ask::Ask;
use super::cluster::{Cluster, InstanceNumber, Presence, Task, TaskNumber, amount};

/// The checks of 2.3 in their order (C-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    Active,
    Cpu,
    Memory,
    Ports,
    Gpu,
    Eni,
    Attributes,
    Location,
    MemberOf,
    DistinctInstance,
    MaxTasks,
    Agent,
}

impl Check {
    const ALL: [Self; 12] = [
        Self::Active,
        Self::Cpu,
        Self::Memory,
        Self::Ports,
        Self::Gpu,
        Self::Eni,
        Self::Attributes,
        Self::Location,
        Self::MemberOf,
        Self::DistinctInstance,
        Self::MaxTasks,
        Self::Agent,
    ];

    /// Whether StartTask asks it (C-49).
    fn is_of_start_task(self) -> bool {
        !matches!(self, Self::Active | Self::MemberOf | Self::DistinctInstance | Self::MaxTasks)
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Active => "NO ACTIVE INSTANCES",
            Self::Cpu => "RESOURCE:CPU",
            Self::Memory => "RESOURCE:MEMORY",
            Self::Ports => "RESOURCE:PORTS",
            Self::Gpu => "RESOURCE:GPU",
            Self::Eni => "RESOURCE:ENI",
            Self::Attributes => "ATTRIBUTE",
            Self::Location => "LOCATION",
            Self::MemberOf => "MemberOf placement constraint unsatisfied.",
            Self::DistinctInstance => "DistinctInstance placement constraint unsatisfied.",
            Self::MaxTasks => "MaxTasksPerInstance",
            Self::Agent => "AGENT",
        }
    }
}

/// Why nobody takes a task (C-51).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) closest: Option<String>,
}

/// The answers that the rules allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) instances: Vec<InstanceNumber>,
    /// A draw or code of somebody's own decides among them.
    pub(super) are_open: bool,
}

/// Those with the least key, in their order.
fn least<T: Copy, K: Ord>(all: &[T], key: impl Fn(T) -> K) -> Vec<T> {
    let keyed: Vec<(K, T)> = all.iter().map(|element| (key(*element), *element)).collect();
    let Some(best) = keyed.iter().map(|(key, _)| key).min() else { return Vec::new() };
    keyed.iter().filter(|(key, _)| key == best).map(|(_, element)| *element).collect()
}

impl Cluster {
    /// What an instance falls short of by a check; `None`: it passes.
    fn shortfall(&self, number: InstanceNumber, ask: &Ask, check: Check) -> Option<i64> {
        let instance = &self.instances[number];
        let above_0 = |missing: i64| (missing > 0).then_some(missing);
        let unless = |passes: bool| (!passes).then_some(0);
        match check {
            Check::Active => unless(instance.active),
            Check::Cpu => above_0(ask.cpu - instance.cpu_left),
            Check::Memory => above_0(ask.memory - instance.memory_left),
            Check::Ports if ask.ports.is_empty() => None,
            Check::Ports => {
                let taken = self.taken_ports(number);
                let clashing = ask.ports.iter().filter(|port| taken.contains(port)).count();
                // C-06
                let above_limit = amount(taken.len() + ask.ports.len()) - 100;
                above_0(if clashing > 0 { amount(clashing) } else { above_limit })
            }
            Check::Gpu if ask.gpus == GpuDemand::Count(0) => None,
            Check::Gpu => above_0(match ask.gpus {
                GpuDemand::Count(count) => i64::from(count) - amount(self.free_gpus(number).len()),
                // C-10: all that are registered, and there must be one.
                GpuDemand::All => {
                    let registered = instance.description.resources().gpu_ids().len().max(1);
                    amount(registered) - amount(self.free_gpus(number).len())
                }
                GpuDemand::Share(milli) => {
                    i64::from(milli) - self.gpu_millis_left(number).into_iter().max().unwrap_or(0)
                }
            }),
            Check::Eni if !ask.eni => None,
            Check::Eni => above_0(1 - self.enis_left(number).unwrap_or(1)),
            Check::Attributes => unless(ask.required.iter().all(|required| match &required.value {
                None => instance.attributes.contains(&required.name),
                Some(value) => instance.attributes.get(&required.name).value() == Some(value.as_str()),
            })),
            Check::Location => {
                unless(ask.zones.as_ref().is_none_or(|zones| zones.iter().any(|zone| **zone == *instance.zone())))
            }
            Check::MemberOf => unless(ask.expressions.iter().all(|expression| self.matches(number, expression))),
            Check::DistinctInstance => unless(!ask.distinct || self.of_group_on(number, ask) == 0),
            Check::MaxTasks => unless(ask.most.is_none_or(|most| self.of_group_on(number, ask) < most)),
            Check::Agent => unless(instance.connected),
        }
    }

    fn of_group_on(&self, number: InstanceNumber, ask: &Ask) -> usize {
        self.running_on(number).filter(|(_, task)| task.ask.group == ask.group).count()
    }

    /// The first check that an instance fails, with its shortfall.
    pub(super) fn failing(&self, number: InstanceNumber, ask: &Ask) -> Option<(Check, i64)> {
        let mut failing = Check::ALL.into_iter().filter_map(|check| Some((check, self.shortfall(number, ask, check)?)));
        failing.next()
    }

    /// The reason that StartTask gives for not starting there.
    pub(super) fn start_task_refusal(&self, number: InstanceNumber, ask: &Ask) -> Option<&'static str> {
        if self.instances[number].presence == Presence::Down {
            return Some("INACTIVE");
        }
        let mut asked = Check::ALL.into_iter().filter(|check| check.is_of_start_task());
        asked.find(|check| self.shortfall(number, ask, *check).is_some()).map(Check::reason)
    }

    pub(super) fn feasible(&self, ask: &Ask) -> Vec<InstanceNumber> {
        self.present().filter(|number| self.failing(*number, ask).is_none()).collect()
    }

    pub(super) fn is_feasible(&self, ask: &Ask) -> bool {
        self.present().any(|number| self.failing(number, ask).is_none())
    }

    /// The reason of a refusal and the closest instance (C-51): the instances that get furthest through the checks, and
    /// of them the one that falls short by least. `None`: somebody takes the task.
    pub(super) fn refusal(&self, ask: &Ask) -> Option<Refusal> {
        let mut furthest = (Check::Active, Reverse(0), Reverse(InstanceNumber::MAX));
        for number in self.present() {
            let (check, shortfall) = self.failing(number, ask)?;
            furthest = furthest.max((check, Reverse(shortfall), Reverse(number)));
        }
        let (check, _, Reverse(number)) = furthest;
        let closest = (check != Check::Active).then(|| self.instances[number].name().to_owned());
        Some(Refusal { reason: check.reason(), closest })
    }

    /// Whether the static rules admit an instance (C-19): required attributes, location, expressions over attributes.
    pub(super) fn is_admitted(&self, number: InstanceNumber, ask: &Ask) -> bool {
        let holds = |expression: &&scheduler_core::Expression| self.matches(number, expression);
        self.shortfall(number, ask, Check::Attributes).is_none()
            && self.shortfall(number, ask, Check::Location).is_none()
            && ask.expressions.iter().filter(|expression| expression.is_static()).all(|it| holds(&it))
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
    fn spread_counts<'a>(&'a self, field: &'a SpreadField, ask: &Ask) -> impl Fn(InstanceNumber) -> u64 + 'a {
        let value = move |number: InstanceNumber| match field {
            SpreadField::InstanceId => (Some(number), None),
            SpreadField::Attribute(name) => (None, Some(format!("{:?}", self.instances[number].attributes.get(name)))),
        };
        let mut on_instance = BTreeMap::new();
        for task in self.tasks.values().filter(|task| task.should_run && task.ask.group == ask.group) {
            if !self.own_revision_only || task.ask.definition == ask.definition {
                *on_instance.entry(task.instance).or_insert(0) += 1;
            }
        }
        let mut counts = BTreeMap::new();
        for (number, count) in on_instance {
            *counts.entry(value(number)).or_insert(0) += count;
        }
        move |number| counts.get(&value(number)).copied().unwrap_or(0)
    }

    /// The instances that may be the answer (2 and 3); none: nobody is feasible.
    pub(super) fn answers(&self, ask: &Ask) -> Answers {
        let left = self.feasible(ask);
        let Some(rules) = &ask.rules else {
            let zones = self.zone_headrooms(ask);
            let in_best = least(&left, |number| Reverse(zones[self.instances[number].zone()]));
            let mut best = least(&in_best, |number| Reverse(self.headroom(number)));
            best.truncate(1);
            return Answers { instances: best, are_open: false };
        };
        let mut left = left;
        for rule in rules {
            left = match rule {
                // What follows a draw has no effect (C-26); what a rule of one's own leaves is not known here.
                PlacementStrategy::Random | PlacementStrategy::Custom(_) => {
                    return Answers { are_open: left.len() > 1, instances: left };
                }
                PlacementStrategy::Spread(field) => least(&left, self.spread_counts(field, ask)),
                PlacementStrategy::Binpack(BinpackField::Cpu) => least(&left, |it| self.instances[it].cpu_left),
                PlacementStrategy::Binpack(BinpackField::Memory) => least(&left, |it| self.instances[it].memory_left),
            };
        }
        match self.tie_break {
            TieBreak::Random => return Answers { are_open: left.len() > 1, instances: left },
            TieBreak::Headroom => left = least(&left, |number| Reverse(self.headroom(number))),
            TieBreak::Stable => {}
        }
        left.truncate(1);
        Answers { instances: left, are_open: false }
    }

    /// The tasks among `from` that may be the one to stop (9.5), and whether a draw decides.
    pub(super) fn to_stop(&self, from: &[TaskNumber], ask: &Ask) -> (Vec<TaskNumber>, bool) {
        let task = |number: TaskNumber| -> &Task { &self.tasks[&number] };
        let instance = |number: TaskNumber| task(number).instance;
        // C-59
        let mut left = least(from, |number| match task(number) {
            task if !task.is_running => 0,
            task if !self.instances[task.instance].active => 1,
            _ => 2,
        });
        let Some(rules) = &ask.rules else {
            // C-66
            let zones = self.zone_headrooms(ask);
            left = least(&left, |number| zones[self.instances[instance(number)].zone()]);
            left = least(&left, |number| (self.headroom(instance(number)), Reverse(instance(number)), Reverse(number)));
            return (left, false);
        };
        for rule in rules {
            left = match rule {
                PlacementStrategy::Random => {
                    let is_open = left.len() > 1;
                    return (left, is_open);
                }
                PlacementStrategy::Custom(_) => left,
                PlacementStrategy::Spread(field) => {
                    let counts = self.spread_counts(field, ask);
                    least(&left, |number| Reverse(counts(instance(number))))
                }
                PlacementStrategy::Binpack(BinpackField::Cpu) => {
                    least(&left, |number| Reverse(self.instances[instance(number)].cpu_left + task(number).ask.cpu))
                }
                PlacementStrategy::Binpack(BinpackField::Memory) => least(&left, |number| {
                    Reverse(self.instances[instance(number)].memory_left + task(number).ask.memory)
                }),
            };
        }
        // C-60
        match self.tie_break {
            TieBreak::Random => {
                let is_open = left.len() > 1;
                return (left, is_open);
            }
            TieBreak::Headroom => left = least(&left, |number| self.headroom(instance(number))),
            TieBreak::Stable => {}
        }
        (least(&left, |number| (Reverse(instance(number)), Reverse(number))), false)
    }
}
