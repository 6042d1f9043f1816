//! Counts by key, now and at a peak.

use std::hash::Hash;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

/// Counts by key, now and at the peak. A count is copied when it first changes after a peak, so that a new peak costs
/// nothing.
#[derive(Debug)]
pub(crate) struct Tally<K> {
    counts: IndexMap<K, Count, FxBuildHasher>,
    peak: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    now: u64,
    at_peak: u64,
    /// The peak that `at_peak` is of; `now` is of any later one.
    peak: u32,
}

impl<K: Hash + Eq> Tally<K> {
    pub(crate) fn new() -> Self {
        Self { counts: IndexMap::default(), peak: 0 }
    }

    pub(crate) fn change(&mut self, key: K, change: impl FnOnce(u64) -> u64) {
        let count = self.counts.entry(key).or_default();
        if count.peak != self.peak {
            (count.peak, count.at_peak) = (self.peak, count.now);
        }
        count.now = change(count.now);
    }

    /// As things are now they are at the peak, until this is called again.
    pub(crate) fn mark_peak(&mut self) {
        self.peak += 1;
    }

    pub(crate) fn at_peak(&self) -> impl Iterator<Item = (&K, u64)> {
        let at_peak = |count: &Count| if count.peak == self.peak { count.at_peak } else { count.now };
        self.counts.iter().map(move |(key, count)| (key, at_peak(count))).filter(|(_, count)| *count > 0)
    }
}
