//! Container instances: from an entry of the fleet to a description that builds.

use std::sync::Arc;

use scheduler_core::{
    Attributes, ContainerInstance, Demand, GPU_MILLI, HostPort, InstanceError, InstanceStatus, Protocol, Resources,
};

use super::definitions::end_of_arn;
use super::error::TraceProblem;
use super::fleet::Aliases;
use super::json::{Kind, Value};
use super::model::{InstanceDescription, InstanceEntry};
use super::reading::Reading;
use super::scalar::{integer, microdollars, moment, narrow};

/// A checked entry as it was read, with what decides about its foreign load.
pub(super) struct ReadInstance {
    pub(super) entry: InstanceEntry,
    remaining: Option<Remaining>,
    built: ContainerInstance,
}

/// `remainingResources`: what is left, but of ports what is taken.
struct Remaining {
    at: usize,
    resources: Resources,
    lists_tcp: bool,
    lists_udp: bool,
}

/// Reads a checked entry that registers at `now_ms` milliseconds since 1970, and notes its other names.
pub(super) fn read_instance(
    value: &Value<'_>,
    now_ms: i64,
    aliases: &mut Aliases,
    reading: &mut Reading<'_, '_>,
) -> Option<ReadInstance> {
    let text = |key| value.get(key).and_then(Value::text);
    let non_empty = |key| text(key).filter(|text| !text.is_empty());
    let arn = non_empty("containerInstanceArn");
    let name: Option<Arc<str>> = non_empty("ec2InstanceId").or(arn.map(end_of_arn)).map(Into::into);
    let count = value.get("count").map_or(1, |count| narrow(integer(count)));
    let resources = match value.get("registeredResources") {
        Some(resources) => Some(reading.core_value(resources)?),
        None => None,
    };
    let attributes = match value.get("attributes") {
        Some(attributes) => reading.core_value(attributes)?,
        None => Attributes::new(),
    };
    let registered_at_ms = match value.get("registeredAt") {
        Some(registered_at) => Some(moment(registered_at, reading)?),
        None => None,
    };
    let description = InstanceDescription {
        instance_type: text("instanceType").map(Into::into),
        zone: text("availabilityZone").map(Into::into),
        resources,
        attributes,
        status: if text("status") == Some("DRAINING") { InstanceStatus::Draining } else { InstanceStatus::Active },
        agent_connected: value.get("agentConnected").is_none_or(|it| it.kind != Kind::Bool(false)),
        agent_version: value
            .get("versionInfo")
            .and_then(|info| info.get("agentVersion")?.text())
            .filter(|version| !version.is_empty())
            .map(Into::into),
        registered_at_ms,
        capacity_provider: non_empty("capacityProviderName").map(Into::into),
        price_microdollars: value.get("pricePerHour").map(microdollars),
        gpu_millis: value
            .get("gpuMillis")
            .map(|list| list.elements().iter().map(|share| narrow(integer(share)) as u16).collect())
            .unwrap_or_default(),
        foreign_load: Demand::default(),
    };
    let at = value.span.start;
    let entry = InstanceEntry { name, count, description: Arc::new(description), place: reading.place(at) };
    let built = entry.description.build(&entry.name(count - 1, 0), now_ms);
    let wrong_at = match (&built, value.get("gpuMillis")) {
        (Err(InstanceError::GpuMillis { .. }), Some(millis)) => millis.span.start,
        _ => at,
    };
    let built = reading.ok(wrong_at, built)?;
    if let (Some(arn), Some(name), 1) = (arn, &entry.name, count) {
        aliases.add(arn, name);
    }
    let remaining = match value.get("remainingResources") {
        Some(remaining) => Some(read_remaining(remaining, count, reading)?),
        None => None,
    };
    Some(ReadInstance { entry, remaining, built })
}

fn read_remaining(value: &Value<'_>, count: u32, reading: &mut Reading<'_, '_>) -> Option<Remaining> {
    if count != 1 {
        reading.error(value.span.start, TraceProblem::RemainingOfMany { count });
        return None;
    }
    let lists = |name: &str, key: &str| {
        let is_named = |element: &Value<'_>| element.get("name").and_then(Value::text) == Some(name);
        value.elements().iter().any(is_named) || value.get(key).is_some()
    };
    Some(Remaining {
        at: value.span.start,
        resources: reading.core_value(value)?,
        lists_tcp: lists("PORTS", "ports"),
        lists_udp: lists("PORTS_UDP", "portsUdp"),
    })
}

