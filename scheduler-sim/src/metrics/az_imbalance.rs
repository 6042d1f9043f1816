//! `az_imbalance`: how unevenly the tasks of services stand over the Availability Zones that they may use.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{
    Attributes, Cause, Change, InstanceId, InstanceStatus, InstanceTotals, PlacementRequest, TaskGroup, TaskKind,
};

use super::quantile::Histogram;
use super::static_rules::StaticRules;
use super::window::{Clock, Piece};
use super::zones::{Zones, counter};
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit, Window};

const fn info(name: &'static str, header: &'static str, definition: &'static str) -> MetricInfo {
    MetricInfo { name, header, unit: Unit::Tasks, direction: Direction::Lower, definition }
}

pub(super) const TABLE: &[MetricInfo] = &[
    info(
        "az_imbalance.mean",
        "AZ imb. mean",
        "tasks in a service's fullest Availability Zone minus those in its emptiest, over the zones of open instances \
         that its static rules admit, while it has a task and at least two zones; averaged over time and services; 0 \
         or 1 is as even as can be",
    ),
    info("az_imbalance.p95", "AZ imbalance", "what that difference does not exceed during 95 % of that time"),
    info("az_imbalance.max", "AZ imb. max", "the largest difference at any instant of the window"),
];

/// Static rules that some service has, and how many open instances of each zone they admit.
struct RuleSet {
    rules: StaticRules,
    open: Vec<u32>,
}

struct ServiceState {
    rule_set: usize,
    clock: Clock,
    /// Its tasks by zone, and all of them.
    tasks: Vec<u32>,
    task_count: u32,
    difference: Option<u32>,
}

struct Seen {
    differences: Histogram,
    sum: u128,
    max: Option<u32>,
}

pub(super) struct AzImbalance {
    window: Window,
    zones: Zones,
    /// Attributes of present instances, and whether they are open.
    instances: FxHashMap<InstanceId, (Arc<Attributes>, bool)>,
    rule_sets: Vec<RuleSet>,
    service_of_group: FxHashMap<TaskGroup, usize>,
    services: Vec<ServiceState>,
    seen: Seen,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(AzImbalance::new(context))
}

impl Seen {
    fn stand(&mut self, difference: Option<u32>, piece: Piece) {
        let Some(difference) = difference else { return };
        self.differences.add(difference.into(), piece.weight.into());
        self.sum += u128::from(difference) * u128::from(piece.weight);
        if piece.is_seen {
            self.max = self.max.max(Some(difference));
        }
    }
}

impl ServiceState {
    /// Accounts for the time up to now, before something changes.
    fn advance(&mut self, at_ms: u64, seen: &mut Seen) {
        if let Some(piece) = self.clock.advance(at_ms) {
            seen.stand(self.difference, piece);
        }
    }

    /// Computes the difference anew, after something changed.
    fn refresh(&mut self, rule_sets: &[RuleSet]) {
        let open = &rule_sets[self.rule_set].open;
        let zones = open.iter().enumerate().filter(|(_, count)| **count > 0);
        let counts: Vec<_> = zones.map(|(zone, _)| self.tasks.get(zone).copied().unwrap_or(0)).collect();
        self.difference = match (counts.iter().max(), counts.iter().min()) {
            (Some(most), Some(least)) if counts.len() >= 2 && self.task_count > 0 => Some(most - least),
            _ => None,
        };
    }
}

fn is_open(totals: &InstanceTotals) -> bool {
    totals.status == InstanceStatus::Active && totals.agent_connected
}

