//! Amounts: what a container instance registers, and what one task reserves of it.
//!
//! All amounts are exact integers: CPU in units (1024 = 1 vCPU), memory in MiB, GPUs whole or one's share in thousandths,
//! host ports by number (spec 1.1, 1.2). The bound [`MAX_AMOUNT`] lets sums and weighted sums of them be computed in 64 bits without a check.

use super::host_ports::{HostPort, HostPorts, RESERVED_PORT_LIMIT};
use std::collections::BTreeSet;

/// The largest amount of one resource: 2,147,483,647, the largest `integerValue` of ECS's `Resource`.
pub const MAX_AMOUNT: u32 = i32::MAX as u32;

/// The most GPUs that one container instance may register; the largest AWS types have 16.
pub const MAX_GPUS: usize = 64;

/// A whole GPU, in the thousandths that shares of one are told in.
pub const GPU_MILLI: u32 = 1_000;

/// What is wrong with an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// An amount, or a sum of amounts, above [`MAX_AMOUNT`].
    #[error("{resource} of `{amount}` is above the largest amount, {MAX_AMOUNT}")]
    AboveMaxAmount {
        /// Which one: `CPU`, `MEMORY` or `GPU`.
        resource: &'static str,
        /// The amount.
        amount: u64,
    },
    /// A share of a GPU that is nothing, or no part.
    #[error("a share of a GPU has 1 to 999 thousandths, not `{milli}`; for a whole GPU count it")]
    GpuShare {
        /// The share in thousandths.
        milli: u16,
    },
    /// More than [`MAX_GPUS`] GPUs on one container instance.
    #[error("a container instance has at most {MAX_GPUS} GPUs, not more")]
    TooManyGpus,
    /// Two GPUs of one container instance with the same id.
    #[error("GPU id `{id}` is given twice; the ids of one container instance differ")]
    DuplicateGpu {
        /// The id.
        id: Box<str>,
    },
    /// A GPU without an id.
    #[error("a GPU id is empty; give each GPU an id")]
    EmptyGpuId,
    /// More than [`RESERVED_PORT_LIMIT`] ports reserved at registration.
    #[error("`{count}` ports are reserved at registration; the limit is {RESERVED_PORT_LIMIT}, TCP and UDP together")]
    TooManyPorts {
        /// How many.
        count: usize,
    },
    /// Port 0.
    #[error("host port `{port}` is not a port; ports go from 1 to 65535")]
    PortZero {
        /// The port, with its protocol.
        port: HostPort,
    },
}

/// What a container instance registers (ECS API reference, `ContainerInstance.registeredResources`).
///
/// ```
/// use scheduler_core::model::{HostPorts, Resources};
///
/// let resources = Resources::new(4096, 15731).with_gpus(1);
/// assert_eq!(resources.cpu_units(), 4096); // 4 vCPU
/// assert_eq!(resources.gpu_ids().len(), 1);
/// assert_eq!(*resources.reserved_ports(), HostPorts::default_linux());
/// assert!(resources.checked().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resources {
    cpu_units: u32,
    memory_mib: u32,
    gpu_ids: Vec<Box<str>>,
    reserved_ports: HostPorts,
}

impl Resources {
    /// CPU and memory, no GPUs, and the ports that the Linux agent reserves by default (C-02).
    pub fn new(cpu_units: u32, memory_mib: u32) -> Resources {
        Resources { cpu_units, memory_mib, gpu_ids: Vec::new(), reserved_ports: HostPorts::default_linux() }
    }

    /// With `count` GPUs named `gpu-0`, `gpu-1`, …; more than [`MAX_GPUS`] are refused by [`checked`](Self::checked).
    pub fn with_gpus(self, count: u32) -> Resources {
        let at_most = u32::try_from(MAX_GPUS + 1).unwrap_or(u32::MAX);
        self.with_gpu_ids((0..count.min(at_most)).map(|index| format!("gpu-{index}")))
    }

