//! A strategy of one's own in a chain: spread over the zones first, then prefer the cheapest instance type.
//!
//! Run it with `cargo run -p scheduler-core --example custom_policy`.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use scheduler_core::{
    Candidates, Cluster, ContainerInstance, Demand, Draw, PlacementPolicy, PlacementRequest, PlacementStrategy,
    PolicyContext, Scheduler, SeededDraw, Strategy, TaskGroup,
};

/// Prefers the least price per hour; types without a known price come last.
#[derive(Debug)]
struct Cheapest {
    micro_dollars_per_hour: BTreeMap<&'static str, u64>,
}

impl PlacementPolicy for Cheapest {
    fn name(&self) -> &'static str {
        "cheapest"
    }

    fn narrow(&self, _: &PolicyContext<'_>, candidates: &mut Candidates<'_>, _: &mut dyn Draw) {
        candidates.keep_least_by_key(|instance| {
            let price = instance.description().instance_type().and_then(|name| self.micro_dollars_per_hour.get(name));
            price.copied().unwrap_or(u64::MAX)
        });
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut cluster = Cluster::default();
    for (name, zone, instance_type) in [
        ("i-1", "us-east-2a", "m5.xlarge"),
        ("i-2", "us-east-2a", "m5.large"),
        ("i-3", "us-east-2b", "m5.xlarge"),
        ("i-4", "us-east-2b", "c5.large"),
    ] {
        cluster.register(ContainerInstance::builder(name).zone(zone).instance_type(instance_type).build()?)?;
    }

    let prices = BTreeMap::from([("c5.large", 85_000), ("m5.large", 96_000), ("m5.xlarge", 192_000)]);
    let cheapest = PlacementStrategy::Custom(Arc::new(Cheapest { micro_dollars_per_hour: prices }));
    let request = PlacementRequest::new(Demand::new(1024, 1024), TaskGroup::service("web")?)
        .strategy(Strategy::chain([PlacementStrategy::spread_zones(), cheapest])?);

    let mut prepared = Scheduler::default().prepare(&mut cluster, request)?;
    let started = prepared.place_many(&mut cluster, 6, &mut SeededDraw::new(0));
    for change in &started {
        let instance = cluster.instance(change.instance).expect("it was registered above");
        let instance_type = instance.description().instance_type().unwrap_or("unknown");
        println!("{} ({instance_type}) in {}", instance.name(), instance.zone());
    }
    assert_eq!(started.len(), 6);
    Ok(())
}
