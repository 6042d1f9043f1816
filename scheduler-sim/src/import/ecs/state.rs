//! A state that a trace can hold: what the files tell, without what has no place in it or contradicts the rest.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use scheduler_core::{ContainerInstance, Demand, GPU_MILLI, HostPort, Resources, TaskDefinition};
use serde_json::value::Value;

use super::end_of_arn;
use super::pages::{Instance, Pages, Service, Task};

/// The cluster at time 0.
pub(super) struct State {
    pub(super) instances: Vec<Instance>,
    pub(super) definitions: Vec<TaskDefinition>,
    pub(super) tasks: Vec<Task>,
    pub(super) services: Vec<Service>,
    /// The latest moment that the files name, in milliseconds since 1970.
    pub(super) epoch_ms: Option<u64>,
    /// How many objects were left out.
    pub(super) dropped: u64,
    /// Why, a sentence each.
    pub(super) notes: Vec<String>,
}

impl State {
    pub(super) fn of(mut pages: Pages) -> Self {
        let mut left_out = LeftOut::default();
        let mut places = places(std::mem::take(&mut pages.instances), &mut left_out);
        let definitions = std::mem::take(&mut pages.definitions);
        let services = services(std::mem::take(&mut pages.services), &definitions, &mut left_out);
        let tasks = tasks(std::mem::take(&mut pages.tasks), &definitions, &mut places, &mut left_out);
        let mut instances = Vec::with_capacity(places.len());
        for (_, place) in places {
            instances.push(place.instance_with_what_remains(&mut left_out));
        }
        let moments = instances.iter().filter_map(|it| moment_ms(it.registered_at.as_ref()));
        let epoch_ms = moments.chain(tasks.iter().filter_map(|task| moment_ms(task.started_at.as_ref()))).max();
        let found = Found { instances: instances.len(), tasks: &tasks, services: &services };
        let contradictions = found.contradictions(&pages);
        let used = used_definitions(&definitions, &tasks, &services);
        let mut notes: Vec<_> =
            pages.strange.iter().map(|(what, (count, first))| sentence(what, *count, first)).collect();
        notes.extend(left_out.reasons.iter().map(|(what, (count, first))| sentence(what, *count, first)));
        notes.extend(contradictions);
        let dropped = pages.dropped + left_out.objects;
        Self { instances, definitions: used, tasks, services, epoch_ms, dropped, notes }
    }
}

fn sentence(what: &str, count: u64, first: &str) -> String {
    format!("{count} {what}; the first: {first}")
}

/// What was left out: why, how often, and which was the first.
#[derive(Default)]
struct LeftOut {
    objects: u64,
    reasons: BTreeMap<&'static str, (u64, String)>,
}

impl LeftOut {
    /// An object is left out.
    fn object(&mut self, why: &'static str, which: &str) {
        self.objects += 1;
        self.part(why, which);
    }

    /// Something of an object is left out.
    fn part(&mut self, why: &'static str, which: &str) {
        self.reasons.entry(why).or_insert_with(|| (0, which.to_owned())).0 += 1;
    }
}

/// A container instance, and what the tasks on it take.
struct Place {
    instance: Instance,
    built: ContainerInstance,
    cpu_units: u32,
    memory_mib: u32,
    gpus: u32,
    interfaces: u32,
    ports: Vec<HostPort>,
}

/// The instances that can hold tasks, by ARN.
fn places(instances: BTreeMap<String, Instance>, left_out: &mut LeftOut) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for (arn, instance) in instances {
        if !matches!(instance.status.as_deref(), None | Some("ACTIVE" | "DRAINING")) {
            left_out.object("container instances are neither ACTIVE nor DRAINING", &arn);
            continue;
        }
        match serde_json::to_value(&instance).and_then(serde_json::from_value) {
            Ok(built) => drop(places.insert(arn, Place::new(instance, built))),
            Err(error) => left_out.object("container instances cannot be used", &format!("{arn}: {error}")),
        }
    }
    // An EC2 instance may have registered again, under another ARN.
    let mut newest: HashMap<String, (bool, i64, String)> = HashMap::new();
    for (arn, place) in &places {
        let built = &place.built;
        let rank = (built.agent_connected(), built.registered_at_ms(), arn.clone());
        let best = newest.entry(built.name().to_owned()).or_insert_with(|| rank.clone());
        *best = rank.max(best.clone());
    }
    places.retain(|arn, place| {
        let is_newest = newest.get(place.built.name()).is_none_or(|(.., newest)| newest == arn);
        if !is_newest {
            left_out.object("container instances registered again under another ARN", arn);
        }
        is_newest
    });
    places
}

