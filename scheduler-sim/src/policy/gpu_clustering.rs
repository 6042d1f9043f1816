//! `gpu-clustering`: instances that run tasks of the same class, and no others, come first.

use scheduler_core::{GpuDemand, InstanceView, PlacementRequest, ScoringPolicy};

use super::{Scale, gpus};

/// Points for the company on an instance, and up to 25 for how much of its GPUs is taken. Tasks that want a share of a GPU
/// are one class, and those that want as many whole ones. Tasks without GPUs count nowhere.
#[derive(Debug, Default)]
pub struct GpuClustering {
    scale: Scale,
}

/// What a task wants of GPUs, shares of any size being alike.
fn class(demand: GpuDemand) -> GpuDemand {
    match demand {
        GpuDemand::Share(_) => GpuDemand::Share(1),
        whole => whole,
    }
}

impl ScoringPolicy for GpuClustering {
    fn name(&self) -> &'static str {
        "gpu-clustering"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let demand = request.demand();
        if demand.gpus.is_none() || gpus::registered(instance) == 0 {
            return 0;
        }
        let (mut runs_same, mut runs_others) = (false, false);
        for task in instance.tasks().map(|task| task.spec().demand.gpus).filter(|gpus| !gpus.is_none()) {
            if class(task) == class(demand.gpus) {
                runs_same = true;
            } else {
                runs_others = true;
            }
        }
        let company = match (runs_same, runs_others) {
            (true, false) => 75,
            (true, true) => 50,
            (false, false) => 25,
            (false, true) => 0,
        };
        let largest = i64::from(self.scale.gpu_milli);
        25 * (largest - i64::from(instance.remaining().gpu_milli)) / largest + company
    }
}
