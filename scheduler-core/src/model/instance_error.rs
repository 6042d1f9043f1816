//! What can be wrong with the description of a container instance.

use super::attribute::{AttributeError, Printable};
use super::resources::ResourceError;

/// Why a container instance cannot be described so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// A name that is empty, above 255 characters, or with a control character.
    #[error("container instance name `{}` is not valid; it has 1 to 255 characters, no control characters", Printable(.name))]
    Name {
        /// The name.
        name: Box<str>,
    },
    /// No Availability Zone.
    #[error("container instance `{instance}` has no Availability Zone; give one, such as `us-east-1a`")]
    MissingZone {
        /// The instance.
        instance: Box<str>,
    },
    /// Neither resources nor an instance type.
    #[error("container instance `{instance}` has neither resources nor an instance type; give one of them")]
    MissingResources {
        /// The instance.
        instance: Box<str>,
    },
    /// No resources, and a type that is not in the catalogue.
    #[error("container instance `{instance}` is of the unknown type `{instance_type}`; give its resources")]
    UnknownInstanceType {
        /// The instance.
        instance: Box<str>,
        /// The type.
        instance_type: Box<str>,
    },
    /// No resources, and a type whose capacity the catalogue does not know.
    #[error("container instance `{instance}`: the capacity of type `{instance_type}` is not known; give its resources")]
    UnknownCapacity {
        /// The instance.
        instance: Box<str>,
        /// The type.
        instance_type: Box<str>,
    },
    /// Two values for the Availability Zone or the instance type.
    #[error("container instance `{instance}` has two values of `{name}`: `{first}` and `{second}`; give one")]
    ConflictingAttribute {
        /// The instance.
        instance: Box<str>,
        /// The attribute.
        name: &'static str,
        /// The value given by its own key.
        first: Box<str>,
        /// The value among the attributes.
        second: Box<str>,
    },
    /// An attribute with a name or value that ECS does not allow.
    #[error("container instance `{instance}`: {source}")]
    Attribute {
        /// The instance.
        instance: Box<str>,
        /// What is wrong with it.
        source: AttributeError,
    },
    /// Resources beyond their limits.
    #[error("container instance `{instance}`: {source}")]
    Resources {
        /// The instance.
        instance: Box<str>,
        /// What is wrong with them.
        source: ResourceError,
    },
    /// A foreign load that is larger than the instance.
    #[error(
        "container instance `{instance}`: foreign load takes {taken} of {resource}, but only {registered} are registered"
    )]
    ForeignLoad {
        /// The instance.
        instance: Box<str>,
        /// `CPU`, `MEMORY` or `GPU`.
        resource: &'static str,
        /// What the load takes.
        taken: u32,
        /// What there is.
        registered: u32,
    },
    /// A foreign load that takes a share of a GPU.
    #[error("container instance `{instance}`: a foreign load takes whole GPUs; tell what is left of each GPU instead")]
    ForeignGpuShare {
        /// The instance.
        instance: Box<str>,
    },
    /// What is left is told of more or fewer GPUs than there are.
    #[error("container instance `{instance}`: `gpuMillis` lists {told} GPUs, but {registered} are registered")]
    GpuMillis {
        /// The instance.
        instance: Box<str>,
        /// How many numbers are given.
        told: usize,
        /// How many GPUs there are.
        registered: usize,
    },
    /// More left of a GPU than a whole one.
    #[error("container instance `{instance}`: {milli} thousandths of a GPU are left, more than a whole one has")]
    GpuMilli {
        /// The instance.
        instance: Box<str>,
        /// The thousandths given.
        milli: u16,
    },
    /// Two answers to which GPUs are taken.
    #[error(
        "container instance `{instance}`: both a foreign load and what is left of each GPU tell which GPUs are taken; \
         give one"
    )]
    GpusTakenTwice {
        /// The instance.
        instance: Box<str>,
    },
    /// An agent version that is empty or has a control character.
    #[error("container instance `{instance}`: agent version `{}` is not valid; give one such as `1.103.0`", Printable(.version))]
    AgentVersion {
        /// The instance.
        instance: Box<str>,
        /// The version.
        version: Box<str>,
    },
    /// A moment of registration before the year 1 or after 9999.
    #[error(
        "container instance `{instance}`: registration at `{milliseconds}` ms since 1970 is outside the years 1 to 9999"
    )]
    RegisteredAt {
        /// The instance.
        instance: Box<str>,
        /// Milliseconds since 1970-01-01T00:00:00Z.
        milliseconds: i64,
    },
    /// A capacity provider's name that is empty, above 255 characters, or with a control character.
    #[error("container instance `{instance}`: capacity provider `{}` is not a name of 1 to 255 characters", Printable(.provider))]
    CapacityProvider {
        /// The instance.
        instance: Box<str>,
        /// The name.
        provider: Box<str>,
    },
}
