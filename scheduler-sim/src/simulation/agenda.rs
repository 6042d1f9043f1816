//! What a run still has to do besides the trace's events, in the order of (time, rank, sequence).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use scheduler_core::{InstanceId, TaskId};

use super::services::ServiceId;

use crate::trace;

/// What comes first at one instant (trace format, section 1). The ranks of events lie between those of the agenda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Rank {
    /// Tasks that become RUNNING, so that whoever looks at this instant sees them so.
    Running,
    /// Ends of tasks, and what stopping tasks give back, in the order of placement.
    End,
    /// Events: instances that leave.
    Departure,
    /// Returns of failed instances, in the order of their failures.
    Return,
    /// Events: instances that join.
    Arrival,
    /// Events: all else.
    Other,
    /// Ends of tasks of duration 0 that started in this instant.
    InstantEnd,
}

impl From<trace::Rank> for Rank {
    fn from(rank: trace::Rank) -> Self {
        match rank {
            trace::Rank::Departure => Self::Departure,
            trace::Rank::Arrival => Self::Arrival,
            trace::Rank::Other => Self::Other,
        }
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The task becomes RUNNING.
    Running(TaskId),
    /// The task's duration is over.
    End(TaskId),
    /// The stopping task gives its resources back.
    Release(TaskId),
    /// The failed instance is back.
    Return(InstanceId),
    /// Tasks of the service become healthy.
    Wake(ServiceId),
}

/// Something to do at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) at_ms: u64,
    pub(super) rank: Rank,
    sequence: u64,
    pub(super) due: Due,
}

/// All that is to do, the next first.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    items: BinaryHeap<Reverse<Item>>,
    /// Items whose task has gone before its time; they are thrown away now and then.
    stale: usize,
    failures: u64,
}

/// Fewer stale items than this are left alone.
const STALE_LIMIT: usize = 1_024;

impl Agenda {
    /// The time and rank of the next thing to do.
    pub(super) fn next(&self) -> Option<(u64, Rank)> {
        self.items.peek().map(|Reverse(item)| (item.at_ms, item.rank))
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        self.items.pop().map(|Reverse(item)| item)
    }

    /// A task becomes RUNNING.
    pub(super) fn task_runs(&mut self, at_ms: u64, task: TaskId) {
        self.push(at_ms, Rank::Running, task.number(), Due::Running(task));
    }

    /// A task's duration ends, `now_ms` being the time of its start.
    pub(super) fn task_ends(&mut self, now_ms: u64, at_ms: u64, task: TaskId) {
        let rank = if at_ms == now_ms { Rank::InstantEnd } else { Rank::End };
        self.push(at_ms, rank, task.number(), Due::End(task));
    }

    /// A stopping task gives its resources back.
    pub(super) fn task_releases(&mut self, at_ms: u64, task: TaskId) {
        self.push(at_ms, Rank::End, task.number(), Due::Release(task));
    }

    /// A failed instance returns; called in the order of failures.
    pub(super) fn instance_returns(&mut self, at_ms: u64, instance: InstanceId) {
        self.failures += 1;
        self.push(at_ms, Rank::Return, self.failures, Due::Return(instance));
    }

    /// A service gets its turn because tasks become healthy.
    pub(super) fn service_wakes(&mut self, at_ms: u64, service: ServiceId) {
        self.push(at_ms, Rank::Running, service.number(), Due::Wake(service));
    }

    fn push(&mut self, at_ms: u64, rank: Rank, sequence: u64, due: Due) {
        self.items.push(Reverse(Item { at_ms, rank, sequence, due }));
    }

    /// An item has become pointless. When most are, those that `is_alive` denies are thrown away, so that memory
    /// follows the tasks alive.
    pub(super) fn went_stale(&mut self, is_alive: impl Fn(&Due) -> bool) {
        self.stale += 1;
        if self.stale > STALE_LIMIT.max(self.items.len() / 2) {
            self.items.retain(|Reverse(item)| is_alive(&item.due));
            self.stale = 0;
        }
    }

    /// A stale item came up by itself.
    pub(super) fn dropped_stale(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_then_rank_then_sequence() {
        let mut agenda = Agenda::default();
        let task = TaskId::from_number;
        let instance = InstanceId::from_number(0);
        agenda.task_ends(5, 5, task(1));
        agenda.instance_returns(5, instance);
        agenda.task_ends(0, 5, task(9));
        agenda.task_releases(5, task(3));
        agenda.task_ends(0, 4, task(7));
        agenda.task_runs(5, task(8));
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop()).map(|item| item.due).collect();
        assert_eq!(
            order,
            [
                Due::End(task(7)),
                Due::Running(task(8)),
                Due::Release(task(3)),
                Due::End(task(9)),
                Due::Return(instance),
                Due::End(task(1)),
            ]
        );
    }

    #[test]
    fn stale_items_do_not_pile_up() {
        let mut agenda = Agenda::default();
        for number in 0..100_000 {
            agenda.task_ends(0, 1_000_000, TaskId::from_number(number));
            agenda.went_stale(|due| *due == Due::End(TaskId::from_number(number + 1)));
            assert!(agenda.items.len() <= 4 * STALE_LIMIT);
        }
    }
}
