//! The trace format as a table: every object, its keys, their types and ranges, and what they mean.
//!
//! The reader checks against it, and the JSON Schema is written from it.

use std::fmt::Write;

use super::shape::{Key, Object, Shape};

use Shape::{
    Amount, Bool, Choice, Dollars, Ecs, Either, Integer, List, Map, Moment, Name, Seconds, Text, Unsupported, Version,
};

/// Most container instances present at a time.
pub(super) const INSTANCE_LIMIT: u64 = 4_194_304;

/// Most tasks alive at a time, and so the largest count of tasks.
const TASK_LIMIT: u64 = 1 << 31;

const COUNT: Shape = Integer { min: 1, max: TASK_LIMIT };
const COUNT_OR_NONE: Shape = Integer { min: 0, max: TASK_LIMIT };
const NAMES: Shape = List(&Name);
const PORTS: Shape = List(&Integer { min: 0, max: 65_535 });

/// The first value: the document.
pub(super) static DOCUMENT: Object = Object {
    name: "a trace",
    example: r#"{"version": 1}"#,
    keys: &[
        Key::required("version", Version, "The version of the format: 1."),
        Key::optional("name", Name, "Shown in reports; by default the file's name."),
        Key::optional("settings", Shape::Object(&SETTINGS), "Settings of the run; each has a default."),
        Key::optional("containerInstances", INSTANCES, "The fleet at time 0."),
        Key::optional("taskDefinitions", List(&DEFINITION), "The task definitions known at time 0."),
        Key::optional("tasks", List(&Shape::Object(&TASK)), "Tasks that already run at time 0."),
        Key::optional("services", List(&Shape::Object(&SERVICE)), "Services, created at time 0 in this order."),
        Key::optional("subnets", Map(&Name), "Subnet ids and their Availability Zones."),
        Key::optional("capacityProviders", Unsupported, "Capacity providers."),
        Key::optional("defaultCapacityProviderStrategy", Unsupported, "As in PutClusterCapacityProviders."),
        Key::optional("events", List(&Shape::Object(&EVENT)), "What happens."),
    ],
    ecs: &[],
    wrapper: None,
};

/// `settings`.
pub(super) static SETTINGS: Object = Object {
    name: "settings",
    example: r#"{"onUnplaceable": "queue"}"#,
    keys: &[
        Key::optional("defaultStrategy", Text, "The strategy for requests without one: any SPEC of the command line."),
        Key::optional("onUnplaceable", Choice(&["fail", "queue"]), "What becomes of a RunTask without room."),
        Key::optional("seed", Integer { min: 0, max: u64::MAX }, "Every random choice derives from it."),
        Key::optional("tieBreak", Choice(&["headroom", "stable", "random"]), "Settles what a strategy leaves open."),
        Key::optional("headroomWeights", Shape::Object(&HEADROOM_WEIGHTS), "Weights of CPU and memory in headroom."),
        Key::optional("releaseOn", Choice(&["desired-stopped", "last-stopped"]), "When a task's resources come back."),
        Key::optional("profile", Choice(&["ecs-2026", "ecs-2023"]), "Which year's rules of ECS apply."),
        Key::optional("taskStartSeconds", Seconds, "From PENDING to RUNNING."),
        Key::optional("stopTimeoutSeconds", Seconds, "From STOPPING to STOPPED."),
        Key::optional("spreadIgnoresOtherRevisions", Bool, "Whether spread counts only tasks of the same revision."),
        Key::optional("endSeconds", Seconds, "Where the run ends."),
        Key::optional("epoch", Moment, "The moment of second 0: seconds since 1970, or a time as text."),
    ],
    ecs: &[],
    wrapper: None,
};

static HEADROOM_WEIGHTS: Object = Object {
    name: "headroom weights",
    example: r#"{"cpu": 4, "memory": 1}"#,
    keys: &[
        Key::optional("cpu", Integer { min: 0, max: u32::MAX as u64 }, "Points per CPU unit; by default 4."),
        Key::optional("memory", Integer { min: 0, max: u32::MAX as u64 }, "Points per MiB; by default 1."),
    ],
    ecs: &[],
    wrapper: None,
};

