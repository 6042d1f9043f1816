//! The events that ECS writes for a service which cannot place a task [D: Service event messages], word for word.

use scheduler_core::{
    Cluster, ContainerInstance, Demand, HostPorts, PlacementConstraint, PlacementRequest, RequiredAttribute, Resources,
    Scheduler,
};

use super::{cluster, of_service, run_on};

const TAIL: &str = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";

fn check(cluster: &Cluster, request: &PlacementRequest, cause: &str) {
    let refusal = Scheduler::default().refusal(cluster, request).expect("nobody can take it");
    let expected = format!(
        "(service S) was unable to place a task because no container instance met all of its requirements. {cause} {TAIL}"
    );
    assert_eq!(refusal.service_event("S"), expected);
}

fn closest(instance: &str, what: &str) -> String {
    format!("The closest matching (container-instance {instance}) {what}.")
}

#[test]
fn without_instances() {
    let request = of_service(Demand::new(1, 1));
    check(&Cluster::default(), &request, "Reason: No Container Instances were found in your cluster.");
    let mut draining = cluster(&[("A", "a", 64, 64)]);
    draining.drain(draining.instance_id("A").unwrap()).unwrap();
    check(&draining, &request, "Reason: No Container Instances were found in your cluster.");
}

#[test]
fn for_resources() {
    let mut cluster = cluster(&[("A", "a", 64, 16), ("B", "a", 32, 32)]);
    // Nobody has the CPU: A comes closest. A alone has the CPU, and lacks memory.
    check(&cluster, &of_service(Demand::new(128, 1)), &closest("A", "has insufficient CPU units available"));
    check(&cluster, &of_service(Demand::new(64, 32)), &closest("A", "has insufficient memory available"));
    let ports = of_service(Demand::default().with_host_ports(HostPorts::tcp(&[80])));
    run_on(&mut cluster, "A", &ports);
    run_on(&mut cluster, "B", &ports);
    check(&cluster, &ports, &closest("A", "is already using a port required by your task"));
    let gpu = of_service(Demand::default().with_gpus(1));
    check(&cluster, &gpu, &closest("A", "encountered error \"RESOURCE:GPU\""));
}

#[test]
fn for_interfaces_attributes_and_location() {
    let mut cluster = Cluster::default();
    let builder = ContainerInstance::builder("A").zone("a").resources(Resources::new(64, 64)).eni_task_limit(Some(0));
    cluster.register(builder.build().unwrap()).unwrap();
    let request = || of_service(Demand::new(1, 1));
    check(&cluster, &of_service(Demand::default().with_eni()), &closest("A", "encountered error \"RESOURCE:ENI\""));
    let required = RequiredAttribute { name: "ecs.outpost-arn".parse().unwrap(), value: None };
    check(
        &cluster,
        &request().required_attribute(required),
        &closest("A", "is missing an attribute required by your task"),
    );
    check(&cluster, &request().zones(["b"]), &closest("A", "encountered error \"LOCATION\""));
}

#[test]
fn for_constraints_and_the_agent() {
    let mut cluster = cluster(&[("A", "a", 64, 64)]);
    let request = || of_service(Demand::new(1, 1));
    let member_of = PlacementConstraint::from_ecs("memberOf", Some("attribute:stack == prod")).unwrap();
    check(
        &cluster,
        &request().constraint(member_of),
        &closest("A", "encountered error \"MemberOf placement constraint unsatisfied.\""),
    );
    run_on(&mut cluster, "A", &request());
    check(
        &cluster,
        &request().constraint(PlacementConstraint::DistinctInstance),
        &closest("A", "encountered error \"DistinctInstance placement constraint unsatisfied.\""),
    );
    cluster.disconnect_agent(cluster.instance_id("A").unwrap()).unwrap();
    check(&cluster, &request(), &closest("A", "doesn't have the agent connected"));
}

#[test]
fn for_an_empty_capacity_provider() {
    let cluster = cluster(&[("A", "a", 64, 64)]);
    let refusal = Scheduler::default().refusal(&cluster, &of_service(Demand::new(1, 1)).capacity_provider("spot"));
    assert_eq!(
        refusal.unwrap().service_event("S"),
        "(service S) was unable to reach steady state. Reason: No Container Instances were found in your capacity provider."
    );
}
