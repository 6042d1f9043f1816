//! From a fleet that runs the trace to cheaper ones, by small changes.

use super::SearchError;
use super::search::Search;

impl Search<'_> {
    /// Tries changes of the best fleet, large ones first, until none makes it cheaper.
    pub(super) fn exchange(&mut self) -> Result<(), SearchError> {
        let Some(best) = &self.best else { return Ok(()) };
        let most = best.counts.iter().copied().max().unwrap_or(0);
        let mut step = 1 << most.checked_ilog2().unwrap_or(0);
        while step > 0 {
            while self.improve(step)? {}
            step /= 2;
        }
        Ok(())
    }

    /// The first change of a step that runs and is cheaper, the cheapest first. Whether there is one.
    fn improve(&mut self, step: u32) -> Result<bool, SearchError> {
        let Some(best) = self.best.clone() else { return Ok(false) };
        let mut fleets = self.neighbours(&best.counts, step);
        fleets.sort_by_cached_key(|counts| (self.cost(counts), counts.clone()));
        fleets.dedup();
        for counts in fleets {
            if self.is_cut_short {
                return Ok(false);
            }
            if self.cost(&counts) < best.cost && self.runs(&counts)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Fleets without `step` instances of a type, or with as many of another in their place as are still cheaper; of
    /// single instances also one for two of different types, and two of different types for one.
    fn neighbours(&self, counts: &[u32], step: u32) -> Vec<Vec<u32>> {
        let types = || 0..counts.len();
        let mut fleets = Vec::new();
        for away in types() {
            let Some(fewer) = without(counts, away, step) else { continue };
            fleets.extend(types().filter_map(|other| self.filled_up(&fewer, other, counts)));
            if step == 1 {
                let two_less = (away + 1..counts.len()).filter_map(|second| without(&fewer, second, 1));
                let one_more = types().filter(|one| *one != away).map(|one| with_one(&fewer, one));
                for fewer in two_less.chain(one_more) {
                    fleets.extend(types().filter_map(|other| self.filled_up(&fewer, other, counts)));
                }
            }
            fleets.push(fewer);
        }
        fleets
    }

    /// A fleet with as many more of a type as keep it cheaper than it was; `None` if there is no room for one.
    fn filled_up(&self, fewer: &[u32], other: usize, before: &[u32]) -> Option<Vec<u32>> {
        let price = self.question.offers[other].microdollars.map_or(1, u128::from).max(1);
        let saved = self.cost(before).checked_sub(self.cost(fewer).saturating_add(1))?;
        let more = u32::try_from(saved / price).ok().filter(|more| *more > 0)?;
        let mut counts = fewer.to_vec();
        counts[other] = counts[other].checked_add(more)?;
        Some(counts)
    }
}

/// A fleet without so many instances of a type; `None` if it has not so many.
fn without(counts: &[u32], index: usize, step: u32) -> Option<Vec<u32>> {
    let mut fewer = counts.to_vec();
    fewer[index] = fewer[index].checked_sub(step)?;
    Some(fewer)
}

fn with_one(counts: &[u32], index: usize) -> Vec<u32> {
    let mut more = counts.to_vec();
    more[index] = more[index].saturating_add(1);
    more
}
