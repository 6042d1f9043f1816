//! Class 2: one more instance like one of the fleet, in one of the fleet's Availability Zones.
//!
//! Instances that registered with the same description but for name, zone, status and load are of one kind. The smallest comes
//! first: the sum of its CPU, memory and GPUs as shares of the largest instance present; then the kind that registered
//! first; then the zone that did. It joins DRAINING and becomes ACTIVE right before the decision, because what joins does so
//! before all other events of its instant, and the tasks that they ask for must not find it.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use scheduler_core::{
    Amounts, AttributeName, Cluster, ContainerInstance, Demand, GPU_MILLI, InstanceStatus, InstanceView,
    PlacementRequest,
};

use super::change::{Change, Origin};
use super::search::{Refusal, Registration, Scale, Search};
use crate::simulation::Addition;
use crate::trace::{Action, InstanceDescription, InstanceEntry};

/// An instance that could join.
struct Candidate<'a> {
    size: u64,
    model: &'a Registration,
    description: InstanceDescription,
    zone: Box<str>,
}

pub(super) fn search(search: &mut Search<'_, '_>) -> ControlFlow<()> {
    if search.refusal.decision.named_instance.is_some() {
        return ControlFlow::Continue(());
    }
    let name = free_name(search.refusal);
    for candidate in candidates(search.refusal, &name) {
        let Candidate { model, description, zone, .. } = candidate;
        let description = InstanceDescription { status: InstanceStatus::Draining, ..description };
        let entry = InstanceEntry {
            name: Some(Arc::clone(&name)),
            count: 1,
            description: Arc::new(description),
            place: model.entry.place.clone(),
        };
        let change = Change::Join {
            like: like(search.refusal, model),
            instance_type: model.entry.description.instance_type.clone(),
            zone,
            name: Arc::clone(&name),
            origin: Origin { event: model.event, index: model.index },
        };
        let additions = [
            Addition::Event(Action::RegisterContainerInstances([entry].into())),
            Addition::Event(Action::UpdateContainerInstancesState {
                instances: vec![Arc::clone(&name)],
                status: InstanceStatus::Active,
            }),
        ];
        search.offer(change, &additions)?;
    }
    ControlFlow::Continue(())
}

/// Those that could hold the task if they stood empty, the smallest first.
fn candidates<'a>(refusal: &Refusal<'a, '_>, name: &str) -> Vec<Candidate<'a>> {
    let Refusal { halted, decision, .. } = refusal;
    let cluster = halted.cluster();
    let mut kinds: IndexMap<String, (&Registration, InstanceDescription)> = IndexMap::new();
    for registration in refusal.registrations {
        let description = like_new(&registration.entry.description);
        kinds.entry(format!("{description:?}")).or_insert((registration, description));
    }
    let present = cluster.instances().filter(InstanceView::is_present);
    let mut zones: IndexSet<&str> = present.map(|instance| instance.zone()).collect();
    if zones.is_empty() {
        // Everybody is down.
        zones = cluster.instances().map(|instance| instance.zone()).collect();
    }
    let scale = Scale::of(cluster);
    let mut candidates = Vec::new();
    for (model, description) in kinds.into_values() {
        for zone in &zones {
            let description = InstanceDescription { zone: Some((*zone).into()), ..description.clone() };
            let instance = description.build(name, halted.moment_ms()).ok();
            let size = instance.and_then(|it| size_if_eligible(it, &decision.request, cluster, scale));
            if let Some(size) = size {
                candidates.push(Candidate { size, model, description, zone: (*zone).into() });
            }
        }
    }
    candidates.sort_by_key(|candidate| candidate.size);
    candidates
}

/// What a description says of an instance that registers now, wherever and under whatever name.
fn like_new(description: &InstanceDescription) -> InstanceDescription {
    let mut attributes = description.attributes.clone();
    attributes.remove(AttributeName::availability_zone());
    InstanceDescription {
        zone: None,
        attributes,
        status: InstanceStatus::Active,
        agent_connected: true,
        registered_at_ms: None,
        foreign_load: Demand::default(),
        ..description.clone()
    }
}

/// The size of an instance, if it could hold the task.
fn size_if_eligible(
    instance: ContainerInstance,
    request: &PlacementRequest,
    cluster: &Cluster,
    scale: Scale,
) -> Option<u64> {
    let mut alone = Cluster::new(cluster.headroom_weights());
    let resources = instance.resources();
    let size = scale.size(Amounts {
        cpu_units: resources.cpu_units(),
        memory_mib: resources.memory_mib(),
        gpu_milli: u32::try_from(resources.gpu_ids().len()).unwrap_or(u32::MAX).saturating_mul(GPU_MILLI),
    });
    alone.register(instance).ok()?;
    let is_eligible = scheduler_core::Scheduler::default().refusal(&alone, request).is_none();
    is_eligible.then_some(size)
}

/// The name of the first instance of an entry.
fn like(refusal: &Refusal<'_, '_>, model: &Registration) -> String {
    let before = |other: &&Registration| (other.event, other.index) != (model.event, model.index);
    let first_number = refusal.registrations.iter().take_while(before).map(|it| u64::from(it.entry.count)).sum();
    model.entry.name(0, first_number).to_string()
}

/// The names `added-1`, `added-2`, … that a trace has for instances of its own.
#[derive(Debug, Clone, Default)]
pub struct AddedNames {
    /// Their numbers.
    numbers: HashSet<u64>,
    /// The most copies of an entry called `added`: they are called `added-0`, `added-1` and so on.
    copies: u64,
}

impl AddedNames {
    /// Takes note of instances that register, sooner or later.
    pub fn note(&mut self, entry: &InstanceEntry) {
        match (entry.name.as_deref(), entry.count) {
            (Some(name), 1) => self.numbers.extend(number_of(name)),
            (Some("added"), count) => self.copies = self.copies.max(count.into()),
            _ => {}
        }
    }

    fn has(&self, number: u64) -> bool {
        number < self.copies || self.numbers.contains(&number)
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("added-")?.parse().ok()
}

/// The first name that no instance has, had or will have: where it joins, the whole trace goes on.
fn free_name(refusal: &Refusal<'_, '_>) -> Arc<str> {
    let cluster = refusal.halted.cluster();
    let mut number = 1;
    loop {
        let name = format!("added-{number}");
        if cluster.instance_id(&name).is_none() && !refusal.added_names.has(number) {
            return name.into();
        }
        number += 1;
    }
}
