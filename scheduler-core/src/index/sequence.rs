//! A sequence of instances in one order: blocks in runs, each with the bound of what it holds.
//!
//! Three levels: runs of up to 32 blocks of up to 64 entries. Finding walks the order and skips what cannot hold anybody;
//! an update locates its block by first keys and touches one block and one run.

use super::block::{BLOCK_CAPACITY, Block, Entry, EntryRef, Key};
use super::bound::{Bound, Wanted};

const RUN_CAPACITY: usize = 32;

/// How full blocks get before they are split, and how empty before they are merged. Small ones in tests, so that few
/// instances cross many splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockSize {
    split_at: usize,
    merge_below: usize,
}

impl BlockSize {
    pub(crate) fn new(capacity: usize) -> Self {
        let split_at = capacity.clamp(4, BLOCK_CAPACITY);
        Self { split_at, merge_below: split_at / 4 }
    }

    /// As full as leaves room for a few more.
    fn comfortable(self) -> usize {
        self.split_at - self.split_at / 4
    }

    pub(crate) fn capacity(self) -> usize {
        self.split_at
    }
}

impl Default for BlockSize {
    fn default() -> Self {
        Self::new(BLOCK_CAPACITY)
    }
}

#[derive(Debug, Clone)]
struct Part {
    bound: Bound,
    first: Key,
    block: Box<Block>,
}

#[derive(Debug, Clone)]
struct Run {
    bound: Bound,
    first: Key,
    /// Entries of all its blocks.
    len: usize,
    parts: Vec<Part>,
}

/// Instances in order.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    runs: Vec<Run>,
    len: usize,
    size: BlockSize,
}

impl Part {
    fn new(block: Block) -> Self {
        Self { bound: block.bound(), first: block.key(0), block: Box::new(block) }
    }
}

impl Run {
    fn new(parts: Vec<Part>) -> Self {
        let mut run = Self { bound: Bound::NOBODY, first: parts[0].first, len: 0, parts };
        run.refresh();
        run
    }

    fn refresh_lanes(&mut self) {
        let mut joined = Bound::NOBODY;
        for part in &self.parts {
            joined.join(&part.bound);
        }
        self.bound.set_lanes(&joined);
    }

    fn refresh(&mut self) {
        self.first = self.parts[0].first;
        self.bound = Bound::NOBODY;
        self.len = 0;
        for part in &self.parts {
            self.len += part.block.len();
            self.bound.join(&part.bound);
        }
    }
}

impl Sequence {
    pub(crate) fn new(size: BlockSize) -> Self {
        Self { runs: Vec::new(), len: 0, size }
    }

