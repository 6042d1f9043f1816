//! The configuration LP: fractions of instances, each filled in one of all possible ways, by column generation
//! (Gilmore and Gomory 1961).
//!
//! A way to fill an instance enters when the dual prices of its tasks come to more than the instance costs. Such ways
//! are sought greedily first, and by a knapsack when that finds none. Each knapsack is a proof as well: the prices,
//! rounded to integers, are the weights, and the knapsack knows in integers how much of them an instance holds.

use std::cmp::Ordering;

use super::grid::{Grid, Units, copies_that_fit};
use super::knapsack::Knapsack;
use super::simplex::{EPSILON, Simplex};
use super::{Best, InstanceKind, Method, RESOURCE_COUNT, TaskKind, Weighting};

/// Steps that all of it takes at most; some hundred million are about half a second.
const STEPS: u64 = 1 << 28;
/// Kinds of instances whose number is a row of the LP; with more, it has as many of each as it wants.
const MOST_INSTANCE_KINDS: usize = 64;
/// What a task costs that no instance holds, as a multiple of the dearest instance.
const DEAR: f64 = 4.0;
/// Weights are dual prices in parts of that.
const SCALE: f64 = 16_777_216.0;
/// What costs at most so much less than another is as good.
const TOLERANCE: f64 = 1e-6;

/// Bounds the number of instances and, where prices differ, their cost.
pub(super) fn bounds(tasks: &[TaskKind], best: &mut Best<'_>) {
    let grid = Grid::new(tasks, best.instances);
    if grid.tasks.is_empty() {
        return;
    }
    let each_one = vec![1.0; best.instances.len()];
    Relaxation::new(&grid, best.instances, each_one).solve(best, |best, cost| {
        let needed = (cost - TOLERANCE).ceil();
        best.is_reached() || as_float(best.bound.instances.into()) >= needed
    });
    if best.prices_differ {
        let price = |kind: &InstanceKind| as_float(kind.microdollars.unwrap_or(0).into());
        let dearest = best.instances.iter().map(price).fold(1.0, f64::max);
        let prices = best.instances.iter().map(|kind| price(kind) / dearest).collect();
        Relaxation::new(&grid, best.instances, prices).solve(best, |best, cost| {
            best.microdollars.is_some_and(|proved| as_float(proved) >= cost * dearest * (1.0 - TOLERANCE))
        });
    }
}

/// A way to fill an instance of some kind.
struct Pattern {
    instance: usize,
    copies: Vec<(usize, u64)>,
    /// What its tasks are worth beyond what the instance costs.
    gain: f64,
}

/// Dual prices: of a task of each kind, and of each kind of instance with what its scarcity adds.
struct Prices {
    tasks: Vec<f64>,
    instances: Vec<f64>,
}

struct Relaxation<'a> {
    grid: &'a Grid,
    fleet: &'a [InstanceKind],
    costs: Vec<f64>,
    has_instance_rows: bool,
    simplex: Simplex,
    steps: u64,
}

impl<'a> Relaxation<'a> {
    fn new(grid: &'a Grid, fleet: &'a [InstanceKind], costs: Vec<f64>) -> Self {
        let has_instance_rows = fleet.len() <= MOST_INSTANCE_KINDS;
        let dear = DEAR * costs.iter().copied().fold(EPSILON, f64::max);
        let mut right_sides: Vec<f64> = grid.tasks.iter().map(|task| as_float(task.count.into())).collect();
        let mut first_costs = vec![dear; grid.tasks.len()];
        if has_instance_rows {
            right_sides.extend(fleet.iter().map(|kind| as_float(kind.count.into())));
            first_costs.resize(right_sides.len(), 0.0);
        }
        Self { grid, fleet, costs, has_instance_rows, simplex: Simplex::new(right_sides, first_costs), steps: 0 }
    }

