//! `tetris`: the instance with the highest alignment (Grandl et al., "Multi-Resource Packing for Cluster Schedulers",
//! SIGCOMM 2014).

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::amounts::{parts, score};

/// The dot product of demand and remaining amounts, each measured by what the instance has registered. Large tasks go where
/// much is left, in the resources that they want.
#[derive(Debug)]
pub struct Tetris;

impl ScoringPolicy for Tetris {
    fn name(&self) -> &'static str {
        "tetris"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        score(parts(request.demand(), instance).map(|(wanted, left)| wanted * left).sum())
    }
}
