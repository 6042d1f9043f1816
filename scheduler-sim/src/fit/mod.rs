//! Fit: how many more tasks of one request a cluster takes as it stands, where, and what binds first.
//!
//! The room of each instance is exact ([`Cluster::room_for`]): so many tasks are placed until one is refused, in whatever
//! order. For a service that ECS keeps even over Availability Zones a second number tells how many come before a task
//! would have to go where it makes the service more uneven than it stands now, and than a difference of 1 between its
//! fullest and its emptiest zone.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use scheduler_core::{Amounts, Check, Cluster, Demand, GPU_MILLI, GpuDemand, InstanceId, PlacementRequest};

/// How many more tasks fit. The fewest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tasks {
    /// So many.
    Most(u64),
    /// Any number: nothing limits them.
    Any,
}

impl Tasks {
    /// No task.
    pub const NONE: Self = Self::Most(0);

    /// With those that fit elsewhere.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Most(one), Self::Most(other)) => Self::Most(one.saturating_add(other)),
            _ => Self::Any,
        }
    }
}

impl std::iter::Sum for Tasks {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::NONE, Self::plus)
    }
}

/// How many more tasks of a request fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// In all.
    pub tasks: Tasks,
    /// While its Availability Zones stay even; `None`: nobody keeps them so.
    pub even_tasks: Option<Tasks>,
    /// By Availability Zone, by name.
    pub zones: Vec<ZoneFit>,
    /// By what binds first, in the order of the checks; last those that nothing limits.
    pub limits: Vec<LimitFit>,
    /// The present instances, in registration order.
    pub instances: Vec<InstanceFit>,
}

/// How many fit in one Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneFit {
    /// Its name.
    pub zone: Box<str>,
    /// Present instances.
    pub instances: u64,
    /// Tasks of the request's group whose desired status is RUNNING.
    pub running: u64,
    /// More tasks that fit.
    pub tasks: Tasks,
    /// Those of them that come while zones stay even; `None`: nobody keeps them so.
    pub even_tasks: Option<Tasks>,
}

/// What the instances come to that the same check closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitFit {
    /// The check that the next task fails; `None`: nothing limits.
    pub check: Option<Check>,
    /// How many instances they are.
    pub instances: u64,
    /// More tasks that they take before.
    pub tasks: Tasks,
    /// What is left over on them then.
    pub left_over: LeftOver,
}

/// How many fit on one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFit {
    /// Its handle.
    pub instance: InstanceId,
    /// Its name.
    pub name: Box<str>,
    /// Its type, if it is known.
    pub instance_type: Option<Box<str>>,
    /// Its Availability Zone.
    pub zone: Box<str>,
    /// More tasks that fit.
    pub tasks: Tasks,
    /// The check that the next one fails; `None`: nothing limits.
    pub limited_by: Option<Check>,
    /// What is left over then.
    pub left_over: LeftOver,
}

/// Resources that stay unused once all tasks that fit are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOver {
    /// CPU units.
    pub cpu_units: u64,
    /// MiB.
    pub memory_mib: u64,
    /// Thousandths of GPUs.
    pub gpu_milli: u64,
}

