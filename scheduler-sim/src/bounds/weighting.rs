//! Weights of tasks, and the most that one instance of each kind can hold: the form that every proof has.

use std::cmp::{Ordering, Reverse};

use super::InstanceKind;

/// A proof's numbers. Whoever makes one vouches that no tasks on one instance of a kind weigh more than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weighting {
    /// What all tasks weigh together.
    total: u128,
    /// The most that one instance of each kind holds, in the order of the kinds.
    per_instance: Vec<u64>,
}

impl Weighting {
    /// From the weight and the count of each kind of task. `None` if the sum exceeds 128 bits.
    pub(super) fn new(tasks: impl IntoIterator<Item = (u64, u64)>, per_instance: Vec<u64>) -> Option<Self> {
        let mut total = 0_u128;
        for (weight, count) in tasks {
            total = total.checked_add(u128::from(weight) * u128::from(count))?;
        }
        Some(Self { total, per_instance })
    }

    /// The least n such that the n instances that hold most hold everything; `None` if all together do not.
    pub(super) fn least_instances(&self, instances: &[InstanceKind]) -> Option<u64> {
        let mut order: Vec<_> = self.per_instance.iter().zip(instances).collect();
        order.sort_unstable_by_key(|(most, _)| Reverse(**most));
        let (mut rest, mut taken) = (self.total, 0_u64);
        for (most, kind) in order {
            if rest == 0 {
                break;
            }
            let needed = rest.div_ceil(u128::from(*most).max(1));
            if *most > 0 && needed <= u128::from(kind.count) {
                return taken.checked_add(u64::try_from(needed).ok()?);
            }
            taken = taken.checked_add(kind.count)?;
            rest -= u128::from(*most) * u128::from(kind.count);
        }
        (rest == 0).then_some(taken)
    }

    /// The least cost of parts of instances that hold everything, those that hold weight most cheaply first, rounded up:
    /// whole instances cost a whole number. `None` if a price is not known or all together do not hold everything.
    pub(super) fn least_cost(&self, instances: &[InstanceKind]) -> Option<u128> {
        let mut order = Vec::with_capacity(instances.len());
        for (most, kind) in self.per_instance.iter().zip(instances) {
            order.push((u128::from(kind.microdollars?), u128::from(*most), u128::from(kind.count)));
        }
        order.retain(|(_, most, _)| *most > 0);
        order.sort_unstable_by(|a, b| by_price_of_weight((a.0, a.1), (b.0, b.1)));
        let (mut rest, mut cost) = (self.total, 0_u128);
        for (price, most, count) in order {
            let held = most * count;
            if rest <= held {
                // 64 bits a price, and at most 64 bits of whole instances; the last part is below one instance.
                let part = (price * (rest % most)).div_ceil(most);
                return cost.checked_add(price.checked_mul(rest / most)?)?.checked_add(part);
            }
            cost = cost.checked_add(price.checked_mul(count)?)?;
            rest -= held;
        }
        (rest == 0).then_some(cost)
    }
}

fn by_price_of_weight(a: (u128, u128), b: (u128, u128)) -> Ordering {
    (a.0 * b.1).cmp(&(b.0 * a.1))
}

/// What the `count` cheapest instances cost; those without a price count as free.
pub(super) fn cheapest(instances: &[InstanceKind], count: u64) -> u128 {
    let mut order: Vec<_> = instances.iter().map(|kind| (kind.microdollars.unwrap_or(0), kind.count)).collect();
    order.sort_unstable();
    let (mut rest, mut cost) = (count, 0_u128);
    for (price, count) in order {
        let taken = rest.min(count);
        cost = cost.saturating_add(u128::from(price) * u128::from(taken));
        rest -= taken;
    }
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(kinds: &[(u64, u64)]) -> Vec<InstanceKind> {
        let kind = |&(microdollars, count)| InstanceKind { resources: [0; 3], microdollars: Some(microdollars), count };
        kinds.iter().map(kind).collect()
    }

    #[test]
    fn the_instances_that_hold_most_tell_the_number() {
        let instances = fleet(&[(1, 2), (1, 3), (1, 1)]);
        let cases =
            [(0, Some(0)), (1, Some(1)), (10, Some(1)), (11, Some(2)), (24, Some(4)), (29, Some(6)), (30, None)];
        for (weight, expected) in cases {
            let weighting = Weighting::new([(weight, 1)], vec![2, 5, 10]).expect("it fits");
            assert_eq!(weighting.least_instances(&instances), expected, "{weight}");
        }
    }

    #[test]
    fn the_cheapest_weight_tells_the_cost_with_a_part_rounded_up() {
        // 7 for 10 of weight comes before 4 for 5.
        let instances = fleet(&[(4, 2), (7, 1), (9, 5)]);
        let cases = [(0, Some(0)), (1, Some(1)), (10, Some(7)), (11, Some(8)), (20, Some(15)), (21, None)];
        for (weight, expected) in cases {
            let weighting = Weighting::new([(weight, 1)], vec![5, 10, 0]).expect("it fits");
            assert_eq!(weighting.least_cost(&instances), expected, "{weight}");
        }
        assert_eq!(cheapest(&instances, 4), 4 + 4 + 7 + 9);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let instances = fleet(&[(u64::MAX, u64::MAX)]);
        let weighting = Weighting::new([(u64::MAX, u64::MAX)], vec![u64::MAX]).expect("it fits");
        assert_eq!(weighting.least_instances(&instances), Some(u64::MAX));
        assert_eq!(weighting.least_cost(&instances), Some(u128::from(u64::MAX) * u128::from(u64::MAX)));
        assert_eq!(Weighting::new([(u64::MAX, u64::MAX), (u64::MAX, u64::MAX)], vec![1]), None);
    }
}
