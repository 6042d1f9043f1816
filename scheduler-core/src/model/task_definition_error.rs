//! What can be wrong with a task definition. Where the words of ECS's `ClientException` are known, they are kept.

use super::attribute::{AttributeError, Printable};
use super::container::{NetworkMode, PortRange};
use super::host_ports::HostPort;
use super::port_checks::MAX_PORT_RANGES;
use super::resources::ResourceError;
use super::task_definition_builder::{MAX_CONTAINERS, MAX_PLACEMENT_CONSTRAINTS};
use super::task_size::TaskSizeError;
use crate::expression::ParseError;

/// Why a task definition, or a task's overrides, cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskDefinitionError {
    /// A family that is empty, above 255 characters, or with a colon or a control character.
    #[error("task definition family `{}` is not valid; it has 1 to 255 characters, no colon", Printable(.family))]
    Family {
        /// The family.
        family: Box<str>,
    },
    /// Revision 0.
    #[error("task definition `{family}` has revision `0`; revisions count from 1")]
    RevisionZero {
        /// The family.
        family: Box<str>,
    },
    /// Task-level CPU or memory that is no amount, or out of range.
    #[error(transparent)]
    TaskSize(#[from] TaskSizeError),
    /// No container.
    #[error("a task definition has at least one container")]
    NoContainers,
    /// Too many containers.
    #[error("`{count}` containers are defined; a task definition has at most {MAX_CONTAINERS}")]
    TooManyContainers {
        /// How many.
        count: usize,
    },
    /// No essential container.
    #[error("no container is essential; at least one of a task definition must be")]
    NoEssentialContainer,
    /// Both containers and a demand as a whole.
    #[error("both containers and a demand are given; a demand stands in place of containers")]
    DemandAndContainers,
    /// A container's name that is empty, above 255 characters, or with a control character.
    #[error("container name `{}` is not valid; it has 1 to 255 characters, no control characters", Printable(.container))]
    ContainerName {
        /// The name.
        container: Box<str>,
    },
    /// Two containers of one name.
    #[error("two containers are called `{container}`; names are distinct in a task definition")]
    DuplicateContainer {
        /// The name.
        container: Box<str>,
    },
    /// An override for a container that the task definition does not have.
    #[error("override for container `{}`, which the task definition does not have", Printable(.container))]
    UnknownContainer {
        /// The name in the override.
        container: Box<str>,
    },
    /// Neither the task nor the container says how much memory.
    #[error(
        "Invalid setting for container '{container}'. \
         At least one of 'memory' or 'memoryReservation' must be specified."
    )]
    MissingMemory {
        /// The container.
        container: Box<str>,
    },
    /// The hard limit is below the soft one (equality is accepted, C-03).
    #[error(
        "container `{container}`: `memory` of {memory_mib} MiB is below `memoryReservation` of {reservation_mib} MiB"
    )]
    MemoryBelowReservation {
        /// The container.
        container: Box<str>,
        /// The hard limit.
        memory_mib: u32,
        /// The soft limit.
        reservation_mib: u32,
    },
    /// The containers reserve more than the task has (equality is accepted, C-04).
    #[error("the containers reserve {sum} of {resource}, more than the task's {task}")]
    ContainersAboveTask {
        /// `CPU` or `MEMORY`.
        resource: &'static str,
        /// The containers' sum.
        sum: u32,
        /// The task-level value.
        task: u32,
    },
    /// An amount, or a sum over the containers, beyond its limit.
    #[error("task definition `{family}`: {source}")]
    Resources {
        /// The family.
        family: Box<str>,
        /// Which limit.
        source: ResourceError,
    },
    /// One container wants all GPUs and another wants some as well.
    #[error("container `{container}` wants `ALL` GPUs, so no other container can have one")]
    AllGpusAndMore {
        /// The container that wants all.
        container: Box<str>,
    },
    /// A share of a GPU of a task that does not want one GPU.
    #[error("a share of a GPU is given, but the task asks for {gpus} GPUs; a share is of one")]
    GpuShare {
        /// What it asks for.
        gpus: Box<str>,
    },
    /// A container that wants a share of its own.
    #[error("container `{container}` wants a share of a GPU; shares are the task's, not a container's")]
    GpuShareOfContainer {
        /// The container.
        container: Box<str>,
    },
    /// A port mapping that is not valid.
    #[error("container `{container}`: {problem}")]
    Port {
        /// The container.
        container: Box<str>,
        /// What is wrong with it.
        problem: PortProblem,
    },
    /// Two mappings of one task with the same static host port (C-08).
    #[error("host port `{port}` is mapped twice, the second time by container `{container}`; a task can take it once")]
    DuplicateHostPort {
        /// The second container.
        container: Box<str>,
        /// The port.
        port: HostPort,
    },
    /// A log driver that cannot stand in an attribute's name.
    #[error("log driver: {source}")]
    LogDriver {
        /// What is wrong with it.
        source: AttributeError,
    },
    /// A required attribute with a name or value that ECS does not allow.
    #[error("required attribute: {source}")]
    RequiredAttribute {
        /// What is wrong with it.
        source: AttributeError,
    },
    /// More placement constraints than a task may have in all.
    #[error("`{count}` placement constraints are given; a task has at most {MAX_PLACEMENT_CONSTRAINTS}")]
    TooManyConstraints {
        /// How many.
        count: usize,
    },
    /// A `memberOf` expression that is not one.
    #[error("placement constraint {number}: {source}")]
    Constraint {
        /// Its place in the list, from 1.
        number: usize,
        /// What the parser says.
        source: ParseError,
    },
    /// A constraint of a type that task definitions do not take, such as `distinctInstance`.
    #[error("constraint.type '{}' is not supported.", Printable(.kind))]
    UnsupportedConstraint {
        /// The type.
        kind: Box<str>,
    },
}

