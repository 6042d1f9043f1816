//! Task groups: how many tasks of each are where. What `spread`, `distinctInstance` and `task:group` look at.

use rustc_hash::FxHashMap;
use slab::Slab;

use super::Slot;
use super::slot_counts::SlotCounts;
use super::tasks::Chain;
use crate::index::Partition;
use crate::model::TaskGroup;

/// The tasks of one group whose desired status is RUNNING.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: TaskGroup,
    /// All of them.
    pub(crate) running: u32,
    /// Those on each instance that has one.
    pub(crate) by_slot: SlotCounts,
    /// Those on the instances of each value, for each partition that the indexes keep.
    by_value: Vec<Vec<u32>>,
    /// Their chain, oldest first.
    pub(crate) tasks: Chain,
}

impl Group {
    fn new(name: TaskGroup) -> Self {
        Self { name, running: 0, by_slot: SlotCounts::default(), by_value: Vec::new(), tasks: Chain::default() }
    }

    pub(crate) fn on(&self, slot: Slot) -> u32 {
        self.by_slot.get(slot)
    }

    /// Tasks on the instances of a value of a partition.
    pub(crate) fn on_value(&self, partition: usize, value: usize) -> u32 {
        self.by_value.get(partition).and_then(|counts| counts.get(value)).copied().unwrap_or(0)
    }

    fn count_by(&mut self, partitions: &[Partition]) {
        let by_slot = &self.by_slot;
        self.by_value.clear();
        self.by_value.extend(partitions.iter().map(|partition| {
            let mut counts = vec![0; partition.value_count()];
            for (slot, count) in by_slot.iter() {
                counts[partition.value_of(slot)] += count;
            }
            counts
        }));
    }
}

/// Where a group lies in the table, as long as it has a task.
pub(crate) type GroupIndex = u32;

/// The groups that have a task. A group goes with its last task.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupTable {
    groups: Slab<Group>,
    by_name: FxHashMap<TaskGroup, GroupIndex>,
}

impl GroupTable {
    pub(crate) fn get(&self, name: &TaskGroup) -> Option<&Group> {
        self.by_name.get(name).map(|index| &self.groups[*index as usize])
    }

    /// All groups, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().map(|(_, group)| group)
    }

    /// Counts one more task on `slot`; the chain is the caller's to extend.
    pub(crate) fn add(&mut self, name: &TaskGroup, slot: Slot, partitions: &[Partition]) -> GroupIndex {
        let known = self.by_name.get(name).copied();
        let index = known.unwrap_or_else(|| {
            let index = self.groups.insert(Group::new(name.clone())) as GroupIndex;
            self.by_name.insert(name.clone(), index);
            index
        });
        let group = self.get_mut(index);
        group.running += 1;
        group.by_slot.add(slot);
        if group.by_value.len() < partitions.len() {
            group.by_value.resize_with(partitions.len(), Vec::new);
        }
        for (counts, partition) in group.by_value.iter_mut().zip(partitions) {
            let value = partition.value_of(slot);
            if counts.len() <= value {
                counts.resize(value + 1, 0);
            }
            counts[value] += 1;
        }
        index
    }

    pub(crate) fn get_mut(&mut self, index: GroupIndex) -> &mut Group {
        &mut self.groups[index as usize]
    }

    /// Counts one task less on `slot`; its chain must be free of the task already.
    pub(crate) fn remove(&mut self, index: GroupIndex, slot: Slot, partitions: &[Partition]) {
        let group = self.get_mut(index);
        group.running -= 1;
        for (counts, partition) in group.by_value.iter_mut().zip(partitions) {
            counts[partition.value_of(slot)] -= 1;
        }
        group.by_slot.remove(slot);
        if group.running == 0 {
            let group = self.groups.remove(index as usize);
            self.by_name.remove(&group.name);
        }
    }

    /// Counts the tasks of every group by the values of these partitions, and of no others.
    pub(crate) fn count_by(&mut self, partitions: &[Partition]) {
        for (_, group) in &mut self.groups {
            group.count_by(partitions);
        }
    }

    /// Counts those groups again that have a task on `slot`, whose values have changed.
    pub(crate) fn recount(&mut self, slot: Slot, partitions: &[Partition]) {
        for (_, group) in &mut self.groups {
            if group.on(slot) > 0 {
                group.count_by(partitions);
            }
        }
    }
}
