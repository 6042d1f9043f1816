//! Many attribute classes: hundreds of values, or one on each instance.

use scheduler_core::{AttributeName, PlacementRequest, PlacementStrategy, SpreadField, Strategy};

use super::ordinary::{mixed, mixed_requests};
use super::{Case, below, chain, churn, member_of, setup, spread_spread};
use crate::contest::{Setup, Step};

pub(super) const CASES: [Case; 6] = [
    ("classes_300_headroom", |instances| classes(instances, &Strategy::Headroom)),
    ("classes_300_spread_spread", |instances| classes(instances, &spread_spread())),
    ("unique_attribute_unmentioned", |instances| {
        let mut requests = mixed_requests(&Strategy::Headroom);
        requests.truncate(25);
        unique(instances, requests)
    }),
    ("unique_attribute_excluded", |instances| {
        unique(instances, constrained(instances, |host| format!("attribute:host != h-{host}")))
    }),
    ("unique_attribute_required", |instances| {
        let hosts = move |host| format!("attribute:host in [h-{host}, h-{}]", (host + 1) % instances);
        unique(instances, constrained(instances, hosts))
    }),
    ("unique_attribute_spread", spread_over_hosts),
];

/// Three hundred values of an attribute; each request admits one, or a few.
fn classes(instances: usize, strategy: &Strategy) -> Setup {
    const VALUES: usize = 300;
    let fleet = (0..instances).map(|number| mixed(number, 3, &[("pool", format!("p-{}", number * 7 % VALUES))]));
    let constrain = |(number, shape): (usize, PlacementRequest)| match number % 3 {
        0 => shape,
        1 => shape.constraint(member_of(&format!("attribute:pool == p-{}", number * 6))),
        _ => shape.constraint(member_of(&format!("attribute:pool =~ p-{}.*", number % 10))),
    };
    let shapes = mixed_requests(strategy).into_iter().enumerate().map(constrain).collect();
    Setup { fill_percent: 70, ..setup(fleet.collect(), shapes, churn(50)) }
}

/// An attribute of which each instance has a value of its own.
fn unique(instances: usize, shapes: Vec<PlacementRequest>) -> Setup {
    let fleet = (0..instances).map(|number| mixed(number, 3, &[("host", format!("h-{number}"))])).collect();
    let script = churn(shapes.len());
    Setup { fill_percent: 70, ..setup(fleet, shapes, script) }
}

/// Half of the requests mention the attribute.
fn constrained(instances: usize, text: impl Fn(usize) -> String) -> Vec<PlacementRequest> {
    let shapes = mixed_requests(&Strategy::Headroom).into_iter().take(24).enumerate();
    let constrain = |(number, shape): (usize, PlacementRequest)| match number % 2 {
        0 => shape,
        _ => shape.constraint(member_of(&text(number * 97 % instances))),
    };
    shapes.map(constrain).collect()
}

/// A spread over that attribute: as many parts as there are instances.
fn spread_over_hosts(instances: usize) -> Setup {
    let host = AttributeName::new("host").expect("the name is sound");
    let spread = chain([PlacementStrategy::Spread(SpreadField::Attribute(host))]);
    let mut shapes = mixed_requests(&spread);
    shapes.truncate(8);
    let script = Box::new(|draw: &mut _, tasks| {
        let stop = (tasks > 0).then(|| Step::Stop(below(draw, tasks)));
        stop.into_iter().chain([Step::Place(below(draw, 8))]).collect()
    });
    Setup { fill_percent: 10, script, ..unique(instances, shapes) }
}
