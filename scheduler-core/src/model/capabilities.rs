//! Capability attributes: what an agent says it can do, and what a task definition asks of it.
//!
//! The names are the agent's (`agent_capability.go`); ECS publishes no table of them (spec 6.3).

use super::attribute::{AttributeError, AttributeName, RequiredAttribute};
use super::container::{ContainerDefinition, NetworkMode};

/// What the older capability attributes start with.
const OLD_PREFIX: &str = "com.amazonaws.ecs.capability.";
/// What the newer capability attributes start with.
const NEW_PREFIX: &str = "ecs.capability.";

pub(crate) const TASK_ENI: &str = "ecs.capability.task-eni";
pub(crate) const TASK_ENI_TRUNKING: &str = "ecs.capability.task-eni-trunking";
const PRIVILEGED: &str = "com.amazonaws.ecs.capability.privileged-container";
const LOGGING_DRIVER: &str = "com.amazonaws.ecs.capability.logging-driver.";
const PORT_RANGE: &str = "ecs.capability.network.container-port-range";

/// What a simulated instance can do. Of the open families, docker volume plugins have the driver `local`, and logging
/// drivers are those that the Developer Guide lists for EC2.
const DEFAULT: &[&str] = &[
    "com.amazonaws.ecs.capability.docker-remote-api.1.17",
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.20",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.docker-remote-api.1.22",
    "com.amazonaws.ecs.capability.docker-remote-api.1.23",
    "com.amazonaws.ecs.capability.docker-remote-api.1.24",
    "com.amazonaws.ecs.capability.docker-remote-api.1.25",
    "com.amazonaws.ecs.capability.docker-remote-api.1.28",
    "com.amazonaws.ecs.capability.docker-remote-api.1.29",
    "com.amazonaws.ecs.capability.docker-remote-api.1.30",
    "com.amazonaws.ecs.capability.docker-remote-api.1.32",
    "com.amazonaws.ecs.capability.ecr-auth",
    "com.amazonaws.ecs.capability.logging-driver.awsfirelens",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.logging-driver.fluentd",
    "com.amazonaws.ecs.capability.logging-driver.gelf",
    "com.amazonaws.ecs.capability.logging-driver.journald",
    "com.amazonaws.ecs.capability.logging-driver.json-file",
    "com.amazonaws.ecs.capability.logging-driver.none",
    "com.amazonaws.ecs.capability.logging-driver.splunk",
    "com.amazonaws.ecs.capability.logging-driver.syslog",
    PRIVILEGED,
    "com.amazonaws.ecs.capability.task-iam-role",
    "com.amazonaws.ecs.capability.task-iam-role-network-host",
    "ecs.capability.aws-appmesh",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.docker-plugin.local",
    "ecs.capability.efs",
    "ecs.capability.efsAuth",
    "ecs.capability.env-files.s3",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.firelens.fluentbit",
    "ecs.capability.firelens.fluentd",
    "ecs.capability.increased-task-cpu-limit",
    PORT_RANGE,
    "ecs.capability.pid-ipc-namespace-sharing",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.service-connect-v1",
    "ecs.capability.storage.ebs-task-volume-attach",
    "ecs.capability.task-cpu-mem-limit",
    TASK_ENI,
];

/// The capability attributes that a container instance has unless it is described with its own, sorted: all of the
/// specification's table, so that task definitions of every kind find a place (spec 6.3). None has a value.
pub fn default_capabilities() -> &'static [&'static str] {
    DEFAULT
}

/// Whether `name` is the name of a capability attribute, old or new.
pub fn is_capability(name: &str) -> bool {
    name.starts_with(NEW_PREFIX) || name.starts_with(OLD_PREFIX)
}

/// The attributes that a task definition without `requiresAttributes` asks for (C-45): only the needs of network mode
/// `awsvpc`, privileged containers, log drivers other than `json-file` and `none`, and container port ranges. Sorted.
///
/// # Errors
/// A log driver that cannot stand in an attribute's name.
pub(crate) fn derive(
    network_mode: NetworkMode,
    containers: &[ContainerDefinition],
) -> Result<Vec<RequiredAttribute>, AttributeError> {
    let mut names = Vec::new();
    if network_mode == NetworkMode::Awsvpc {
        names.push(TASK_ENI.to_owned());
    }
    for container in containers {
        if container.privileged {
            names.push(PRIVILEGED.to_owned());
        }
        if let Some(driver) =
            container.log_driver.as_deref().filter(|&driver| driver != "json-file" && driver != "none")
        {
            names.push(format!("{LOGGING_DRIVER}{driver}"));
        }
        if container.port_mappings.iter().any(|mapping| mapping.container_port_range.is_some()) {
            names.push(PORT_RANGE.to_owned());
        }
    }
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| Ok(RequiredAttribute { name: AttributeName::new(name)?, value: None })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PortMapping;

    fn check(network_mode: NetworkMode, container: ContainerDefinition, expected: &[&str]) {
        let derived = derive(network_mode, &[container]).expect("names that are allowed");
        assert!(derived.iter().all(|required| required.value.is_none()));
        assert_eq!(derived.iter().map(|required| required.name.as_str()).collect::<Vec<_>>(), expected);
        assert!(expected.iter().all(|name| DEFAULT.contains(name)), "the default instance can do all of {expected:?}");
    }

    #[test]
    fn only_four_needs_are_derived() {
        let container = || ContainerDefinition::new("app");
        check(NetworkMode::Bridge, container(), &[]);
        check(NetworkMode::Awsvpc, container(), &["ecs.capability.task-eni"]);
        check(NetworkMode::Host, container().privileged(), &["com.amazonaws.ecs.capability.privileged-container"]);
        check(NetworkMode::Bridge, container().with_log_driver("json-file"), &[]);
        check(NetworkMode::Bridge, container().with_log_driver("none"), &[]);
        check(
            NetworkMode::Bridge,
            container().with_log_driver("awslogs").with_port_mapping(PortMapping::range(8000, 8010)),
            &["com.amazonaws.ecs.capability.logging-driver.awslogs", "ecs.capability.network.container-port-range"],
        );
    }

    #[test]
    fn default_capabilities_are_sorted_valid_names_of_capabilities() {
        assert!(DEFAULT.is_sorted_by(|a, b| a < b));
        assert!(DEFAULT.iter().all(|name| AttributeName::new(name).is_ok() && is_capability(name)));
        assert!(!is_capability("ecs.os-type"));
    }

    #[test]
    fn a_log_driver_must_be_able_to_stand_in_a_name() {
        assert!(derive(NetworkMode::Bridge, &[ContainerDefinition::new("app").with_log_driver("my driver")]).is_err());
    }
}
