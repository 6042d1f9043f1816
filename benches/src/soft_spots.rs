//! The soft spots of the placement index: fleets and requests made so that an ordered walk has to look far.
//!
//! Each is given for any number of instances from a hundred up; a `Setup` is all that a contest needs.

mod attributes;
mod near_miss;
mod ordinary;
mod scarce;

use scheduler_core::{
    ContainerInstance, Demand, Draw, DrawPurpose, Expression, PlacementConstraint, PlacementRequest, PlacementStrategy,
    Resources, SeededDraw, Strategy, TaskGroup,
};

use crate::contest::{Script, Setup, Step};

/// A case: its name, and its setup for so many instances.
pub struct SoftSpot {
    /// The name in tables and on the command line.
    pub name: &'static str,
    /// Makes it.
    pub setup: fn(usize) -> Setup,
}

/// All cases.
pub fn soft_spots() -> impl Iterator<Item = SoftSpot> {
    let tables = [&near_miss::CASES[..], &ordinary::CASES, &scarce::CASES, &attributes::CASES];
    tables.into_iter().flatten().map(|(name, setup)| SoftSpot { name, setup: *setup })
}

/// A row of a table of cases.
type Case = (&'static str, fn(usize) -> Setup);

/// A setup without tasks.
fn setup(instances: Vec<ContainerInstance>, shapes: Vec<PlacementRequest>, script: Script) -> Setup {
    Setup { instances, shapes, tracked: Vec::new(), lasting: Vec::new(), fill_percent: 0, script }
}

fn instance(number: usize, zones: usize, resources: Resources, attributes: &[(&str, String)]) -> ContainerInstance {
    let mut builder = ContainerInstance::builder(format!("i-{number}"))
        .zone(format!("zone-{}", number % zones))
        .resources(resources)
        .without_capabilities();
    for (name, value) in attributes {
        builder = builder.attribute(*name, value.as_str());
    }
    builder.build().expect("the instance is sound")
}

fn request(demand: Demand, group: usize) -> PlacementRequest {
    let group = TaskGroup::service(&format!("service-{group}")).expect("the name is sound");
    PlacementRequest::new(demand, group)
}

fn member_of(text: &str) -> PlacementConstraint {
    PlacementConstraint::MemberOf(Expression::parse(text).expect("the expression is sound"))
}

fn chain<const N: usize>(rules: [PlacementStrategy; N]) -> Strategy {
    Strategy::chain(rules).expect("one to five rules")
}

fn spread_spread() -> Strategy {
    chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])
}

/// A number below `bound`.
fn below(draw: &mut SeededDraw, bound: usize) -> usize {
    draw.draw(DrawPurpose::Strategy, bound as u32) as usize
}

/// One task stops, and a task of any of so many shapes is placed.
fn churn(shapes: usize) -> Script {
    Box::new(move |draw, tasks| {
        let stop = (tasks > 0).then(|| Step::Stop(below(draw, tasks)));
        stop.into_iter().chain([Step::Place(below(draw, shapes))]).collect()
    })
}

/// Tasks of the first shape are placed until there are so many; then all stop.
fn refill(most: usize) -> Script {
    Box::new(move |_, tasks| {
        let stops = if tasks >= most { tasks } else { 0 };
        (0..stops).rev().map(Step::Stop).chain([Step::Place(0)]).collect()
    })
}
