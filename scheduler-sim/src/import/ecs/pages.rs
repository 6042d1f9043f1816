//! The files: pages of objects, each of which may come several times, taken at different moments.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::Path;

use scheduler_core::{Attributes, Resources, TaskDefinition, TaskOverrides};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, Value};

use super::super::error::ImportError;
use super::end_of_arn;
use crate::trace::input::Input;

/// What one command of the AWS command line prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    clusters: Option<Vec<Box<RawValue>>>,
    container_instances: Option<Vec<Box<RawValue>>>,
    tasks: Option<Vec<Box<RawValue>>>,
    task_definition: Option<Box<RawValue>>,
    task_definitions: Option<Vec<Box<RawValue>>>,
    services: Option<Vec<Box<RawValue>>>,
    failures: Option<Vec<Failure>>,
    // What `aws ecs list-…` prints is read without a word.
    cluster_arns: Option<IgnoredAny>,
    container_instance_arns: Option<IgnoredAny>,
    task_arns: Option<IgnoredAny>,
    task_definition_arns: Option<IgnoredAny>,
    service_arns: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Failure {
    reason: Option<String>,
}

/// An object that a later page may tell of again.
pub(super) trait Described: DeserializeOwned + Serialize {
    /// What it is called in messages.
    const KIND: &'static str;

    /// What no other object has.
    fn key(&self) -> String;

    /// Which of two descriptions is newer, as far as ECS says.
    fn version(&self) -> i64;

    /// The cluster that it belongs to, if it says.
    fn cluster(&self) -> Option<&str>;
}

/// Everything that the files tell.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) tasks: BTreeMap<String, Task>,
    pub(super) definitions: BTreeMap<String, TaskDefinition>,
    pub(super) services: BTreeMap<String, Service>,
    /// How many objects there were.
    pub(super) objects: u64,
    /// How many could not be read, or told of the other clusters.
    pub(super) dropped: u64,
    /// What was strange, with how often and where first.
    pub(super) strange: BTreeMap<&'static str, (u64, String)>,
}

impl Pages {
    /// Reads a file of any number of pages.
    pub(super) fn read(&mut self, path: &Path) -> Result<(), ImportError> {
        let file: Box<str> = path.to_string_lossy().into();
        let read_error = |source| ImportError::Read { file: file.clone(), source };
        let unpacked = Input::open(path).and_then(|input| input.reader()).map_err(read_error)?;
        let mut reader = unpacked.into_reader();
        if reader.fill_buf().map_err(read_error)?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        for page in serde_json::Deserializer::from_reader(reader).into_iter::<Page>() {
            let page = page.map_err(|error| json_error(&file, error))?;
            self.add(page, &file);
        }
        Ok(())
    }

    fn add(&mut self, page: Page, file: &str) {
        let lists = [&page.cluster_arns, &page.container_instance_arns, &page.task_arns, &page.task_definition_arns];
        let is_list = lists.into_iter().chain([&page.service_arns]).any(Option::is_some);
        let is_described = page.clusters.is_some()
            || page.container_instances.is_some()
            || page.tasks.is_some()
            || page.task_definition.is_some()
            || page.task_definitions.is_some()
            || page.services.is_some();
        if !is_list && !is_described && page.failures.is_none() {
            self.note("pages are none that `aws ecs describe-…` prints", file);
        }
        let (mut objects, mut strange) = (0, Vec::new());
        add_all(&mut self.clusters, page.clusters, &mut objects, &mut strange);
        add_all(&mut self.instances, page.container_instances, &mut objects, &mut strange);
        add_all(&mut self.tasks, page.tasks, &mut objects, &mut strange);
        add_all(&mut self.services, page.services, &mut objects, &mut strange);
        let definitions = page.task_definition.into_iter().chain(page.task_definitions.into_iter().flatten());
        for definition in definitions {
            objects += 1;
            match serde_json::from_str::<TaskDefinition>(definition.get()) {
                Ok(definition) => drop(self.definitions.insert(definition.name().to_string(), definition)),
                Err(error) => strange.push(("task definitions cannot be read, and are left out", error.to_string())),
            }
        }
        self.objects += objects;
        for (what, which) in strange {
            self.dropped += u64::from(what != CONTRADICTION);
            self.note(what, &format!("{file}: {which}"));
        }
        for failure in page.failures.into_iter().flatten() {
            self.note("objects were not described", &failure.reason.unwrap_or_default());
        }
    }

