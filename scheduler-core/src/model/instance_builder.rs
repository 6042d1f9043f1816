//! From a description of a container instance to a valid one: defaults, the catalogue, and every check.

use super::attribute::{AttributeLookup, AttributeName, AttributeValue, Attributes, names};
use super::capabilities::{TASK_ENI_TRUNKING, default_capabilities, is_capability};
use super::catalogue::{self, InstanceType};
use super::host_ports::HostPorts;
use super::instance::{ContainerInstance, InstanceStatus, with_less};
use super::instance_error::InstanceError;
use super::resources::{Demand, GPU_MILLI, GpuDemand, Resources};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The agent's version where none is given.
pub const DEFAULT_AGENT_VERSION: &str = "1.103.0";

/// Moments of registration: 0001-01-01T00:00:00Z to the end of the year 9999, in milliseconds since 1970.
pub(super) const REGISTERED_AT_MS: RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// The trunk interface's id on an instance built with `.trunking(true)`.
const TRUNK_ID: &str = "eni-trunk";

/// Where the limit of `awsvpc` tasks comes from.
#[derive(Debug, Clone, Copy)]
enum EniTaskLimit {
    /// The catalogue, by instance type and trunk interface.
    OfType,
    /// The caller.
    Given(Option<u32>),
}

/// Describes a [`ContainerInstance`]. Nothing fails before [`build`](Self::build).
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "four switches that do not depend on each other")]
pub struct ContainerInstanceBuilder {
    name: String,
    zone: Option<String>,
    instance_type: Option<String>,
    resources: Option<Resources>,
    eni_task_limit: EniTaskLimit,
    trunking: bool,
    attributes: Vec<(String, Option<String>)>,
    status: InstanceStatus,
    agent_connected: bool,
    agent_version: String,
    registered_at_ms: i64,
    capacity_provider: Option<String>,
    foreign_load: Demand,
    gpu_millis: Option<Vec<u16>>,
    windows: bool,
    capabilities: bool,
}

impl ContainerInstanceBuilder {
    pub(super) fn new(name: String) -> ContainerInstanceBuilder {
        ContainerInstanceBuilder {
            name,
            zone: None,
            instance_type: None,
            resources: None,
            eni_task_limit: EniTaskLimit::OfType,
            trunking: false,
            attributes: Vec::new(),
            status: InstanceStatus::Active,
            agent_connected: true,
            agent_version: DEFAULT_AGENT_VERSION.to_owned(),
            registered_at_ms: 0,
            capacity_provider: None,
            foreign_load: Demand::default(),
            gpu_millis: None,
            windows: false,
            capabilities: true,
        }
    }

    /// The Availability Zone, as the attribute `ecs.availability-zone`.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// The EC2 instance type, as the attribute `ecs.instance-type`. From the catalogue follow, unless they are given, the
    /// resources, the limit of `awsvpc` tasks and the CPU architecture.
    pub fn instance_type(mut self, instance_type: impl Into<String>) -> Self {
        self.instance_type = Some(instance_type.into());
        self
    }

