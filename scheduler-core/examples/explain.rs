//! Why a task finds no instance: the sentence, the tally, and every failing check of every instance.
//!
//! Run it with `cargo run -p scheduler-core --example explain`.

use std::error::Error;

use scheduler_core::{
    Cluster, ContainerInstance, Demand, HostPorts, PlacementConstraint, PlacementRequest, Scheduler, SeededDraw,
    TaskGroup,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut cluster = Cluster::default();
    for (name, zone, stack) in
        [("i-1", "us-east-2a", "prod"), ("i-2", "us-east-2b", "prod"), ("i-3", "us-east-2b", "test")]
    {
        let instance = ContainerInstance::builder(name).zone(zone).instance_type("t3.small").attribute("stack", stack);
        cluster.register(instance.build()?)?;
    }
    let draining = cluster.instance_id("i-2").expect("it was registered above");
    cluster.drain(draining)?;

    let scheduler = Scheduler::default();
    let mut draw = SeededDraw::new(0);
    let demand = Demand::new(512, 1024).with_host_ports(HostPorts::tcp(&[80]));
    let request = PlacementRequest::new(demand, TaskGroup::service("web")?)
        .constraint(PlacementConstraint::from_ecs("memberOf", Some("attribute:stack == prod"))?);

    let placement = scheduler.place_once(&cluster, &request, &mut draw)?.expect("i-1 is empty");
    cluster.start(&placement)?;
    assert!(scheduler.place_once(&cluster, &request, &mut draw)?.is_none());

    let explanation = scheduler.explain(&cluster, &request);
    println!("{explanation}\n");
    for instance in explanation.instances() {
        let failures: Vec<_> = instance.failures.iter().map(ToString::to_string).collect();
        println!("{} in {}: {}", instance.name, instance.zone, failures.join("; "));
    }
    let refusal = explanation.refusal().expect("nobody is eligible");
    println!("\nECS would say: {}", refusal.service_event("web"));
    Ok(())
}
