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
//! assert_eq!(homes, ["i-2", "i-3", "i-1"]); // two instances give zone b the most headroom, at first and after i-2 is full
//!
//! // The fourth finds nobody, and says why.
//! assert_eq!(
//!     scheduler.explain(&cluster, prepared.request()).to_string(),
//!     "0 of 3 container instances can hold the task: 3 lack CPU; closest: i-1, short of 1024 CPU units"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # With a constraint, a chain, and scale-in
//! ```
//! # use scheduler_core::*;
//! # let mut cluster = Cluster::default();
//! # for (name, stack) in [("i-1", "prod"), ("i-2", "test")] {
//! #     let instance = ContainerInstance::builder(name).zone("us-east-2a").instance_type("t2.micro");
//! #     cluster.register(instance.attribute("stack", stack).build()?)?; // attributes: `.attribute(name, value)`
//! # }
//! # let (scheduler, mut draw) = (Scheduler::default(), SeededDraw::new(0));
//! let request = PlacementRequest::new(Demand::new(512, 300), TaskGroup::service("web")?)
//!     .kind(TaskKind::Replica)
//!     .constraint(PlacementConstraint::member_of("attribute:stack == prod")?)
//!     .strategy(Strategy::chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])?);
//! let mut prepared = scheduler.prepare(&mut cluster, request)?;
//! let started = prepared.place_many(&mut cluster, 10, &mut draw);
//! assert_eq!(started.len(), 2); // no more fit where they may go
//!
//! let explanation = scheduler.explain(&cluster, prepared.request());
//! println!("{explanation}"); // one sentence
//! println!("{}", explanation.refusal().unwrap().service_event("web")); // what ECS would write
//!
//! // A task is PENDING until it is said to run; scale-in prefers tasks that do not run yet.
//! let first = started[0].task_id().unwrap();
//! cluster.set_task_status(first, TaskStatus::Running)?;
//! let task = scheduler.choose_stop(&cluster, prepared.request(), &mut draw).unwrap();
//! assert_ne!(task, first);
//! cluster.stop(task)?; // choosing alone stops nothing
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a task is placed
//! 1. **Checks**, in ECS's order ([`Check`]): ACTIVE, capacity provider, CPU, memory, host ports, GPUs, network interfaces, required
//!    attributes, location, constraints, agent. An instance that fails one is out.
//! 2. **Constraints** ([`PlacementConstraint`]): `memberOf` with the whole [cluster query language](expression),
//!    `distinctInstance`, a maximum per instance, and the embedder's own. They bind.
//! 3. **Strategy** ([`Strategy`]): the request's chain of `spread`, `binpack`, `random` and the embedder's own, each
//!    narrowing what the one before it left. Without one the scheduler's default applies: `headroom` (the Availability
//!    Zone with the most headroom, then the instance with the most) unless it is set to `ecs-default` (what ECS itself
//!    does) or a chain.
//! 4. **Tie-break** ([`TieBreak`]) among those that are left.
//!
//! The reason of a refusal is the check that removes the last instance. Resources come before constraints, so where every
//! instance that matches is full, the reason is the constraint, and the closest instance is one that has room but does not
//! match; [`Explanation::tally`] shows both.
//!
//! # Cookbook
//! | to | call |
//! | --- | --- |
//! | place one task now and then | [`Scheduler::place_once`] |
//! | place many of a kind | [`Scheduler::prepare`], [`PreparedRequest::place`], [`PreparedRequest::place_many`] |
//! | start, stop, move on in its life | [`Cluster::start`], [`Cluster::stop`], [`Cluster::set_task_status`] |
//! | require, prefer | [`PlacementRequest::constraint`], [`PlacementRequest::strategy`] |
//! | know why not | [`Scheduler::explain`] (everything), [`Explanation::refusal`] or [`Scheduler::refusal`] (reason and closest instance), [`Refusal::service_event`] (ECS's text) |
//! | try something | [`Cluster::fork`], [`Scheduler::plan`], [`Cluster::room_for`] |
//! | scale in | [`Scheduler::choose_stop`], then [`Cluster::stop`] |
//! | place a service's tasks | [`Service::request`], or [`PlacementRequest::kind`] |
//! | answer as ECS's API does | [`Scheduler::run_task`], [`Scheduler::start_task`] |
//! | survive a restart | [`Cluster::snapshot`], [`Cluster::restore`] |
//! | follow what happens | the [`Change`]s that each call returns |
//! | bring a rule of your own | [`ScoringPolicy`] for a score by instance, [`PlacementPolicy`] for more, [`CustomConstraint`] |
//! | test it | `laws!`, feature `proptest` |
//! | share GPUs | [`Demand::with_gpu_share`], [`InstanceView::free_gpu_millis`], [`Placement::on_gpus`] |
//!
//! Several schedulers may work on one cluster: `place` reads, `start` asks again and refuses a placement that has gone
//! stale, with nothing half done.
//!
//! Everything in [`cluster`], [`model`] and [`placement`] can be imported from the crate's root; the lists below show only
//! what is used most. `C-nn` in the documentation is a numbered [choice](choices) where AWS's documentation is silent; "spec"
//! numbers are those of the project's specification of ECS placement.
//!
//! # Features
//! All off by default, all additive:
//! - `serde`: values as ECS's own JSON (task definitions, container instances, services, snapshots).
//! - `rand`: any generator of the `rand` family as a source of randomness (`DrawFrom`).
//! - `proptest`: laws that test a policy or constraint of your own (`laws!`), and generators of clusters, requests and
//!   histories for property tests (`laws`); takes in `serde`.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc = include_str!("choices.md")]
pub mod choices {}
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
    Scheduler, ScoringPolicy, SeededDraw, Service, Strategy, TieBreak,
};
#[doc(no_inline)]
pub use {cluster::*, model::*, placement::*};
