//! Randomness as placement asks for it: a number below `n`, drawn for a stated purpose.

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What a number is drawn for. A source may keep one stream for each, so that a draw more in one shifts no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DrawPurpose {
    /// The strategy `random`.
    Strategy,
    /// [`TieBreak::Random`](crate::TieBreak::Random).
    TieBreak,
    /// Which task to stop.
    ScaleIn,
}

/// A source of uniform random numbers.
///
/// Placement draws only where it may matter: never when nobody is feasible, nor to break a tie of one. Use [`SeededDraw`], or any generator of the `rand` family
/// through `DrawFrom` (feature `rand`).
pub trait Draw {
    /// A number below `bound`, each with the same probability. `bound` is at least 1; larger answers are cut down.
    fn draw(&mut self, purpose: DrawPurpose, bound: u32) -> u32;
}

/// The generator that we ship: `ChaCha8`, seeded, one stream for each purpose. The same seed gives the same numbers on
/// every platform and in every version of this crate with the same major number.
///
/// ```
/// use scheduler_core::{Draw, DrawPurpose, SeededDraw};
///
/// let mut first = SeededDraw::new(7);
/// let mut second = SeededDraw::new(7);
/// second.draw(DrawPurpose::ScaleIn, 10); // shifts no other purpose
/// assert_eq!(first.draw(DrawPurpose::Strategy, 100), second.draw(DrawPurpose::Strategy, 100));
/// ```
#[derive(Debug)]
pub struct SeededDraw {
    streams: [ChaCha8Rng; 3],
}

/// A copy goes on with the same numbers: for dry runs that foretell what the original will do.
impl Clone for SeededDraw {
    fn clone(&self) -> Self {
        let streams = self.streams.each_ref().map(|original| {
            let mut copy = ChaCha8Rng::from_seed(original.get_seed());
            copy.set_stream(original.get_stream());
            copy.set_word_pos(original.get_word_pos());
            copy
        });
        Self { streams }
    }
}

impl SeededDraw {
    /// The generator of that seed, at its beginning.
    pub fn new(seed: u64) -> Self {
        let stream = |number| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(number);
            generator
        };
        Self { streams: [stream(0), stream(1), stream(2)] }
    }
}

impl Draw for SeededDraw {
    fn draw(&mut self, purpose: DrawPurpose, bound: u32) -> u32 {
        let generator = &mut self.streams[purpose as usize];
        uniform_below(bound, || generator.next_u32())
    }
}

/// Any generator of the `rand` family as a [`Draw`]; one stream for all purposes.
#[cfg(feature = "rand")]
#[derive(Debug, Clone)]
pub struct DrawFrom<R>(pub R);

#[cfg(feature = "rand")]
impl<R: Rng> Draw for DrawFrom<R> {
    fn draw(&mut self, _purpose: DrawPurpose, bound: u32) -> u32 {
        uniform_below(bound, || self.0.next_u32())
    }
}

/// Lemire's method: the high word of a product, rejecting the few low words that would make some results likelier.
fn uniform_below(bound: u32, mut next: impl FnMut() -> u32) -> u32 {
    let bound = bound.max(1);
    let rejected_below = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(next()) * u64::from(bound);
        if product as u32 >= rejected_below {
            return (product >> 32) as u32;
        }
    }
}

/// One draw, held to its bound whatever the source answers.
pub(crate) fn draw_index(draw: &mut dyn Draw, purpose: DrawPurpose, count: usize) -> usize {
    debug_assert!(count > 0, "there is something to draw from");
    let bound = u32::try_from(count).unwrap_or(u32::MAX);
    draw.draw(purpose, bound).min(bound - 1) as usize
}

/// Draws of a position among the open instances before all feasible ones are listed.
const TRIES: usize = 64;

/// The strategy `random`: one of the feasible instances, uniformly; somebody is feasible (without that nothing is drawn).
///
/// Positions among the `open` instances, in registration order, are drawn until one is feasible: each feasible instance
/// is as likely as any other, and mostly the first draw hits. After 64 misses all feasible ones are listed, and if they
/// are several, a position among them is drawn. (With fewer than two open instances there is nothing to draw from.)
pub(super) fn draw_feasible<T: Copy>(
    draw: &mut dyn Draw,
    open: usize,
    hit: impl Fn(usize) -> Option<T>,
    feasible: &mut Vec<T>,
    list: impl FnOnce(&mut Vec<T>),
) -> T {
    if open > 1 {
        for _ in 0..TRIES {
            if let Some(found) = hit(draw_index(draw, DrawPurpose::Strategy, open)) {
                return found;
            }
        }
    }
    list(feasible);
    let position = if feasible.len() > 1 { draw_index(draw, DrawPurpose::Strategy, feasible.len()) } else { 0 };
    feasible[position]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins the numbers: a change of them changes every published result that used a seed.
    #[test]
    fn first_draws_of_seed_zero_stay_what_they_are() {
        let mut draw = SeededDraw::new(0);
        let strategy: Vec<_> = (0..6).map(|_| draw.draw(DrawPurpose::Strategy, 1000)).collect();
        let tie_break: Vec<_> = (0..6).map(|_| draw.draw(DrawPurpose::TieBreak, 1000)).collect();
        let scale_in: Vec<_> = (0..6).map(|_| draw.draw(DrawPurpose::ScaleIn, 1000)).collect();
        assert_eq!(strategy, [654, 709, 729, 465, 507, 699]);
        assert_eq!(tie_break, [784, 755, 434, 738, 946, 589]);
        assert_eq!(scale_in, [83, 332, 114, 905, 834, 634]);
    }

    #[test]
    fn every_number_below_the_bound_comes_up() {
        let mut draw = SeededDraw::new(1);
        let mut seen = [0; 5];
        for _ in 0..5_000 {
            seen[draw.draw(DrawPurpose::Strategy, 5) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (900..1_100).contains(count)), "{seen:?}");
        assert_eq!(draw.draw(DrawPurpose::Strategy, 1), 0);
        assert!(draw.draw(DrawPurpose::Strategy, u32::MAX) < u32::MAX);
    }
}
