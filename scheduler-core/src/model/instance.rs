//! A container instance as it registers: its name, attributes and resources, and the state of its agent.
//!
//! What changes afterwards (status, agent, what remains) is the cluster's; this is the description it starts from.

use super::attribute::{Attributes, names};
use super::instance_builder::{ContainerInstanceBuilder, is_name};
use super::instance_error::InstanceError;
use super::resources::{Demand, GPU_MILLI, Resources};
use std::sync::Arc;

/// Whether a container instance takes new tasks (ECS API reference, `ContainerInstance.status`).
///
/// Of ECS's states only these two hold tasks; the others come before registration or after deregistration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum InstanceStatus {
    /// `ACTIVE`: accepts tasks.
    #[default]
    Active,
    /// `DRAINING`: keeps its tasks, accepts none.
    Draining,
}

impl InstanceStatus {
    /// `"ACTIVE"` or `"DRAINING"`.
    pub fn as_str(self) -> &'static str {
        match self {
            InstanceStatus::Active => "ACTIVE",
            InstanceStatus::Draining => "DRAINING",
        }
    }
}

impl std::fmt::Display for InstanceStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A container instance as it registers with a cluster.
///
/// ```
/// use scheduler_core::model::ContainerInstance;
///
/// let instance = ContainerInstance::builder("i-0a3").zone("us-east-1a").instance_type("m5.large").build()?;
/// assert_eq!(instance.resources().cpu_units(), 2048); // from the catalogue
/// assert_eq!(instance.resources().memory_mib(), 7680);
/// assert_eq!(instance.eni_task_limit(), Some(2));
/// assert_eq!(instance.zone(), "us-east-1a");
/// # Ok::<(), scheduler_core::model::InstanceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerInstance {
    pub(super) name: Arc<str>,
    pub(super) attributes: Arc<Attributes>,
    pub(super) resources: Resources,
    pub(super) eni_task_limit: Option<u32>,
    pub(super) status: InstanceStatus,
    pub(super) agent_connected: bool,
    pub(super) agent_version: Arc<str>,
    pub(super) registered_at_ms: i64,
    pub(super) capacity_provider: Option<Arc<str>>,
    pub(super) foreign_load: Demand,
    pub(super) gpu_millis: Option<Box<[u16]>>,
}

impl ContainerInstance {
    /// Starts the description of the container instance `name`. An Availability Zone, and either a known instance type
    /// or resources, must follow.
    pub fn builder(name: impl Into<String>) -> ContainerInstanceBuilder {
        ContainerInstanceBuilder::new(name.into())
    }