    /// Generates columns until none is better, `is_enough` says so of the cost so far, or the budget is spent.
    fn solve(mut self, best: &mut Best<'_>, is_enough: impl Fn(&Best<'_>, f64) -> bool) {
        while self.steps < STEPS {
            let rows = (self.grid.tasks.len() + self.fleet.len()) as u64;
            self.steps += 2 * rows * rows;
            let duals = self.simplex.duals();
            if self.enter_slack(&duals) {
                continue;
            }
            let prices = self.prices(&duals);
            let found = self.greedy(&prices).or_else(|| self.prove(&prices, best));
            let Some(pattern) = found else { break };
            if best.is_impossible || is_enough(best, self.simplex.cost()) || !self.enter(&pattern) {
                break;
            }
        }
    }

    /// Lets more tasks be held than there are, or fewer instances be used, where that is better.
    fn enter_slack(&mut self, duals: &[f64]) -> bool {
        let tasks = self.grid.tasks.len();
        let (of_tasks, of_instances) = duals.split_at(tasks);
        let surplus = of_tasks.iter().position(|dual| *dual < -EPSILON).map(|row| (row, -1.0));
        let spare = || of_instances.iter().position(|dual| *dual > EPSILON).map(|row| (tasks + row, 1.0));
        surplus.or_else(spare).is_some_and(|column| self.simplex.enter(&[column], 0.0))
    }

    fn prices(&self, duals: &[f64]) -> Prices {
        let (tasks, scarcity) = duals.split_at(self.grid.tasks.len());
        let scarcity = scarcity.iter().copied().chain(std::iter::repeat(0.0));
        Prices {
            tasks: tasks.iter().map(|dual| dual.max(0.0)).collect(),
            instances: self.costs.iter().zip(scarcity).map(|(cost, dual)| cost - dual).collect(),
        }
    }

    fn enter(&mut self, pattern: &Pattern) -> bool {
        let tasks = pattern.copies.iter().map(|(kind, copies)| (*kind, as_float((*copies).into())));
        let instance = self.has_instance_rows.then_some((self.grid.tasks.len() + pattern.instance, 1.0));
        let column: Vec<_> = tasks.chain(instance).collect();
        self.simplex.enter(&column, self.costs[pattern.instance])
    }

    /// The best way to fill an instance that a few greedy orders find.
    fn greedy(&mut self, prices: &Prices) -> Option<Pattern> {
        let mut best: Option<Pattern> = None;
        let all_alike = [1.0; RESOURCE_COUNT];
        let one_alone = (0..RESOURCE_COUNT).map(|one| std::array::from_fn(|other| f64::from(u8::from(one == other))));
        for emphasis in std::iter::once(all_alike).chain(one_alone) {
            for instance in 0..self.fleet.len() {
                let copies = self.fill(&self.grid.instances[instance], &emphasis, prices);
                let found = self.pattern(instance, copies, prices);
                if found.gain > TOLERANCE && best.as_ref().is_none_or(|best| found.gain > best.gain) {
                    best = Some(found);
                }
            }
        }
        self.steps += (8 * (RESOURCE_COUNT + 1) * self.fleet.len() * self.grid.tasks.len()) as u64;
        best
    }

    /// Puts in what is worth most for what it takes.
    fn fill(&self, instance: &Units, emphasis: &[f64; RESOURCE_COUNT], prices: &Prices) -> Vec<(usize, u64)> {
        let share = |resource: usize, units: usize| {
            emphasis[resource] * as_float(units as u128) / as_float(instance[resource].max(1) as u128)
        };
        let worth = |kind: usize| {
            let units = self.grid.tasks[kind].units;
            prices.tasks[kind] / (EPSILON + (0..RESOURCE_COUNT).map(|index| share(index, units[index])).sum::<f64>())
        };
        let mut order: Vec<_> = (0..self.grid.tasks.len()).map(|kind| (worth(kind), kind)).collect();
        order.retain(|(worth, _)| *worth > EPSILON);
        order.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1)));
        let (mut left, mut copies) = (*instance, Vec::new());
        for (_, kind) in order {
            let task = &self.grid.tasks[kind];
            let taken = (copies_that_fit(&task.units, &left) as u64).min(task.most);
            if taken > 0 {
                left = std::array::from_fn(|resource| left[resource] - task.units[resource] * taken as usize);
                copies.push((kind, taken));
            }
        }
        copies
    }

    fn pattern(&self, instance: usize, mut copies: Vec<(usize, u64)>, prices: &Prices) -> Pattern {
        for (kind, copies) in &mut copies {
            *copies = (*copies).min(self.grid.tasks[*kind].most);
        }
        let worth: f64 = copies.iter().map(|(kind, copies)| prices.tasks[*kind] * as_float((*copies).into())).sum();
        Pattern { instance, copies, gain: worth - prices.instances[instance] }
    }

    /// Proves what the prices are worth; a way to fill an instance that is better than they allow, if there is one.
    fn prove(&mut self, prices: &Prices, best: &mut Best<'_>) -> Option<Pattern> {
        let weights: Vec<u64> = prices.tasks.iter().map(|price| as_weight(*price)).collect();
        let knapsack = Knapsack::new(self.grid, &weights);
        self.steps += knapsack.steps();
        let weighed = weights.iter().zip(&self.grid.tasks).map(|(weight, task)| (*weight, task.count));
        let most = self.grid.instances.iter().map(|instance| knapsack.most(instance)).collect();
        if let Some(weighting) = Weighting::new(weighed, most) {
            best.take(Method::Relaxation, &weighting);
        }
        let patterns = self
            .grid
            .instances
            .iter()
            .enumerate()
            .map(|(instance, units)| self.pattern(instance, knapsack.pattern(units), prices));
        patterns.filter(|pattern| pattern.gain > TOLERANCE).max_by(|a, b| a.gain.total_cmp(&b.gain))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a hint in floating point; nothing that is proved uses it")]
fn as_float(number: u128) -> f64 {
    number as f64
}

#[expect(clippy::cast_sign_loss, reason = "prices are cut to 0 and above, and dear ones are few times 1")]
fn as_weight(price: f64) -> u64 {
    (price.clamp(0.0, 64.0) * SCALE) as u64
}
