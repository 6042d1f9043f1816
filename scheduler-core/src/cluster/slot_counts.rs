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
    Few {
        counts: FxHashMap<Slot, u32>,
        places: usize,
    },
    Many(Column),
}

/// Counts by slot in a byte each, so that as much as can be of it is in the caches; what does not fit a byte lies apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    counts: Vec<u8>,
    /// The counts of those whose byte is [`u8::MAX`].
    large: FxHashMap<Slot, u32>,
    /// How many counts are above 0.
    occupied: usize,
}

impl Column {
    pub(crate) fn get(&self, slot: Slot) -> u32 {
        match self.counts.get(slot.index()).copied().unwrap_or(0) {
            u8::MAX => self.large[&slot],
            count => count.into(),
        }
    }

    fn set(&mut self, slot: Slot, count: u32) {
        let index = slot.index();
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        let before = self.counts[index];
        self.occupied += usize::from(count > 0);
        self.occupied -= usize::from(before > 0);
        self.counts[index] = u8::try_from(count).unwrap_or(u8::MAX);
        if self.counts[index] == u8::MAX {
            self.large.insert(slot, count);
        } else if before == u8::MAX {
            self.large.remove(&slot);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Slot, u32)> {
        let slots = (0..self.counts.len()).map(|index| Slot(index as u32));
        slots.map(|slot| (slot, self.get(slot))).filter(|(_, count)| *count > 0)
    }
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
            Self::Many(column) => column.get(slot),
        }
    }

    /// How many instances have a task.
    pub(crate) fn occupied(&self) -> usize {
        match self {
            Self::Few { counts, .. } => counts.len(),
            Self::Many(column) => column.occupied,
        }
    }

    /// The instances that have a task, each with how many; in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, u32)> {
        let (few, many) = match self {
            Self::Few { counts, .. } => (Some(counts), None),
            Self::Many(column) => (None, Some(column)),
        };
        let few = few.into_iter().flatten().map(|(slot, count)| (*slot, *count));
        few.chain(many.into_iter().flat_map(Column::iter))
    }

    /// One more task on an instance.
    pub(crate) fn add(&mut self, slot: Slot) {
        match self {
            Self::Few { counts, places } => {
                *counts.entry(slot).or_insert(0) += 1;
                *places = (*places).max(slot.index() + 1);
            }
            Self::Many(column) => column.set(slot, column.get(slot) + 1),
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
            Self::Many(column) => column.set(slot, column.get(slot) - 1),
        }
        self.settle();
    }

    /// Takes the other form where that has become the better one; the margin keeps it from going to and fro.
    fn settle(&mut self) {
        match self {
            Self::Few { counts, places } if counts.len() >= MANY && *places <= counts.len() * PLACES_PER_COUNT => {
                let mut column = Column { counts: vec![0; *places], ..Column::default() };
                for (slot, count) in counts.iter() {
                    column.set(*slot, *count);
                }
                *self = Self::Many(column);
            }
            Self::Many(column) if column.counts.len() > (column.occupied * 4).max(MANY) * PLACES_PER_COUNT => {
                *self = Self::Few { places: column.counts.len(), counts: column.iter().collect() };
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
                if let SlotCounts::Many(column) = &counts {
                    prop_assert!(column.counts.len() <= (column.occupied * 4).max(MANY) * PLACES_PER_COUNT);
                }
            }
        }
    }

    #[test]
    fn counts_beyond_a_byte_come_and_go() {
        let mut counts = SlotCounts::default();
        (0..100).map(Slot).for_each(|slot| counts.add(slot));
        assert!(matches!(counts, SlotCounts::Many(_)));
        (0..999).for_each(|_| counts.add(Slot(7)));
        assert_eq!(counts.get(Slot(7)), 1000);
        (0..745).for_each(|_| counts.remove(Slot(7)));
        assert_eq!((counts.get(Slot(7)), counts.occupied()), (255, 100));
        counts.remove(Slot(7));
        assert_eq!((counts.get(Slot(7)), counts.iter().map(|(_, count)| count).sum::<u32>()), (254, 254 + 99));
        assert!(matches!(&counts, SlotCounts::Many(column) if column.large.is_empty()));
    }
}
