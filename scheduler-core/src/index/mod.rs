//! The ordered indexes: for each order that a live prepared request uses, the open instances, best first.
//!
//! An order keeps the instances of each value of one attribute (usually the Availability Zone) apart, each as a
//! [`Sequence`] of blocks with joint bounds. Orders are built when a request that needs them is prepared, kept up on every
//! change, and dropped when the last such request is gone. Without orders nothing here costs anything.

mod block;
mod bound;
mod classes;
mod objective;
mod orders;
mod partition;
mod sequence;

use std::sync::Arc;

pub(crate) use block::{Entry, EntryRef, Key};
pub(crate) use bound::Wanted;
pub(crate) use classes::ClassSet;
pub(crate) use objective::Objective;
use orders::is_scattered;
pub(crate) use orders::{Order, OrderHandle, OrderSpec, Orders};
pub(crate) use partition::Partition;
pub(crate) use sequence::{BlockSize, Sequence};

use crate::cluster::{Cluster, InstanceTable, Readiness, Slot};
use crate::model::{AttributeName, Attributes, HostPort};

/// The bit of [`Entry::unavailable`] for network interfaces; the ports of the dictionary have the others.
pub(crate) const NO_ENI: u32 = 1;
const DICTIONARY_CAPACITY: usize = 31;

#[derive(Debug, Clone, Default)]
pub(crate) struct Indexes {
    size: BlockSize,
    partitions: Vec<Partition>,
    orders: Orders,
    /// Host ports that prepared requests want, each with a bit of its own.
    ports: Vec<HostPort>,
    /// CPU units and MiB that remain on the ACTIVE instances of each class.
    class_remaining: Vec<(u64, u64)>,
}

impl Indexes {
    pub(crate) fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The order of a handle, if this cluster keeps it.
    pub(crate) fn order(&self, handle: &OrderHandle) -> Option<&Order> {
        self.orders.get(handle)
    }

    pub(crate) fn class_remaining(&self, class: usize) -> (u64, u64) {
        self.class_remaining.get(class).copied().unwrap_or_default()
    }

    /// The bits of those ports that the dictionary has, and whether it has them all.
    pub(crate) fn port_bits(&self, ports: &[HostPort]) -> (u32, bool) {
        let bit = |port: &HostPort| self.ports.iter().position(|known| known == port).map(|index| 2_u32 << index);
        let bits = ports.iter().filter_map(bit).fold(0, |bits, bit| bits | bit);
        (bits, bits.count_ones() as usize == ports.len())
    }

    fn is_idle(&self) -> bool {
        self.orders.0.is_empty()
    }

    fn unavailable(&self, instances: &InstanceTable, slot: Slot) -> u32 {
        let occupant = instances.occupant(slot);
        let mut bits = if occupant.remaining_enis == Some(0) { NO_ENI } else { 0 };
        let reserved = occupant.description.resources().reserved_ports();
        for (index, port) in self.ports.iter().enumerate() {
            if reserved.contains(*port) || occupant.task_ports.contains(*port) {
                bits |= 2 << index;
            }
        }
        bits
    }

    fn assign(&mut self, slot: Slot, attributes: &Attributes) {
        for partition in &mut self.partitions {
            partition.assign(slot, attributes);
        }
    }
}

impl Cluster {
    /// Makes the cluster keep an order for as long as the returned handle lives.
    pub(crate) fn keep_order(&mut self, spec: OrderSpec) -> OrderHandle {
        self.drop_unused_orders();
        let known = self.index.orders.0.iter().filter_map(|order| order.handle.upgrade());
        if let Some(handle) = known.into_iter().find(|handle| **handle == spec) {
            return handle;
        }
        let partition = self.keep_partition(spec.partition.as_ref());
        let objective = spec.objective;
        let handle = Arc::new(spec);
        let order =
            Order { handle: Arc::downgrade(&handle), objective, partition, sequences: Vec::new(), is_scattered: false };
        self.index.orders.0.push(order);
        self.rebuild_indexes();
        handle
    }

    /// Drops the orders that no prepared request uses any more; this also happens whenever an order is added.
    pub fn drop_unused_orders(&mut self) {
        self.index.orders.0.retain(|order| order.handle.strong_count() > 0);
        if self.index.is_idle() {
            self.index.partitions.clear();
            self.index.ports.clear();
            self.groups.count_by(&[]);
        }
    }

