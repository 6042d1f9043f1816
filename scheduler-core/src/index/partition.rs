//! Partitions: the instances by the value of one attribute, which orders keep apart and `spread` counts over; or all of
//! them together.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::cluster::Slot;
use crate::model::{AttributeName, AttributeValue, Attributes};

/// What an attribute is on an instance: missing, without a value, or a value. Each is a value of its own (C-25).
type Value = Option<Option<AttributeValue>>;

#[derive(Debug, Clone)]
pub(crate) struct Partition {
    /// `None`: all instances together, as one value.
    pub(crate) name: Option<AttributeName>,
    values: IndexSet<Value, FxBuildHasher>,
    /// The number of each slot's value.
    of_slot: Vec<u32>,
    /// The number of the value that a class implies, for classes that an ACTIVE instance has had.
    of_class: Vec<Option<u32>>,
    /// CPU units and MiB that remain on the ACTIVE instances of each value.
    remaining: Vec<(u64, u64)>,
}

impl Partition {
    pub(crate) fn new(name: Option<AttributeName>) -> Self {
        Self { name, values: IndexSet::default(), of_slot: Vec::new(), of_class: Vec::new(), remaining: Vec::new() }
    }

    pub(crate) fn value_count(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn value_of(&self, slot: Slot) -> usize {
        self.of_slot[slot.index()] as usize
    }

    /// Notes the attributes of the instance in a slot.
    pub(crate) fn assign(&mut self, slot: Slot, attributes: &Attributes) {
        let name = self.name.as_ref();
        let found = name.and_then(|wanted| attributes.iter().find(|(name, _)| *name == wanted));
        let value = found.map(|(_, value)| value.cloned());
        let (index, is_new) = self.values.insert_full(value);
        if is_new {
            self.remaining.push((0, 0));
        }
        if self.of_slot.len() <= slot.index() {
            self.of_slot.resize(slot.index() + 1, 0);
        }
        self.of_slot[slot.index()] = index as u32;
    }

    /// Forgets what remains, to add it up anew.
    pub(crate) fn clear_sums(&mut self) {
        self.remaining.fill((0, 0));
    }

    /// What remains on the ACTIVE instances of a value: CPU units and MiB.
    pub(crate) fn remaining(&self, value: usize) -> (u64, u64) {
        self.remaining[value]
    }

    /// The value of the instances of a class, which agree on every attribute that an order is partitioned by.
    pub(crate) fn value_of_class(&self, class: usize) -> Option<usize> {
        self.of_class.get(class).copied().flatten().map(|value| value as usize)
    }

    pub(crate) fn add(&mut self, slot: Slot, class: usize, cpu: u32, memory: u32) {
        if self.of_class.len() <= class {
            self.of_class.resize(class + 1, None);
        }
        self.of_class[class] = Some(self.of_slot[slot.index()]);
        let sums = &mut self.remaining[self.of_slot[slot.index()] as usize];
        sums.0 += u64::from(cpu);
        sums.1 += u64::from(memory);
    }

    pub(crate) fn subtract(&mut self, slot: Slot, cpu: u32, memory: u32) {
        let sums = &mut self.remaining[self.of_slot[slot.index()] as usize];
        sums.0 -= u64::from(cpu);
        sums.1 -= u64::from(memory);
    }
}
