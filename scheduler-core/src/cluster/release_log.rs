//! The release log: which instances may take more than they could before, in the order in which that came about.
//!
//! A request that nobody could take stays refused until one of the instances that were logged since then takes it: starts
//! only use things up. (Requests that look at tasks, or that ask code of the embedder's, are not to be remembered so.)

use super::{ClusterIdentity, Slot};

/// Older entries are forgotten; who missed one asks everybody again.
const CAPACITY: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct ReleaseLog {
    identity: ClusterIdentity,
    slots: Vec<Slot>,
    written: u64,
}

/// A place in one cluster's log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogPosition {
    cluster: u64,
    written: u64,
}

/// A fork goes its own way from here on.
impl Clone for ReleaseLog {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl ReleaseLog {
    /// An instance may take more than before.
    pub(crate) fn push(&mut self, slot: Slot) {
        let place = (self.written % CAPACITY as u64) as usize;
        match self.slots.get_mut(place) {
            Some(entry) => *entry = slot,
            None => self.slots.push(slot),
        }
        self.written += 1;
    }

    pub(crate) fn position(&self) -> LogPosition {
        LogPosition { cluster: self.identity.number(), written: self.written }
    }

    /// What was logged since a position; `None` if it is more than `at_most`, or not known any more, or in another cluster.
    pub(crate) fn since<'a>(
        &'a self,
        position: &LogPosition,
        at_most: usize,
    ) -> Option<impl Iterator<Item = Slot> + use<'a>> {
        let missed = position.written..self.written;
        let is_known =
            self.identity.number() == position.cluster && missed.end - missed.start <= at_most.min(CAPACITY) as u64;
        is_known.then(|| missed.map(|entry| self.slots[(entry % CAPACITY as u64) as usize]))
    }

    /// Moves a position of this log to its end.
    pub(crate) fn advance(&self, position: &mut LogPosition) {
        position.written = self.written;
    }
}
