//! From the parts of a task definition to a valid one: every check of `RegisterTaskDefinition` that bears on placement.

use super::attribute::{AttributeError, AttributeName, AttributeValue, RequiredAttribute};
use super::capabilities;
use super::container::{ContainerDefinition, NetworkMode};
use super::resources::{Demand, GPU_MILLI, GpuDemand};
use super::task_definition::TaskDefinition;
use super::task_definition_error::TaskDefinitionError;
use super::task_demand::TaskShape;
use super::task_size::{self, TaskSizeError};
use crate::expression::{Expression, ParseError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most containers of one task definition.
pub(super) const MAX_CONTAINERS: usize = 10;

/// The most placement constraints of one task, its definition's and its request's together (spec 4.1).
pub const MAX_PLACEMENT_CONSTRAINTS: usize = 10;

/// Describes a [`TaskDefinition`]. Nothing fails before [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct TaskDefinitionBuilder {
    pub(super) family: String,
    pub(super) revision: Option<u32>,
    pub(super) network_mode: Option<NetworkMode>,
    pub(super) operating_system_family: Option<Box<str>>,
    pub(super) cpu_units: Option<Result<u64, TaskSizeError>>,
    pub(super) memory_mib: Option<Result<u64, TaskSizeError>>,
    pub(super) containers: Vec<ContainerDefinition>,
    pub(super) demand: Option<Demand>,
    pub(super) gpu_share: Option<u16>,
    pub(super) placement_constraints: Vec<Result<Expression, ParseError>>,
    pub(super) required_attributes: Option<Vec<Result<RequiredAttribute, AttributeError>>>,
}

impl TaskDefinitionBuilder {
    pub(super) fn new(family: String) -> TaskDefinitionBuilder {
        TaskDefinitionBuilder {
            family,
            revision: None,
            network_mode: None,
            operating_system_family: None,
            cpu_units: None,
            memory_mib: None,
            containers: Vec::new(),
            demand: None,
            gpu_share: None,
            placement_constraints: Vec::new(),
            required_attributes: None,
        }
    }

    /// The revision, from 1; by default there is none.
    pub fn revision(mut self, revision: u32) -> Self {
        self.revision = Some(revision);
        self
    }

    /// The network mode; by default `bridge`, on Windows `default`.
    pub fn network_mode(mut self, mode: NetworkMode) -> Self {
        self.network_mode = Some(mode);
        self
    }

    /// The `operatingSystemFamily` of `runtimePlatform`, such as `LINUX` or `WINDOWS_SERVER_2022_CORE`. For a Windows
    /// family, task-level CPU and memory are ignored.
    pub fn operating_system_family(mut self, family: impl Into<Box<str>>) -> Self {
        self.operating_system_family = Some(family.into());
        self
    }

    /// Task-level CPU as ECS writes it: `"1024"`, `"1 vCPU"` (see [`parse_task_cpu`](super::parse_task_cpu)).
    pub fn cpu(mut self, text: &str) -> Self {
        self.cpu_units = Some(task_size::parse_task_cpu(text).map(u64::from));
        self
    }

    /// Task-level CPU units, 128 to 196608.
    pub fn cpu_units(mut self, cpu_units: u32) -> Self {
        self.cpu_units = Some(Ok(cpu_units.into()));
        self
    }

    /// Task-level memory as ECS writes it: `"512"`, `"0.5 GB"` (see [`parse_task_memory`](super::parse_task_memory)).
    pub fn memory(mut self, text: &str) -> Self {
        self.memory_mib = Some(task_size::parse_task_memory(text).map(u64::from));
        self
    }

    /// Task-level memory in MiB.
    pub fn memory_mib(mut self, memory_mib: u32) -> Self {
        self.memory_mib = Some(Ok(memory_mib.into()));
        self
    }

    /// One more container.
    pub fn container(mut self, container: ContainerDefinition) -> Self {
        self.containers.push(container);
        self
    }

    /// More containers.
    pub fn containers(mut self, containers: impl IntoIterator<Item = ContainerDefinition>) -> Self {
        self.containers.extend(containers);
        self
    }

    /// The demand as a whole, in place of containers.
    pub fn demand(mut self, demand: Demand) -> Self {
        self.demand = Some(demand);
        self
    }

