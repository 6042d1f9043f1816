//! The instances as columns: what every placement reads of all of them lies together, the rest in one record each.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::classes::ClassIndex;
use super::gpus::Gpus;
use super::tasks::Chain;
use super::{Amounts, InstanceId, InstanceTotals, Slot};
use crate::model::{ContainerInstance, HostPorts, InstanceStatus};

/// What an instance is ready for, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Readiness(u8);

impl Readiness {
    pub(crate) const PRESENT: Self = Self(1);
    pub(crate) const ACTIVE: Self = Self(2);
    pub(crate) const CONNECTED: Self = Self(4);
    pub(crate) const PRESENT_AND_ACTIVE: Self = Self(3);
    /// Present, ACTIVE and with a connected agent: can take a task.
    pub(crate) const OPEN: Self = Self(7);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn set(&mut self, other: Self, on: bool) {
        self.0 = if on { self.0 | other.0 } else { self.0 & !other.0 };
    }
}

/// What is known of one instance besides the columns.
#[derive(Debug, Clone)]
pub(crate) struct Occupant {
    /// As registered; attributes, resources, status and agent are kept current.
    pub(crate) description: Arc<ContainerInstance>,
    /// The amounts of the description's resources, at hand for every change.
    pub(crate) registered: Amounts,
    pub(crate) gpus: Gpus,
    /// `None`: the instance has no known limit.
    pub(crate) remaining_enis: Option<u32>,
    /// Ports taken by tasks and foreign load, those reserved at registration not among them.
    pub(crate) task_ports: HostPorts,
    pub(crate) running_tasks: u32,
    pub(crate) pending_tasks: u32,
    pub(crate) occupying_tasks: u32,
    pub(crate) holding_tasks: u32,
    pub(crate) tasks: Chain,
    /// The number of the change that made it what it is: no other state of the cluster's life has the same.
    pub(crate) changed: u64,
}

/// One entry a slot in each column. Vacant slots are not [`Readiness::PRESENT`] and have no occupant.
#[derive(Debug, Clone, Default)]
pub(crate) struct InstanceTable {
    pub(crate) ids: Vec<InstanceId>,
    pub(crate) readiness: Vec<Readiness>,
    pub(crate) remaining_cpu: Vec<u32>,
    pub(crate) remaining_memory: Vec<u32>,
    pub(crate) classes: Vec<ClassIndex>,
    occupants: Vec<Option<Occupant>>,
    vacant: Vec<Slot>,
    /// Instances that are present and ACTIVE, and with a connected agent besides.
    active: u32,
    open: u32,
    /// Shared with forks until an instance joins or leaves one of them.
    directory: Arc<Directory>,
}

/// Where the registered instances are, by handle and by name.
#[derive(Debug, Clone, Default)]
struct Directory {
    slots: BTreeMap<InstanceId, Slot>,
    by_name: IndexMap<Arc<str>, InstanceId, FxBuildHasher>,
}

impl InstanceTable {
    /// Slots in use or vacant: the length of every column.
    pub(crate) fn slot_count(&self) -> usize {
        self.ids.len()
    }

    /// Instances registered, failed ones included.
    pub(crate) fn len(&self) -> usize {
        self.directory.slots.len()
    }

    pub(crate) fn slot_of(&self, id: InstanceId) -> Option<Slot> {
        self.directory.slots.get(&id).copied()
    }

    /// The slot of an instance, looked for where it was seen last.
    pub(crate) fn slot_near(&self, hint: Slot, id: InstanceId) -> Option<Slot> {
        let is_there = self.ids.get(hint.index()) == Some(&id) && self.occupants[hint.index()].is_some();
        if is_there { Some(hint) } else { self.slot_of(id) }
    }

    pub(crate) fn id_of_name(&self, name: &str) -> Option<InstanceId> {
        self.directory.by_name.get(name).copied()
    }

