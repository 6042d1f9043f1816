//! Descriptions in, traces out.

use serde_json::{Value, json};

use super::*;
use crate::trace::{OpenOptions, from_bytes};

const PREFIX: &str = "arn:aws:ecs:us-east-1:1";

fn instance(id: &str, remaining_cpu: u32) -> Value {
    let resources = |cpu: u32| {
        json!([
            {"name": "CPU", "type": "INTEGER", "integerValue": cpu, "doubleValue": 0.0, "longValue": 0},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": cpu, "doubleValue": 0.0, "longValue": 0},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]},
            {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": []},
        ])
    };
    json!({
        "containerInstanceArn": format!("{PREFIX}:container-instance/prod/{id}"),
        "ec2InstanceId": format!("i-{id}"),
        "version": 7,
        "versionInfo": {"agentVersion": "1.80.0", "dockerVersion": "x"},
        "registeredResources": resources(2048),
        "remainingResources": resources(remaining_cpu),
        "status": "ACTIVE",
        "agentConnected": true,
        "registeredAt": "2026-01-01T00:00:00.123456+00:00",
        "attributes": [{"name": "ecs.availability-zone", "value": "us-east-1a"}, {"name": "own"}],
        "tags": [{"key": "password", "value": "hidden"}],
    })
}

fn task(id: &str, instance: &str, started_at: f64) -> Value {
    json!({
        "taskArn": format!("{PREFIX}:task/prod/{id}"),
        "clusterArn": format!("{PREFIX}:cluster/prod"),
        "taskDefinitionArn": format!("{PREFIX}:task-definition/web:3"),
        "containerInstanceArn": format!("{PREFIX}:container-instance/prod/{instance}"),
        "group": "service:web",
        "desiredStatus": "RUNNING",
        "lastStatus": "RUNNING",
        "startedAt": started_at,
        "overrides": {"containerOverrides": [{"name": "app", "environment": [{"name": "KEY", "value": "hidden"}]}]},
        "containers": [{"name": "app"}],
    })
}

fn pages() -> Vec<Value> {
    vec![
        json!({"clusters": [{"clusterName": "prod", "registeredContainerInstancesCount": 2, "runningTasksCount": 3,
            "activeServicesCount": 1}], "failures": []}),
        json!({"containerInstances": [instance("a", 1024), instance("b", 2048)], "failures": []}),
        json!({"tasks": [task("1", "a", 1.7e9), task("2", "a", 1.8e9)], "failures": [{"arn": "x", "reason": "MISSING"}]}),
        json!({"taskDefinition": {"family": "web", "revision": 3, "taskDefinitionArn": "…", "status": "ACTIVE",
            "containerDefinitions": [{"name": "app", "cpu": 512, "memory": 256,
                "environment": [{"name": "KEY", "value": "hidden"}], "command": ["hidden"],
                "secrets": [{"name": "S", "valueFrom": "hidden"}], "dockerLabels": {"l": "hidden"}}]}}),
        json!({"services": [{"serviceName": "web", "clusterArn": format!("{PREFIX}:cluster/prod"), "status": "ACTIVE",
            "taskDefinition": format!("{PREFIX}:task-definition/web:3"), "desiredCount": 3, "runningCount": 2,
            "launchType": "EC2", "placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"}],
            "loadBalancers": [{"targetGroupArn": "t", "containerName": "app", "containerPort": 80}],
            "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING"},
            "events": [{"message": "hidden"}]}]}),
        json!({"taskArns": ["x"], "nextToken": "y"}),
    ]
}

fn import(files: &[String], cluster: Option<&str>) -> Result<(String, ImportReport), ImportError> {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = (0..files.len()).map(|number| folder.path().join(format!("{number}.json"))).collect();
    for (path, text) in paths.iter().zip(files) {
        std::fs::write(path, text).expect("writable");
    }
    let mut out = Vec::new();
    let options = EcsOptions { cluster: cluster.map(Into::into) };
    let report = import_ecs(&paths, &options, TraceForm::Document, &mut out)?;
    let source = from_bytes("t", out.clone(), OpenOptions::default()).expect("readable");
    source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    Ok((String::from_utf8(out).expect("text"), report))
}

fn in_one_file(pages: &[Value]) -> Vec<String> {
    vec![pages.iter().map(Value::to_string).collect()]
}

