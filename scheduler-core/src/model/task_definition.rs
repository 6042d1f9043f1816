//! A task definition: the template of a task, checked, with the demand that follows from it.

use super::attribute::RequiredAttribute;
use super::container::{ContainerDefinition, NetworkMode};
use super::host_ports::HostPort;
use super::overrides::{ContainerOverride, TaskOverrides};
use super::resources::{Demand, GpuDemand};
use super::task_definition_builder::{TaskDefinitionBuilder, display_name};
use super::task_definition_error::TaskDefinitionError;
use super::task_group::TaskGroup;
use crate::expression::Expression;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

/// Below this much memory a container may not start (C-05): 6 MiB since Docker 20.10, 4 before.
const ADVISED_MEMORY_MIB: u32 = 6;

/// Where Linux usually chooses dynamic host ports from (spec 1.3).
const USUAL_DYNAMIC_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// A registered task definition. It is valid, and nothing changes it.
///
/// ```
/// use scheduler_core::model::{ContainerDefinition, HostPorts, PortMapping, TaskDefinition};
///
/// let web = TaskDefinition::builder("web")
///     .revision(3)
///     .container(
///         ContainerDefinition::new("nginx")
///             .with_cpu_units(256)
///             .with_memory_mib(100)
///             .with_port_mapping(PortMapping::tcp(80).on_host_port(80)),
///     )
///     .member_of("attribute:stack == prod")
///     .build()?;
/// assert_eq!(web.name(), "web:3");
/// assert_eq!(web.demand().cpu_units, 256);
/// assert_eq!(web.demand().host_ports, HostPorts::tcp(&[80]));
/// # Ok::<(), scheduler_core::model::TaskDefinitionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDefinition {
    pub(super) family: Arc<str>,
    pub(super) revision: Option<u32>,
    pub(super) name: Arc<str>,
    pub(super) network_mode: NetworkMode,
    pub(super) operating_system_family: Option<Box<str>>,
    pub(super) cpu_units: Option<u32>,
    pub(super) memory_mib: Option<u32>,
    pub(super) containers: Vec<ContainerDefinition>,
    pub(super) placement_constraints: Vec<Expression>,
    pub(super) required_attributes: Vec<RequiredAttribute>,
    pub(super) demand: Demand,
}

impl TaskDefinition {
    /// Starts a task definition of `family`. Containers, or a demand in place of them, must follow.
    pub fn builder(family: impl Into<String>) -> TaskDefinitionBuilder {
        TaskDefinitionBuilder::new(family.into())
    }

    /// A task definition that is nothing but its demand, for traces and embedders that know of no containers. ECS's
    /// ranges of task sizes do not apply: memory may be 0.
    ///
    /// # Errors
    /// A family that is no name, or an amount beyond its limit.
    pub fn of_demand(family: impl Into<String>, demand: Demand) -> Result<TaskDefinition, TaskDefinitionError> {
        TaskDefinition::builder(family).demand(demand).build()
    }

    /// The family: the name without the revision.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The revision, if it has one; from 1.
    pub fn revision(&self) -> Option<u32> {
        self.revision
    }