const INSTANCES: Shape = List(&Shape::Object(&INSTANCE));

/// A container instance, or several alike.
pub(super) static INSTANCE: Object = Object {
    name: "a container instance",
    example: r#"{"instanceType": "t2.micro", "availabilityZone": "us-east-2a"}"#,
    keys: &[
        Key::optional("containerInstanceArn", Name, "Names it where there is no `ec2InstanceId`."),
        Key::optional("ec2InstanceId", Name, "Its name."),
        Key::optional(
            "count",
            Integer { min: 1, max: INSTANCE_LIMIT },
            "How many there are; a name gets `-0`, `-1`, …",
        ),
        Key::optional("instanceType", Text, "Sets `ecs.instance-type` and, without resources, the capacity."),
        Key::optional("availabilityZone", Text, "Sets `ecs.availability-zone`."),
        Key::optional("registeredResources", RESOURCES, "ECS's list, or a map of `cpu`, `memory`, `gpu` and ports."),
        Key::optional("remainingResources", RESOURCES, "In snapshots: what is left."),
        Key::optional("attributes", Either(&[List(&Ecs("Attribute")), Map(&Text)]), "ECS's list, or a map."),
        Key::optional("status", Choice(&["ACTIVE", "DRAINING"]), "By default ACTIVE."),
        Key::optional("agentConnected", Bool, "By default true."),
        Key::optional("versionInfo", Ecs("VersionInfo"), "Of it `agentVersion` counts."),
        Key::optional(
            "registeredAt",
            Moment,
            "Seconds since 1970, or a time as text; by default the time of registration.",
        ),
        Key::optional("capacityProviderName", Text, "The capacity provider that it belongs to."),
        Key::optional("pricePerHour", Dollars, "Dollars; absent: not known."),
        Key::optional(
            "gpuMillis",
            List(&Integer { min: 0, max: 1000 }),
            "The thousandths of each GPU that tasks may have; the rest is taken for good.",
        ),
    ],
    ecs: &["ContainerInstance"],
    wrapper: None,
};

const RESOURCES: Shape = Either(&[List(&Ecs("Resource")), Shape::Object(&RESOURCE_MAP)]);

static RESOURCE_MAP: Object = Object {
    name: "resources",
    example: r#"{"cpu": 2048, "memory": 7680}"#,
    keys: &[
        Key::required("cpu", Amount("CPU units"), "CPU units; 1024 are one vCPU."),
        Key::required("memory", Amount("MiB"), "MiB."),
        Key::optional("gpu", Integer { min: 0, max: 64 }, "GPUs."),
        Key::optional("ports", PORTS, "Reserved TCP ports; by default the agent's five."),
        Key::optional("portsUdp", PORTS, "Reserved UDP ports."),
    ],
    ecs: &[],
    wrapper: None,
};

const DEFINITION: Shape = Shape::Object(&TASK_DEFINITION);

/// A task definition. What ECS defines is read by the core.
pub(super) static TASK_DEFINITION: Object = Object {
    name: "a task definition",
    example: r#"{"family": "web", "cpu": 256, "memory": 512}"#,
    keys: &[
        Key::required("family", Name, "Its family."),
        Key::optional(
            "revision",
            Integer { min: 1, max: i32::MAX as u64 },
            "By default the highest of the family + 1.",
        ),
        Key::optional("gpu", Either(&[Amount("GPUs"), Choice(&["ALL"])]), "Short form: GPUs."),
        Key::optional("ports", PORTS, "Short form: TCP ports, the same in the container and on the host."),
        Key::optional("portsUdp", PORTS, "Short form: UDP ports."),
        Key::optional("gpuMilli", Integer { min: 1, max: 1000 }, "The share of its GPU, in thousandths."),
        Key::optional(
            "maxTasksPerInstance",
            Integer { min: 1, max: u32::MAX as u64 },
            "Most tasks of its group on an instance.",
        ),
    ],
    ecs: &["RegisterTaskDefinitionRequest", "TaskDefinition"],
    wrapper: Some("taskDefinition"),
};