impl Place {
    fn new(instance: Instance, built: ContainerInstance) -> Self {
        Self { instance, built, cpu_units: 0, memory_mib: 0, gpus: 0, interfaces: 0, ports: Vec::new() }
    }

    /// Puts a task there, if it fits beside those that are there.
    fn take(&mut self, demand: &Demand) -> bool {
        let registered = self.built.resources();
        let registered_gpus = registered.gpu_ids().len() as u32;
        // ECS has no shares: whole GPUs.
        let gpus = demand.gpus.milli(registered_gpus) / GPU_MILLI;
        let cpu_units = self.cpu_units.saturating_add(demand.cpu_units);
        let memory_mib = self.memory_mib.saturating_add(demand.memory_mib);
        let gpus = self.gpus.saturating_add(gpus);
        let interfaces = self.interfaces + u32::from(demand.needs_eni);
        let is_taken = |port: HostPort| self.ports.contains(&port) || registered.reserved_ports().contains(port);
        let fits = cpu_units <= registered.cpu_units()
            && memory_mib <= registered.memory_mib()
            && gpus <= registered_gpus
            && (!demand.needs_eni || self.built.eni_task_limit().is_none_or(|limit| interfaces <= limit))
            && !demand.host_ports.iter().any(is_taken);
        if fits {
            (self.cpu_units, self.memory_mib, self.gpus, self.interfaces) = (cpu_units, memory_mib, gpus, interfaces);
            self.ports.extend(demand.host_ports.iter());
        }
        fits
    }

    /// The instance; without what remains where the tasks contradict it.
    fn instance_with_what_remains(mut self, left_out: &mut LeftOut) -> Instance {
        if let Some(remaining) = &self.instance.remaining_resources
            && !self.agrees_with(remaining)
        {
            let why = "container instances have more left than their tasks leave: what remains follows from the tasks";
            left_out.part(why, self.built.name());
            self.instance.remaining_resources = None;
        }
        self.instance
    }

    fn agrees_with(&self, remaining: &Resources) -> bool {
        let registered = self.built.resources();
        let gpus = |resources: &Resources| resources.gpu_ids().len() as u64;
        let leaves = |registered: u64, taken: u32, remaining: u64| remaining + u64::from(taken) <= registered;
        let cpu = (registered.cpu_units().into(), remaining.cpu_units().into());
        let memory = (registered.memory_mib().into(), remaining.memory_mib().into());
        let taken = remaining.reserved_ports();
        leaves(cpu.0, self.cpu_units, cpu.1)
            && leaves(memory.0, self.memory_mib, memory.1)
            && leaves(gpus(registered), self.gpus, gpus(remaining))
            && self.ports.iter().copied().chain(registered.reserved_ports().iter()).all(|port| taken.contains(port))
    }
}

/// The tasks that run on the instances, the first started first.
fn tasks(
    tasks: BTreeMap<String, Task>,
    definitions: &BTreeMap<String, TaskDefinition>,
    places: &mut BTreeMap<String, Place>,
    left_out: &mut LeftOut,
) -> Vec<Task> {
    let mut tasks: Vec<Task> = tasks.into_values().collect();
    tasks.sort_by_cached_key(|task| moment_ms(task.started_at.as_ref()).unwrap_or(u64::MAX));
    let mut kept = Vec::with_capacity(tasks.len());
    for task in tasks {
        match place(&task, definitions, places) {
            Ok(()) => kept.push(task),
            Err(why) => left_out.object(why, &task.task_arn),
        }
    }
    kept
}

/// Puts a task where it runs, or says why it is left out.
fn place(
    task: &Task,
    definitions: &BTreeMap<String, TaskDefinition>,
    places: &mut BTreeMap<String, Place>,
) -> Result<(), &'static str> {
    let is_stopped = |status: &Option<String>| status.as_deref() == Some("STOPPED");
    if is_stopped(&task.desired_status) || is_stopped(&task.last_status) {
        return Err("tasks are stopped, or shall be");
    }
    let instance = task.container_instance_arn.as_deref();
    let instance = instance.ok_or("tasks are on no container instance (Fargate, or not yet placed)")?;
    let definition = definitions.get(end_of_arn(&task.task_definition_arn));
    let definition = definition.ok_or("tasks have a task definition that is not in the files")?;
    let place = places.get_mut(instance).ok_or("tasks are on a container instance that is not there")?;
    let demand = if task.overrides.is_empty() {
        definition.demand().clone()
    } else {
        let changed = definition.with_overrides(&task.overrides);
        changed.map_err(|_| "tasks have overrides that their task definition does not take")?.demand().clone()
    };
    if place.take(&demand) { Ok(()) } else { Err("tasks do not fit beside those that started before them") }
}

