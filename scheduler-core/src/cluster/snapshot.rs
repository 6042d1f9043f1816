//! The cluster written down: plain values from which an equal cluster can be made after a restart.

use std::sync::Arc;

use super::{
    Cluster, DesiredStatus, GpuSet, HeadroomWeights, HealthStatus, InstanceId, Readiness, ReleaseOn, Slot, TaskId,
    TaskRecord, TaskSpec, TaskStatus,
};
use crate::model::{ContainerInstance, ResourceError};

/// All of a cluster's state. Equal clusters have equal snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct ClusterSnapshot {
    /// Weights of the headroom.
    pub headroom_weights: HeadroomWeights,
    /// When stopping tasks give their resources back.
    pub release_on: ReleaseOn,
    /// The number that the next registration gets.
    pub next_instance: InstanceId,
    /// The number that the next task gets.
    pub next_task: TaskId,
    /// Registered instances in registration order.
    pub instances: Vec<InstanceSnapshot>,
    /// Tasks that hold resources, in the order of their start.
    pub tasks: Vec<TaskSnapshot>,
}

/// One instance of a [`ClusterSnapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct InstanceSnapshot {
    /// Its handle.
    pub id: InstanceId,
    /// Whether it has failed and may return.
    pub failed: bool,
    /// Its description, all of it as it is now.
    pub description: Arc<ContainerInstance>,
}

/// One task of a [`ClusterSnapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct TaskSnapshot {
    /// Its handle.
    pub id: TaskId,
    /// The instance it is on.
    pub instance: InstanceId,
    /// The embedder's name for it.
    pub name: Option<Arc<str>>,
    /// Its demand, group, kind and definition.
    pub spec: Arc<TaskSpec>,
    /// The GPUs that it holds, or holds a share of.
    pub gpu_indices: GpuSet,
    /// RUNNING, or STOPPED while it still holds its resources.
    pub desired_status: DesiredStatus,
    /// How far it has come.
    pub status: TaskStatus,
    /// What its health checks say.
    pub health: HealthStatus,
    /// Whether scale-in must leave it alone.
    pub protected: bool,
}

/// Why a snapshot cannot be a cluster's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Instances stand in the order of their numbers, each once, all below `next_instance`.
    #[error("instance number {id} is out of order, doubled, or not below the next number")]
    InstanceOrder {
        /// The number that breaks the order.
        id: InstanceId,
    },
    /// Two instances have one name.
    #[error("container instance `{name}` stands in the snapshot twice")]
    DuplicateInstance {
        /// The name.
        name: Box<str>,
    },
    /// Tasks stand in the order of their numbers, each once, all below `next_task`.
    #[error("task number {id} is out of order, doubled, or not below the next number")]
    TaskOrder {
        /// The number that breaks the order.
        id: TaskId,
    },
    /// Two tasks have one name, and the first of them should run.
    #[error("task `{name}` stands in the snapshot twice")]
    DuplicateTask {
        /// The name.
        name: Box<str>,
    },
    /// A task is on an instance that is not in the snapshot, or that has failed.
    #[error("task number {task} is on instance number {instance}, which the snapshot does not have as present")]
    InstanceMissing {
        /// The task.
        task: TaskId,
        /// The instance.
        instance: InstanceId,
    },
    /// The tasks of an instance exceed what it has, or take a port or GPU twice.
    #[error("task number {task} does not fit on instance `{instance}` beside the tasks before it")]
    TaskDoesNotFit {
        /// The first task that does not fit.
        task: TaskId,
        /// The instance's name.
        instance: Box<str>,
    },
    /// A demand is larger than anything can be.
    #[error("the demand of task number {task} is broken: {source}")]
    BrokenDemand {
        /// The task.
        task: TaskId,
        /// What is wrong with it.
        source: ResourceError,
    },
    /// Only with `lastStopped` can a task hold resources after its stop.
    #[error("task number {task} is stopping, but this cluster releases resources at once")]
    StoppingTask {
        /// The task.
        task: TaskId,
    },
}

impl Cluster {
    /// Writes all of the state down. Shares names, descriptions and specs with the cluster.
    pub fn snapshot(&self) -> ClusterSnapshot {
        let instances = self.instances.iter().map(|(id, slot)| InstanceSnapshot {
            id,
            failed: !self.instances.is_present(slot),
            description: self.current_description(slot),
        });
        let tasks = self.tasks().map(|task| TaskSnapshot {
            id: task.record.id,
            instance: self.instances.ids[task.record.slot.index()],
            name: self.tasks.name(task.record.id).cloned(),
            spec: Arc::clone(&task.record.spec),
            gpu_indices: task.record.gpus,
            desired_status: task.record.desired,
            status: task.record.status,
            health: task.record.health,
            protected: task.record.protected,
        });
        ClusterSnapshot {
            headroom_weights: self.weights,
            release_on: self.release_on,
            next_instance: InstanceId(self.next_instance),
            next_task: TaskId(self.next_task),
            instances: instances.collect(),
            tasks: tasks.collect(),
        }
    }

