//! What a service does next: pure functions of what it has and shall have (placement spec, section 9).

/// A REPLICA service as its scheduler sees it.
///
/// Tasks *stay* if they are of the newest deployment and not on a DRAINING instance; the others *leave* as soon as the
/// percentages let them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ReplicaView {
    /// Tasks that it shall have, one more while tasks move between Availability Zones.
    pub(super) desired: u64,
    /// The fewest healthy tasks, and the most tasks, that a deployment leaves it with (9.2).
    pub(super) bounds: Bounds,
    /// Tasks that stay.
    pub(super) staying: u64,
    /// Tasks that leave.
    pub(super) leaving: u64,
    /// Tasks of both kinds that are RUNNING and healthy.
    pub(super) healthy: u64,
    /// Tasks on DRAINING instances that do not run yet.
    pub(super) pending_on_draining: u64,
    /// Copies that it wants and has not placed.
    pub(super) missing: u64,
}

/// `minimumHealthyPercent` and `maximumPercent` of a desired count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bounds {
    pub(super) fewest_healthy: u64,
    pub(super) most: u64,
}

/// Defaults of REPLICA services (9.2).
const MINIMUM_HEALTHY_PERCENT: u32 = 100;
const MAXIMUM_PERCENT: u32 = 200;

impl Bounds {
    /// The minimum rounded up, the maximum rounded down (9.2).
    pub(super) fn of(desired: u64, minimum_healthy_percent: Option<u32>, maximum_percent: Option<u32>) -> Self {
        let minimum = u64::from(minimum_healthy_percent.unwrap_or(MINIMUM_HEALTHY_PERCENT));
        let maximum = u64::from(maximum_percent.unwrap_or(MAXIMUM_PERCENT));
        Self { fewest_healthy: (desired * minimum).div_ceil(100), most: desired * maximum / 100 }
    }
}

/// What a service does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Wants so many copies more.
    Want(u64),
    /// Gives up so many copies that are not placed, the youngest first.
    Withdraw(u64),
    /// Stops a task on a DRAINING instance that does not run yet (9.8).
    StopPending,
    /// Stops a task that leaves (9.3 step 3, 9.8).
    StopLeaving,
    /// Stops so many tasks that are too many (9.5).
    ScaleIn(u64),
}

/// One step of a round (C-53); `None`: there is nothing to do, or nothing that the percentages allow.
pub(super) fn next_step(view: ReplicaView) -> Option<Step> {
    let ReplicaView { desired, bounds, staying, leaving, healthy, pending_on_draining, missing } = view;
    if pending_on_draining > 0 {
        return Some(Step::StopPending);
    }
    let lacks = desired.saturating_sub(staying);
    // Without tasks that leave nothing is exchanged, and the maximum does not bind.
    let allowed = if leaving == 0 { lacks } else { lacks.min(bounds.most.saturating_sub(staying + leaving)) };
    if missing > allowed {
        return Some(Step::Withdraw(missing - allowed));
    }
    if missing < allowed {
        return Some(Step::Want(allowed - missing));
    }
    if leaving > 0 && healthy > bounds.fewest_healthy {
        return Some(Step::StopLeaving);
    }
    (staying > desired).then(|| Step::ScaleIn(staying - desired))
}

/// A service's tasks in one Availability Zone that it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ZoneCount<'a> {
    pub(super) zone: &'a str,
    pub(super) tasks: u64,
}

/// The zones between which one task moves for balance (9.6, C-61): from the fullest to the emptiest, if they differ by
/// more than one. Of several the one whose name sorts first.
pub(super) fn rebalancing_move<'a>(zones: &[ZoneCount<'a>]) -> Option<(&'a str, &'a str)> {
    let from = zones.iter().min_by_key(|it| (std::cmp::Reverse(it.tasks), it.zone))?;
    let to = zones.iter().min_by_key(|it| (it.tasks, it.zone))?;
    (from.tasks > to.tasks + 1).then_some((from.zone, to.zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(desired: u64, staying: u64, leaving: u64, healthy: u64, missing: u64) -> ReplicaView {
        let bounds = Bounds::of(desired, None, None);
        ReplicaView { desired, bounds, staying, leaving, healthy, pending_on_draining: 0, missing }
    }

    #[test]
    fn a_service_wants_what_it_lacks_and_gives_up_copies_before_tasks() {
        let cases = [
            ((3, 0, 0), Some(Step::Want(3))),
            ((3, 1, 2), None),
            ((3, 2, 0), Some(Step::Want(1))),
            ((1, 2, 2), Some(Step::Withdraw(2))),
            ((1, 2, 0), Some(Step::ScaleIn(1))),
            ((2, 2, 1), Some(Step::Withdraw(1))),
            ((0, 4, 0), Some(Step::ScaleIn(4))),
        ];
        for ((desired, staying, missing), step) in cases {
            assert_eq!(next_step(view(desired, staying, 0, staying, missing)), step, "{desired} {staying} {missing}");
        }
    }

    /// AWS: "Deploy Amazon ECS services by replacing tasks"; the checks of the spec, 9.2.
    #[test]
    fn percentages_are_rounded_in_favour_of_the_service() {
        let cases = [
            ((4, Some(50), None), (2, 8)),
            ((2, Some(75), None), (2, 4)),
            ((4, None, Some(200)), (4, 8)),
            ((3, None, Some(125)), (3, 3)),
        ];
        for ((desired, minimum, maximum), (fewest_healthy, most)) in cases {
            assert_eq!(Bounds::of(desired, minimum, maximum), Bounds { fewest_healthy, most });
        }
    }

    #[test]
    fn a_rolling_update_starts_up_to_the_maximum_and_stops_down_to_the_minimum() {
        // 100 % and 200 % of 2: both new ones start, then old ones stop as new ones are healthy.
        assert_eq!(next_step(view(2, 0, 2, 2, 0)), Some(Step::Want(2)));
        assert_eq!(next_step(view(2, 2, 2, 2, 0)), None);
        assert_eq!(next_step(view(2, 2, 2, 3, 0)), Some(Step::StopLeaving));
        // 50 % and 100 % of 2: one old task stops first.
        let bounds = Bounds::of(2, Some(50), Some(100));
        let exchange = |staying, leaving, healthy| ReplicaView { bounds, ..view(2, staying, leaving, healthy, 0) };
        assert_eq!(next_step(exchange(0, 2, 2)), Some(Step::StopLeaving));
        assert_eq!(next_step(exchange(0, 1, 1)), Some(Step::Want(1)));
        // Both 100 %: stuck (9.8).
        let bounds = Bounds::of(2, Some(100), Some(100));
        assert_eq!(next_step(ReplicaView { bounds, ..view(2, 0, 2, 2, 0) }), None);
    }

    #[test]
    fn tasks_move_while_zones_differ_by_more_than_one() {
        let counts = |counts: [u64; 3]| {
            let zones = ["a", "b", "c"].into_iter().zip(counts);
            let zones: Vec<_> = zones.map(|(zone, tasks)| ZoneCount { zone, tasks }).collect();
            rebalancing_move(&zones)
        };
        assert_eq!(counts([2, 0, 1]), Some(("a", "b")));
        assert_eq!(counts([0, 3, 3]), Some(("b", "a")));
        assert_eq!(counts([1, 2, 2]), None);
        assert_eq!(counts([0, 1, 1]), None);
    }
}
