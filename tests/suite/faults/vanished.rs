//! The whole fleet goes while tasks are being placed.

use scheduler_core::laws::InstanceCall;
use scheduler_core::{Demand, HeadroomWeights, Resources, StartError};

use super::pair::Pair;
use super::{every_order, instance, request};

#[test]
fn a_batch_survives_the_loss_of_every_instance() {
    for (scheduler, strategy) in every_order() {
        let requests = [Demand::new(100, 200), Demand::new(700, 100)];
        let requests = requests.into_iter().map(|demand| request(demand, "web").strategy(strategy.clone())).collect();
        let mut pair = Pair::new(HeadroomWeights::default(), scheduler, requests);
        for round in 0..3 {
            let fleet: Vec<_> = (0..40).map(|n| instance(n, Resources::new(1_000 + n as u32 % 4, 2_000))).collect();
            let ids: Vec<_> = fleet.iter().map(|instance| pair.register(instance)).collect();
            let tasks = pair.place_many(0, 60);
            assert_eq!(tasks.len(), 60);
            let stale = [pair.choose(0).expect("there is room"), pair.choose(1).expect("there is room")];

            pair.call_each(&ids, &InstanceCall::DeregisterForce);
            pair.check();
            for placement in &stale {
                let error = StartError::UnknownInstance { instance: placement.instance() };
                assert_eq!(pair.cluster.start(placement), Err(error));
            }
            assert!(tasks.iter().all(|task| pair.cluster.stop(*task).is_err()), "they went with their instances");
            assert!(pair.place_many(0, 5).is_empty() && pair.choose(1).is_none());
            pair.check();

            // Half come back by the same names: handles are new, and what is stale stays so.
            let back: Vec<_> = fleet.iter().take(20).map(|instance| pair.register(instance)).collect();
            assert!(stale.iter().all(|placement| pair.cluster.start(placement).is_err()));
            assert_eq!(pair.place_many(1, 100).len(), 20, "one on each");
            pair.check();
            let last = if round == 1 { InstanceCall::Fail } else { InstanceCall::DeregisterForce };
            pair.call_each(&back, &last);
            if round == 1 {
                assert!(pair.place_many(1, 1).is_empty());
                pair.check();
                pair.call_each(&back, &InstanceCall::DeregisterForce);
            }
            pair.check();
        }
    }
}
