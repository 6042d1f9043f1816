//! Distributions as lists of pieces, each between two quantiles: log-uniform, or the tail of a Pareto distribution.

use scheduler_core::{Draw, DrawPurpose, SeededDraw};

use super::fixed::{ONE, logarithm, scaled_by_power};

/// Between the quantile before and `until_ppm` millionths of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) until_ppm: u64,
    pub(super) shape: Shape,
}

/// How the values of a piece are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The logarithm is uniform between those of two values.
    LogUniform { from: u64, to: u64 },
    /// The part beyond `x` falls with `x` to the power of minus alpha; what is beyond the cap is the cap.
    Pareto { from: u64, alpha_milli: u64, cap: u64 },
}

/// A log-uniform piece.
pub(super) const fn log_uniform(until_ppm: u64, from: u64, to: u64) -> Piece {
    Piece { until_ppm, shape: Shape::LogUniform { from, to } }
}

/// A Pareto tail up to the last quantile.
pub(super) const fn pareto(from: u64, alpha_milli: u64, cap: u64) -> Piece {
    Piece { until_ppm: PPM, shape: Shape::Pareto { from, alpha_milli, cap } }
}

const PPM: u64 = 1_000_000;
/// In so many cells of equal probability a distribution is summed up.
const CELLS: u64 = 8_192;

/// A distribution, ready to draw from.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    pieces: Vec<Ready>,
    /// The sums of the values in the middles of the cells up to each.
    sums: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Ready {
    from: u64,
    until: u64,
    shape: Shape,
    /// The logarithm of the last value over the first.
    logarithm: u64,
}

impl Distribution {
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let mut from = 0;
        let mut ready = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let until = piece.until_ppm * ONE / PPM;
            let logarithm = match piece.shape {
                Shape::LogUniform { from, to } => logarithm(to) - logarithm(from),
                Shape::Pareto { .. } => 0,
            };
            ready.push(Ready { from, until, shape: piece.shape, logarithm });
            from = until;
        }
        debug_assert!(from == ONE, "the last piece ends at the last quantile");
        let mut distribution = Self { pieces: ready, sums: Vec::new() };
        let values = (0..CELLS).map(|cell| distribution.quantile(middle(cell)));
        let sums = values.scan(0, |sum, value| {
            *sum += value;
            Some(*sum)
        });
        distribution.sums = sums.collect();
        distribution
    }

    /// The value below which a share of `at` in `Q32` lies.
    pub(super) fn quantile(&self, at: u64) -> u64 {
        let last = self.pieces.len() - 1;
        let piece = &self.pieces[self.pieces.iter().position(|piece| at < piece.until).unwrap_or(last)];
        let within = (at - piece.from) * ONE / (piece.until - piece.from);
        match piece.shape {
            Shape::LogUniform { from, .. } => {
                scaled_by_power(from, ((u128::from(piece.logarithm) * u128::from(within)) >> 32) as u64)
            }
            Shape::Pareto { from, alpha_milli, cap } => {
                let beyond = (ONE - within).max(1);
                scaled_by_power(from, (logarithm(ONE) - logarithm(beyond)) * 1_000 / alpha_milli).min(cap)
            }
        }
    }

    /// The sum of [`Self::cells`] values; the mean is this over that.
    pub(super) fn sum(&self) -> u64 {
        self.sums.last().copied().unwrap_or_default().max(1)
    }

    /// How many values [`Self::sum`] adds.
    pub(super) fn cells() -> u64 {
        CELLS
    }

    /// A value.
    pub(super) fn draw(&self, chance: &mut Chance) -> u64 {
        self.quantile(chance.share())
    }

    /// What is left at a moment of a lifetime of this distribution, once births and deaths balance: a lifetime is met
    /// as often as it is long, and at any of its moments alike.
    pub(super) fn draw_rest(&self, chance: &mut Chance) -> u64 {
        let drawn = ((u128::from(self.sum()) * u128::from(chance.share())) >> 32) as u64;
        let cell = self.sums.partition_point(|sum| *sum <= drawn) as u64;
        let met = self.quantile(middle(cell.min(CELLS - 1)));
        ((u128::from(met) * u128::from(chance.share())) >> 32) as u64
    }
}

/// The middle of a cell, in `Q32`.
fn middle(cell: u64) -> u64 {
    (2 * cell + 1) * ONE / (2 * CELLS)
}

/// Where the numbers come from.
#[derive(Debug, Clone)]
pub(super) struct Chance(SeededDraw);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededDraw::new(seed))
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.0.draw(DrawPurpose::Strategy, bound)
    }

    /// A share below 1, in `Q32`.
    pub(super) fn share(&mut self) -> u64 {
        u64::from(self.below(u32::MAX))
    }

    /// An index, by weights whose sums up to each are given.
    pub(super) fn index(&mut self, sums: &[u64]) -> usize {
        let total = sums.last().copied().unwrap_or_default();
        let drawn = ((u128::from(total) * u128::from(self.share())) >> 32) as u64;
        sums.partition_point(|sum| *sum <= drawn).min(sums.len().saturating_sub(1))
    }
}
