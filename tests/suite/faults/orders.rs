//! Orders that are dropped and built again, and clusters that part.

use scheduler_core::laws::InstanceCall;
use scheduler_core::{Demand, Expression, HeadroomWeights, PlacementConstraint, PlacementRequest, Resources, Strategy};

use super::pair::Pair;
use super::{every_order, instance, request};

fn requests(strategy: &Strategy) -> Vec<PlacementRequest> {
    let prod = Expression::parse("attribute:stack == prod").expect("it parses");
    let web = request(Demand::new(100, 200), "web").strategy(strategy.clone());
    let distinct = request(Demand::new(50, 100), "one-each").strategy(strategy.clone());
    vec![
        web.clone().constraint(PlacementConstraint::MemberOf(prod)),
        distinct.constraint(PlacementConstraint::DistinctInstance),
        web,
    ]
}

#[test]
fn an_order_that_was_dropped_is_built_from_what_is_there() {
    let mut all = every_order();
    let (scheduler, first) = all.remove(0);
    let mut pair = Pair::new(HeadroomWeights::default(), scheduler, requests(&first));
    let ids: Vec<_> = (0..60).map(|n| pair.register(&instance(n, Resources::new(600 + n as u32 % 5, 1_200)))).collect();
    let mut tasks = Vec::new();
    for (turn, (scheduler, strategy)) in all.into_iter().enumerate() {
        tasks.extend((0..12).filter_map(|round| pair.place(round % 3)));
        pair.check();
        pair.prepared.clear();
        pair.cluster.drop_unused_orders();
        assert_eq!(pair.cluster.index_bytes(), 0, "nobody uses an order");
        // Things happen while there is no order.
        pair.stop_each(tasks.drain(..tasks.len() / 2));
        pair.call(ids[turn], &InstanceCall::Drain);
        pair.check();
        pair.scheduler = scheduler;
        pair.prepare(requests(&strategy));
        assert!(pair.cluster.index_bytes() > 0);
        pair.call(ids[turn], &InstanceCall::Reactivate);
        pair.check();
    }
}

#[test]
fn forks_that_part_answer_each_for_itself() {
    for (scheduler, strategy) in every_order() {
        let mut original = Pair::new(HeadroomWeights::default(), scheduler, requests(&strategy));
        let fleet: Vec<_> = (0..45).map(|n| instance(n, Resources::new(400 + n as u32 % 3, 900))).collect();
        let ids: Vec<_> = fleet.iter().map(|instance| original.register(instance)).collect();
        let mut tasks: Vec<_> = (0..30).filter_map(|round| original.place(round % 3)).collect();
        // Saturated, so that a refusal is remembered when the ways part.
        original.place_many(1, 60);
        assert!(original.cluster.index_bytes() > 0, "the orders are back after the batch");
        assert!(original.choose(1).is_none());
        let mut fork = original.clone();
        fork.cluster = original.cluster.fork();

        fork.call_each(ids.iter().step_by(2), &InstanceCall::DeregisterForce);
        original.stop_each(tasks.drain(..15));
        for round in 0..12 {
            original.place(round % 3);
            fork.place((round + 1) % 3);
        }
        let again: Vec<_> = fleet.iter().step_by(4).map(|instance| fork.register(instance)).collect();
        assert_eq!(fork.place_many(1, 60).len(), again.len(), "one on each new instance");
        original.place_many(1, 60);
        // The prepared requests of one work on the other.
        std::mem::swap(&mut original.prepared, &mut fork.prepared);
        for round in 0..6 {
            original.place(round % 3);
            fork.place(round % 3);
        }
        original.check();
        fork.check();
    }
}
