//! The search: instances are emptied one after another, in several orders; the best pass wins.

use rustc_hash::FxHashSet;
use scheduler_core::{InstanceId, TaskId};

use super::trial::{Step, Trial};

/// What was found: moves in an order in which they work.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) steps: Vec<(TaskId, InstanceId)>,
    pub(super) is_cut_short: bool,
}

/// Which instances are tried first.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Those that need the fewest moves.
    FewestTasks,
    /// Those whose tasks take the least.
    LeastTaken,
    /// Those whose tasks take the least of what they have.
    LeastFull,
}

const ORDERS: [Order; 3] = [Order::FewestTasks, Order::LeastTaken, Order::LeastFull];

/// Goes through the passes. Those in which tasks make room for others are left out once no fewer than `target`
/// instances can be reached.
pub(super) fn search(start: &Trial, most_moves: usize, used_before: u64, target: u64) -> Found {
    let mut best: Option<(usize, Vec<(TaskId, InstanceId)>)> = None;
    let mut is_cut_short = false;
    for with_swaps in [false, true] {
        for order in ORDERS {
            let is_reached = best.as_ref().is_some_and(|(emptied, _)| used_before - *emptied as u64 <= target);
            if with_swaps && (is_reached || used_before <= target) {
                continue;
            }
            let pass = Pass { start, most_moves, with_swaps };
            let (emptied, trial) = pass.run(order);
            is_cut_short |= trial.is_spent();
            let steps = shortened(start, &trial);
            // Nothing is left out of a list that is too long: it counts as none.
            let is_better = |(most, known): &(usize, Vec<_>)| (emptied, known.len()) > (*most, steps.len());
            if emptied > 0 && steps.len() <= most_moves && best.as_ref().is_none_or(is_better) {
                best = Some((emptied, steps));
            }
        }
    }
    Found { steps: best.map(|(_, steps)| steps).unwrap_or_default(), is_cut_short }
}

struct Pass<'a> {
    start: &'a Trial,
    most_moves: usize,
    with_swaps: bool,
}

impl Pass<'_> {
    /// How many instances were emptied, and the state after it.
    fn run(&self, order: Order) -> (usize, Trial) {
        let mut trial = self.start.clone();
        let mut donors: Vec<usize> = (0..trial.sites.len()).filter(|site| trial.sites[*site].can_be_emptied).collect();
        donors.sort_by_cached_key(|donor| (order.key(&trial, *donor), *donor));
        let mut emptied = 0;
        for donor in donors {
            if trial.is_spent() {
                break;
            }
            let mark = trial.journal.len();
            if self.empty(&mut trial, donor) {
                trial.close(donor);
                emptied += 1;
            } else {
                trial.take_back(mark);
            }
        }
        (emptied, trial)
    }

    /// Finds a place elsewhere for each task of an instance, the largest first. False if one has none, or if there are
    /// too many.
    fn empty(&self, trial: &mut Trial, donor: usize) -> bool {
        let mut tasks = trial.sites[donor].tasks.clone();
        tasks.sort_by_key(|task| (std::cmp::Reverse(trial.tasks[*task].size), *task));
        let is_away = |task: &&usize| trial.tasks[**task].home != donor;
        let more = tasks.len() - tasks.iter().filter(is_away).count();
        if trial.away + more > self.most_moves {
            return false;
        }
        let is_empty = tasks
            .into_iter()
            .all(|task| trial.place(task, [donor, donor]) || (self.with_swaps && trial.place_by_swap(task, donor)));
        is_empty && trial.away <= self.most_moves
    }
}

impl Order {
    fn key(self, trial: &Trial, donor: usize) -> (u128, u128) {
        let site = &trial.sites[donor];
        let count = site.tasks.len() as u128;
        let taken: u128 = site.tasks.iter().map(|task| u128::from(trial.tasks[*task].size)).sum();
        match self {
            Self::FewestTasks => (count, taken),
            Self::LeastTaken => (taken, count),
            Self::LeastFull => ((taken << 20) / u128::from(site.registered.max(1)), count),
        }
    }
}

/// The moves of a pass, each task straight to where it ends, if there is an order in which that works; else as they
/// were made.
fn shortened(start: &Trial, trial: &Trial) -> Vec<(TaskId, InstanceId)> {
    let told = |steps: &[Step]| steps.iter().map(|step| trial.told(*step)).collect();
    let mut seen = FxHashSet::default();
    if trial.journal.iter().all(|step| seen.insert(step.task)) {
        return told(&trial.journal);
    }
    // In the order in which they came to where they end.
    let mut left: Vec<Step> = Vec::new();
    seen.clear();
    for step in trial.journal.iter().rev() {
        if seen.insert(step.task) && trial.tasks[step.task].home != step.to {
            left.push(*step);
        }
    }
    left.reverse();
    let mut again = start.clone();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|step| !again.try_move(step.task, step.to));
        if left.len() == before || again.is_spent() {
            return told(&trial.journal);
        }
    }
    told(&again.journal)
}
