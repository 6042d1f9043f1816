//! Container definitions: of each container of a task, what placement looks at.
//!
//! Image, command, environment and everything else are not kept: secrets cannot leak from what is not there.

use super::host_ports::Protocol;
use super::resources::GpuDemand;
use std::fmt;

/// The network mode of a task definition (Developer Guide, "Task definition parameters").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum NetworkMode {
    /// `bridge`: static host ports are reserved, dynamic ones are not. The default on Linux.
    #[default]
    Bridge,
    /// `host`: every mapped container port is a host port.
    Host,
    /// `awsvpc`: the task has an elastic network interface of its own, and takes no host port.
    Awsvpc,
    /// `none`: no network, so no port mappings.
    None,
    /// `default`, on Windows; reserves as `bridge` does.
    Default,
}

impl NetworkMode {
    /// All of them, with ECS's names.
    const ALL: [(NetworkMode, &'static str); 5] = [
        (NetworkMode::Bridge, "bridge"),
        (NetworkMode::Host, "host"),
        (NetworkMode::Awsvpc, "awsvpc"),
        (NetworkMode::None, "none"),
        (NetworkMode::Default, "default"),
    ];

    /// The mode of ECS's name for it: `bridge`, `host`, `awsvpc`, `none` or `default`.
    pub fn from_ecs(text: &str) -> Option<NetworkMode> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|&(mode, _)| mode)
    }

    /// ECS's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            NetworkMode::Bridge => "bridge",
            NetworkMode::Host => "host",
            NetworkMode::Awsvpc => "awsvpc",
            NetworkMode::None => "none",
            NetworkMode::Default => "default",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A range of container ports, as in `"8000-8010"`; checked when the task definition is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The first port, at least 1.
    pub first: u16,
    /// The last port, above the first.
    pub last: u16,
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// One port mapping of a container. Which combinations are valid depends on the network mode, and is checked when the
/// task definition is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PortMapping {
    /// The port inside the container; absent with a range.
    pub container_port: Option<u16>,
    /// The port on the container instance. 0 or absent in `bridge` mode: chosen at start, which reserves nothing.
    pub host_port: Option<u16>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// A range of container ports in place of one.
    pub container_port_range: Option<PortRange>,
}

impl PortMapping {
    /// A TCP container port, published on a host port that is chosen at start (`bridge`), or on the port of the same
    /// number (`host`).
    pub fn tcp(container_port: u16) -> PortMapping {
        PortMapping { container_port: Some(container_port), ..PortMapping::default() }
    }

    /// The like for UDP.
    pub fn udp(container_port: u16) -> PortMapping {
        PortMapping { protocol: Protocol::Udp, ..PortMapping::tcp(container_port) }
    }

    /// A range of TCP container ports, both ends included.
    pub fn range(first: u16, last: u16) -> PortMapping {
        PortMapping { container_port_range: Some(PortRange { first, last }), ..PortMapping::default() }
    }

    /// On this host port.
    pub fn on_host_port(mut self, host_port: u16) -> PortMapping {
        self.host_port = Some(host_port);
        self
    }

    /// The container ports, first and last. `None` if neither a port nor a range is given.
    pub(crate) fn container_ports(&self) -> Option<(u16, u16)> {
        let range = self.container_port_range.map(|range| (range.first, range.last));
        range.or(self.container_port.map(|port| (port, port)))
    }
}

/// One container of a task definition: what placement looks at.
///
/// ```
/// use scheduler_core::model::{ContainerDefinition, PortMapping};
///
/// let nginx = ContainerDefinition::new("nginx")
///     .with_cpu_units(256)
///     .with_memory_mib(100)
///     .with_port_mapping(PortMapping::tcp(80).on_host_port(80));
/// assert!(nginx.essential);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerDefinition {
    /// Its name, distinct in the task definition.
    pub name: Box<str>,
    /// CPU units; 0 reserves nothing.
    pub cpu_units: u32,
    /// The hard limit in MiB.
    pub memory_mib: Option<u32>,
    /// The soft limit in MiB, which wins over the hard one in what is reserved.
    pub memory_reservation_mib: Option<u32>,
    /// Whether the task stops with this container; at least one of a task is essential.
    pub essential: bool,
    /// Its port mappings.
    pub port_mappings: Vec<PortMapping>,
    /// Whole GPUs, or all.
    pub gpus: GpuDemand,
    /// Whether it runs privileged, which asks an attribute of the instance (C-45).
    pub privileged: bool,
    /// The log driver, which asks an attribute of the instance unless it is `json-file` or `none` (C-45).
    pub log_driver: Option<Box<str>>,
    /// Names of Elastic Inference accelerators. AWS has withdrawn them; they are kept only to warn of them.
    pub inference_accelerators: Vec<Box<str>>,
}

