//! Reading the cluster: instances, tasks, groups and zones, each a view or an iterator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{
    Amounts, ChainKind, Cluster, DesiredStatus, GpuSet, Group, HealthStatus, InstanceId, InstanceTotals, Occupant,
    Readiness, Slot, TaskId, TaskRecord, TaskSpec, TaskStatus,
};
use crate::expression::{Expression, InstanceFacts};
use crate::model::{
    AttributeLookup, AttributeName, Attributes, ContainerInstance, GPU_MILLI, HostPort, HostPorts, InstanceStatus,
    TaskGroup,
};

impl Cluster {
    /// All registered instances in registration order, failed ones included.
    pub fn instances(&self) -> impl DoubleEndedIterator<Item = InstanceView<'_>> {
        self.instances.iter().map(|(_, slot)| self.view(slot))
    }

    /// One instance by its handle.
    pub fn instance(&self, id: InstanceId) -> Option<InstanceView<'_>> {
        self.instances.slot_of(id).map(|slot| self.view(slot))
    }

    /// The handle of the instance of that name.
    pub fn instance_id(&self, name: &str) -> Option<InstanceId> {
        self.instances.id_of_name(name)
    }

    /// The present instances that an expression matches, in registration order (ListContainerInstances' `filter`).
    pub fn matching<'a>(&'a self, expression: &'a Expression) -> impl Iterator<Item = InstanceView<'a>> {
        self.instances().filter(move |instance| instance.is_present() && expression.matches(instance))
    }

    /// All tasks that hold resources, in the order in which they were started.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'_>> {
        let mut records: Vec<_> = self.tasks.iter().collect();
        records.sort_unstable_by_key(|record| record.id);
        records.into_iter().map(|record| TaskView { cluster: self, record })
    }

    /// One task by its handle.
    pub fn task(&self, id: TaskId) -> Option<TaskView<'_>> {
        self.tasks.index_of(id).map(|index| TaskView { cluster: self, record: self.tasks.get(index) })
    }

    /// The handle of the task that was started under that name, while its desired status is RUNNING.
    pub fn task_id(&self, name: &str) -> Option<TaskId> {
        self.tasks.index_of_name(name).map(|index| self.tasks.get(index).id)
    }

    /// The groups that have a task whose desired status is RUNNING, by name.
    pub fn groups(&self) -> impl Iterator<Item = GroupView<'_>> {
        let groups: BTreeMap<_, _> = self.groups.iter().map(|group| (&group.name, group)).collect();
        groups.into_values().map(|group| GroupView { cluster: self, group })
    }

    /// One group, if it has a task whose desired status is RUNNING.
    pub fn group(&self, name: &TaskGroup) -> Option<GroupView<'_>> {
        self.groups.get(name).map(|group| GroupView { cluster: self, group })
    }

    /// What the present instances of each Availability Zone add up to, by name of the zone.
    pub fn zones(&self) -> impl Iterator<Item = ZoneTotals<'_>> {
        let mut zones: BTreeMap<&str, ZoneTotals<'_>> = BTreeMap::new();
        for instance in self.instances() {
            let Some(totals) = instance.totals() else { continue };
            let zone = instance.zone();
            zones.entry(zone).or_insert_with(|| ZoneTotals::empty(zone)).add(&totals);
        }
        zones.into_values()
    }

    pub(crate) fn view(&self, slot: Slot) -> InstanceView<'_> {
        InstanceView { cluster: self, slot, occupant: self.instances.occupant(slot) }
    }
}

/// One container instance as it is now. The facts that cluster query expressions ask for are read from it.
#[derive(Clone, Copy)]
pub struct InstanceView<'a> {
    cluster: &'a Cluster,
    pub(crate) slot: Slot,
    pub(crate) occupant: &'a Occupant,
}

impl<'a> InstanceView<'a> {
    /// Its handle.
    pub fn id(&self) -> InstanceId {
        self.cluster.instances.ids[self.slot.index()]
    }

