//! What is taken almost everywhere: a static host port, the one place a group has on each instance.

use scheduler_core::{Demand, HostPort, HostPorts, PlacementConstraint, Resources};

use super::ordinary::mixed;
use super::{Case, below, churn, instance, request, setup};
use crate::contest::{Setup, Step};

pub(super) const CASES: [Case; 6] = [
    ("port_taken_on_99_percent", |instances| port_taken(instances, instances / 100)),
    ("port_free_on_three", |instances| port_taken(instances, 3)),
    ("ports_beyond_the_dictionary", beyond_the_dictionary),
    ("distinct_first_refusal", first_refusal),
    ("distinct_repeated_refusal", repeated_refusal),
    ("distinct_last_places", last_places),
];

/// A static port, free on so many instances, which change all the time.
fn port_taken(instances: usize, free: usize) -> Setup {
    let shape = request(Demand::new(256, 512).with_host_ports(HostPorts::tcp(&[80])), 0);
    let fleet = (0..instances).map(|number| mixed(number, 3, &[])).collect();
    let tracked = spread_positions(instances).skip(free).map(|number| (number, 0)).collect();
    Setup { tracked, ..setup(fleet, vec![shape], churn(1)) }
}

/// The positions 0 to `instances`, well mixed.
fn spread_positions(instances: usize) -> impl Iterator<Item = usize> {
    let mut positions: Vec<_> = (0..instances).collect();
    positions.sort_by_key(|position| (*position as u32).wrapping_mul(2_654_435_761));
    positions.into_iter()
}

/// Forty static ports: more than the index has bits for; the last of them taken on all instances but three.
fn beyond_the_dictionary(instances: usize) -> Setup {
    let port = |number: usize| [HostPort::tcp(8_000 + number as u16)].into_iter().collect();
    let shape = |number| request(Demand::new(256, 512).with_host_ports(port(number)), number);
    let script = Box::new(move |draw: &mut _, tasks| vec![Step::Stop(below(draw, tasks)), Step::Place(39)]);
    let fleet = (0..instances).map(|number| mixed(number, 3, &[])).collect();
    let tracked = spread_positions(instances).skip(3).map(|number| (number, 39)).collect();
    Setup { tracked, ..setup(fleet, (0..40).map(shape).collect(), script) }
}

/// A group with a task on every instance loses one, gets it back, and then asks for one more: only that is timed.
fn first_refusal(instances: usize) -> Setup {
    let shape = request(Demand::new(256, 512), 0).constraint(PlacementConstraint::DistinctInstance);
    let fleet = (0..instances).map(|number| mixed(number, 3, &[])).collect();
    let script = Box::new(|draw: &mut _, tasks| vec![Step::Stop(below(draw, tasks)), Step::Prepare(0), Step::Place(0)]);
    Setup { tracked: (0..instances).map(|number| (number, 0)).collect(), ..setup(fleet, vec![shape], script) }
}

/// The same group asks again and again, while other tasks come and go.
fn repeated_refusal(instances: usize) -> Setup {
    let distinct = request(Demand::new(256, 512), 0).constraint(PlacementConstraint::DistinctInstance);
    let fleet = (0..instances).map(|number| mixed(number, 3, &[])).collect();
    let script = Box::new(|draw: &mut _, tasks| vec![Step::Stop(below(draw, tasks)), Step::Prepare(1), Step::Place(0)]);
    let lasting = (0..instances).map(|number| (number, 0)).collect();
    let tracked = (0..instances).map(|number| (number, 1)).collect();
    Setup { tracked, lasting, ..setup(fleet, vec![distinct, request(Demand::new(256, 512), 1)], script) }
}

/// The last free places of a distinct group are on the smallest instances, at the end of the order.
fn last_places(instances: usize) -> Setup {
    let free = (instances / 100).max(6);
    let shape = request(Demand::new(256, 512), 0).constraint(PlacementConstraint::DistinctInstance);
    let fleet = (0..instances).map(|number| {
        if number < instances - free {
            instance(number, 3, Resources::new(4_096, 8_192), &[])
        } else {
            instance(number, 3, Resources::new(512, 1_024), &[])
        }
    });
    let lasting = (0..instances - free).map(|number| (number, 0)).collect();
    let tracked = (instances - free / 2..instances).map(|number| (number, 0)).collect();
    Setup { tracked, lasting, ..setup(fleet.collect(), vec![shape], churn(1)) }
}
