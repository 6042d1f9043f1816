//! How cheap a fleet can be at all, whatever the strategy.

use scheduler_core::InstanceView;

use super::demand::{Together, amounts};
use crate::bounds::{InstanceKind, LowerBound, RESOURCE_COUNT, TaskKind, lower_bound};

/// More instances of a type than anybody asks for.
const PLENTY: u64 = 1 << 24;

/// What no fleet can do with less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floor {
    /// Instances.
    pub instances: u64,
    /// Millionths of a dollar an hour; 0 where no prices are known.
    pub microdollars: u128,
}

/// One instance of each type that is on offer, with its price.
pub(super) fn kinds<'a>(offers: impl IntoIterator<Item = (&'a InstanceView<'a>, Option<u64>)>) -> Vec<InstanceKind> {
    let kind =
        |(instance, price): (&InstanceView<'_>, Option<u64>)| InstanceKind::new(instance.remaining(), price, PLENTY);
    offers.into_iter().map(kind).collect()
}

/// The floor for sets of tasks of which each stands side by side, but for `max_unplaced` of them.
///
/// Every task left out could have an instance of its own, of the cheapest type that holds it; so the bound for all of
/// them, less so many such instances, is one for those that are left.
pub(super) fn floor(together: &[Together], kinds: &[InstanceKind], max_unplaced: u64) -> Floor {
    together.iter().fold(Floor::default(), |best, tasks| {
        let floor = floor_of(tasks, kinds, max_unplaced);
        Floor {
            instances: best.instances.max(floor.instances),
            microdollars: best.microdollars.max(floor.microdollars),
        }
    })
}

fn floor_of(tasks: &Together, kinds: &[InstanceKind], max_unplaced: u64) -> Floor {
    let fewest_gpus = kinds.iter().map(InstanceKind::gpu_thousandths).min().unwrap_or(0);
    let tasks = tasks.iter().map(|(demand, count)| TaskKind::new(demand, fewest_gpus, *count));
    // What no type holds is unplaced anyway.
    let with_price = tasks.filter_map(|task| Some((cheapest_alone(&task, kinds)?, task)));
    let (prices, tasks): (Vec<u64>, Vec<TaskKind>) = with_price.unzip();
    let Some(LowerBound { instances, microdollars, .. }) = lower_bound(&tasks, kinds, None) else {
        return Floor::default();
    };
    let dearest = u128::from(prices.into_iter().max().unwrap_or(0));
    Floor {
        instances: instances.saturating_sub(max_unplaced),
        microdollars: microdollars.unwrap_or(0).saturating_sub(dearest.saturating_mul(max_unplaced.into())),
    }
}

/// The price of the cheapest instance that holds one such task; 0 without prices, `None` if no type holds it.
fn cheapest_alone(task: &TaskKind, kinds: &[InstanceKind]) -> Option<u64> {
    let holds = |kind: &&InstanceKind| (0..RESOURCE_COUNT).all(|index| task.resources[index] <= kind.resources[index]);
    kinds.iter().filter(holds).map(|kind| kind.microdollars.unwrap_or(0)).min()
}

/// What a fleet must have of each resource: the most that any of the sets takes.
pub(super) fn volume(together: &[Together]) -> [u128; RESOURCE_COUNT] {
    let taken = |tasks: &Together, index: usize| -> u128 {
        tasks.iter().map(|(demand, count)| u128::from(amounts(demand)[index]) * u128::from(*count)).sum()
    };
    std::array::from_fn(|index| together.iter().map(|tasks| taken(tasks, index)).max().unwrap_or(0))
}

/// Whether a fleet has that volume.
pub(super) fn has_volume(volume: &[u128; RESOURCE_COUNT], kinds: &[InstanceKind], counts: &[u32]) -> bool {
    let has = |index: usize| -> u128 {
        kinds.iter().zip(counts).map(|(kind, count)| u128::from(kind.resources[index]) * u128::from(*count)).sum()
    };
    (0..RESOURCE_COUNT).all(|index| volume[index] <= has(index))
}