    /// Its name (`ec2InstanceId`).
    pub fn name(&self) -> &'a str {
        self.occupant.description.name()
    }

    /// Its Availability Zone.
    pub fn zone(&self) -> &'a str {
        self.occupant.description.zone()
    }

    /// Its attributes as they are now.
    pub fn attributes(&self) -> &'a Attributes {
        self.occupant.description.attributes()
    }

    /// Its description; attributes and registered resources are current, status and agent as they were registered.
    pub fn description(&self) -> &'a ContainerInstance {
        &self.occupant.description
    }

    /// False while it is failed.
    pub fn is_present(&self) -> bool {
        self.cluster.instances.is_present(self.slot)
    }

    /// Present, ACTIVE and with a connected agent: it can take tasks.
    pub fn is_open(&self) -> bool {
        self.cluster.instances.readiness[self.slot.index()].has(Readiness::OPEN)
    }

    /// ACTIVE or DRAINING (of a failed instance: what it will return with).
    pub fn status(&self) -> InstanceStatus {
        self.cluster.instances.status(self.slot)
    }

    /// Whether its agent is connected.
    pub fn agent_connected(&self) -> bool {
        self.cluster.instances.readiness[self.slot.index()].has(Readiness::CONNECTED)
    }

    /// Its numbers, or `None` while it is failed.
    pub fn totals(&self) -> Option<InstanceTotals> {
        self.cluster.instances.totals(self.slot)
    }

    /// Registered minus reserved.
    pub fn remaining(&self) -> Amounts {
        Amounts {
            cpu_units: self.cluster.instances.remaining_cpu[self.slot.index()],
            memory_mib: self.cluster.instances.remaining_memory[self.slot.index()],
            gpu_milli: self.occupant.gpus.left_milli(),
        }
    }

    /// Its headroom by the cluster's weights (C-19).
    pub fn headroom(&self) -> u64 {
        let remaining = self.remaining();
        self.cluster.weights.headroom(remaining.cpu_units, remaining.memory_mib)
    }

    /// Network interfaces left for awsvpc tasks; `None` if no limit is known.
    pub fn remaining_enis(&self) -> Option<u32> {
        self.occupant.remaining_enis
    }

    /// The GPUs of which nothing is taken.
    pub fn free_gpus(&self) -> GpuSet {
        self.occupant.gpus.free()
    }

    /// The thousandths left of each GPU, in registration order: 1,000 of a free one, 0 of one that is taken.
    pub fn free_gpu_millis(&self) -> impl Iterator<Item = u32> + use<'a> {
        let occupant = self.occupant;
        occupant.gpus.millis((occupant.registered.gpu_milli / GPU_MILLI) as usize)
    }

    /// Host ports that are taken, those reserved at registration first.
    pub fn taken_ports(&self) -> impl Iterator<Item = HostPort> + 'a {
        let reserved: &'a HostPorts = self.occupant.description.resources().reserved_ports();
        reserved.iter().chain(self.occupant.task_ports.iter())
    }

    /// Whether a host port is taken.
    pub fn is_port_taken(&self, port: HostPort) -> bool {
        self.occupant.description.resources().reserved_ports().contains(port) || self.occupant.task_ports.contains(port)
    }

    /// `runningTasksCount`: tasks whose desired status is RUNNING.
    pub fn running_tasks_count(&self) -> u32 {
        self.occupant.running_tasks
    }

    /// `pendingTasksCount`: those of them whose last status is PENDING.
    pub fn pending_tasks_count(&self) -> u32 {
        self.occupant.pending_tasks
    }

    /// The tasks that hold resources here, in the order of their placement.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'a>> + use<'a> {
        let cluster = self.cluster;
        let walk = cluster.tasks.walk(self.occupant.tasks, ChainKind::Instance);
        walk.map(move |(_, record)| TaskView { cluster, record })
    }

    /// Tasks of a group here whose desired status is RUNNING.
    pub fn group_count(&self, group: &TaskGroup) -> u32 {
        self.cluster.groups.get(group).map_or(0, |group| group.on(self.slot))
    }
}

impl fmt::Debug for InstanceView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceView")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("zone", &self.zone())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

impl InstanceFacts for InstanceView<'_> {
    fn ec2_instance_id(&self) -> &str {
        self.name()
    }

    fn attribute(&self, name: &AttributeName) -> AttributeLookup<'_> {
        self.attributes().get(name)
    }

    fn agent_connected(&self) -> bool {
        InstanceView::agent_connected(self)
    }

    fn agent_version(&self) -> &str {
        self.occupant.description.agent_version()
    }

    fn registered_at_ms(&self) -> i64 {
        self.occupant.description.registered_at_ms()
    }

    fn running_tasks_count(&self) -> u64 {
        self.occupant.running_tasks.into()
    }

    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.tasks().any(|task| task.desired_status() == DesiredStatus::Running && test(task.group().as_str()))
    }
}

/// One task that holds resources.
#[derive(Clone, Copy)]
pub struct TaskView<'a> {
    cluster: &'a Cluster,
    pub(crate) record: &'a TaskRecord,
}

impl<'a> TaskView<'a> {
    /// Its handle.
    pub fn id(&self) -> TaskId {
        self.record.id
    }

