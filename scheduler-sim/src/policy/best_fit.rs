//! `best-fit`: the instances with the least left of one resource.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::Resource;

/// The least left, before the placement as after it.
#[derive(Debug)]
pub struct BestFit {
    resource: Resource,
    name: String,
}

impl BestFit {
    /// By that resource.
    pub fn new(resource: Resource) -> Self {
        Self { resource, name: format!("best-fit({resource})") }
    }
}

impl ScoringPolicy for BestFit {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, _: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        -i64::from(self.resource.remaining(instance))
    }
}
