//! `gpu-packing`: shares on GPUs that are shared already, whole GPUs on instances in use, and empty instances last.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::gpus::{is_whole, registered, wanted_count};

/// 50 to 100 points where only GPUs in use are needed, 33 to 50 where free ones of an instance in use are, up to 33 on an
/// instance whose GPUs are all free.
#[derive(Debug)]
pub struct GpuPacking;

impl ScoringPolicy for GpuPacking {
    fn name(&self) -> &'static str {
        "gpu-packing"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let demand = request.demand();
        if demand.gpus.is_none() {
            return 0;
        }
        let free = i64::from(instance.free_gpus().len());
        if free == i64::from(registered(instance)) {
            return (33 - free).max(free);
        }
        let wanted = demand.gpus.milli_of_each();
        let mut taken: Vec<u32> = instance.free_gpu_millis().filter(|left| *left >= wanted).collect();
        taken.sort_unstable();
        taken.truncate(wanted_count(demand, instance));
        let whole: i64 = taken.iter().map(|left| i64::from(is_whole(*left))).sum();
        if whole > 0 {
            return (50 - whole).max(33);
        }
        let percents: i64 = taken.iter().map(|left| i64::from(left * 100 / scheduler_core::GPU_MILLI)).sum();
        (100 - percents / 10).max(50)
    }
}
