//! Many tasks of one request at once: by heaps of the instances that can take one, instead of a walk a task.
//!
//! A start changes its own instance, and how many tasks of the group its zone has; everything else keeps its place. So a
//! task costs a few steps in two heaps, and the orders are put right once, after the last one has started.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::indexed::{Route, Walk};
use crate::cluster::{Change, Cluster, GpuSet, Slot, TaskStatus};
use crate::index::Key;

/// What is compared of an instance that can take a task: the tasks of the group on it, if the chain spreads over instances,
/// and its place in the order.
pub(super) type Candidate = (u32, Key, Slot);

/// The candidates of each value of the partition, and the values by their best candidate.
struct Batch {
    candidates: Vec<BinaryHeap<Reverse<Candidate>>>,
    /// The tasks of the group on the value, if the chain spreads over values, and its best candidate.
    values: BinaryHeap<Reverse<(u32, Candidate, usize)>>,
}

impl Batch {
    fn new(walk: &Walk<'_>) -> Self {
        let mut batch = Self { candidates: walk.candidates(), values: BinaryHeap::new() };
        for value in 0..batch.candidates.len() {
            batch.enter(walk, value);
        }
        batch
    }

    /// Puts a value among the others, if it has a candidate.
    fn enter(&mut self, walk: &Walk<'_>, value: usize) {
        if let Some(Reverse(best)) = self.candidates[value].peek() {
            self.values.push(Reverse((walk.tasks_on_value(value), *best, value)));
        }
    }
}

/// Starts up to `count` tasks one after another, each where a walk along the route would place it.
///
/// The walk reads the order of its route and nothing else of the orders, so the cluster need not keep any meanwhile.
pub(super) fn start_batch(cluster: &mut Cluster, route: Route<'_>, count: usize) -> Vec<Change> {
    let mut batch = Batch::new(&Walk::new(cluster, route));
    let mut changes = Vec::new();
    while changes.len() < count
        && let Some(Reverse((_, (.., slot), value))) = batch.values.pop()
    {
        batch.candidates[value].pop();
        changes.push(cluster.commit_start(slot, route.request.spec(), None, TaskStatus::Pending, GpuSet::default()));
        let walk = Walk::new(cluster, route);
        batch.candidates[value].extend(walk.candidate(slot).map(Reverse));
        batch.enter(&walk, value);
    }
    changes
}
