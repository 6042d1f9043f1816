//! Amounts, weights, GPUs and ports at their limits.

use scheduler_core::{
    Check, Demand, HeadroomWeights, HostPort, HostPorts, MAX_AMOUNT, MAX_GPUS, PlacementConstraint,
    RESERVED_PORT_LIMIT, Resources, Scheduler,
};

use super::pair::Pair;
use super::{every_order, instance, request};

const HEAVIEST: HeadroomWeights = HeadroomWeights { cpu: u32::MAX, memory: u32::MAX };

/// Each zone has three times 2³¹ − 1 of both, and headrooms of 65 bits and more.
#[test]
fn the_largest_amounts_are_placed_and_given_back() {
    for (scheduler, strategy) in every_order() {
        let gpus = MAX_GPUS as u32;
        let demands = [
            Demand::new(MAX_AMOUNT, MAX_AMOUNT),
            Demand::new(MAX_AMOUNT - 1, 1).with_gpus(gpus),
            Demand::new(1, MAX_AMOUNT - 1),
            Demand::new(0, 0).with_all_gpus(),
            Demand::new(1 << 30, 1 << 30).with_gpus(1),
        ];
        let requests = demands.into_iter().map(|demand| request(demand, "large").strategy(strategy.clone())).collect();
        let mut pair = Pair::new(HEAVIEST, scheduler, requests);
        for number in 0..9 {
            pair.register(&instance(number, Resources::new(MAX_AMOUNT, MAX_AMOUNT).with_gpus(gpus)));
        }
        pair.check();
        let mut tasks = Vec::new();
        for round in 0..60 {
            tasks.extend(pair.place(round * 7 % 5));
            if round % 4 == 3 && !tasks.is_empty() {
                pair.stop(tasks.swap_remove(round % tasks.len()));
            }
        }
        pair.check();
        for index in 0..5 {
            pair.choose(index);
        }
        pair.stop_each(tasks);
        pair.check();
        let is_whole = |remaining: scheduler_core::Amounts| {
            (remaining.cpu_units, remaining.memory_mib, remaining.gpu_milli) == (MAX_AMOUNT, MAX_AMOUNT, gpus * 1_000)
        };
        assert!(pair.cluster.instances().all(|instance| is_whole(instance.remaining())));
        let zone = pair.cluster.zones().next().expect("there are three");
        assert_eq!((zone.registered_cpu_units, zone.used_cpu_units), (3 * u64::from(MAX_AMOUNT), 0));
    }
}

/// More of a single unit than a block's lanes can multiply: `8 × cpu` must not wrap around.
#[test]
fn bounds_do_not_wrap_around() {
    for (scheduler, strategy) in every_order() {
        let demands = [
            Demand::new(MAX_AMOUNT / 8 + 1, MAX_AMOUNT),
            Demand::new(MAX_AMOUNT, MAX_AMOUNT / 8 + 1),
            Demand::new(MAX_AMOUNT, 1),
            Demand::new(1, MAX_AMOUNT),
        ];
        let requests =
            demands.into_iter().map(|demand| request(demand, "lopsided").strategy(strategy.clone())).collect();
        let mut pair = Pair::new(HEAVIEST, scheduler, requests);
        for number in 0..24 {
            let share = MAX_AMOUNT / 8;
            let (cpu, memory) =
                [(share, MAX_AMOUNT), (MAX_AMOUNT, share), (share + 1, MAX_AMOUNT), (MAX_AMOUNT, share + 1)]
                    [number % 4];
            pair.register(&instance(number, Resources::new(cpu, memory)));
        }
        for round in 0..40 {
            pair.place(round % 4);
        }
        pair.check();
    }
}

/// A hundred ports an instance, more than the index has bits for, up to the last port there is.
#[test]
fn ports_are_taken_up_to_the_limit() {
    for (scheduler, strategy) in every_order() {
        let limit = RESERVED_PORT_LIMIT as u16;
        let ports = |ports: &[HostPort]| ports.iter().copied().collect::<HostPorts>();
        let single = (0..limit).map(|number| ports(&[HostPort::tcp(u16::MAX - number)]));
        let mut wanted: Vec<_> = single.collect();
        wanted.push(ports(&[HostPort::udp(u16::MAX)]));
        wanted.push((1..=limit).map(HostPort::tcp).collect());
        let demand = |ports| Demand::new(1, 1).with_host_ports(ports);
        let requests = wanted.into_iter().map(|ports| request(demand(ports), "ports").strategy(strategy.clone()));
        let mut pair = Pair::new(HeadroomWeights::default(), scheduler, requests.collect());
        for number in 0..3 {
            let mut resources = Resources::new(2_048, 2_048);
            resources = resources.with_reserved_ports(HostPorts::new());
            pair.register(&instance(number, resources));
        }
        let all_at_once = pair.prepared.len() - 1;
        let first = pair.place(all_at_once).expect("nobody has a port yet");
        let full = pair.cluster.task(first).expect("it was just started").instance().id();
        let resized = |reserved: &[HostPort]| {
            let resources = Resources::new(2_048, 2_048).with_reserved_ports(ports(reserved));
            pair.cluster.fork().resize(full, resources).is_ok()
        };
        assert!(resized(&[]) && !resized(&[HostPort::udp(53)]), "its tasks have as many as an instance can reserve");
        let mut tasks: Vec<_> = (0..all_at_once).filter_map(|index| pair.place(index)).collect();
        assert_eq!(tasks.len(), all_at_once);
        for index in (0..=all_at_once).cycle().take(220) {
            tasks.extend(pair.place(index));
        }
        pair.check();
        pair.stop(first);
        pair.stop_each(tasks);
        pair.check();
        assert!(pair.place(all_at_once).is_some());
    }
}

/// No instances, and instances with nothing.
#[test]
fn an_empty_cluster_and_empty_instances_refuse() {
    for (scheduler, strategy) in every_order() {
        let nothing = request(Demand::new(0, 0), "web").strategy(strategy.clone());
        let something = request(Demand::new(1, 0), "web").strategy(strategy.clone());
        let distinct = nothing.clone().constraint(PlacementConstraint::DistinctInstance);
        let mut pair = Pair::new(HeadroomWeights { cpu: 0, memory: 1 }, scheduler, vec![nothing, something, distinct]);
        pair.check();
        assert!((0..3).all(|index| pair.choose(index).is_none()));
        for number in 0..5 {
            pair.register(&instance(number, Resources::new(0, 0)));
        }
        assert_eq!(
            Scheduler::default().refusal(&pair.cluster, pair.prepared[1].request()).map(|r| r.check()),
            Some(Check::Cpu)
        );
        assert!((0..6).all(|turn| pair.place(2).is_some() == (turn < 5)), "one on each of the five");
        assert_eq!(pair.place_many(0, 30).len(), 30);
        pair.check();
    }
}