    /// The share of its one GPU that a task wants, in thousandths, 1 to 1,000; an extension, ECS has no shares.
    pub fn gpu_share(mut self, milli: u16) -> Self {
        self.gpu_share = Some(milli);
        self
    }

    /// One more `memberOf` constraint, as text.
    pub fn member_of(mut self, expression: &str) -> Self {
        self.placement_constraints.push(Expression::parse(expression));
        self
    }

    /// One more `memberOf` constraint.
    pub fn placement_constraint(mut self, expression: Expression) -> Self {
        self.placement_constraints.push(Ok(expression));
        self
    }

    /// An attribute that the instance must have, with this value if one is given. With the first one, or with an empty
    /// [`required_attributes`](Self::required_attributes), nothing is derived any more (C-45).
    pub fn required_attribute(mut self, name: &str, value: Option<&str>) -> Self {
        let required = AttributeName::new(name).and_then(|name| {
            let value = value.map(AttributeValue::new).transpose()?;
            Ok(RequiredAttribute { name, value })
        });
        self.required_attributes.get_or_insert_default().push(required);
        self
    }

    /// Attributes that the instance must have, in place of derived ones.
    pub fn required_attributes(mut self, attributes: impl IntoIterator<Item = RequiredAttribute>) -> Self {
        self.required_attributes.get_or_insert_default().extend(attributes.into_iter().map(Ok));
        self
    }

    /// The task definition described.
    ///
    /// # Errors
    /// [`TaskDefinitionError`]: the first rule of `RegisterTaskDefinition` that is broken.
    pub fn build(self) -> Result<TaskDefinition, TaskDefinitionError> {
        let family = self.family.as_str();
        if !is_name(family) || family.contains(':') {
            return Err(TaskDefinitionError::Family { family: family.into() });
        }
        if self.revision == Some(0) {
            return Err(TaskDefinitionError::RevisionZero { family: family.into() });
        }
        let cpu_units = self.cpu_units.transpose()?.map(task_size::checked_task_cpu).transpose()?;
        let memory_mib = self.memory_mib.transpose()?.map(task_size::checked_task_memory).transpose()?;
        let is_windows = self.operating_system_family.as_deref().is_some_and(|family| family.starts_with("WINDOWS"));
        let network_mode = self.network_mode.unwrap_or(match &self.demand {
            Some(demand) if demand.needs_eni => NetworkMode::Awsvpc,
            _ if is_windows => NetworkMode::Default,
            _ => NetworkMode::Bridge,
        });
        let (mut demand, cpu_units, memory_mib) = match self.demand {
            Some(_) if !self.containers.is_empty() => return Err(TaskDefinitionError::DemandAndContainers),
            // Task-level values speak of the task as a whole, as the demand does, and so become part of it.
            Some(mut demand) => {
                demand.cpu_units = cpu_units.unwrap_or(demand.cpu_units);
                demand.memory_mib = memory_mib.unwrap_or(demand.memory_mib);
                demand.needs_eni = network_mode == NetworkMode::Awsvpc;
                let wrong = |source| TaskDefinitionError::Resources { family: family.into(), source };
                demand.checked().map_err(wrong)?;
                (demand, None, None)
            }
            None => {
                check_containers(&self.containers)?;
                let [task_cpu, task_memory] = if is_windows { [None, None] } else { [cpu_units, memory_mib] };
                let containers = &self.containers;
                let shape =
                    TaskShape { family, network_mode, cpu_units: task_cpu, memory_mib: task_memory, containers };
                (shape.demand()?, cpu_units, memory_mib)
            }
        };
        if let Some(milli) = self.gpu_share {
            demand.gpus = shared(demand.gpus, milli)?;
            demand.checked().map_err(|source| TaskDefinitionError::Resources { family: family.into(), source })?;
        }
        let required_attributes = match self.required_attributes {
            Some(given) => given
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|source| TaskDefinitionError::RequiredAttribute { source })?,
            None => capabilities::derive(network_mode, &self.containers)
                .map_err(|source| TaskDefinitionError::LogDriver { source })?,
        };
        Ok(TaskDefinition {
            name: display_name(family, self.revision),
            revision: self.revision,
            network_mode,
            operating_system_family: self.operating_system_family,
            cpu_units,
            memory_mib,
            placement_constraints: parsed_constraints(self.placement_constraints)?,
            required_attributes,
            demand,
            containers: self.containers,
            family: self.family.into(),
        })
    }
}

