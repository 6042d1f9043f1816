//! A hard rule of one's own: keep a reserve of memory on every instance for bursts.
//!
//! Run it with `cargo run -p scheduler-core --example custom_constraint`.

use std::error::Error;
use std::sync::Arc;

use scheduler_core::{
    Cluster, ContainerInstance, CustomConstraint, Demand, InstanceView, PlacementConstraint, PlacementRequest,
    PolicyContext, Scheduler, SeededDraw, TaskGroup,
};

/// After the placement at least so much memory must remain.
#[derive(Debug)]
struct KeepInReserve {
    memory_mib: u32,
}

impl CustomConstraint for KeepInReserve {
    fn name(&self) -> &'static str {
        "keep-in-reserve"
    }

    fn admits(&self, context: &PolicyContext<'_>, instance: &InstanceView<'_>) -> bool {
        let needed = context.request().demand().memory_mib.saturating_add(self.memory_mib);
        instance.remaining().memory_mib >= needed
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut cluster = Cluster::default();
    cluster.register(ContainerInstance::builder("i-1").zone("us-east-2a").instance_type("m5.large").build()?)?;

    let request = PlacementRequest::new(Demand::new(128, 2048), TaskGroup::family("job")?)
        .constraint(PlacementConstraint::Custom(Arc::new(KeepInReserve { memory_mib: 2048 })));
    let scheduler = Scheduler::default();
    let mut prepared = scheduler.prepare(&mut cluster, request)?;
    let started = prepared.place_many(&mut cluster, 10, &mut SeededDraw::new(0));
    println!("{} tasks of 2048 MiB on an m5.large of 7680 MiB", started.len());
    println!("{}", scheduler.explain(&cluster, prepared.request()));
    assert_eq!(started.len(), 2);
    Ok(())
}
