//! The plain cluster: a list of instances, each with its list of tasks. What remains is added up when it is asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use scheduler_core::laws::{InstanceCall, TaskCall};
use scheduler_core::{
    AttributeName, Attributes, ContainerInstance, DesiredStatus, GpuDemand, HeadroomWeights, HealthStatus, HostPort,
    InstanceId, InstanceStatus, PlacementRequest, ReleaseOn, Resources, TaskGroup, TaskId, TaskSpec, TaskStatus,
};

/// A call that was refused; the reference knows no more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// The plain cluster.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Points of headroom.
    pub weights: HeadroomWeights,
    /// When stopping tasks give their resources back.
    pub release_on: ReleaseOn,
    /// Registrations so far.
    pub next_instance: u64,
    /// Starts so far.
    pub next_task: u64,
    /// Registered instances, failed ones included, in the order of their registration.
    pub instances: Vec<Instance>,
}

/// One registered instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its handle.
    pub id: InstanceId,
    /// Whether it is failed now.
    pub failed: bool,
    /// As it registered.
    pub description: ContainerInstance,
    /// Its attributes now.
    pub attributes: Attributes,
    /// What it has registered now.
    pub resources: Resources,
    /// Whether it is ACTIVE.
    pub active: bool,
    /// Whether its agent is connected.
    pub connected: bool,
    /// Tasks that hold resources on it, oldest first.
    pub tasks: Vec<Task>,
}

/// One task that holds resources.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its handle.
    pub id: TaskId,
    /// What it is.
    pub spec: Arc<TaskSpec>,
    /// The GPUs it holds, or holds a share of.
    pub gpus: BTreeSet<usize>,
    /// Whether it should run.
    pub desired: DesiredStatus,
    /// How far it has come.
    pub status: TaskStatus,
    /// What its health checks say.
    pub health: HealthStatus,
    /// Whether scale-in must leave it alone.
    pub protected: bool,
}

impl Task {
    /// Whether its desired status is RUNNING.
    pub fn should_run(&self) -> bool {
        self.desired == DesiredStatus::Running
    }
}

impl Instance {
    /// Its Availability Zone.
    pub fn zone(&self) -> &str {
        self.attributes.get("ecs.availability-zone").value().unwrap_or("")
    }

    /// CPU units: registered minus the foreign load minus every task's.
    pub fn remaining_cpu(&self) -> i64 {
        let taken: i64 = self.tasks.iter().map(|task| i64::from(task.spec.demand.cpu_units)).sum();
        i64::from(self.resources.cpu_units()) - i64::from(self.description.foreign_load().cpu_units) - taken
    }

    /// MiB: registered minus the foreign load minus every task's.
    pub fn remaining_memory(&self) -> i64 {
        let taken: i64 = self.tasks.iter().map(|task| i64::from(task.spec.demand.memory_mib)).sum();
        i64::from(self.resources.memory_mib()) - i64::from(self.description.foreign_load().memory_mib) - taken
    }

    /// GPUs that nobody holds, nor any share of them.
    pub fn free_gpus(&self) -> BTreeSet<usize> {
        let left = self.gpu_millis_left();
        (0..left.len()).filter(|gpu| left[*gpu] == 1000).collect()
    }

    /// What nobody holds of each GPU, in thousandths.
    pub fn gpu_millis_left(&self) -> Vec<i64> {
        let registered = self.resources.gpu_ids().len();
        let foreign = match self.description.foreign_load().gpus {
            GpuDemand::Count(count) => count as usize,
            GpuDemand::All => registered,
            // A description takes no share.
            GpuDemand::Share(_) => 0,
        };
        let offered = |gpu: usize| {
            let told = self.description.gpu_millis().and_then(|millis| millis.get(gpu).copied());
            if gpu < foreign { 0 } else { i64::from(told.unwrap_or(1000)) }
        };
        let held = |gpu: usize| -> i64 {
            let holders = self.tasks.iter().filter(|task| task.gpus.contains(&gpu));
            holders.map(|task| wanted_of_each(task.spec.demand.gpus)).sum()
        };
        (0..registered).map(|gpu| offered(gpu) - held(gpu)).collect()
    }

    /// Network interfaces left; `None`: no limit is known.
    pub fn remaining_enis(&self) -> Option<i64> {
        let foreign = i64::from(self.description.foreign_load().needs_eni);
        let taken = count(self.tasks.iter().filter(|task| task.spec.demand.needs_eni).count());
        self.description.eni_task_limit().map(|limit| (i64::from(limit) - foreign).max(0) - taken)
    }

