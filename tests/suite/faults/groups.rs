//! A group on a hundred instances, with more tasks on one of them than a byte counts.

use scheduler_core::{Demand, HeadroomWeights, PlacementStrategy, Resources, Scheduler, Strategy};

use super::pair::Pair;
use super::{instance, request};

#[test]
fn a_group_on_many_instances_is_counted_like_one_on_few() {
    let chain = Strategy::chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]);
    let spread = request(Demand::new(1, 1), "web").strategy(chain.expect("two rules"));
    let first = request(Demand::new(1, 1), "web").strategy(PlacementStrategy::binpack_cpu());
    let mut pair = Pair::new(HeadroomWeights::default(), Scheduler::default(), vec![spread, first]);
    for number in 0..100 {
        let cpu = if number == 50 { 290 } else { 400 };
        pair.register(&instance(number, Resources::new(cpu, 4_000)));
    }
    let mut tasks = pair.place_many(0, 250);
    pair.check();
    // The fullest instance takes all of these: 3 and 270 of the group.
    tasks.extend((0..270).filter_map(|_| pair.place(1)));
    pair.check();
    let (every_third, rest): (Vec<_>, Vec<_>) = tasks.into_iter().enumerate().partition(|(index, _)| index % 3 == 0);
    pair.stop_each(every_third.into_iter().map(|(_, task)| task));
    pair.check();
    for _ in 0..60 {
        pair.place(0).expect("there is room");
    }
    pair.place_many(0, 60);
    pair.check();
    pair.stop_each(rest.into_iter().map(|(_, task)| task));
    pair.check();
}
