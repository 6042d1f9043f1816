//! `fgd`: the instance, and its GPU, where a placement adds least to the fragmentation (Weng et al., USENIX ATC 2023).

use std::sync::Arc;

use scheduler_core::{Draw, GpuDemand, GpuSet, InstanceView, PlacementRequest, PolicyContext, ScoringPolicy};

use super::TypicalTasks;
use super::gpus::{is_whole, wanted_count};

/// `trunc(100 / (1 + exp((after - before) / 1000)))` of the [fragmentation](TypicalTasks::fragmentation): 50 where it
/// stays, more where it falls.
#[derive(Debug)]
pub struct FragmentationGradientDescent {
    typical: Arc<TypicalTasks>,
}

impl FragmentationGradientDescent {
    /// With the typical tasks of a workload.
    pub fn new(typical: Arc<TypicalTasks>) -> Self {
        Self { typical }
    }

    /// The best score, and the GPU that has it where the task wants a share: the lowest of equal ones.
    fn best(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> (i64, Option<usize>) {
        let demand = request.demand();
        let model = self.typical.model_of(instance);
        let cpu_units = instance.remaining().cpu_units;
        let mut free: Vec<u32> = instance.free_gpu_millis().collect();
        let before = self.typical.measure(cpu_units, &free, model);
        let cpu_units = cpu_units - demand.cpu_units;
        let GpuDemand::Share(milli) = demand.gpus else {
            let taken = wanted_count(demand, instance);
            free.iter_mut().filter(|left| is_whole(**left)).take(taken).for_each(|left| *left = 0);
            return (score(before, self.typical.measure(cpu_units, &free, model)), None);
        };
        let milli = u32::from(milli);
        let mut best: Option<(i64, usize)> = None;
        for index in 0..free.len() {
            let left = free[index];
            // Of GPUs with equally much left one is enough.
            if left < milli || free[..index].contains(&left) {
                continue;
            }
            free[index] = left - milli;
            let score = score(before, self.typical.measure(cpu_units, &free, model));
            free[index] = left;
            if best.is_none_or(|(best, _)| score > best) {
                best = Some((score, index));
            }
        }
        best.map_or((i64::MIN, None), |(score, index)| (score, Some(index)))
    }
}

fn score(before: f64, after: f64) -> i64 {
    (100.0 / (1.0 + libm::exp(-(before - after) / 1000.0))) as i64
}

impl ScoringPolicy for FragmentationGradientDescent {
    fn name(&self) -> &'static str {
        "fgd"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        self.best(request, instance).0
    }

    fn choose_gpus(
        &self,
        context: &PolicyContext<'_>,
        instance: &InstanceView<'_>,
        _: &mut dyn Draw,
    ) -> Option<GpuSet> {
        self.best(context.request(), instance).1.map(GpuSet::single)
    }
}
