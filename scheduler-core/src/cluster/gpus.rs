//! The GPUs of one instance: which are free, and of which a share is taken.
//!
//! Whole GPUs are a set of bits. A ledger of shares is kept only while somebody holds one, so an instance without shares
//! carries no more than an empty pointer.

use super::change::GpuSet;
use crate::model::{GPU_MILLI, GpuDemand};

/// The GPUs of one instance that can be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gpus {
    free: GpuSet,
    /// `None`: no share is taken of any.
    ledger: Option<Box<Ledger>>,
}

/// The GPUs of which shares are taken, by index: the thousandths left of each, 0 to 999. Never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ledger(Vec<(u8, u16)>);

impl Gpus {
    /// GPUs without shares.
    pub(crate) fn whole(free: GpuSet) -> Self {
        Self { free, ledger: None }
    }

    /// As many GPUs as there are numbers, with so many thousandths left of each.
    pub(crate) fn of_millis(millis: &[u16]) -> Self {
        let is_whole = |(_, milli): &(u8, u16)| u32::from(*milli) >= GPU_MILLI;
        let (whole, shared): (Vec<_>, Vec<_>) = (0..).zip(millis.iter().copied()).partition(is_whole);
        let ledger = (!shared.is_empty()).then(|| Box::new(Ledger(shared)));
        Self { free: whole.into_iter().map(|(index, _)| usize::from(index)).collect(), ledger }
    }

    /// Those of which nothing is taken.
    pub(crate) fn free(&self) -> GpuSet {
        self.free
    }

    /// Others are free now; those of which a share is taken must not be among them.
    pub(crate) fn set_free(&mut self, free: GpuSet) {
        debug_assert!(free.without(self.shared_set()) == free, "a GPU with a share taken is not free");
        self.free = free;
    }

    /// Those of which a share is taken, with what is left.
    fn shared(&self) -> &[(u8, u16)] {
        self.ledger.as_deref().map_or(&[], |ledger| &ledger.0)
    }

    /// Those of which a share is taken.
    pub(crate) fn shared_set(&self) -> GpuSet {
        self.shared().iter().map(|(index, _)| usize::from(*index)).collect()
    }

    /// Thousandths left on all together.
    pub(crate) fn left_milli(&self) -> u32 {
        let whole = self.free.len() * GPU_MILLI;
        match &self.ledger {
            None => whole,
            Some(ledger) => whole + ledger.0.iter().map(|(_, left)| u32::from(*left)).sum::<u32>(),
        }
    }

    /// Thousandths left of the first `count` GPUs, each.
    pub(crate) fn millis(&self, count: usize) -> impl Iterator<Item = u32> {
        let mut shared = self.shared().iter().peekable();
        (0..count).map(move |index| match shared.next_if(|(at, _)| usize::from(*at) == index) {
            Some((_, left)) => u32::from(*left),
            None if self.free.contains(index) => GPU_MILLI,
            None => 0,
        })
    }

    /// The most thousandths left of one GPU.
    pub(crate) fn most_left(&self) -> u32 {
        if !self.free.is_empty() {
            return GPU_MILLI;
        }
        self.shared().iter().map(|(_, left)| u32::from(*left)).max().unwrap_or(0)
    }

    /// Whether a demand can be met, `registered` being how many GPUs there are. `ALL` needs one at least (C-10).
    pub(crate) fn can_meet(&self, demand: GpuDemand, registered: u32) -> bool {
        match demand {
            GpuDemand::Count(count) => count <= self.free.len(),
            GpuDemand::All => registered.max(1) <= self.free.len(),
            GpuDemand::Share(milli) => u32::from(milli) <= self.most_left(),
        }
    }

    /// Whether a demand can be met by these GPUs.
    pub(crate) fn can_give(&self, demand: GpuDemand, gpus: GpuSet) -> bool {
        match demand {
            GpuDemand::Count(count) => gpus.len() == count && self.free.contains_all(gpus),
            // All that there were at its start: the instance may have been resized since.
            GpuDemand::All => !gpus.is_empty() && self.free.contains_all(gpus),
            GpuDemand::Share(milli) => {
                let has_room =
                    |index: usize| self.free.contains(index) || self.left_of(index).is_some_and(|left| left >= milli);
                gpus.len() == 1 && gpus.iter().all(has_room)
            }
        }
    }

    /// Whether somebody may choose these GPUs for a demand: they can give it, and `ALL` is all of them.
    pub(crate) fn may_choose(&self, demand: GpuDemand, gpus: GpuSet) -> bool {
        self.can_give(demand, gpus) && (demand != GpuDemand::All || gpus == self.free)
    }

    /// The GPUs that a demand gets unless somebody chooses others: the lowest free ones (C-11); of a share the GPU with
    /// the least left that has room, the lowest of equal ones. `None`: it cannot be met.
    pub(crate) fn choose(&self, demand: GpuDemand) -> Option<GpuSet> {
        match demand {
            GpuDemand::Count(count) => self.free.lowest(count),
            GpuDemand::All => Some(self.free).filter(|free| !free.is_empty()),
            GpuDemand::Share(milli) => {
                let roomy = self.shared().iter().filter(|(_, left)| *left >= milli);
                let least = roomy.min_by_key(|(index, left)| (*left, *index));
                least.map(|(index, _)| GpuSet::single(usize::from(*index))).or_else(|| self.free.lowest(1))
            }
        }
    }

    /// Takes what a demand needs of GPUs that can give it.
    #[inline]
    pub(crate) fn take(&mut self, demand: GpuDemand, gpus: GpuSet) {
        match demand {
            GpuDemand::Share(milli) => self.take_share(gpus, milli),
            GpuDemand::Count(_) | GpuDemand::All => self.free = self.free.without(gpus),
        }
    }