    /// Host ports that cannot be had.
    pub fn taken_ports(&self) -> BTreeSet<HostPort> {
        let reserved = self.resources.reserved_ports().iter().chain(self.description.foreign_load().host_ports.iter());
        reserved.chain(self.tasks.iter().flat_map(|task| task.spec.demand.host_ports.iter())).collect()
    }

    /// Tasks that should run.
    pub fn running(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.should_run())
    }

    /// Tasks of a group that should run.
    pub fn running_of(&self, group: &TaskGroup) -> usize {
        self.running().filter(|task| task.spec.group == *group).count()
    }
}

impl Reference {
    /// A plain cluster without instances.
    pub fn new(weights: HeadroomWeights, release_on: ReleaseOn) -> Self {
        Self { weights, release_on, next_instance: 0, next_task: 0, instances: Vec::new() }
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }

    /// Instances that have not failed.
    pub fn present(&self) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(|instance| !instance.failed)
    }

    /// All tasks by their handles, each with its instance.
    pub fn tasks(&self) -> Vec<(&Instance, &Task)> {
        let of_instance = |instance| -> Vec<_> { Instance::tasks_of(instance).collect() };
        let mut tasks: Vec<_> = self.instances.iter().flat_map(of_instance).collect();
        tasks.sort_by_key(|(_, task)| task.id);
        tasks
    }

    /// Headroom of an instance (C-19).
    pub fn headroom(&self, instance: &Instance) -> i128 {
        i128::from(self.weights.cpu) * i128::from(instance.remaining_cpu())
            + i128::from(self.weights.memory) * i128::from(instance.remaining_memory())
    }

    /// RegisterContainerInstance.
    ///
    /// # Errors
    /// If the name is in use.
    pub fn register(&mut self, description: &ContainerInstance) -> Result<InstanceId, Refused> {
        if self.instances.iter().any(|instance| instance.description.name() == description.name()) {
            return Err(Refused);
        }
        let id = InstanceId::from_number(self.next_instance);
        self.next_instance += 1;
        self.instances.push(Instance {
            id,
            failed: false,
            attributes: description.attributes().clone(),
            resources: description.resources().clone(),
            active: description.status() == InstanceStatus::Active,
            connected: description.agent_connected(),
            tasks: Vec::new(),
            description: description.clone(),
        });
        Ok(id)
    }

    /// Starts a task where the caller has found it to fit.
    ///
    /// # Errors
    /// If the instance is not there.
    pub fn start(&mut self, id: InstanceId, request: &PlacementRequest) -> Result<TaskId, Refused> {
        let task = TaskId::from_number(self.next_task);
        let instance = self.instances.iter_mut().find(|instance| instance.id == id).ok_or(Refused)?;
        let free = instance.free_gpus();
        let gpus = match request.demand().gpus {
            GpuDemand::Count(count) => free.into_iter().take(count as usize).collect(),
            GpuDemand::All => free,
            GpuDemand::Share(milli) => {
                let left = instance.gpu_millis_left();
                let roomy = (0..left.len()).filter(|gpu| left[*gpu] >= i64::from(milli));
                roomy.min_by_key(|gpu| left[*gpu]).into_iter().collect()
            }
        };
        instance.tasks.push(Task {
            id: task,
            spec: Arc::clone(request.spec()),
            gpus,
            desired: DesiredStatus::Running,
            status: TaskStatus::Pending,
            health: HealthStatus::Unknown,
            protected: false,
        });
        self.next_task += 1;
        Ok(task)
    }

    /// A call on one instance.
    ///
    /// # Errors
    /// Wherever the cluster's documentation says so.
    pub fn on_instance(&mut self, id: InstanceId, call: &InstanceCall) -> Result<(), Refused> {
        let position = self.instances.iter().position(|instance| instance.id == id).ok_or(Refused)?;
        let instance = &mut self.instances[position];
        match call {
            InstanceCall::Deregister if !instance.tasks.is_empty() => return Err(Refused),
            InstanceCall::Deregister | InstanceCall::DeregisterForce => drop(self.instances.remove(position)),
            InstanceCall::ReturnFailed if instance.failed => instance.failed = false,
            _ if instance.failed => return Err(Refused),
            InstanceCall::ReturnFailed => return Err(Refused),
            InstanceCall::Fail => {
                instance.failed = true;
                instance.tasks.clear();
            }
            InstanceCall::Drain => instance.active = false,
            InstanceCall::Reactivate => instance.active = true,
            InstanceCall::ConnectAgent => instance.connected = true,
            InstanceCall::DisconnectAgent => instance.connected = false,
            InstanceCall::PutAttributes(attributes) => {
                let custom = |all: &Attributes| all.iter().filter(|(name, _)| !name.is_reserved()).count();
                let mut all = instance.attributes.clone();
                all.extend(attributes.iter().cloned());
                let grows = custom(&all) > custom(&instance.attributes);
                let is_reserved = attributes.iter().any(|(name, _)| name.is_reserved());
                if attributes.len() > 10 || is_reserved || (grows && custom(&all) > 10) {
                    return Err(Refused);
                }
                instance.attributes = all;
            }
            InstanceCall::DeleteAttributes(names) => {
                if names.iter().any(AttributeName::is_reserved) {
                    return Err(Refused);
                }
                for name in names {
                    instance.attributes.remove(name);
                }
            }
            InstanceCall::Resize(resources) => instance.resize(resources)?,
        }
        Ok(())
    }

    /// A call on one task.
    ///
    /// # Errors
    /// Wherever the cluster's documentation says so.
    pub fn on_task(&mut self, id: TaskId, call: TaskCall) -> Result<(), Refused> {
        let releases_at_once = self.release_on == ReleaseOn::DesiredStopped;
        let holds = |instance: &Instance| instance.tasks.iter().position(|task| task.id == id);
        let found = self.instances.iter_mut().find_map(|instance| holds(instance).map(|at| (at, instance)));
        let (position, instance) = found.ok_or(Refused)?;
        let task = &mut instance.tasks[position];
        match call {
            TaskCall::Stop if !task.should_run() => return Err(Refused),
            TaskCall::Release if task.should_run() => return Err(Refused),
            TaskCall::Stop if !releases_at_once => task.desired = DesiredStatus::Stopped,
            TaskCall::Stop | TaskCall::Release => drop(instance.tasks.remove(position)),
            TaskCall::SetStatus(status) => task.status = status,
            TaskCall::SetHealth(health) => task.health = health,
            TaskCall::SetProtection(protected) => task.protected = protected,
        }
        Ok(())
    }
}