/// A task that runs at time 0.
pub(super) static TASK: Object = Object {
    name: "a task",
    example: r#"{"taskArn": "task-0", "taskDefinitionArn": "web", "containerInstanceArn": "i-000000"}"#,
    keys: &[
        Key::required("taskArn", Name, "Names it by the id at its end."),
        Key::required("taskDefinitionArn", Name, "Its task definition."),
        Key::optional("containerInstanceArn", Name, "The instance it runs on."),
        Key::optional("group", Name, "Its group; by default `family:FAMILY`."),
        Key::optional("desiredStatus", Text, "One that is STOPPED is left out."),
        Key::optional("lastStatus", Text, "One that is STOPPED is left out."),
        Key::optional("startedAt", Moment, "Tasks stand in this order."),
        Key::optional("overrides", Ecs("TaskOverride"), "What it takes instead of its definition's values."),
        Key::optional("durationSeconds", Seconds, "When it ends, counted from time 0."),
    ],
    ecs: &["Task"],
    wrapper: None,
};

const CONSTRAINTS: Shape = List(&Ecs("PlacementConstraint"));
const STRATEGY: Shape = List(&Ecs("PlacementStrategy"));
const NETWORK: Shape = Ecs("NetworkConfiguration");

/// CreateService.
pub(super) static SERVICE: Object = Object {
    name: "a service",
    example: r#"{"serviceName": "web", "taskDefinition": "web", "desiredCount": 2}"#,
    keys: &[
        Key::required("serviceName", Name, "Its name."),
        Key::required("taskDefinition", Name, "The task definition that it runs."),
        Key::optional("desiredCount", COUNT_OR_NONE, "How many tasks it keeps; not for DAEMON."),
        Key::optional("schedulingStrategy", Choice(&["REPLICA", "DAEMON"]), "By default REPLICA."),
        Key::optional("placementConstraints", CONSTRAINTS, "Hard rules."),
        Key::optional("placementStrategy", STRATEGY, "Preferences; not for DAEMON."),
        Key::optional("networkConfiguration", NETWORK, "The subnets of awsvpc tasks."),
        Key::optional("deploymentConfiguration", Ecs("DeploymentConfiguration"), "How a deployment goes."),
        Key::optional("deploymentController", Ecs("DeploymentController"), "Of type ECS."),
        Key::optional("loadBalancers", List(&Ecs("LoadBalancer")), "Their number counts."),
        Key::optional("availabilityZoneRebalancing", Choice(&["ENABLED", "DISABLED"]), "Whether it is rebalanced."),
        Key::optional("launchType", Text, "EC2."),
        Key::optional("capacityProviderStrategy", Unsupported, "Capacity providers."),
        Key::optional("taskLifetimeSeconds", Seconds, "After that a task ends and is replaced."),
    ],
    ecs: &["CreateServiceRequest", "Service"],
    wrapper: None,
};

static UPDATE_SERVICE: Object = Object {
    name: "updateService",
    example: r#"{"service": "web", "desiredCount": 4}"#,
    keys: &[
        Key::required("service", Name, "Its name or ARN."),
        Key::optional("desiredCount", COUNT_OR_NONE, "How many tasks it keeps."),
        Key::optional("taskDefinition", Name, "The task definition; starts a deployment."),
        Key::optional("placementConstraints", CONSTRAINTS, "Replaces the hard rules."),
        Key::optional("placementStrategy", STRATEGY, "Replaces the preferences."),
        Key::optional("networkConfiguration", NETWORK, "The subnets of awsvpc tasks."),
        Key::optional("deploymentConfiguration", Ecs("DeploymentConfiguration"), "How a deployment goes."),
        Key::optional("loadBalancers", List(&Ecs("LoadBalancer")), "Their number counts."),
        Key::optional("availabilityZoneRebalancing", Choice(&["ENABLED", "DISABLED"]), "Whether it is rebalanced."),
        Key::optional("forceNewDeployment", Bool, "Starts a deployment in any case."),
        Key::optional("capacityProviderStrategy", Unsupported, "Capacity providers."),
    ],
    ecs: &["UpdateServiceRequest"],
    wrapper: None,
};