    /// The sequence of these entries, in whatever order they come.
    pub(crate) fn of(mut entries: Vec<Entry>, size: BlockSize) -> Self {
        entries.sort_unstable_by_key(|entry| entry.key);
        let parts: Vec<_> = entries.chunks(size.comfortable()).map(|entries| Part::new(Block::of(entries))).collect();
        let runs: Vec<_> = parts.chunks(RUN_CAPACITY * 3 / 4).map(|parts| Run::new(parts.to_vec())).collect();
        Self { runs, len: entries.len(), size }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry> {
        let parts = self.runs.iter().flat_map(|run| &run.parts);
        parts.flat_map(|part| (0..part.block.len()).map(|index| part.block.entry(index)))
    }

    /// The entry at a position below [`len`](Self::len). Cost: a step a run, and one a block of its run.
    pub(crate) fn nth(&self, position: usize) -> Entry {
        let mut left = position;
        for run in &self.runs {
            if left >= run.len {
                left -= run.len;
                continue;
            }
            for part in &run.parts {
                if left < part.block.len() {
                    return part.block.entry(left);
                }
                left -= part.block.len();
            }
        }
        unreachable!("position {position} is below the {} entries", self.len)
    }

    /// The run and the part in which a key belongs.
    fn locate(&self, key: Key) -> (usize, usize) {
        let key = key.packed();
        let run = self.runs.partition_point(|run| run.first.packed() <= key).saturating_sub(1);
        let part = self.runs[run].parts.partition_point(|part| part.first.packed() <= key).saturating_sub(1);
        (run, part)
    }

    pub(crate) fn insert(&mut self, entry: &Entry) {
        self.len += 1;
        if self.runs.is_empty() {
            let mut block = Block::new();
            block.insert(0, entry);
            self.runs.push(Run::new(vec![Part::new(block)]));
            return;
        }
        let (run_index, part_index) = self.locate(entry.key);
        let run = &mut self.runs[run_index];
        let part = &mut run.parts[part_index];
        let position = part.block.position(entry.key);
        part.block.insert(position, entry);
        let bound = entry.bound();
        part.bound.join(&bound);
        run.bound.join(&bound);
        run.len += 1;
        if position == 0 {
            part.first = entry.key;
            if part_index == 0 {
                run.first = entry.key;
            }
        }
        if part.block.len() >= self.size.split_at {
            self.split(run_index, part_index);
        }
    }

    fn split(&mut self, run_index: usize, part_index: usize) {
        let run = &mut self.runs[run_index];
        let part = &mut run.parts[part_index];
        let upper = part.block.split();
        part.bound = part.block.bound();
        run.parts.insert(part_index + 1, Part::new(upper));
        if run.parts.len() > RUN_CAPACITY {
            let upper = run.parts.split_off(run.parts.len() / 2);
            run.refresh();
            self.runs.insert(run_index + 1, Run::new(upper));
        }
    }

    /// Takes out the entry of that key.
    pub(crate) fn remove(&mut self, key: Key) -> Entry {
        self.len -= 1;
        let (run_index, part_index) = self.locate(key);
        let run = &mut self.runs[run_index];
        let part = &mut run.parts[part_index];
        let position = part.block.position(key);
        debug_assert!(position < part.block.len() && part.block.key(position) == key, "the key is in the sequence");
        let entry = part.block.remove(position);
        run.len -= 1;
        if part.block.len() <= self.size.merge_below {
            self.shrink(run_index, part_index);
            return entry;
        }
        part.first = part.block.key(0);
        let bound = entry.bound();
        if part.bound.is_met_by(&bound) {
            part.block.refresh_lanes(&mut part.bound);
            if run.bound.is_met_by(&bound) {
                run.refresh_lanes();
            }
        }
        run.first = run.parts[0].first;
        entry
    }

    /// A block has become small: it goes if it is empty, and joins a neighbour where both fit in one.
    fn shrink(&mut self, run_index: usize, part_index: usize) {
        let run = &mut self.runs[run_index];
        let room = self.size.comfortable();
        let len = run.parts[part_index].block.len();
        if len == 0 {
            run.parts.remove(part_index);
        } else {
            let fits = |other: usize| run.parts.get(other).is_some_and(|part| part.block.len() + len <= room);
            let merge_into = if fits(part_index + 1) {
                Some(part_index)
            } else if part_index > 0 && fits(part_index - 1) {
                Some(part_index - 1)
            } else {
                None
            };
            let refreshed = merge_into.unwrap_or(part_index);
            if let Some(lower) = merge_into {
                let upper = run.parts.remove(lower + 1);
                run.parts[lower].block.append(&upper.block);
            }
            let part = &mut run.parts[refreshed];
            part.bound = part.block.bound();
            part.first = part.block.key(0);
        }
        if run.parts.is_empty() {
            self.runs.remove(run_index);
            return;
        }
        run.refresh();
        let joins = |one: usize, other: usize| {
            other < self.runs.len() && self.runs[one].parts.len() + self.runs[other].parts.len() <= RUN_CAPACITY / 2
        };
        let lower = if joins(run_index, run_index + 1) { Some(run_index) } else { run_index.checked_sub(1) };
        if let Some(lower) = lower.filter(|lower| joins(*lower, lower + 1)) {
            let upper = self.runs.remove(lower + 1);
            let run = &mut self.runs[lower];
            run.parts.extend(upper.parts);
            run.refresh();
        }
    }

    /// The first entry, in order, that has what is wanted and that `admit` takes; of the keys from `least` to `below`.
    pub(crate) fn find(
        &self,
        least: Key,
        below: Key,
        wanted: &Wanted<'_>,
        mut admit: impl FnMut(EntryRef<'_>) -> bool,
    ) -> Option<Entry> {
        let (first_run, first_part, from) = self.start_of(least);
        for (run_index, run) in self.runs.iter().enumerate().skip(first_run) {
            if run.first >= below {
                return None;
            }
            if !run.bound.admits(wanted) {
                continue;
            }
            let skipped = if run_index == first_run { first_part } else { 0 };
            for (part_index, part) in run.parts.iter().enumerate().skip(skipped) {
                if part.first >= below {
                    return None;
                }
                if part.bound.admits(wanted) {
                    let from = if (run_index, part_index) == (first_run, first_part) { from } else { 0 };
                    if let Some(entry) = part.block.find(from, wanted, &mut admit) {
                        return Some(entry);
                    }
                }
            }
        }
        None
    }

    fn start_of(&self, least: Key) -> (usize, usize, usize) {
        if self.runs.is_empty() || least == Key::FIRST {
            return (0, 0, 0);
        }
        let (run, part) = self.locate(least);
        (run, part, self.runs[run].parts[part].block.position(least))
    }

    /// Memory in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let blocks: usize = self.runs.iter().map(|run| run.parts.len() * size_of::<Block>()).sum();
        let heads: usize = self.runs.iter().map(|run| run.parts.capacity() * size_of::<Part>()).sum();
        blocks + heads + self.runs.capacity() * size_of::<Run>()
    }

    /// Whether everything is in order, every bound holds, and no block is over-full.
    pub(crate) fn is_sound(&self) -> bool {
        let keys: Vec<_> = self.iter().map(|entry| entry.key).collect();
        let parts = || self.runs.iter().flat_map(|run| &run.parts);
        keys.len() == self.len
            && keys.is_sorted_by(|one, other| one < other)
            && parts().all(|part| part.first == part.block.key(0) && part.block.len() < self.size.split_at.max(1))
            && parts().all(|part| part.bound.covers(&part.block.bound()))
            && self.runs.iter().all(|run| {
                run.len == run.parts.iter().map(|part| part.block.len()).sum::<usize>()
                    && run.first == run.parts[0].first
                    && run.parts.iter().all(|part| run.bound.covers(&part.bound))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClassSet;
    use super::*;
    use crate::cluster::Slot;
    use proptest::prelude::*;

    fn entry(objective: u64, registration: u64, cpu: u32, memory: u32) -> Entry {
        let slot = Slot(registration as u32);
        let key = Key { objective, registration };
        Entry { key, slot, cpu, memory, gpus: (cpu % 3) as u8, class: memory % 70, unavailable: cpu & 3 }
    }

    proptest! {
        #[test]
        fn a_sequence_is_a_sorted_list(
            operations in prop::collection::vec((any::<bool>(), 0..40_u64, 0..200_u64, 0..50_u32, 0..50_u32), 1..600),
            capacity in 4..12_usize,
            wanted in (0..50_u32, 0..50_u32),
            least in 0..40_u64,
        ) {
            let mut sequence = Sequence::new(BlockSize::new(capacity));
            let mut list: Vec<Entry> = Vec::new();
            for (insert, objective, registration, cpu, memory) in operations {
                let known = list.iter().position(|entry| entry.key.registration == registration);
                match known {
                    Some(index) if !insert => {
                        let gone = list.remove(index);
                        prop_assert_eq!(sequence.remove(gone.key), gone);
                    }
                    None if insert => {
                        let entry = entry(objective, registration, cpu, memory);
                        sequence.insert(&entry);
                        list.push(entry);
                    }
                    _ => {}
                }
            }
            list.sort_by_key(|entry| entry.key);
            prop_assert!(sequence.is_sound());
            let blocks = sequence.runs.iter().map(|run| run.parts.len()).sum::<usize>() * size_of::<Block>();
            let heads = sequence.runs.iter().map(|run| run.parts.len() * size_of::<Part>() + size_of::<Run>());
            prop_assert!(sequence.bytes() >= blocks + heads.sum::<usize>());
            for run in &sequence.runs {
                for part in &run.parts {
                    let mut sharpest = part.bound;
                    sharpest.set_lanes(&part.block.bound());
                    prop_assert_eq!(part.bound, sharpest, "the lanes are no more than somebody has");
                }
            }
            prop_assert_eq!(sequence.iter().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!((0..list.len()).map(|position| sequence.nth(position)).collect::<Vec<_>>(), list.clone());
            let (cpu, memory) = wanted;
            let classes: ClassSet = (0..70).filter(|class| 0xFFFF_0000_FFFF_u64 >> (class % 64) & 1 == 1).collect();
            let wanted = Wanted::new(cpu, memory, 1, &classes, 1);
            let least = Key { objective: least, registration: 0 };
            let admits = |entry: &Entry| {
                entry.gpus >= 1 && entry.unavailable & 1 == 0 && 0xFFFF_0000_FFFF_u64 >> (entry.class % 64) & 1 == 1
            };
            let expected = list
                .iter()
                .find(|entry| entry.key >= least && entry.cpu >= cpu && entry.memory >= memory && admits(entry));
            let found = sequence.find(least, Key::LAST, &wanted, |entry| admits(&entry.entry()));
            prop_assert_eq!(found, expected.copied());
        }
    }

    #[test]
    fn every_damage_makes_it_unsound() {
        let damages: [fn(&mut Sequence); 6] = [
            |it| it.len += 1,
            |it| it.runs[0].len += 1,
            |it| it.runs[0].first = Key::LAST,
            |it| it.runs[0].parts[0].first = Key::LAST,
            |it| it.runs[0].parts[1].bound = Bound::NOBODY,
            |it| it.runs[0].parts.swap(0, 1),
        ];
        let mut sound = Sequence::new(BlockSize::new(4));
        (0..20).for_each(|number| sound.insert(&entry(number, number, 5, 5)));
        assert!(sound.is_sound());
        for (number, damage) in damages.into_iter().enumerate() {
            let mut broken = sound.clone();
            damage(&mut broken);
            assert!(!broken.is_sound(), "{number}");
        }
        let mut loose = sound.clone();
        loose.runs[0].bound = Bound::NOBODY;
        assert!(!loose.is_sound());
    }
}
