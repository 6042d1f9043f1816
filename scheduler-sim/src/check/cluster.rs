//! A plain model of the cluster: a list of instances, each with a list of its tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scheduler_core::{Attributes, ContainerInstance, GpuDemand, HostPort, InstanceStatus, ReleaseOn};

use super::ask::Ask;
use super::expression::{Facts, holds};
use super::services::ServiceNumber;
use crate::trace::Settings;

/// A GPU in thousandths.
const WHOLE_GPU: i64 = 1_000;

/// The position of an instance among all that ever registered.
pub(super) type InstanceNumber = usize;
/// The position of a task among all that ever started.
pub(super) type TaskNumber = u64;

#[derive(Debug)]
pub(super) struct Cluster<'a> {
    pub(super) settings: &'a Settings,
    pub(super) instances: Vec<Instance>,
    /// Those that hold resources.
    pub(super) tasks: BTreeMap<TaskNumber, Task>,
    /// Those whose desired status is RUNNING; each placement asks whether its name is taken.
    names: BTreeMap<Arc<str>, TaskNumber>,
    starts: TaskNumber,
    /// Counts what `changed` takes note of.
    pub(super) version: u64,
    /// Since waiting tasks and services had their last turns.
    pub(super) changed: Changed,
}

/// Instances by the way in which they changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// They may take more: a task ended or gave its resources back there, they joined, returned, became ACTIVE or were
    /// connected, or their attributes changed.
    pub(super) freed: BTreeSet<InstanceNumber>,
    /// They took a task.
    pub(super) placed: BTreeSet<InstanceNumber>,
    /// They joined, left or returned, or their status, agent or attributes changed.
    pub(super) instances: BTreeSet<InstanceNumber>,
    /// The version of the cluster after the last of `freed`.
    pub(super) freed_at: u64,
    /// The version of the cluster after the last of `placed`.
    pub(super) placed_at: u64,
}

impl Changed {
    pub(super) fn is_empty(&self) -> bool {
        [&self.freed, &self.placed, &self.instances].into_iter().all(BTreeSet::is_empty)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Present,
    /// It failed and will return.
    Down,
    Gone,
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) description: ContainerInstance,
    pub(super) attributes: Attributes,
    pub(super) active: bool,
    pub(super) connected: bool,
    pub(super) presence: Presence,
    pub(super) cpu_left: i64,
    pub(super) memory_left: i64,
    /// Those that hold resources, the oldest first.
    pub(super) tasks: Vec<TaskNumber>,
}

#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) name: Arc<str>,
    pub(super) ask: Arc<Ask>,
    pub(super) instance: InstanceNumber,
    /// Positions of its GPUs.
    pub(super) gpus: Vec<usize>,
    /// Its desired status is RUNNING.
    pub(super) should_run: bool,
    /// From when on it is healthy, if it is a service's; `None`: it is not RUNNING yet.
    pub(super) healthy_ms: Option<u64>,
    /// It ran at time 0 and waits for its service to be created.
    pub(super) is_adoptable: bool,
    /// It ends by itself.
    pub(super) is_timed: bool,
    /// The service that it belongs to, by the number of its creation, and the deployment.
    pub(super) service: Option<(ServiceNumber, u32)>,
}