static DELETE_SERVICE: Object = Object {
    name: "deleteService",
    example: r#"{"service": "web"}"#,
    keys: &[
        Key::required("service", Name, "Its name or ARN."),
        Key::optional("force", Bool, "Also while its tasks run."),
    ],
    ecs: &["DeleteServiceRequest"],
    wrapper: None,
};

/// An event.
pub(super) static EVENT: Object = Object {
    name: "an event",
    example: r#"{"atSeconds": 0, "runTask": {"taskDefinition": "web"}}"#,
    keys: &[
        Key::required("atSeconds", Seconds, "When it happens."),
        Key::optional("runTask", Shape::Object(&RUN_TASK), "Places tasks."),
        Key::optional("startTask", Shape::Object(&START_TASK), "Starts a task on each of some instances."),
        Key::optional("stopTask", Shape::Object(&STOP_TASK), "Stops tasks."),
        Key::optional("registerTaskDefinition", DEFINITION, "Adds a task definition."),
        Key::optional("createService", Shape::Object(&SERVICE), "Creates a service."),
        Key::optional("updateService", Shape::Object(&UPDATE_SERVICE), "Changes a service."),
        Key::optional("deleteService", Shape::Object(&DELETE_SERVICE), "Deletes a service."),
        Key::optional(
            "registerContainerInstances",
            Either(&[INSTANCES, Shape::Object(&REGISTER_INSTANCES)]),
            "Capacity that joins.",
        ),
        Key::optional("deregisterContainerInstance", Shape::Object(&DEREGISTER), "Capacity that leaves."),
        Key::optional("updateContainerInstancesState", Shape::Object(&UPDATE_STATE), "Drains or activates."),
        Key::optional("putAttributes", Shape::Object(&PUT_ATTRIBUTES), "Sets attributes."),
        Key::optional("deleteAttributes", Shape::Object(&DELETE_ATTRIBUTES), "Removes attributes."),
        Key::optional("failContainerInstances", Shape::Object(&FAIL_INSTANCES), "Instances that fail."),
        Key::optional("setAgentConnected", Shape::Object(&SET_AGENT), "Connects or disconnects agents."),
        Key::optional("failTasks", Shape::Object(&FAIL_TASKS), "Tasks that exit."),
        Key::optional("updateCapacityProvider", Unsupported, "Changes a capacity provider."),
        Key::optional("setTaskProtection", Unsupported, "Protects tasks from scale-in."),
        Key::optional("setTaskHealth", Unsupported, "Sets the health of tasks."),
    ],
    ecs: &[],
    wrapper: None,
};

static RUN_TASK: Object = Object {
    name: "runTask",
    example: r#"{"taskDefinition": "web", "count": 2, "durationSeconds": 30}"#,
    keys: &[
        Key::required("taskDefinition", Name, "The task definition."),
        Key::optional("count", COUNT, "How many; by default 1."),
        Key::optional("group", Name, "Its group; by default `family:FAMILY`."),
        Key::optional("placementConstraints", CONSTRAINTS, "Hard rules."),
        Key::optional("placementStrategy", STRATEGY, "Preferences."),
        Key::optional("networkConfiguration", NETWORK, "The subnets of awsvpc tasks."),
        Key::optional("overrides", Ecs("TaskOverride"), "What it takes instead of its definition's values."),
        Key::optional("launchType", Text, "EC2."),
        Key::optional("capacityProviderStrategy", Unsupported, "Capacity providers."),
        Key::optional("id", Name, "Names the tasks; by default `task-N`."),
        Key::optional("durationSeconds", Seconds, "How long it runs; absent: to the horizon."),
        Key::optional("predictedDurationSeconds", Seconds, "For lifetime-aware policies."),
    ],
    ecs: &["RunTaskRequest"],
    wrapper: None,
};