impl AzImbalance {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            window: context.window,
            zones: Zones::default(),
            instances: FxHashMap::default(),
            rule_sets: Vec::new(),
            service_of_group: FxHashMap::default(),
            services: Vec::new(),
            seen: Seen { differences: Histogram::default(), sum: 0, max: None },
        }
    }

    /// The largest difference that any service has now.
    pub(super) fn largest_now(&self) -> Option<u32> {
        self.services.iter().filter_map(|service| service.difference).max()
    }

    /// An instance opens, closes, or has other attributes than before.
    fn follow(&mut self, at_ms: u64, change: &Change) {
        let before = self.instances.remove(&change.instance);
        let attributes = match (&change.cause, &before) {
            (Cause::Registered(description) | Cause::Returned(description), _) => description.attributes_shared(),
            (Cause::AttributesChanged(attributes), _) | (_, Some((attributes, _))) => Arc::clone(attributes),
            (_, None) => return,
        };
        let Some(zone) = self.zones.of(change.instance) else { return };
        let after = change.after.map(|totals| (attributes, is_open(&totals)));
        for rule_set in 0..self.rule_sets.len() {
            let admits = |side: &Option<(Arc<Attributes>, bool)>| {
                let admitted = |(attributes, is_open): &(Arc<Attributes>, bool)| {
                    *is_open && self.rule_sets[rule_set].rules.admit(attributes)
                };
                side.as_ref().is_some_and(admitted)
            };
            let (was, is) = (admits(&before), admits(&after));
            if was != is {
                self.count_open(at_ms, rule_set, zone, is);
            }
        }
        if let Some(after) = after {
            self.instances.insert(change.instance, after);
        }
    }

    fn count_open(&mut self, at_ms: u64, rule_set: usize, zone: usize, is_open: bool) {
        let open = counter(&mut self.rule_sets[rule_set].open, zone);
        let before = *open;
        *open = if is_open { before + 1 } else { before - 1 };
        if before > 0 && *open > 0 {
            return;
        }
        // The zone joined or left those of the services with these rules.
        for service in self.services.iter_mut().filter(|service| service.rule_set == rule_set) {
            service.advance(at_ms, &mut self.seen);
            service.refresh(&self.rule_sets);
        }
    }

    fn rule_set(&mut self, rules: StaticRules) -> usize {
        if let Some(known) = self.rule_sets.iter().position(|set| set.rules == rules) {
            return known;
        }
        let mut open = Vec::new();
        for (instance, (attributes, is_open)) in &self.instances {
            if let Some(zone) = self.zones.of(*instance).filter(|_| *is_open && rules.admit(attributes)) {
                *counter(&mut open, zone) += 1;
            }
        }
        self.rule_sets.push(RuleSet { rules, open });
        self.rule_sets.len() - 1
    }

    /// A task of a service starts or ends to count.
    fn count_task(&mut self, at_ms: u64, change: &Change) {
        let Some(task) = change.task.as_ref().filter(|task| task.spec.kind == TaskKind::Replica) else { return };
        let Some(service) = self.service_of_group.get(&task.spec.group) else { return };
        let Some(zone) = self.zones.of(change.instance) else { return };
        let running = |totals: Option<InstanceTotals>| totals.map_or(0, |totals| totals.running_tasks);
        let (before, after) = (running(change.before), running(change.after));
        if before == after {
            return;
        }
        let service = &mut self.services[*service];
        service.advance(at_ms, &mut self.seen);
        let count = counter(&mut service.tasks, zone);
        *count = *count + after - before;
        service.task_count = service.task_count + after - before;
        service.refresh(&self.rule_sets);
    }
}

impl Metric for AzImbalance {
    fn change(&mut self, at_ms: u64, change: &Change) {
        match change.cause {
            Cause::Started | Cause::Stopped | Cause::Lost | Cause::Released | Cause::TaskUpdated => {
                self.count_task(at_ms, change);
            }
            Cause::Registered(_) | Cause::Returned(_) => {
                self.zones.follow(change);
                self.follow(at_ms, change);
            }
            _ => {
                self.follow(at_ms, change);
                self.zones.follow(change);
            }
        }
    }

    fn service(&mut self, at_ms: u64, request: &PlacementRequest) {
        let rule_set = self.rule_set(StaticRules::of(request));
        let known = self.service_of_group.get(request.group()).copied();
        let index = known.unwrap_or_else(|| {
            let clock = Clock::starting_at(self.window, at_ms);
            let (tasks, task_count) = (Vec::new(), 0);
            self.services.push(ServiceState { rule_set, clock, tasks, task_count, difference: None });
            self.service_of_group.insert(request.group().clone(), self.services.len() - 1);
            self.services.len() - 1
        });
        let service = &mut self.services[index];
        service.advance(at_ms, &mut self.seen);
        service.rule_set = rule_set;
        service.refresh(&self.rule_sets);
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        for service in &self.services {
            self.seen.stand(service.difference, service.clock.close());
        }
        let Seen { differences, sum, max } = &self.seen;
        report.number(&TABLE[0], Quotient::new(*sum, differences.total()));
        report.number(&TABLE[1], differences.percentile(95).map(Quotient::whole));
        report.number(&TABLE[2], max.map(Quotient::whole));
    }
}
