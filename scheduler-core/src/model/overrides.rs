//! Overrides of a task definition for one task (`overrides` of `RunTask` and `StartTask`): what changes the demand.

use super::resources::GpuDemand;

/// What one task takes instead of its definition's values (ECS API reference, `TaskOverride`).
///
/// ```
/// use scheduler_core::model::{ContainerDefinition, ContainerOverride, TaskDefinition, TaskOverrides};
///
/// let definition = TaskDefinition::builder("web")
///     .container(ContainerDefinition::new("nginx").with_cpu_units(256).with_memory_mib(100))
///     .build()?;
/// let overrides = TaskOverrides {
///     containers: vec![ContainerOverride { memory_mib: Some(200), ..ContainerOverride::new("nginx") }],
///     ..TaskOverrides::default()
/// };
/// assert_eq!(definition.with_overrides(&overrides)?.demand().memory_mib, 200);
/// # Ok::<(), scheduler_core::model::TaskDefinitionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TaskOverrides {
    /// CPU units of the task as a whole.
    pub cpu_units: Option<u32>,
    /// Memory of the task as a whole, in MiB.
    pub memory_mib: Option<u32>,
    /// Overrides for containers by name; a later one wins over an earlier one.
    pub containers: Vec<ContainerOverride>,
}

impl TaskOverrides {
    /// Whether nothing is overridden.
    pub fn is_empty(&self) -> bool {
        *self == TaskOverrides::default()
    }
}

/// What one container takes instead of its definition's values (ECS API reference, `ContainerOverride`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerOverride {
    /// Which container.
    pub name: Box<str>,
    /// CPU units.
    pub cpu_units: Option<u32>,
    /// The hard limit in MiB.
    pub memory_mib: Option<u32>,
    /// The soft limit in MiB.
    pub memory_reservation_mib: Option<u32>,
    /// GPUs.
    pub gpus: Option<GpuDemand>,
}

impl ContainerOverride {
    /// For the container `name`, changing nothing yet.
    pub fn new(name: impl Into<Box<str>>) -> ContainerOverride {
        ContainerOverride {
            name: name.into(),
            cpu_units: None,
            memory_mib: None,
            memory_reservation_mib: None,
            gpus: None,
        }
    }
}