    /// `family:revision`, or the family alone where there is no revision.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// [`name`](Self::name), shared.
    pub fn name_shared(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The same task definition as revision `revision` of its family.
    pub fn with_revision(mut self, revision: NonZeroU32) -> TaskDefinition {
        self.revision = Some(revision.get());
        self.name = display_name(&self.family, self.revision);
        self
    }

    /// `family:FAMILY`, the group of a standalone task for which none is named.
    pub fn family_group(&self) -> TaskGroup {
        TaskGroup::of_valid_family(&self.family)
    }

    /// The network mode.
    pub fn network_mode(&self) -> NetworkMode {
        self.network_mode
    }

    /// The operating system family in `runtimePlatform`, such as `LINUX`, if given.
    pub fn operating_system_family(&self) -> Option<&str> {
        self.operating_system_family.as_deref()
    }

    /// Task-level CPU units, if given; ignored on Windows.
    pub fn cpu_units(&self) -> Option<u32> {
        self.cpu_units
    }

    /// Task-level memory in MiB, if given; ignored on Windows.
    pub fn memory_mib(&self) -> Option<u32> {
        self.memory_mib
    }

    /// The containers; none for a definition made by [`of_demand`](Self::of_demand).
    pub fn containers(&self) -> &[ContainerDefinition] {
        &self.containers
    }

    /// Its `memberOf` constraints, which hold in addition to those of the service or the `RunTask` call.
    pub fn placement_constraints(&self) -> &[Expression] {
        &self.placement_constraints
    }

    /// The same without the placement constraint at that position; as it is if it has fewer.
    pub fn without_placement_constraint(mut self, index: usize) -> TaskDefinition {
        if index < self.placement_constraints.len() {
            self.placement_constraints.remove(index);
        }
        self
    }

    /// What it requires of the instance's attributes: as given, else derived (C-45).
    pub fn required_attributes(&self) -> &[RequiredAttribute] {
        &self.required_attributes
    }

    /// What one task of it reserves.
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// What is allowed but looks like a mistake.
    pub fn lints(&self) -> Vec<TaskDefinitionLint> {
        let mut lints = Vec::new();
        for container in &self.containers {
            let memory_mib = container.reserved_memory_mib();
            if (1..ADVISED_MEMORY_MIB).contains(&memory_mib) {
                lints.push(TaskDefinitionLint::LittleMemory { container: container.name.clone(), memory_mib });
            }
            if !container.inference_accelerators.is_empty() {
                lints.push(TaskDefinitionLint::InferenceAcceleratorIgnored { container: container.name.clone() });
            }
        }
        let advised_against = self.demand.host_ports.iter().filter(|port| USUAL_DYNAMIC_PORTS.contains(&port.port));
        lints.extend(advised_against.map(|port| TaskDefinitionLint::StaticPortInDynamicRange { port }));
        lints
    }

    /// The definition that one task with these overrides has. Required attributes stay as they are.
    ///
    /// # Errors
    /// [`TaskDefinitionError::UnknownContainer`], or what the overridden values would be refused for.
    pub fn with_overrides(&self, overrides: &TaskOverrides) -> Result<TaskDefinition, TaskDefinitionError> {
        if self.containers.is_empty() {
            return self.with_demand_overrides(overrides);
        }
        let mut containers = self.containers.clone();
        for change in &overrides.containers {
            let container = containers
                .iter_mut()
                .find(|container| container.name == change.name)
                .ok_or_else(|| TaskDefinitionError::UnknownContainer { container: change.name.clone() })?;
            apply(change, container);
        }
        let mut builder = self.builder_without_containers();
        builder.cpu_units = overrides.cpu_units.or(self.cpu_units).map(|cpu_units| Ok(u64::from(cpu_units)));
        builder.memory_mib = overrides.memory_mib.or(self.memory_mib).map(|memory_mib| Ok(u64::from(memory_mib)));
        if let GpuDemand::Share(milli) = self.demand.gpus {
            builder = builder.gpu_share(milli);
        }
        builder.containers(containers).build()
    }

    /// Overrides for a definition that is nothing but its demand: its one container is called like the family.
    fn with_demand_overrides(&self, overrides: &TaskOverrides) -> Result<TaskDefinition, TaskDefinitionError> {
        let mut demand = self.demand.clone();
        for change in &overrides.containers {
            if change.name.as_ref() != self.family() {
                return Err(TaskDefinitionError::UnknownContainer { container: change.name.clone() });
            }
            demand.cpu_units = change.cpu_units.unwrap_or(demand.cpu_units);
            demand.memory_mib = change.memory_reservation_mib.or(change.memory_mib).unwrap_or(demand.memory_mib);
            demand.gpus = change.gpus.unwrap_or(demand.gpus);
        }
        demand.cpu_units = overrides.cpu_units.unwrap_or(demand.cpu_units);
        demand.memory_mib = overrides.memory_mib.unwrap_or(demand.memory_mib);
        self.builder_without_containers().demand(demand).build()
    }

    fn builder_without_containers(&self) -> TaskDefinitionBuilder {
        let mut builder = TaskDefinition::builder(&*self.family).network_mode(self.network_mode);
        builder.revision = self.revision;
        builder.operating_system_family.clone_from(&self.operating_system_family);
        builder.placement_constraints = self.placement_constraints.iter().cloned().map(Ok).collect();
        builder.required_attributes = Some(self.required_attributes.iter().cloned().map(Ok).collect());
        builder
    }
}

fn apply(change: &ContainerOverride, container: &mut ContainerDefinition) {
    container.cpu_units = change.cpu_units.unwrap_or(container.cpu_units);
    container.memory_mib = change.memory_mib.or(container.memory_mib);
    container.memory_reservation_mib = change.memory_reservation_mib.or(container.memory_reservation_mib);
    container.gpus = change.gpus.unwrap_or(container.gpus);
}

/// What is allowed in a task definition but looks like a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskDefinitionLint {
    /// A container with less memory than Docker needs (C-05).
    LittleMemory {
        /// The container.
        container: Box<str>,
        /// What it reserves.
        memory_mib: u32,
    },
    /// A container that wants an Elastic Inference accelerator. AWS has withdrawn them; the wish is ignored.
    InferenceAcceleratorIgnored {
        /// The container.
        container: Box<str>,
    },
    /// A static host port where dynamic ones are usually chosen from.
    StaticPortInDynamicRange {
        /// The port.
        port: HostPort,
    },
}