/// A count among the amounts, which may be negative.
pub(super) fn amount(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Instance {
    pub(super) fn name(&self) -> &str {
        self.description.name()
    }

    pub(super) fn zone(&self) -> &str {
        self.attributes.get("ecs.availability-zone").value().unwrap_or("")
    }

    pub(super) fn is_present(&self) -> bool {
        self.presence == Presence::Present
    }
}

impl<'a> Cluster<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            instances: Vec::new(),
            tasks: BTreeMap::new(),
            names: BTreeMap::new(),
            starts: 0,
            version: 0,
            changed: Changed::default(),
        }
    }

    pub(super) fn register(&mut self, description: ContainerInstance) {
        let (resources, foreign) = (description.resources(), description.foreign_load());
        self.instances.push(Instance {
            attributes: description.attributes().clone(),
            active: description.status() == InstanceStatus::Active,
            connected: description.agent_connected(),
            presence: Presence::Present,
            cpu_left: i64::from(resources.cpu_units()) - i64::from(foreign.cpu_units),
            memory_left: i64::from(resources.memory_mib()) - i64::from(foreign.memory_mib),
            tasks: Vec::new(),
            description,
        });
        self.has_reopened(self.instances.len() - 1);
    }

    /// Something changed on an instance that may have made room.
    fn has_freed(&mut self, number: InstanceNumber) {
        self.version += 1;
        self.changed.freed.insert(number);
        self.changed.freed_at = self.version;
    }

    /// An instance joined or changed so that it may take more.
    pub(super) fn has_reopened(&mut self, number: InstanceNumber) {
        self.changed.instances.insert(number);
        self.has_freed(number);
    }

    /// An instance left, or changed so that it takes less.
    pub(super) fn has_closed(&mut self, number: InstanceNumber) {
        self.version += 1;
        self.changed.instances.insert(number);
    }

    /// The instance of that name that is present, or down and to return.
    pub(super) fn instance_named(&self, name: &str) -> Option<InstanceNumber> {
        self.instances.iter().rposition(|instance| instance.presence != Presence::Gone && instance.name() == name)
    }

    pub(super) fn task_named(&self, name: &str) -> Option<TaskNumber> {
        self.names.get(name).copied()
    }

    /// Tasks whose desired status is RUNNING, on an instance.
    pub(super) fn running_on(&self, number: InstanceNumber) -> impl Iterator<Item = (TaskNumber, &Task)> {
        let tasks = self.instances[number].tasks.iter().map(|task| (*task, &self.tasks[task]));
        tasks.filter(|(_, task)| task.should_run)
    }

    pub(super) fn start(&mut self, task: Task) -> TaskNumber {
        let number = self.starts;
        self.starts += 1;
        let instance = &mut self.instances[task.instance];
        instance.cpu_left -= task.ask.cpu;
        instance.memory_left -= task.ask.memory;
        instance.tasks.push(number);
        self.names.insert(Arc::clone(&task.name), number);
        self.version += 1;
        self.changed.placed.insert(task.instance);
        self.changed.placed_at = self.version;
        self.tasks.insert(number, task);
        number
    }

    /// Its desired status becomes STOPPED.
    pub(super) fn stop(&mut self, number: TaskNumber) {
        let Some(task) = self.tasks.get_mut(&number) else { return };
        task.should_run = false;
        self.names.remove(&task.name);
        let instance = task.instance;
        self.has_freed(instance);
        if self.settings.release_on == ReleaseOn::DesiredStopped {
            self.release(number);
        }
    }

    /// It gives its resources back.
    pub(super) fn release(&mut self, number: TaskNumber) {
        let Some(task) = self.tasks.remove(&number) else { return };
        let instance = &mut self.instances[task.instance];
        instance.cpu_left += task.ask.cpu;
        instance.memory_left += task.ask.memory;
        instance.tasks.retain(|held| *held != number);
        self.has_freed(task.instance);
    }

    /// What nobody holds of each GPU, in thousandths; foreign load has the first ones.
    pub(super) fn gpu_millis_left(&self, number: InstanceNumber) -> Vec<i64> {
        let description = &self.instances[number].description;
        let registered = description.resources().gpu_ids().len();
        let foreign = match description.foreign_load().gpus {
            GpuDemand::Count(count) => count as usize,
            GpuDemand::All => registered,
            GpuDemand::Share(_) => 0,
        };
        let told = description.gpu_millis().unwrap_or_default();
        let offered = |gpu| told.get(gpu).map_or(WHOLE_GPU, |milli| i64::from(*milli));
        let mut left: Vec<i64> = (0..registered).map(|gpu| if gpu < foreign { 0 } else { offered(gpu) }).collect();
        for task in self.instances[number].tasks.iter().map(|task| &self.tasks[task]) {
            let held = if let GpuDemand::Share(milli) = task.ask.gpus { i64::from(milli) } else { WHOLE_GPU };
            task.gpus.iter().for_each(|gpu| left[*gpu] -= held);
        }
        left
    }

    /// Positions of GPUs of which nobody holds anything.
    pub(super) fn free_gpus(&self, number: InstanceNumber) -> Vec<usize> {
        let left = self.gpu_millis_left(number);
        (0..left.len()).filter(|gpu| left[*gpu] == WHOLE_GPU).collect()
    }

    /// The GPUs that a task gets there: the first free ones (C-11); for a share the one with the least left that suffices.
    pub(super) fn gpus_for(&self, number: InstanceNumber, ask: &Ask) -> Vec<usize> {
        let mut free = self.free_gpus(number);
        match ask.gpus {
            GpuDemand::Count(count) => free.truncate(count as usize),
            GpuDemand::All => {}
            GpuDemand::Share(milli) => {
                let left = self.gpu_millis_left(number);
                let roomy = (0..left.len()).filter(|gpu| left[*gpu] >= i64::from(milli));
                return roomy.min_by_key(|gpu| left[*gpu]).into_iter().collect();
            }
        }
        free
    }

    /// Whether these are as many GPUs as are asked for, each with enough left.
    pub(super) fn are_enough(&self, number: InstanceNumber, ask: &Ask, gpus: &[usize]) -> bool {
        let left = self.gpu_millis_left(number);
        let (count, milli) = match ask.gpus {
            GpuDemand::Count(count) => (count as usize, WHOLE_GPU),
            GpuDemand::All => (left.len(), WHOLE_GPU),
            GpuDemand::Share(milli) => (1, i64::from(milli)),
        };
        let mut distinct = gpus.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.len() == count && gpus.len() == count && gpus.iter().all(|gpu| left[*gpu] >= milli)
    }

    /// The positions of GPUs by their ids; `None`: there is no such GPU.
    pub(super) fn gpu_positions(&self, number: InstanceNumber, names: &[String]) -> Option<Vec<usize>> {
        let ids = self.instances[number].description.resources().gpu_ids();
        names.iter().map(|name| ids.iter().position(|id| **id == **name)).collect()
    }

    pub(super) fn gpu_ids(&self, number: InstanceNumber, gpus: &[usize]) -> Vec<String> {
        let ids = self.instances[number].description.resources().gpu_ids();
        gpus.iter().map(|gpu| ids[*gpu].to_string()).collect()
    }

    pub(super) fn taken_ports(&self, number: InstanceNumber) -> Vec<HostPort> {
        let instance = &self.instances[number];
        let reserved = instance.description.resources().reserved_ports().iter();
        let mut taken: Vec<HostPort> = reserved.chain(instance.description.foreign_load().host_ports.iter()).collect();
        taken.extend(instance.tasks.iter().flat_map(|task| self.tasks[task].ask.ports.iter().copied()));
        taken.sort_unstable();
        taken.dedup();
        taken
    }

    /// Network interfaces left; `None`: no limit is known.
    pub(super) fn enis_left(&self, number: InstanceNumber) -> Option<i64> {
        let instance = &self.instances[number];
        let taken = amount(instance.tasks.iter().filter(|task| self.tasks[task].ask.eni).count());
        let foreign = i64::from(instance.description.foreign_load().needs_eni);
        instance.description.eni_task_limit().map(|limit| (i64::from(limit) - foreign).max(0) - taken)
    }

    pub(super) fn headroom(&self, number: InstanceNumber) -> i128 {
        let instance = &self.instances[number];
        let weights = self.settings.headroom_weights;
        i128::from(weights.cpu) * i128::from(instance.cpu_left)
            + i128::from(weights.memory) * i128::from(instance.memory_left)
    }

    /// Whether an expression holds on an instance.
    pub(super) fn matches(&self, number: InstanceNumber, expression: &scheduler_core::Expression) -> bool {
        let instance = &self.instances[number];
        let groups = if expression.reads_tasks() {
            self.running_on(number).map(|(_, task)| &*task.ask.group).collect()
        } else {
            Vec::new()
        };
        let facts = Facts {
            name: instance.name(),
            attributes: &instance.attributes,
            connected: instance.connected,
            agent_version: instance.description.agent_version(),
            registered_at_ms: instance.description.registered_at_ms(),
            groups,
        };
        holds(expression.root(), &facts)
    }

    /// Instances that are ACTIVE or DRAINING, in the order of their registration.
    pub(super) fn present(&self) -> impl Iterator<Item = InstanceNumber> {
        (0..self.instances.len()).filter(|number| self.instances[*number].is_present())
    }
}