    /// Its name: the EC2 instance id, or whatever the caller calls it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name, shared.
    pub fn name_shared(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Its attributes, built-in, capabilities and custom.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Its attributes, shared.
    pub fn attributes_shared(&self) -> Arc<Attributes> {
        Arc::clone(&self.attributes)
    }

    /// Its Availability Zone: the attribute `ecs.availability-zone`, never empty.
    pub fn zone(&self) -> &str {
        self.attributes.get(names::AVAILABILITY_ZONE).value().unwrap_or("")
    }

    /// Its EC2 instance type, if known: the attribute `ecs.instance-type`.
    pub fn instance_type(&self) -> Option<&str> {
        self.attributes.get(names::INSTANCE_TYPE).value()
    }

    /// What it registers.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// How many `awsvpc` tasks it takes; `None`: no limit is known, and none is applied.
    pub fn eni_task_limit(&self) -> Option<u32> {
        self.eni_task_limit
    }

    /// Its status at registration.
    pub fn status(&self) -> InstanceStatus {
        self.status
    }

    /// Whether its agent is connected at registration; else it takes no task.
    pub fn agent_connected(&self) -> bool {
        self.agent_connected
    }

    /// Its agent's version, such as `1.103.0`.
    pub fn agent_version(&self) -> &str {
        &self.agent_version
    }

    /// When it registered, in milliseconds since 1970-01-01T00:00:00Z.
    pub fn registered_at_ms(&self) -> i64 {
        self.registered_at_ms
    }

    /// The capacity provider that it belongs to, if any.
    pub fn capacity_provider(&self) -> Option<&str> {
        self.capacity_provider.as_deref()
    }

    /// What is taken on it for good by others than this cluster's tasks; by default nothing.
    pub fn foreign_load(&self) -> &Demand {
        &self.foreign_load
    }

    /// The thousandths of each GPU that its tasks may have, in registration order; `None`: all of those that the foreign
    /// load leaves.
    pub fn gpu_millis(&self) -> Option<&[u16]> {
        self.gpu_millis.as_deref()
    }

    /// One more like this one, under another name: attributes are shared, so a fleet of equal instances is small.
    ///
    /// # Errors
    /// [`InstanceError::Name`] if it is no name.
    pub fn with_name(&self, name: impl Into<Arc<str>>) -> Result<ContainerInstance, InstanceError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(InstanceError::Name { name: (&*name).into() });
        }
        Ok(ContainerInstance { name, ..self.clone() })
    }

    /// Replaces the attributes. The Availability Zone must stay among them.
    pub(crate) fn set_attributes(&mut self, attributes: impl Into<Arc<Attributes>>) {
        self.attributes = attributes.into();
        debug_assert!(!self.zone().is_empty(), "an instance keeps its zone");
    }

    /// Replaces the resources, which the caller has checked.
    pub(crate) fn set_resources(&mut self, resources: Resources) {
        debug_assert_eq!(resources.checked(), Ok(()), "resources are checked before they are set");
        if let Some(millis) = self.gpu_millis.take() {
            let mut millis = millis.into_vec();
            millis.resize(resources.gpu_ids().len(), GPU_MILLI as u16);
            self.gpu_millis = with_less(millis);
        }
        self.resources = resources;
    }

    /// Sets the status.
    pub(crate) fn set_status(&mut self, status: InstanceStatus) {
        self.status = status;
    }

    /// Sets whether the agent is connected.
    pub(crate) fn set_agent_connected(&mut self, connected: bool) {
        self.agent_connected = connected;
    }
}

