//! A block: up to 64 instances in order; what they have lies in arrays that one vector compare runs through.

use super::bound::{Bound, Wanted};
use super::classes::class_bit;
use crate::cluster::Slot;

/// The most entries of a block.
pub(crate) const BLOCK_CAPACITY: usize = 64;
/// So many are compared at once.
const STEP: usize = 8;

/// The place of an instance in an order: smaller is preferred. The registration's number makes it unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) objective: u64,
    pub(crate) registration: u64,
}

impl Key {
    pub(crate) const FIRST: Self = Self { objective: 0, registration: 0 };
    pub(crate) const LAST: Self = Self { objective: u64::MAX, registration: u64::MAX };

    /// The same order in one number, for searches without branches: which way they go is as good as random.
    pub(super) fn packed(self) -> u128 {
        u128::from(self.objective) << 64 | u128::from(self.registration)
    }
}

/// One instance in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) slot: Slot,
    pub(crate) cpu: u32,
    pub(crate) memory: u32,
    pub(crate) gpus: u8,
    pub(crate) class: u32,
    /// Bits of what the instance cannot give: ports of the dictionary that are taken, network interfaces used up.
    pub(crate) unavailable: u32,
}

impl Entry {
    pub(crate) fn bound(&self) -> Bound {
        Bound::of(self.cpu, self.memory, self.gpus.into())
            .with_class(class_bit(self.class))
            .with_unavailable(self.unavailable)
    }
}

/// What is read of an entry only once it is a candidate, or its objective ties.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    registration: u64,
    slot: u32,
    class: u32,
    unavailable: u32,
    gpus: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct Block {
    len: usize,
    objectives: [u64; BLOCK_CAPACITY],
    /// Unused places hold −1, below every demand.
    cpu: [i32; BLOCK_CAPACITY],
    memory: [i32; BLOCK_CAPACITY],
    rest: [Rest; BLOCK_CAPACITY],
}

/// An entry where it lies, for who looks at little of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryRef<'a> {
    block: &'a Block,
    position: usize,
}

impl EntryRef<'_> {
    fn rest(&self) -> &Rest {
        &self.block.rest[self.position % BLOCK_CAPACITY]
    }

    pub(crate) fn slot(&self) -> Slot {
        Slot(self.rest().slot)
    }

    pub(crate) fn class(&self) -> u32 {
        self.rest().class
    }

    pub(crate) fn gpus(&self) -> u8 {
        self.rest().gpus
    }

    /// A copy of all of it.
    pub(crate) fn entry(&self) -> Entry {
        self.block.entry(self.position % BLOCK_CAPACITY)
    }
}

impl Block {
    pub(crate) fn new() -> Self {
        Self {
            len: 0,
            objectives: [0; BLOCK_CAPACITY],
            cpu: [-1; BLOCK_CAPACITY],
            memory: [-1; BLOCK_CAPACITY],
            rest: [Rest::default(); BLOCK_CAPACITY],
        }
    }

    /// A block of at most [`BLOCK_CAPACITY`] entries in order.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut block = Self::new();
        for (index, entry) in entries.iter().enumerate() {
            block.set(index, entry);
        }
        block.len = entries.len();
        block
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn key(&self, index: usize) -> Key {
        Key { objective: self.objectives[index], registration: self.rest[index].registration }
    }

    pub(crate) fn entry(&self, index: usize) -> Entry {
        let Rest { registration, slot, class, unavailable, gpus } = self.rest[index];
        Entry {
            key: Key { objective: self.objectives[index], registration },
            slot: Slot(slot),
            cpu: self.cpu[index].cast_unsigned(),
            memory: self.memory[index].cast_unsigned(),
            gpus,
            class,
            unavailable,
        }
    }

    fn set(&mut self, index: usize, entry: &Entry) {
        self.objectives[index] = entry.key.objective;
        self.cpu[index] = entry.cpu.cast_signed();
        self.memory[index] = entry.memory.cast_signed();
        self.rest[index] = Rest {
            registration: entry.key.registration,
            slot: entry.slot.0,
            class: entry.class,
            unavailable: entry.unavailable,
            gpus: entry.gpus,
        };
    }

    /// The first position whose key is not below this one.
    pub(crate) fn position(&self, key: Key) -> usize {
        // A binary search without branches: which way it goes is as good as random.
        let (mut base, mut size) = (0, self.len);
        while size > 1 {
            let half = size / 2;
            base = if self.is_below(base + half, key) { base + half } else { base };
            size -= half;
        }
        base + usize::from(self.len > 0 && self.is_below(base, key))
    }

