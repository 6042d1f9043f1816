//! Services of a run: what each has and shall have, and pure functions that plan what to do about it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use scheduler_core::TaskId;

use super::requests::Prepared;
use crate::outcome::{KeptRefusal, PlacedWhy};
use crate::trace::ServiceEntry;

/// The number of a service's creation in a run; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ServiceId(u32);

/// All services that exist.
#[derive(Default)]
pub(super) struct Services {
    created: u32,
    pub(super) states: BTreeMap<ServiceId, ServiceState>,
    dirty: BTreeSet<ServiceId>,
}

/// One service.
pub(super) struct ServiceState {
    pub(super) entry: ServiceEntry,
    pub(super) prepared: Prepared,
    /// Its tasks whose desired status is RUNNING, in the order of their placement.
    pub(super) tasks: BTreeSet<TaskId>,
    /// Copies that it wants and that have no instance yet, the oldest first.
    pub(super) missing: VecDeque<Missing>,
    /// Ended tasks that are not yet replaced.
    pub(super) to_replace: u64,
    /// The number of the next name.
    next_number: u64,
}

/// Copies wanted at one instant for one reason.
#[derive(Debug)]
pub(super) struct Missing {
    /// The number of the first; names are given at the first attempt.
    pub(super) first_number: Option<u64>,
    pub(super) count: u64,
    pub(super) wanted_at_ms: u64,
    pub(super) why: PlacedWhy,
    /// Their last refusal; `None`: never tried.
    pub(super) refusal: Option<Arc<KeptRefusal>>,
}

/// A service as its scheduler sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServiceView {
    /// Tasks that it shall have.
    pub(super) desired: u64,
    /// Tasks whose desired status is RUNNING.
    pub(super) running: u64,
    /// Copies that it wants and has not placed.
    pub(super) missing: u64,
}

/// What a service does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Wants so many copies more.
    Want(u64),
    /// Gives up so many copies that are not placed, the youngest first.
    Withdraw(u64),
    /// Stops so many tasks.
    Stop(u64),
}

/// Keeps `desiredCount` (placement spec 9.1): unplaced copies are given up before tasks are stopped.
pub(super) fn plan(view: ServiceView) -> Vec<Step> {
    let have = view.running + view.missing;
    if have <= view.desired {
        return step(Step::Want, view.desired - have).collect();
    }
    let surplus = have - view.desired;
    let withdrawn = surplus.min(view.missing);
    step(Step::Withdraw, withdrawn).chain(step(Step::Stop, surplus - withdrawn)).collect()
}

fn step(step: fn(u64) -> Step, count: u64) -> impl Iterator<Item = Step> {
    (count > 0).then(|| step(count)).into_iter()
}

impl Services {
    pub(super) fn find(&self, name: &str) -> Option<ServiceId> {
        self.states.iter().find(|(_, state)| state.entry.service.name() == name).map(|(id, _)| *id)
    }

    pub(super) fn insert(&mut self, entry: ServiceEntry, prepared: Prepared) -> ServiceId {
        let id = ServiceId(self.created);
        self.created += 1;
        let state = ServiceState {
            entry,
            prepared,
            tasks: BTreeSet::new(),
            missing: VecDeque::new(),
            to_replace: 0,
            next_number: 0,
        };
        self.states.insert(id, state);
        self.dirty.insert(id);
        id
    }

    /// Something changed for a service: it gets its turn.
    pub(super) fn touch(&mut self, id: ServiceId) {
        self.dirty.insert(id);
    }

    pub(super) fn are_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The services that want a turn, in the order of their creation.
    pub(super) fn take_dirty(&mut self) -> BTreeSet<ServiceId> {
        std::mem::take(&mut self.dirty)
    }
}

impl ServiceState {
    pub(super) fn view(&self) -> ServiceView {
        ServiceView {
            desired: self.entry.service.desired_count.into(),
            running: self.tasks.len() as u64,
            missing: self.missing_count(),
        }
    }

    pub(super) fn missing_count(&self) -> u64 {
        self.missing.iter().map(|missing| missing.count).sum()
    }

    /// Wants more copies: first those that replace ended tasks.
    pub(super) fn want(&mut self, count: u64, now_ms: u64) {
        let replacements = count.min(std::mem::take(&mut self.to_replace));
        for (count, why) in [(replacements, PlacedWhy::Replacement), (count - replacements, PlacedWhy::Desired)] {
            if count > 0 {
                let missing = Missing { first_number: None, count, wanted_at_ms: now_ms, why, refusal: None };
                self.missing.push_back(missing);
            }
        }
    }

    /// The number of the first missing copy, given now if it has none.
    pub(super) fn front_number(&mut self) -> Option<u64> {
        let Self { missing, next_number, .. } = self;
        missing.front_mut().map(|front| number_of(front, next_number))
    }

    /// Gives names to all missing copies that have none.
    pub(super) fn number_all(&mut self) {
        let Self { missing, next_number, .. } = self;
        for missing in missing {
            number_of(missing, next_number);
        }
    }

    /// The first missing copy is placed.
    pub(super) fn pop_front(&mut self) {
        if let Some(front) = self.missing.front_mut() {
            front.count -= 1;
            front.first_number = front.first_number.map(|number| number + 1);
            if front.count == 0 {
                self.missing.pop_front();
            }
        }
    }

    /// Takes out the youngest missing copies.
    pub(super) fn pop_back(&mut self, mut count: u64) -> Vec<Missing> {
        let mut taken = Vec::new();
        while count > 0
            && let Some(mut back) = self.missing.pop_back()
        {
            let part = back.count.min(count);
            count -= part;
            back.count -= part;
            taken.push(Missing {
                first_number: back.first_number.map(|number| number + back.count),
                count: part,
                wanted_at_ms: back.wanted_at_ms,
                why: back.why,
                refusal: back.refusal.clone(),
            });
            if back.count > 0 {
                self.missing.push_back(back);
            }
        }
        taken
    }
}

/// The number of the first of some copies. Numbers are given in order, so all copies of an entry get theirs at once;
/// that they are tried one after another gives the same numbers.
fn number_of(missing: &mut Missing, next_number: &mut u64) -> u64 {
    *missing.first_number.get_or_insert_with(|| {
        let first = *next_number;
        *next_number += missing.count;
        first
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_wants_what_it_lacks_and_gives_up_copies_before_tasks() {
        let cases = [
            ((3, 0, 0), vec![Step::Want(3)]),
            ((3, 1, 2), vec![]),
            ((3, 2, 0), vec![Step::Want(1)]),
            ((1, 2, 2), vec![Step::Withdraw(2), Step::Stop(1)]),
            ((2, 2, 1), vec![Step::Withdraw(1)]),
            ((0, 4, 0), vec![Step::Stop(4)]),
        ];
        for ((desired, running, missing), steps) in cases {
            assert_eq!(plan(ServiceView { desired, running, missing }), steps, "{desired} {running} {missing}");
        }
    }
}