static START_TASK: Object = Object {
    name: "startTask",
    example: r#"{"taskDefinition": "web", "containerInstances": ["i-000000"]}"#,
    keys: &[
        Key::required("taskDefinition", Name, "The task definition."),
        Key::required("containerInstances", NAMES, "Where they start."),
        Key::optional("group", Name, "Its group; by default `family:FAMILY`."),
        Key::optional("networkConfiguration", NETWORK, "The subnets of awsvpc tasks."),
        Key::optional("overrides", Ecs("TaskOverride"), "What it takes instead of its definition's values."),
        Key::optional("id", Name, "Names the tasks; by default `task-N`."),
        Key::optional("durationSeconds", Seconds, "How long it runs; absent: to the horizon."),
    ],
    ecs: &["StartTaskRequest"],
    wrapper: None,
};

static STOP_TASK: Object = Object {
    name: "stopTask",
    example: r#"{"task": "task-0"}"#,
    keys: &[
        Key::optional("task", Name, "A task's name."),
        Key::optional("group", Name, "A group, whose tasks placed first are stopped."),
        Key::optional("count", COUNT_OR_NONE, "How many of the group; by default all."),
    ],
    ecs: &["StopTaskRequest"],
    wrapper: None,
};

/// The list in an object, as ECS's calls have it.
static REGISTER_INSTANCES: Object = Object {
    name: "registerContainerInstances",
    example: r#"{"containerInstances": [{"instanceType": "t2.micro", "availabilityZone": "us-east-2a"}]}"#,
    keys: &[Key::required("containerInstances", INSTANCES, "The instances.")],
    ecs: &[],
    wrapper: None,
};

static DEREGISTER: Object = Object {
    name: "deregisterContainerInstance",
    example: r#"{"containerInstance": "i-000000"}"#,
    keys: &[
        Key::required("containerInstance", Name, "The instance."),
        Key::optional("force", Bool, "Also with tasks on it, which are then lost."),
    ],
    ecs: &["DeregisterContainerInstanceRequest"],
    wrapper: None,
};

static UPDATE_STATE: Object = Object {
    name: "updateContainerInstancesState",
    example: r#"{"containerInstances": ["i-000000"], "status": "DRAINING"}"#,
    keys: &[
        Key::required("containerInstances", NAMES, "The instances."),
        Key::required("status", Choice(&["ACTIVE", "DRAINING"]), "Their new status."),
    ],
    ecs: &["UpdateContainerInstancesStateRequest"],
    wrapper: None,
};

static PUT_ATTRIBUTES: Object = Object {
    name: "putAttributes",
    example: r#"{"attributes": [{"name": "stack", "value": "prod", "targetId": "i-000000"}]}"#,
    keys: &[Key::required("attributes", List(&Shape::Object(&TARGETED_ATTRIBUTE)), "The attributes.")],
    ecs: &["PutAttributesRequest"],
    wrapper: None,
};

static DELETE_ATTRIBUTES: Object = Object {
    name: "deleteAttributes",
    example: r#"{"attributes": [{"name": "stack", "targetId": "i-000000"}]}"#,
    keys: &[Key::required("attributes", List(&Shape::Object(&TARGETED_ATTRIBUTE)), "The attributes.")],
    ecs: &["DeleteAttributesRequest"],
    wrapper: None,
};

static TARGETED_ATTRIBUTE: Object = Object {
    name: "an attribute",
    example: r#"{"name": "stack", "value": "prod", "targetId": "i-000000"}"#,
    keys: &[
        Key::required("name", Text, "Its name."),
        Key::optional("value", Text, "Its value, if it has one."),
        Key::required("targetId", Name, "The instance."),
        Key::optional("targetType", Choice(&["container-instance"]), "As in ECS."),
    ],
    ecs: &[],
    wrapper: None,
};