    /// The name it was started under, if any.
    pub fn name(&self) -> Option<&'a str> {
        self.cluster.tasks.name(self.record.id).map(|name| &**name)
    }

    /// The instance it runs on.
    pub fn instance(&self) -> InstanceView<'a> {
        self.cluster.view(self.record.slot)
    }

    /// Its demand, group, kind and definition.
    pub fn spec(&self) -> &'a Arc<TaskSpec> {
        &self.record.spec
    }

    /// The group it counts under.
    pub fn group(&self) -> &'a TaskGroup {
        &self.record.spec.group
    }

    /// What ECS wants of it.
    pub fn desired_status(&self) -> DesiredStatus {
        self.record.desired
    }

    /// How far it has come.
    pub fn status(&self) -> TaskStatus {
        self.record.status
    }

    /// What its health checks say.
    pub fn health(&self) -> HealthStatus {
        self.record.health
    }

    /// Whether scale-in must leave it alone.
    pub fn is_protected(&self) -> bool {
        self.record.protected
    }

    /// Ids of the GPUs that it holds, or holds a share of.
    pub fn gpu_ids(&self) -> impl Iterator<Item = &'a str> {
        let ids = self.cluster.instances.occupant(self.record.slot).description.resources().gpu_ids();
        self.record.gpus.iter().filter_map(move |index| ids.get(index).map(AsRef::as_ref))
    }
}

impl fmt::Debug for TaskView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskView")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("group", &self.group())
            .field("instance", &self.instance().name())
            .finish_non_exhaustive()
    }
}

/// One task group: the scope that `spread` and `distinctInstance` look at.
#[derive(Clone, Copy)]
pub struct GroupView<'a> {
    cluster: &'a Cluster,
    group: &'a Group,
}

impl<'a> GroupView<'a> {
    /// Its name.
    pub fn name(&self) -> &'a TaskGroup {
        &self.group.name
    }

    /// Its tasks whose desired status is RUNNING.
    pub fn running_tasks_count(&self) -> u32 {
        self.group.running
    }

    /// Those tasks, oldest placement first.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'a>> + use<'a> {
        let cluster = self.cluster;
        let walk = cluster.tasks.walk(self.group.tasks, ChainKind::Group);
        walk.map(move |(_, record)| TaskView { cluster, record })
    }

    /// The instances that run them and how many each, in registration order.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceView<'a>, u32)> + use<'a> {
        let cluster = self.cluster;
        let mut counts: Vec<_> = self.group.by_slot.iter().map(|(slot, count)| (cluster.view(slot), count)).collect();
        counts.sort_unstable_by_key(|(instance, _)| instance.id());
        counts.into_iter()
    }
}

impl fmt::Debug for GroupView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupView")
            .field("name", self.name())
            .field("running_tasks_count", &self.group.running)
            .finish_non_exhaustive()
    }
}

/// What the present instances of one Availability Zone add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneTotals<'a> {
    /// The zone's name.
    pub name: &'a str,
    /// Present instances, ACTIVE or DRAINING.
    pub instances: u32,
    /// CPU units registered.
    pub registered_cpu_units: u64,
    /// CPU units reserved.
    pub used_cpu_units: u64,
    /// MiB registered.
    pub registered_memory_mib: u64,
    /// MiB reserved.
    pub used_memory_mib: u64,
    /// Thousandths of GPUs registered.
    pub registered_gpu_milli: u64,
    /// Thousandths of GPUs reserved.
    pub used_gpu_milli: u64,
    /// Tasks whose desired status is RUNNING.
    pub running_tasks: u64,
}

impl<'a> ZoneTotals<'a> {
    fn empty(name: &'a str) -> Self {
        Self {
            name,
            instances: 0,
            registered_cpu_units: 0,
            used_cpu_units: 0,
            registered_memory_mib: 0,
            used_memory_mib: 0,
            registered_gpu_milli: 0,
            used_gpu_milli: 0,
            running_tasks: 0,
        }
    }

    fn add(&mut self, totals: &InstanceTotals) {
        self.instances += 1;
        self.registered_cpu_units += u64::from(totals.registered.cpu_units);
        self.used_cpu_units += u64::from(totals.used.cpu_units);
        self.registered_memory_mib += u64::from(totals.registered.memory_mib);
        self.used_memory_mib += u64::from(totals.used.memory_mib);
        self.registered_gpu_milli += u64::from(totals.registered.gpu_milli);
        self.used_gpu_milli += u64::from(totals.used.gpu_milli);
        self.running_tasks += u64::from(totals.running_tasks);
    }
}
