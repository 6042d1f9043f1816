//! Tasks starting, stopping and giving their resources back.
//!
//! [`Cluster::start`] itself stands with the checks of placement, because it asks them again.

use std::sync::Arc;

use super::change::GpuSet;
use super::tasks::TaskIndex;
use super::{
    Cause, ChainKind, Change, Cluster, ClusterError, DesiredStatus, HealthStatus, ReleaseOn, Slot, TaskId, TaskKind,
    TaskRecord, TaskSpec, TaskStatus,
};
use crate::model::Demand;

impl Cluster {
    /// A task's desired status becomes STOPPED: it counts nowhere any more and, by default, its resources are free.
    ///
    /// Under [`ReleaseOn::LastStopped`] it holds them until it is [released](Self::release).
    ///
    /// Cost: O(1).
    ///
    /// # Errors
    /// [`ClusterError::UnknownTask`]; [`ClusterError::TaskStopping`] if it was stopped before.
    pub fn stop(&mut self, task: TaskId) -> Result<Change, ClusterError> {
        let index = self.task_index(task)?;
        if self.tasks.get(index).desired == DesiredStatus::Stopped {
            return Err(ClusterError::TaskStopping { id: task });
        }
        Ok(match self.release_on {
            ReleaseOn::DesiredStopped => self.end_task(index, Cause::Stopped),
            ReleaseOn::LastStopped => self.change_task(index, Cause::Stopped, |cluster| cluster.withdraw(index)),
        })
    }

    /// A stopping task has really ended and gives its resources back. Only under [`ReleaseOn::LastStopped`].
    ///
    /// # Errors
    /// [`ClusterError::UnknownTask`]; [`ClusterError::TaskNotStopping`] if it was not stopped.
    pub fn release(&mut self, task: TaskId) -> Result<Change, ClusterError> {
        let index = self.task_index(task)?;
        if self.tasks.get(index).desired == DesiredStatus::Running {
            return Err(ClusterError::TaskNotStopping { id: task });
        }
        Ok(self.end_task(index, Cause::Released))
    }

    /// Records how far a task has come. `None` if it had come so far already.
    ///
    /// # Errors
    /// [`ClusterError::UnknownTask`].
    pub fn set_task_status(&mut self, task: TaskId, status: TaskStatus) -> Result<Option<Change>, ClusterError> {
        let index = self.task_index(task)?;
        if self.tasks.get(index).status == status {
            return Ok(None);
        }
        Ok(Some(self.change_task(index, Cause::TaskUpdated, |cluster| {
            let record = cluster.tasks.get_mut(index);
            let was_pending = std::mem::replace(&mut record.status, status) == TaskStatus::Pending;
            let counts = record.desired == DesiredStatus::Running;
            let occupant = cluster.instances.occupant_mut(record.slot);
            if counts && was_pending {
                occupant.pending_tasks -= 1;
            }
            if counts && status == TaskStatus::Pending {
                occupant.pending_tasks += 1;
            }
        })))
    }

    /// Records what a task's health checks say. `None` if they said so already.
    ///
    /// # Errors
    /// [`ClusterError::UnknownTask`].
    pub fn set_task_health(&mut self, task: TaskId, health: HealthStatus) -> Result<Option<Change>, ClusterError> {
        let index = self.task_index(task)?;
        if self.tasks.get(index).health == health {
            return Ok(None);
        }
        Ok(Some(self.change_task(index, Cause::TaskUpdated, |cluster| cluster.tasks.get_mut(index).health = health)))
    }

    /// Protects a task from scale-in, or gives it up. `None` if it was so already.
    ///
    /// # Errors
    /// [`ClusterError::UnknownTask`].
    pub fn set_task_protection(&mut self, task: TaskId, protected: bool) -> Result<Option<Change>, ClusterError> {
        let index = self.task_index(task)?;
        if self.tasks.get(index).protected == protected {
            return Ok(None);
        }
        let protect = |cluster: &mut Self| cluster.tasks.get_mut(index).protected = protected;
        Ok(Some(self.change_task(index, Cause::TaskUpdated, protect)))
    }

    /// Puts a task on an instance that has been found to hold it, on GPUs that can give it what it needs; on none: on
    /// those that it gets by default.
    pub(crate) fn commit_start(
        &mut self,
        slot: Slot,
        spec: &Arc<TaskSpec>,
        name: Option<Arc<str>>,
        status: TaskStatus,
        gpus: GpuSet,
    ) -> Change {
        let id = TaskId(self.next_task);
        self.next_task += 1;
        let gpus = if gpus.is_empty() && !spec.demand.gpus.is_none() {
            let chosen = self.instances.occupant(slot).gpus.choose(spec.demand.gpus);
            chosen.expect("the instance was found to have the GPUs")
        } else {
            gpus
        };
        let before = self.instances.totals(slot);
        let index = self.insert_task(TaskRecord::new(id, Arc::clone(spec), slot, gpus, status), name);
        let task = Some(self.tasks.change(index));
        Change { task, ..self.instance_change(slot, before, Cause::Started) }
    }