impl fmt::Display for TaskDefinitionLint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskDefinitionLint::LittleMemory { container, memory_mib } => {
                write!(f, "container `{container}` has {memory_mib} MiB; Docker needs at least {ADVISED_MEMORY_MIB}")
            }
            TaskDefinitionLint::InferenceAcceleratorIgnored { container } => {
                write!(
                    f,
                    "container `{container}` wants an inference accelerator; there are none any more, it is ignored"
                )
            }
            TaskDefinitionLint::StaticPortInDynamicRange { port } => {
                let (first, last) = (USUAL_DYNAMIC_PORTS.start(), USUAL_DYNAMIC_PORTS.end());
                write!(f, "host port `{port}` is in {first}-{last}, where dynamic ports are chosen from")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HostPorts, PortMapping};

    fn app() -> ContainerDefinition {
        ContainerDefinition::new("app").with_cpu_units(256).with_memory_mib(128)
    }

    #[test]
    fn a_demand_alone_has_no_range() {
        let ports = HostPorts::tcp(&[80]);
        let job = TaskDefinition::of_demand("job", Demand::new(1, 0).with_host_ports(ports.clone())).expect("valid");
        assert_eq!((job.demand().memory_mib, &job.demand().host_ports, job.name()), (0, &ports, "job"));
        let eni = TaskDefinition::of_demand("job", Demand::new(1, 0).with_eni()).expect("valid");
        assert_eq!((eni.network_mode(), eni.required_attributes().len()), (NetworkMode::Awsvpc, 1));
        assert_eq!(
            TaskDefinition::of_demand("job", Demand::new(u32::MAX, 0)).map_err(|error| error.to_string()),
            Err("task definition `job`: CPU of `4294967295` is above the largest amount, 2147483647".to_owned()),
        );
    }

    #[test]
    fn overrides_replace_values_and_are_checked_again() {
        let container =
            |memory_mib| ContainerOverride { memory_mib: Some(memory_mib), ..ContainerOverride::new("app") };
        let check = |containers: Vec<ContainerOverride>, task_memory_mib, expected: Result<u32, &str>| {
            let web = TaskDefinition::builder("web").revision(2).container(app().with_memory_reservation_mib(64));
            let web = web.build().expect("valid");
            let overrides = TaskOverrides { memory_mib: task_memory_mib, containers, ..TaskOverrides::default() };
            let actual = web.with_overrides(&overrides);
            if let Ok(definition) = &actual {
                assert_eq!(definition.name(), "web:2");
            }
            let actual = actual.map(|it| it.demand().memory_mib).map_err(|error| error.to_string());
            assert_eq!(actual, expected.map_err(str::to_owned));
        };
        check(vec![], None, Ok(64));
        check(vec![container(256)], None, Ok(64)); // The soft limit still wins.
        check(vec![], Some(512), Ok(512));
        check(vec![], Some(63), Err("the containers reserve 64 of MEMORY, more than the task's 63"));
        check(
            vec![container(63)],
            None,
            Err("container `app`: `memory` of 63 MiB is below `memoryReservation` of 64 MiB"),
        );
        check(
            vec![ContainerOverride::new("db")],
            None,
            Err("override for container `db`, which the task definition does not have"),
        );
        let job = TaskDefinition::of_demand("job", Demand::new(10, 20)).expect("valid");
        let overrides = TaskOverrides {
            cpu_units: Some(300),
            containers: vec![ContainerOverride { memory_mib: Some(7), ..ContainerOverride::new("job") }],
            ..TaskOverrides::default()
        };
        assert_eq!(job.with_overrides(&overrides).map(|it| it.demand().clone()), Ok(Demand::new(300, 7)));
    }

    #[test]
    fn lints_tell_what_looks_like_a_mistake() {
        let mut container = app().with_memory_mib(4).with_port_mapping(PortMapping::tcp(80).on_host_port(40_000));
        container.inference_accelerators = vec!["eia".into()];
        let lints = TaskDefinition::builder("web").container(container).build().expect("valid").lints();
        assert_eq!(
            lints,
            [
                TaskDefinitionLint::LittleMemory { container: "app".into(), memory_mib: 4 },
                TaskDefinitionLint::InferenceAcceleratorIgnored { container: "app".into() },
                TaskDefinitionLint::StaticPortInDynamicRange { port: HostPort::tcp(40_000) },
            ]
        );
        assert_eq!(lints[0].to_string(), "container `app` has 4 MiB; Docker needs at least 6");
        assert_eq!(TaskDefinition::builder("web").container(app()).build().expect("valid").lints(), []);
    }
}
