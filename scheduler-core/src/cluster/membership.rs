//! Instances joining, changing and leaving.

use std::sync::Arc;

use super::change::GpuSet;
use super::gpus::Gpus;
use super::tasks::Chain;
use super::{Amounts, Cause, Change, Cluster, ClusterError, InstanceId, InstanceTotals, Occupant, Readiness, Slot};
use crate::model::{
    AttributeName, AttributeValue, ContainerInstance, Demand, GPU_MILLI, GpuDemand, HostPorts, RESERVED_PORT_LIMIT,
    Resources,
};

/// Most custom attributes that PutAttributes leaves on one instance.
pub const CUSTOM_ATTRIBUTE_LIMIT: usize = 10;
/// Most attributes in one PutAttributes call.
pub const PUT_ATTRIBUTES_LIMIT: usize = 10;

const MAX_INSTANCES: usize = u32::MAX as usize;

impl Cluster {
    /// Adds a container instance; the handle is the change's `instance`.
    ///
    /// Cost: O(log n) in registered instances.
    ///
    /// # Errors
    /// [`ClusterError::DuplicateInstance`] if an instance of that name is registered, be it failed;
    /// [`ClusterError::TooManyInstances`] beyond 2^32 − 1 at once.
    pub fn register(&mut self, instance: ContainerInstance) -> Result<Change, ClusterError> {
        if self.instances.id_of_name(instance.name()).is_some() {
            return Err(ClusterError::DuplicateInstance { name: instance.name().into() });
        }
        if self.instances.len() >= MAX_INSTANCES {
            return Err(ClusterError::TooManyInstances { limit: MAX_INSTANCES as u64 });
        }
        let id = InstanceId(self.next_instance);
        self.next_instance += 1;
        let slot = self.insert_instance(id, Arc::new(instance));
        let description = Arc::clone(&self.instances.occupant(slot).description);
        Ok(self.instance_change(slot, None, Cause::Registered(description)))
    }

    /// Puts an instance in a slot, its name and id being free.
    pub(super) fn insert_instance(&mut self, id: InstanceId, description: Arc<ContainerInstance>) -> Slot {
        let class = self.classes.join(description.attributes());
        let occupant = empty_occupant(description);
        let slot = self.instances.insert(id, class, occupant);
        self.reassign(slot);
        self.reindex(slot);
        self.releases.push(slot);
        slot
    }

    /// Removes an instance that runs nothing, as ECS does without `force`.
    ///
    /// # Errors
    /// [`ClusterError::InstanceHasTasks`] if a task holds resources on it; [`ClusterError::UnknownInstance`].
    pub fn deregister(&mut self, id: InstanceId) -> Result<Change, ClusterError> {
        let slot = self.slot(id)?;
        let occupant = self.instances.occupant(slot);
        if occupant.holding_tasks > 0 {
            return Err(ClusterError::InstanceHasTasks {
                name: occupant.description.name().into(),
                tasks: occupant.holding_tasks,
            });
        }
        Ok(self.remove_instance(slot))
    }

    /// Removes an instance; its tasks are lost first, in the order of their placement.
    ///
    /// # Errors
    /// [`ClusterError::UnknownInstance`].
    pub fn deregister_force(&mut self, id: InstanceId) -> Result<Vec<Change>, ClusterError> {
        let slot = self.slot(id)?;
        let mut changes = self.lose_tasks(slot);
        changes.push(self.remove_instance(slot));
        Ok(changes)
    }

    fn remove_instance(&mut self, slot: Slot) -> Change {
        let before = self.instances.totals(slot);
        self.unindex(slot);
        let too_many_unused = self.classes.leave(self.instances.classes[slot.index()]);
        self.instances.remove(slot);
        if too_many_unused {
            self.rebuild_classes();
        }
        self.instance_change(slot, before, Cause::Deregistered)
    }