    /// Notes something strange.
    pub(super) fn note(&mut self, what: &'static str, which: &str) {
        self.strange.entry(what).or_insert_with(|| (0, which.to_owned())).0 += 1;
    }

    /// The one cluster there is, or the one asked for, without what belongs to others.
    pub(super) fn choose_cluster(&mut self, wanted: Option<&str>) -> Result<Option<String>, ImportError> {
        let of_instances = self.instances.values().filter_map(Described::cluster);
        let of_tasks = self.tasks.values().filter_map(Described::cluster);
        let of_services = self.services.values().filter_map(Described::cluster);
        let mut names: BTreeSet<String> = of_instances.chain(of_tasks).chain(of_services).map(Into::into).collect();
        if names.is_empty() {
            names.extend(self.clusters.keys().cloned());
        }
        let chosen = match wanted {
            Some(wanted) => names.get(end_of_arn(wanted)),
            None if names.len() <= 1 => names.first(),
            None => None,
        };
        if chosen.is_none() && (wanted.is_some() || !names.is_empty()) {
            let found = names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(ImportError::Cluster { found: found.into() });
        }
        let chosen = chosen.cloned();
        let before = self.instances.len() + self.tasks.len() + self.services.len();
        let belongs = |cluster: Option<&str>| cluster.is_none() || cluster == chosen.as_deref();
        self.instances.retain(|_, it| belongs(it.cluster()));
        self.tasks.retain(|_, it| belongs(it.cluster()));
        self.services.retain(|_, it| belongs(it.cluster()));
        self.clusters.retain(|_, it| belongs(it.cluster()));
        self.dropped += (before - self.instances.len() - self.tasks.len() - self.services.len()) as u64;
        Ok(chosen)
    }
}

const CONTRADICTION: &str = "objects are described in several ways: of each the newest counts";

