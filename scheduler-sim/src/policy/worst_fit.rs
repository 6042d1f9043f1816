//! `worst-fit`: the instances with the most left of one resource.

use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};

use super::Resource;

/// The most left, before the placement as after it.
#[derive(Debug)]
pub struct WorstFit {
    resource: Resource,
    name: String,
}

impl WorstFit {
    /// By that resource.
    pub fn new(resource: Resource) -> Self {
        Self { resource, name: format!("worst-fit({resource})") }
    }
}

impl ScoringPolicy for WorstFit {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, _: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
        i64::from(self.resource.remaining(instance))
    }
}
