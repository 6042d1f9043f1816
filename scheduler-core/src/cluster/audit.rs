//! The cluster's books, added up again from its tasks and descriptions: nothing that is kept may differ.

use super::membership::empty_occupant;
use super::{ChainKind, Cluster, DesiredStatus, Slot, TaskKind, TaskStatus};
use crate::model::{HostPorts, RESERVED_PORT_LIMIT};

/// The first entry of the books that does not agree with the tasks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the books of {place} say {kept} for {entry}; its tasks say {recomputed}")]
pub struct AuditError {
    /// The instance or group.
    pub place: Box<str>,
    /// What is kept.
    pub entry: &'static str,
    /// The value kept.
    pub kept: String,
    /// The value that it should have.
    pub recomputed: String,
}

impl Cluster {
    /// Adds everything up again and compares: remaining resources, ports, counters, groups and classes.
    ///
    /// For tests; an error is a bug of this crate. Cost: O(instances × tasks on them).
    ///
    /// # Errors
    /// [`AuditError`] names the first difference.
    pub fn audit(&self) -> Result<(), AuditError> {
        for (_, slot) in self.instances.iter() {
            self.audit_instance(slot)?;
        }
        self.audit_groups()?;
        let on_instances: usize = self.instances().map(|instance| instance.tasks().count()).sum();
        same("the cluster", "tasks", &self.tasks.len(), &on_instances)?;
        self.audit_classes()?;
        same("the cluster", "the soundness of its indexes", &self.indexes_are_sound(), &true)
    }

    fn audit_instance(&self, slot: Slot) -> Result<(), AuditError> {
        let kept = self.instances.occupant(slot);
        let place = kept.description.name();
        let mut sum = empty_occupant(std::sync::Arc::clone(&kept.description));
        let resources = kept.description.resources();
        let foreign = kept.description.foreign_load();
        let mut cpu = u64::from(foreign.cpu_units);
        let mut memory = u64::from(foreign.memory_mib);
        let mut gpus = sum.gpus.clone();
        let mut enis = 0;
        let mut ports: HostPorts = sum.task_ports.clone();
        for (_, record) in self.tasks.walk(kept.tasks, ChainKind::Instance) {
            let demand = &record.spec.demand;
            cpu += u64::from(demand.cpu_units);
            memory += u64::from(demand.memory_mib);
            let has_gpus = demand.gpus.is_none() || gpus.can_give(demand.gpus, record.gpus);
            same(place, "GPUs that can be had", &true, &has_gpus)?;
            gpus.take(demand.gpus, record.gpus);
            enis += u32::from(demand.needs_eni);
            for port in demand.host_ports.iter() {
                same(place, "a host port that was free", &true, &ports.insert(port))?;
            }
            let runs = record.desired == DesiredStatus::Running;
            sum.running_tasks += u32::from(runs);
            sum.pending_tasks += u32::from(runs && record.status == TaskStatus::Pending);
            sum.occupying_tasks += u32::from(record.spec.kind != TaskKind::Daemon);
            sum.holding_tasks += 1;
        }
        let index = slot.index();
        same(place, "CPU units", &u64::from(resources.cpu_units() - self.instances.remaining_cpu[index]), &cpu)?;
        let used_memory = resources.memory_mib() - self.instances.remaining_memory[index];
        same(place, "MiB of memory", &u64::from(used_memory), &memory)?;
        same(place, "GPUs", &kept.gpus, &gpus)?;
        same(place, "ENIs", &kept.remaining_enis, &sum.remaining_enis.map(|limit| limit.wrapping_sub(enis)))?;
        same(place, "host ports", &kept.task_ports, &ports)?;
        let taken = self.instances.taken_port_count(slot);
        let at_most = taken.min(RESERVED_PORT_LIMIT as usize).max(resources.reserved_ports().len());
        same(place, "reserved host ports", &taken, &at_most)?;
        same(place, "running tasks", &kept.running_tasks, &sum.running_tasks)?;
        same(place, "pending tasks", &kept.pending_tasks, &sum.pending_tasks)?;
        same(place, "occupying tasks", &kept.occupying_tasks, &sum.occupying_tasks)?;
        same(place, "tasks that hold resources", &kept.holding_tasks, &sum.holding_tasks)
    }

