//! Overrides of `RunTask` and `StartTask`: task-level `cpu` and `memory`, and `containerOverrides`.

use super::container::{RequirementForm, Requirements, requirements_output};
use super::task_definition::TaskAmount;
use super::text::Amount;
use crate::model::{ContainerOverride, TaskOverrides, parse_task_cpu, parse_task_memory};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskOverridesForm {
    cpu: Option<TaskAmount>,
    memory: Option<TaskAmount>,
    container_overrides: Option<Vec<ContainerOverride>>,
}

impl<'de> Deserialize<'de> for TaskOverrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TaskOverrides, D::Error> {
        let form = TaskOverridesForm::deserialize(deserializer)?;
        let cpu_units = form.cpu.map(|cpu| parse_task_cpu(&cpu.into_text())).transpose();
        let memory_mib = form.memory.map(|memory| parse_task_memory(&memory.into_text())).transpose();
        Ok(TaskOverrides {
            cpu_units: cpu_units.map_err(D::Error::custom)?,
            memory_mib: memory_mib.map_err(D::Error::custom)?,
            containers: form.container_overrides.unwrap_or_default(),
        })
    }
}

impl Serialize for TaskOverrides {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Output<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            cpu: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            memory: Option<String>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            container_overrides: &'a [ContainerOverride],
        }
        Output {
            cpu: self.cpu_units.map(|cpu_units| cpu_units.to_string()),
            memory: self.memory_mib.map(|memory_mib| memory_mib.to_string()),
            container_overrides: &self.containers,
        }
        .serialize(serializer)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerOverrideForm {
    name: String,
    cpu: Option<Amount>,
    memory: Option<Amount>,
    memory_reservation: Option<Amount>,
    resource_requirements: Option<Vec<RequirementForm>>,
}

impl<'de> Deserialize<'de> for ContainerOverride {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ContainerOverride, D::Error> {
        let form = ContainerOverrideForm::deserialize(deserializer)?;
        let requirements = Requirements::read(form.resource_requirements.unwrap_or_default(), &form.name)?;
        Ok(ContainerOverride {
            name: form.name.into(),
            cpu_units: form.cpu.map(|amount| amount.0),
            memory_mib: form.memory.map(|amount| amount.0),
            memory_reservation_mib: form.memory_reservation.map(|amount| amount.0),
            gpus: requirements.gpus,
        })
    }
}

impl Serialize for ContainerOverride {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Output<'a, R> {
            name: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            cpu: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            memory: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            memory_reservation: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            resource_requirements: Option<R>,
        }
        Output {
            name: &self.name,
            cpu: self.cpu_units,
            memory: self.memory_mib,
            memory_reservation: self.memory_reservation_mib,
            resource_requirements: requirements_output(self.gpus, &[]),
        }
        .serialize(serializer)
    }
}
