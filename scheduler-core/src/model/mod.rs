//! The values that placement is about: container instances and what they register, tasks and what they reserve.
//!
//! Everything here is plain and immutable: what was built is valid, and nothing changes it behind the reader's back.
//! The rules are those of the ECS API and its Developer Guide; a choice of ours is marked `C-nn`.

pub mod attribute;
mod capabilities;
mod catalogue;
mod container;
mod host_ports;
mod instance;
mod instance_builder;
mod instance_error;
mod instance_types;
mod overrides;
mod port_checks;
mod resources;
mod task_definition;
mod task_definition_builder;
mod task_definition_error;
mod task_demand;
mod task_group;
mod task_size;

pub use attribute::{
    AttributeError, AttributeLookup, AttributeName, AttributeValue, Attributes, RequiredAttribute, names,
};
pub use capabilities::{default_capabilities, is_capability};
pub use catalogue::{InstanceType, instance_type, instance_types};
pub use container::{ContainerDefinition, NetworkMode, PortMapping, PortRange};
pub use host_ports::{HostPort, HostPorts, Protocol, RESERVED_PORT_LIMIT};
pub use instance::{ContainerInstance, InstanceStatus};
#[cfg(feature = "serde")]
pub(crate) use instance_builder::derived_eni_task_limit;
pub use instance_builder::{ContainerInstanceBuilder, DEFAULT_AGENT_VERSION};
pub use instance_error::InstanceError;
pub use overrides::{ContainerOverride, TaskOverrides};
pub use resources::{Demand, GPU_MILLI, GpuDemand, MAX_AMOUNT, MAX_GPUS, ResourceError, Resources};
pub use task_definition::{TaskDefinition, TaskDefinitionLint};
pub use task_definition_builder::{MAX_PLACEMENT_CONSTRAINTS, TaskDefinitionBuilder};
pub use task_definition_error::{PortProblem, TaskDefinitionError};
pub use task_group::{TaskGroup, TaskGroupError};
pub use task_size::{TASK_CPU_UNITS, TaskSizeError, parse_task_cpu, parse_task_memory};
