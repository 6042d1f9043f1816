//! Task groups: how many tasks of each are where. What `spread`, `distinctInstance` and `task:group` look at.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::Slot;
use super::tasks::Chain;
use crate::index::Partition;
use crate::model::TaskGroup;

/// The tasks of one group whose desired status is RUNNING.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// All of them.
    pub(crate) running: u32,
    /// Those on each instance that has one.
    pub(crate) by_slot: IndexMap<Slot, u32, FxBuildHasher>,
    /// Those on the instances of each value, for each partition that the indexes keep.
    by_value: Vec<Vec<u32>>,
    /// Their chain, oldest first.
    pub(crate) tasks: Chain,
}

impl Group {
    pub(crate) fn on(&self, slot: Slot) -> u32 {
        self.by_slot.get(&slot).copied().unwrap_or(0)
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
            for (slot, count) in by_slot {
                counts[partition.value_of(*slot)] += count;
            }
            counts
        }));
    }
}

/// The groups that have a task, by name. A group goes with its last task.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupTable {
    groups: IndexMap<TaskGroup, Group, FxBuildHasher>,
}

impl GroupTable {
    pub(crate) fn get(&self, group: &TaskGroup) -> Option<&Group> {
        self.groups.get(group)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TaskGroup, &Group)> {
        self.groups.iter()
    }

    /// Counts one more task on `slot`; the chain is the caller's to extend.
    pub(crate) fn add(&mut self, name: &TaskGroup, slot: Slot, partitions: &[Partition]) -> &mut Group {
        let index = match self.groups.get_index_of(name) {
            Some(index) => index,
            None => self.groups.insert_full(name.clone(), Group::default()).0,
        };
        let group = &mut self.groups[index];
        group.running += 1;
        *group.by_slot.entry(slot).or_insert(0) += 1;
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
        group
    }

    pub(crate) fn get_mut(&mut self, name: &TaskGroup) -> &mut Group {
        &mut self.groups[name]
    }

    /// Counts one task less on `slot`; its chain must be free of the task already.
    pub(crate) fn remove(&mut self, name: &TaskGroup, slot: Slot, partitions: &[Partition]) {
        let index = self.groups.get_index_of(name).expect("a group with a task is in the table");
        let group = &mut self.groups[index];
        group.running -= 1;
        for (counts, partition) in group.by_value.iter_mut().zip(partitions) {
            counts[partition.value_of(slot)] -= 1;
        }
        let count = &mut group.by_slot[&slot];
        *count -= 1;
        if *count == 0 {
            group.by_slot.swap_remove(&slot);
        }
        if group.running == 0 {
            self.groups.swap_remove_index(index);
        }
    }

    /// Counts the tasks of every group by the values of these partitions, and of no others.
    pub(crate) fn count_by(&mut self, partitions: &[Partition]) {
        for group in self.groups.values_mut() {
            group.count_by(partitions);
        }
    }

    /// Counts those groups again that have a task on `slot`, whose values have changed.
    pub(crate) fn recount(&mut self, slot: Slot, partitions: &[Partition]) {
        for group in self.groups.values_mut().filter(|group| group.by_slot.contains_key(&slot)) {
            group.count_by(partitions);
        }
    }
}
