//! Container instances: names, capacities, snapshots.

use super::{refused, survey};

#[test]
fn container_instances_are_refused_with_their_places() {
    let fleet = |entry: &str| format!("{{\"version\": 1, \"containerInstances\": [\n{entry}]}}");
    let cases = [
        (
            r#"{"availabilityZone": "a"}"#,
            "1: container instance `i-000000` has neither resources nor an instance type; give one of them",
        ),
        (
            r#"{"instanceType": "t2.micro"}"#,
            "1: container instance `i-000000` has no Availability Zone; give one, such as `us-east-1a`",
        ),
        (
            r#"{"count": 4294967296, "instanceType": "t2.micro", "availabilityZone": "a"}"#,
            "11: expected a whole number from 1 to 4194304, found 4294967296",
        ),
        (
            r#"{"instanceType": "t2.micro", "availabilityZone": "a", "pricePerHour": 0.0000001}"#,
            "71: expected dollars from 0 to 1000000000 with at most six decimals, found 0.0000001",
        ),
        (
            r#"{"availabilityZone": "a", "registeredResources": {"cpu": -1, "memory": 1}}"#,
            "58: expected a whole number of CPU units from 0 to 2147483647, found -1",
        ),
        (
            r#"{"availabilityZone": "a", "registeredResources": {"cpu": 1.5, "memory": 1}}"#,
            "58: expected a whole number of CPU units from 0 to 2147483647, found 1.5",
        ),
        (
            r#"{"availabilityZone": "a", "registeredResources": [{"name": "CPU", "type": "INTEGER", "integerValue": 1}]}"#,
            "50: resource `MEMORY` is missing",
        ),
        (
            r#"{"instanceType": "t2.micro", "availabilityZone": "a", "gpuMillis": [1000]}"#,
            "68: container instance `i-000000`: `gpuMillis` lists 1 GPUs, but 0 are registered",
        ),
        (
            r#"{"instanceType": "t2.micro", "availabilityZone": "a", "registeredAt": "soon"}"#,
            "71: moment `soon` is no time; it is seconds since 1970, or text such as `2018-06-18T22:28:28Z`",
        ),
    ];
    for (entry, expected) in cases {
        refused(&fleet(entry), &[&format!("t.json:2:{expected}")]);
    }
    let half = r#"{"count": 4194304, "instanceType": "t2.micro", "availabilityZone": "a"}"#;
    refused(
        &fleet(&format!("{half}, {half}")),
        &["t.json:1:38: 8388608 container instances with these; the limit is 4194304"],
    );
}

#[test]
fn instances_have_names_of_their_own() {
    let entry = |rest: &str| format!(r#"{{"instanceType": "t2.micro", "availabilityZone": "a"{rest}}}"#);
    let fleet = |entries: &[String]| format!("{{\"version\": 1, \"containerInstances\": [\n{}]}}", entries.join(",\n"));
    let names = |text: &str| {
        let survey = survey(text).expect("a trace");
        let mut number = 0;
        let mut names = Vec::new();
        for entry in &survey.header.instances {
            for instance in entry.instances(number, 0) {
                names.push(instance.expect("checked").name().to_owned());
            }
            number += u64::from(entry.count);
        }
        names
    };
    let text = fleet(&[
        entry(""),
        entry(r#", "ec2InstanceId": "web", "count": 2"#),
        entry(r#", "containerInstanceArn": "arn:aws:ecs:us-east-2:1:container-instance/prod/f00""#),
        entry(r#", "count": 2"#),
    ]);
    assert_eq!(names(&text), ["i-000000", "web-0", "web-1", "f00", "i-000004", "i-000005"]);
    let clash = fleet(&[entry(r#", "ec2InstanceId": "web", "count": 2"#), entry(r#", "ec2InstanceId": "web-1""#)]);
    refused(&clash, &["t.json:3:1: container instance `web-1` is there already, at t.json:2:1"]);
    let clash = fleet(&[entry(r#", "ec2InstanceId": "i-000001""#), entry("")]);
    refused(&clash, &["t.json:3:1: container instance `i-000001` is there already, at t.json:2:1"]);
    let twice = fleet(&[entry(r#", "ec2InstanceId": "a""#), entry(r#", "ec2InstanceId": "a""#)]);
    refused(&twice, &["t.json:3:1: container instance `a` is there already, at t.json:2:1"]);
}

#[test]
fn what_a_snapshot_does_not_explain_is_foreign_load() {
    let snapshot = |remaining: &str, demand: &str| {
        format!(
            r#"{{"version": 1,
            "containerInstances": [{{"containerInstanceArn": "arn:aws:ecs:r:1:container-instance/c/1f", "ec2InstanceId": "i-1f",
                "availabilityZone": "a", "registeredResources": {{"cpu": 1024, "memory": 1000, "gpu": 2, "ports": [22]}},
                "remainingResources": {remaining}}}],
            "taskDefinitions": [{{"family": "web", {demand}}}],
            "tasks": [{{"taskArn": "arn:aws:ecs:r:1:task/c/aaa", "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/web:1",
                "containerInstanceArn": "arn:aws:ecs:r:1:container-instance/c/1f", "group": "service:web"}}]}}"#
        )
    };
    let demand = r#""cpu": 100, "memory": 200, "ports": [80], "gpu": 1"#;
    let survey =
        survey(&snapshot(r#"{"cpu": 800, "memory": 700, "gpu": 1, "ports": [22, 80, 443]}"#, demand)).expect("a trace");
    let load = &survey.header.instances[0].description.foreign_load;
    assert_eq!((load.cpu_units, load.memory_mib), (124, 100));
    assert_eq!(load.gpus, scheduler_core::GpuDemand::Count(0));
    assert_eq!(load.host_ports, scheduler_core::HostPorts::tcp(&[443]));
    assert_eq!((&*survey.header.tasks[0].name, &*survey.header.tasks[0].instance), ("aaa", "i-1f"));
    refused(
        &snapshot(r#"{"cpu": 1000, "memory": 700, "gpu": 1}"#, demand),
        &["t.json:4:39: CPU of `i-1f`: 1000 are remaining, but 1024 registered less 100 of its tasks are fewer; \
           the snapshot contradicts itself"],
    );
    refused(
        &snapshot(r#"{"cpu": 800, "memory": 700, "gpu": 1, "ports": [22]}"#, demand),
        &["t.json:4:39: port 80/tcp of `i-1f` is taken by a task, but `remainingResources` does not list it as taken"],
    );
}

#[test]
fn copies_of_one_entry_share_their_attributes() {
    let text =
        r#"{"version": 1, "containerInstances": [{"count": 3, "instanceType": "t2.micro", "availabilityZone": "a"}]}"#;
    let survey = survey(text).expect("a trace");
    let instances: Vec<_> = survey.header.instances[0].instances(0, 0).map(|it| it.expect("checked")).collect();
    let names: Vec<_> = instances.iter().map(scheduler_core::ContainerInstance::name).collect();
    assert_eq!(names, ["i-000000", "i-000001", "i-000002"]);
    assert!(instances.iter().all(|it| std::ptr::eq(it.attributes(), instances[0].attributes())));
}
