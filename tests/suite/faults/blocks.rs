//! Hundreds of instances in blocks of four: splits, merges, and runs of blocks that come and go.

use scheduler_core::laws::InstanceCall;
use scheduler_core::{Demand, HeadroomWeights, Resources};

use super::pair::Pair;
use super::{every_order, instance, request};

const INSTANCES: usize = 330;

/// The fleet grows, fills, thins out in several patterns, and grows again.
#[test]
fn blocks_split_and_merge_without_a_trace() {
    for (case, (scheduler, strategy)) in every_order().into_iter().enumerate() {
        let demands = [Demand::new(64, 128), Demand::new(500, 100), Demand::new(100, 900)];
        let requests = demands.into_iter().map(|demand| request(demand, "web").strategy(strategy.clone())).collect();
        let mut pair = Pair::new(HeadroomWeights::default(), scheduler, requests);
        // Equal sizes in half of the cases: hundreds of equal keys.
        let size = |number: usize| if case % 2 == 0 { 1_000 } else { 1_000 + (number * 37 % 101) as u32 };
        let mut ids = Vec::new();
        for number in 0..INSTANCES {
            ids.push(pair.register(&instance(number, Resources::new(size(number), 2 * size(number)))));
        }
        pair.check();
        let mut tasks: Vec<_> = (0..24).filter_map(|round| pair.place(round % 3)).collect();
        pair.check();
        // Every instance out of the orders and back in: first to last, then last to first.
        pair.call_each(&ids, &InstanceCall::Drain);
        assert!((0..3).all(|index| pair.choose(index).is_none()));
        pair.check();
        pair.call_each(ids.iter().rev(), &InstanceCall::Reactivate);
        tasks.extend((0..6).filter_map(|round| pair.place(round % 3)));
        pair.check();
        // All but every seventh leave, from the middle outwards; then the rest empties.
        for distance in 0..INSTANCES / 2 {
            for number in [INSTANCES / 2 + distance, INSTANCES / 2 - 1 - distance] {
                if number % 7 != 0 {
                    pair.call(ids[number], &InstanceCall::DeregisterForce);
                }
            }
        }
        tasks.retain(|task| pair.cluster.task(*task).is_some());
        pair.check();
        tasks.extend((0..6).filter_map(|round| pair.place(round % 3)));
        pair.stop_each(tasks.drain(..));
        pair.check();
        for number in (0..INSTANCES).filter(|number| number % 7 != 0) {
            pair.register(&instance(number, Resources::new(size(number), 500)));
        }
        for round in 0..6 {
            pair.place(round % 3);
        }
        pair.check();
    }
}
