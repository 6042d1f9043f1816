//! What is to be placed: a task's spec, the rules on where it may go, and whom to prefer.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::constraint::{CONSTRAINT_LIMIT, PlacementConstraint};
use super::strategy::Strategy;
use crate::cluster::{TaskKind, TaskSpec};
use crate::model::{Demand, RequiredAttribute, ResourceError, TaskDefinition, TaskGroup};

/// A request to place one task, or many that are alike.
///
/// The group alone does not make a task a service's: set [`kind`](Self::kind), or let
/// [`Service::request`](super::Service::request) make the request. Only `ecs-default` and the metric of empty instances
/// look at the kind.
///
/// ```
/// use scheduler_core::{Demand, PlacementConstraint, PlacementRequest, PlacementStrategy, TaskGroup};
///
/// let request = PlacementRequest::new(Demand::new(256, 512), TaskGroup::service("web")?)
///     .constraint(PlacementConstraint::member_of("attribute:stack == prod")?)
///     .strategy(PlacementStrategy::binpack_memory());
/// assert_eq!(request.demand().memory_mib, 512);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PlacementRequest {
    spec: Arc<TaskSpec>,
    required_attributes: Vec<RequiredAttribute>,
    zones: Option<Vec<Box<str>>>,
    capacity_provider: Option<Box<str>>,
    constraints: Vec<PlacementConstraint>,
    strategy: Option<Strategy>,
}

/// Why a request can never be placed by anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More constraints than ECS takes.
    #[error("{given} placement constraints, those of the task definition included; the limit is {limit}")]
    TooManyConstraints {
        /// How many there are.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// The demand is larger than anything can be.
    #[error(transparent)]
    Demand(#[from] ResourceError),
}

impl PlacementRequest {
    /// A standalone task of that demand, counted under that group.
    pub fn new(demand: Demand, group: TaskGroup) -> Self {
        let spec = TaskSpec { demand, group, kind: TaskKind::Standalone, definition: None };
        Self {
            spec: Arc::new(spec),
            required_attributes: Vec::new(),
            zones: None,
            capacity_provider: None,
            constraints: Vec::new(),
            strategy: None,
        }
    }

    /// A standalone task of that definition, with the definition's demand, required attributes and constraints.
    pub fn for_task(definition: &TaskDefinition, group: TaskGroup) -> Self {
        let mut request = Self::new(definition.demand().clone(), group);
        request.spec_mut().definition = Some(definition.name().into());
        request.required_attributes = definition.required_attributes().to_vec();
        request.constraints =
            definition.placement_constraints().iter().cloned().map(PlacementConstraint::MemberOf).collect();
        request
    }

    /// Sets who keeps the task running.
    pub fn kind(mut self, kind: TaskKind) -> Self {
        self.spec_mut().kind = kind;
        self
    }

    /// Sets `family:revision`, which C-22 looks at.
    pub fn definition(mut self, name: &str) -> Self {
        self.spec_mut().definition = Some(name.into());
        self
    }

    /// Adds a constraint to those there are.
    pub fn constraint(mut self, constraint: PlacementConstraint) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// Adds constraints to those there are.
    pub fn constraints(mut self, constraints: impl IntoIterator<Item = PlacementConstraint>) -> Self {
        self.constraints.extend(constraints);
        self
    }

    /// Sets whom to prefer: one [`PlacementStrategy`](super::PlacementStrategy), or several in a
    /// [`Strategy::chain`]. A second call replaces the first; without any the scheduler's default applies.
    pub fn strategy(mut self, strategy: impl Into<Strategy>) -> Self {
        self.strategy = Some(strategy.into());
        self
    }

    /// Takes the request's own strategy away, so that the scheduler's default applies.
    pub fn without_strategy(mut self) -> Self {
        self.strategy = None;
        self
    }

    /// Adds an attribute that the instance must have.
    pub fn required_attribute(mut self, attribute: RequiredAttribute) -> Self {
        self.required_attributes.push(attribute);
        self
    }

    /// Restricts an awsvpc task to the zones of its subnets (`LOCATION`).
    pub fn zones<Z: Into<Box<str>>>(mut self, zones: impl IntoIterator<Item = Z>) -> Self {
        self.zones = Some(zones.into_iter().map(Into::into).collect());
        self
    }

    /// Restricts the task to the instances of a capacity provider.
    pub fn capacity_provider(mut self, name: impl Into<Box<str>>) -> Self {
        self.capacity_provider = Some(name.into());
        self
    }

    /// Counts the task under another group.
    pub fn counted_under(mut self, group: TaskGroup) -> Self {
        self.spec_mut().group = group;
        self
    }

    fn spec_mut(&mut self) -> &mut TaskSpec {
        Arc::make_mut(&mut self.spec)
    }

    /// What is started: demand, group, kind and definition.
    pub fn spec(&self) -> &Arc<TaskSpec> {
        &self.spec
    }

    /// What the task reserves.
    pub fn demand(&self) -> &Demand {
        &self.spec.demand
    }

    /// The group it counts under.
    pub fn group(&self) -> &TaskGroup {
        &self.spec.group
    }

    /// All constraints, the task definition's first.
    pub fn all_constraints(&self) -> &[PlacementConstraint] {
        &self.constraints
    }

    /// Its own strategy, if it has one.
    pub fn own_strategy(&self) -> Option<&Strategy> {
        self.strategy.as_ref()
    }

    /// Attributes that the instance must have.
    pub fn required_attributes(&self) -> &[RequiredAttribute] {
        &self.required_attributes
    }

    /// The zones it is restricted to, if it is.
    pub fn allowed_zones(&self) -> Option<&[Box<str>]> {
        self.zones.as_deref()
    }

    /// The capacity provider it is restricted to, if it is.
    pub fn capacity_provider_name(&self) -> Option<&str> {
        self.capacity_provider.as_deref()
    }

    /// How many tasks of the group an instance may run at most, this one included; `None`: no limit.
    pub(crate) fn group_limit(&self) -> Option<NonZeroU32> {
        let limits = self.constraints.iter().filter_map(|constraint| match constraint {
            PlacementConstraint::DistinctInstance => Some(NonZeroU32::MIN),
            PlacementConstraint::MaxTasksPerInstance(limit) => Some(*limit),
            _ => None,
        });
        limits.min()
    }

    /// Whether anybody could place this at all.
    ///
    /// # Errors
    /// [`RequestError`] if there are more than ten constraints of ECS's types, or the demand is out of range.
    pub fn validate(&self) -> Result<(), RequestError> {
        let given = self.constraints.iter().filter(|constraint| constraint.is_ecs()).count();
        if given > CONSTRAINT_LIMIT {
            return Err(RequestError::TooManyConstraints { given, limit: CONSTRAINT_LIMIT });
        }
        self.spec.demand.checked()?;
        Ok(())
    }
}
