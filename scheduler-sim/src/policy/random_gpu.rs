//! `random-gpu`: any feasible instance, and on it any GPU that has room.

use scheduler_core::{Candidates, Draw, DrawPurpose, GpuDemand, GpuSet, InstanceView, PlacementPolicy, PolicyContext};

use super::gpus;

/// Uniformly one of the feasible instances; a share goes to one of its GPUs with room, uniformly.
#[derive(Debug)]
pub struct RandomGpu;

impl PlacementPolicy for RandomGpu {
    fn name(&self) -> &'static str {
        "random-gpu"
    }

    fn narrow(&self, _: &PolicyContext<'_>, candidates: &mut Candidates<'_>, draw: &mut dyn Draw) {
        let position = draw.draw(DrawPurpose::Strategy, candidates.len() as u32);
        candidates.keep_only(position as usize);
    }

    fn choose_gpus(
        &self,
        context: &PolicyContext<'_>,
        instance: &InstanceView<'_>,
        draw: &mut dyn Draw,
    ) -> Option<GpuSet> {
        let demand = context.request().demand();
        let GpuDemand::Share(_) = demand.gpus else { return None };
        let roomy: Vec<usize> = gpus::with_room(demand, instance).collect();
        let position = if roomy.len() > 1 { draw.draw(DrawPurpose::Strategy, roomy.len() as u32) } else { 0 };
        roomy.get(position as usize).map(|index| GpuSet::single(*index))
    }
}
