//! Joint bounds: what no instance of a block has more of, in lanes that say more than one maximum a resource.
//!
//! Near full, some instance of a block has the CPU, another the memory, and none both. A lane `min(cpu, memory / k)` is
//! large only if *one* instance has both, so a block whose every lane suffices nearly always holds somebody who fits.

use super::block::Entry;
use super::classes::ClassSet;

/// CPU, memory, `min(cpu, mem)`, `min(cpu, mem / 2)`, `min(cpu, mem / 4)`, `min(cpu, mem / 8)`, GPUs, and `min(cpu, mem)`
/// of instances with a free GPU.
const LANES: usize = 8;
/// The lanes of CPU and memory come first.
const AMOUNTS: usize = 6;
const GPUS: usize = AMOUNTS;

/// A componentwise maximum over instances, and what they have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    lanes: [i32; LANES],
    /// A bit for each class modulo 64 that occurs.
    classes: u64,
    /// Bits that are set for all of them: ports taken everywhere.
    unavailable: u32,
}

impl Bound {
    /// The bound of nobody: joins with anything to that.
    pub(crate) const NOBODY: Self = Self { lanes: [-1; LANES], classes: 0, unavailable: u32::MAX };

    /// The bound of one instance, or the least bound that some instance for this demand could meet.
    pub(crate) fn of(cpu: u32, memory: u32, gpus: u32) -> Self {
        let amount = |amount: u32| i32::try_from(amount).unwrap_or(i32::MAX);
        Self { lanes: lanes(amount(cpu), amount(memory), amount(gpus)), classes: 0, unavailable: 0 }
    }

    pub(crate) fn with_class(mut self, class_bit: u64) -> Self {
        self.classes = class_bit;
        self
    }

    pub(crate) fn with_unavailable(mut self, unavailable: u32) -> Self {
        self.unavailable = unavailable;
        self
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (lane, other) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = (*lane).max(other);
        }
        self.classes |= other.classes;
        self.unavailable &= other.unavailable;
    }

    /// Adds the lanes up again over the instances of a block, in columns; what they have in common stays as it was.
    ///
    /// `gpus` is looked at only where somebody has any.
    pub(crate) fn refresh_lanes<const N: usize>(
        &mut self,
        cpu: &[i32; N],
        memory: &[i32; N],
        gpus: impl Iterator<Item = u8>,
    ) {
        let had_gpus = self.lanes[GPUS] > 0;
        let mut joined = [-1; LANES];
        for (cpu, memory) in cpu.iter().zip(memory) {
            for (lane, other) in joined.iter_mut().zip(amounts(*cpu, *memory)) {
                *lane = (*lane).max(other);
            }
        }
        if had_gpus {
            for ((cpu, memory), gpus) in cpu.iter().zip(memory).zip(gpus) {
                for (lane, other) in joined[AMOUNTS..].iter_mut().zip(with_gpus(*cpu, *memory, gpus.into())) {
                    *lane = (*lane).max(other);
                }
            }
        } else {
            joined[GPUS] = 0;
        }
        self.lanes = joined;
    }

    /// Takes the lanes of a join of others; what they have in common stays as it was.
    pub(crate) fn set_lanes(&mut self, joined: &Self) {
        self.lanes = joined.lanes;
    }

    /// Whether taking `part` out makes the bound less sharp than it could be.
    ///
    /// Classes and ports are left to the next time that it is added up: too many classes and too few ports taken
    /// everywhere are still a bound.
    pub(crate) fn is_met_by(&self, part: &Self) -> bool {
        self.lanes.iter().zip(part.lanes).any(|(lane, part)| *lane == part && part > 0)
    }

    /// Whether it bounds everything that `other` does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.lanes.iter().zip(other.lanes).all(|(lane, other)| *lane >= other)
            && other.classes & !self.classes == 0
            && self.unavailable & !other.unavailable == 0
    }

    /// Whether somebody within the bound could meet the demand.
    pub(crate) fn admits(&self, demand: &Wanted<'_>) -> bool {
        let mut short = false;
        for (lane, wanted) in self.lanes.iter().zip(demand.least.lanes) {
            short |= *lane < wanted;
        }
        !short && self.classes & demand.classes.bits != 0 && self.unavailable & demand.unavailable == 0
    }
}

