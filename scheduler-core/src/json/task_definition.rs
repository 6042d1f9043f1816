//! Task definitions: the input of `RegisterTaskDefinition`, and what ECS gives back for it.
//!
//! Without `containerDefinitions` it is our short form, a definition that is nothing but its demand:
//! `{"family": "job", "cpu": 250, "memory": 512, "gpu": 1, "ports": [80], "portsUdp": [53]}`, with plain numbers.

use super::demand::{DemandOutput, host_ports};
use super::text::Port;
use crate::expression::Expression;
use crate::model::{
    ContainerDefinition, Demand, GpuDemand, MAX_AMOUNT, NetworkMode, RequiredAttribute, TaskDefinition,
    TaskDefinitionBuilder, TaskDefinitionError,
};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskDefinitionForm {
    family: String,
    revision: Option<u32>,
    network_mode: Option<NetworkMode>,
    runtime_platform: Option<RuntimePlatformForm>,
    cpu: Option<TaskAmount>,
    memory: Option<TaskAmount>,
    container_definitions: Option<Vec<ContainerDefinition>>,
    placement_constraints: Option<Vec<ConstraintForm>>,
    requires_attributes: Option<Vec<RequiredAttribute>>,
    gpu: Option<GpuDemand>,
    gpu_milli: Option<u16>,
    ports: Option<Vec<Port>>,
    ports_udp: Option<Vec<Port>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimePlatformForm {
    operating_system_family: Option<String>,
}

#[derive(serde::Deserialize)]
struct ConstraintForm {
    #[serde(rename = "type")]
    kind: String,
    expression: Option<String>,
}

/// Task-level CPU or memory: text in ECS, and a plain number where people write one.
pub(super) enum TaskAmount {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for TaskAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TaskAmount, D::Error> {
        struct AmountVisitor;

        impl Visitor<'_> for AmountVisitor {
            type Value = TaskAmount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a task-level amount, such as \"1024\" or \"1 vCPU\", or \"512\" or \"0.5 GB\"")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<TaskAmount, E> {
                Ok(TaskAmount::Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TaskAmount, E> {
                Ok(TaskAmount::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(AmountVisitor)
    }
}

impl TaskAmount {
    /// The text that ECS would be given.
    pub(super) fn into_text(self) -> String {
        match self {
            TaskAmount::Number(number) => number.to_string(),
            TaskAmount::Text(text) => text,
        }
    }

    /// The number that the short form has.
    fn into_number<E: Error>(self, key: &str) -> Result<u32, E> {
        let number = match self {
            TaskAmount::Number(number) => u32::try_from(number).ok().filter(|&number| number <= MAX_AMOUNT),
            TaskAmount::Text(_) => None,
        };
        number.ok_or_else(|| {
            E::custom(format_args!(
                "`{key}` is not a number from 0 to {MAX_AMOUNT}, as it is in a task definition without \
                 `containerDefinitions`"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for TaskDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TaskDefinition, D::Error> {
        let mut form = TaskDefinitionForm::deserialize(deserializer)?;
        let mut builder = TaskDefinition::builder(std::mem::take(&mut form.family));
        if let Some(revision) = form.revision {
            builder = builder.revision(revision);
        }
        if let Some(mode) = form.network_mode {
            builder = builder.network_mode(mode);
        }
        if let Some(family) = form.runtime_platform.take().and_then(|platform| platform.operating_system_family) {
            builder = builder.operating_system_family(family);
        }
        for (number, constraint) in (1..).zip(form.placement_constraints.take().unwrap_or_default()) {
            builder = builder.placement_constraint(read_constraint(number, constraint)?);
        }
        if let Some(attributes) = form.requires_attributes.take() {
            builder = builder.required_attributes(attributes);
        }
        if let Some(milli) = form.gpu_milli {
            builder = builder.gpu_share(milli);
        }
        let builder = match form.container_definitions.take() {
            Some(containers) => add_task_level(builder.containers(containers), form),
            None => builder.demand(read_short_form(form)?),
        };
        builder.build().map_err(D::Error::custom)
    }
}

fn read_constraint<E: Error>(number: usize, form: ConstraintForm) -> Result<Expression, E> {
    if form.kind != "memberOf" {
        return Err(E::custom(TaskDefinitionError::UnsupportedConstraint { kind: form.kind.into() }));
    }
    let expression = form
        .expression
        .ok_or_else(|| E::custom(format_args!("placement constraint {number}: `memberOf` needs an `expression`")))?;
    Expression::parse(&expression).map_err(|source| E::custom(TaskDefinitionError::Constraint { number, source }))
}

fn add_task_level(mut builder: TaskDefinitionBuilder, form: TaskDefinitionForm) -> TaskDefinitionBuilder {
    if let Some(cpu) = form.cpu {
        builder = builder.cpu(&cpu.into_text());
    }
    if let Some(memory) = form.memory {
        builder = builder.memory(&memory.into_text());
    }
    builder
}

fn read_short_form<E: Error>(form: TaskDefinitionForm) -> Result<Demand, E> {
    let Some(memory) = form.memory else {
        return Err(E::custom("neither `containerDefinitions` nor, for the short form, `memory` is given"));
    };
    Ok(Demand {
        cpu_units: form.cpu.map_or(Ok(0), |cpu| cpu.into_number("cpu"))?,
        memory_mib: memory.into_number("memory")?,
        gpus: form.gpu.unwrap_or_default(),
        host_ports: host_ports(form.ports.unwrap_or_default(), form.ports_udp.unwrap_or_default()),
        needs_eni: form.network_mode == Some(NetworkMode::Awsvpc),
    })
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskDefinitionOutput<'a, R> {
    family: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    network_mode: NetworkMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_platform: Option<RuntimePlatformOutput<'a>>,
    #[serde(flatten)]
    needs: R,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    placement_constraints: Vec<ConstraintOutput<'a>>,
    requires_attributes: &'a [RequiredAttribute],
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimePlatformOutput<'a> {
    operating_system_family: &'a str,
}

#[derive(serde::Serialize)]
struct ConstraintOutput<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    expression: &'a str,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainersOutput<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
    container_definitions: &'a [ContainerDefinition],
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_milli: Option<u16>,
}

impl Serialize for TaskDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.containers().is_empty() {
            return output(self, DemandOutput::new(self.demand())).serialize(serializer);
        }
        let needs = ContainersOutput {
            cpu: self.cpu_units().map(|cpu_units| cpu_units.to_string()),
            memory: self.memory_mib().map(|memory_mib| memory_mib.to_string()),
            container_definitions: self.containers(),
            gpu_milli: match self.demand().gpus {
                GpuDemand::Share(milli) => Some(milli),
                GpuDemand::Count(_) | GpuDemand::All => None,
            },
        };
        output(self, needs).serialize(serializer)
    }
}

fn output<R>(definition: &TaskDefinition, needs: R) -> TaskDefinitionOutput<'_, R> {
    let constraints = definition.placement_constraints().iter();
    TaskDefinitionOutput {
        family: definition.family(),
        revision: definition.revision(),
        network_mode: definition.network_mode(),
        runtime_platform: definition
            .operating_system_family()
            .map(|operating_system_family| RuntimePlatformOutput { operating_system_family }),
        needs,
        placement_constraints: constraints
            .map(|expression| ConstraintOutput { kind: "memberOf", expression: expression.text() })
            .collect(),
        requires_attributes: definition.required_attributes(),
    }
}