    /// Takes what a running task needs and counts it. The caller has checked that it is there.
    pub(super) fn insert_task(&mut self, record: TaskRecord, name: Option<Arc<str>>) -> TaskIndex {
        let (slot, gpus, status) = (record.slot, record.gpus, record.status);
        let spec = Arc::clone(&record.spec);
        let index = self.tasks.insert(record, name);
        self.unindex(slot);
        self.take(slot, &spec.demand, gpus);
        self.reindex(slot);
        let occupant = self.instances.occupant_mut(slot);
        occupant.running_tasks += 1;
        occupant.holding_tasks += 1;
        occupant.pending_tasks += u32::from(status == TaskStatus::Pending);
        occupant.occupying_tasks += u32::from(spec.kind != TaskKind::Daemon);
        self.tasks.link(&mut occupant.tasks, ChainKind::Instance, index);
        let group = self.groups.add(&spec.group, slot, self.index.partitions());
        self.tasks.get_mut(index).group = group;
        self.tasks.link(&mut self.groups.get_mut(group).tasks, ChainKind::Group, index);
        index
    }

    /// All tasks of an instance are lost, oldest placement first.
    pub(super) fn lose_tasks(&mut self, slot: Slot) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(index) = self.instances.occupant(slot).tasks.first() {
            changes.push(self.end_task(index, Cause::Lost));
        }
        changes
    }

    /// A task ends altogether.
    fn end_task(&mut self, index: TaskIndex, cause: Cause) -> Change {
        self.change_task(index, cause, |cluster| {
            if cluster.tasks.get(index).desired == DesiredStatus::Running {
                cluster.withdraw(index);
            }
            let slot = cluster.tasks.get(index).slot;
            let occupant = cluster.instances.occupant_mut(slot);
            cluster.tasks.unlink(&mut occupant.tasks, ChainKind::Instance, index);
            let record = cluster.tasks.remove(index);
            occupant.holding_tasks -= 1;
            occupant.occupying_tasks -= u32::from(record.spec.kind != TaskKind::Daemon);
            cluster.unindex(slot);
            cluster.give_back(slot, &record.spec.demand, record.gpus);
            cluster.reindex(slot);
            cluster.releases.push(slot);
        })
    }

    /// Marks a task as one that shall stop: it counts in no group and no counter any more, and its name is free.
    pub(super) fn withdraw(&mut self, index: TaskIndex) {
        self.tasks.free_name(index);
        let record = self.tasks.get_mut(index);
        record.desired = DesiredStatus::Stopped;
        let (slot, is_pending) = (record.slot, record.status == TaskStatus::Pending);
        let group = record.group;
        let occupant = self.instances.occupant_mut(slot);
        occupant.running_tasks -= 1;
        occupant.pending_tasks -= u32::from(is_pending);
        self.tasks.unlink(&mut self.groups.get_mut(group).tasks, ChainKind::Group, index);
        self.groups.remove(group, slot, self.index.partitions());
        self.releases.push(slot);
    }

    fn take(&mut self, slot: Slot, demand: &Demand, gpus: GpuSet) {
        self.instances.remaining_cpu[slot.index()] -= demand.cpu_units;
        self.instances.remaining_memory[slot.index()] -= demand.memory_mib;
        let occupant = self.instances.occupant_mut(slot);
        occupant.gpus.take(demand.gpus, gpus);
        for port in demand.host_ports.iter() {
            let was_free = occupant.task_ports.insert(port);
            debug_assert!(was_free, "a port is taken once");
        }
        if demand.needs_eni {
            occupant.remaining_enis = occupant.remaining_enis.map(|enis| enis - 1);
        }
    }

    fn give_back(&mut self, slot: Slot, demand: &Demand, gpus: GpuSet) {
        self.instances.remaining_cpu[slot.index()] += demand.cpu_units;
        self.instances.remaining_memory[slot.index()] += demand.memory_mib;
        let occupant = self.instances.occupant_mut(slot);
        occupant.gpus.give_back(demand.gpus, gpus);
        for port in demand.host_ports.iter() {
            occupant.task_ports.remove(port);
        }
        if demand.needs_eni {
            occupant.remaining_enis = occupant.remaining_enis.map(|enis| enis + 1);
        }
    }

    fn task_index(&self, id: TaskId) -> Result<TaskIndex, ClusterError> {
        self.tasks.index_of(id).ok_or(ClusterError::UnknownTask { id })
    }

    /// Does something to one task and tells the change of its instance.
    fn change_task(&mut self, index: TaskIndex, cause: Cause, act: impl FnOnce(&mut Self)) -> Change {
        let slot = self.tasks.get(index).slot;
        let task = Some(self.tasks.change(index));
        let before = self.instances.totals(slot);
        act(self);
        Change { task, ..self.instance_change(slot, before, cause) }
    }
}
