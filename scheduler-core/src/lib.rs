//! Amazon ECS task placement as a library to embed: exact, deterministic, and with a reason for every refusal.
//!
//! A [`Cluster`] holds container instances and the tasks on them, and is the only thing that changes. A [`Scheduler`]
//! reads it and answers where a [`PlacementRequest`] goes: *who can hold the task → who may hold it → whom do we prefer
//! → one instance*. Every instance is looked at, never a sample; the same state, request and seed give the same answer
//! on every platform. No clock, no I/O, no threads, no globals, no floats, no `unsafe`.
//!
//! # First example
//! ```
//! use scheduler_core::{
//!     Cluster, ContainerInstance, Demand, PlacementRequest, Scheduler, SeededDraw, TaskDefinition, TaskGroup,
//! };
//!
//! // Three t2.micro in two zones; capacity and network limits come from the catalogue of instance types.
//! let mut cluster = Cluster::default();
//! for (name, zone) in [("i-1", "us-east-2a"), ("i-2", "us-east-2b"), ("i-3", "us-east-2b")] {
//!     cluster.register(ContainerInstance::builder(name).zone(zone).instance_type("t2.micro").build()?)?;
//! }
//!
//! // A task of `web` takes a whole vCPU.
//! let definition = TaskDefinition::of_demand("web", Demand::new(1024, 400))?;
//! let request = PlacementRequest::for_task(&definition, TaskGroup::service("web")?);
//!
//! let scheduler = Scheduler::default();
//! let mut draw = SeededDraw::new(0);
//! let mut prepared = scheduler.prepare(&mut cluster, request)?;
//! let mut homes = Vec::new();
//! while let Some(placement) = prepared.place(&cluster, &mut draw) {
//!     cluster.start(&placement)?;
//!     homes.push(cluster.instance(placement.instance()).unwrap().name().to_owned());
//! }
//! assert_eq!(homes, ["i-2", "i-3", "i-1"]); // zone b has the most headroom, then still, by the memory left on i-2
//!
//! // The fourth finds nobody, and says why.
//! assert_eq!(
//!     scheduler.explain(&cluster, prepared.request()).to_string(),
//!     "0 of 3 container instances can hold the task: 3 lack CPU; closest: i-1, short of 1024 CPU units"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a task is placed
//! 1. **Checks**, in ECS's order ([`Check`]): ACTIVE, CPU, memory, host ports, GPUs, network interfaces, required
//!    attributes, location, constraints, agent. An instance that fails one is out.
//! 2. **Constraints** ([`PlacementConstraint`]): `memberOf` with the whole [cluster query language](expression),
//!    `distinctInstance`, a maximum per instance, and the embedder's own. They bind.
//! 3. **Strategy** ([`Strategy`]): the request's chain of `spread`, `binpack`, `random` and the embedder's own, each
//!    narrowing what the one before it left. Without one the scheduler's default applies: `headroom` (the Availability
//!    Zone with the most headroom, then the instance with the most) unless it is set to `ecs-default` (what ECS itself
//!    does) or a chain.
//! 4. **Tie-break** ([`TieBreak`]) among those that are left.
//!
//! # Cookbook
//! | to | call |
//! | --- | --- |
//! | place one task now and then | [`Scheduler::place_once`] |
//! | place many of a kind | [`Scheduler::prepare`], [`PreparedRequest::place`], [`PreparedRequest::place_many`] |
//! | start, stop, move on in its life | [`Cluster::start`], [`Cluster::stop`], [`Cluster::set_task_status`] |
//! | know why not | [`Scheduler::refusal`] (reason and closest instance), [`Scheduler::explain`] (everything) |
//! | try something | [`Cluster::fork`], [`Scheduler::plan`], [`Cluster::room_for`] |
//! | scale in | [`Scheduler::choose_stop`] |
//! | take part in ECS's API | [`Scheduler::run_task`], [`Scheduler::start_task`], [`Service`], [`Refusal::service_event`] |
//! | survive a restart | [`Cluster::snapshot`], [`Cluster::restore`] |
//! | follow what happens | the [`Change`]s that each call returns |
//! | bring a rule of your own | [`PlacementPolicy`], [`CustomConstraint`] |
//!
//! Several schedulers may work on one cluster: `place` reads, `start` asks again and refuses a placement that has gone
//! stale, with nothing half done.
//!
//! # Features
//! All off by default, all additive:
//! - `serde`: values as ECS's own JSON (task definitions, container instances, services, snapshots).
//! - `rand`: any generator of the `rand` family as a source of randomness (`DrawFrom`).
//! - `proptest`: generators of clusters, requests and histories, for property tests of your own (`laws`).
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod cluster;
pub mod expression;
mod index;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "proptest")]
pub mod laws;
pub mod model;
pub mod placement;

#[doc(inline)]
pub use cluster::{Change, Cluster, ClusterError, InstanceId, InstanceView, TaskId};
#[doc(inline)]
pub use expression::Expression;
#[doc(inline)]
pub use model::{ContainerInstance, Demand, TaskDefinition, TaskGroup};
#[doc(inline)]
pub use placement::{
    Explanation, Placement, PlacementConstraint, PlacementPolicy, PlacementRequest, PlacementStrategy, PreparedRequest,
    Scheduler, SeededDraw, Service, Strategy, TieBreak,
};
#[doc(no_inline)]
pub use {cluster::*, model::*, placement::*};