/// How many more tasks of a request fit. `service_zones`: the tasks of the service in each of its zones, if they are kept
/// even.
///
/// Cost: as [`Cluster::room_for`], which asks each present instance all checks of the request, and its expressions that look
/// at tasks once for every number of tasks that they name; and O(log zones) an instance.
pub fn fit(cluster: &Cluster, request: &PlacementRequest, service_zones: Option<&BTreeMap<Box<str>, u32>>) -> Fit {
    let mut instances: Vec<InstanceFit> = Vec::new();
    let mut zones: BTreeMap<Box<str>, ZoneFit> = BTreeMap::new();
    let mut limits: BTreeMap<Option<Check>, LimitFit> = BTreeMap::new();
    for room in cluster.room_for(request) {
        let Some(view) = cluster.instance(room.instance) else { continue };
        let tasks = room.tasks.map_or(Tasks::Any, |count| Tasks::Most(count.into()));
        let left_over = LeftOver::after(view.remaining(), request.demand(), room.tasks.unwrap_or(0).into());
        let zone = zones.entry(view.zone().into()).or_insert_with_key(|zone| ZoneFit {
            zone: zone.clone(),
            instances: 0,
            running: 0,
            tasks: Tasks::NONE,
            even_tasks: None,
        });
        zone.instances += 1;
        zone.running += u64::from(view.group_count(request.group()));
        zone.tasks = zone.tasks.plus(tasks);
        let limit = limits.entry(room.limited_by).or_insert_with_key(|check| LimitFit {
            check: *check,
            instances: 0,
            tasks: Tasks::NONE,
            left_over: LeftOver::default(),
        });
        limit.instances += 1;
        limit.tasks = limit.tasks.plus(tasks);
        limit.left_over.add(left_over);
        instances.push(InstanceFit {
            instance: room.instance,
            name: view.name().into(),
            instance_type: view.description().instance_type().map(Into::into),
            zone: view.zone().into(),
            tasks,
            limited_by: room.limited_by,
            left_over,
        });
    }
    let mut zones: Vec<ZoneFit> = zones.into_values().collect();
    let even_tasks = service_zones.map(|counts| keep_even(&mut zones, counts));
    let mut limits: Vec<LimitFit> = limits.into_values().collect();
    limits.sort_by_key(|limit| (limit.check.is_none(), limit.check));
    let tasks = zones.iter().map(|zone| zone.tasks).sum();
    Fit { tasks, even_tasks, zones, limits, instances }
}

/// Tells each zone how many tasks it takes while the service stays even, and their sum. The zones come by name.
///
/// Each task goes to the emptiest zone with room. The zone that fills up at the lowest count ends it: from then on the
/// others may come to one task more than that count, or to the count of the zone that is the fullest already.
fn keep_even(zones: &mut [ZoneFit], counts: &BTreeMap<Box<str>, u32>) -> Tasks {
    let room_of = |zone: &str| {
        let found = zones.binary_search_by(|it| (*it.zone).cmp(zone));
        found.map_or(Tasks::NONE, |index| zones[index].tasks)
    };
    let full = counts.iter().filter_map(|(zone, count)| match room_of(zone) {
        Tasks::Most(room) => Some(u64::from(*count) + room),
        Tasks::Any => None,
    });
    let fullest = counts.values().copied().max().map_or(0, u64::from);
    let ceiling = full.min().map(|lowest| fullest.max(lowest + 1));
    for zone in &mut *zones {
        let even = match (counts.get(&zone.zone), ceiling) {
            (None, _) => Tasks::NONE,
            (Some(_), None) => zone.tasks,
            (Some(count), Some(ceiling)) => zone.tasks.min(Tasks::Most(ceiling - u64::from(*count))),
        };
        zone.even_tasks = Some(even);
    }
    zones.iter().filter_map(|zone| zone.even_tasks).sum()
}

impl LeftOver {
    /// What is left of `remaining` after so many tasks that fit.
    fn after(remaining: Amounts, demand: &Demand, tasks: u64) -> Self {
        let less = |remaining: u32, each: u32| u64::from(remaining).saturating_sub(u64::from(each) * tasks);
        let gpu_milli = match demand.gpus {
            GpuDemand::Count(count) => less(remaining.gpu_milli, count.saturating_mul(GPU_MILLI)),
            GpuDemand::Share(milli) => less(remaining.gpu_milli, milli.into()),
            GpuDemand::All if tasks > 0 => 0,
            GpuDemand::All => remaining.gpu_milli.into(),
        };
        Self {
            cpu_units: less(remaining.cpu_units, demand.cpu_units),
            memory_mib: less(remaining.memory_mib, demand.memory_mib),
            gpu_milli,
        }
    }

    /// Adds what is left elsewhere.
    pub fn add(&mut self, other: Self) {
        self.cpu_units += other.cpu_units;
        self.memory_mib += other.memory_mib;
        self.gpu_milli += other.gpu_milli;
    }
}
