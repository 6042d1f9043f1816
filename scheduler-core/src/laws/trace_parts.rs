//! The parts of a trace that a history is written as.

use serde_json::{Map, Value, json};

use super::History;
use crate::cluster::ReleaseOn;
use crate::model::{
    AttributeValue, ContainerInstance, Demand, GpuDemand, HostPorts, InstanceStatus, Protocol, Resources,
    TaskDefinition, is_capability,
};
use crate::placement::{PlacementConstraint, PlacementRequest, PlacementStrategy, Scheduler, TieBreak};

/// A capability that no generated request asks for: an instance that lists one has no others by itself.
const SOME_CAPABILITY: &str = "ecs.capability.none-of-the-usual";

/// What differs from the defaults; `seconds` is how long the trace lasts.
pub(super) fn settings(history: &History, seconds: usize) -> Value {
    let (weights, scheduler) = (history.weights, &history.scheduler);
    let mut settings = Map::new();
    if weights != crate::HeadroomWeights::default() {
        settings.insert("headroomWeights".into(), json!({ "cpu": weights.cpu, "memory": weights.memory }));
    }
    if scheduler.tie_break() == TieBreak::Stable {
        settings.insert("tieBreak".into(), "stable".into());
    }
    if history.release_on == ReleaseOn::LastStopped {
        settings.insert("releaseOn".into(), "last-stopped".into());
        settings.insert("stopTimeoutSeconds".into(), (seconds + 1).into());
    }
    Value::Object(settings)
}

/// An instance that registers at that second, but for what it has by itself. It lists a capability where requests look at
/// attributes, so that it has no others.
pub(super) fn instance(instance: &ContainerInstance, at: usize, looks_at_attributes: bool) -> Value {
    let mut value = json!({
        "ec2InstanceId": instance.name(),
        "availabilityZone": instance.zone(),
        "registeredResources": amounts(instance.resources(), instance.resources().reserved_ports()),
    });
    let by_itself = ContainerInstance::builder(instance.name())
        .zone(instance.zone())
        .resources(instance.resources().clone())
        .without_capabilities()
        .build()
        .expect("it was built so and with more");
    let mut attributes: Map<String, Value> = instance
        .attributes()
        .iter()
        .filter(|(name, value)| by_itself.attributes().get(name.as_str()).value() != value.map(AttributeValue::as_str))
        .chain(instance.attributes().iter().filter(|(_, value)| value.is_none()))
        .map(|(name, value)| (name.as_str().to_owned(), json!(value.map(AttributeValue::as_str))))
        .collect();
    if looks_at_attributes && !instance.attributes().iter().any(|(name, _)| is_capability(name.as_str())) {
        attributes.insert(SOME_CAPABILITY.into(), Value::Null);
    }
    let mut add = |differs: bool, key: &str, it: Value| {
        if differs {
            value[key] = it;
        }
    };
    add(!attributes.is_empty(), "attributes", attributes.into());
    add(instance.status() == InstanceStatus::Draining, "status", "DRAINING".into());
    add(!instance.agent_connected(), "agentConnected", false.into());
    let version = instance.agent_version();
    add(version != by_itself.agent_version(), "versionInfo", json!({ "agentVersion": version }));
    let registered_at_ms = instance.registered_at_ms();
    // A number of seconds, or where that is no whole one a text that says milliseconds too.
    let registered_at = serde_json::to_value(instance).map(|it| it["registeredAt"].clone()).unwrap_or_default();
    add(u64::try_from(registered_at_ms) != Ok(at as u64 * 1_000), "registeredAt", registered_at);
    add(instance.capacity_provider().is_some(), "capacityProviderName", json!(instance.capacity_provider()));
    add(instance.gpu_millis().is_some(), "gpuMillis", json!(instance.gpu_millis()));
    add(*instance.foreign_load() != Demand::default(), "remainingResources", remaining(instance));
    value
}

/// The short map of resources.
fn amounts(resources: &Resources, ports: &HostPorts) -> Value {
    let mut value = json!({ "cpu": resources.cpu_units(), "memory": resources.memory_mib() });
    let gpus = resources.gpu_ids().len();
    if gpus > 0 {
        value["gpu"] = gpus.into();
    }
    if *ports != HostPorts::default_linux() {
        value["ports"] = numbers(ports, Protocol::Tcp).into();
        value["portsUdp"] = numbers(ports, Protocol::Udp).into();
    }
    value
}

fn numbers(ports: &HostPorts, protocol: Protocol) -> Vec<u16> {
    ports.iter().filter(|port| port.protocol == protocol).map(|port| port.port).collect()
}

/// What foreign load leaves; of ports what is taken.
fn remaining(instance: &ContainerInstance) -> Value {
    let (resources, load) = (instance.resources(), instance.foreign_load());
    let registered_gpus = resources.gpu_ids().len() as u32;
    let gpus = match load.gpus {
        GpuDemand::Count(count) => registered_gpus.saturating_sub(count),
        GpuDemand::All => 0,
        // Shares are told by `gpuMillis`.
        GpuDemand::Share(_) => registered_gpus,
    };
    let taken: HostPorts = resources.reserved_ports().iter().chain(load.host_ports.iter()).collect();
    json!({
        "cpu": resources.cpu_units().saturating_sub(load.cpu_units),
        "memory": resources.memory_mib().saturating_sub(load.memory_mib),
        "gpu": gpus,
        "ports": numbers(&taken, Protocol::Tcp),
        "portsUdp": numbers(&taken, Protocol::Udp),
    })
}

