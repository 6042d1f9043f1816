//! When requests come: batches at random moments, none of which knows of the others.
//!
//! The moments are those of a Poisson process of which it is known how many tasks it brings in all: each is drawn as the
//! least of as many uniform moments as there are batches left to expect. The hours of the day stretch time so that
//! moments lie as dense as the hours ask.

use super::distribution::Chance;
use super::fixed::{ONE, inverse_power, logarithm};
use super::presets::DAY;

const HOUR: u64 = DAY / 24;

/// The moments of requests, in order.
#[derive(Debug)]
pub(super) struct Arrivals {
    horizon_ms: u64,
    mean_batch_milli: u64,
    hours: Option<&'static [u64; 24]>,
    /// The part that is left of the horizon; all of it is 2^64.
    left: u64,
}

impl Arrivals {
    pub(super) fn new(horizon_ms: u64, mean_batch_milli: u64, hours: Option<&'static [u64; 24]>) -> Self {
        Self { horizon_ms, mean_batch_milli, hours, left: u64::MAX }
    }

    /// The next moment, when `tasks_left` tasks have yet to come.
    pub(super) fn next_ms(&mut self, tasks_left: u64, chance: &mut Chance) -> u64 {
        let exponential = u128::from(logarithm(ONE) - logarithm(chance.share() + 1));
        let stretched =
            (exponential << 30) * u128::from(self.mean_batch_milli) / (1_000 * u128::from(tasks_left.max(1)));
        self.left = ((u128::from(self.left) * u128::from(inverse_power(stretched))) >> 62) as u64;
        let passed = u64::MAX - self.left;
        let part = |of: u64| ((u128::from(of) * u128::from(passed)) >> 64) as u64;
        match self.hours {
            None => part(self.horizon_ms),
            Some(hours) => at_weight(hours, part(weight_until(hours, self.horizon_ms))),
        }
    }
}

/// The weight of the time until then: each millisecond weighs as much as its hour.
fn weight_until(hours: &[u64; 24], at_ms: u64) -> u64 {
    let (days, hour, rest) = (at_ms / DAY, (at_ms % DAY / HOUR) as usize, at_ms % HOUR);
    let of_hours = |hours: &[u64]| hours.iter().sum::<u64>() * HOUR;
    days * of_hours(hours) + of_hours(&hours[..hour]) + rest * hours[hour]
}

/// The moment until which so much weight has passed.
fn at_weight(hours: &[u64; 24], weight: u64) -> u64 {
    let of_day = hours.iter().sum::<u64>() * HOUR;
    let (days, mut rest) = (weight / of_day, weight % of_day);
    for (hour, share) in (0..).zip(hours) {
        if rest < share * HOUR {
            return days * DAY + hour * HOUR + rest / share;
        }
        rest -= share * HOUR;
    }
    (days + 1) * DAY
}

#[cfg(test)]
mod tests {
    use super::super::presets::HOURS;
    use super::*;

    #[test]
    fn weight_and_moment_are_inverse() {
        for at_ms in [0, 1, HOUR, 5 * HOUR + 123, DAY, 3 * DAY + 17 * HOUR + 99] {
            assert_eq!(at_weight(&HOURS, weight_until(&HOURS, at_ms)), at_ms);
        }
    }

    #[test]
    fn moments_are_in_order_and_fill_the_horizon() {
        let mut arrivals = Arrivals::new(DAY, 1_000, None);
        let mut chance = Chance::new(1);
        let moments: Vec<_> = (1..=10_000).rev().map(|left| arrivals.next_ms(left, &mut chance)).collect();
        assert!(moments.is_sorted());
        let middle = moments[5_000];
        assert!(middle.abs_diff(DAY / 2) < DAY / 50, "{middle}");
        assert!(moments[9_999] < DAY && moments[9_900] > DAY / 10 * 9);
    }
}
