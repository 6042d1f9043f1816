//! Services: CreateService and UpdateService.

use scheduler_core::{SchedulingStrategy, Service};

use super::definitions::{Definitions, end_of_arn};
use super::error::TraceProblem;
use super::event::UpdateService;
use super::json::{Kind, Value};
use super::model::ServiceEntry;
use super::reading::Reading;
use super::requests::{Subnets, check_launch_type, read_constraints, read_strategy};
use super::scalar::{integer, milliseconds, narrow};
use super::shape::{Shape, check_number};

/// Reads a checked CreateService.
pub(super) fn read_service(
    value: &Value<'_>,
    definitions: &Definitions,
    subnets: &Subnets,
    reading: &mut Reading<'_, '_>,
) -> Option<ServiceEntry> {
    let at = value.span.start;
    check_launch_type(value, reading)?;
    check_controller(value, reading)?;
    let definition = definitions.find(value.get("taskDefinition")?, reading)?;
    let name = value.get("serviceName")?;
    let mut service = reading.ok(name.span.start, Service::new(name.text()?, definition.core.name()))?;
    if value.get("schedulingStrategy").and_then(Value::text) == Some("DAEMON") {
        service.scheduling_strategy = SchedulingStrategy::Daemon;
    }
    let is_replica = service.scheduling_strategy == SchedulingStrategy::Replica;
    service.desired_count = match value.get("desiredCount") {
        Some(count) => narrow(integer(count)),
        None if is_replica => {
            reading.error(at, TraceProblem::DesiredCountMissing);
            return None;
        }
        None => 0,
    };
    service.constraints = read_constraints(value, reading)?.unwrap_or_default();
    service.strategy = read_strategy(value, reading)?.flatten();
    if service.strategy.is_some() && !is_replica {
        reading.error(value.get("placementStrategy").map_or(at, |it| it.span.start), TraceProblem::StrategyOfDaemon);
        return None;
    }
    let percents = read_percents(value, reading)?;
    (service.minimum_healthy_percent, service.maximum_percent) = percents;
    service.availability_zone_rebalancing = rebalancing(value);
    service.subnets = subnet_ids(value);
    let zones = subnets.zones(value, &definition.core, reading)?;
    let entry = ServiceEntry {
        service,
        definition,
        zones,
        load_balancer_count: load_balancer_count(value).unwrap_or(0),
        task_lifetime_ms: value.get("taskLifetimeSeconds").map(milliseconds),
        place: reading.place(at),
    };
    reading.ok(at, entry.request().validate())?;
    Some(entry)
}

/// Reads a checked UpdateService.
pub(super) fn read_update(
    value: &Value<'_>,
    definitions: &Definitions,
    subnets: &Subnets,
    reading: &mut Reading<'_, '_>,
) -> Option<UpdateService> {
    let definition = match value.get("taskDefinition") {
        Some(reference) => Some(definitions.find(reference, reading)?),
        None => None,
    };
    let zones = match (value.get("networkConfiguration"), &definition) {
        (None, _) => None,
        (Some(_), Some(definition)) => Some(subnets.zones(value, &definition.core, reading)?),
        (Some(network), None) => {
            // Which network mode the service's definition has is known in the run alone.
            let what = "networkConfiguration of updateService without its taskDefinition".into();
            reading.error(network.span.start, TraceProblem::Unsupported { what });
            return None;
        }
    };
    let (minimum_healthy_percent, maximum_percent) = read_percents(value, reading)?;
    Some(UpdateService {
        service: service_name(value)?,
        desired_count: value.get("desiredCount").map(|count| narrow(integer(count))),
        definition,
        constraints: read_constraints(value, reading)?,
        strategy: read_strategy(value, reading)?,
        zones,
        minimum_healthy_percent,
        maximum_percent,
        availability_zone_rebalancing: rebalancing(value),
        load_balancer_count: load_balancer_count(value),
        force_new_deployment: value.get("forceNewDeployment").is_some_and(|it| it.kind == Kind::Bool(true)),
    })
}

/// The name in `service`, which may be an ARN.
pub(super) fn service_name(value: &Value<'_>) -> Option<Box<str>> {
    Some(end_of_arn(value.get("service")?.text()?).into())
}

fn rebalancing(value: &Value<'_>) -> Option<bool> {
    value.get("availabilityZoneRebalancing").map(|it| it.text() == Some("ENABLED"))
}

fn load_balancer_count(value: &Value<'_>) -> Option<u32> {
    value.get("loadBalancers").map(|list| narrow(list.elements().len() as u64))
}

fn subnet_ids(value: &Value<'_>) -> Vec<Box<str>> {
    let vpc = value.get("networkConfiguration").and_then(|it| it.get("awsvpcConfiguration"));
    let subnets = vpc.and_then(|vpc| vpc.get("subnets")).map(Value::elements).unwrap_or_default();
    subnets.iter().filter_map(Value::text).map(Into::into).collect()
}

fn check_controller(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<()> {
    let Some(kind) = value.get("deploymentController").and_then(|it| it.get("type")) else { return Some(()) };
    if kind.text() == Some("ECS") {
        return Some(());
    }
    let what = "a deploymentController of another type than ECS".into();
    reading.error(kind.span.start, TraceProblem::Unsupported { what });
    None
}

/// `minimumHealthyPercent` and `maximumPercent`. What else a deployment configuration asks for is not silently dropped.
fn read_percents(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<(Option<u32>, Option<u32>)> {
    let Some(configuration) = value.get("deploymentConfiguration") else { return Some((None, None)) };
    let mut percent = |key| match configuration.get(key) {
        None => Some(None),
        Some(Value { kind: Kind::Number(number), span }) => {
            let percent = check_number(number, &Shape::Integer { min: 0, max: i32::MAX as u64 });
            reading.ok(span.start, percent).map(|percent| Some(narrow(percent)))
        }
        Some(other) => {
            let problem = TraceProblem::WrongType { expected: "a percentage".into(), found: other.type_name() };
            reading.error(other.span.start, problem);
            None
        }
    };
    let percents = (percent("minimumHealthyPercent")?, percent("maximumPercent")?);
    if let Some(strategy) = configuration.get("strategy").filter(|it| it.text() != Some("ROLLING")) {
        let what = "a deployment strategy other than ROLLING".into();
        reading.error(strategy.span.start, TraceProblem::Unsupported { what });
        return None;
    }
    let is_enabled = |breaker: &&Value<'_>| breaker.get("enable").is_some_and(|it| it.kind == Kind::Bool(true));
    for key in ["deploymentCircuitBreaker", "alarms"] {
        if let Some(given) = configuration.get(key).filter(is_enabled) {
            reading.warn(given.span.start, TraceProblem::NoEffect { what: key.into() });
        }
    }
    Some(percents)
}
