//! `dot-product`: the instance whose remaining amounts, times those of the task, come to least: it packs.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::{Scale, gpus};

/// `trunc(100 (1 - (remaining · demand) / 2))` over CPU and GPU, all measured by the [`Scale`].
#[derive(Debug, Default)]
pub struct DotProduct {
    scale: Scale,
}

impl ScoringPolicy for DotProduct {
    fn name(&self) -> &'static str {
        "dot-product"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let (demand, remaining) = (request.demand(), instance.remaining());
        let part = |amount: u32, whole: u32| f64::from(amount) / f64::from(whole);
        let Scale { cpu_units, gpu_milli } = self.scale;
        let cpu = part(remaining.cpu_units, cpu_units) * part(demand.cpu_units, cpu_units);
        let gpu = part(remaining.gpu_milli, gpu_milli) * part(gpus::wanted_milli(demand, instance), gpu_milli);
        (100.0 * (1.0 - f64::midpoint(cpu, gpu))) as i64
    }
}
