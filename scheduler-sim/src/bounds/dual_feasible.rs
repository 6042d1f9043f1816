//! Demands of one resource, rounded by dual feasible functions: what fits on one instance before still fits after, and
//! what leaves a gap that nobody can use counts for more (Fekete and Schepers 2001).

use std::collections::BTreeSet;

use super::{Best, Method, RESOURCE_COUNT, TaskKind, Weighting};

/// Most functions of each family for one resource.
const MOST_FUNCTIONS: usize = 64;
/// Most looks at a kind of task or instance for one resource and family.
const STEPS: usize = 1 << 21;

/// Tries both families on each resource.
pub(super) fn bounds(tasks: &[TaskKind], best: &mut Best<'_>) {
    let limit = (STEPS / (tasks.len() + best.instances.len() + 1)).clamp(1, MOST_FUNCTIONS);
    for resource in 0..RESOURCE_COUNT {
        let demands = Demands::new(tasks, best, resource);
        for unit in demands.units(limit) {
            demands.in_units(unit, best);
        }
        for least in demands.thresholds(limit) {
            demands.without_small(least, best);
        }
    }
}

/// A part of an amount, exactly.
#[derive(Clone, Copy)]
struct Unit {
    amount: u64,
    parts: u64,
}

/// What tasks take of one resource and instances have of it.
struct Demands {
    /// Demand and count of each kind that takes some.
    tasks: Vec<(u64, u64)>,
    /// By kind of instance.
    capacities: Vec<u64>,
    largest: u64,
    distinct: BTreeSet<u64>,
}

impl Demands {
    fn new(tasks: &[TaskKind], best: &Best<'_>, resource: usize) -> Self {
        let demands = tasks.iter().map(|kind| (kind.resources[resource], kind.count));
        let tasks: Vec<_> = demands.filter(|(demand, count)| *demand > 0 && *count > 0).collect();
        let capacities: Vec<_> = best.instances.iter().map(|kind| kind.resources[resource]).collect();
        Self {
            largest: capacities.iter().copied().max().unwrap_or(0),
            distinct: tasks.iter().map(|(demand, _)| *demand).collect(),
            tasks,
            capacities,
        }
    }

    /// Units worth trying: parts of the largest instance, and just below a demand, which then counts whole.
    fn units(&self, limit: usize) -> Vec<Unit> {
        let parts = (2..).map(|parts| Unit { amount: self.largest, parts }).take(limit.div_ceil(2));
        let demands = self.distinct.iter().rev().map(|demand| Unit { amount: demand - 1, parts: 1 }).take(limit / 2);
        parts.chain(demands).filter(|unit| unit.amount > 0).collect()
    }

    /// Weight: the whole units that lie below what a task takes.
    ///
    /// For tasks of x, y, … that fit in c, and a unit of a/p: ⌊(px-1)/a⌋ + ⌊(py-1)/a⌋ + … <= ⌊(p(x+y+…)-1)/a⌋ <=
    /// ⌊(pc-1)/a⌋.
    fn in_units(&self, unit: Unit, best: &mut Best<'_>) {
        let whole = |amount: u64| {
            let parts = (u128::from(amount) * u128::from(unit.parts)).saturating_sub(1);
            u64::try_from(parts / u128::from(unit.amount)).unwrap_or(u64::MAX)
        };
        self.take(whole, whole, best);
    }

    /// Bounds between small and large that are worth trying: the demands up to half an instance.
    fn thresholds(&self, limit: usize) -> impl Iterator<Item = u64> {
        self.distinct.range(1..=(self.largest / 2).max(1)).rev().copied().take(limit)
    }

    /// Weight: nothing below `least`; a whole instance where nothing of `least` fits beside; else what a task takes.
    ///
    /// A task beside which nothing of `least` fits on the largest instance leaves room only for tasks that weigh nothing.
    fn without_small(&self, least: u64, best: &mut Best<'_>) {
        let is_large = |demand: u64| demand > self.largest - least.min(self.largest);
        let Some(large) = self.distinct.iter().copied().find(|demand| is_large(*demand)) else { return };
        let weight = |demand: u64| match demand {
            _ if demand < least => 0,
            _ if is_large(demand) => self.largest.max(demand),
            _ => demand,
        };
        self.take(weight, |capacity| if capacity >= large { self.largest } else { capacity }, best);
    }

    fn take(&self, weight: impl Fn(u64) -> u64, most: impl Fn(u64) -> u64, best: &mut Best<'_>) {
        let tasks = self.tasks.iter().map(|(demand, count)| (weight(*demand), *count));
        let capacities = self.capacities.iter().map(|capacity| most(*capacity)).collect();
        if let Some(weighting) = Weighting::new(tasks, capacities) {
            best.take(Method::DualFeasible, &weighting);
        }
    }
}
