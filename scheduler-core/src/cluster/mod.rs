//! The cluster's state: instances, tasks and groups, changed only together.
//!
//! [`Cluster`] is the only thing that changes. Each call that changes it returns a [`Change`] for every instance
//! concerned, and a call that errs leaves everything as it was. Placement ([`Scheduler`](crate::Scheduler)) only reads.

mod audit;
mod change;
mod classes;
mod error;
mod gpus;
mod groups;
mod id;
mod instances;
mod lifecycle;
mod membership;
mod release_log;
mod slot_counts;
mod snapshot;
mod task;
mod task_numbers;
mod tasks;
mod version;
mod view;

use crate::index::Indexes;

pub use audit::AuditError;
pub use change::{Amounts, Cause, Change, GpuSet, InstanceTotals, TaskChange};
pub(crate) use classes::{AttributeClasses, Mention};
pub use error::ClusterError;
pub(crate) use groups::{Group, GroupTable};
pub(crate) use id::Slot;
pub use id::{InstanceId, TaskId};
pub(crate) use instances::{InstanceTable, Occupant, Readiness};
pub use membership::{CUSTOM_ATTRIBUTE_LIMIT, PUT_ATTRIBUTES_LIMIT};
pub(crate) use release_log::{LogPosition, ReleaseLog};
pub(crate) use slot_counts::SlotCounts;
pub use snapshot::{ClusterSnapshot, InstanceSnapshot, RestoreError, TaskSnapshot};
pub use task::{DesiredStatus, HealthStatus, ReleaseOn, TaskKind, TaskSpec, TaskStatus};
pub(crate) use tasks::{ChainKind, TaskRecord, TaskTable};
pub(crate) use version::{ClusterIdentity, Version};
pub use view::{GroupView, InstanceView, TaskView, ZoneTotals};

/// How many points a unit of remaining CPU and a MiB of remaining memory count for in the headroom of an instance
/// (C-19).
///
/// The default, 4 and 1, makes both dimensions count alike on general-purpose instances, which have 4 MiB for each CPU
/// unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeadroomWeights {
    /// Points per CPU unit.
    pub cpu: u32,
    /// Points per MiB.
    pub memory: u32,
}

impl Default for HeadroomWeights {
    fn default() -> Self {
        Self { cpu: 4, memory: 1 }
    }
}

impl HeadroomWeights {
    /// Headroom of what remains. Two amounts below 2^31 with weights below 2^32 fit in 64 bits.
    pub(crate) fn headroom(self, remaining_cpu: u32, remaining_memory: u32) -> u64 {
        u64::from(self.cpu) * u64::from(remaining_cpu) + u64::from(self.memory) * u64::from(remaining_memory)
    }
}

/// Container instances, the tasks on them, and the groups these count under.
///
/// `Cluster` is plain data: [`fork`](Self::fork) it for a what-if, send it to another thread, compare two.
///
/// ```
/// use scheduler_core::{Cluster, ContainerInstance, Demand, PlacementRequest, Scheduler, SeededDraw, TaskGroup};
///
/// let mut cluster = Cluster::default();
/// let instance = ContainerInstance::builder("i-1").zone("us-east-2a").instance_type("t2.micro").build()?;
/// let id = cluster.register(instance)?.instance;
///
/// let request = PlacementRequest::new(Demand::new(256, 512), TaskGroup::service("web")?);
/// let placement = Scheduler::default().place_once(&cluster, &request, &mut SeededDraw::new(0))?.unwrap();
/// let change = cluster.start(&placement)?;
/// assert_eq!(change.instance, id);
/// assert_eq!(cluster.instance(id).unwrap().remaining().cpu_units, 768);
///
/// cluster.stop(change.task_id().unwrap())?;
/// assert_eq!(cluster.instance(id).unwrap().remaining().cpu_units, 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(crate) weights: HeadroomWeights,
    pub(crate) release_on: ReleaseOn,
    next_instance: u64,
    next_task: u64,
    identity: ClusterIdentity,
    /// Changes so far; the number of the last one is kept of each instance.
    changes: u64,
    pub(crate) instances: InstanceTable,
    pub(crate) tasks: TaskTable,
    pub(crate) groups: GroupTable,
    pub(crate) classes: AttributeClasses,
    pub(crate) index: Indexes,
    pub(crate) releases: ReleaseLog,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new(HeadroomWeights::default())
    }
}

impl Cluster {
    /// A cluster without instances. The weights are part of its identity: every headroom in it is measured by them.
    pub fn new(weights: HeadroomWeights) -> Self {
        Self {
            weights,
            release_on: ReleaseOn::default(),
            next_instance: 0,
            next_task: 0,
            identity: ClusterIdentity::default(),
            changes: 0,
            instances: InstanceTable::default(),
            tasks: TaskTable::default(),
            groups: GroupTable::default(),
            classes: AttributeClasses::new(),
            index: Indexes::default(),
            releases: ReleaseLog::default(),
        }
    }

    /// Sets when stopping tasks give their resources back (C-13).
    pub fn with_release_on(mut self, release_on: ReleaseOn) -> Self {
        self.release_on = release_on;
        self
    }

    /// The weights of every headroom in this cluster.
    pub fn headroom_weights(&self) -> HeadroomWeights {
        self.weights
    }

    /// When stopping tasks give their resources back.
    pub fn release_on(&self) -> ReleaseOn {
        self.release_on
    }

    /// A copy to try things on. Nothing that happens to one shows in the other.
    ///
    /// Cost: copies of the columns and the task table; names, descriptions and specs are shared. Prepared requests
    /// work on both.
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// Instances registered and not deregistered, failed ones included.
    pub fn instance_count(&self) -> usize {
        self.instances.len()
    }

    /// Tasks that hold resources.
    pub fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// The state that the cluster is in.
    pub(crate) fn version(&self) -> Version {
        Version { cluster: self.identity.number(), changes: self.changes }
    }

    pub(crate) fn slot(&self, id: InstanceId) -> Result<Slot, ClusterError> {
        self.instances.slot_of(id).ok_or(ClusterError::UnknownInstance { id })
    }

    /// The slot of an instance that is registered and has not failed.
    pub(crate) fn present_slot(&self, id: InstanceId) -> Result<Slot, ClusterError> {
        let slot = self.slot(id)?;
        if self.instances.is_present(slot) {
            return Ok(slot);
        }
        Err(ClusterError::InstanceFailed { name: self.instances.occupant(slot).description.name().into() })
    }

    /// Makes instances that differ in one of `names` be of different classes while the returned tokens live.
    pub(crate) fn mention(&mut self, names: &[crate::model::AttributeName]) -> Vec<Mention> {
        let (mentions, must_rebuild) = self.classes.mention(names);
        if must_rebuild {
            self.rebuild_classes();
        }
        mentions
    }

    pub(crate) fn rebuild_classes(&mut self) {
        let Self { instances, classes, .. } = self;
        let slots: Vec<_> = instances.iter().map(|(_, slot)| slot).collect();
        let attributes = slots.iter().map(|slot| instances.occupant(*slot).description.attributes());
        let rebuilt = classes.rebuild(attributes);
        for (slot, class) in slots.into_iter().zip(rebuilt) {
            instances.classes[slot.index()] = class;
        }
        self.rebuild_indexes();
    }
}
