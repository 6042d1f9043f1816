//! What names mean at the place that the reader has come to.

use super::definitions::Definitions;
use super::fleet::Aliases;
use super::requests::{SharedRequests, Subnets};

/// What names mean. It follows the events in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolver {
    pub(super) definitions: Definitions,
    pub(super) aliases: Aliases,
    pub(super) subnets: Subnets,
    pub(super) requests: SharedRequests,
    pub(super) epoch_ms: i64,
}

impl Resolver {
    /// The moment of a time of the trace, in milliseconds since 1970.
    pub(super) fn moment_of(&self, at_ms: u64) -> i64 {
        self.epoch_ms.saturating_add(i64::try_from(at_ms).unwrap_or(i64::MAX))
    }
}