#[test]
fn a_cluster_becomes_a_trace_and_nothing_secret_reaches_it() {
    let (trace, report) = import(&in_one_file(&pages()), None).expect("a cluster");
    assert!(!trace.contains("hidden") && !trace.contains("KEY"), "{trace}");
    for part in
        ["\"name\": \"prod\"", "\"defaultStrategy\":\"ecs-default\"", "\"epoch\":1800000000", "\"loadBalancers\":[{}]"]
    {
        assert!(trace.contains(part), "{part} in {trace}");
    }
    assert_eq!((report.container_instances, report.task_definitions, report.rows_dropped), (2, 1, 0));
    assert_eq!(
        report.notes[..2],
        ["1 objects were not described; the first: MISSING", "cluster `prod` counts 3 running tasks; the trace has 2"]
    );
}

#[test]
fn the_order_of_files_and_pages_does_not_matter() {
    let mut pages = pages();
    let mut newer = instance("b", 1536);
    newer["version"] = json!(8);
    pages.push(json!({"containerInstances": [newer]}));
    let (expected, _) = import(&in_one_file(&pages), None).expect("a cluster");
    pages.reverse();
    let files: Vec<_> = pages.iter().map(|page| format!("\u{feff}{page}\r\n")).collect();
    let (found, report) = import(&files, None).expect("a cluster");
    assert_eq!(found, expected);
    assert!(report.notes[0].starts_with("1 objects are described in several ways"), "{:?}", report.notes);
}

#[test]
fn what_contradicts_itself_is_reported_and_left_out() {
    let mut pages = pages();
    pages.push(json!({"tasks": [
        task("3", "gone", 1.7e9), task("4", "b", 1.7e9), task("5", "b", 1.7e9), task("6", "b", 1.7e9),
        task("7", "b", 1.7e9), task("8", "b", 1.9e9),
    ]}));
    let mut stopped = task("9", "a", 1.0);
    stopped["desiredStatus"] = json!("STOPPED");
    let mut unknown = task("10", "a", 1.0);
    unknown["taskDefinitionArn"] = json!("arn:aws:ecs:us-east-1:1:task-definition/web:4");
    let mut fargate = task("11", "a", 1.0);
    fargate["containerInstanceArn"] = Value::Null;
    pages.push(json!({"tasks": [stopped, unknown, fargate, {"taskArn": 5}]}));
    pages.push(json!({"services": [{"serviceName": "f", "taskDefinition": "web:3", "launchType": "FARGATE"}]}));
    pages.push(json!({"containerInstances": [{"containerInstanceArn": "no-zone", "registeredResources": []}]}));
    pages.push(json!({"unheard": 1}));
    let mut old = instance("c", 2048);
    (old["ec2InstanceId"], old["agentConnected"]) = (json!("i-a"), json!(false));
    pages.push(json!({"containerInstances": [old]}));
    let (trace, report) = import(&in_one_file(&pages), None).expect("a cluster");
    let notes = report.notes.join("\n");
    for part in [
        "1 tasks are on a container instance that is not there",
        "1 tasks do not fit beside those that started before them; the first: arn:aws:ecs:us-east-1:1:task/prod/8",
        "1 container instances have more left than their tasks leave",
        "1 tasks are stopped, or shall be",
        "1 tasks have a task definition that is not in the files",
        "1 tasks are on no container instance",
        "1 tasks cannot be read",
        "1 container instances cannot be read",
        "1 services do not run on EC2",
        "1 pages are none that",
        "1 container instances registered again under another ARN",
    ] {
        assert!(notes.contains(part), "{part} in\n{notes}");
    }
    assert_eq!(trace.matches("remainingResources").count(), 1);
    assert_eq!(report.rows_dropped, 9);
}

#[test]
fn broken_files_and_several_clusters_are_refused() {
    let error = |files: &[String], cluster| import(files, cluster).expect_err("broken").to_string();
    let broken = error(&["{\"tasks\": []}\n{\"tasks\": [}".into()], None);
    assert!(broken.contains("0.json:2: not what `aws ecs describe-… --output json` prints: "), "{broken}");
    assert!(error(&["[1]".into()], None).contains("0.json:1: "));
    let text = pages().iter().map(Value::to_string).collect::<String>();
    let files = [text.clone(), text.replace("prod", "test")];
    assert!(error(&files, None).contains("of the clusters `prod`, `test`; choose one"));
    assert!(error(&files, Some("x")).contains("`prod`, `test`"));
    let (chosen, _) = import(&files, Some("prod")).expect("one of them");
    assert!(!chosen.contains("test"));
}

/// Values stand in the trace as ECS prints them; what ECS would not print is refused by the trace's own reader.
#[test]
fn what_no_trace_may_say_is_refused_with_where_it_is_said() {
    let mut pages = pages();
    let service = pages[4]["services"][0].as_object_mut().expect("a service");
    service.remove("desiredCount");
    let error = import(&in_one_file(&pages), None).expect_err("refused").to_string();
    assert!(error.starts_with("a REPLICA service needs `desiredCount`: {\"serviceName\":\"web\""), "{error}");
}