/// The services whose tasks run on instances.
fn services(
    services: BTreeMap<String, Service>,
    definitions: &BTreeMap<String, TaskDefinition>,
    left_out: &mut LeftOut,
) -> Vec<Service> {
    let mut kept = Vec::with_capacity(services.len());
    for mut service in services.into_values() {
        let why = if !matches!(service.status.as_deref(), None | Some("ACTIVE")) {
            "services are not ACTIVE"
        } else if !runs_on_ec2(&service) {
            "services do not run on EC2 container instances"
        } else if service.deployment_controller.as_ref().and_then(|it| it.kind.as_deref()).is_some_and(|it| it != "ECS")
        {
            "services are deployed by others than ECS"
        } else if !definitions.contains_key(end_of_arn(&service.task_definition)) {
            "services have a task definition that is not in the files"
        } else {
            if service.scheduling_strategy.as_deref() == Some("DAEMON") {
                // It has as many as there are instances, and no strategy.
                service.desired_count = None;
                service.placement_strategy.clear();
            }
            let deployment = service.deployment_configuration.as_ref().and_then(|it| it.strategy.as_deref());
            if deployment.is_some_and(|strategy| strategy != "ROLLING") {
                left_out.part("services deploy other than ROLLING, as which they are taken", &service.service_name);
            }
            kept.push(service);
            continue;
        };
        left_out.object(why, &service.service_name);
    }
    kept
}

fn runs_on_ec2(service: &Service) -> bool {
    let is_fargate = |name: &str| matches!(name, "FARGATE" | "FARGATE_SPOT");
    let providers = service.capacity_provider_strategy.iter().flatten();
    matches!(service.launch_type.as_deref(), None | Some("EC2"))
        && !providers.into_iter().any(|item| is_fargate(&item.capacity_provider))
}

/// The task definitions that tasks and services name.
fn used_definitions(
    definitions: &BTreeMap<String, TaskDefinition>,
    tasks: &[Task],
    services: &[Service],
) -> Vec<TaskDefinition> {
    let of_tasks = tasks.iter().map(|task| end_of_arn(&task.task_definition_arn));
    let of_services = services.iter().map(|service| end_of_arn(&service.task_definition));
    let used: HashSet<&str> = of_tasks.chain(of_services).collect();
    let mut used: Vec<_> = definitions.values().filter(|it| used.contains(&*it.name().to_string())).cloned().collect();
    used.sort_by(|a, b| a.family().cmp(b.family()).then(a.revision().cmp(&b.revision())));
    used
}

/// What was found, to compare with what ECS counts.
struct Found<'a> {
    instances: usize,
    tasks: &'a [Task],
    services: &'a [Service],
}

impl Found<'_> {
    fn contradictions(&self, pages: &Pages) -> Vec<String> {
        let mut notes = Vec::new();
        let found = [self.instances as u64, self.tasks.len() as u64, self.services.len() as u64];
        for cluster in pages.clusters.values() {
            let counts = [
                (cluster.registered_container_instances_count, "container instances"),
                (cluster.running_tasks_count, "running tasks"),
                (cluster.active_services_count, "services"),
            ];
            for ((count, what), found) in counts.into_iter().zip(found) {
                if let Some(count) = count.filter(|&count| count != found) {
                    let name = &cluster.cluster_name;
                    notes.push(format!("cluster `{name}` counts {count} {what}; the trace has {found}"));
                }
            }
        }
        let mut running: HashMap<&str, u64> = HashMap::new();
        for group in self.tasks.iter().filter_map(|task| task.group.as_deref()) {
            *running.entry(group).or_default() += 1;
        }
        for service in self.services {
            let found = running.get(&*format!("service:{}", service.service_name)).copied().unwrap_or(0);
            if let Some(count) = service.running_count.filter(|&count| count != found) {
                let name = &service.service_name;
                notes.push(format!("service `{name}` counts {count} running tasks; the trace has {found}"));
            }
        }
        notes
    }
}

/// Milliseconds since 1970 of a moment as the AWS command line prints it, in either of its forms.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a moment in milliseconds is far below 2^53"
)]
fn moment_ms(moment: Option<&Value>) -> Option<u64> {
    match moment? {
        Value::Number(seconds) => seconds.as_f64().map(|seconds| (seconds * 1000.0) as u64),
        Value::String(text) => u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok(),
        _ => None,
    }
}