    /// Gives back what [`take`](Self::take) took.
    #[inline]
    pub(crate) fn give_back(&mut self, demand: GpuDemand, gpus: GpuSet) {
        match demand {
            GpuDemand::Share(milli) => self.give_share_back(gpus, milli),
            GpuDemand::Count(_) | GpuDemand::All => self.free = self.free.with(gpus),
        }
    }

    fn left_of(&self, index: usize) -> Option<u16> {
        self.shared().iter().find(|(at, _)| usize::from(*at) == index).map(|(_, left)| *left)
    }

    #[cold]
    fn take_share(&mut self, gpus: GpuSet, milli: u16) {
        let ledger = &mut self.ledger.get_or_insert_default().0;
        for index in gpus.iter().map(|index| index as u8) {
            match ledger.binary_search_by_key(&index, |(at, _)| *at) {
                Ok(place) => ledger[place].1 -= milli,
                Err(place) => ledger.insert(place, (index, GPU_MILLI as u16 - milli)),
            }
        }
        self.free = self.free.without(gpus);
    }

    #[cold]
    fn give_share_back(&mut self, gpus: GpuSet, milli: u16) {
        let Some(ledger) = &mut self.ledger else { return };
        for (_, left) in ledger.0.iter_mut().filter(|(index, _)| gpus.contains(usize::from(*index))) {
            *left += milli;
        }
        let whole = |(_, left): &(u8, u16)| u32::from(*left) >= GPU_MILLI;
        let free_again = ledger.0.iter().filter(|entry| whole(entry)).map(|(index, _)| usize::from(*index));
        self.free = self.free.with(free_again.collect());
        ledger.0.retain(|entry| !whole(entry));
        if ledger.0.is_empty() {
            self.ledger = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(indices: &[usize]) -> GpuSet {
        indices.iter().copied().collect()
    }

    #[test]
    fn a_share_goes_where_the_least_is_left_that_has_room() {
        let mut gpus = Gpus::whole(GpuSet::first(3));
        let mut take = |milli| {
            let chosen = gpus.choose(GpuDemand::Share(milli)).expect("there is room");
            assert!(gpus.can_give(GpuDemand::Share(milli), chosen));
            gpus.take(GpuDemand::Share(milli), chosen);
            chosen.iter().collect::<Vec<_>>()
        };
        let placed: Vec<_> = [600, 500, 400, 500, 999, 1].into_iter().map(&mut take).collect();
        assert_eq!(placed, [[0], [1], [0], [1], [2], [2]]);
        assert_eq!((gpus.left_milli(), gpus.choose(GpuDemand::Share(1))), (0, None));
    }

    #[test]
    fn giving_back_leaves_no_trace_of_a_share() {
        let before = Gpus::whole(GpuSet::first(2));
        let mut gpus = before.clone();
        gpus.take(GpuDemand::Share(300), set(&[1]));
        gpus.take(GpuDemand::Share(700), set(&[1]));
        assert_eq!(gpus.millis(2).collect::<Vec<_>>(), [1000, 0]);
        assert!(!gpus.can_meet(GpuDemand::Count(2), 2) && gpus.can_meet(GpuDemand::Count(1), 2));
        gpus.give_back(GpuDemand::Share(300), set(&[1]));
        assert_eq!((gpus.millis(2).collect::<Vec<_>>(), gpus.most_left()), (vec![1000, 300], 1000));
        gpus.give_back(GpuDemand::Share(700), set(&[1]));
        assert_eq!(gpus, before);
    }

    #[test]
    fn given_shares_are_as_if_somebody_had_taken_the_rest() {
        let gpus = Gpus::of_millis(&[1000, 250, 0]);
        assert_eq!((gpus.free(), gpus.shared_set(), gpus.left_milli()), (set(&[0]), set(&[1, 2]), 1250));
        assert_eq!(gpus.choose(GpuDemand::Share(250)), Some(set(&[1])));
        assert_eq!(gpus.choose(GpuDemand::Share(251)), Some(set(&[0])));
        assert_eq!(Gpus::of_millis(&[1000; 2]), Gpus::whole(GpuSet::first(2)));
    }

    /// GPU 0 is taken, 1 has 400 thousandths left, 2 and 3 are free.
    #[test]
    fn only_gpus_that_have_room_can_be_given_and_as_many_as_wanted() {
        let mut gpus = Gpus::whole(GpuSet::first(4));
        gpus.take(GpuDemand::Count(1), set(&[0]));
        gpus.take(GpuDemand::Share(600), set(&[1]));
        let cases: [(GpuDemand, &[usize], bool); 15] = [
            (GpuDemand::Count(1), &[2], true),
            (GpuDemand::Count(2), &[2, 3], true),
            (GpuDemand::Count(2), &[2], false),
            (GpuDemand::Count(1), &[2, 3], false),
            (GpuDemand::Count(1), &[0], false),
            (GpuDemand::Count(1), &[1], false),
            (GpuDemand::All, &[2, 3], true),
            (GpuDemand::All, &[0, 2], false),
            (GpuDemand::All, &[], false),
            (GpuDemand::Share(400), &[1], true),
            (GpuDemand::Share(401), &[1], false),
            (GpuDemand::Share(1), &[0], false),
            (GpuDemand::Share(999), &[3], true),
            (GpuDemand::Share(1), &[2, 3], false),
            (GpuDemand::Share(1), &[], false),
        ];
        for (demand, chosen, can_be) in cases {
            assert_eq!(gpus.can_give(demand, set(chosen)), can_be, "{demand:?} {chosen:?}");
        }
        assert!(gpus.may_choose(GpuDemand::All, set(&[2, 3])));
        assert!(!gpus.may_choose(GpuDemand::All, set(&[2])));
    }
}
