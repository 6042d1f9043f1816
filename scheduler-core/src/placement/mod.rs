//! Placement: which container instance takes a task, which task goes first on scale-in, and why nobody can.
//!
//! A [`PlacementRequest`] says what is to be placed; a [`Scheduler`] chooses; a [`Placement`] goes to
//! [`Cluster::start`](crate::Cluster::start).

mod batch;
mod check;
mod commit;
mod constraint;
mod draw;
mod explanation;
mod indexed;
mod lowering;
mod policy;
mod prepared;
mod request;
mod room;
mod run_task;
mod scan;
mod scheduler;
mod score_memory;
mod service;
mod static_rules;
mod stop;
mod strategy;

pub use check::{Check, FailedCheck, MissingAttribute};
pub use commit::{Placement, StartError};
pub use constraint::{CONSTRAINT_LIMIT, ConstraintError, CustomConstraint, PlacementConstraint};
#[cfg(feature = "rand")]
pub use draw::DrawFrom;
pub use draw::{Draw, DrawPurpose, SeededDraw};
pub use explanation::{ClosestInstance, Explanation, InstanceExplanation, Refusal};
pub use policy::{Candidates, PlacementPolicy, PolicyContext, ScoringPolicy};
pub use prepared::{Execution, PreparedRequest};
pub use request::{PlacementRequest, RequestError};
pub use room::Room;
pub use run_task::{CALL_LIMIT, CallError, CallOutcome, Failure};
pub use scheduler::Scheduler;
pub use service::{SchedulingStrategy, Service, ServiceError};
pub use strategy::{
    BinpackField, PlacementStrategy, STRATEGY_LIMIT, SpreadField, Strategy, StrategyChain, StrategyError, TieBreak,
};