    /// What it registers, in place of what the catalogue says.
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = Some(resources);
        self
    }

    /// How many `awsvpc` tasks it takes, in place of what the catalogue says; `None`: any number.
    pub fn eni_task_limit(mut self, limit: Option<u32>) -> Self {
        self.eni_task_limit = EniTaskLimit::Given(limit);
        self
    }

    /// Whether it has a trunk interface, and so takes more `awsvpc` tasks: it then gets the attributes
    /// `ecs.awsvpc-trunk-id` and `ecs.capability.task-eni-trunking`. A type without trunking is left as it is.
    pub fn trunking(mut self, trunking: bool) -> Self {
        self.trunking = trunking;
        self
    }

    /// An attribute with a value; an empty value is none. Of two for one name the last counts.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = value.into();
        self.attributes.push((name.into(), Some(value).filter(|value| !value.is_empty())));
        self
    }

    /// An attribute without a value.
    pub fn attribute_without_value(mut self, name: impl Into<String>) -> Self {
        self.attributes.push((name.into(), None));
        self
    }

    /// The status; by default ACTIVE.
    pub fn status(mut self, status: InstanceStatus) -> Self {
        self.status = status;
        self
    }

    /// Whether the agent is connected; by default it is.
    pub fn agent_connected(mut self, connected: bool) -> Self {
        self.agent_connected = connected;
        self
    }

    /// The agent's version; by default [`DEFAULT_AGENT_VERSION`].
    pub fn agent_version(mut self, version: impl Into<String>) -> Self {
        self.agent_version = version.into();
        self
    }

    /// The moment of registration, in milliseconds since 1970-01-01T00:00:00Z; by default 0.
    pub fn registered_at_ms(mut self, milliseconds: i64) -> Self {
        self.registered_at_ms = milliseconds;
        self
    }

    /// The capacity provider that it belongs to.
    pub fn capacity_provider(mut self, name: impl Into<String>) -> Self {
        self.capacity_provider = Some(name.into());
        self
    }

    /// What is taken on it for good by others than this cluster's tasks.
    pub fn foreign_load(mut self, load: Demand) -> Self {
        self.foreign_load = load;
        self
    }

    /// The thousandths of each GPU that its tasks may have, in registration order; others than this cluster's tasks have
    /// the rest for good.
    pub fn gpu_millis(mut self, millis: impl IntoIterator<Item = u16>) -> Self {
        self.gpu_millis = Some(millis.into_iter().collect());
        self
    }

    /// A Windows instance: other values of `ecs.os-type` and `ecs.os-family`, and, with resources from the catalogue,
    /// other reserved ports.
    pub fn windows(mut self) -> Self {
        self.windows = true;
        self
    }

    /// Without the capability attributes that it would have by default.
    pub fn without_capabilities(mut self) -> Self {
        self.capabilities = false;
        self
    }

    /// The container instance described.
    ///
    /// By itself it has the attributes `ecs.os-type`, `ecs.os-family`, `ecs.cpu-architecture`, and, unless a capability
    /// attribute is given, all of [`default_capabilities`].
    ///
    /// # Errors
    /// [`InstanceError`]: no zone, no resources and none in the catalogue, or a value beyond its limits.
    pub fn build(self) -> Result<ContainerInstance, InstanceError> {
        let instance: Box<str> = self.name.as_str().into();
        if !is_name(&self.name) {
            return Err(InstanceError::Name { name: instance });
        }
        if self.agent_version.is_empty() || self.agent_version.chars().any(char::is_control) {
            return Err(InstanceError::AgentVersion { instance, version: self.agent_version.into() });
        }
        if let Some(provider) = self.capacity_provider.as_deref().filter(|provider| !is_name(provider)) {
            return Err(InstanceError::CapacityProvider { instance, provider: provider.into() });
        }
        if !REGISTERED_AT_MS.contains(&self.registered_at_ms) {
            return Err(InstanceError::RegisteredAt { instance, milliseconds: self.registered_at_ms });
        }
        let mut attributes = self.given_attributes()?;
        let Some(_) = attributes.get(names::AVAILABILITY_ZONE).value() else {
            return Err(InstanceError::MissingZone { instance });
        };
        let type_name = attributes.get(names::INSTANCE_TYPE).value().map(str::to_owned);
        let known = type_name.as_deref().and_then(catalogue::instance_type);
        self.add_defaults(&mut attributes, known);
        let windows = attributes.get(names::OS_TYPE) == AttributeLookup::Value("windows");
        let resources = match self.resources {
            Some(resources) => resources,
            None => catalogue_resources(&instance, type_name.as_deref(), known, windows)?,
        };
        check_amounts(&instance, &resources, &self.foreign_load)?;
        if let Some(millis) = &self.gpu_millis {
            check_gpu_millis(&instance, millis, &resources, &self.foreign_load)?;
        }
        let eni_task_limit = match self.eni_task_limit {
            EniTaskLimit::OfType => derived_eni_task_limit(&attributes),
            EniTaskLimit::Given(limit) => limit,
        };
        Ok(ContainerInstance {
            name: self.name.into(),
            attributes: Arc::new(attributes),
            resources,
            eni_task_limit,
            status: self.status,
            agent_connected: self.agent_connected,
            agent_version: self.agent_version.into(),
            registered_at_ms: self.registered_at_ms,
            capacity_provider: self.capacity_provider.map(Into::into),
            foreign_load: self.foreign_load,
            gpu_millis: self.gpu_millis.and_then(with_less),
        })
    }

    /// The attributes given one by one, with the zone and the type among them.
    fn given_attributes(&self) -> Result<Attributes, InstanceError> {
        let wrong = |source| InstanceError::Attribute { instance: self.name.as_str().into(), source };
        let mut attributes = Attributes::new();
        for (name, value) in &self.attributes {
            let value = value.as_deref().map(AttributeValue::new).transpose().map_err(wrong)?;
            attributes.insert(AttributeName::new(name).map_err(wrong)?, value);
        }
        let own_keys = [(names::AVAILABILITY_ZONE, &self.zone), (names::INSTANCE_TYPE, &self.instance_type)];
        for (name, value) in own_keys {
            let Some(value) = value else { continue };
            if let Some(second) = attributes.get(name).value().filter(|&second| second != value) {
                let (instance, first) = (self.name.as_str().into(), value.as_str().into());
                return Err(InstanceError::ConflictingAttribute { instance, name, first, second: second.into() });
            }
            let value = AttributeValue::new(value).map_err(wrong)?;
            attributes.insert(AttributeName::new(name).map_err(wrong)?, Some(value));
        }
        Ok(attributes)
    }

    /// Adds what every agent sends, where it was not given.
    fn add_defaults(&self, attributes: &mut Attributes, known: Option<&InstanceType>) {
        let lists_capabilities = attributes.iter().any(|(name, _)| is_capability(name.as_str()));
        if self.capabilities && !lists_capabilities {
            for name in default_capabilities() {
                add(attributes, name, None);
            }
        }
        if self.trunking && known.is_none_or(|known| known.eni_task_limit_trunked.is_some()) {
            add(attributes, names::AWSVPC_TRUNK_ID, Some(TRUNK_ID));
            add(attributes, TASK_ENI_TRUNKING, None);
        }
        let is_windows = self.windows || attributes.get(names::OS_TYPE) == AttributeLookup::Value("windows");
        let (os_type, os_family) =
            if is_windows { ("windows", "WINDOWS_SERVER_2022_FULL") } else { ("linux", "LINUX") };
        add(attributes, names::OS_TYPE, Some(os_type));
        add(attributes, names::OS_FAMILY, Some(os_family));
        add(attributes, names::CPU_ARCHITECTURE, Some(known.map_or("x86_64", |known| known.cpu_architecture)));
    }
}

