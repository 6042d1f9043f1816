//! The files that the project began with: a task `web` that fills a t2.micro, and its service.

use std::fs;
use std::path::PathBuf;

use scheduler_core::{
    Cluster, ContainerInstance, HostPorts, Scheduler, SeededDraw, Service, TaskDefinition, TaskGroup,
};

/// A file of the shared examples; `None`, said loudly, where the checkout stands alone.
fn example(name: &str) -> Option<String> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/examples")).join(name);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("SKIPPED: {} is not there", path.display());
    }
    text
}

#[test]
fn the_fourth_copy_of_web_on_three_t2_micro_gets_the_reason_of_ecs() {
    let (Some(definition), Some(service)) = (example("web-task-definition.json"), example("web-service.json")) else {
        return;
    };
    let definition: TaskDefinition = serde_json::from_str(&definition).expect("the definition is valid");
    let service: Service = serde_json::from_str(&service).expect("the service is valid");
    assert_eq!((definition.family(), service.name(), service.desired_count), ("web", "web", 2));
    assert_eq!((definition.demand().cpu_units, definition.demand().memory_mib), (1024, 400));
    assert_eq!(definition.demand().host_ports, HostPorts::tcp(&[80, 8000]));

    let mut cluster = Cluster::default();
    for (name, zone) in [("i-1", "us-east-2a"), ("i-2", "us-east-2b"), ("i-3", "us-east-2c")] {
        let builder = ContainerInstance::builder(name).zone(zone).instance_type("t2.micro");
        cluster.register(builder.build().unwrap()).unwrap();
    }
    let scheduler = Scheduler::default();
    let request = service.request(&definition);
    assert_eq!(cluster.total_room_for(&request), Some(3), "one copy fills an instance");
    let mut prepared = scheduler.prepare(&mut cluster, request).unwrap();
    assert_eq!(prepared.place_many(&mut cluster, 4, &mut SeededDraw::new(0)).len(), 3);
    assert_eq!(
        scheduler.refusal(&cluster, prepared.request()).unwrap().service_event(service.name()),
        "(service web) was unable to place a task because no container instance met all of its requirements. The closest \
         matching (container-instance i-1) has insufficient CPU units available. For more information, see the \
         Troubleshooting section of the Amazon ECS Developer Guide."
    );
    let sentence = scheduler.explain(&cluster, prepared.request()).to_string();
    assert_eq!(
        sentence,
        "0 of 3 container instances can hold the task: 3 lack CPU; closest: i-1, short of 1024 CPU units"
    );
    assert_eq!(cluster.group(&TaskGroup::service("web").unwrap()).unwrap().running_tasks_count(), 3);
}