impl Instance {
    fn tasks_of(instance: &Self) -> impl Iterator<Item = (&Self, &Task)> {
        instance.tasks.iter().map(move |task| (instance, task))
    }

    /// What is held must fit the new size; a port that is held cannot become reserved.
    fn resize(&mut self, resources: &Resources) -> Result<(), Refused> {
        let foreign = self.description.foreign_load();
        let foreign_ports: Vec<_> =
            foreign.host_ports.iter().filter(|port| !self.resources.reserved_ports().contains(*port)).collect();
        let held = self.tasks.iter().flat_map(|task| task.spec.demand.host_ports.iter()).collect::<Vec<_>>();
        let ports_clash = held.into_iter().chain(foreign_ports).any(|port| resources.reserved_ports().contains(port));
        let gpu_count = resources.gpu_ids().len();
        let foreign_gpus_fit = match foreign.gpus {
            GpuDemand::Count(count) => count as usize <= gpu_count,
            GpuDemand::All => true,
            GpuDemand::Share(_) => false,
        };
        // GPUs that others have a part of are in use.
        let told = self.description.gpu_millis().unwrap_or_default();
        let foreign_gpus_fit = foreign_gpus_fit && told.iter().skip(gpu_count).all(|milli| *milli == 1000);
        let gpus_fit = foreign_gpus_fit && self.tasks.iter().flat_map(|task| &task.gpus).all(|gpu| *gpu < gpu_count);
        let resized = Self { resources: resources.clone(), ..self.clone() };
        let too_many_ports = resized.taken_ports().len() > 100;
        if ports_clash || !gpus_fit || too_many_ports || resized.remaining_cpu() < 0 || resized.remaining_memory() < 0 {
            return Err(Refused);
        }
        *self = resized;
        Ok(())
    }
}

/// Thousandths that a task holds of each of its GPUs.
pub(super) fn wanted_of_each(gpus: GpuDemand) -> i64 {
    match gpus {
        GpuDemand::Share(milli) => milli.into(),
        GpuDemand::Count(_) | GpuDemand::All => 1000,
    }
}

/// A number of things, to calculate with.
pub(super) fn count(things: usize) -> i64 {
    i64::try_from(things).expect("nothing in a test is counted beyond 63 bits")
}