/// What is left of GPUs, unless all of each is.
pub(super) fn with_less(millis: Vec<u16>) -> Option<Box<[u16]>> {
    millis.iter().any(|milli| u32::from(*milli) != GPU_MILLI).then(|| millis.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attribute::AttributeLookup;
    use crate::model::{HostPort, default_capabilities, is_capability};

    fn builder() -> ContainerInstanceBuilder {
        ContainerInstance::builder("i-1").zone("us-east-1a")
    }

    fn check(builder: ContainerInstanceBuilder, expected: &str) {
        assert_eq!(builder.build().map_err(|error| error.to_string()), Err(expected.to_owned()));
    }

    #[test]
    fn what_is_missing_comes_from_the_catalogue_or_by_default() {
        let instance = builder().instance_type("g4dn.xlarge").build().expect("valid");
        assert_eq!(*instance.resources(), Resources::new(4096, 15731).with_gpus(1));
        assert_eq!((instance.eni_task_limit(), instance.instance_type()), (Some(2), Some("g4dn.xlarge")));
        assert_eq!((instance.status(), instance.agent_connected()), (InstanceStatus::Active, true));
        assert_eq!((instance.agent_version(), instance.registered_at_ms()), ("1.103.0", 0));
        let values = [("ecs.os-type", "linux"), ("ecs.os-family", "LINUX"), ("ecs.cpu-architecture", "x86_64")];
        for (name, value) in values {
            assert_eq!(instance.attributes().get(name), AttributeLookup::Value(value));
        }
        assert!(default_capabilities().iter().all(|name| instance.attributes().contains(name)));

        let arm = builder().instance_type("m6g.large").resources(Resources::new(2048, 7680)).build().expect("valid");
        assert_eq!(arm.attributes().get("ecs.cpu-architecture"), AttributeLookup::Value("arm64"));
        let unknown = builder().instance_type("z9.huge").resources(Resources::new(1, 1)).build().expect("valid");
        assert_eq!(unknown.eni_task_limit(), None);
    }

    #[test]
    fn a_trunk_interface_raises_the_limit_of_types_that_can_have_one() {
        let limit = |builder: ContainerInstanceBuilder| builder.build().map(|instance| instance.eni_task_limit());
        assert_eq!(limit(builder().instance_type("c5.large")), Ok(Some(2)));
        assert_eq!(limit(builder().instance_type("c5.large").trunking(true)), Ok(Some(10)));
        assert_eq!(limit(builder().instance_type("c5.large").attribute("ecs.awsvpc-trunk-id", "eni-1")), Ok(Some(10)));
        assert_eq!(limit(builder().instance_type("t3.small").trunking(true)), Ok(Some(2)));
        assert_eq!(limit(builder().instance_type("c5.large").eni_task_limit(None)), Ok(None));
        let without = builder().instance_type("t3.small").trunking(true).build().expect("valid");
        assert!(!without.attributes().contains("ecs.awsvpc-trunk-id"));
    }

    #[test]
    fn a_given_capability_replaces_all_default_ones() {
        let capabilities = |builder: ContainerInstanceBuilder| {
            let instance = builder.instance_type("t2.micro").build().expect("valid");
            instance.attributes().iter().filter(|(name, _)| is_capability(name.as_str())).count()
        };
        assert_eq!(capabilities(builder()), default_capabilities().len());
        assert_eq!(capabilities(builder().attribute_without_value("ecs.capability.efs")), 1);
        assert_eq!(capabilities(builder().without_capabilities()), 0);
    }

    #[test]
    fn a_windows_instance_reserves_the_ports_of_windows() {
        let instance = builder().instance_type("m5.large").windows().build().expect("valid");
        assert!(instance.resources().reserved_ports().contains(HostPort::tcp(3389)));
        assert_eq!(instance.attributes().get("ecs.os-type"), AttributeLookup::Value("windows"));
    }

    #[test]
    fn invalid_descriptions_are_refused() {
        let sized = || builder().resources(Resources::new(1024, 512));
        check(
            ContainerInstance::builder("").zone("a").instance_type("t2.micro"),
            "container instance name `` is not valid; it has 1 to 255 characters, no control characters",
        );
        check(
            ContainerInstance::builder("i-1").instance_type("t2.micro"),
            "container instance `i-1` has no Availability Zone; give one, such as `us-east-1a`",
        );
        check(builder(), "container instance `i-1` has neither resources nor an instance type; give one of them");
        check(
            builder().instance_type("z9.huge"),
            "container instance `i-1` is of the unknown type `z9.huge`; give its resources",
        );
        check(
            builder().instance_type("a1.large"),
            "container instance `i-1`: the capacity of type `a1.large` is not known; give its resources",
        );
        check(
            sized().attribute("ecs.availability-zone", "us-east-1b"),
            "container instance `i-1` has two values of `ecs.availability-zone`: `us-east-1a` and `us-east-1b`; give one",
        );
        check(
            sized().attribute("my stack", "prod"),
            "container instance `i-1`: attribute name `my stack` contains ' '; \
             allowed are letters, digits, `-`, `_`, `/`, `\\` and `.`",
        );
        check(
            sized().foreign_load(Demand::new(0, 513)),
            "container instance `i-1`: foreign load takes 513 of MEMORY, but only 512 are registered",
        );
        let with_gpus = || builder().resources(Resources::new(1024, 512).with_gpus(2));
        check(
            with_gpus().gpu_millis([500]),
            "container instance `i-1`: `gpuMillis` lists 1 GPUs, but 2 are registered",
        );
        check(
            with_gpus().gpu_millis([500, 1001]),
            "container instance `i-1`: 1001 thousandths of a GPU are left, more than a whole one has",
        );
        check(
            with_gpus().gpu_millis([500, 1000]).foreign_load(Demand::default().with_gpus(1)),
            "container instance `i-1`: both a foreign load and what is left of each GPU tell which GPUs are taken; give one",
        );
        check(
            with_gpus().foreign_load(Demand::default().with_gpu_share(1)),
            "container instance `i-1`: a foreign load takes whole GPUs; tell what is left of each GPU instead",
        );
        check(
            builder().resources(Resources::new(u32::MAX, 1)),
            "container instance `i-1`: CPU of `4294967295` is above the largest amount, 2147483647",
        );
        check(
            sized().agent_version(""),
            "container instance `i-1`: agent version `` is not valid; give one such as `1.103.0`",
        );
        check(
            sized().capacity_provider("a\nb"),
            r"container instance `i-1`: capacity provider `a\nb` is not a name of 1 to 255 characters",
        );
        check(
            sized().registered_at_ms(i64::MAX),
            "container instance `i-1`: registration at `9223372036854775807` ms since 1970 is outside the years 1 to 9999",
        );
    }
}