    /// An instance fails: its tasks are lost, in the order of their placement, and it takes none until it
    /// [returns](Self::return_failed). It keeps its handle.
    ///
    /// # Errors
    /// [`ClusterError::InstanceFailed`] if it has failed already; [`ClusterError::UnknownInstance`].
    pub fn fail(&mut self, id: InstanceId) -> Result<Vec<Change>, ClusterError> {
        let slot = self.present_slot(id)?;
        let mut changes = self.lose_tasks(slot);
        let before = self.instances.totals(slot);
        self.unindex(slot);
        self.instances.set_readiness(slot, Readiness::PRESENT, false);
        changes.push(self.instance_change(slot, before, Cause::Failed));
        Ok(changes)
    }

    /// A failed instance is back: the same one, empty, with status, attributes and agent as before.
    ///
    /// # Errors
    /// [`ClusterError::InstanceNotFailed`]; [`ClusterError::UnknownInstance`].
    pub fn return_failed(&mut self, id: InstanceId) -> Result<Change, ClusterError> {
        let slot = self.slot(id)?;
        let description = Arc::clone(&self.instances.occupant(slot).description);
        if self.instances.is_present(slot) {
            return Err(ClusterError::InstanceNotFailed { name: description.name().into() });
        }
        self.instances.set_readiness(slot, Readiness::PRESENT, true);
        self.reindex(slot);
        self.releases.push(slot);
        Ok(self.instance_change(slot, None, Cause::Returned(description)))
    }

    /// ACTIVE becomes DRAINING: no placement any more, its tasks stay. `None` if it was DRAINING already.
    ///
    /// # Errors
    /// [`ClusterError::UnknownInstance`]; [`ClusterError::InstanceFailed`].
    pub fn drain(&mut self, id: InstanceId) -> Result<Option<Change>, ClusterError> {
        self.set_readiness(id, Readiness::ACTIVE, false)
    }

    /// DRAINING becomes ACTIVE. `None` if it was ACTIVE already.
    ///
    /// # Errors
    /// [`ClusterError::UnknownInstance`]; [`ClusterError::InstanceFailed`].
    pub fn reactivate(&mut self, id: InstanceId) -> Result<Option<Change>, ClusterError> {
        self.set_readiness(id, Readiness::ACTIVE, true)
    }

    /// The agent is connected: the instance can take tasks. `None` if it was.
    ///
    /// # Errors
    /// [`ClusterError::UnknownInstance`]; [`ClusterError::InstanceFailed`].
    pub fn connect_agent(&mut self, id: InstanceId) -> Result<Option<Change>, ClusterError> {
        self.set_readiness(id, Readiness::CONNECTED, true)
    }

    /// The agent is disconnected: no placement (`AGENT`). `None` if it was.
    ///
    /// # Errors
    /// [`ClusterError::UnknownInstance`]; [`ClusterError::InstanceFailed`].
    pub fn disconnect_agent(&mut self, id: InstanceId) -> Result<Option<Change>, ClusterError> {
        self.set_readiness(id, Readiness::CONNECTED, false)
    }

    fn set_readiness(&mut self, id: InstanceId, bit: Readiness, on: bool) -> Result<Option<Change>, ClusterError> {
        let slot = self.present_slot(id)?;
        if self.instances.readiness[slot.index()].has(bit) == on {
            return Ok(None);
        }
        let before = self.instances.totals(slot);
        self.unindex(slot);
        self.instances.set_readiness(slot, bit, on);
        self.reindex(slot);
        self.releases.push(slot);
        let cause = if bit == Readiness::ACTIVE { Cause::StatusChanged } else { Cause::AgentChanged };
        Ok(Some(self.instance_change(slot, before, cause)))
    }

