//! The scores that one rule of one prepared request has given, each good until its instance changes.

use crate::cluster::{Cluster, Slot};

/// One score a slot.
#[derive(Debug, Clone, Default)]
pub(super) struct ScoreMemory {
    /// Tells the cluster that the scores are of from its forks, which go on with the same stamps.
    cluster: Option<u64>,
    scores: Vec<Score>,
}

#[derive(Debug, Clone, Copy)]
struct Score {
    /// The stamp of the instance's last change then.
    changed: u64,
    value: i64,
}

/// No instance has this stamp.
const UNKNOWN: Score = Score { changed: u64::MAX, value: 0 };

impl ScoreMemory {
    /// Forgets everything that was of another cluster.
    pub(super) fn attend(&mut self, cluster: &Cluster) {
        let identity = Some(cluster.version().cluster);
        if self.cluster != identity {
            self.scores.clear();
            self.cluster = identity;
        }
        self.scores.resize(cluster.instances.slot_count(), UNKNOWN);
    }

    /// The score of the instance in a slot, made anew if it has changed.
    pub(super) fn recall(&mut self, slot: Slot, changed: u64, score: impl FnOnce() -> i64) -> i64 {
        let known = &mut self.scores[slot.index()];
        if known.changed != changed {
            *known = Score { changed, value: score() };
        }
        known.value
    }
}
