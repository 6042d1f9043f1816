//! Quantiles by nearest rank, of counts or weighted by time, in integers (metrics.md, section 2).

use std::collections::BTreeMap;

/// Values and how much each weighs: copies, or milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    weights: BTreeMap<u64, u128>,
    total: u128,
}

impl Histogram {
    /// Adds weight to a value.
    pub(super) fn add(&mut self, value: u64, weight: u128) {
        if weight > 0 {
            *self.weights.entry(value).or_default() += weight;
            self.total += weight;
        }
    }

    /// The weight of all values together.
    pub(super) fn total(&self) -> u128 {
        self.total
    }

    /// The least value for which the weight of all values up to it is at least `percent` of the whole; `None` without
    /// any weight.
    pub(super) fn percentile(&self, percent: u128) -> Option<u64> {
        let mut below = 0;
        self.weights.iter().find_map(|(value, weight)| {
            below += weight;
            (below * 100 >= percent * self.total).then_some(*value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for value in [15, 20, 35, 40, 50] {
            histogram.add(value, 1);
        }
        // Ranks: ceil(0.05 x 5) = 1, ceil(0.3 x 5) = 2, ceil(0.4 x 5) = 2, ceil(0.5 x 5) = 3, 5.
        let found = [5, 30, 40, 50, 100].map(|percent| histogram.percentile(percent).unwrap_or(0));
        assert_eq!(found, [15, 20, 20, 35, 50]);
    }

    #[test]
    fn weights_count_like_copies() {
        let mut histogram = Histogram::default();
        histogram.add(1, 94);
        histogram.add(2, 1);
        histogram.add(3, 5);
        assert_eq!(histogram.percentile(95), Some(2));
        assert_eq!(histogram.percentile(96), Some(3));
        assert_eq!(histogram.total(), 100);
    }
}
