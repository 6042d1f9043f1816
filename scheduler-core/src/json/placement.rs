//! Placement strategies, constraints and services: `{type, field}`, `{type, expression}`, `CreateService`'s input.

use crate::placement::{PlacementConstraint, PlacementStrategy, SchedulingStrategy, Service, Strategy, StrategyChain};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Error as _, Serialize, Serializer};
use std::borrow::Cow;

#[derive(serde::Deserialize, serde::Serialize)]
struct StrategyForm<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for PlacementStrategy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = StrategyForm::deserialize(deserializer)?;
        Self::from_ecs(&form.kind, form.field.as_deref()).map_err(D::Error::custom)
    }
}

/// A custom rule is code: it cannot be written.
impl Serialize for PlacementStrategy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.ecs_type().ok_or_else(|| S::Error::custom("a custom strategy has no form in JSON"))?;
        StrategyForm { kind: kind.into(), field: self.ecs_field().map(Cow::Owned) }.serialize(serializer)
    }
}

#[derive(serde::Deserialize, serde::Serialize)]
struct ConstraintForm<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for PlacementConstraint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = ConstraintForm::deserialize(deserializer)?;
        Self::from_ecs(&form.kind, form.expression.as_deref()).map_err(D::Error::custom)
    }
}

/// Only ECS's own types have a form.
impl Serialize for PlacementConstraint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self {
            Self::MemberOf(expression) => {
                ConstraintForm { kind: "memberOf".into(), expression: Some(expression.text().into()) }
            }
            Self::DistinctInstance => ConstraintForm { kind: "distinctInstance".into(), expression: None },
            Self::MaxTasksPerInstance(_) | Self::Custom(_) => {
                return Err(S::Error::custom("a constraint that ECS does not have has no form in its JSON"));
            }
        };
        form.serialize(serializer)
    }
}

#[derive(Default, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceForm<'a> {
    #[serde(borrow)]
    service_name: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    task_definition: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduling_strategy: Option<SchedulingStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_configuration: Option<DeploymentForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement_constraints: Option<Vec<PlacementConstraint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement_strategy: Option<Vec<PlacementStrategy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_configuration: Option<NetworkForm>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    availability_zone_rebalancing: Option<Cow<'a, str>>,
}

#[derive(serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_healthy_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_percent: Option<u32>,
}

#[derive(serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkForm {
    awsvpc_configuration: Option<AwsvpcForm>,
}

#[derive(serde::Deserialize, serde::Serialize)]
struct AwsvpcForm {
    subnets: Option<Vec<Box<str>>>,
}

impl<'de> Deserialize<'de> for Service {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = ServiceForm::deserialize(deserializer)?;
        let task_definition = form.task_definition.unwrap_or_default().into_owned();
        let mut service = Self::new(&form.service_name, task_definition).map_err(D::Error::custom)?;
        service.desired_count = form.desired_count.unwrap_or(0);
        service.scheduling_strategy = form.scheduling_strategy.unwrap_or_default();
        service.constraints = form.placement_constraints.unwrap_or_default();
        let rules = form.placement_strategy.unwrap_or_default();
        if !rules.is_empty() {
            service.strategy = Some(Strategy::Chain(StrategyChain::new(rules).map_err(D::Error::custom)?));
        }
        if let Some(deployment) = form.deployment_configuration {
            service.minimum_healthy_percent = deployment.minimum_healthy_percent;
            service.maximum_percent = deployment.maximum_percent;
        }
        let awsvpc = form.network_configuration.and_then(|network| network.awsvpc_configuration);
        service.subnets = awsvpc.and_then(|awsvpc| awsvpc.subnets).unwrap_or_default();
        service.availability_zone_rebalancing = match form.availability_zone_rebalancing.as_deref() {
            None => None,
            Some("ENABLED") => Some(true),
            Some("DISABLED") => Some(false),
            Some(other) => {
                return Err(D::Error::custom(format!(
                    "availabilityZoneRebalancing is `{other}`; it is `ENABLED` or `DISABLED`"
                )));
            }
        };
        Ok(service)
    }
}

impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rules = match &self.strategy {
            None => None,
            Some(Strategy::Chain(chain)) => Some(chain.rules().to_vec()),
            Some(Strategy::Headroom | Strategy::EcsDefault) => {
                return Err(S::Error::custom("a strategy that ECS does not have has no form in its JSON"));
            }
        };
        let percents = self.minimum_healthy_percent.or(self.maximum_percent);
        let rebalancing = |on| Cow::Borrowed(if on { "ENABLED" } else { "DISABLED" });
        ServiceForm {
            service_name: self.name().into(),
            task_definition: Some(Cow::Borrowed(&*self.task_definition)),
            desired_count: Some(self.desired_count),
            scheduling_strategy: Some(self.scheduling_strategy),
            deployment_configuration: percents.map(|_| DeploymentForm {
                minimum_healthy_percent: self.minimum_healthy_percent,
                maximum_percent: self.maximum_percent,
            }),
            placement_constraints: (!self.constraints.is_empty()).then(|| self.constraints.clone()),
            placement_strategy: rules,
            network_configuration: (!self.subnets.is_empty()).then(|| NetworkForm {
                awsvpc_configuration: Some(AwsvpcForm { subnets: Some(self.subnets.clone()) }),
            }),
            availability_zone_rebalancing: self.availability_zone_rebalancing.map(rebalancing),
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> Service {
        let service: Service = serde_json::from_str(text).unwrap();
        let written = serde_json::to_string(&service).unwrap();
        assert_eq!(serde_json::from_str::<Service>(&written).unwrap(), service, "{written}");
        service
    }

    #[test]
    fn a_service_is_read_as_create_service_takes_it() {
        let service = round_trip(
            r#"{"cluster": "production", "serviceName": "web", "taskDefinition": "web:3", "desiredCount": 2,
                "deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 50},
                "placementConstraints": [{"type": "distinctInstance"},
                    {"type": "memberOf", "expression": "attribute:stack == prod"}],
                "placementStrategy": [{"type": "spread", "field": "attribute:ecs.availability-zone"},
                    {"type": "binpack", "field": "MEMORY"}],
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
                "availabilityZoneRebalancing": "DISABLED", "role": "ecsServiceRole"}"#,
        );
        assert_eq!(service.name(), "web");
        assert_eq!(service.constraints.len(), 2);
        assert_eq!(service.strategy.unwrap().to_string(), "spread(attribute:ecs.availability-zone),binpack(memory)");
        assert_eq!((service.minimum_healthy_percent, service.maximum_percent), (Some(50), Some(100)));
        assert_eq!((service.subnets.len(), service.availability_zone_rebalancing), (1, Some(false)));
        assert_eq!(round_trip(r#"{"serviceName": "d", "placementStrategy": []}"#).strategy, None);
    }

    #[test]
    fn what_ecs_refuses_is_refused_in_its_words() {
        let check = |text: &str, message: &str| {
            let error = serde_json::from_str::<Service>(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        let constraint = |inner| format!(r#"{{"serviceName": "a", "placementConstraints": [{inner}]}}"#);
        check(
            &constraint(r#"{"type": "distinctInstance", "expression": ""}"#),
            "distinctInstance expression should not be specified.",
        );
        check(&constraint(r#"{"type": "memberOf"}"#), "`memberOf` needs an expression");
        check(&constraint(r#"{"type": "memberOf", "expression": "stack == prod"}"#), "does not parse");
        check(r#"{"serviceName": "a b"}"#, "`a b` is no service name");
        let strategy = |inner| format!(r#"{{"serviceName": "a", "placementStrategy": [{inner}]}}"#);
        check(&strategy(r#"{"type": "binpack", "field": "disk"}"#), "`disk` is no field of `binpack`");
        check(&strategy(r#"{"type": "spread"}"#), "strategy `spread` needs a field");
        check(&strategy(&[r#"{"type": "random"}"#; 6].join(",")), "6 placement strategies; the limit is 5");
    }

    #[test]
    fn the_shared_service_loads_as_it_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/examples/web-service.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("SKIPPED: {path} is absent");
            return;
        };
        let service: Service = serde_json::from_str(&text).unwrap();
        assert_eq!((service.name(), service.desired_count), ("web", 2));
    }
}
