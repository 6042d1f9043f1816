//! The search: class after class, the smallest changes first, each tried on a copy of the run.

use std::ops::ControlFlow;

use scheduler_core::{Amounts, Cluster};

use super::change::Change;
use super::join::AddedNames;
use super::{free, join, lift, shift};
use crate::simulation::{Addition, Decision, Halted};
use crate::trace::InstanceEntry;

/// Most copies of the run on which changes are tried.
pub const FORK_LIMIT: u32 = 1_000;

/// Most suggestions of one class.
pub const SHOWN_PER_CLASS: usize = 3;

/// A refusal, and the run right before it.
#[derive(Debug)]
pub struct Refusal<'a, 's> {
    /// The run.
    pub halted: &'a Halted<'s>,
    /// The refusal.
    pub decision: &'a Decision,
    /// The task's name.
    pub task: &'a str,
    /// The instances of the trace that had registered by then, and perhaps some that had not.
    pub registrations: &'a [Registration],
    /// Names that an instance which joins must not have: they are the trace's own.
    pub added_names: &'a AddedNames,
}

/// An entry of instances, and where the trace has it.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The event's number; `None`: `containerInstances`.
    pub event: Option<u64>,
    /// The position in its list.
    pub index: usize,
    /// What it says.
    pub entry: InstanceEntry,
}

/// What would have let the task in.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The changes, by class and size.
    pub suggestions: Vec<Change>,
    /// Copies of the run that were made.
    pub forks: u32,
    /// Whether the search ended at [`FORK_LIMIT`], and not where there is no more to try.
    pub is_cut_short: bool,
    /// Whether the task is a service's: constraints of its task definition are not tried.
    pub is_of_service: bool,
}

/// All classes, one after another.
pub fn suggestions(refusal: &Refusal<'_, '_>) -> Found {
    let found = Found { is_of_service: refusal.decision.event.is_none(), ..Found::default() };
    let mut search = Search { refusal, found, of_class: 0 };
    let classes: [fn(&mut Search<'_, '_>) -> ControlFlow<()>; 4] =
        [lift::search, join::search, free::search, shift::search];
    for class in classes {
        search.of_class = 0;
        // A class ends when it has shown enough; the search where no more copies may be made.
        let _ = class(&mut search);
        if search.found.is_cut_short {
            break;
        }
    }
    search.found
}

/// A search that is going on.
pub(super) struct Search<'a, 's> {
    pub(super) refusal: &'a Refusal<'a, 's>,
    found: Found,
    /// Suggestions of this class.
    of_class: usize,
}

impl Search<'_, '_> {
    /// Whether the task is placed with these events before its decision.
    pub(super) fn places(&mut self, additions: &[Addition]) -> ControlFlow<(), bool> {
        self.spend()?;
        let Refusal { halted, decision, task, .. } = self.refusal;
        ControlFlow::Continue(match decision.event {
            Some(_) => halted.next_event_places(task, additions),
            None => halted.next_turn_places(task, additions),
        })
    }

    /// Takes note that one more copy is made.
    pub(super) fn spend(&mut self) -> ControlFlow<()> {
        if self.found.forks >= FORK_LIMIT {
            self.found.is_cut_short = true;
            return ControlFlow::Break(());
        }
        self.found.forks += 1;
        ControlFlow::Continue(())
    }

    /// A change that lets the task in.
    fn suggest(&mut self, change: Change) -> ControlFlow<()> {
        self.found.suggestions.push(change);
        self.of_class += 1;
        if self.of_class >= SHOWN_PER_CLASS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Tries a change; whether it lets the task in.
    pub(super) fn offer(&mut self, change: Change, additions: &[Addition]) -> ControlFlow<(), bool> {
        let works = self.places(additions)?;
        if works {
            self.suggest(change)?;
        }
        ControlFlow::Continue(works)
    }
}

/// Makes one number of several resources: shares of the largest instance present, in units of 2^-20.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scale {
    most: Amounts,
}

impl Scale {
    pub(super) fn of(cluster: &Cluster) -> Self {
        let mut most = Amounts::default();
        for totals in cluster.instances().filter_map(|instance| instance.totals()) {
            most.cpu_units = most.cpu_units.max(totals.registered.cpu_units);
            most.memory_mib = most.memory_mib.max(totals.registered.memory_mib);
            most.gpu_milli = most.gpu_milli.max(totals.registered.gpu_milli);
        }
        Self { most }
    }

    pub(super) fn size(self, amounts: Amounts) -> u64 {
        let share = |amount: u32, most: u32| (u64::from(amount) << 20) / u64::from(most.max(1));
        share(amounts.cpu_units, self.most.cpu_units)
            + share(amounts.memory_mib, self.most.memory_mib)
            + share(amounts.gpu_milli, self.most.gpu_milli)
    }
}