    fn audit_groups(&self) -> Result<(), AuditError> {
        let mut running = 0;
        for group in self.groups.iter() {
            let place = group.name.as_str();
            let mut members = 0;
            let mut by_slot = std::collections::BTreeMap::<Slot, u32>::new();
            for (_, record) in self.tasks.walk(group.tasks, ChainKind::Group) {
                same(place, "group of a member", &record.spec.group.as_str(), &place)?;
                *by_slot.entry(record.slot).or_insert(0) += 1;
                members += 1;
            }
            same(place, "tasks of the group", &group.running, &members)?;
            same(place, "tasks by instance", &group.by_slot.iter().collect(), &by_slot)?;
            for (index, partition) in self.index.partitions().iter().enumerate() {
                for value in 0..partition.value_count() {
                    let on_value =
                        |(slot, count): (&Slot, &u32)| (partition.value_of(*slot) == value).then_some(*count);
                    let count = by_slot.iter().filter_map(on_value).sum();
                    same(place, "tasks by value", &group.on_value(index, value), &count)?;
                }
            }
            running += members as usize;
        }
        let should_run = self.tasks.iter().filter(|record| record.desired == DesiredStatus::Running).count();
        same("the cluster", "tasks in groups", &running, &should_run)
    }

    /// Instances of one class agree on every mentioned name: each one's projection is that of its class.
    fn audit_classes(&self) -> Result<(), AuditError> {
        let mut again = self.classes.clone();
        for (_, slot) in self.instances.iter() {
            let occupant = self.instances.occupant(slot);
            let class = again.join(occupant.description.attributes());
            same(occupant.description.name(), "attribute class", &self.instances.classes[slot.index()], &class)?;
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    place: &str,
    entry: &'static str,
    kept: &T,
    recomputed: &T,
) -> Result<(), AuditError> {
    if kept == recomputed {
        return Ok(());
    }
    let (kept, recomputed) = (format!("{kept:?}"), format!("{recomputed:?}"));
    Err(AuditError { place: place.into(), entry, kept, recomputed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::classes::ClassIndex;
    use crate::model::{ContainerInstance, Demand, GpuDemand, HostPort, Resources, TaskGroup};
    use crate::placement::{Placement, PlacementRequest, PreparedRequest, Scheduler};

    /// One instance with a task that holds something of everything, and an order that the request looks at.
    fn cluster() -> (Cluster, PreparedRequest) {
        let mut cluster = Cluster::default();
        let demand = Demand {
            gpus: GpuDemand::Count(1),
            host_ports: [HostPort::tcp(80)].into_iter().collect(),
            needs_eni: true,
            ..Demand::new(256, 256)
        };
        let group = TaskGroup::new("family:job").expect("valid");
        let request = Scheduler::default().prepare(&mut cluster, PlacementRequest::new(demand, group)).expect("valid");
        let resources = Resources::new(1024, 1024).with_gpus(2);
        let instance = ContainerInstance::builder("i-0").zone("a").resources(resources);
        let id = cluster.register(instance.eni_task_limit(Some(3)).build().expect("valid")).expect("new").instance;
        cluster.start(&Placement::start_task(id, request.request().clone())).expect("it fits");
        (cluster, request)
    }

    const SLOT: Slot = Slot(0);

    #[test]
    fn every_damage_to_the_books_is_named() {
        type Damage = fn(&mut Cluster);
        let damages: [(&str, Damage); 15] = [
            ("CPU units", |it| it.instances.remaining_cpu[0] -= 1),
            ("MiB of memory", |it| it.instances.remaining_memory[0] += 1),
            ("GPUs", |it| it.instances.occupant_mut(SLOT).gpus.set_free(crate::GpuSet::default())),
            ("ENIs", |it| it.instances.occupant_mut(SLOT).remaining_enis = Some(0)),
            ("host ports", |it| assert!(it.instances.occupant_mut(SLOT).task_ports.insert(HostPort::udp(53)))),
            ("running tasks", |it| it.instances.occupant_mut(SLOT).running_tasks += 1),
            ("pending tasks", |it| it.instances.occupant_mut(SLOT).pending_tasks += 1),
            ("occupying tasks", |it| it.instances.occupant_mut(SLOT).occupying_tasks += 1),
            ("tasks that hold resources", |it| it.instances.occupant_mut(SLOT).holding_tasks += 1),
            ("tasks of the group", |it| it.groups.get_mut(0).running += 1),
            ("tasks by instance", |it| it.groups.get_mut(0).by_slot.add(SLOT)),
            ("tasks by value", |it| it.groups.recount(SLOT, &[])),
            ("running tasks", |it| it.tasks.get_mut(0).desired = DesiredStatus::Stopped),
            ("the soundness of its indexes", |it| it.unindex(SLOT)),
            ("attribute class", |it| it.instances.classes[0] = ClassIndex(7)),
        ];
        let (sound, _request) = cluster();
        assert_eq!(sound.audit(), Ok(()));
        for (entry, damage) in damages {
            let (mut cluster, _request) = cluster();
            damage(&mut cluster);
            assert_eq!(cluster.audit().map_err(|error| error.entry), Err(entry));
        }
    }
}
