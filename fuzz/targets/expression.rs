//! The cluster query language: whatever is written parses or is refused at a byte, and is printed as something that parses to
//! the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scheduler_core::{
    Cluster, ContainerInstance, Demand, Expression, Placement, PlacementRequest, Resources, TaskGroup,
};

fuzz_target!(|text: &str| {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.pointer(text).is_empty());
            return;
        }
    };
    let _ = expression.lints();
    let printed = expression.to_string();
    let again = Expression::parse(&printed).unwrap_or_else(|error| panic!("{printed:?} of {text:?}: {error}"));
    assert_eq!(again.to_string(), printed, "of {text:?}");
    let cluster = cluster();
    let matching = |expression: &Expression| cluster.matching(expression).map(|it| it.id()).collect::<Vec<_>>();
    assert_eq!(matching(&again), matching(&expression), "{printed:?} of {text:?}");
});

fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    for (name, zone, instance_type) in [("i-1", "us-east-1a", "t2.small"), ("i-2", "us-east-1b", "g4dn.xlarge")] {
        let instance = ContainerInstance::builder(name)
            .zone(zone)
            .instance_type(instance_type)
            .resources(Resources::new(2048, 4096))
            .attribute("stack", "prod")
            .attribute("tier", "1.50");
        cluster.register(instance.build().expect("valid")).expect("no name twice");
    }
    let group = TaskGroup::service("web").expect("a name");
    let request = PlacementRequest::new(Demand::new(1, 1), group);
    let on = cluster.instance_id("i-1").expect("registered");
    cluster.start(&Placement::start_task(on, request)).expect("it fits");
    cluster
}
