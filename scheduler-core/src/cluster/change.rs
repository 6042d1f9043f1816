//! What a call on the cluster changed: the only thing that metrics, logs and stores need to see.

use std::sync::Arc;

use super::{InstanceId, TaskId, TaskSpec};
use crate::model::{Attributes, ContainerInstance, InstanceStatus};

/// Amounts of CPU, memory and GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Amounts {
    /// CPU units, 1024 = 1 vCPU.
    pub cpu_units: u32,
    /// MiB.
    pub memory_mib: u32,
    /// GPUs in thousandths: a whole one is 1,000.
    pub gpu_milli: u32,
}

/// The numbers of one present container instance at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstanceTotals {
    /// Capacity at registration, or since the last resize.
    pub registered: Amounts,
    /// Reserved by tasks and by load that no task explains.
    pub used: Amounts,
    /// Tasks whose desired status is RUNNING (`runningTasksCount`).
    pub running_tasks: u32,
    /// Tasks that hold resources and are not daemons; 0 makes the instance empty.
    pub occupying_tasks: u32,
    /// ACTIVE or DRAINING.
    pub status: InstanceStatus,
    /// Whether its agent is connected.
    pub agent_connected: bool,
}

/// Why something changed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The instance joined; its description.
    Registered(Arc<ContainerInstance>),
    /// The instance left for good.
    Deregistered,
    /// The instance failed; it may return.
    Failed,
    /// A failed instance is back, empty; its description.
    Returned(Arc<ContainerInstance>),
    /// ACTIVE became DRAINING or the reverse.
    StatusChanged,
    /// The agent connected or disconnected.
    AgentChanged,
    /// Attributes were put or deleted; all of them as they are now.
    AttributesChanged(Arc<Attributes>),
    /// The registered resources changed.
    Resized,
    /// A task was started.
    Started,
    /// A task's desired status became STOPPED.
    Stopped,
    /// A task was lost with its instance.
    Lost,
    /// A stopping task gave its resources back ([`ReleaseOn::LastStopped`](super::ReleaseOn::LastStopped)).
    Released,
    /// A task's status, health or protection changed.
    TaskUpdated,
}

/// The task that a change is about.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskChange {
    /// Its handle.
    pub id: TaskId,
    /// The embedder's own name for it, if it was given one.
    pub name: Option<Arc<str>>,
    /// Its demand, group, kind and definition.
    pub spec: Arc<TaskSpec>,
    /// Indices of the GPUs it holds, or holds a share of, among the instance's in registration order.
    pub gpu_indices: GpuSet,
}

/// One change of one container instance. Whoever made the call adds the time.
///
/// A fold over these is all that metrics, decision logs and stores need; none of them has to look at the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The instance that changed.
    pub instance: InstanceId,
    /// Its numbers before; `None` if it was not present.
    pub before: Option<InstanceTotals>,
    /// Its numbers after; `None` if it is not present any more.
    pub after: Option<InstanceTotals>,
    /// The task concerned, if the change is about one.
    pub task: Option<TaskChange>,
    /// What happened.
    pub cause: Cause,
}

impl Change {
    /// The handle of the task concerned, if the change is about one.
    pub fn task_id(&self) -> Option<TaskId> {
        self.task.as_ref().map(|task| task.id)
    }
}

/// Some of the GPUs of one instance, by their index in registration order; at most
/// [`MAX_GPUS`](crate::model::MAX_GPUS).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct GpuSet(pub(crate) u64);

impl GpuSet {
    /// The first `count` GPUs.
    pub(crate) fn first(count: u32) -> Self {
        Self(if count >= u64::BITS { u64::MAX } else { (1 << count) - 1 })
    }

    /// The GPU of that index alone; none for an index beyond [`MAX_GPUS`](crate::model::MAX_GPUS).
    pub fn single(index: usize) -> Self {
        Self(if index < u64::BITS as usize { 1 << index } else { 0 })
    }

    /// Whether the GPU of that index is among these.
    pub fn contains(self, index: usize) -> bool {
        self.contains_all(Self::single(index)) && index < u64::BITS as usize
    }

    /// The `count` lowest of these, or `None` if there are fewer (C-11).
    pub(crate) fn lowest(self, count: u32) -> Option<Self> {
        let mut rest = self.0;
        for _ in 0..count {
            if rest == 0 {
                return None;
            }
            rest &= rest - 1;
        }
        Some(Self(self.0 ^ rest))
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// How many.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The indices, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |index| self.0 >> index & 1 == 1)
    }
}

impl FromIterator<usize> for GpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        indices.into_iter().fold(Self::default(), |set, index| set.with(Self::single(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_takes_the_first_free_ones_in_registration_order() {
        let free = GpuSet(0b1101_0110);
        assert_eq!(free.lowest(3), Some(GpuSet(0b0001_0110)));
        assert_eq!(free.lowest(0), Some(GpuSet(0)));
        assert_eq!(free.lowest(5), Some(free));
        assert_eq!(free.lowest(6), None);
        assert_eq!(GpuSet::first(64).len(), 64);
        assert_eq!(free.iter().collect::<Vec<_>>(), [1, 2, 4, 6, 7]);
    }
}