    /// With GPUs of these ids, in registration order: tasks get the first free ones (C-11).
    pub fn with_gpu_ids<I>(mut self, ids: I) -> Resources
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        self.gpu_ids = ids.into_iter().map(Into::into).collect();
        self
    }

    /// With these ports taken from the start, in place of the default ones.
    pub fn with_reserved_ports(mut self, ports: HostPorts) -> Resources {
        self.reserved_ports = ports;
        self
    }

    /// CPU units; 1024 are one vCPU.
    pub fn cpu_units(&self) -> u32 {
        self.cpu_units
    }

    /// Memory in MiB, after the agent's `ECS_RESERVED_MEMORY`.
    pub fn memory_mib(&self) -> u32 {
        self.memory_mib
    }

    /// The ids of the GPUs, in registration order.
    pub fn gpu_ids(&self) -> &[Box<str>] {
        &self.gpu_ids
    }

    /// The ports taken from the start: what `registeredResources` lists as `PORTS` and `PORTS_UDP`.
    pub fn reserved_ports(&self) -> &HostPorts {
        &self.reserved_ports
    }

    /// Whether all amounts keep to their limits. Called wherever resources enter a cluster.
    ///
    /// # Errors
    /// The first limit that is broken: [`MAX_AMOUNT`], [`MAX_GPUS`] distinct ids, [`RESERVED_PORT_LIMIT`].
    pub fn checked(&self) -> Result<(), ResourceError> {
        check_amount("CPU", self.cpu_units)?;
        check_amount("MEMORY", self.memory_mib)?;
        if self.gpu_ids.len() > MAX_GPUS {
            return Err(ResourceError::TooManyGpus);
        }
        let mut seen = BTreeSet::new();
        for id in &self.gpu_ids {
            if id.is_empty() {
                return Err(ResourceError::EmptyGpuId);
            }
            if !seen.insert(id) {
                return Err(ResourceError::DuplicateGpu { id: id.clone() });
            }
        }
        if self.reserved_ports.len() > RESERVED_PORT_LIMIT as usize {
            return Err(ResourceError::TooManyPorts { count: self.reserved_ports.len() });
        }
        check_ports(&self.reserved_ports)
    }
}

/// The GPUs that one task reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GpuDemand {
    /// That many whole GPUs.
    Count(u32),
    /// `ALL`: every GPU that the container instance registered, all of them free (C-10).
    All,
    /// So many thousandths of one GPU, 1 to 999: an extension, ECS has no shares (X-01).
    Share(u16),
}

impl Default for GpuDemand {
    fn default() -> GpuDemand {
        GpuDemand::Count(0)
    }
}

impl GpuDemand {
    /// Whether no GPU is needed.
    pub fn is_none(self) -> bool {
        self == GpuDemand::Count(0)
    }

    /// Thousandths of one GPU, of all that are wanted on an instance that registers `registered` GPUs.
    pub fn milli(self, registered: u32) -> u32 {
        match self {
            GpuDemand::Count(count) => count.saturating_mul(GPU_MILLI),
            GpuDemand::All => registered.saturating_mul(GPU_MILLI),
            GpuDemand::Share(milli) => milli.into(),
        }
    }

    /// What of each GPU that it gets a task holds, in thousandths.
    pub fn milli_of_each(self) -> u32 {
        match self {
            GpuDemand::Share(milli) => milli.into(),
            GpuDemand::Count(_) | GpuDemand::All => GPU_MILLI,
        }
    }
}

/// What one task reserves on the container instance that it is placed on (spec 1.2).
///
/// The default reserves nothing and fits everywhere.
///
/// ```
/// use scheduler_core::model::{Demand, GpuDemand, HostPorts};
///
/// let demand = Demand::new(1024, 400).with_host_ports(HostPorts::tcp(&[80, 8000]));
/// assert_eq!((demand.cpu_units, demand.memory_mib), (1024, 400));
/// assert_eq!(demand.gpus, GpuDemand::Count(0));
/// assert!(demand.checked().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Demand {
    /// CPU units; 1024 are one vCPU.
    pub cpu_units: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Whole GPUs, or a share of one.
    pub gpus: GpuDemand,
    /// Static host ports. Dynamic ones reserve nothing.
    pub host_ports: HostPorts,
    /// Whether the task takes an elastic network interface of its own (network mode `awsvpc`).
    pub needs_eni: bool,
}

impl Demand {
    /// CPU and memory, nothing else.
    pub fn new(cpu_units: u32, memory_mib: u32) -> Demand {
        Demand { cpu_units, memory_mib, ..Demand::default() }
    }

    /// With `count` whole GPUs.
    pub fn with_gpus(mut self, count: u32) -> Demand {
        self.gpus = GpuDemand::Count(count);
        self
    }

    /// With a share of one GPU, in thousandths: 1 to 999.
    pub fn with_gpu_share(mut self, milli: u16) -> Demand {
        self.gpus = GpuDemand::Share(milli);
        self
    }