/// Adds objects, of which the newest description stays; one of two of the same version by its text, so that the order of
/// the files does not matter.
fn add_all<T: Described>(
    known: &mut BTreeMap<String, T>,
    objects: Option<Vec<Box<RawValue>>>,
    count: &mut u64,
    strange: &mut Vec<(&'static str, String)>,
) {
    for object in objects.into_iter().flatten() {
        *count += 1;
        let object: T = match serde_json::from_str(object.get()) {
            Ok(object) => object,
            Err(error) => {
                strange.push((T::KIND, error.to_string()));
                continue;
            }
        };
        let key = object.key();
        let rank = |object: &T| (object.version(), serde_json::to_string(object).unwrap_or_default());
        let Some(other) = known.get(&key) else {
            known.insert(key, object);
            continue;
        };
        let (this, other) = (rank(&object), rank(other));
        if this != other {
            strange.push((CONTRADICTION, key.clone()));
        }
        if this > other {
            known.insert(key, object);
        }
    }
}

fn json_error(file: &str, error: serde_json::Error) -> ImportError {
    let line = error.line() as u64;
    if error.is_io() {
        return ImportError::Read { file: file.into(), source: error.into() };
    }
    let problem = format!("not what `aws ecs describe-… --output json` prints: {error}").into();
    ImportError::Json { file: file.into(), line, problem }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of ECS")]
pub(super) struct Cluster {
    pub(super) cluster_name: String,
    pub(super) registered_container_instances_count: Option<u64>,
    pub(super) running_tasks_count: Option<u64>,
    pub(super) active_services_count: Option<u64>,
}

impl Described for Cluster {
    const KIND: &'static str = "clusters cannot be read, and are left out";

    fn key(&self) -> String {
        self.cluster_name.clone()
    }

    fn version(&self) -> i64 {
        0
    }

    fn cluster(&self) -> Option<&str> {
        Some(&self.cluster_name)
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    pub(super) container_instance_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ec2_instance_id: Option<String>,
    #[serde(skip_serializing)]
    pub(super) version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_info: Option<VersionInfo>,
    pub(super) registered_resources: Resources,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining_resources: Option<Resources>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_connected: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) registered_at: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) capacity_provider_name: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_version: Option<String>,
}

impl Described for Instance {
    const KIND: &'static str = "container instances cannot be read, and are left out";

    fn key(&self) -> String {
        self.container_instance_arn.clone()
    }

    fn version(&self) -> i64 {
        self.version.unwrap_or(0)
    }

    /// The long form of an ARN has it: `…:container-instance/CLUSTER/ID`.
    fn cluster(&self) -> Option<&str> {
        self.container_instance_arn.rsplit_once('/')?.0.rsplit_once('/').map(|(_, cluster)| cluster)
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of ECS")]
pub(super) struct Task {
    pub(super) task_arn: String,
    pub(super) task_definition_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) container_instance_arn: Option<String>,
    #[serde(skip_serializing)]
    pub(super) cluster_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) desired_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Value>,
    #[serde(skip_serializing)]
    pub(super) version: Option<i64>,
    #[serde(default, skip_serializing_if = "TaskOverrides::is_empty", deserialize_with = "or_default")]
    pub(super) overrides: TaskOverrides,
}

/// A value, or, for `null`, the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Described for Task {
    const KIND: &'static str = "tasks cannot be read, and are left out";

    fn key(&self) -> String {
        self.task_arn.clone()
    }

    fn version(&self) -> i64 {
        self.version.unwrap_or(0)
    }

    fn cluster(&self) -> Option<&str> {
        self.cluster_arn.as_deref().map(end_of_arn)
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of ECS")]
pub(super) struct Service {
    pub(super) service_name: String,
    #[serde(skip_serializing)]
    pub(super) cluster_arn: Option<String>,
    #[serde(skip_serializing)]
    pub(super) status: Option<String>,
    pub(super) task_definition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) desired_count: Option<u64>,
    #[serde(skip_serializing)]
    pub(super) running_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduling_strategy: Option<String>,
    #[serde(skip_serializing)]
    pub(super) launch_type: Option<String>,
    #[serde(skip_serializing)]
    pub(super) capacity_provider_strategy: Option<Vec<ProviderItem>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub(super) placement_constraints: Vec<Rule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub(super) placement_strategy: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network_configuration: Option<NetworkConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployment_configuration: Option<DeploymentConfiguration>,
    #[serde(skip_serializing)]
    pub(super) deployment_controller: Option<DeploymentController>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub(super) load_balancers: Vec<LoadBalancer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) availability_zone_rebalancing: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderItem {
    pub(super) capacity_provider: String,
}

/// A placement constraint or a placement strategy.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NetworkConfiguration {
    awsvpc_configuration: AwsVpcConfiguration,
}

#[derive(Debug, Deserialize, Serialize)]
struct AwsVpcConfiguration {
    subnets: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_healthy_percent: Option<u32>,
    #[serde(skip_serializing)]
    pub(super) strategy: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct DeploymentController {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// One of those a service has: their number counts.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct LoadBalancer {}

impl Described for Service {
    const KIND: &'static str = "services cannot be read, and are left out";

    fn key(&self) -> String {
        format!("{}/{}", self.cluster().unwrap_or_default(), self.service_name)
    }

    fn version(&self) -> i64 {
        0
    }

    fn cluster(&self) -> Option<&str> {
        self.cluster_arn.as_deref().map(end_of_arn)
    }
}