impl ContainerDefinition {
    /// An essential container that reserves nothing yet.
    pub fn new(name: impl Into<Box<str>>) -> ContainerDefinition {
        ContainerDefinition {
            name: name.into(),
            cpu_units: 0,
            memory_mib: None,
            memory_reservation_mib: None,
            essential: true,
            port_mappings: Vec::new(),
            gpus: GpuDemand::default(),
            privileged: false,
            log_driver: None,
            inference_accelerators: Vec::new(),
        }
    }

    /// With this many CPU units; 1024 are one vCPU.
    pub fn with_cpu_units(mut self, cpu_units: u32) -> ContainerDefinition {
        self.cpu_units = cpu_units;
        self
    }

    /// With this hard limit in MiB (`memory`).
    pub fn with_memory_mib(mut self, memory_mib: u32) -> ContainerDefinition {
        self.memory_mib = Some(memory_mib);
        self
    }

    /// With this soft limit in MiB (`memoryReservation`).
    pub fn with_memory_reservation_mib(mut self, memory_mib: u32) -> ContainerDefinition {
        self.memory_reservation_mib = Some(memory_mib);
        self
    }

    /// With one more port mapping.
    pub fn with_port_mapping(mut self, mapping: PortMapping) -> ContainerDefinition {
        self.port_mappings.push(mapping);
        self
    }

    /// With this many whole GPUs.
    pub fn with_gpus(mut self, count: u32) -> ContainerDefinition {
        self.gpus = GpuDemand::Count(count);
        self
    }

    /// With all GPUs of the container instance (C-10).
    pub fn with_all_gpus(mut self) -> ContainerDefinition {
        self.gpus = GpuDemand::All;
        self
    }

    /// With this log driver, such as `awslogs`.
    pub fn with_log_driver(mut self, driver: impl Into<Box<str>>) -> ContainerDefinition {
        self.log_driver = Some(driver.into());
        self
    }

    /// Not essential: the task goes on when this container stops.
    pub fn not_essential(mut self) -> ContainerDefinition {
        self.essential = false;
        self
    }

    /// Privileged.
    pub fn privileged(mut self) -> ContainerDefinition {
        self.privileged = true;
        self
    }

    /// What it reserves in MiB: the soft limit if there is one, else the hard limit (spec 1.2).
    pub fn reserved_memory_mib(&self) -> u32 {
        self.memory_reservation_mib.filter(|&mib| mib > 0).or(self.memory_mib).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hard: Option<u32>, soft: Option<u32>, expected: u32) {
        let container =
            ContainerDefinition { memory_mib: hard, memory_reservation_mib: soft, ..ContainerDefinition::new("app") };
        assert_eq!(container.reserved_memory_mib(), expected, "hard {hard:?}, soft {soft:?}");
    }

    #[test]
    fn the_soft_limit_wins_over_the_hard_one() {
        check(Some(300), Some(128), 128); // T5
        check(Some(300), None, 300);
        check(Some(300), Some(0), 300);
        check(None, Some(128), 128);
        check(None, None, 0);
    }

    #[test]
    fn network_modes_have_the_names_of_ecs() {
        for (mode, name) in NetworkMode::ALL {
            assert_eq!(NetworkMode::from_ecs(name), Some(mode));
            assert_eq!(mode.to_string(), name);
        }
        assert_eq!(NetworkMode::from_ecs("Bridge"), None);
    }
}
