//! What a trace says, resolved: no reference is left to look up, but for names that depend on the course of a run.

use std::num::NonZeroU32;
use std::sync::Arc;

use indexmap::IndexMap;
use scheduler_core::{
    Attributes, ContainerInstance, Demand, InstanceError, InstanceStatus, PlacementConstraint, PlacementRequest,
    Resources, Service, Strategy, TaskDefinition, TaskGroup,
};

use super::place::Place;
use super::settings::Settings;

/// All of a trace but its events.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Header {
    /// Its `name`, or the file's name without folders; `-` for standard input.
    pub name: Arc<str>,
    /// The settings that it asks for.
    pub settings: Settings,
    /// The fleet at time 0, in order of registration.
    pub instances: Vec<InstanceEntry>,
    /// The task definitions, in file order.
    pub definitions: Vec<Arc<Definition>>,
    /// The tasks that already run at time 0, in the order in which they were placed.
    pub tasks: Vec<RunningTask>,
    /// The services that are created at time 0, in file order.
    pub services: Vec<ServiceEntry>,
    /// Subnets and their Availability Zones, as listed. Requests carry their zones already.
    pub subnets: IndexMap<Box<str>, Box<str>>,
}

/// Container instances that register together: `count` copies of one description.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InstanceEntry {
    /// The name given; with a `count` above 1 its copies are `name-0`, `name-1`, …
    pub name: Option<Arc<str>>,
    /// How many there are, from 1 on.
    pub count: u32,
    /// What each of them is.
    pub description: Arc<InstanceDescription>,
    /// Where the trace says so.
    pub place: Place,
}

/// A container instance but for its name.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InstanceDescription {
    /// The instance type, if one is given.
    pub instance_type: Option<Box<str>>,
    /// The Availability Zone, if it is not among the attributes.
    pub zone: Option<Box<str>>,
    /// The registered resources; absent: those of the type.
    pub resources: Option<Resources>,
    /// The attributes given.
    pub attributes: Attributes,
    /// ACTIVE or DRAINING.
    pub status: InstanceStatus,
    /// Whether the agent is connected.
    pub agent_connected: bool,
    /// The agent's version, if one is given.
    pub agent_version: Option<Box<str>>,
    /// When it registered, in milliseconds since 1970, if it is given.
    pub registered_at_ms: Option<i64>,
    /// The capacity provider that it belongs to.
    pub capacity_provider: Option<Box<str>>,
    /// Dollars per hour, in millionths; absent: not known.
    pub price_microdollars: Option<u64>,
    /// The thousandths of each GPU that tasks may have; empty: all of each.
    pub gpu_millis: Vec<u16>,
    /// What `remainingResources` shows as taken and `tasks` does not explain.
    pub foreign_load: Demand,
}

impl InstanceEntry {
    /// The name of copy `index`, the first being 0, when `first_number` instances have registered in the run before
    /// this entry.
    pub fn name(&self, index: u32, first_number: u64) -> Arc<str> {
        match (&self.name, self.count) {
            (Some(name), 1) => Arc::clone(name),
            (Some(name), _) => format!("{name}-{index}").into(),
            (None, _) => format!("i-{:06}", first_number + u64::from(index)).into(),
        }
    }

    /// The instances, in order of registration, when `first_number` instances have registered in the run before, and
    /// it is `now_ms` milliseconds since 1970. The copies share the attributes of the first.
    pub fn instances(
        &self,
        first_number: u64,
        now_ms: i64,
    ) -> impl Iterator<Item = Result<ContainerInstance, InstanceError>> {
        let mut first: Option<ContainerInstance> = None;
        (0..self.count).map(move |index| {
            let name = self.name(index, first_number);
            if let Some(first) = &first {
                return first.with_name(name);
            }
            let built = self.description.build(&name, now_ms)?;
            first = Some(built.clone());
            Ok(built)
        })
    }
}