    /// Sets custom attributes, replacing values of the same name (PutAttributes).
    ///
    /// # Errors
    /// [`ClusterError::TooManyAttributesInCall`] above ten; [`ClusterError::AttributeLimitExceeded`] if more than ten
    /// custom ones would result and the call adds to them; [`ClusterError::ReservedAttribute`] (C-44);
    /// [`ClusterError::UnknownInstance`]; [`ClusterError::InstanceFailed`].
    pub fn put_attributes(
        &mut self,
        id: InstanceId,
        attributes: &[(AttributeName, Option<AttributeValue>)],
    ) -> Result<Change, ClusterError> {
        let slot = self.present_slot(id)?;
        if attributes.len() > PUT_ATTRIBUTES_LIMIT {
            return Err(ClusterError::TooManyAttributesInCall { given: attributes.len(), limit: PUT_ATTRIBUTES_LIMIT });
        }
        let description = &self.instances.occupant(slot).description;
        let mut all = description.attributes().clone();
        let custom_before = custom_count(&all);
        for (name, value) in attributes {
            if name.is_reserved() {
                return Err(ClusterError::ReservedAttribute { attribute: name.clone() });
            }
            all.insert(name.clone(), value.clone());
        }
        let count = custom_count(&all);
        if count > CUSTOM_ATTRIBUTE_LIMIT && count > custom_before {
            return Err(ClusterError::AttributeLimitExceeded {
                name: description.name().into(),
                count,
                limit: CUSTOM_ATTRIBUTE_LIMIT,
            });
        }
        Ok(self.set_attributes(slot, all))
    }

    /// Removes custom attributes (DeleteAttributes); absent ones are passed over.
    ///
    /// # Errors
    /// [`ClusterError::ReservedAttribute`] (C-44); [`ClusterError::UnknownInstance`];
    /// [`ClusterError::InstanceFailed`].
    pub fn delete_attributes(&mut self, id: InstanceId, names: &[AttributeName]) -> Result<Change, ClusterError> {
        let slot = self.present_slot(id)?;
        let mut all = self.instances.occupant(slot).description.attributes().clone();
        for name in names {
            if name.is_reserved() {
                return Err(ClusterError::ReservedAttribute { attribute: name.clone() });
            }
            all.remove(name);
        }
        Ok(self.set_attributes(slot, all))
    }

    fn set_attributes(&mut self, slot: Slot, attributes: crate::model::Attributes) -> Change {
        let before = self.instances.totals(slot);
        self.unindex(slot);
        let too_many_unused = self.classes.leave(self.instances.classes[slot.index()]);
        self.instances.classes[slot.index()] = self.classes.join(&attributes);
        let shared = Arc::new(attributes);
        Arc::make_mut(&mut self.instances.occupant_mut(slot).description).set_attributes(Arc::clone(&shared));
        self.reassign(slot);
        self.reindex(slot);
        self.groups.recount(slot, self.index.partitions());
        self.releases.push(slot);
        if too_many_unused {
            self.rebuild_classes();
        }
        self.instance_change(slot, before, Cause::AttributesChanged(shared))
    }

