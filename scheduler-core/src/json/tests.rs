//! What ECS's JSON is read as, what is refused, and that what is written reads back the same.

use crate::expression::Expression;
use crate::model::{
    AttributeName, AttributeValue, Attributes, ContainerDefinition, ContainerInstance, ContainerOverride, Demand,
    GpuDemand, HostPort, HostPorts, InstanceStatus, NetworkMode, PortMapping, RequiredAttribute, Resources,
    TaskDefinition, TaskGroup, TaskOverrides,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// `json` as a `T`, or what the error says before its line and column.
fn check<T: DeserializeOwned + Debug + PartialEq>(json: &str, expected: Result<T, &str>) {
    let actual = serde_json::from_str(json).map_err(|error| error.to_string());
    let actual = actual.map_err(|error| error.split(" at line ").next().unwrap_or_default().to_owned());
    assert_eq!(actual, expected.map_err(str::to_owned), "{json}");
}

fn check_survives<T: Serialize + DeserializeOwned + Debug + PartialEq>(value: &T) {
    let json = serde_json::to_string_pretty(value).expect("values of the model can be written");
    assert_eq!(serde_json::from_str::<T>(&json).as_ref().ok(), Some(value), "{json}");
}

fn web() -> TaskDefinition {
    let container = |name: &str, cpu_units, memory_mib, port| {
        let mapping = PortMapping::tcp(port).on_host_port(port);
        ContainerDefinition::new(name).with_cpu_units(cpu_units).with_memory_mib(memory_mib).with_port_mapping(mapping)
    };
    let builder = TaskDefinition::builder("web");
    builder
        .container(container("nginx", 256, 100, 80))
        .container(container("app", 768, 300, 8000))
        .build()
        .expect("valid")
}

#[test]
fn the_web_task_definition_loads_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/examples/web-task-definition.json");
    let Ok(json) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: `{path}` is not there");
        return;
    };
    let definition: TaskDefinition = serde_json::from_str(&json).expect("loads as it is");
    let ports = HostPorts::tcp(&[80, 8000]);
    assert_eq!(*definition.demand(), Demand::new(1024, 400).with_host_ports(ports));
    assert!(!serde_json::to_string(&definition).expect("can be written").contains("SECRET"));
    check_survives(&definition);
}

#[test]
fn task_definitions_are_read_from_input_and_output() {
    check(
        r#"{"family": "web", "tags": null, "cpu": null, "placementConstraints": null, "containerDefinitions": [
            {"name": "nginx", "cpu": 256, "memory": 100, "essential": null, "environment": [{"name": 1}],
             "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP", "name": "http"}]},
            {"name": "app", "cpu": 768, "memory": 300, "portMappings": [{"containerPort": 8000, "hostPort": 8000}]}]}"#,
        Ok(web()),
    );
    check(
        r#"{"taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/ml:3", "family": "ml", "revision": 3,
            "networkMode": "awsvpc", "cpu": 1024, "memory": "1 GB", "status": "ACTIVE", "compatibilities": ["EC2"],
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            "requiresAttributes": [{"name": "ecs.capability.task-eni"}, {"name": "stack", "value": "prod"}],
            "placementConstraints": [{"type": "memberOf", "expression": "attribute:a == b"}],
            "containerDefinitions": [{"name": "m", "memoryReservation": 64, "privileged": true,
             "logConfiguration": {"logDriver": "awslogs", "options": {"k": "v"}},
             "resourceRequirements": [{"type": "GPU", "value": "2"}, {"type": "InferenceAccelerator", "value": "eia"}],
             "portMappings": [{"containerPortRange": "8000-8010"}]}]}"#,
        Ok(rich()),
    );
    let job = Demand::new(250, 512)
        .with_gpus(1)
        .with_host_ports([HostPort::tcp(80), HostPort::udp(53)].into_iter().collect());
    check(
        r#"{"family": "job", "cpu": 250, "memory": 512, "gpu": 1, "ports": [80], "portsUdp": [53]}"#,
        Ok(TaskDefinition::of_demand("job", job).expect("valid")),
    );
}

fn rich() -> TaskDefinition {
    let mut container = ContainerDefinition::new("m")
        .with_memory_reservation_mib(64)
        .with_log_driver("awslogs")
        .with_gpus(2)
        .with_port_mapping(PortMapping::range(8000, 8010))
        .privileged();
    container.inference_accelerators = vec!["eia".into()];
    TaskDefinition::builder("ml")
        .revision(3)
        .network_mode(NetworkMode::Awsvpc)
        .operating_system_family("LINUX")
        .cpu("1 vCPU")
        .memory("1024")
        .container(container)
        .member_of("attribute:a == b")
        .required_attribute("ecs.capability.task-eni", None)
        .required_attribute("stack", Some("prod"))
        .build()
        .expect("valid")
}

