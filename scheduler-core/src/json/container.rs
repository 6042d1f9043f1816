//! Containers: `containerDefinitions` and their `portMappings` and `resourceRequirements`.

use super::text::{Amount, GpuVisitor, Port};
use crate::model::{ContainerDefinition, GpuDemand, PortMapping, PortRange, Protocol};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt::{self, Display};

const GPU: &str = "GPU";
const INFERENCE_ACCELERATOR: &str = "InferenceAccelerator";

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortMappingForm {
    container_port: Option<Port>,
    host_port: Option<Port>,
    protocol: Option<Protocol>,
    container_port_range: Option<PortRange>,
}

impl<'de> Deserialize<'de> for PortMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PortMapping, D::Error> {
        let form = PortMappingForm::deserialize(deserializer)?;
        Ok(PortMapping {
            container_port: form.container_port.map(|port| port.0),
            host_port: form.host_port.map(|port| port.0),
            protocol: form.protocol.unwrap_or_default(),
            container_port_range: form.container_port_range,
        })
    }
}

impl Serialize for PortMapping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Output {
            #[serde(skip_serializing_if = "Option::is_none")]
            container_port: Option<u16>,
            #[serde(skip_serializing_if = "Option::is_none")]
            host_port: Option<u16>,
            protocol: Protocol,
            #[serde(skip_serializing_if = "Option::is_none")]
            container_port_range: Option<PortRange>,
        }
        let PortMapping { container_port, host_port, protocol, container_port_range } = *self;
        Output { container_port, host_port, protocol, container_port_range }.serialize(serializer)
    }
}

/// ECS's `ResourceRequirement`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequirementForm {
    #[serde(rename = "type")]
    kind: String,
    value: Option<RequirementValue>,
    sharing_strategy: Option<IgnoredAny>,
}

/// Text in ECS; a plain number is taken too.
struct RequirementValue(String);

impl<'de> Deserialize<'de> for RequirementValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RequirementValue, D::Error> {
        struct ValueVisitor;

        impl Visitor<'_> for ValueVisitor {
            type Value = RequirementValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the value of a resource requirement, such as \"1\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RequirementValue, E> {
                Ok(RequirementValue(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<RequirementValue, E> {
                Ok(RequirementValue(number.to_string()))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

/// What a container's resource requirements come to.
#[derive(Default)]
pub(super) struct Requirements {
    pub(super) gpus: Option<GpuDemand>,
    pub(super) inference_accelerators: Vec<Box<str>>,
}

impl Requirements {
    pub(super) fn read<E: Error>(forms: Vec<RequirementForm>, container: &str) -> Result<Requirements, E> {
        let wrong = |problem: &dyn Display| E::custom(format_args!("container {container:?}: {problem}"));
        let mut requirements = Requirements::default();
        for form in forms {
            let value = form.value.map(|value| value.0);
            match form.kind.as_str() {
                GPU if form.sharing_strategy.is_some() => {
                    return Err(wrong(
                        &"GPU `sharingStrategy` (nvidiaMps) is not supported; give `value` a number of GPUs or `ALL`",
                    ));
                }
                GPU if requirements.gpus.is_some() => return Err(wrong(&"resource requirement `GPU` is given twice")),
                GPU => {
                    let value = value.ok_or_else(|| wrong(&"resource requirement `GPU` has no `value`"))?;
                    requirements.gpus = Some(GpuVisitor.visit_str::<E>(&value).map_err(|error| wrong(&error))?);
                }
                // Withdrawn by AWS; kept for the lint.
                INFERENCE_ACCELERATOR => {
                    requirements.inference_accelerators.push(value.unwrap_or_default().into_boxed_str());
                }
                kind => {
                    return Err(wrong(&format_args!(
                        "resource requirement of type {kind:?} is not supported on EC2 instances; `GPU` is"
                    )));
                }
            }
        }
        Ok(requirements)
    }
}

#[derive(serde::Serialize)]
struct RequirementOutput<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    value: std::borrow::Cow<'a, str>,
}

/// `ResourceRequirement`s as ECS writes them, with the value as text.
pub(super) fn requirements_output(
    gpus: Option<GpuDemand>,
    inference_accelerators: &[Box<str>],
) -> Option<impl Serialize + '_> {
    let gpus = gpus.map(|gpus| match gpus {
        GpuDemand::Count(count) => count.to_string().into(),
        GpuDemand::All => "ALL".into(),
        // No valid container has one.
        GpuDemand::Share(milli) => format!("{milli}/1000").into(),
    });
    let gpus = gpus.map(|value| RequirementOutput { kind: GPU, value });
    let accelerators = inference_accelerators
        .iter()
        .map(|name| RequirementOutput { kind: INFERENCE_ACCELERATOR, value: name.as_ref().into() });
    let list: Vec<RequirementOutput<'_>> = gpus.into_iter().chain(accelerators).collect();
    Some(list).filter(|list| !list.is_empty())
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerForm {
    name: String,
    cpu: Option<Amount>,
    memory: Option<Amount>,
    memory_reservation: Option<Amount>,
    essential: Option<bool>,
    port_mappings: Option<Vec<PortMapping>>,
    resource_requirements: Option<Vec<RequirementForm>>,
    privileged: Option<bool>,
    log_configuration: Option<LogConfigurationForm>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogConfigurationForm {
    log_driver: Option<String>,
}

impl<'de> Deserialize<'de> for ContainerDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ContainerDefinition, D::Error> {
        let form = ContainerForm::deserialize(deserializer)?;
        let requirements = Requirements::read(form.resource_requirements.unwrap_or_default(), &form.name)?;
        Ok(ContainerDefinition {
            name: form.name.into(),
            cpu_units: form.cpu.map_or(0, |amount| amount.0),
            memory_mib: form.memory.map(|amount| amount.0),
            memory_reservation_mib: form.memory_reservation.map(|amount| amount.0),
            essential: form.essential.unwrap_or(true),
            port_mappings: form.port_mappings.unwrap_or_default(),
            gpus: requirements.gpus.unwrap_or_default(),
            privileged: form.privileged.unwrap_or(false),
            log_driver: form.log_configuration.and_then(|log| log.log_driver).map(Into::into),
            inference_accelerators: requirements.inference_accelerators,
        })
    }
}

impl Serialize for ContainerDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct LogConfiguration<'a> {
            log_driver: &'a str,
        }
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Output<'a, R> {
            name: &'a str,
            cpu: u32,
            #[serde(skip_serializing_if = "Option::is_none")]
            memory: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            memory_reservation: Option<u32>,
            essential: bool,
            port_mappings: &'a [PortMapping],
            #[serde(skip_serializing_if = "Option::is_none")]
            resource_requirements: Option<R>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            privileged: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            log_configuration: Option<LogConfiguration<'a>>,
        }
        let gpus = Some(self.gpus).filter(|gpus| !gpus.is_none());
        Output {
            name: &self.name,
            cpu: self.cpu_units,
            memory: self.memory_mib,
            memory_reservation: self.memory_reservation_mib,
            essential: self.essential,
            port_mappings: &self.port_mappings,
            resource_requirements: requirements_output(gpus, &self.inference_accelerators),
            privileged: self.privileged,
            log_configuration: self.log_driver.as_deref().map(|log_driver| LogConfiguration { log_driver }),
        }
        .serialize(serializer)
    }
}
