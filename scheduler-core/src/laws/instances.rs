//! Container instances: few zones and sizes, scarce GPUs, ports and network interfaces, attributes of every kind.

use proptest::prelude::*;
use proptest::sample::select;

use super::{CAPACITY_PROVIDERS, CUSTOM_ATTRIBUTES, ZONES};
use crate::model::{
    AttributeName, AttributeValue, ContainerInstance, Demand, GpuDemand, HostPort, HostPorts, InstanceStatus,
    MAX_AMOUNT, Resources,
};

/// A container instance called `i-0` to `i-9`.
pub fn container_instance() -> BoxedStrategy<ContainerInstance> {
    (0..10u32, parts()).prop_map(|(number, parts)| parts.named(&format!("i-{number}"))).boxed()
}

/// A container instance of that name.
pub fn container_instance_named(name: String) -> BoxedStrategy<ContainerInstance> {
    parts().prop_map(move |parts| parts.named(&name)).boxed()
}

/// Up to so many instances, called `i-0`, `i-1`, … in order.
pub fn fleet(at_most: usize) -> BoxedStrategy<Vec<ContainerInstance>> {
    // Any of them may be left out in shrinking, for they are named afterwards.
    prop::collection::vec(parts(), 0..=at_most)
        .prop_map(|fleet| {
            (0..).zip(fleet).map(|(number, parts): (u32, _)| parts.named(&format!("i-{number}"))).collect()
        })
        .boxed()
}

/// A container instance but for its name.
#[derive(Debug, Clone)]
struct Parts {
    zone: &'static str,
    resources: Resources,
    eni_task_limit: Option<u32>,
    attributes: Vec<(AttributeName, Option<AttributeValue>)>,
    is_draining: bool,
    is_disconnected: bool,
    agent_version: &'static str,
    registered_at_ms: i64,
    capacity_provider: Option<&'static str>,
    /// What others leave of each GPU, over and over.
    gpu_millis_left: Option<Vec<u16>>,
    foreign_load: Demand,
}

fn parts() -> BoxedStrategy<Parts> {
    let state = (prop::bool::weighted(0.12), prop::bool::weighted(0.12), agent_version(), registered_at_ms());
    let provider = prop::option::weighted(0.4, select(CAPACITY_PROVIDERS.to_vec()));
    let left = prop::option::weighted(0.15, prop::collection::vec(select(vec![1000_u16, 600, 250, 0]), 1..=3));
    let provider = (provider, left);
    (select(ZONES.to_vec()), resources(), eni_task_limit(), attributes(), state, provider, foreign_load())
        .prop_map(|(zone, resources, eni_task_limit, attributes, state, provider, foreign_load)| {
            let (is_draining, is_disconnected, agent_version, registered_at_ms) = state;
            let (capacity_provider, gpu_millis_left) = provider;
            Parts {
                zone,
                resources,
                eni_task_limit,
                attributes,
                is_draining,
                is_disconnected,
                agent_version,
                registered_at_ms,
                capacity_provider,
                gpu_millis_left,
                foreign_load,
            }
        })
        .boxed()
}

impl Parts {
    fn named(self, name: &str) -> ContainerInstance {
        let mut foreign_load = held_within(self.foreign_load, &self.resources);
        let gpus = self.resources.gpu_ids().len();
        let gpu_millis = self.gpu_millis_left.map(|pattern| pattern.into_iter().cycle().take(gpus));
        if gpu_millis.is_some() {
            foreign_load.gpus = GpuDemand::default();
        }
        let mut builder = ContainerInstance::builder(name)
            .zone(self.zone)
            .foreign_load(foreign_load)
            .resources(self.resources)
            .eni_task_limit(self.eni_task_limit)
            .attribute("host", name)
            .agent_connected(!self.is_disconnected)
            .agent_version(self.agent_version)
            .registered_at_ms(self.registered_at_ms)
            .without_capabilities();
        for (name, value) in self.attributes {
            builder = match value {
                Some(value) => builder.attribute(name.as_str(), value.as_str()),
                None => builder.attribute_without_value(name.as_str()),
            };
        }
        if self.is_draining {
            builder = builder.status(InstanceStatus::Draining);
        }
        if let Some(provider) = self.capacity_provider {
            builder = builder.capacity_provider(provider);
        }
        if let Some(millis) = gpu_millis {
            builder = builder.gpu_millis(millis);
        }
        builder.build().expect("generated instances are valid")
    }
}

