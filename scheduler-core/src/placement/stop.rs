//! Which task to stop on scale-in: the preference of placement, backwards (spec 9.5).

use std::cmp::Reverse;

use super::draw::{Draw, DrawPurpose, draw_index};
use super::policy::keep_least;
use super::request::PlacementRequest;
use super::scan::{Scope, headroom, zone_headrooms};
use super::scheduler::Scheduler;
use super::static_rules::StaticTable;
use super::strategy::{BinpackField, PlacementStrategy, SpreadField, TieBreak};
use crate::cluster::{ChainKind, Cluster, HealthStatus, Slot, TaskId, TaskRecord, TaskStatus};
use crate::model::InstanceStatus;

/// A task that may be stopped.
#[derive(Clone, Copy)]
struct Stoppable<'a> {
    record: &'a TaskRecord,
}

impl Stoppable<'_> {
    fn slot(self) -> Slot {
        self.record.slot
    }
}

impl Scheduler {
    /// The task of a request's group that scale-in stops first, or `None` if there is none that it may stop.
    ///
    /// Protected tasks are left alone. Before the strategy come tasks that do not run yet, then unhealthy ones, then
    /// those on DRAINING instances (C-59). The rules of a chain are applied in their order, inverted (C-58): the
    /// fullest value of `spread` gives a task up, and for `binpack` the instance that would have the most left; custom
    /// rules have no inverse and are passed over. Ties: the tie-break backwards, then the task placed last (C-60).
    ///
    /// Cost: O(tasks of the group), under `headroom` O(instances) besides.
    pub fn choose_stop(&self, cluster: &Cluster, request: &PlacementRequest, draw: &mut dyn Draw) -> Option<TaskId> {
        let group = cluster.groups.get(request.group())?;
        let walk = cluster.tasks.walk(group.tasks, ChainKind::Group);
        let mut tasks: Vec<_> = walk.map(|(_, record)| Stoppable { record }).collect();
        tasks.retain(|task| !task.record.protected);
        keep_least(&mut tasks, |task| stop_class(cluster, task));
        if tasks.is_empty() {
            return None;
        }
        match self.strategy_of(request).rules_for(request.spec().kind) {
            None => keep_least_headroom(cluster, request, &mut tasks),
            Some(rules) => {
                for rule in &rules {
                    self.keep_by_inverse(cluster, request, rule, &mut tasks, draw);
                }
                settle_backwards(cluster, self.tie_break(), &mut tasks, draw);
            }
        }
        tasks.iter().map(|task| task.record.id).max()
    }

    fn keep_by_inverse(
        &self,
        cluster: &Cluster,
        request: &PlacementRequest,
        rule: &PlacementStrategy,
        tasks: &mut Vec<Stoppable<'_>>,
        draw: &mut dyn Draw,
    ) {
        let instances = &cluster.instances;
        match rule {
            PlacementStrategy::Random => keep_any(tasks, draw),
            PlacementStrategy::Binpack(BinpackField::Cpu) => keep_least(tasks, |task| {
                let remaining = instances.remaining_cpu[task.slot().index()];
                Reverse(u64::from(remaining) + u64::from(task.record.spec.demand.cpu_units))
            }),
            PlacementStrategy::Binpack(BinpackField::Memory) => keep_least(tasks, |task| {
                let remaining = instances.remaining_memory[task.slot().index()];
                Reverse(u64::from(remaining) + u64::from(task.record.spec.demand.memory_mib))
            }),
            PlacementStrategy::Spread(SpreadField::InstanceId) => {
                let scope = Scope::of(cluster, request, self.ignores_other_revisions());
                keep_least(tasks, |task| Reverse(scope.on(task.slot())));
            }
            PlacementStrategy::Spread(SpreadField::Attribute(name)) => {
                let mut table = StaticTable::new(std::slice::from_ref(rule));
                table.refresh(cluster, request, &StaticTable::mentioned(request, std::slice::from_ref(rule)));
                let buckets = table.buckets(name);
                let mut counts = vec![0; buckets.count()];
                let scope = Scope::of(cluster, request, self.ignores_other_revisions());
                scope.for_each(|slot, count| counts[table.bucket(cluster, buckets, slot)] += u64::from(count));
                keep_least(tasks, |task| Reverse(counts[table.bucket(cluster, buckets, task.slot())]));
            }
            PlacementStrategy::Custom(_) => {}
        }
    }
}

/// C-59: least first.
fn stop_class(cluster: &Cluster, task: Stoppable<'_>) -> u8 {
    if task.record.status != TaskStatus::Running {
        return 0;
    }
    if task.record.health == HealthStatus::Unhealthy {
        return 1;
    }
    match cluster.instances.status(task.slot()) {
        InstanceStatus::Draining => 2,
        InstanceStatus::Active => 3,
    }
}

/// C-66: the zone with the least headroom of those that hold a task, in it the instance with the least; then the
/// highest `InstanceId`.
fn keep_least_headroom(cluster: &Cluster, request: &PlacementRequest, tasks: &mut Vec<Stoppable<'_>>) {
    let mut table = StaticTable::new(&[]);
    table.refresh(cluster, request, &StaticTable::mentioned(request, &[]));
    let mut zones = Vec::new();
    zone_headrooms(cluster, &table, &mut zones);
    keep_least(tasks, |task| {
        let slot = task.slot();
        (zones[table.zone(cluster, slot)], headroom(cluster, slot), Reverse(cluster.instances.ids[slot.index()]))
    });
}

/// C-60: one of the instances that are left; under `Random` also one of its tasks.
fn settle_backwards(cluster: &Cluster, tie_break: TieBreak, tasks: &mut Vec<Stoppable<'_>>, draw: &mut dyn Draw) {
    let id = |task: &Stoppable<'_>| cluster.instances.ids[task.slot().index()];
    match tie_break {
        TieBreak::Headroom => keep_least(tasks, |task| (headroom(cluster, task.slot()), Reverse(id(&task)))),
        TieBreak::Stable => keep_least(tasks, |task| Reverse(id(&task))),
        TieBreak::Random => {
            let mut instances: Vec<_> = tasks.iter().map(id).collect();
            instances.sort_unstable();
            instances.dedup();
            if instances.len() > 1 {
                let chosen = instances[draw_index(draw, DrawPurpose::ScaleIn, instances.len())];
                tasks.retain(|task| id(task) == chosen);
            }
            keep_any(tasks, draw);
        }
    }
}

/// One task, uniformly, by position in the order of placement.
fn keep_any(tasks: &mut Vec<Stoppable<'_>>, draw: &mut dyn Draw) {
    if tasks.len() > 1 {
        let position = draw_index(draw, DrawPurpose::ScaleIn, tasks.len());
        tasks.swap(0, position);
        tasks.truncate(1);
    }
}