    /// The cluster that a snapshot was taken of, with the same handles. Prepared requests are to be made anew.
    ///
    /// # Errors
    /// [`RestoreError`] names the first thing in it that cannot be.
    pub fn restore(snapshot: ClusterSnapshot) -> Result<Self, RestoreError> {
        let mut cluster = Self::new(snapshot.headroom_weights).with_release_on(snapshot.release_on);
        for instance in snapshot.instances {
            cluster.restore_instance(instance, snapshot.next_instance)?;
        }
        cluster.next_instance = snapshot.next_instance.0;
        for task in snapshot.tasks {
            cluster.restore_task(task, snapshot.next_task)?;
        }
        cluster.next_task = snapshot.next_task.0;
        Ok(cluster)
    }

    fn current_description(&self, slot: Slot) -> Arc<ContainerInstance> {
        let description = &self.instances.occupant(slot).description;
        let status = self.instances.status(slot);
        let agent_connected = self.instances.readiness[slot.index()].has(Readiness::CONNECTED);
        if description.status() == status && description.agent_connected() == agent_connected {
            return Arc::clone(description);
        }
        let mut current = ContainerInstance::clone(description);
        current.set_status(status);
        current.set_agent_connected(agent_connected);
        Arc::new(current)
    }

    fn restore_instance(&mut self, instance: InstanceSnapshot, next: InstanceId) -> Result<(), RestoreError> {
        let InstanceSnapshot { id, failed, description } = instance;
        if id.0 < self.next_instance || id >= next {
            return Err(RestoreError::InstanceOrder { id });
        }
        if self.instances.id_of_name(description.name()).is_some() {
            return Err(RestoreError::DuplicateInstance { name: description.name().into() });
        }
        self.next_instance = id.0 + 1;
        let slot = self.insert_instance(id, description);
        self.instances.set_readiness(slot, Readiness::PRESENT, !failed);
        Ok(())
    }

    fn restore_task(&mut self, task: TaskSnapshot, next: TaskId) -> Result<(), RestoreError> {
        let id = task.id;
        if id.0 < self.next_task || id >= next {
            return Err(RestoreError::TaskOrder { id });
        }
        if let Some(name) = task.name.as_deref().filter(|name| self.tasks.index_of_name(name).is_some()) {
            return Err(RestoreError::DuplicateTask { name: name.into() });
        }
        let slot = self.instances.slot_of(task.instance).filter(|slot| self.instances.is_present(*slot));
        let slot = slot.ok_or(RestoreError::InstanceMissing { task: id, instance: task.instance })?;
        task.spec.demand.checked().map_err(|source| RestoreError::BrokenDemand { task: id, source })?;
        if task.desired_status == DesiredStatus::Stopped && self.release_on == ReleaseOn::DesiredStopped {
            return Err(RestoreError::StoppingTask { task: id });
        }
        if !self.holds(slot, &task) {
            let instance = self.instances.occupant(slot).description.name().into();
            return Err(RestoreError::TaskDoesNotFit { task: id, instance });
        }
        self.next_task = id.0 + 1;
        let index = self.insert_task(TaskRecord::new(id, task.spec, slot, task.gpu_indices, task.status), task.name);
        let record = self.tasks.get_mut(index);
        record.health = task.health;
        record.protected = task.protected;
        if task.desired_status == DesiredStatus::Stopped {
            self.withdraw(index);
        }
        Ok(())
    }

    /// Whether the instance has what the task is written down to hold.
    fn holds(&self, slot: Slot, task: &TaskSnapshot) -> bool {
        let demand = &task.spec.demand;
        let occupant = self.instances.occupant(slot);
        let instance = self.view(slot);
        demand.cpu_units <= self.instances.remaining_cpu[slot.index()]
            && demand.memory_mib <= self.instances.remaining_memory[slot.index()]
            && occupant.gpus.can_give(demand.gpus, task.gpu_indices)
            && !demand.host_ports.iter().any(|port| instance.is_port_taken(port))
            && !(demand.needs_eni && occupant.remaining_enis == Some(0))
    }
}
