//! The tasks that hold resources, each in the chain of its instance and, while it should run, in that of its group.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use slab::Slab;

use super::change::GpuSet;
use super::groups::GroupIndex;
use super::task_numbers::TaskNumbers;
use super::{DesiredStatus, HealthStatus, Slot, TaskChange, TaskId, TaskSpec, TaskStatus};

/// Where a task's record lies in the table.
pub(crate) type TaskIndex = u32;

const NOBODY: TaskIndex = TaskIndex::MAX;

/// Both ends of a doubly linked list of tasks in the order of their placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    first: TaskIndex,
    last: TaskIndex,
}

impl Chain {
    /// The task placed first.
    pub(crate) fn first(self) -> Option<TaskIndex> {
        (self.first != NOBODY).then_some(self.first)
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self { first: NOBODY, last: NOBODY }
    }
}

/// A task's neighbours in one chain.
#[derive(Debug, Clone, Copy)]
struct Links {
    previous: TaskIndex,
    next: TaskIndex,
}

const UNLINKED: Links = Links { previous: NOBODY, next: NOBODY };

/// Which of its two chains a task is linked in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ChainKind {
    /// All tasks that hold resources on the instance.
    Instance = 0,
    /// The tasks of the group that should run.
    Group = 1,
}

#[derive(Debug, Clone)]
pub(crate) struct TaskRecord {
    pub(crate) id: TaskId,
    pub(crate) spec: Arc<TaskSpec>,
    pub(crate) slot: Slot,
    /// Its group, while its desired status is RUNNING.
    pub(crate) group: GroupIndex,
    pub(crate) gpus: GpuSet,
    pub(crate) desired: DesiredStatus,
    pub(crate) status: TaskStatus,
    pub(crate) health: HealthStatus,
    pub(crate) protected: bool,
}

impl TaskRecord {
    pub(crate) fn new(id: TaskId, spec: Arc<TaskSpec>, slot: Slot, gpus: GpuSet, status: TaskStatus) -> Self {
        Self {
            id,
            spec,
            slot,
            group: GroupIndex::MAX,
            gpus,
            desired: DesiredStatus::Running,
            status,
            health: HealthStatus::Unknown,
            protected: false,
        }
    }
}

/// What every start and stop touches lies close together; names, which few embedders give, lie apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaskTable {
    records: Slab<TaskRecord>,
    /// Of each record, by [`ChainKind`].
    links: Vec<[Links; 2]>,
    by_id: TaskNumbers,
    /// Those that should run.
    by_name: FxHashMap<Arc<str>, TaskIndex>,
    names: FxHashMap<TaskId, Arc<str>>,
}

impl TaskTable {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn index_of(&self, id: TaskId) -> Option<TaskIndex> {
        self.by_id.get(id)
    }

    pub(crate) fn index_of_name(&self, name: &str) -> Option<TaskIndex> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn name(&self, id: TaskId) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    pub(crate) fn get(&self, index: TaskIndex) -> &TaskRecord {
        &self.records[index as usize]
    }

    pub(crate) fn get_mut(&mut self, index: TaskIndex) -> &mut TaskRecord {
        &mut self.records[index as usize]
    }

    /// All records, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TaskRecord> {
        self.records.iter().map(|(_, record)| record)
    }

    /// How a change tells of a task.
    pub(crate) fn change(&self, index: TaskIndex) -> TaskChange {
        let record = self.get(index);
        TaskChange {
            id: record.id,
            name: self.name(record.id).cloned(),
            spec: Arc::clone(&record.spec),
            gpu_indices: record.gpus,
        }
    }

    pub(crate) fn insert(&mut self, record: TaskRecord, name: Option<Arc<str>>) -> TaskIndex {
        let id = record.id;
        let index = self.records.insert(record) as TaskIndex;
        if self.links.len() <= index as usize {
            self.links.push([UNLINKED; 2]);
        }
        self.by_id.insert(id, index);
        if let Some(name) = name {
            self.by_name.insert(Arc::clone(&name), index);
            self.names.insert(id, name);
        }
        index
    }

    /// Takes a record out; it must be in no chain any more, and its name be [free](Self::free_name).
    pub(crate) fn remove(&mut self, index: TaskIndex) -> TaskRecord {
        let record = self.records.remove(index as usize);
        self.by_id.remove(record.id);
        self.names.remove(&record.id);
        record
    }

    /// A task shall stop: another one may have its name from now on.
    pub(crate) fn free_name(&mut self, index: TaskIndex) {
        if let Some(name) = self.names.get(&self.records[index as usize].id) {
            self.by_name.remove(name);
        }
    }

    /// Appends a task to a chain.
    pub(crate) fn link(&mut self, chain: &mut Chain, kind: ChainKind, index: TaskIndex) {
        self.links[index as usize][kind as usize] = Links { previous: chain.last, next: NOBODY };
        match chain.last {
            NOBODY => chain.first = index,
            last => self.links[last as usize][kind as usize].next = index,
        }
        chain.last = index;
    }

    /// Takes a task out of a chain that it is in.
    pub(crate) fn unlink(&mut self, chain: &mut Chain, kind: ChainKind, index: TaskIndex) {
        let Links { previous, next } = std::mem::replace(&mut self.links[index as usize][kind as usize], UNLINKED);
        match previous {
            NOBODY => chain.first = next,
            previous => self.links[previous as usize][kind as usize].next = next,
        }
        match next {
            NOBODY => chain.last = previous,
            next => self.links[next as usize][kind as usize].previous = previous,
        }
    }

    /// The tasks of a chain, oldest placement first.
    pub(crate) fn walk(&self, chain: Chain, kind: ChainKind) -> impl Iterator<Item = (TaskIndex, &TaskRecord)> {
        let mut next = chain.first;
        std::iter::from_fn(move || {
            if next == NOBODY {
                return None;
            }
            let (index, record) = (next, self.get(next));
            next = self.links[index as usize][kind as usize].next;
            Some((index, record))
        })
    }
}