    /// Changes what an instance has registered, its tasks staying where they are.
    ///
    /// GPUs are told apart by their position: those in use must still be there. Foreign load that takes `ALL` GPUs takes
    /// all of the new ones.
    ///
    /// # Errors
    /// [`ClusterError::ResizeBelowUse`] if what is reserved exceeds the new size or a port in use became reserved;
    /// [`ClusterError::Resources`] for amounts that cannot be; [`ClusterError::UnknownInstance`];
    /// [`ClusterError::InstanceFailed`].
    pub fn resize(&mut self, id: InstanceId, resources: Resources) -> Result<Change, ClusterError> {
        let slot = self.present_slot(id)?;
        resources.checked()?;
        let index = slot.index();
        let before = self.instances.totals(slot);
        let occupant = self.instances.occupant(slot);
        let old = occupant.description.resources();
        let foreign = occupant.description.foreign_load();
        let used_cpu = old.cpu_units() - self.instances.remaining_cpu[index];
        let used_memory = old.memory_mib() - self.instances.remaining_memory[index];
        let old_gpus = GpuSet::first(old.gpu_ids().len() as u32);
        let taken_gpus = old_gpus.without(occupant.gpus.free());
        let kept_gpus = taken_gpus.without(foreign_gpus(foreign, old_gpus).unwrap_or(old_gpus));
        let all_gpus = GpuSet::first(resources.gpu_ids().len() as u32);
        let refuse = |resource, used: u32, wanted: u32| {
            let name = occupant.description.name().into();
            Err(ClusterError::ResizeBelowUse { name, resource, used: used.into(), wanted: wanted.into() })
        };
        if used_cpu > resources.cpu_units() {
            return refuse("CPU units", used_cpu, resources.cpu_units());
        }
        if used_memory > resources.memory_mib() {
            return refuse("MiB of memory", used_memory, resources.memory_mib());
        }
        let used_gpus = match foreign_gpus(foreign, all_gpus) {
            Some(foreign) if all_gpus.contains_all(kept_gpus) => kept_gpus.with(foreign),
            _ => return refuse("GPUs", taken_gpus.len(), all_gpus.len()),
        };
        let clashing = resources.reserved_ports().clashes(&occupant.task_ports).count();
        if clashing > 0 {
            return refuse("host ports", clashing as u32, 0);
        }
        // A foreign port that was reserved at registration as well may not be reserved any more.
        let mut task_ports = occupant.task_ports.clone();
        for port in foreign.host_ports.iter().filter(|port| !resources.reserved_ports().contains(*port)) {
            task_ports.insert(port);
        }
        let left_for_tasks = RESERVED_PORT_LIMIT - resources.reserved_ports().len() as u32;
        if task_ports.len() as u32 > left_for_tasks {
            return refuse("host ports", task_ports.len() as u32, left_for_tasks);
        }
        self.unindex(slot);
        self.instances.remaining_cpu[index] = resources.cpu_units() - used_cpu;
        self.instances.remaining_memory[index] = resources.memory_mib() - used_memory;
        let occupant = self.instances.occupant_mut(slot);
        occupant.gpus.set_free(all_gpus.without(used_gpus));
        occupant.registered = registered_amounts(&resources);
        occupant.task_ports = task_ports;
        Arc::make_mut(&mut occupant.description).set_resources(resources);
        self.reindex(slot);
        self.releases.push(slot);
        Ok(self.instance_change(slot, before, Cause::Resized))
    }

    /// Tells what changed about an instance, and stamps it; every change ends here.
    pub(super) fn instance_change(&mut self, slot: Slot, before: Option<InstanceTotals>, cause: Cause) -> Change {
        self.changes += 1;
        self.instances.stamp(slot, self.changes);
        let instance = self.instances.ids[slot.index()];
        Change { instance, before, after: self.instances.totals(slot), task: None, cause }
    }
}

/// An instance without tasks; foreign load is taken from it.
pub(super) fn empty_occupant(description: Arc<ContainerInstance>) -> Occupant {
    let foreign = description.foreign_load();
    let all_gpus = GpuSet::first(description.resources().gpu_ids().len() as u32);
    let gpus = match description.gpu_millis() {
        Some(millis) => Gpus::of_millis(millis),
        None => Gpus::whole(all_gpus.without(foreign_gpus(foreign, all_gpus).unwrap_or(all_gpus))),
    };
    let reserved = description.resources().reserved_ports();
    let task_ports: HostPorts = foreign.host_ports.iter().filter(|port| !reserved.contains(*port)).collect();
    Occupant {
        registered: registered_amounts(description.resources()),
        gpus,
        remaining_enis: description.eni_task_limit().map(|limit| limit.saturating_sub(u32::from(foreign.needs_eni))),
        task_ports,
        running_tasks: 0,
        pending_tasks: 0,
        occupying_tasks: 0,
        holding_tasks: 0,
        tasks: Chain::default(),
        changed: 0,
        description,
    }
}

fn registered_amounts(resources: &Resources) -> Amounts {
    let gpu_milli = resources.gpu_ids().len() as u32 * GPU_MILLI;
    Amounts { cpu_units: resources.cpu_units(), memory_mib: resources.memory_mib(), gpu_milli }
}

/// The GPUs that foreign load takes; `None`: there are not as many.
fn foreign_gpus(foreign: &Demand, all: GpuSet) -> Option<GpuSet> {
    match foreign.gpus {
        GpuDemand::All => Some(all),
        GpuDemand::Count(count) => all.lowest(count),
        // Descriptions tell shares by `gpu_millis`.
        GpuDemand::Share(_) => None,
    }
}

fn custom_count(attributes: &crate::model::Attributes) -> usize {
    attributes.iter().filter(|(name, _)| !name.is_reserved()).count()
}