impl ReadInstance {
    /// How many GPUs the instance registers.
    pub(super) fn registered_gpus(&self) -> u32 {
        narrow(self.built.resources().gpu_ids().len() as u64)
    }

    /// The subnet that the instance is in, and its Availability Zone.
    pub(super) fn subnet(&self) -> Option<(&str, &str)> {
        let subnet = self.built.attributes().get(scheduler_core::names::SUBNET_ID).value()?;
        Some((subnet, self.built.zone()))
    }

    /// The entry, with a foreign load of what is taken and none of its tasks takes.
    pub(super) fn with_foreign_load(
        mut self,
        tasks: &TakenByTasks,
        reading: &mut Reading<'_, '_>,
    ) -> Option<InstanceEntry> {
        let Some(remaining) = &self.remaining else { return Some(self.entry) };
        let mut load = reading.ok(remaining.at, foreign_load(&self.built, remaining, tasks))?;
        let mut description = (*self.entry.description).clone();
        if !description.gpu_millis.is_empty() {
            // They tell it more exactly.
            load = load.with_gpus(0);
        }
        description.foreign_load = load;
        let built = description.build(self.built.name(), self.built.registered_at_ms());
        reading.ok(remaining.at, built)?;
        self.entry.description = Arc::new(description);
        Some(self.entry)
    }
}

/// What the tasks that run on one instance take together.
#[derive(Debug, Default)]
pub(super) struct TakenByTasks {
    cpu_units: u32,
    memory_mib: u32,
    gpu_milli: u32,
    ports: Vec<HostPort>,
}

impl TakenByTasks {
    /// Adds a task; one that takes all GPUs takes `registered_gpus`.
    pub(super) fn add(&mut self, demand: &Demand, registered_gpus: u32) {
        self.cpu_units = self.cpu_units.saturating_add(demand.cpu_units);
        self.memory_mib = self.memory_mib.saturating_add(demand.memory_mib);
        self.gpu_milli = self.gpu_milli.saturating_add(demand.gpus.milli(registered_gpus));
        self.ports.extend_from_slice(demand.host_ports.as_slice());
    }
}

fn foreign_load(
    instance: &ContainerInstance,
    remaining: &Remaining,
    tasks: &TakenByTasks,
) -> Result<Demand, TraceProblem> {
    let registered = instance.resources();
    let left = &remaining.resources;
    let foreign = |resource, registered: u32, remaining: u32, tasks: u32| {
        let taken = registered.checked_sub(remaining).and_then(|taken| taken.checked_sub(tasks));
        let instance = instance.name().into();
        taken.ok_or(TraceProblem::RemainingTooLarge { instance, resource, remaining, registered, tasks })
    };
    let gpus = |resources: &Resources| narrow(resources.gpu_ids().len() as u64);
    let mut load = Demand::new(
        foreign("CPU", registered.cpu_units(), left.cpu_units(), tasks.cpu_units)?,
        foreign("MEMORY", registered.memory_mib(), left.memory_mib(), tasks.memory_mib)?,
    );
    load = load.with_gpus(foreign("GPU", gpus(registered), gpus(left), tasks.gpu_milli.div_ceil(GPU_MILLI))?);
    let taken = left.reserved_ports();
    let is_listed = |port: &HostPort| match port.protocol {
        Protocol::Tcp => remaining.lists_tcp,
        Protocol::Udp => remaining.lists_udp,
    };
    let explained = registered.reserved_ports().iter().map(|port| (port, "the agent"));
    let explained = explained.chain(tasks.ports.iter().copied().map(|port| (port, "a task")));
    for (port, by) in explained.filter(|(port, _)| is_listed(port)) {
        if !taken.contains(port) {
            let (instance, port) = (instance.name().into(), port.to_string().into());
            return Err(TraceProblem::PortNotTaken { instance, port, by });
        }
    }
    let is_foreign = |port: &HostPort| {
        is_listed(port) && !registered.reserved_ports().contains(*port) && !tasks.ports.contains(port)
    };
    load.host_ports = taken.iter().filter(is_foreign).collect();
    Ok(load)
}
