//! The reference: a cluster and its placement by scans and sorts, straight from the specification.
//!
//! It shares with the engine plain values (descriptions, demands, requests, the tree of an expression) and the source of
//! random numbers, and nothing else: no sum, no set, no cache. Whatever it is asked it recomputes from the descriptions of
//! its instances and the specs of their tasks.

mod checks;
mod cluster;
mod expression;
mod placement;
mod stop;

pub use checks::{Failing, Refusal, eligible, failures, refusal, room};
pub use cluster::{Instance, Reference, Refused, Task};
pub use expression::{Facts, holds};
pub use placement::{Rules, place};
pub use stop::choose_stop;