/// Adds an attribute of our own unless there is one of that name.
fn add(attributes: &mut Attributes, name: &str, value: Option<&str>) {
    if attributes.contains(name) {
        return;
    }
    let name = AttributeName::new(name).expect("our own attribute names are valid");
    let value = value.map(|value| AttributeValue::new(value).expect("our own attribute values are valid"));
    attributes.insert(name, value);
}

/// The limit of `awsvpc` tasks that follows from the instance type and from having a trunk interface or not.
pub(crate) fn derived_eni_task_limit(attributes: &Attributes) -> Option<u32> {
    let known = catalogue::instance_type(attributes.get(names::INSTANCE_TYPE).value()?)?;
    let trunked = known.eni_task_limit_trunked.filter(|_| attributes.contains(names::AWSVPC_TRUNK_ID));
    trunked.or(known.eni_task_limit)
}

pub(super) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn catalogue_resources(
    instance: &str,
    type_name: Option<&str>,
    known: Option<&InstanceType>,
    windows: bool,
) -> Result<Resources, InstanceError> {
    let instance = instance.into();
    let Some(type_name) = type_name else { return Err(InstanceError::MissingResources { instance }) };
    let Some(known) = known else {
        return Err(InstanceError::UnknownInstanceType { instance, instance_type: type_name.into() });
    };
    let (Some(cpu_units), Some(memory_mib)) = (known.cpu_units, known.memory_mib) else {
        return Err(InstanceError::UnknownCapacity { instance, instance_type: type_name.into() });
    };
    let resources = Resources::new(cpu_units, memory_mib).with_gpus(known.gpus);
    Ok(if windows { resources.with_reserved_ports(HostPorts::default_windows()) } else { resources })
}

fn check_amounts(instance: &str, resources: &Resources, load: &Demand) -> Result<(), InstanceError> {
    let wrong = |source| InstanceError::Resources { instance: instance.into(), source };
    resources.checked().map_err(wrong)?;
    load.checked().map_err(wrong)?;
    let registered_gpus = u32::try_from(resources.gpu_ids().len()).unwrap_or(u32::MAX);
    let taken_gpus = match load.gpus {
        GpuDemand::Count(count) => count,
        GpuDemand::All => registered_gpus,
        GpuDemand::Share(_) => return Err(InstanceError::ForeignGpuShare { instance: instance.into() }),
    };
    let amounts = [
        ("CPU", load.cpu_units, resources.cpu_units()),
        ("MEMORY", load.memory_mib, resources.memory_mib()),
        ("GPU", taken_gpus, registered_gpus),
    ];
    match amounts.into_iter().find(|&(_, taken, registered)| taken > registered) {
        Some((resource, taken, registered)) => {
            Err(InstanceError::ForeignLoad { instance: instance.into(), resource, taken, registered })
        }
        None => Ok(()),
    }
}

fn check_gpu_millis(instance: &str, millis: &[u16], resources: &Resources, load: &Demand) -> Result<(), InstanceError> {
    let instance = instance.into();
    let (told, registered) = (millis.len(), resources.gpu_ids().len());
    if told != registered {
        return Err(InstanceError::GpuMillis { instance, told, registered });
    }
    if let Some(milli) = millis.iter().copied().find(|milli| u32::from(*milli) > GPU_MILLI) {
        return Err(InstanceError::GpuMilli { instance, milli });
    }
    if load.gpus.is_none() { Ok(()) } else { Err(InstanceError::GpusTakenTwice { instance }) }
}
