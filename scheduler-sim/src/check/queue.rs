//! Tasks that wait for room (`onUnplaceable: queue`), and their turns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::CheckError;
use super::ask::Ask;
use super::cluster::Changed;
use super::record::{Record, What};
use super::replay::{Replay, Start};
use crate::trace::TaskRequest;

/// The address of a request, which stays taken while tasks of it wait.
type RequestKey = usize;

#[derive(Debug, Default)]
pub(super) struct Queue {
    arrivals: u64,
    /// By request, so that each is asked once where many tasks of it wait.
    requests: BTreeMap<RequestKey, Waiters>,
    names: BTreeMap<Arc<str>, (RequestKey, u64)>,
}

/// Tasks of one request that wait.
#[derive(Debug)]
struct Waiters {
    /// Keeps its address taken.
    _request: Arc<TaskRequest>,
    ask: Arc<Ask>,
    by_arrival: BTreeMap<u64, Waiting>,
}

/// A task that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) name: Arc<str>,
    pub(super) event: u64,
    pub(super) duration_ms: Option<u64>,
}

impl Queue {
    pub(super) fn push(&mut self, request: &Arc<TaskRequest>, ask: &Arc<Ask>, waiting: Waiting) {
        let key = Arc::as_ptr(request) as RequestKey;
        self.names.insert(Arc::clone(&waiting.name), (key, self.arrivals));
        let new = || Waiters { _request: Arc::clone(request), ask: Arc::clone(ask), by_arrival: BTreeMap::new() };
        self.requests.entry(key).or_insert_with(new).by_arrival.insert(self.arrivals, waiting);
        self.arrivals += 1;
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Takes a task out, with what it asks for.
    pub(super) fn withdraw(&mut self, name: &str) -> Option<(Waiting, Arc<Ask>)> {
        let (key, arrival) = self.names.remove(name)?;
        let waiters = self.requests.get_mut(&key)?;
        let (waiting, ask) = (waiters.by_arrival.remove(&arrival)?, Arc::clone(&waiters.ask));
        if waiters.by_arrival.is_empty() {
            self.requests.remove(&key);
        }
        Some((waiting, ask))
    }
}

impl Replay<'_> {
    /// Passes over the waiting tasks in the order of their arrival until one places nothing: whoever fits is placed.
    /// Placements make room only for those who look at tasks.
    pub(super) fn retry_waiting(&mut self, changed: &mut Changed) -> Result<(), CheckError> {
        if changed.freed.is_empty() && changed.placed.is_empty() {
            return Ok(());
        }
        // What daemons have changed in this round is for the next one, but may be found now.
        let (have_freed, have_placed) =
            (!self.cluster.changed.freed.is_empty(), !self.cluster.changed.placed.is_empty());
        let mut refused: BTreeSet<RequestKey> = BTreeSet::new();
        if changed.freed.is_empty() {
            let waiters = self.queue.requests.iter().filter(|(_, waiters)| !waiters.ask.reads_tasks());
            refused.extend(waiters.map(|(key, _)| *key));
        }
        let (mut next_arrival, mut is_any_placed) = (0, false);
        loop {
            let Some((arrival, key)) = self.first_that_fits(next_arrival, &mut refused) else {
                if next_arrival == 0 {
                    break;
                }
                next_arrival = 0;
                continue;
            };
            let Waiters { ask, by_arrival, .. } = &self.queue.requests[&key];
            let (waiting, ask) = (by_arrival[&arrival].clone(), Arc::clone(ask));
            let may_be_later = have_freed || (have_placed && ask.reads_tasks());
            if may_be_later && !self.is_placed_next(&waiting)? {
                refused.insert(key);
                continue;
            }
            let Some(answers) = self.answers(&ask) else { break };
            self.queue.withdraw(&waiting.name);
            let start = Start { event: Some(waiting.event), name: &waiting.name, ask: &ask, why: None };
            self.expect_start(start, self.standalone(waiting.duration_ms), &answers)?;
            let Queue { requests, .. } = &self.queue;
            refused.retain(|key| requests.get(key).is_some_and(|waiters| !waiters.ask.reads_tasks()));
            (next_arrival, is_any_placed) = (arrival + 1, true);
        }
        if is_any_placed {
            // REPLICA services look at that in this round, daemons in the next.
            changed.placed_at = self.cluster.changed.placed_at;
        }
        Ok(())
    }

    /// The first task that arrived from `from` on and that somebody could take now; takes note of requests that nobody
    /// can take.
    fn first_that_fits(&self, from: u64, refused: &mut BTreeSet<RequestKey>) -> Option<(u64, RequestKey)> {
        let untried = self.queue.requests.iter().filter(|(key, _)| !refused.contains(key));
        let first = |(key, waiters): (&RequestKey, &Waiters)| {
            waiters.by_arrival.range(from..).next().map(|(arrival, _)| (*arrival, *key))
        };
        let mut firsts: Vec<(u64, RequestKey)> = untried.filter_map(first).collect();
        firsts.sort_unstable();
        firsts.into_iter().find(|(_, key)| {
            let is_feasible = self.cluster.is_feasible(&self.queue.requests[key].ask);
            is_feasible || !refused.insert(*key)
        })
    }

    /// Whether the next line places that one.
    fn is_placed_next(&mut self, waiting: &Waiting) -> Result<bool, CheckError> {
        let is_meant = |record: &Record| record.event == Some(waiting.event) && record.task == *waiting.name;
        let record = self.log.peek()?;
        Ok(record.is_some_and(|record| is_meant(record) && matches!(record.what, What::Placed { .. })))
    }
}
