//! Phrases that several results use.

use scheduler_core::{Demand, GpuDemand};

use crate::metrics::shortest;

/// A number of things, one of which is called so.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What a task asks for.
pub(crate) fn demand_words(demand: &Demand) -> String {
    let mut words = vec![format!("{} CPU units", demand.cpu_units), format!("{} MiB", demand.memory_mib)];
    words.extend(match demand.gpus {
        GpuDemand::Count(0) => None,
        GpuDemand::Count(count) => Some(counted(count.into(), "GPU")),
        GpuDemand::All => Some("all GPUs of an instance".to_owned()),
        GpuDemand::Share(milli) => Some(format!("{} of a GPU", shortest(milli.into(), 3))),
    });
    if !demand.host_ports.is_empty() {
        let ports: Vec<_> = demand.host_ports.iter().map(|port| port.to_string()).collect();
        words.push(format!("host port {}", ports.join(", ")));
    }
    if demand.needs_eni {
        words.push("a network interface".to_owned());
    }
    words.join(", ")
}