/// `family:revision`, or the family alone.
pub(super) fn display_name(family: &str, revision: Option<u32>) -> Arc<str> {
    match revision {
        Some(revision) => format!("{family}:{revision}").into(),
        None => family.into(),
    }
}

/// A share in place of one whole GPU; all of it is the whole.
fn shared(gpus: GpuDemand, milli: u16) -> Result<GpuDemand, TaskDefinitionError> {
    match gpus {
        GpuDemand::Count(1) if u32::from(milli) == GPU_MILLI => Ok(gpus),
        GpuDemand::Count(1) => Ok(GpuDemand::Share(milli)),
        GpuDemand::Count(count) => Err(TaskDefinitionError::GpuShare { gpus: count.to_string().into() }),
        GpuDemand::All => Err(TaskDefinitionError::GpuShare { gpus: "ALL".into() }),
        GpuDemand::Share(other) => Err(TaskDefinitionError::GpuShare { gpus: format!("{other}/1000").into() }),
    }
}

fn check_containers(containers: &[ContainerDefinition]) -> Result<(), TaskDefinitionError> {
    if containers.is_empty() {
        return Err(TaskDefinitionError::NoContainers);
    }
    if containers.len() > MAX_CONTAINERS {
        return Err(TaskDefinitionError::TooManyContainers { count: containers.len() });
    }
    let mut names = BTreeSet::new();
    for container in containers {
        if !is_name(&container.name) {
            return Err(TaskDefinitionError::ContainerName { container: container.name.clone() });
        }
        if !names.insert(&container.name) {
            return Err(TaskDefinitionError::DuplicateContainer { container: container.name.clone() });
        }
    }
    if containers.iter().any(|container| container.essential) {
        Ok(())
    } else {
        Err(TaskDefinitionError::NoEssentialContainer)
    }
}

