//! Tasks and instances in coarse units, so that few kinds and few sizes are left.
//!
//! The units are exact as long as a common divisor of all demands is coarse enough. Otherwise demands are rounded down,
//! and so are capacities: ⌊x/u⌋ + ⌊y/u⌋ + … <= ⌊(x+y+…)/u⌋ <= ⌊c/u⌋, so that what fits on an instance still fits, and a
//! bound for the rounded tasks is one for the tasks.

use std::collections::BTreeMap;

use super::{InstanceKind, RESOURCE_COUNT, TaskKind};

/// Most kinds of tasks.
const MOST_TASK_KINDS: usize = 192;
/// Most sizes of an instance times copies of kinds: what one knapsack looks at.
const MOST_STEPS: usize = 1 << 22;

/// Amounts in units.
pub(super) type Units = [usize; RESOURCE_COUNT];

/// Tasks that take the same in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GridTask {
    pub(super) units: Units,
    pub(super) count: u64,
    /// The most of them that one instance holds, whatever else is there.
    pub(super) most: u64,
}

/// Some tasks and instances in units.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) tasks: Vec<GridTask>,
    /// By kind of instance.
    pub(super) instances: Vec<Units>,
    /// The most units of each resource that any instance has.
    pub(super) extent: Units,
}

impl Grid {
    /// The finest grid that is small enough. Tasks that come to nothing in it are left out.
    pub(super) fn new(tasks: &[TaskKind], instances: &[InstanceKind]) -> Self {
        let mut unit: [u64; RESOURCE_COUNT] = std::array::from_fn(|resource| {
            tasks.iter().fold(0, |divisor, kind| greatest_common_divisor(divisor, kind.resources[resource])).max(1)
        });
        loop {
            let grid = Self::in_units(tasks, instances, unit);
            if grid.is_small() {
                return grid;
            }
            let coarsest_gain = (0..RESOURCE_COUNT).max_by_key(|resource| grid.extent[*resource]).unwrap_or(0);
            unit[coarsest_gain] = unit[coarsest_gain].saturating_mul(2);
        }
    }

    fn in_units(tasks: &[TaskKind], instances: &[InstanceKind], unit: [u64; RESOURCE_COUNT]) -> Self {
        let in_units = |resources: &[u64; RESOURCE_COUNT]| -> Units {
            std::array::from_fn(|resource| usize::try_from(resources[resource] / unit[resource]).unwrap_or(usize::MAX))
        };
        // Tasks that take a port stay apart from those that take none, since an instance holds one of a kind at most.
        let mut counts: BTreeMap<(Units, Option<&[_]>), u64> = BTreeMap::new();
        let mut wanted = [0_usize; RESOURCE_COUNT];
        for kind in tasks {
            let units = in_units(&kind.resources);
            for (sum, one) in wanted.iter_mut().zip(units) {
                *sum = sum.saturating_add(one.saturating_mul(usize::try_from(kind.count).unwrap_or(usize::MAX)));
            }
            if units != [0; RESOURCE_COUNT] {
                let ports = Some(kind.host_ports.as_slice()).filter(|ports| !ports.is_empty());
                let count = counts.entry((units, ports)).or_default();
                *count = count.saturating_add(kind.count);
            }
        }
        // Nobody takes more of an instance than all tasks together.
        let clipped = |units: Units| std::array::from_fn(|resource| units[resource].min(wanted[resource]));
        let instances: Vec<Units> = instances.iter().map(|kind| clipped(in_units(&kind.resources))).collect();
        let extent = std::array::from_fn(|resource| instances.iter().map(|units| units[resource]).max().unwrap_or(0));
        let tasks = counts.into_iter().map(|((units, ports), count)| {
            let fitting = instances.iter().map(|instance| copies_that_fit(&units, instance)).max().unwrap_or(0);
            let limit = if ports.is_some() { 1 } else { u64::MAX };
            GridTask { units, count, most: (fitting as u64).min(limit).min(count) }
        });
        Self { tasks: tasks.collect(), instances, extent }
    }

    fn is_small(&self) -> bool {
        let cells = self.extent.iter().try_fold(1_usize, |cells, units| cells.checked_mul(units + 1));
        let copies: usize = self.tasks.iter().map(|task| bits(task.most)).sum();
        let steps = cells.and_then(|cells| cells.checked_mul(copies.max(1)));
        let is_a_point = self.extent == [0; RESOURCE_COUNT];
        is_a_point || (self.tasks.len() <= MOST_TASK_KINDS && steps.is_some_and(|steps| steps <= MOST_STEPS))
    }
}

/// How many of a task fit on an empty instance.
pub(super) fn copies_that_fit(task: &Units, instance: &Units) -> usize {
    let of_each = task.iter().zip(instance).filter(|(one, _)| **one > 0).map(|(one, all)| all / one);
    of_each.min().unwrap_or(usize::MAX)
}

/// Binary digits.
fn bits(number: u64) -> usize {
    (u64::BITS - number.leading_zeros()) as usize
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
