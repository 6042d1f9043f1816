//! Where a trace ends: so that one long task does not stretch it.

/// The moments at which tasks arrive and end, as far as the horizon needs them. It takes a few kilobytes, however many
/// there are.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    last_arrival_ms: u64,
    last_end_ms: u64,
    ends: u64,
    /// How many end in each class of moments; the moments of a class differ by less than a 64th.
    classes: std::collections::BTreeMap<u64, u64>,
}

impl Horizon {
    /// Notes a task, and when it ends, if that is known.
    pub(super) fn add(&mut self, arrives_ms: u64, ends_ms: Option<u64>) {
        self.last_arrival_ms = self.last_arrival_ms.max(arrives_ms);
        if let Some(ends_ms) = ends_ms {
            self.last_end_ms = self.last_end_ms.max(ends_ms);
            self.ends += 1;
            *self.classes.entry(upper_bound(ends_ms)).or_default() += 1;
        }
    }

    /// The end that keeps all arrivals and 99.9 % of the ends, rounded up to a second, if the last end is more than a tenth
    /// later.
    pub(super) fn end_ms(&self) -> Option<u64> {
        let mut wanted = self.ends - self.ends / 1000;
        let mut classes = self.classes.iter();
        let enough = classes.find(|&(_, &count)| {
            wanted = wanted.saturating_sub(count);
            wanted == 0
        });
        let end_ms = self.last_arrival_ms.max(*enough?.0).div_ceil(1000) * 1000;
        (self.last_end_ms > end_ms + end_ms / 10).then_some(end_ms)
    }
}

/// The last moment of the class of a moment: its seven leading binary digits, then ones.
fn upper_bound(moment: u64) -> u64 {
    let free = (u64::BITS - moment.leading_zeros()).saturating_sub(7);
    moment | ((1 << free) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_task_does_not_stretch_the_horizon() {
        let horizon = |tasks: &[(u64, u64)]| {
            let mut horizon = Horizon::default();
            for &(at, end) in tasks {
                horizon.add(at, Some(end));
            }
            horizon.end_ms()
        };
        assert_eq!(horizon(&[]), None);
        assert_eq!(horizon(&[(0, 1_000_000)]), None);
        assert_eq!(horizon(&[(0, 50_000), (0, 3_600_000)]), None, "half of the tasks");
        let mut tasks: Vec<_> = (0..2000).map(|at| (at * 1000, at * 1000 + 500)).collect();
        assert_eq!(horizon(&tasks), None);
        tasks[0].1 = 9_000_000_000;
        assert_eq!(horizon(&tasks).map(|end| end / 100_000), Some(19));
    }

    #[test]
    fn a_class_is_narrow() {
        for moment in [0, 1, 127, 128, 1000, 123_456_789, u64::MAX] {
            let bound = upper_bound(moment);
            assert!(bound >= moment && bound - moment <= moment / 64, "{moment}");
        }
    }
}
