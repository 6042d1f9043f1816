//! `cosine-similarity`: the instance whose remaining amounts are most nearly in proportion to the task's.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::amounts::{parts, score};

/// The cosine of the angle between demand and remaining amounts, each measured by what the instance has registered; 1 for a
/// task that wants nothing.
#[derive(Debug)]
pub struct CosineSimilarity;

impl ScoringPolicy for CosineSimilarity {
    fn name(&self) -> &'static str {
        "cosine-similarity"
    }

    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        let (mut dot, mut wanted_square, mut left_square) = (0.0, 0.0, 0.0);
        for (wanted, left) in parts(request.demand(), instance) {
            dot += wanted * left;
            wanted_square += wanted * wanted;
            left_square += left * left;
        }
        let lengths = libm::sqrt(wanted_square) * libm::sqrt(left_square);
        score(if lengths > 0.0 { dot / lengths } else { 1.0 })
    }
}