    /// Registered instances, failed ones included, in registration order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (InstanceId, Slot)> {
        self.directory.slots.iter().map(|(id, slot)| (*id, *slot))
    }

    /// The record of a slot that is in use.
    pub(crate) fn occupant(&self, slot: Slot) -> &Occupant {
        self.occupants[slot.index()].as_ref().expect("the slot of a registered instance has an occupant")
    }

    pub(crate) fn occupant_mut(&mut self, slot: Slot) -> &mut Occupant {
        self.occupants[slot.index()].as_mut().expect("the slot of a registered instance has an occupant")
    }

    /// Notes the last change of the instance in a slot, if there is one still.
    pub(crate) fn stamp(&mut self, slot: Slot, change: u64) {
        if let Some(occupant) = &mut self.occupants[slot.index()] {
            occupant.changed = change;
        }
    }

    /// Turns one bit of an instance's readiness on or off.
    pub(crate) fn set_readiness(&mut self, slot: Slot, bit: Readiness, on: bool) {
        let mut readiness = self.readiness[slot.index()];
        readiness.set(bit, on);
        self.change_readiness(slot, readiness);
    }

    fn change_readiness(&mut self, slot: Slot, readiness: Readiness) {
        let before = std::mem::replace(&mut self.readiness[slot.index()], readiness);
        self.active -= u32::from(before.has(Readiness::PRESENT_AND_ACTIVE));
        self.open -= u32::from(before.has(Readiness::OPEN));
        self.active += u32::from(readiness.has(Readiness::PRESENT_AND_ACTIVE));
        self.open += u32::from(readiness.has(Readiness::OPEN));
    }

    /// Instances that can take a task.
    pub(crate) fn open_count(&self) -> usize {
        self.open as usize
    }

    /// Whether every ACTIVE instance has a connected agent, so that the open ones are all there are to ask.
    pub(crate) fn all_active_are_open(&self) -> bool {
        self.active == self.open
    }

    pub(crate) fn is_present(&self, slot: Slot) -> bool {
        self.readiness[slot.index()].has(Readiness::PRESENT)
    }

    /// Puts an instance in a vacant slot, present, with the status and agent of its description.
    pub(crate) fn insert(&mut self, id: InstanceId, class: ClassIndex, occupant: Occupant) -> Slot {
        let description = Arc::clone(&occupant.description);
        let resources = description.resources();
        let foreign = description.foreign_load();
        let mut readiness = Readiness::PRESENT;
        readiness.set(Readiness::ACTIVE, description.status() == InstanceStatus::Active);
        readiness.set(Readiness::CONNECTED, description.agent_connected());
        let remaining_cpu = resources.cpu_units() - foreign.cpu_units;
        let remaining_memory = resources.memory_mib() - foreign.memory_mib;
        let vacant = self.vacant.pop();
        let slot = vacant.unwrap_or(Slot(self.ids.len() as u32));
        let directory = Arc::make_mut(&mut self.directory);
        directory.slots.insert(id, slot);
        directory.by_name.insert(description.name_shared(), id);
        if vacant.is_some() {
            let index = slot.index();
            self.ids[index] = id;
            self.change_readiness(slot, readiness);
            self.remaining_cpu[index] = remaining_cpu;
            self.remaining_memory[index] = remaining_memory;
            self.classes[index] = class;
            self.occupants[index] = Some(occupant);
            return slot;
        }
        self.ids.push(id);
        self.readiness.push(Readiness::default());
        self.change_readiness(slot, readiness);
        self.remaining_cpu.push(remaining_cpu);
        self.remaining_memory.push(remaining_memory);
        self.classes.push(class);
        self.occupants.push(Some(occupant));
        slot
    }

    /// Empties a slot; its instance's tasks must be gone.
    pub(crate) fn remove(&mut self, slot: Slot) -> Occupant {
        let index = slot.index();
        let occupant = self.occupants[index].take().expect("only a registered instance is removed");
        let directory = Arc::make_mut(&mut self.directory);
        directory.slots.remove(&self.ids[index]);
        directory.by_name.swap_remove(occupant.description.name());
        self.change_readiness(slot, Readiness::default());
        self.remaining_cpu[index] = 0;
        self.remaining_memory[index] = 0;
        self.vacant.push(slot);
        occupant
    }

    /// The instance's numbers, or `None` while it is failed.
    pub(crate) fn totals(&self, slot: Slot) -> Option<InstanceTotals> {
        if !self.is_present(slot) {
            return None;
        }
        let index = slot.index();
        let occupant = self.occupant(slot);
        let registered = occupant.registered;
        Some(InstanceTotals {
            registered,
            used: Amounts {
                cpu_units: registered.cpu_units - self.remaining_cpu[index],
                memory_mib: registered.memory_mib - self.remaining_memory[index],
                gpu_milli: registered.gpu_milli - occupant.gpus.left_milli(),
            },
            running_tasks: occupant.running_tasks,
            occupying_tasks: occupant.occupying_tasks,
            status: self.status(slot),
            agent_connected: self.readiness[index].has(Readiness::CONNECTED),
        })
    }

    pub(crate) fn status(&self, slot: Slot) -> InstanceStatus {
        if self.readiness[slot.index()].has(Readiness::ACTIVE) {
            InstanceStatus::Active
        } else {
            InstanceStatus::Draining
        }
    }

    /// Host ports that cannot be had on the instance now, those reserved at registration counted.
    pub(crate) fn taken_port_count(&self, slot: Slot) -> usize {
        let occupant = self.occupant(slot);
        occupant.description.resources().reserved_ports().len() + occupant.task_ports.len()
    }
}