    fn keep_partition(&mut self, name: Option<&AttributeName>) -> usize {
        if let Some(index) = self.index.partitions.iter().position(|partition| partition.name.as_ref() == name) {
            return index;
        }
        self.index.partitions.push(Partition::new(name.cloned()));
        self.index.partitions.len() - 1
    }

    /// Gives host ports a bit in the entries, as long as there are bits.
    pub(crate) fn keep_ports(&mut self, ports: &[HostPort]) {
        let mut is_new = false;
        for port in ports {
            if !self.index.ports.contains(port) && self.index.ports.len() < DICTIONARY_CAPACITY {
                self.index.ports.push(*port);
                is_new = true;
            }
        }
        if is_new {
            self.rebuild_indexes();
        }
    }

    /// How many blocks hold the open instances of an order, if each is full.
    pub(crate) fn full_blocks(&self) -> usize {
        self.instances.open_count() / self.index.size.capacity()
    }

    /// Memory of the indexes in bytes: the blocks with what they hold, and what finds them.
    pub fn index_bytes(&self) -> usize {
        self.index.orders.0.iter().flat_map(|order| &order.sequences).map(Sequence::bytes).sum()
    }

    /// Sets how many instances a block of the indexes holds; small ones make tests cross splits with few instances.
    #[doc(hidden)]
    pub fn with_index_block_capacity(mut self, capacity: usize) -> Self {
        self.index.size = BlockSize::new(capacity);
        self
    }

    /// Builds everything anew from the columns.
    pub(crate) fn rebuild_indexes(&mut self) {
        if self.index.is_idle() {
            return;
        }
        let index = &mut self.index;
        index.partitions = index.partitions.iter().map(|partition| Partition::new(partition.name.clone())).collect();
        let slots: Vec<_> = self.instances.iter().map(|(_, slot)| slot).collect();
        for slot in &slots {
            self.index.assign(*slot, self.instances.occupant(*slot).description.attributes());
        }
        self.reorder(&slots);
        self.groups.count_by(&self.index.partitions);
    }

    /// Puts all instances into the orders anew, the parts that they belong to being as they were.
    fn reorder(&mut self, slots: &[Slot]) {
        self.index.class_remaining.clear();
        self.index.partitions.iter_mut().for_each(Partition::clear_sums);
        let mut entries = Vec::with_capacity(slots.len());
        for slot in slots {
            self.add_to_sums(*slot);
            entries.extend(self.entry_of(*slot));
        }
        let Indexes { orders, partitions, size, .. } = &mut self.index;
        for order in &mut orders.0 {
            let partition = &partitions[order.partition];
            order.is_scattered = is_scattered(partition.value_count(), *size, entries.len());
            if order.is_scattered {
                order.sequences = Vec::new();
                continue;
            }
            let mut parts = vec![Vec::new(); partition.value_count()];
            for entry in &entries {
                let id = self.instances.ids[entry.slot.index()];
                let key = order.objective.key(self.weights, entry.cpu, entry.memory, id);
                parts[partition.value_of(entry.slot)].push(Entry { key, ..*entry });
            }
            order.sequences = parts.into_iter().map(|entries| Sequence::of(entries, *size)).collect();
        }
    }

    /// Makes the cluster do without orders for a while: starts are cheaper, and nothing is placed.
    pub(crate) fn take_orders(&mut self) -> Orders {
        std::mem::take(&mut self.index.orders)
    }

    /// Takes the orders back and puts all instances into them anew.
    pub(crate) fn put_back_orders(&mut self, orders: Orders) {
        self.index.orders = orders;
        let slots: Vec<_> = self.instances.iter().map(|(_, slot)| slot).collect();
        self.reorder(&slots);
    }

    /// An instance has joined, or its attributes have changed: it may belong to other parts than before.
    pub(crate) fn reassign(&mut self, slot: Slot) {
        if self.index.is_idle() {
            return;
        }
        self.index.assign(slot, self.instances.occupant(slot).description.attributes());
    }

