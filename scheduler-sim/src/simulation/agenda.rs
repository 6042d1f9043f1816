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
///
/// Nothing is ever put before the time of what was taken last, so a radix queue serves: [`Later`] keeps apart what differs
/// from that time in the same digit, and an item goes down a digit or more each time it is looked at. Only what is due at
/// that very time is in order.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Due at the time of what was taken last.
    now: BinaryHeap<Reverse<Item>>,
    later: Later,
    /// Time and rank of the first of `later`; `None`: not known, or there is none.
    first_later: Option<(u64, Rank)>,
    /// Items whose task has gone before its time; they are thrown away now and then.
    stale: usize,
    failures: u64,
}

/// Fewer stale items than this are left alone.
const STALE_LIMIT: usize = 1_024;

impl Agenda {
    /// The time and rank of the next thing to do.
    pub(super) fn next(&mut self) -> Option<(u64, Rank)> {
        if let Some(Reverse(item)) = self.now.peek() {
            return Some((item.at_ms, item.rank));
        }
        if self.first_later.is_none() {
            self.first_later = self.later.first().iter().map(|item| (item.at_ms, item.rank)).min();
        }
        self.first_later
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        if self.now.is_empty() {
            let (at_ms, _) = self.next()?;
            self.first_later = None;
            self.later.advance(at_ms, &mut self.now);
        }
        self.now.pop().map(|Reverse(item)| item)
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
        let item = Item { at_ms, rank, sequence, due };
        if at_ms == self.later.since_ms {
            return self.now.push(Reverse(item));
        }
        if self.first_later.is_some_and(|first| (at_ms, rank) < first) {
            self.first_later = Some((at_ms, rank));
        }
        self.later.push(item);
    }

    /// The tasks that end by themselves, and when, in no particular order.
    pub(super) fn task_ends_at(&self) -> impl Iterator<Item = (TaskId, u64)> {
        let now = self.now.iter().map(|Reverse(item)| item);
        now.chain(self.later.lists.iter().flatten()).filter_map(|item| match item.due {
            Due::End(task) => Some((task, item.at_ms)),
            _ => None,
        })
    }

    fn len(&self) -> usize {
        self.now.len() + self.later.count
    }

    /// An item has become pointless. When most are, those that `is_alive` denies are thrown away, so that memory
    /// follows the tasks alive.
    pub(super) fn went_stale(&mut self, is_alive: impl Fn(&Due) -> bool) {
        self.stale += 1;
        if self.stale > STALE_LIMIT.max(self.len() / 2) {
            self.now.retain(|Reverse(item)| is_alive(&item.due));
            self.later.retain(|item| is_alive(&item.due));
            self.first_later = None;
            self.stale = 0;
        }
    }

    /// A stale item came up by itself.
    pub(super) fn dropped_stale(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }
}

/// A digit has six bits, so that one word tells which of its values occur.
const DIGIT_BITS: u32 = 6;
const DIGIT_VALUES: usize = 1 << DIGIT_BITS;
const DIGITS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
/// Lists that grew longer are given back when they are emptied.
const KEPT_CAPACITY: usize = 64;

/// Items after a time, by the highest digit in which theirs differs from it, and by the value of that digit.
#[derive(Debug)]
struct Later {
    since_ms: u64,
    lists: Box<[Vec<Item>]>,
    /// Of each digit, the values whose lists are not empty.
    occupied: [u64; DIGITS],
    count: usize,
}

impl Default for Later {
    fn default() -> Self {
        let lists = vec![Vec::new(); DIGITS * DIGIT_VALUES].into();
        Self { since_ms: 0, lists, occupied: [0; DIGITS], count: 0 }
    }
}

impl Later {
    fn push(&mut self, item: Item) {
        debug_assert!(item.at_ms > self.since_ms, "nothing is due before what was taken last");
        let digit = (item.at_ms ^ self.since_ms).ilog2() / DIGIT_BITS;
        let value = (item.at_ms >> (digit * DIGIT_BITS)) as usize % DIGIT_VALUES;
        self.occupied[digit as usize] |= 1 << value;
        self.lists[digit as usize * DIGIT_VALUES + value].push(item);
        self.count += 1;
    }

    /// The digit and value of the list that holds the first item: differing in a lower digit is less, and so is a lower
    /// value, since none is below that of the time itself.
    fn first_list(&self) -> Option<(usize, usize)> {
        let digit = self.occupied.iter().position(|values| *values != 0)?;
        Some((digit, self.occupied[digit].trailing_zeros() as usize))
    }

    /// Some items, among them the first.
    fn first(&self) -> &[Item] {
        self.first_list().map_or(&[], |(digit, value)| &self.lists[digit * DIGIT_VALUES + value])
    }

    /// Goes on to the time of the first item, and hands over all that are due then.
    fn advance(&mut self, at_ms: u64, due: &mut BinaryHeap<Reverse<Item>>) {
        let Some((digit, value)) = self.first_list() else { return };
        self.since_ms = at_ms;
        self.occupied[digit] &= !(1 << value);
        let index = digit * DIGIT_VALUES + value;
        let mut list = std::mem::take(&mut self.lists[index]);
        self.count -= list.len();
        for item in list.drain(..) {
            if item.at_ms == at_ms { due.push(Reverse(item)) } else { self.push(item) }
        }
        if list.capacity() <= KEPT_CAPACITY {
            self.lists[index] = list;
        }
    }

    fn retain(&mut self, is_kept: impl Fn(&Item) -> bool) {
        self.count = 0;
        for (index, list) in self.lists.iter_mut().enumerate() {
            list.retain(&is_kept);
            self.count += list.len();
            if list.is_empty() {
                self.occupied[index / DIGIT_VALUES] &= !(1 << (index % DIGIT_VALUES));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            assert!(agenda.len() <= 4 * STALE_LIMIT);
        }
    }

    proptest! {
        /// Against a plain sorted set, with pushes at any time from the last on, looking ahead or not.
        #[test]
        fn the_agenda_is_a_priority_queue(
            steps in proptest::collection::vec((0_u64..4, 0_u32..40, 0_u64..64, any::<bool>()), 0..200),
        ) {
            let mut agenda = Agenda::default();
            let mut plain = std::collections::BTreeSet::new();
            let mut now_ms = 0;
            for (number, (kind, shift, low, looks)) in steps.into_iter().enumerate() {
                if looks {
                    let first: Option<&Item> = plain.first();
                    prop_assert_eq!(agenda.next(), first.map(|item| (item.at_ms, item.rank)));
                }
                if kind == 0 {
                    let item = plain.pop_first();
                    now_ms = item.as_ref().map_or(now_ms, |item| item.at_ms);
                    prop_assert_eq!(agenda.pop(), item);
                    continue;
                }
                let (sequence, at_ms) = (number as u64, now_ms + (low << shift >> 6));
                let due = Due::End(TaskId::from_number(sequence));
                let rank = if kind == 1 { Rank::Running } else { Rank::End };
                agenda.push(at_ms, rank, sequence, due.clone());
                plain.insert(Item { at_ms, rank, sequence, due });
            }
            prop_assert_eq!(std::iter::from_fn(|| agenda.pop()).collect::<Vec<_>>(), Vec::from_iter(plain));
        }
    }
}
