//! The law kit: laws for placement policies and constraints of one's own, and generators of instances, requests and
//! histories for property tests of whatever is built on this crate.
//!
//! Everything is drawn from a small vocabulary on purpose: few zones, few sizes, few attribute values, so that ties,
//! clashes and exhaustion are frequent. Every value shrinks towards the plainest one.
//!
//! A [`History`] is a cluster's whole life: where it begins, what is asked of it, and a list of [`Operation`]s. Operations
//! name instances, tasks and requests by an index modulo what is there, so every list of operations means something, and
//! so does every list that shrinking makes of it.
//!
//! ```
//! use proptest::prelude::*;
//! use scheduler_core::laws;
//!
//! // A law: what a history leaves behind adds up.
//! proptest!(ProptestConfig::with_cases(16), |(history in laws::history(12))| {
//!     let cluster = history.replay();
//!     prop_assert_eq!(cluster.audit(), Ok(()));
//!     prop_assert_eq!(cluster.snapshot(), history.replay().snapshot());
//! });
//! ```
//!
#![doc = include_str!("guide.md")]
#![expect(clippy::missing_panics_doc, reason = "the vocabulary is valid: a panic is a bug of the kit")]

mod check;
mod expressions;
mod histories;
mod instances;
mod law;
mod macros;
mod operations;
mod requests;
mod smaller;
mod subject;
mod trace;
mod trace_parts;

pub use check::Violation;
pub use expressions::{expression, expression_text, live_expression_text, static_expression, static_expression_text};
pub use histories::{History, MAX_REQUESTS, Run, history, settings, traceable_history};
pub use instances::{
    attributes, container_instance, container_instance_named, custom_attribute, fleet, resources, uniform_fleet,
};
pub use law::Law;
pub use operations::{InstanceCall, Operation, TaskCall, nth_instance, nth_task, operation};
pub use requests::{
    chain, demand, placement_constraint, placement_request, placement_rule, scheduler, strategy, task_group, tie_break,
};
pub use subject::Subject;
pub use trace::TraceError;

/// The Availability Zones of generated instances.
pub const ZONES: [&str; 4] = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"];

/// The task groups of generated requests.
pub const GROUPS: [&str; 3] = ["family:job", "service:web", "service:api"];

/// The capacity providers of generated instances and requests.
pub const CAPACITY_PROVIDERS: [&str; 2] = ["spot", "on-demand"];

/// Custom attributes of generated instances, each with its values; an instance may also have a name without a value, or
/// not have the name at all. `host` comes besides, with the instance's own name.
pub const CUSTOM_ATTRIBUTES: [(&str, &[&str]); 3] =
    [("stack", &["prod", "test", "a b"]), ("rack", &["r1", "r2"]), ("tier", &["1", "2", "10", "1.50"])];
