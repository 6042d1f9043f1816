//! Task groups: how many tasks of each are where. What `spread`, `distinctInstance` and `task:group` look at.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::Slot;
use super::tasks::Chain;
use crate::model::TaskGroup;

/// The tasks of one group whose desired status is RUNNING.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// All of them.
    pub(crate) running: u32,
    /// Those on each instance that has one.
    pub(crate) by_slot: IndexMap<Slot, u32, FxBuildHasher>,
    /// Their chain, oldest first.
    pub(crate) tasks: Chain,
}

impl Group {
    pub(crate) fn on(&self, slot: Slot) -> u32 {
        self.by_slot.get(&slot).copied().unwrap_or(0)
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
    pub(crate) fn add(&mut self, name: &TaskGroup, slot: Slot) -> &mut Group {
        if !self.groups.contains_key(name) {
            self.groups.insert(name.clone(), Group::default());
        }
        let group = &mut self.groups[name];
        group.running += 1;
        *group.by_slot.entry(slot).or_insert(0) += 1;
        group
    }

    pub(crate) fn get_mut(&mut self, name: &TaskGroup) -> &mut Group {
        &mut self.groups[name]
    }

    /// Counts one task less on `slot`; its chain must be free of the task already.
    pub(crate) fn remove(&mut self, name: &TaskGroup, slot: Slot) {
        let group = &mut self.groups[name];
        group.running -= 1;
        let count = &mut group.by_slot[&slot];
        *count -= 1;
        if *count == 0 {
            group.by_slot.swap_remove(&slot);
        }
        if group.running == 0 {
            self.groups.swap_remove(name);
        }
    }
}