/// The lanes of one instance. Each only grows with each amount, which is what makes a maximum of them a bound.
fn lanes(cpu: i32, memory: i32, gpus: i32) -> [i32; LANES] {
    let mut lanes = [0; LANES];
    lanes[..AMOUNTS].copy_from_slice(&amounts(cpu, memory));
    lanes[AMOUNTS..].copy_from_slice(&with_gpus(cpu, memory, gpus));
    lanes
}

fn amounts(cpu: i32, memory: i32) -> [i32; AMOUNTS] {
    [cpu, memory, cpu.min(memory), cpu.min(memory >> 1), cpu.min(memory >> 2), cpu.min(memory >> 3)]
}

fn with_gpus(cpu: i32, memory: i32, gpus: i32) -> [i32; LANES - AMOUNTS] {
    [gpus, if gpus > 0 { cpu.min(memory) } else { -1 }]
}

/// What a request asks of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    least: Bound,
    /// The classes that it admits.
    pub(super) classes: &'a ClassSet,
    /// Bits of which none may be set: the ports it wants.
    pub(super) unavailable: u32,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(cpu: u32, memory: u32, gpus: u32, classes: &'a ClassSet, unavailable: u32) -> Self {
        Self { least: Bound::of(cpu, memory, gpus), classes, unavailable }
    }

    /// Whether an instance has the CPU and the memory, and class (modulo 64), ports and network interfaces let it be a
    /// candidate.
    pub(crate) fn suits(&self, entry: &Entry) -> bool {
        self.cpu() <= entry.cpu.cast_signed()
            && self.memory() <= entry.memory.cast_signed()
            && self.classes.admits(entry.class) != 0
            && entry.unavailable & self.unavailable == 0
    }

    pub(crate) fn cpu(&self) -> i32 {
        self.least.lanes[0]
    }

    pub(crate) fn memory(&self) -> i32 {
        self.least.lanes[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One instance with 8 CPU units and 4 MiB and one with 2 and 6, of classes 1 and 2; port 0 is taken on both.
    fn both() -> Bound {
        let mut bound = Bound::of(8, 4, 0).with_class(1 << 1).with_unavailable(0b11);
        bound.join(&Bound::of(2, 6, 0).with_class(1 << 2).with_unavailable(0b01));
        bound
    }

    #[test]
    fn a_bound_admits_who_meets_it_in_amounts_class_and_ports() {
        let (first, other) = (ClassSet::from_iter([1]), ClassSet::from_iter([3]));
        let admits = |cpu, memory, gpus, classes, ports| both().admits(&Wanted::new(cpu, memory, gpus, classes, ports));
        assert!(admits(8, 4, 0, &first, 0b10));
        assert!(admits(4, 4, 0, &first, 0), "somebody has both");
        assert!(!admits(5, 5, 0, &first, 0), "nobody has both");
        assert!(!admits(9, 0, 0, &first, 0) && !admits(0, 7, 0, &first, 0));
        assert!(!admits(1, 1, 0, &other, 0), "nobody is of the class");
        assert!(!admits(1, 1, 0, &first, 0b01), "the port is taken everywhere");
        assert!(!admits(0, 0, 1, &first, 0), "nobody has a GPU");
        assert!(Bound::of(4, 4, 2).with_class(2).admits(&Wanted::new(4, 4, 2, &first, 0)));
        assert!(!Bound::of(4, 4, 2).with_class(2).admits(&Wanted::new(4, 4, 3, &first, 0)));
        assert!(!Bound::NOBODY.admits(&Wanted::new(0, 0, 0, &first, 0)));
    }

    #[test]
    fn a_bound_covers_its_parts_in_every_respect() {
        let part = Bound::of(2, 6, 0).with_class(1 << 2).with_unavailable(0b01);
        assert!(both().covers(&part) && both().covers(&Bound::NOBODY));
        assert!(!both().covers(&Bound::of(9, 1, 0).with_class(1 << 2).with_unavailable(0b01)), "more CPU");
        assert!(!both().covers(&part.with_class(1 << 3)), "another class");
        assert!(!both().covers(&part.with_unavailable(0)), "the port is free there");
    }

    #[test]
    fn who_leaves_meets_the_bound_where_nobody_had_more() {
        let bound = both();
        assert!(bound.is_met_by(&Bound::of(8, 4, 0)) && bound.is_met_by(&Bound::of(2, 6, 0)));
        assert!(!bound.is_met_by(&Bound::of(2, 3, 0)) && !bound.is_met_by(&Bound::of(0, 0, 0)));
    }
}
