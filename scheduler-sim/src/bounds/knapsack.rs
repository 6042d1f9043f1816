//! The most weight that fits on one instance, for every size of instance at once, in integers.

use super::RESOURCE_COUNT;
use super::grid::{Grid, Units};

/// No parcel was ever put in.
const NOTHING: u16 = u16::MAX;

/// Some copies of one kind, put in together or not at all. Parcels of 1, 2, 4, … copies make up every number.
struct Parcel {
    kind: usize,
    copies: u64,
    units: Units,
}

/// The answers for one set of weights.
pub(super) struct Knapsack {
    parcels: Vec<Parcel>,
    extent: Units,
    /// The most weight by size, resource by resource.
    weight: Vec<u64>,
    /// The last parcel that raised the weight.
    last: Vec<u16>,
}

impl Knapsack {
    /// Looks at every parcel for every size.
    pub(super) fn new(grid: &Grid, weights: &[u64]) -> Self {
        let cells = grid.extent.iter().map(|units| units + 1).product();
        let mut knapsack =
            Self { parcels: Vec::new(), extent: grid.extent, weight: vec![0; cells], last: vec![NOTHING; cells] };
        for (kind, (task, weight)) in grid.tasks.iter().zip(weights).enumerate() {
            let mut rest = if *weight == 0 { 0 } else { task.most };
            let mut copies = 1;
            while rest > 0 {
                copies = rest.min(copies);
                rest -= copies;
                let units = task.units.map(|units| units * copies as usize);
                knapsack.put(Parcel { kind, copies, units }, weight * copies);
                copies *= 2;
            }
        }
        knapsack
    }

    /// How many cells a [`new`](Self::new) one looks at.
    pub(super) fn steps(&self) -> u64 {
        (self.weight.len() * (self.parcels.len() + 1)) as u64
    }

    /// The most weight that fits on an instance.
    pub(super) fn most(&self, instance: &Units) -> u64 {
        self.weight[self.cell(instance)]
    }

    /// Copies by kind that fit on an instance and weigh about as much as can be.
    ///
    /// The way back may meet a parcel twice, whose copies are then not all there: they are for the caller to cut.
    pub(super) fn pattern(&self, instance: &Units) -> Vec<(usize, u64)> {
        let mut copies = std::collections::BTreeMap::new();
        let mut left = *instance;
        while let Some(parcel) = self.parcels.get(usize::from(self.last[self.cell(&left)])) {
            *copies.entry(parcel.kind).or_default() += parcel.copies;
            left = std::array::from_fn(|resource| left[resource] - parcel.units[resource]);
        }
        copies.into_iter().collect()
    }

    fn put(&mut self, parcel: Parcel, weight: u64) {
        let number = u16::try_from(self.parcels.len()).ok().filter(|number| *number < NOTHING);
        let number = number.expect("a grid has at most 192 kinds, each of at most 64 parcels");
        let shift = self.cell(&parcel.units);
        let [first, second, third] = parcel.units;
        // From large to small, so that what is read has not seen the parcel yet.
        for a in (first..=self.extent[0]).rev() {
            for b in (second..=self.extent[1]).rev() {
                let row = self.cell(&[a, b, 0]);
                for cell in (row + third..=row + self.extent[2]).rev() {
                    let with = self.weight[cell - shift] + weight;
                    if with > self.weight[cell] {
                        self.weight[cell] = with;
                        self.last[cell] = number;
                    }
                }
            }
        }
        self.parcels.push(parcel);
    }

    fn cell(&self, units: &Units) -> usize {
        let _: [usize; RESOURCE_COUNT] = *units;
        (units[0] * (self.extent[1] + 1) + units[1]) * (self.extent[2] + 1) + units[2]
    }
}
