//! The measures after each arrival, and their curve over the demand that has arrived.

use std::cmp::Ordering;

/// The largest percentage of a curve.
const LAST_PERCENT: usize = 130;

/// The cluster after one arrival.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// GPU thousandths asked for by all tasks so far, placed or not.
    pub arrived_milli: u64,
    /// GPU thousandths used.
    pub used_milli: u64,
    /// The fragmentation of all instances together, in GPU thousandths.
    pub fragmented_milli: f64,
}

/// The means at one percentage of arrived demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// GPU demand arrived, in percent of the fleet's GPUs.
    pub arrived: usize,
    /// GPUs used, in percent of the fleet's; two digits.
    pub alloc_pct: f64,
    /// The fragmented part of the idle GPUs, in percent.
    pub frag_ratio_pct: f64,
    /// The fragmented part of all GPUs, in percent; two digits.
    pub frag_amount_pct: f64,
}

/// Sums over the arrivals of each whole percentage.
#[derive(Debug, Clone)]
pub struct Curve {
    capacity_milli: u64,
    percents: Vec<Sums>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: u32,
    alloc: f64,
    ratio: f64,
    amount: f64,
}

impl Curve {
    /// A curve of a fleet with so many GPU thousandths.
    pub fn new(capacity_milli: u64) -> Self {
        Self { capacity_milli, percents: vec![Sums::default(); LAST_PERCENT + 2] }
    }

    /// One more arrival.
    pub fn add(&mut self, arrival: &Arrival) {
        let of_capacity = |milli: f64| 100.0 * milli / float(self.capacity_milli);
        let arrived = percent(arrival.arrived_milli, self.capacity_milli);
        let Some(sums) = usize::try_from(arrived).ok().and_then(|arrived| self.percents.get_mut(arrived)) else {
            return;
        };
        let idle = float(self.capacity_milli.saturating_sub(arrival.used_milli));
        sums.count += 1;
        sums.alloc += two_digits(of_capacity(float(arrival.used_milli)));
        sums.ratio += if idle > 0.0 { two_digits(100.0 * arrival.fragmented_milli / idle) } else { 0.0 };
        sums.amount += of_capacity(two_digits(arrival.fragmented_milli));
    }

    /// The means of the arrivals at each whole percentage from 0 to 130; where there are none, of those at most one away.
    pub fn points(&self) -> Vec<CurvePoint> {
        (0..=LAST_PERCENT).filter_map(|arrived| self.point(arrived)).collect()
    }

    /// The means at one percentage, if anything arrived about there.
    pub fn point(&self, arrived: usize) -> Option<CurvePoint> {
        let own = *self.percents.get(arrived).filter(|_| arrived <= LAST_PERCENT)?;
        let sums = if own.count > 0 {
            own
        } else {
            let from = arrived.saturating_sub(1);
            self.percents[from..=arrived + 1].iter().fold(Sums::default(), |sum, next| Sums {
                count: sum.count + next.count,
                alloc: sum.alloc + next.alloc,
                ratio: sum.ratio + next.ratio,
                amount: sum.amount + next.amount,
            })
        };
        let mean = |sum: f64| sum / f64::from(sums.count);
        (sums.count > 0).then(|| CurvePoint {
            arrived,
            alloc_pct: two_digits(mean(sums.alloc)),
            frag_ratio_pct: mean(sums.ratio),
            frag_amount_pct: two_digits(mean(sums.amount)),
        })
    }
}

/// A part in whole percent, rounded half to even; of nothing: beyond every percentage.
fn percent(part: u64, whole: u64) -> u128 {
    let (part, whole) = (100 * u128::from(part), u128::from(whole));
    let Some(percent) = part.checked_div(whole) else { return u128::MAX };
    percent
        + match (2 * (part % whole)).cmp(&whole) {
            Ordering::Less => 0,
            Ordering::Equal => percent % 2,
            Ordering::Greater => 1,
        }
}

#[expect(clippy::cast_precision_loss, reason = "thousandths of the GPUs of a fleet are far below 2^53")]
fn float(milli: u64) -> f64 {
    milli as f64
}

/// Rounded to two digits after the point, half to even.
fn two_digits(value: f64) -> f64 {
    (value * 100.0).round_ties_even() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_half_to_even() {
        let found: Vec<_> = [0, 4, 5, 6, 14, 15, 16, 25, 1000].map(|part| percent(part, 1000)).into();
        assert_eq!(found, [0, 0, 0, 1, 1, 2, 2, 2, 100]);
        assert_eq!(percent(1, 0), u128::MAX);
    }

    #[test]
    fn a_percentage_without_arrivals_takes_those_beside_it() {
        let mut curve = Curve::new(1000);
        let mut add = |arrived_milli, used_milli| {
            curve.add(&Arrival { arrived_milli, used_milli, fragmented_milli: 10.0 });
        };
        add(10, 10);
        add(10, 20);
        add(30, 30);
        add(5000, 30);
        let points: Vec<_> = curve.points().iter().map(|point| (point.arrived, point.alloc_pct)).collect();
        assert_eq!(points, [(0, 1.5), (1, 1.5), (2, 2.0), (3, 3.0), (4, 3.0)]);
        let point = curve.point(3).expect("something arrived there");
        assert_eq!((point.frag_ratio_pct, point.frag_amount_pct), (1.03, 1.0));
        assert_eq!(curve.point(131), None);
    }
}
