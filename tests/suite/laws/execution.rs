//! Which requests the index places: else everything may quietly go by the scan and pass.

use scheduler_core::{
    AttributeName, Cluster, Demand, Execution, PlacementRequest, PlacementStrategy, Scheduler, SpreadField, Strategy,
    TaskGroup, TieBreak,
};

fn execution(strategy: Strategy, tie_break: TieBreak) -> Execution {
    let group = TaskGroup::service("web").expect("a sound name");
    let request = PlacementRequest::new(Demand::new(256, 512), group).strategy(strategy);
    let scheduler = Scheduler::default().with_tie_break(tie_break);
    scheduler.prepare(&mut Cluster::default(), request).expect("a sound request").execution()
}

fn chain<const N: usize>(rules: [PlacementStrategy; N]) -> Strategy {
    Strategy::chain(rules).expect("one to five rules")
}

#[test]
fn what_lowers_to_an_order_is_placed_by_the_index() {
    let rack = || PlacementStrategy::Spread(SpreadField::Attribute(AttributeName::new("rack").expect("a sound name")));
    let (zones, instances) = (PlacementStrategy::spread_zones, PlacementStrategy::spread_instances);
    let (cpu, memory) = (PlacementStrategy::binpack_cpu, PlacementStrategy::binpack_memory);
    let lowered = [
        Strategy::Headroom,
        Strategy::EcsDefault,
        chain([PlacementStrategy::Random]),
        chain([zones()]),
        chain([instances()]),
        chain([cpu()]),
        chain([memory(), cpu()]),
        chain([zones(), instances()]),
        chain([zones(), memory()]),
        chain([rack(), instances(), cpu(), memory()]),
    ];
    for strategy in lowered {
        for tie_break in [TieBreak::Headroom, TieBreak::Stable] {
            assert_eq!(execution(strategy.clone(), tie_break), Execution::Indexed, "{strategy} {tie_break:?}");
        }
    }
    let scanned = [chain([cpu(), zones()]), chain([instances(), zones()]), chain([zones(), PlacementStrategy::Random])];
    for strategy in scanned {
        assert_eq!(execution(strategy.clone(), TieBreak::Headroom), Execution::Scan, "{strategy}");
    }
    assert_eq!(execution(chain([zones()]), TieBreak::Random), Execution::Scan);
}
