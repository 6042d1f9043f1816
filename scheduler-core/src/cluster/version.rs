//! Which state of which cluster something was found out about.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no other cluster of the process has; a clone gets one of its own.
///
/// It is only ever compared, so that it depends on other clusters decides nothing.
#[derive(Debug)]
pub(crate) struct ClusterIdentity(u64);

impl Default for ClusterIdentity {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Clone for ClusterIdentity {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl ClusterIdentity {
    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

/// One state of one cluster: as long as it is the current one, nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) cluster: u64,
    pub(super) changes: u64,
}
