//! `best-fit-gpu`: the instance with the least CPU and GPU left after the placement.
//!
//! The study rescales the scores over the feasible instances before it compares them. That changes no order and makes no
//! ties: there are at most 100 steps between the lowest and the highest.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::{Scale, gpus};

/// `trunc(100 (1 - half the CPU left - half the GPU left))`, both measured by the [`Scale`].
#[derive(Debug, Default)]
pub struct BestFitGpu {
    scale: Scale,
}

impl ScoringPolicy for BestFitGpu {
    fn name(&self) -> &'static str {
        "best-fit-gpu"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let (demand, remaining) = (request.demand(), instance.remaining());
        let cpu = f64::from(remaining.cpu_units - demand.cpu_units) / f64::from(self.scale.cpu_units);
        let gpu_milli = remaining.gpu_milli - gpus::wanted_milli(demand, instance);
        let gpu = f64::from(gpu_milli) / f64::from(self.scale.gpu_milli);
        (100.0 * (1.0 - 0.5 * cpu - 0.5 * gpu)) as i64
    }
}