    /// Takes an instance out of the orders before something about it changes.
    pub(crate) fn unindex(&mut self, slot: Slot) {
        if self.index.is_idle() {
            return;
        }
        let index = slot.index();
        let readiness = self.instances.readiness[index];
        if !readiness.has(Readiness::PRESENT_AND_ACTIVE) {
            return;
        }
        let (cpu, memory) = (self.instances.remaining_cpu[index], self.instances.remaining_memory[index]);
        let class = &mut self.index.class_remaining[self.instances.classes[index].index()];
        *class = (class.0 - u64::from(cpu), class.1 - u64::from(memory));
        for partition in &mut self.index.partitions {
            partition.subtract(slot, cpu, memory);
        }
        if !readiness.has(Readiness::OPEN) {
            return;
        }
        let id = self.instances.ids[index];
        let Indexes { orders, partitions, .. } = &mut self.index;
        for order in orders.0.iter_mut().filter(|order| !order.is_scattered) {
            let key = order.objective.key(self.weights, cpu, memory, id);
            let value = partitions[order.partition].value_of(slot);
            order.sequences[value].remove(key);
        }
    }

    /// Puts an instance back into the orders after something about it has changed.
    pub(crate) fn reindex(&mut self, slot: Slot) {
        if self.index.is_idle() {
            return;
        }
        self.add_to_sums(slot);
        let Some(mut entry) = self.entry_of(slot) else { return };
        let id = self.instances.ids[slot.index()];
        let Indexes { orders, partitions, size, .. } = &mut self.index;
        for order in orders.0.iter_mut().filter(|order| !order.is_scattered) {
            entry.key = order.objective.key(self.weights, entry.cpu, entry.memory, id);
            let value = partitions[order.partition].value_of(slot);
            order.insert(value, &entry, *size, self.instances.open_count());
        }
    }

    fn add_to_sums(&mut self, slot: Slot) {
        let index = slot.index();
        if !self.instances.readiness[index].has(Readiness::PRESENT_AND_ACTIVE) {
            return;
        }
        let (cpu, memory) = (self.instances.remaining_cpu[index], self.instances.remaining_memory[index]);
        let class = self.instances.classes[index].index();
        if self.index.class_remaining.len() <= class {
            self.index.class_remaining.resize(class + 1, (0, 0));
        }
        let sums = &mut self.index.class_remaining[class];
        *sums = (sums.0 + u64::from(cpu), sums.1 + u64::from(memory));
        for partition in &mut self.index.partitions {
            partition.add(slot, class, cpu, memory);
        }
    }

    /// What an order has of an open instance, but for the key; `None` for a slot whose instance is not open.
    pub(crate) fn entry_of(&self, slot: Slot) -> Option<Entry> {
        let index = slot.index();
        self.instances.readiness[index].has(Readiness::OPEN).then(|| Entry {
            key: Key::FIRST,
            slot,
            cpu: self.instances.remaining_cpu[index],
            memory: self.instances.remaining_memory[index],
            gpus: self.instances.occupant(slot).gpus.free().len() as u8,
            class: self.instances.classes[index].0,
            unavailable: self.index.unavailable(&self.instances, slot),
        })
    }

    /// Whether the orders hold exactly the open instances, with what they have now, and every bound holds.
    pub(crate) fn indexes_are_sound(&self) -> bool {
        let mut again = self.clone();
        again.rebuild_indexes();
        let orders = self.index.orders.0.iter().zip(&again.index.orders.0);
        let same = |(kept, made): (&Order, &Order)| {
            let entries = |order: &Order| {
                let mut entries: Vec<_> = order.sequences.iter().flat_map(Sequence::iter).collect();
                entries.sort_unstable_by_key(|entry| entry.key);
                entries
            };
            let either_is_scattered = kept.is_scattered || made.is_scattered;
            kept.sequences.iter().all(Sequence::is_sound) && (either_is_scattered || entries(kept) == entries(made))
        };
        orders.into_iter().all(same) && self.remaining_by_value() == again.remaining_by_value()
    }

    fn remaining_by_value(&self) -> Vec<(u64, u64)> {
        let mut sums: Vec<_> = self.index.class_remaining.iter().filter(|sums| **sums != (0, 0)).copied().collect();
        for partition in &self.index.partitions {
            sums.extend((0..partition.value_count()).map(|value| partition.remaining(value)).filter(|s| *s != (0, 0)));
        }
        sums.sort_unstable();
        sums
    }
}
