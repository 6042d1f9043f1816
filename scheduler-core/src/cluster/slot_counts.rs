//! How many tasks of one group are on each instance.

use rustc_hash::FxHashMap;

use super::Slot;

/// From how many instances on a column is worth it.
const MANY: usize = 64;
/// A column has at most so many places for each instance that has a task, so memory follows the tasks.
const PLACES_PER_COUNT: usize = 16;

/// A map while the group is on few instances; once it is on many a column by slot, which a walk over all instances reads
/// without hashing.
#[derive(Debug, Clone)]
pub(crate) enum SlotCounts {
    /// `places`: how long a column would have to be.
    Few { counts: FxHashMap<Slot, u32>, places: usize },
    /// `occupied`: how many counts are above 0.
    Many { counts: Vec<u32>, occupied: usize },
}

impl Default for SlotCounts {
    fn default() -> Self {
        Self::Few { counts: FxHashMap::default(), places: 0 }
    }
}

impl SlotCounts {
    pub(crate) fn get(&self, slot: Slot) -> u32 {
        match self {
            Self::Few { counts, .. } => counts.get(&slot).copied().unwrap_or(0),
            Self::Many { counts, .. } => counts.get(slot.index()).copied().unwrap_or(0),
        }
    }

    /// How many instances have a task.
    pub(crate) fn occupied(&self) -> usize {
        match self {
            Self::Few { counts, .. } => counts.len(),
            Self::Many { occupied, .. } => *occupied,
        }
    }

    /// The instances that have a task, each with how many; in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, u32)> {
        let (few, many) = match self {
            Self::Few { counts, .. } => (Some(counts), &[][..]),
            Self::Many { counts, .. } => (None, &counts[..]),
        };
        let few = few.into_iter().flatten().map(|(slot, count)| (*slot, *count));
        let many = many.iter().enumerate().map(|(index, count)| (Slot(index as u32), *count));
        few.chain(many.filter(|(_, count)| *count > 0))
    }

    /// One more task on an instance.
    pub(crate) fn add(&mut self, slot: Slot) {
        match self {
            Self::Few { counts, places } => {
                *counts.entry(slot).or_insert(0) += 1;
                *places = (*places).max(slot.index() + 1);
            }
            Self::Many { counts, occupied } => {
                if counts.len() <= slot.index() {
                    counts.resize(slot.index() + 1, 0);
                }
                let count = &mut counts[slot.index()];
                *occupied += usize::from(*count == 0);
                *count += 1;
            }
        }
        self.settle();
    }

    /// One task less on an instance that has one.
    pub(crate) fn remove(&mut self, slot: Slot) {
        match self {
            Self::Few { counts, .. } => {
                let count = counts.get_mut(&slot).expect("a task of the group is on the instance");
                *count -= 1;
                if *count == 0 {
                    counts.remove(&slot);
                }
            }
            Self::Many { counts, occupied } => {
                counts[slot.index()] -= 1;
                *occupied -= usize::from(counts[slot.index()] == 0);
            }
        }
        self.settle();
    }

    /// Takes the other form where that has become the better one; the margin keeps it from going to and fro.
    fn settle(&mut self) {
        match self {
            Self::Few { counts: map, places } if map.len() >= MANY && *places <= map.len() * PLACES_PER_COUNT => {
                let mut counts = vec![0; *places];
                for (slot, count) in map.iter() {
                    counts[slot.index()] = *count;
                }
                *self = Self::Many { occupied: map.len(), counts };
            }
            Self::Many { counts, occupied } if counts.len() > (*occupied * 4).max(MANY) * PLACES_PER_COUNT => {
                *self = Self::Few { places: counts.len(), counts: self.iter().collect() };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_forms_count_alike(steps in prop::collection::vec((0..4000_u32, 0..300_usize, any::<bool>()), 1..60)) {
            let (mut counts, mut plain) = (SlotCounts::default(), std::collections::BTreeMap::<Slot, u32>::new());
            for (start, len, add) in steps {
                for slot in (start..).step_by(3).take(len).map(Slot) {
                    let before = plain.get(&slot).copied().unwrap_or(0);
                    prop_assert_eq!(counts.get(slot), before);
                    if add {
                        counts.add(slot);
                        plain.insert(slot, before + 1);
                    } else if before > 0 {
                        counts.remove(slot);
                        plain.insert(slot, before - 1);
                    }
                }
                plain.retain(|_, count| *count > 0);
                let mut kept: Vec<_> = counts.iter().collect();
                kept.sort_unstable();
                prop_assert_eq!(kept, plain.iter().map(|(slot, count)| (*slot, *count)).collect::<Vec<_>>());
                prop_assert_eq!(counts.occupied(), plain.len());
                if let SlotCounts::Many { counts, occupied } = &counts {
                    prop_assert!(counts.len() <= (occupied * 4).max(MANY) * PLACES_PER_COUNT);
                }
            }
        }
    }
}