fn parsed_constraints(
    constraints: Vec<Result<Expression, ParseError>>,
) -> Result<Vec<Expression>, TaskDefinitionError> {
    if constraints.len() > MAX_PLACEMENT_CONSTRAINTS {
        return Err(TaskDefinitionError::TooManyConstraints { count: constraints.len() });
    }
    let numbered = constraints.into_iter().zip(1..);
    numbered
        .map(|(parsed, number)| parsed.map_err(|source| TaskDefinitionError::Constraint { number, source }))
        .collect()
}

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PortMapping;

    fn app() -> ContainerDefinition {
        ContainerDefinition::new("app").with_cpu_units(256).with_memory_mib(128)
    }

    fn check(builder: TaskDefinitionBuilder, expected: Result<(u32, u32), &str>) {
        let actual = builder.build().map(|it| (it.demand().cpu_units, it.demand().memory_mib));
        assert_eq!(actual.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn task_level_values_count_except_on_windows() {
        let builder = || TaskDefinition::builder("web").container(app()).cpu(".5 vCPU").memory("0.5 GB");
        check(builder(), Ok((512, 512)));
        check(builder().operating_system_family("LINUX"), Ok((512, 512)));
        check(builder().operating_system_family("WINDOWS_SERVER_2022_CORE"), Ok((256, 128)));
        check(TaskDefinition::builder("web").container(app()).cpu_units(1024).memory_mib(300), Ok((1024, 300)));
    }

    #[test]
    fn broken_rules_are_named() {
        let builder = || TaskDefinition::builder("web");
        let family = |family: &str| {
            format!("task definition family `{family}` is not valid; it has 1 to 255 characters, no colon")
        };
        check(TaskDefinition::builder("").container(app()), Err(&family("")));
        check(TaskDefinition::builder("web:1").container(app()), Err(&family("web:1")));
        check(
            builder().container(app()).revision(0),
            Err("task definition `web` has revision `0`; revisions count from 1"),
        );
        check(builder(), Err("a task definition has at least one container"));
        let eleven = (0..11).map(|index| ContainerDefinition { name: format!("c{index}").into(), ..app() });
        check(builder().containers(eleven), Err("`11` containers are defined; a task definition has at most 10"));
        check(
            builder().container(app()).container(app()),
            Err("two containers are called `app`; names are distinct in a task definition"),
        );
        check(
            builder().container(app().not_essential()),
            Err("no container is essential; at least one of a task definition must be"),
        );
        check(
            builder().container(ContainerDefinition { name: "".into(), ..app() }),
            Err("container name `` is not valid; it has 1 to 255 characters, no control characters"),
        );
        check(
            builder().container(app()).cpu("64"),
            Err("Invalid 'cpu' setting for task. `64` CPU units are outside 128 to 196608"),
        );
        check(
            builder().container(app()).cpu_units(196_609),
            Err("Invalid 'cpu' setting for task. `196609` CPU units are outside 128 to 196608"),
        );
        check(builder().container(app()).memory_mib(0), Err("task memory of `0` MiB is outside 1 to 2147483647"));
        check(
            builder().container(app()).demand(Demand::default()),
            Err("both containers and a demand are given; a demand stands in place of containers"),
        );
        check(
            builder().container(app()).required_attribute("my stack", None),
            Err("required attribute: attribute name `my stack` contains ' '; \
                 allowed are letters, digits, `-`, `_`, `/`, `\\` and `.`"),
        );
        let eleven = (0..11).fold(builder().container(app()), |builder, _| builder.member_of("attribute:a == b"));
        check(eleven, Err("`11` placement constraints are given; a task has at most 10"));
        let broken = builder().container(app()).member_of("attribute:a == b").member_of("attribute:a").build();
        let error = broken.expect_err("a broken expression").to_string();
        assert!(error.starts_with("placement constraint 2: "), "{error}");
    }

    #[test]
    fn two_containers_cannot_have_one_static_host_port() {
        let container =
            |name: &str, mapping| ContainerDefinition { name: name.into(), ..app() }.with_port_mapping(mapping);
        let tcp = PortMapping::tcp(80).on_host_port(80);
        check(
            TaskDefinition::builder("web").container(container("a", tcp)).container(container("b", tcp)),
            Err("host port `80/tcp` is mapped twice, the second time by container `b`; a task can take it once"),
        );
        let udp = PortMapping::udp(80).on_host_port(80);
        check(
            TaskDefinition::builder("web").container(container("a", tcp)).container(container("b", udp)),
            Ok((512, 256)),
        );
    }

    #[test]
    fn a_share_is_of_one_gpu() {
        let gpus = |count, milli| {
            let builder = TaskDefinition::builder("job").container(app().with_gpus(count)).gpu_share(milli);
            builder.build().map(|it| it.demand().gpus).map_err(|error| error.to_string())
        };
        assert_eq!(gpus(1, 460), Ok(GpuDemand::Share(460)));
        assert_eq!(gpus(1, 1000), Ok(GpuDemand::Count(1)));
        let refused = |text: &str| Err(text.to_owned());
        assert_eq!(gpus(2, 460), refused("a share of a GPU is given, but the task asks for 2 GPUs; a share is of one"));
        let none =
            "task definition `job`: a share of a GPU has 1 to 999 thousandths, not `0`; for a whole GPU count it";
        assert_eq!(gpus(1, 0), refused(none));
        let job = TaskDefinition::builder("job").container(app().with_gpus(1)).gpu_share(460).build().expect("valid");
        let same = job.with_overrides(&crate::model::TaskOverrides::default()).expect("nothing changes");
        assert_eq!(same.demand(), job.demand());
    }

    #[test]
    fn required_attributes_are_given_or_derived() {
        let names = |builder: TaskDefinitionBuilder| {
            let definition = builder.build().expect("valid");
            definition.required_attributes().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let builder = || TaskDefinition::builder("web").container(app()).network_mode(NetworkMode::Awsvpc);
        assert_eq!(names(builder()), ["ecs.capability.task-eni"]);
        assert_eq!(names(builder().required_attributes([])), Vec::<String>::new());
        assert_eq!(names(builder().required_attribute("stack", Some("prod"))), ["stack=prod"]);
    }
}