    /// With every GPU of the container instance (C-10).
    pub fn with_all_gpus(mut self) -> Demand {
        self.gpus = GpuDemand::All;
        self
    }

    /// With these static host ports.
    pub fn with_host_ports(mut self, ports: HostPorts) -> Demand {
        self.host_ports = ports;
        self
    }

    /// With an elastic network interface of its own.
    pub fn with_eni(mut self) -> Demand {
        self.needs_eni = true;
        self
    }

    /// Whether all amounts keep to their limits. A demand that no container instance can meet is none the less valid.
    ///
    /// # Errors
    /// An amount above [`MAX_AMOUNT`], a share of a GPU that is none, or port 0.
    pub fn checked(&self) -> Result<(), ResourceError> {
        check_amount("CPU", self.cpu_units)?;
        check_amount("MEMORY", self.memory_mib)?;
        match self.gpus {
            GpuDemand::Count(count) => check_amount("GPU", count)?,
            GpuDemand::Share(milli) if !(1..GPU_MILLI).contains(&milli.into()) => {
                return Err(ResourceError::GpuShare { milli });
            }
            GpuDemand::All | GpuDemand::Share(_) => {}
        }
        check_ports(&self.host_ports)
    }
}

/// `amount`, which may be a sum of many, as an amount of `resource`.
///
/// # Errors
/// [`ResourceError::AboveMaxAmount`].
pub(crate) fn amount(resource: &'static str, amount: u64) -> Result<u32, ResourceError> {
    u32::try_from(amount)
        .ok()
        .filter(|&amount| amount <= MAX_AMOUNT)
        .ok_or(ResourceError::AboveMaxAmount { resource, amount })
}

fn check_amount(resource: &'static str, value: u32) -> Result<(), ResourceError> {
    amount(resource, u64::from(value)).map(drop)
}

fn check_ports(ports: &HostPorts) -> Result<(), ResourceError> {
    match ports.iter().find(|port| port.port == 0) {
        Some(port) => Err(ResourceError::PortZero { port }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: Result<(), ResourceError>, expected: Option<&str>) {
        assert_eq!(result.err().map(|error| error.to_string()).as_deref(), expected);
    }

    #[test]
    fn registered_resources_keep_to_their_limits() {
        let max = Resources::new(MAX_AMOUNT, MAX_AMOUNT).with_gpus(64);
        check(max.checked(), None);
        check(Resources::new(0, 0).checked(), None);
        check(
            Resources::new(MAX_AMOUNT + 1, 1).checked(),
            Some("CPU of `2147483648` is above the largest amount, 2147483647"),
        );
        check(
            Resources::new(1, u32::MAX).checked(),
            Some("MEMORY of `4294967295` is above the largest amount, 2147483647"),
        );
        check(
            Resources::new(1, 1).with_gpus(u32::MAX).checked(),
            Some("a container instance has at most 64 GPUs, not more"),
        );
        check(
            Resources::new(1, 1).with_gpu_ids(["a", "b", "a"]).checked(),
            Some("GPU id `a` is given twice; the ids of one container instance differ"),
        );
        check(Resources::new(1, 1).with_gpu_ids([""]).checked(), Some("a GPU id is empty; give each GPU an id"));
        let ports = |range: std::ops::RangeInclusive<u16>| range.map(HostPort::udp).collect::<HostPorts>();
        check(Resources::new(1, 1).with_reserved_ports(ports(1..=100)).checked(), None);
        check(
            Resources::new(1, 1).with_reserved_ports(ports(1..=101)).checked(),
            Some("`101` ports are reserved at registration; the limit is 100, TCP and UDP together"),
        );
        check(
            Resources::new(1, 1).with_reserved_ports(ports(0..=1)).checked(),
            Some("host port `0/udp` is not a port; ports go from 1 to 65535"),
        );
    }

    #[test]
    fn demands_keep_to_their_limits() {
        check(Demand::default().checked(), None);
        check(Demand::new(MAX_AMOUNT, MAX_AMOUNT).with_all_gpus().with_eni().checked(), None);
        check(
            Demand::new(1, 1).with_gpus(u32::MAX).checked(),
            Some("GPU of `4294967295` is above the largest amount, 2147483647"),
        );
        check(
            Demand::new(1, 1).with_host_ports(HostPorts::tcp(&[0])).checked(),
            Some("host port `0/tcp` is not a port; ports go from 1 to 65535"),
        );
    }
}
