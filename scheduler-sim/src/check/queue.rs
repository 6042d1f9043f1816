//! Tasks that wait for room (`onUnplaceable: queue`), and their turns.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::CheckError;
use super::ask::Ask;
use super::record::{Record, What};
use super::replay::{Life, Replay};

/// A task that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) name: Arc<str>,
    event: u64,
    pub(super) ask: Arc<Ask>,
    duration_ms: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    arrivals: u64,
    /// By arrival.
    waiting: BTreeMap<u64, Waiting>,
    names: BTreeMap<Arc<str>, u64>,
    /// After the task that was placed last in this pass.
    pass_from: u64,
    /// By the address of what is asked: the version of the cluster at which nobody could take it.
    refused_at: BTreeMap<usize, u64>,
}

impl Queue {
    pub(super) fn push(&mut self, name: &Arc<str>, event: u64, ask: &Arc<Ask>, duration_ms: Option<u64>) {
        let waiting = Waiting { name: Arc::clone(name), event, ask: Arc::clone(ask), duration_ms };
        self.waiting.insert(self.arrivals, waiting);
        self.names.insert(Arc::clone(name), self.arrivals);
        self.arrivals += 1;
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    pub(super) fn withdraw(&mut self, name: &str) -> Option<Waiting> {
        let arrival = self.names.remove(name)?;
        self.waiting.remove(&arrival)
    }

    /// A turn begins.
    pub(super) fn begin_turn(&mut self) {
        self.pass_from = 0;
    }
}

impl Replay<'_> {
    /// Whether a line tells of a waiting task that is placed.
    pub(super) fn is_of_queue(&self, record: &Record) -> bool {
        let arrival = self.queue.names.get(&*record.task);
        let waiting = arrival.and_then(|arrival| self.queue.waiting.get(arrival));
        matches!(record.what, What::Placed { .. }) && waiting.is_some_and(|it| record.event == Some(it.event))
    }

    /// A waiting task is placed: in a pass they come in the order of their arrival, whoever is passed over fits nowhere,
    /// and a new pass begins when the last one is through.
    pub(super) fn leave_queue(&mut self, record: &Record) -> Result<(), CheckError> {
        let Some(arrival) = self.queue.names.get(&*record.task).copied() else { return Ok(()) };
        let pass_from = self.queue.pass_from;
        let passed_over = if arrival >= pass_from {
            self.waiting_that_fits(pass_from, arrival)
        } else {
            self.waiting_that_fits(pass_from, u64::MAX).or_else(|| self.waiting_that_fits(0, arrival))
        };
        if let Some(name) = passed_over {
            return Err(self.log.wrong(format!("`{name}` waits as well, comes first, and fits")));
        }
        let waiting = self.queue.waiting[&arrival].clone();
        self.expect_head(Some(waiting.event), &waiting.name, &waiting.ask.group)?;
        if let What::Placed { why: Some(_), .. } = &record.what {
            return Err(self.log.wrong("it has no `why`"));
        }
        let seat = self.check_placed(&waiting.ask, &record.what)?;
        self.log.pass();
        self.queue.withdraw(&waiting.name);
        self.queue.pass_from = arrival + 1;
        let life = Life { duration_ms: waiting.duration_ms, start_ms: self.settings.task_start_ms, service: None };
        self.start(&waiting.name, &waiting.ask, seat, life);
        Ok(())
    }

    /// The first task that waits, of those that arrived from `from` on and before `to`, that somebody could take now.
    pub(super) fn waiting_that_fits(&mut self, from: u64, to: u64) -> Option<Arc<str>> {
        let Self { queue: Queue { waiting, refused_at, .. }, cluster, .. } = self;
        if waiting.is_empty() {
            refused_at.clear();
        }
        for waiting in waiting.range(from..to).map(|(_, waiting)| waiting) {
            let key = Arc::as_ptr(&waiting.ask) as usize;
            // Placements make room only for those who look at tasks.
            let since = if waiting.ask.reads_tasks() { cluster.version } else { cluster.freed };
            if refused_at.get(&key).is_some_and(|at| *at >= since) {
                continue;
            }
            if cluster.is_feasible(&waiting.ask) {
                return Some(Arc::clone(&waiting.name));
            }
            refused_at.insert(key, cluster.version);
        }
        None
    }
}
