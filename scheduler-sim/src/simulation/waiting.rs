//! Copies of RunTask that wait for room, by what they need, in the order of their arrival.
//!
//! Copies of one RunTask wait as one entry of number ranges, so that memory follows events, not copies. Entries with the
//! same need wait in one queue: where its first finds no instance, none of the others does.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::TaskGroup;

use super::requests::{Need, NeedId, RequestId};
use crate::outcome::Copies;

/// The copies of one RunTask that wait.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its place among all arrivals.
    pub(super) arrival: u64,
    pub(super) request: RequestId,
    pub(super) event: u64,
    pub(super) wanted_at_ms: u64,
    pub(super) duration_ms: Option<u64>,
    /// `None`: nobody will ask for them by name.
    pub(super) names: Option<WaitingNames>,
    pub(super) group: TaskGroup,
    /// Why it was refused when it came.
    pub(super) first_reason: &'static str,
    /// How often waiting tasks had been tried when it came.
    pub(super) round: u64,
    /// Numbers of its copies that still wait, in order.
    copies: VecDeque<Range<u64>>,
}

/// What the copies of an entry are called.
#[derive(Debug, Clone)]
pub(super) enum WaitingNames {
    /// There is one copy.
    One(Arc<str>),
    /// `base/0`, `base/1`, …
    Numbered(Arc<str>),
}

impl WaitingNames {
    /// The name by which the entry is found.
    pub(super) fn base(&self) -> &Arc<str> {
        match self {
            Self::One(name) | Self::Numbered(name) => name,
        }
    }

    pub(super) fn name(&self, number: u64) -> Arc<str> {
        match self {
            Self::One(name) => Arc::clone(name),
            Self::Numbered(base) => format!("{base}/{number}").into(),
        }
    }
}

/// Copies of one request that fare alike, as outcomes call them.
pub(super) fn copies(names: Option<&WaitingNames>, first: u64, count: u64) -> Copies<'_> {
    match names {
        Some(WaitingNames::One(name)) => Copies::One(name),
        Some(WaitingNames::Numbered(base)) => Copies::Numbered { base, first, count },
        None => Copies::Numbered { base: "", first, count },
    }
}

impl Entry {
    pub(super) fn new(first: Fresh, copies: Range<u64>) -> Self {
        let Fresh { arrival, request, event, wanted_at_ms, duration_ms, names, group, first_reason, round } = first;
        let copies = VecDeque::from([copies]);
        Self { arrival, request, event, wanted_at_ms, duration_ms, names, group, first_reason, round, copies }
    }

    /// The number of the copy that comes first.
    pub(super) fn front(&self) -> Option<u64> {
        self.copies.front().map(|range| range.start)
    }

    fn pop_front(&mut self) {
        if let Some(range) = self.copies.front_mut() {
            range.start += 1;
            if range.is_empty() {
                self.copies.pop_front();
            }
        }
    }

    /// The runs of numbers that still wait.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.copies.iter().cloned()
    }

    /// Takes one number out; whether it waited.
    fn remove(&mut self, number: u64) -> bool {
        let Some(index) = self.copies.iter().position(|range| range.contains(&number)) else { return false };
        let range = self.copies[index].clone();
        let parts = [range.start..number, number + 1..range.end];
        self.copies.remove(index);
        for part in parts.into_iter().rev().filter(|part| !part.is_empty()) {
            self.copies.insert(index, part);
        }
        true
    }
}

/// What a new entry is made of.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) arrival: u64,
    pub(super) request: RequestId,
    pub(super) event: u64,
    pub(super) wanted_at_ms: u64,
    pub(super) duration_ms: Option<u64>,
    pub(super) names: Option<WaitingNames>,
    pub(super) group: TaskGroup,
    pub(super) first_reason: &'static str,
    pub(super) round: u64,
}

/// Entries with the same need, by their arrival.
#[derive(Debug, Clone)]
struct Queue {
    need: Need,
    entries: BTreeMap<u64, Entry>,
}

/// All copies that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingTasks {
    queues: BTreeMap<NeedId, Queue>,
    by_base: FxHashMap<Arc<str>, (NeedId, u64)>,
    arrivals: u64,
}