static FAIL_INSTANCES: Object = Object {
    name: "failContainerInstances",
    example: r#"{"availabilityZone": "us-east-2a"}"#,
    keys: &[
        Key::optional("containerInstances", NAMES, "The instances."),
        Key::optional("filter", Text, "A cluster query expression."),
        Key::optional("availabilityZone", Name, "All of an Availability Zone."),
        Key::optional("returnsAfterSeconds", Seconds, "When they return; absent: never."),
    ],
    ecs: &[],
    wrapper: None,
};

static SET_AGENT: Object = Object {
    name: "setAgentConnected",
    example: r#"{"containerInstances": ["i-000000"], "connected": false}"#,
    keys: &[
        Key::required("containerInstances", NAMES, "The instances."),
        Key::required("connected", Bool, "Whether their agents are connected."),
    ],
    ecs: &[],
    wrapper: None,
};

static FAIL_TASKS: Object = Object {
    name: "failTasks",
    example: r#"{"group": "service:web"}"#,
    keys: &[
        Key::optional("group", Name, "A group."),
        Key::optional("filter", Text, "Tasks on the instances that this expression matches."),
        Key::optional("count", COUNT_OR_NONE, "How many; by default all."),
    ],
    ecs: &[],
    wrapper: None,
};

/// Whether a key is one of the format's, in any of its objects.
pub(super) fn is_key(name: &str) -> bool {
    has_key(&DOCUMENT, name)
}

fn has_key(object: &Object, name: &str) -> bool {
    object.keys.iter().any(|key| key.name == name || is_key_below(&key.shape, name))
}

fn is_key_below(shape: &Shape, name: &str) -> bool {
    match shape {
        Shape::Object(object) => has_key(object, name),
        List(element) | Map(element) => is_key_below(element, name),
        Either(shapes) => shapes.iter().any(|shape| is_key_below(shape, name)),
        _ => false,
    }
}

/// Each event with its keys, one a line, for `help trace`.
pub(crate) fn events_help() -> String {
    let mut text = String::new();
    let actions = EVENT.keys.iter().filter(|key| !key.is_required);
    for key in actions {
        if let Some(object) = object_of(&key.shape) {
            let names = object
                .keys
                .iter()
                .filter(|key| !matches!(key.shape, Unsupported))
                .map(|key| if key.is_required { format!("{}*", key.name) } else { key.name.to_owned() });
            let names = names.collect::<Vec<_>>().join(" ");
            // A list is shown as a list of its objects.
            let names = if names.len() > HELP_WIDTH { "…".to_owned() } else { names };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  {}: {names}", key.name);
        }
    }
    text
}

/// Longest list of keys in the help.
const HELP_WIDTH: usize = 250;

fn object_of(shape: &Shape) -> Option<&'static Object> {
    match shape {
        Shape::Object(object) => Some(object),
        Either(shapes) => shapes.iter().find_map(object_of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Parser;
    use super::super::reading::{Messages, Reading};
    use super::super::shape::check;
    use super::*;

    /// Calls `each` with every object of the format.
    fn objects(shape: &'static Shape, each: &mut impl FnMut(&'static Object)) {
        match shape {
            Shape::Object(object) => {
                each(object);
                object.keys.iter().for_each(|key| objects(&key.shape, each));
            }
            List(element) | Map(element) => objects(element, each),
            Either(shapes) => shapes.iter().for_each(|shape| objects(shape, each)),
            _ => {}
        }
    }

    #[test]
    fn every_example_is_one() {
        static ALL: Shape = Shape::Object(&DOCUMENT);
        objects(&ALL, &mut |object| {
            let value = Parser::new(object.example, 0, 0).value().expect("JSON");
            let mut messages = Messages::new("example".into(), false);
            let mut reading = Reading::new(object.example, (1, 1), &mut messages);
            let shape = Shape::Object(object);
            assert!(check(&value, &shape, &mut reading), "{}: {:?}", object.name, messages.errors);
        });
    }
}
