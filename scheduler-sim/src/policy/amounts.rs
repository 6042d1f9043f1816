//! The three resources that packing policies weigh: CPU, memory and GPUs.

use std::fmt;

use scheduler_core::{Demand, GPU_MILLI, InstanceView};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// CPU units.
    Cpu,
    /// MiB.
    Memory,
    /// GPU thousandths.
    Gpu,
}

impl Resource {
    const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Gpu];

    /// The resource of that name, in any case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.to_string().eq_ignore_ascii_case(name))
    }

    /// How much of it remains on an instance.
    pub(super) fn remaining(self, instance: &InstanceView<'_>) -> u32 {
        let remaining = instance.remaining();
        match self {
            Self::Cpu => remaining.cpu_units,
            Self::Memory => remaining.memory_mib,
            Self::Gpu => remaining.gpu_milli,
        }
    }

    /// How much of it a task takes of an instance.
    fn wanted(self, demand: &Demand, instance: &InstanceView<'_>) -> u32 {
        match self {
            Self::Cpu => demand.cpu_units,
            Self::Memory => demand.memory_mib,
            Self::Gpu => super::gpus::wanted_milli(demand, instance),
        }
    }

    /// How much of it an instance has registered.
    fn registered(self, instance: &InstanceView<'_>) -> u32 {
        let resources = instance.description().resources();
        match self {
            Self::Cpu => resources.cpu_units(),
            Self::Memory => resources.memory_mib(),
            Self::Gpu => resources.gpu_ids().len() as u32 * GPU_MILLI,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
        })
    }
}

/// What a task wants, and what remains, of each resource that an instance has at all: parts of what is registered.
pub(super) fn parts(demand: &Demand, instance: &InstanceView<'_>) -> impl Iterator<Item = (f64, f64)> {
    Resource::ALL.into_iter().filter_map(move |resource| {
        let registered = resource.registered(instance);
        let part = |amount: u32| f64::from(amount) / f64::from(registered);
        (registered > 0).then(|| (part(resource.wanted(demand, instance)), part(resource.remaining(instance))))
    })
}

/// A measure as a score: to a thousand-millionth, so that instances that mean the same tie.
pub(super) fn score(measure: f64) -> i64 {
    (measure * 1e9).round() as i64
}