/// Equal instances but for name and zone, all of them open, without foreign load; at least two.
pub fn uniform_fleet(at_most: usize) -> BoxedStrategy<Vec<ContainerInstance>> {
    let zones = prop::collection::vec(select(ZONES.to_vec()), 2..=at_most.max(2));
    (zones, select(vec![1024, 2048, 4096]), select(vec![1024, 2000, 4096]))
        .prop_map(|(zones, cpu_units, memory_mib)| {
            let named = zones.into_iter().enumerate().map(|(number, zone)| {
                let builder = ContainerInstance::builder(format!("i-{number}")).zone(zone).without_capabilities();
                builder.resources(Resources::new(cpu_units, memory_mib)).build().expect("a plain instance is valid")
            });
            named.collect()
        })
        .boxed()
}

/// What an instance registers: nothing, small sizes, and rarely the most there can be.
pub fn resources() -> BoxedStrategy<Resources> {
    let cpu_units = prop_oneof![8 => select(vec![1024, 2048, 512]), 1 => Just(0), 1 => Just(MAX_AMOUNT)];
    let memory_mib = prop_oneof![8 => select(vec![1024, 1000, 2048]), 1 => Just(0), 1 => Just(MAX_AMOUNT)];
    let gpus = prop_oneof![3 => Just(0), 2 => 1..=4u32, 1 => Just(64)];
    (cpu_units, memory_mib, gpus, reserved_ports())
        .prop_map(|(cpu_units, memory_mib, gpus, ports)| {
            Resources::new(cpu_units, memory_mib).with_gpus(gpus).with_reserved_ports(ports)
        })
        .boxed()
}

/// The custom attributes of an instance, each name at most once.
pub fn attributes() -> BoxedStrategy<Vec<(AttributeName, Option<AttributeValue>)>> {
    let each = CUSTOM_ATTRIBUTES.map(|(name, values)| prop::option::of(attribute(name, values)));
    let instance_type = prop::option::of(attribute("ecs.instance-type", &["t2.micro", "t20.x", "xt2.a", "m5.large"]));
    let capability = prop::option::of(attribute("ecs.capability.task-eni", &[]));
    (each, instance_type, capability)
        .prop_map(|(each, instance_type, capability)| {
            each.into_iter().chain([instance_type, capability]).flatten().collect()
        })
        .boxed()
}

/// One custom attribute, with a value or without.
pub fn custom_attribute() -> BoxedStrategy<(AttributeName, Option<AttributeValue>)> {
    select(CUSTOM_ATTRIBUTES.to_vec()).prop_flat_map(|(name, values)| attribute(name, values)).boxed()
}

fn attribute(name: &str, values: &[&str]) -> BoxedStrategy<(AttributeName, Option<AttributeValue>)> {
    let name = AttributeName::new(name).expect("a name of the vocabulary is valid");
    let mut choices: Vec<_> = values.iter().map(|value| AttributeValue::new(value).ok()).collect();
    choices.push(None);
    select(choices).prop_map(move |value| (name.clone(), value)).boxed()
}

fn reserved_ports() -> BoxedStrategy<HostPorts> {
    let almost_all = (1000..1098).map(HostPort::udp).collect::<HostPorts>();
    prop_oneof![
        4 => Just(HostPorts::default_linux()),
        2 => Just(HostPorts::new()),
        1 => Just(HostPorts::tcp(&[80, 443])),
        1 => Just(almost_all),
    ]
    .boxed()
}

fn eni_task_limit() -> BoxedStrategy<Option<u32>> {
    select(vec![None, Some(2), Some(1), Some(0)]).boxed()
}

fn agent_version() -> BoxedStrategy<&'static str> {
    select(vec!["1.103.0", "1.14.5", "1.9", "2.0.0-rc1", "unknown"]).boxed()
}

fn registered_at_ms() -> BoxedStrategy<i64> {
    select(vec![0, 1_529_360_908_000, 1_529_360_908_001, 1_600_000_000_000]).boxed()
}

/// Load that no task explains; mostly none.
fn foreign_load() -> BoxedStrategy<Demand> {
    let some =
        (select(vec![0, 256, 1024]), select(vec![0, 200, 1000]), 0..=2u32, any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(cpu_units, memory_mib, gpus, all_gpus, eni, port)| {
                let mut load = Demand::new(cpu_units, memory_mib).with_gpus(gpus);
                load.needs_eni = eni;
                if all_gpus {
                    load.gpus = GpuDemand::All;
                }
                if port { load.with_host_ports(HostPorts::tcp(&[80])) } else { load }
            });
    prop_oneof![7 => Just(Demand::default()), 1 => some].boxed()
}

/// What of a load the instance can hold.
fn held_within(mut load: Demand, resources: &Resources) -> Demand {
    load.cpu_units = load.cpu_units.min(resources.cpu_units());
    load.memory_mib = load.memory_mib.min(resources.memory_mib());
    if let GpuDemand::Count(count) = load.gpus {
        load.gpus = GpuDemand::Count(count.min(resources.gpu_ids().len() as u32));
    }
    load
}
