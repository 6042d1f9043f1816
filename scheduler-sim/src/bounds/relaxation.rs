//! The configuration LP (Gilmore and Gomory 1961) by its dual: prices of tasks, as high as they can be while no way to
//! fill an instance is worth more than the instance costs.
//!
//! A way to fill an instance becomes a constraint when the prices exceed it. Such ways are sought greedily first, and by a
//! knapsack when that finds none. Each knapsack is a proof as well: the prices, rounded to integers, are the weights, and
//! the knapsack knows in integers how much of them an instance holds. Of the floating-point prices nobody believes more.

use std::cmp::Ordering;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Solution, Variable};

use super::grid::{Grid, Units, copies_that_fit};
use super::knapsack::Knapsack;
use super::{Best, InstanceKind, Method, RESOURCE_COUNT, TaskKind, Weighting};

/// Steps that all of it takes at most; some hundred million are about half a second.
const STEPS: u64 = 1 << 28;
/// Kinds of instances whose scarcity has a price; with more, there are as many of each as are wanted.
const MOST_INSTANCE_KINDS: usize = 64;
/// What a task costs that no instance holds, as a multiple of the dearest instance.
const DEAR: f64 = 4.0;
/// Weights are prices in parts of that.
const SCALE: f64 = 16_777_216.0;
/// What costs at most so much less than another is as good.
const TOLERANCE: f64 = 1e-6;
/// Smaller numbers count as 0.
const EPSILON: f64 = 1e-9;

/// Bounds the number of instances and, where prices differ, their cost.
pub(super) fn bounds(tasks: &[TaskKind], best: &mut Best<'_>) {
    let grid = Grid::new(tasks, best.instances);
    if grid.tasks.is_empty() {
        return;
    }
    let each_one = vec![1.0; best.instances.len()];
    let (relaxation, problem) = Relaxation::new(&grid, best.instances, each_one);
    relaxation.solve(&problem, best, |best, cost| {
        let needed = (cost - TOLERANCE).ceil();
        best.is_reached() || as_float(best.bound.instances.into()) >= needed
    });
    if best.prices_differ {
        let price = |kind: &InstanceKind| as_float(kind.microdollars.unwrap_or(0).into());
        let dearest = best.instances.iter().map(price).fold(1.0, f64::max);
        let prices = best.instances.iter().map(|kind| price(kind) / dearest).collect();
        let (relaxation, problem) = Relaxation::new(&grid, best.instances, prices);
        relaxation.solve(&problem, best, |best, cost| {
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

/// Of a task of each kind, and of each kind of instance with what its scarcity adds.
struct Prices {
    tasks: Vec<f64>,
    instances: Vec<f64>,
}

struct Relaxation<'a> {
    grid: &'a Grid,
    fleet: &'a [InstanceKind],
    costs: Vec<f64>,
    task_prices: Vec<Variable>,
    /// Of each kind of instance; none if there are too many kinds.
    scarcities: Vec<Variable>,
    steps: u64,
}

impl<'a> Relaxation<'a> {
    /// The prices without any constraint.
    fn new(grid: &'a Grid, fleet: &'a [InstanceKind], costs: Vec<f64>) -> (Self, Problem) {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let dear = DEAR * costs.iter().copied().fold(EPSILON, f64::max);
        let task_prices = grid.tasks.iter().map(|task| problem.add_var(as_float(task.count.into()), (0.0, dear)));
        let task_prices = task_prices.collect();
        let few = if fleet.len() <= MOST_INSTANCE_KINDS { fleet } else { &[] };
        let scarcity = |kind: &InstanceKind| problem.add_var(-as_float(kind.count.into()), (0.0, f64::INFINITY));
        let scarcities = few.iter().map(scarcity).collect();
        (Self { grid, fleet, costs, task_prices, scarcities, steps: 0 }, problem)
    }

    /// Adds constraints until no way to fill an instance breaks one, `is_enough` says so of the cost so far, or the
    /// budget is spent.
    fn solve(mut self, problem: &Problem, best: &mut Best<'_>, is_enough: impl Fn(&Best<'_>, f64) -> bool) {
        let mut solved = problem.solve();
        while let Ok(outcome) = solved
            && let Ok(solution) = outcome.into_solution()
            && self.steps < STEPS
        {
            let rows = (self.grid.tasks.len() + self.fleet.len()) as u64;
            self.steps += 2 * rows * rows;
            let prices = self.prices(&solution);
            let Some(pattern) = self.greedy(&prices).or_else(|| self.prove(&prices, best)) else { break };
            if best.is_impossible || is_enough(best, solution.objective()) {
                break;
            }
            let constraint = self.constraint(&pattern);
            solved = solution.add_constraint(constraint, ComparisonOp::Le, self.costs[pattern.instance]);
        }
    }

    fn prices(&self, solution: &Solution) -> Prices {
        let value = |variable: &Variable| solution.var_value(*variable).max(0.0);
        let scarcities = self.scarcities.iter().map(value).chain(std::iter::repeat(0.0));
        Prices {
            tasks: self.task_prices.iter().map(value).collect(),
            instances: self.costs.iter().zip(scarcities).map(|(cost, scarcity)| cost + scarcity).collect(),
        }
    }

    fn constraint(&self, pattern: &Pattern) -> Vec<(Variable, f64)> {
        let tasks = pattern.copies.iter().map(|(kind, copies)| (self.task_prices[*kind], as_float((*copies).into())));
        tasks.chain(self.scarcities.get(pattern.instance).map(|scarcity| (*scarcity, -1.0))).collect()
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