    #[expect(clippy::needless_bitwise_bool, reason = "for the search without branches")]
    fn is_below(&self, index: usize, key: Key) -> bool {
        let objective = self.objectives[index];
        (objective < key.objective)
            | ((objective == key.objective) & (self.rest[index].registration < key.registration))
    }

    pub(crate) fn insert(&mut self, position: usize, entry: &Entry) {
        debug_assert!(self.len < BLOCK_CAPACITY, "a full block is split first");
        self.shift(position..self.len, position + 1);
        self.set(position, entry);
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, position: usize) -> Entry {
        let entry = self.entry(position);
        self.shift(position + 1..self.len, position);
        self.len -= 1;
        self.vacate(self.len);
        entry
    }

    fn vacate(&mut self, index: usize) {
        (self.cpu[index], self.memory[index]) = (-1, -1);
    }

    fn shift(&mut self, from: std::ops::Range<usize>, to: usize) {
        self.objectives.copy_within(from.clone(), to);
        self.cpu.copy_within(from.clone(), to);
        self.memory.copy_within(from.clone(), to);
        self.rest.copy_within(from, to);
    }

    /// Takes the upper half out, as a block of its own.
    pub(crate) fn split(&mut self) -> Self {
        let middle = self.len / 2;
        let upper: Vec<_> = (middle..self.len).map(|index| self.entry(index)).collect();
        (middle..self.len).for_each(|index| self.vacate(index));
        self.len = middle;
        Self::of(&upper)
    }

    /// Appends the entries of the block that follows.
    pub(crate) fn append(&mut self, other: &Self) {
        for index in 0..other.len {
            self.set(self.len + index, &other.entry(index));
        }
        self.len += other.len;
    }

    /// Sharpens a bound of this block after something left it.
    pub(crate) fn refresh_lanes(&self, bound: &mut Bound) {
        let gpus = self.rest[..self.len].iter().map(|rest| rest.gpus);
        bound.refresh_lanes(&self.cpu, &self.memory, gpus);
    }

    pub(crate) fn bound(&self) -> Bound {
        let mut bound = Bound::NOBODY;
        for index in 0..self.len {
            bound.join(&self.entry(index).bound());
        }
        bound
    }

    /// The entries from a position on that have the CPU and the memory, in order; `admit` decides which is taken.
    pub(crate) fn find(
        &self,
        from: usize,
        wanted: &Wanted<'_>,
        mut admit: impl FnMut(EntryRef<'_>) -> bool,
    ) -> Option<Entry> {
        let (cpu, memory) = (wanted.cpu(), wanted.memory());
        let columns = self.cpu.as_chunks::<STEP>().0.iter().zip(self.memory.as_chunks::<STEP>().0);
        for (step, (has_cpu, has_memory)) in columns.enumerate().take(self.len.div_ceil(STEP)).skip(from / STEP) {
            let mut suffices = [0_u8; STEP];
            for ((suffices, has_cpu), has_memory) in suffices.iter_mut().zip(has_cpu).zip(has_memory) {
                *suffices = u8::from(*has_cpu >= cpu) & u8::from(*has_memory >= memory);
            }
            if suffices == [0; STEP] {
                continue;
            }
            let rest = &self.rest[step * STEP..];
            if !wanted.classes.is_all() {
                for (suffices, rest) in suffices.iter_mut().zip(rest) {
                    *suffices &= wanted.classes.admits(rest.class);
                }
            }
            if wanted.unavailable != 0 {
                for (suffices, rest) in suffices.iter_mut().zip(rest) {
                    *suffices &= u8::from(rest.unavailable & wanted.unavailable == 0);
                }
            }
            let mut bits = u64::from_le_bytes(suffices);
            while bits != 0 {
                let position = step * STEP + (bits.trailing_zeros() / u8::BITS) as usize;
                bits &= bits - 1;
                let found = EntryRef { block: self, position };
                if position >= from && admit(found) {
                    return Some(found.entry());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_place_in_a_block_of_any_length() {
        let entry = |objective| Entry {
            key: Key { objective, registration: 1 },
            slot: Slot(0),
            cpu: 1,
            memory: 1,
            gpus: 0,
            class: 0,
            unavailable: 0,
        };
        for len in 0..=BLOCK_CAPACITY as u64 {
            let entries: Vec<Entry> = (0..len).map(|index| entry(2 * index)).collect();
            let block = Block::of(&entries);
            for objective in 0..=2 * len + 1 {
                let below = |registration| block.position(Key { objective, registration });
                assert_eq!(below(1), objective.div_ceil(2).min(len) as usize);
                assert_eq!(below(2), (objective / 2 + 1).min(len) as usize);
            }
        }
    }
}