/// The task definition of the request of that number.
pub(super) fn definition(request: &PlacementRequest, number: usize) -> Value {
    let mut value = definition_named(format!("request-{number}"), request);
    if !request.required_attributes().is_empty() {
        value["requiresAttributes"] =
            serde_json::to_value(request.required_attributes()).expect("required attributes have a form in JSON");
    }
    let most = request.all_constraints().iter().filter_map(|constraint| match constraint {
        PlacementConstraint::MaxTasksPerInstance(limit) => Some(limit.get()),
        _ => None,
    });
    if let Some(limit) = most.min() {
        value["maxTasksPerInstance"] = limit.into();
    }
    value
}

/// The same for tasks that run already: it requires nothing but what they hold.
pub(super) fn definition_of_adopted(request: &PlacementRequest, number: usize) -> Value {
    definition_named(format!("adopted-{number}"), request)
}

fn definition_named(family: String, request: &PlacementRequest) -> Value {
    let demand = Demand { needs_eni: false, ..request.demand().clone() };
    let definition = TaskDefinition::of_demand(family, demand).expect("demands of requests are valid");
    let mut value = serde_json::to_value(definition).expect("task definitions have a form in JSON");
    if let Value::Object(keys) = &mut value {
        // What the short form is without them.
        keys.retain(|key, _| key != "networkMode" && key != "requiresAttributes");
    }
    value
}

/// RunTask of a request. `chosen` is where it went, told where the trace cannot say why.
pub(super) fn run_task(
    request: &PlacementRequest,
    scheduler: &Scheduler,
    number: usize,
    id: &str,
    chosen: Option<&str>,
) -> Value {
    let mut constraints: Vec<Value> = request.all_constraints().iter().filter_map(constraint).collect();
    if let Some(zones) = request.allowed_zones() {
        constraints.push(member_of(&match zones {
            [] => "ec2InstanceId == nobody".into(),
            zones => format!("attribute:ecs.availability-zone in [{}]", zones.join(", ")),
        }));
    }
    let rules = rules(request, scheduler);
    if let Some(chosen) = chosen.filter(|_| rules.is_none() || !is_told(request)) {
        constraints.push(member_of(&format!("ec2InstanceId == {chosen}")));
    }
    let group = request.group().as_str();
    let mut value = json!({ "id": id, "taskDefinition": format!("request-{number}"), "group": group });
    if !constraints.is_empty() {
        value["placementConstraints"] = constraints.into();
    }
    match rules {
        Some(rules) if !rules.is_empty() => {
            value["placementStrategy"] = serde_json::to_value(rules).expect("ECS's own rules have a form in JSON");
        }
        _ => {}
    }
    value
}

fn constraint(constraint: &PlacementConstraint) -> Option<Value> {
    match constraint {
        PlacementConstraint::MemberOf(_) | PlacementConstraint::DistinctInstance => {
            serde_json::to_value(constraint).ok()
        }
        // The definition says the one; the other is code.
        PlacementConstraint::MaxTasksPerInstance(_) | PlacementConstraint::Custom(_) => None,
    }
}

fn member_of(expression: &str) -> Value {
    json!({ "type": "memberOf", "expression": expression })
}

/// The rules that a trace writes to choose as the scheduler does, none of them for headroom; `None`: it cannot.
fn rules(request: &PlacementRequest, scheduler: &Scheduler) -> Option<Vec<PlacementStrategy>> {
    let Some(rules) = scheduler.strategy_of(request).rules_for(request.spec().kind) else { return Some(Vec::new()) };
    let is_drawn = scheduler.tie_break() == TieBreak::Random;
    let is_written =
        |rule: &PlacementStrategy| matches!(rule, PlacementStrategy::Binpack(_) | PlacementStrategy::Spread(_));
    let is_sayable = !rules.is_empty() && rules.iter().all(is_written);
    (is_sayable && !is_drawn && !scheduler.ignores_other_revisions()).then_some(rules)
}

/// Whether a trace says all that decides who may hold the request.
fn is_told(request: &PlacementRequest) -> bool {
    let is_code = |constraint: &PlacementConstraint| matches!(constraint, PlacementConstraint::Custom(_));
    !request.demand().needs_eni
        && request.capacity_provider_name().is_none()
        && !request.all_constraints().iter().any(is_code)
}

/// The document, an element of each list a line.
pub(super) fn document(settings: &Value, fleet: &[Value], definitions: &[Value], events: &[Value]) -> String {
    let list = |key: &str, elements: &[Value]| {
        let lines: Vec<String> = elements.iter().map(|element| format!("    {element}")).collect();
        if lines.is_empty() {
            format!("  \"{key}\": []")
        } else {
            format!("  \"{key}\": [\n{}\n  ]", lines.join(",\n"))
        }
    };
    let mut parts = vec!["  \"version\": 1".to_owned()];
    if settings.as_object().is_some_and(|settings| !settings.is_empty()) {
        parts.push(format!("  \"settings\": {settings}"));
    }
    parts.push(list("containerInstances", fleet));
    parts.push(list("taskDefinitions", definitions));
    parts.push(list("events", events));
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}
