//! Availability Zones by number, and which instance is in which.

use rustc_hash::FxHashMap;
use scheduler_core::{Cause, Change, InstanceId};

/// Numbers zones 0 upward, and remembers where the present instances are.
#[derive(Debug, Default)]
pub(super) struct Zones {
    names: Vec<Box<str>>,
    of_instance: FxHashMap<InstanceId, usize>,
}

impl Zones {
    /// Takes note of instances that come and go. Tell it a change before asking about its instance.
    pub(super) fn follow(&mut self, change: &Change) {
        match &change.cause {
            Cause::Registered(description) | Cause::Returned(description) => {
                let zone = self.number(description.zone());
                self.of_instance.insert(change.instance, zone);
            }
            Cause::Deregistered | Cause::Failed => {
                self.of_instance.remove(&change.instance);
            }
            _ => {}
        }
    }

    /// The number of a present instance's zone.
    pub(super) fn of(&self, instance: InstanceId) -> Option<usize> {
        self.of_instance.get(&instance).copied()
    }

    fn number(&mut self, zone: &str) -> usize {
        self.names.iter().position(|name| **name == *zone).unwrap_or_else(|| {
            self.names.push(zone.into());
            self.names.len() - 1
        })
    }
}

/// The counter of that number, made if there is none.
pub(super) fn counter(counts: &mut Vec<u32>, number: usize) -> &mut u32 {
    if counts.len() <= number {
        counts.resize(number + 1, 0);
    }
    &mut counts[number]
}