/// What is wrong with a port mapping (spec 1.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortProblem {
    /// A port mapping without a network.
    #[error("port mappings are not allowed in network mode `none`")]
    NoNetwork,
    /// Neither port nor range.
    #[error("a port mapping has neither `containerPort` nor `containerPortRange`; give one of them")]
    NoContainerPort,
    /// Both port and range.
    #[error("container port `{port}` and range `{range}` are in one port mapping; give one of them")]
    PortAndRange {
        /// The port.
        port: u16,
        /// The range.
        range: PortRange,
    },
    /// Port 0.
    #[error("container port `0` is not a port; ports go from 1 to 65535")]
    PortZero,
    /// Another host port than container port in a mode where they are the same.
    #[error(
        "When networkMode={mode}, the host ports and container ports in port mappings must match. \
         `{host_port}` is not `{container_port}`"
    )]
    HostPortDiffers {
        /// `host` or `awsvpc`.
        mode: NetworkMode,
        /// The container port.
        container_port: u16,
        /// The host port.
        host_port: u16,
    },
    /// A range in a mode that has none.
    #[error("port range `{range}` is not allowed in network mode `{mode}`, only in `bridge` and `awsvpc`")]
    RangeInMode {
        /// The range.
        range: PortRange,
        /// The mode.
        mode: NetworkMode,
    },
    /// A range with a host port.
    #[error("port range `{range}` has host port `{host_port}`; leave the host port out")]
    RangeWithHostPort {
        /// The range.
        range: PortRange,
        /// The host port.
        host_port: u16,
    },
    /// A range that starts at 0, or does not ascend.
    #[error("port range `{range}` is not valid; the first port is at least 1 and below the last")]
    RangeOrder {
        /// The range.
        range: PortRange,
    },
    /// Too many ranges.
    #[error("`{count}` port ranges are given; a container has at most {MAX_PORT_RANGES}")]
    TooManyRanges {
        /// How many.
        count: usize,
    },
    /// A container port in two mappings, be it for two protocols or in a range.
    #[error("container port `{port}` is in two port mappings; it can be in one, for one protocol")]
    PortTwice {
        /// The port.
        port: u16,
    },
}
