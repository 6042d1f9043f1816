//! What a first reader wrote from the documentation page alone: constrained, spread, explained, scaled in.
//!
//! Run it with `cargo run -p scheduler-core --example twenty_lines`.

use scheduler_core::{
    Cluster, ContainerInstance, Demand, PlacementConstraint, PlacementRequest, PlacementStrategy, Scheduler,
    SeededDraw, Strategy, TaskGroup, TaskKind,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut cluster = Cluster::default();
    for (name, zone, stack) in [("i-1", "a", "prod"), ("i-2", "a", "prod"), ("i-3", "b", "prod"), ("i-4", "b", "test")]
    {
        let instance = ContainerInstance::builder(name).zone(zone).instance_type("m5.large").attribute("stack", stack);
        cluster.register(instance.build()?)?;
    }
    let request = PlacementRequest::new(Demand::new(512, 1024), TaskGroup::service("web")?)
        .kind(TaskKind::Replica)
        .constraint(PlacementConstraint::member_of("attribute:stack == prod")?)
        .strategy(Strategy::chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])?);
    let (scheduler, mut draw) = (Scheduler::default(), SeededDraw::new(0));
    let mut prepared = scheduler.prepare(&mut cluster, request)?;
    while let Some(placement) = prepared.place(&cluster, &mut draw) {
        let change = cluster.start(&placement)?;
        let home = cluster.instance(change.instance).ok_or("the instance is registered")?;
        println!("{} in {}", home.name(), home.zone());
    }
    println!("{}", scheduler.explain(&cluster, prepared.request()));
    if let Some(task) = scheduler.choose_stop(&cluster, prepared.request(), &mut draw) {
        println!("stopped on {}", cluster.stop(task)?.instance);
    }
    Ok(())
}
