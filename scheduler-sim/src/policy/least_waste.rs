//! `least-waste`: the instance of which the smallest part is left idle by the placement.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::amounts::{parts, score};

/// The mean over the resources of what remains after the placement, as parts of what is registered; the least is best.
#[derive(Debug)]
pub struct LeastWaste;

impl ScoringPolicy for LeastWaste {
    fn name(&self) -> &'static str {
        "least-waste"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let (mut idle, mut resources) = (0.0, 0.0);
        for (wanted, left) in parts(request.demand(), instance) {
            idle += left - wanted;
            resources += 1.0;
        }
        if resources > 0.0 { -score(idle / resources) } else { 0 }
    }
}
