//! Container instances: an element of what `DescribeContainerInstances` gives.
//!
//! `instanceType` and `availabilityZone` are read as well as the attributes that say the same. `remainingResources` is
//! not looked at: what is left follows from the tasks.

#![expect(clippy::option_option, reason = "an absent limit, none and a number are three things")]

use super::text::Amount;
use super::time::Moment;
use crate::model::{
    Attributes, ContainerInstance, ContainerInstanceBuilder, Demand, InstanceStatus, Resources, derived_eni_task_limit,
    is_capability,
};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstanceForm {
    container_instance_arn: Option<String>,
    ec2_instance_id: Option<String>,
    instance_type: Option<String>,
    availability_zone: Option<String>,
    registered_resources: Option<Resources>,
    attributes: Option<Attributes>,
    status: Option<InstanceStatus>,
    agent_connected: Option<bool>,
    version_info: Option<VersionInfoForm>,
    registered_at: Option<Moment>,
    capacity_provider_name: Option<String>,
    #[serde(default, deserialize_with = "even_null")]
    eni_task_limit: Option<Option<Amount>>,
    foreign_load: Option<Demand>,
    gpu_millis: Option<Vec<u16>>,
    without_capabilities: Option<bool>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionInfoForm {
    agent_version: Option<String>,
}

/// Tells `null` from an absent key: here `null` means that there is no limit.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Amount>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for ContainerInstance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ContainerInstance, D::Error> {
        let form = InstanceForm::deserialize(deserializer)?;
        let name = form.name().ok_or_else(|| {
            D::Error::custom("a container instance has neither `ec2InstanceId` nor `containerInstanceArn`; give one")
        })?;
        let builder = ContainerInstance::builder(name);
        form.fill(builder).build().map_err(D::Error::custom)
    }
}

impl InstanceForm {
    /// The EC2 instance id, else the id at the end of the ARN, in its old or its long form.
    fn name(&self) -> Option<&str> {
        let end_of_arn = self.container_instance_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
        let ec2_instance_id = self.ec2_instance_id.as_deref().filter(|id| !id.is_empty());
        ec2_instance_id.or(end_of_arn)
    }

    fn fill(self, mut builder: ContainerInstanceBuilder) -> ContainerInstanceBuilder {
        for (name, value) in self.attributes.unwrap_or_default().iter() {
            builder = match value {
                Some(value) => builder.attribute(name.as_str(), value.as_str()),
                None => builder.attribute_without_value(name.as_str()),
            };
        }
        if let Some(instance_type) = self.instance_type {
            builder = builder.instance_type(instance_type);
        }
        if let Some(zone) = self.availability_zone {
            builder = builder.zone(zone);
        }
        if let Some(resources) = self.registered_resources {
            builder = builder.resources(resources);
        }
        let version = self.version_info.and_then(|info| info.agent_version).filter(|version| !version.is_empty());
        if let Some(version) = version {
            builder = builder.agent_version(version);
        }
        if let Some(Moment(milliseconds)) = self.registered_at {
            builder = builder.registered_at_ms(milliseconds);
        }
        if let Some(provider) = self.capacity_provider_name.filter(|provider| !provider.is_empty()) {
            builder = builder.capacity_provider(provider);
        }
        if let Some(limit) = self.eni_task_limit {
            builder = builder.eni_task_limit(limit.map(|limit| limit.0));
        }
        if let Some(millis) = self.gpu_millis {
            builder = builder.gpu_millis(millis);
        }
        if self.without_capabilities == Some(true) {
            builder = builder.without_capabilities();
        }
        builder
            .status(self.status.unwrap_or_default())
            .agent_connected(self.agent_connected.unwrap_or(true))
            .foreign_load(self.foreign_load.unwrap_or_default())
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct InstanceOutput<'a> {
    ec2_instance_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_provider_name: Option<&'a str>,
    version_info: VersionInfoOutput<'a>,
    registered_resources: &'a Resources,
    status: InstanceStatus,
    agent_connected: bool,
    attributes: &'a Attributes,
    registered_at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    eni_task_limit: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign_load: Option<&'a Demand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_millis: Option<&'a [u16]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    without_capabilities: bool,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionInfoOutput<'a> {
    agent_version: &'a str,
}

impl Serialize for ContainerInstance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limit_differs = self.eni_task_limit() != derived_eni_task_limit(self.attributes());
        InstanceOutput {
            ec2_instance_id: self.name(),
            capacity_provider_name: self.capacity_provider(),
            version_info: VersionInfoOutput { agent_version: self.agent_version() },
            registered_resources: self.resources(),
            status: self.status(),
            agent_connected: self.agent_connected(),
            attributes: self.attributes(),
            registered_at: Moment(self.registered_at_ms()),
            eni_task_limit: limit_differs.then(|| self.eni_task_limit()),
            foreign_load: Some(self.foreign_load()).filter(|&load| *load != Demand::default()),
            gpu_millis: self.gpu_millis(),
            without_capabilities: !self.attributes().iter().any(|(name, _)| is_capability(name.as_str())),
        }
        .serialize(serializer)
    }
}