#[test]
fn broken_task_definitions_are_refused() {
    let with = |container: &str| {
        format!(r#"{{"family": "web", "containerDefinitions": [{{"name": "app", "memory": 64, {container}}}]}}"#)
    };
    let refused = |container: &str, message: &str| check::<TaskDefinition>(&with(container), Err(message));
    refused(
        r#""portMappings": [{"containerPort": 70000}]"#,
        "invalid value: integer `70000`, expected an integer from 0 to 65535",
    );
    refused(
        r#""portMappings": [{"containerPortRange": "80-"}]"#,
        "port range \"80-\" is not two ports from 1 to 65535, such as `8000-8010`",
    );
    refused(r#""cpu": -1"#, "invalid value: integer `-1`, expected an integer from 0 to 2147483647");
    refused(r#""cpu": 0.5"#, "invalid type: floating point `0.5`, expected an integer from 0 to 2147483647");
    refused(r#""cpu": 2147483648"#, "invalid value: integer `2147483648`, expected an integer from 0 to 2147483647");
    refused(
        r#""resourceRequirements": [{"type": "GPU", "sharingStrategy": {"nvidiaMps": {"memory": 1024}}}]"#,
        "container \"app\": GPU `sharingStrategy` (nvidiaMps) is not supported; give `value` a number of GPUs or `ALL`",
    );
    refused(
        r#""resourceRequirements": [{"type": "GPU", "value": "half"}]"#,
        "container \"app\": invalid value: string \"half\", expected a whole number of GPUs or `ALL`",
    );
    refused(
        r#""resourceRequirements": [{"type": "GPU", "value": "1"}, {"type": "GPU", "value": "1"}]"#,
        "container \"app\": resource requirement `GPU` is given twice",
    );
    refused(
        r#""resourceRequirements": [{"type": "NeuronDevice", "value": "1"}]"#,
        "container \"app\": resource requirement of type \"NeuronDevice\" is not supported on EC2 instances; `GPU` is",
    );

    let constrained = |constraint: &str| {
        let container = r#""containerDefinitions": [{"name": "app", "memory": 64}]"#;
        format!(r#"{{"family": "web", {container}, "placementConstraints": [{constraint}]}}"#)
    };
    check::<TaskDefinition>(
        &constrained(r#"{"type": "distinctInstance"}"#),
        Err("constraint.type 'distinctInstance' is not supported."),
    );
    check::<TaskDefinition>(
        &constrained(r#"{"type": "memberOf"}"#),
        Err("placement constraint 1: `memberOf` needs an `expression`"),
    );
    let parser = Expression::parse("attribute:a").expect_err("a broken expression").to_string();
    check::<TaskDefinition>(
        &constrained(r#"{"type": "memberOf", "expression": "attribute:a"}"#),
        Err(&format!("placement constraint 1: {parser}")),
    );
    check::<TaskDefinition>(
        r#"{"family": "web", "networkMode": "overlay"}"#,
        Err(
            "network mode \"overlay\" is not known; it is `bridge`, `host`, `awsvpc`, `none` or, on Windows, `default`",
        ),
    );
    check::<TaskDefinition>(
        r#"{"family": "web", "cpu": "2 cores", "containerDefinitions": [{"name": "app", "memory": 64}]}"#,
        Err("task cpu `2 cores` is not CPU units such as `1024`, nor vCPUs such as `1 vCPU` or `.5 vCPU`"),
    );
    check::<TaskDefinition>(
        r#"{"family": "web"}"#,
        Err("neither `containerDefinitions` nor, for the short form, `memory` is given"),
    );
    check::<TaskDefinition>(
        r#"{"family": "web", "memory": "512"}"#,
        Err("`memory` is not a number from 0 to 2147483647, as it is in a task definition without \
             `containerDefinitions`"),
    );
}

#[test]
fn an_error_never_shows_an_environment() {
    let json = r#"{"family": "web", "containerDefinitions": [{"name": "app", "memory": "x",
        "environment": [{"name": "TOKEN", "value": "hunter2"}]}]}"#;
    let error = serde_json::from_str::<TaskDefinition>(json).expect_err("memory is a number").to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn container_instances_are_read_as_ecs_describes_them() {
    let json = r#"{"containerInstanceArn": "arn:aws:ecs:us-east-1:1:container-instance/default/7f8e", "version": 3,
        "ec2InstanceId": "i-0a3", "capacityProviderName": "spot", "versionInfo": {"agentVersion": "1.14.5"},
        "remainingResources": [{"name": "CPU"}], "registeredResources": [
            {"name": "CPU", "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": 2048},
            {"name": "MEMORY", "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": 3704},
            {"name": "PORTS", "type": "STRINGSET", "integerValue": 0, "stringSetValue": ["22", "2376"]},
            {"name": "PORTS_UDP", "type": "STRINGSET", "integerValue": 0, "stringSetValue": []},
            {"name": "GPU", "type": "STRINGSET", "integerValue": 0, "stringSetValue": ["GPU-1a", "GPU-0b"]}],
        "status": "DRAINING", "agentConnected": false, "runningTasksCount": 0, "registeredAt": 1529360908.123,
        "attributes": [{"name": "ecs.availability-zone", "value": "us-east-1a"}, {"name": "ecs.capability.efs"},
            {"name": "ecs.instance-type", "value": "c5.large", "targetType": "container-instance"},
            {"name": "ecs.capability.task-eni", "value": null}, {"name": "stack", "value": ""}]}"#;
    let resources =
        Resources::new(2048, 3704).with_reserved_ports(HostPorts::tcp(&[22, 2376])).with_gpu_ids(["GPU-1a", "GPU-0b"]);
    let expected = ContainerInstance::builder("i-0a3")
        .zone("us-east-1a")
        .instance_type("c5.large")
        .resources(resources)
        .attribute_without_value("ecs.capability.efs")
        .attribute_without_value("ecs.capability.task-eni")
        .attribute_without_value("stack")
        .status(InstanceStatus::Draining)
        .agent_connected(false)
        .agent_version("1.14.5")
        .registered_at_ms(1_529_360_908_123)
        .capacity_provider("spot")
        .build()
        .expect("valid");
    assert_eq!(expected.eni_task_limit(), Some(2));
    check(json, Ok(expected));
    let name =
        |json: &str| serde_json::from_str(json).map(|instance: ContainerInstance| instance.name().to_owned()).ok();
    for arn in ["arn:aws:ecs:r:1:container-instance/default/7f8e", "arn:aws:ecs:r:1:container-instance/7f8e"] {
        let json = format!(
            r#"{{"containerInstanceArn": "{arn}", "instanceType": "t2.micro", "availabilityZone": "a", "status": null}}"#
        );
        assert_eq!(name(&json).as_deref(), Some("7f8e"));
    }
}

#[test]
fn broken_container_instances_are_refused() {
    let refused = |json: &str, message: &str| check::<ContainerInstance>(json, Err(message));
    refused("{}", "a container instance has neither `ec2InstanceId` nor `containerInstanceArn`; give one");
    refused(
        r#"{"ec2InstanceId": "i-1", "status": "REGISTERING"}"#,
        "status \"REGISTERING\" of a container instance is neither `ACTIVE` nor `DRAINING`",
    );
    refused(
        r#"{"ec2InstanceId": "i-1", "instanceType": "t2.micro"}"#,
        "container instance `i-1` has no Availability Zone; give one, such as `us-east-1a`",
    );
    refused(
        r#"{"ec2InstanceId": "i-1", "attributes": [{"name": "a"}, {"name": "a"}]}"#,
        "attribute `a` is given twice",
    );
    refused(r#"{"ec2InstanceId": "i-1", "registeredResources": []}"#, "resource `CPU` is missing");
    refused(
        r#"{"ec2InstanceId": "i-1", "registeredResources": [{"name": "CPU", "type": "DOUBLE"}]}"#,
        "resource `CPU` has no whole number; it is of type `INTEGER` with `integerValue`",
    );
    refused(
        r#"{"ec2InstanceId": "i-1", "registeredResources": [{"name": "PORTS", "stringSetValue": ["65536"]}]}"#,
        "resource `PORTS` lists \"65536\", which is not a port from 1 to 65535",
    );
    refused(
        r#"{"ec2InstanceId": "i-1", "registeredAt": "yesterday"}"#,
        "invalid value: string \"yesterday\", expected seconds since 1970, or a time such as `2018-06-18T22:28:28Z`",
    );
}

#[test]
fn resources_have_a_short_form() {
    check(r#"{"cpu": 2048, "memory": 7680}"#, Ok(Resources::new(2048, 7680)));
    let ports = [HostPort::tcp(22), HostPort::udp(53)].into_iter().collect();
    check(
        r#"{"cpu": 1, "memory": 2, "gpu": 1, "ports": [22], "portsUdp": [53]}"#,
        Ok(Resources::new(1, 2).with_gpus(1).with_reserved_ports(ports)),
    );
    check(r#"{"cpu": 1, "memory": 2, "ports": []}"#, Ok(Resources::new(1, 2).with_reserved_ports(HostPorts::new())));
    check::<Resources>(r#"{"cpu": 1}"#, Err("missing field `memory`"));
}

#[test]
fn registration_is_read_to_the_millisecond() {
    let read = |registered_at: &str| {
        let json = format!(
            r#"{{"ec2InstanceId": "i-1", "instanceType": "t2.micro", "availabilityZone": "a", "registeredAt": {registered_at}}}"#
        );
        serde_json::from_str(&json).map(|instance: ContainerInstance| instance.registered_at_ms()).ok()
    };
    for (registered_at, milliseconds) in [
        ("0", 0),
        ("-1.5", -1500),
        ("1529360908.001", 1_529_360_908_001),
        ("1529360908.9999", 1_529_360_909_000),
        ("\"2018-06-18T22:28:28+00:00\"", 1_529_360_908_000),
        ("\"2018-06-18T22:28:28Z\"", 1_529_360_908_000),
        ("\"2018-06-19T00:28:28+02:00\"", 1_529_360_908_000),
        ("\"2018-06-18T22:28:28\"", 1_529_360_908_000),
        ("\"2018-06-18\"", 1_529_280_000_000),
    ] {
        assert_eq!(read(registered_at), Some(milliseconds), "{registered_at}");
    }
    for registered_at in ["1e300", "18446744073709551615", "9223372036854775807", "253402300800"] {
        assert_eq!(read(registered_at), None, "{registered_at}");
    }
}

#[test]
fn overrides_are_read_as_ecs_has_them() {
    let container = ContainerOverride {
        cpu_units: Some(10),
        memory_mib: Some(20),
        memory_reservation_mib: Some(15),
        gpus: Some(GpuDemand::All),
        ..ContainerOverride::new("app")
    };
    check(
        r#"{"cpu": ".5 vCPU", "memory": "1GB", "taskRoleArn": "x", "containerOverrides": [{"name": "app", "cpu": 10,
            "memory": 20, "memoryReservation": 15, "environment": [{"name": "A", "value": "b"}],
            "resourceRequirements": [{"type": "GPU", "value": "ALL"}]}]}"#,
        Ok(TaskOverrides { cpu_units: Some(512), memory_mib: Some(1024), containers: vec![container] }),
    );
    check("{}", Ok(TaskOverrides::default()));
}

#[test]
fn attributes_are_read_from_a_list_or_a_map() {
    let expected: Attributes = [("gpu", None), ("stack", Some("prod"))]
        .into_iter()
        .map(|(name, value)| {
            let value = value.map(|value| AttributeValue::new(value).expect("valid"));
            (AttributeName::new(name).expect("valid"), value)
        })
        .collect();
    check(r#"[{"name": "stack", "value": "prod"}, {"name": "gpu"}]"#, Ok(expected.clone()));
    check(r#"{"stack": "prod", "gpu": ""}"#, Ok(expected.clone()));
    check::<Attributes>(r#"{"a": "b", "a": "c"}"#, Err("attribute `a` is given twice"));
    check_survives(&expected);
}

#[test]
fn every_value_survives_being_written_and_read() {
    let instance = |name: &str| ContainerInstance::builder(name).zone("us-east-1a").instance_type("c5.large");
    let build = |builder: crate::model::ContainerInstanceBuilder| builder.build().expect("valid");
    let load = Demand::new(100, 200).with_eni().with_host_ports(HostPorts::tcp(&[80]));
    for instance in [
        build(instance("i-1")),
        build(instance("i-2").trunking(true)),
        build(instance("i-3").without_capabilities().registered_at_ms(-62_135_596_799_999)),
        build(instance("i-4").eni_task_limit(None).foreign_load(load.clone())),
        build(instance("i-5").eni_task_limit(Some(7)).registered_at_ms(253_402_300_799_999)),
        build(instance("i-6").windows().capacity_provider("spot").status(InstanceStatus::Draining)),
        build(instance("i-7").agent_connected(false).attribute("stack", "prod").attribute_without_value("gpu")),
        build(instance("i-8").resources(Resources::new(0, 0).with_gpus(2).with_reserved_ports(HostPorts::new()))),
    ] {
        check_survives(&instance);
    }
    for definition in [
        web(),
        rich(),
        TaskDefinition::of_demand("job", Demand::new(0, 0)).expect("valid"),
        TaskDefinition::of_demand("job", load.clone().with_all_gpus()).expect("valid"),
        TaskDefinition::builder("job").demand(load.clone()).member_of("attribute:a == b").build().expect("valid"),
    ] {
        check_survives(&definition);
    }
    check_survives(&load.with_gpus(3));
    check_survives(&HostPorts::default_windows());
    check_survives(&TaskGroup::service("web").expect("valid"));
    check_survives(&RequiredAttribute { name: AttributeName::os_type(), value: None });
    let container = ContainerOverride { gpus: Some(GpuDemand::Count(0)), ..ContainerOverride::new("app") };
    check_survives(&TaskOverrides { containers: vec![container], ..TaskOverrides::default() });
}
