//! Placement policies of the literature, one file each, written against the core's public door and nothing else.
//!
//! A new one is a file, and a line in [`POLICIES`]; one that must know the workload beforehand, as FGD must, is made by
//! whoever knows it.

mod amounts;
mod best_fit;
mod best_fit_gpu;
mod cosine_similarity;
mod dot_product;
mod first_fit;
mod fragmentation;
mod fragmentation_gradient_descent;
mod gpu_clustering;
mod gpu_packing;
mod gpus;
mod least_waste;
mod random_gpu;
mod scale;
#[cfg(test)]
mod tests;
mod tetris;
mod worst_fit;

use std::sync::Arc;

use scheduler_core::PlacementPolicy;

pub use amounts::Resource;
pub use best_fit::BestFit;
pub use best_fit_gpu::BestFitGpu;
pub use cosine_similarity::CosineSimilarity;
pub use dot_product::DotProduct;
pub use first_fit::FirstFit;
pub use fragmentation::{TaskShape, TypicalTasks};
pub use fragmentation_gradient_descent::FragmentationGradientDescent;
pub use gpu_clustering::GpuClustering;
pub use gpu_packing::GpuPacking;
pub use least_waste::LeastWaste;
pub use random_gpu::RandomGpu;
pub use scale::Scale;
pub use tetris::Tetris;
pub use worst_fit::WorstFit;

/// A policy that strategies may name.
#[derive(Debug, Clone, Copy)]
pub struct NamedPolicy {
    /// Its name.
    pub name: &'static str,
    /// What it prefers, in one line.
    pub summary: &'static str,
    make: Make,
}

#[derive(Debug, Clone, Copy)]
enum Make {
    Alone(fn() -> Arc<dyn PlacementPolicy>),
    /// By a resource, in brackets.
    By(fn(Resource) -> Arc<dyn PlacementPolicy>),
}

impl NamedPolicy {
    /// Whether it is by a resource.
    pub fn takes_resource(&self) -> bool {
        matches!(self.make, Make::By(_))
    }

    /// The policy, by memory if none is named where it takes a resource. `None` for a resource that it does not take.
    pub fn make(&self, resource: Option<&str>) -> Option<Arc<dyn PlacementPolicy>> {
        match (self.make, resource) {
            (Make::Alone(make), None) => Some(make()),
            (Make::Alone(_), Some(_)) => None,
            (Make::By(make), None) => Some(make(Resource::Memory)),
            (Make::By(make), Some(name)) => Resource::of_name(name).map(make),
        }
    }
}

const fn alone(name: &'static str, summary: &'static str, make: fn() -> Arc<dyn PlacementPolicy>) -> NamedPolicy {
    NamedPolicy { name, summary, make: Make::Alone(make) }
}

const fn by(name: &'static str, summary: &'static str, make: fn(Resource) -> Arc<dyn PlacementPolicy>) -> NamedPolicy {
    NamedPolicy { name, summary, make: Make::By(make) }
}

/// All policies that need to know nothing beforehand.
pub const POLICIES: &[NamedPolicy] = &[
    alone("first-fit", "the instance that registered first", || Arc::new(FirstFit)),
    by("best-fit", "the least left of a resource: cpu, memory or gpu", |resource| Arc::new(BestFit::new(resource))),
    by("worst-fit", "the most left of a resource: cpu, memory or gpu", |resource| Arc::new(WorstFit::new(resource))),
    alone("cosine-similarity", "what is left most nearly in proportion to the task", || Arc::new(CosineSimilarity)),
    alone("tetris", "the highest alignment of the task with what is left", || Arc::new(Tetris)),
    alone("least-waste", "the least left idle by the placement, over all resources", || Arc::new(LeastWaste)),
    alone(
        "dot-product",
        "the lowest product of task and what is left, CPU and GPU",
        || Arc::new(DotProduct::default()),
    ),
    alone("gpu-clustering", "instances with GPU tasks of the same class alone", || Arc::new(GpuClustering::default())),
    alone("gpu-packing", "GPUs in use, then instances in use, then others", || Arc::new(GpuPacking)),
    alone("best-fit-gpu", "the least CPU and GPU left by the placement", || Arc::new(BestFitGpu::default())),
    alone("random-gpu", "any feasible instance, and any GPU with room", || Arc::new(RandomGpu)),
];

/// The policy of that name.
pub fn named(name: &str) -> Option<&'static NamedPolicy> {
    POLICIES.iter().find(|policy| policy.name == name)
}