impl WaitingTasks {
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The place of the next arrival.
    pub(super) fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// The needs of those that wait, each with its first arrival.
    pub(super) fn needs(&self) -> impl Iterator<Item = (Need, u64)> + '_ {
        self.queues.values().filter_map(|queue| Some((queue.need, *queue.entries.first_key_value()?.0)))
    }

    /// The requests of those that wait.
    pub(super) fn requests(&self) -> impl Iterator<Item = RequestId> + '_ {
        self.queues.values().flat_map(|queue| queue.entries.values()).map(|entry| entry.request)
    }

    /// Whether an entry of that base name waits.
    pub(super) fn has_base(&self, base: &str) -> bool {
        self.by_base.contains_key(base)
    }

    pub(super) fn push(&mut self, need: Need, entry: Entry) {
        if let Some(names) = &entry.names {
            self.by_base.insert(Arc::clone(names.base()), (need.id, entry.arrival));
        }
        let queue = self.queues.entry(need.id).or_insert_with(|| Queue { need, entries: BTreeMap::new() });
        queue.entries.insert(entry.arrival, entry);
    }

    /// The first entry with a need that arrived at `from` or later.
    pub(super) fn first_from(&self, need: NeedId, from: u64) -> Option<&Entry> {
        self.queues.get(&need).and_then(|queue| queue.entries.range(from..).next()).map(|(_, entry)| entry)
    }

    /// The first copy of an entry is placed.
    pub(super) fn pop_copy(&mut self, need: NeedId, arrival: u64) {
        let Some(queue) = self.queues.get_mut(&need) else { return };
        let Some(entry) = queue.entries.get_mut(&arrival) else { return };
        entry.pop_front();
        self.forget_if_done(need, arrival);
    }

    /// Takes the copy of that name out of the queue; tells what its entry was and the copy's number.
    pub(super) fn withdraw(&mut self, name: &str) -> Option<Withdrawn> {
        let (need, arrival, number) = self.find(name)?;
        let entry = self.queues.get_mut(&need)?.entries.get_mut(&arrival)?;
        if !entry.remove(number) {
            return None;
        }
        let Entry { request, first_reason, round, .. } = *entry;
        let withdrawn = Withdrawn { request, group: entry.group.clone(), first_reason, round };
        self.forget_if_done(need, arrival);
        Some(withdrawn)
    }

    fn find(&self, name: &str) -> Option<(NeedId, u64, u64)> {
        if let Some((need, arrival)) = self.by_base.get(name) {
            let entry = self.queues.get(need)?.entries.get(arrival)?;
            return matches!(entry.names, Some(WaitingNames::One(_))).then_some((*need, *arrival, 0));
        }
        let (base, number) = name.rsplit_once('/')?;
        let (need, arrival) = self.by_base.get(base)?;
        let entry = self.queues.get(need)?.entries.get(arrival)?;
        // `base/007` is nobody's name.
        let number: u64 = number.parse().ok().filter(|parsed: &u64| parsed.to_string() == number)?;
        matches!(entry.names, Some(WaitingNames::Numbered(_))).then_some((*need, *arrival, number))
    }

    fn forget_if_done(&mut self, need: NeedId, arrival: u64) {
        let Some(queue) = self.queues.get_mut(&need) else { return };
        let is_done = queue.entries.get(&arrival).is_some_and(|entry| entry.copies.is_empty());
        if is_done
            && let Some(entry) = queue.entries.remove(&arrival)
            && let Some(names) = &entry.names
        {
            self.by_base.remove(names.base());
        }
        if queue.entries.is_empty() {
            self.queues.remove(&need);
        }
    }

    /// All entries, the oldest first.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        let mut entries: Vec<_> = self.queues.into_values().flat_map(|queue| queue.entries.into_values()).collect();
        entries.sort_by_key(|entry| entry.arrival);
        entries
    }
}

/// A copy that left the queue unplaced.
#[derive(Debug)]
pub(super) struct Withdrawn {
    pub(super) request: RequestId,
    pub(super) group: TaskGroup,
    pub(super) first_reason: &'static str,
    pub(super) round: u64,
}
