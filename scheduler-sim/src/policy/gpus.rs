//! What several policies ask of a demand and of an instance's GPUs.

use scheduler_core::{Demand, GPU_MILLI, GpuDemand, InstanceView};

/// Thousandths of GPUs that a demand comes to on an instance, all together.
pub(super) fn wanted_milli(demand: &Demand, instance: &InstanceView<'_>) -> u32 {
    demand.gpus.milli(registered(instance))
}

/// How many GPUs of an instance a demand takes, or takes a share of.
pub(super) fn wanted_count(demand: &Demand, instance: &InstanceView<'_>) -> usize {
    match demand.gpus {
        GpuDemand::Count(count) => count as usize,
        GpuDemand::All => registered(instance) as usize,
        GpuDemand::Share(_) => 1,
    }
}

/// How many GPUs an instance has.
pub(super) fn registered(instance: &InstanceView<'_>) -> u32 {
    instance.description().resources().gpu_ids().len() as u32
}

/// The indices of the GPUs that have room for what a demand wants of each.
pub(super) fn with_room<'a>(demand: &Demand, instance: &InstanceView<'a>) -> impl Iterator<Item = usize> + use<'a> {
    let wanted = demand.gpus.milli_of_each();
    instance.free_gpu_millis().enumerate().filter(move |(_, left)| *left >= wanted).map(|(index, _)| index)
}

/// Whether nothing is taken of a GPU.
pub(super) fn is_whole(left_milli: u32) -> bool {
    left_milli >= GPU_MILLI
}