impl InstanceDescription {
    /// A container instance of that name, registered at `now_ms` milliseconds since 1970 unless the description says
    /// when.
    ///
    /// # Errors
    /// [`InstanceError`] for a name or a moment that cannot be; the reader has checked all the rest.
    pub fn build(&self, name: &str, now_ms: i64) -> Result<ContainerInstance, InstanceError> {
        let mut builder = ContainerInstance::builder(name)
            .status(self.status)
            .agent_connected(self.agent_connected)
            .registered_at_ms(self.registered_at_ms.unwrap_or(now_ms))
            .foreign_load(self.foreign_load.clone());
        if !self.gpu_millis.is_empty() {
            builder = builder.gpu_millis(self.gpu_millis.iter().copied());
        }
        if let Some(zone) = &self.zone {
            builder = builder.zone(&**zone);
        }
        if let Some(instance_type) = &self.instance_type {
            builder = builder.instance_type(&**instance_type);
        }
        if let Some(resources) = &self.resources {
            builder = builder.resources(resources.clone());
        }
        if let Some(version) = &self.agent_version {
            builder = builder.agent_version(&**version);
        }
        if let Some(provider) = &self.capacity_provider {
            builder = builder.capacity_provider(&**provider);
        }
        for (name, value) in self.attributes.iter() {
            builder = match value {
                Some(value) => builder.attribute(name.as_str(), value.as_str()),
                None => builder.attribute_without_value(name.as_str()),
            };
        }
        builder.build()
    }
}

/// A task definition with what the trace format adds to ECS's.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Definition {
    /// ECS's part, with its revision, and `gpuMilli` in its demand.
    pub core: TaskDefinition,
    /// `maxTasksPerInstance`; a [`TaskRequest`] has it among its constraints already.
    pub max_tasks_per_instance: Option<NonZeroU32>,
}

/// All that decides where a standalone task may go and whom it prefers. Equal requests of one trace share one `Arc`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskRequest {
    /// Its task definition, with the overrides applied.
    pub definition: Arc<Definition>,
    /// The group it counts under.
    pub group: TaskGroup,
    /// The request's own constraints, then `maxTasksPerInstance`; the task definition's are not among them.
    pub constraints: Vec<PlacementConstraint>,
    /// The request's own strategy.
    pub strategy: Option<Strategy>,
    /// The Availability Zones of its subnets, if it is restricted to them.
    pub zones: Option<Vec<Box<str>>>,
}

impl TaskRequest {
    /// The request for the engine, with the constraints of the task definition, and with the request's own strategy if
    /// it has one.
    pub fn placement_request(&self) -> PlacementRequest {
        let mut request = PlacementRequest::for_task(&self.definition.core, self.group.clone())
            .constraints(self.constraints.iter().cloned());
        if let Some(strategy) = &self.strategy {
            request = request.strategy(strategy.clone());
        }
        match &self.zones {
            Some(zones) => request.zones(zones.iter().cloned()),
            None => request,
        }
    }
}

/// A task that already runs at time 0.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunningTask {
    /// Its name: the id at the end of its ARN.
    pub name: Arc<str>,
    /// Its task definition, with the overrides applied.
    pub definition: Arc<Definition>,
    /// The group it counts under.
    pub group: TaskGroup,
    /// The name of the instance it runs on.
    pub instance: Arc<str>,
    /// When it ends, in milliseconds from the start, if it does by itself.
    pub ends_at_ms: Option<u64>,
    /// Where the trace says so.
    pub place: Place,
}

/// A service as CreateService makes it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ServiceEntry {
    /// ECS's part. `maxTasksPerInstance` of the definition is not among its constraints, because the definition may
    /// change: [`ServiceEntry::request`] adds it.
    pub service: Service,
    /// Its task definition.
    pub definition: Arc<Definition>,
    /// The Availability Zones of its subnets, if it is restricted to them.
    pub zones: Option<Vec<Box<str>>>,
    /// How many load balancer targets each of its tasks is.
    pub load_balancer_count: u32,
    /// `taskLifetimeSeconds`, in milliseconds: after that a task ends and is replaced.
    pub task_lifetime_ms: Option<u64>,
    /// Where the trace says so.
    pub place: Place,
}

impl ServiceEntry {
    /// The request for one of its tasks.
    pub fn request(&self) -> PlacementRequest {
        let mut request = self.service.request(&self.definition.core);
        if let Some(limit) = self.definition.max_tasks_per_instance {
            request = request.constraint(PlacementConstraint::MaxTasksPerInstance(limit));
        }
        match &self.zones {
            Some(zones) => request.zones(zones.iter().cloned()),
            None => request,
        }
    }
}
