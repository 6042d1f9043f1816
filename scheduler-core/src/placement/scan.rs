//! The scan: placement by columns, over all instances, for every request there can be.
//!
//! One pass finds who can and may hold the task; each rule of the chain then keeps the best of those. No allocation
//! once the buffers have grown. Cost: O(instances) a placement.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::check::{custom, has_gpus, member_of};
use super::draw::{Draw, DrawPurpose, draw_feasible, draw_index};
use super::policy::{Candidates, PolicyContext, keep_least};
use super::request::PlacementRequest;
use super::score_memory::ScoreMemory;
use super::static_rules::StaticTable;
use super::strategy::{BinpackField, PlacementStrategy, SpreadField, TieBreak};
use crate::cluster::{ChainKind, Cluster, Group, Readiness, Slot};
use crate::model::{GpuDemand, RESERVED_PORT_LIMIT};

/// Buffers that a prepared request keeps from one placement to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    candidates: Vec<Slot>,
    open: Vec<Slot>,
    counts: Vec<u64>,
    headrooms: Vec<u128>,
    /// One for each rule of the chain that is the embedder's own.
    memories: Vec<ScoreMemory>,
}

/// Everything that one placement reads.
pub(super) struct Scan<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) request: &'a PlacementRequest,
    pub(super) table: &'a StaticTable,
    /// C-22: `spread` counts the tasks of the request's own revision only.
    pub(super) own_revision_only: bool,
}

impl Scan<'_> {
    /// Who can hold it, who may hold it; then whom `headroom` prefers.
    pub(super) fn by_headroom(&self, scratch: &mut Scratch) -> Option<Slot> {
        self.find_feasible(&mut scratch.candidates);
        self.most_headroom_by_zone(scratch)
    }

    /// Who can hold it, who may hold it; then whom each rule prefers; then the tie-break.
    pub(super) fn by_chain(
        &self,
        rules: &[PlacementStrategy],
        tie_break: TieBreak,
        scratch: &mut Scratch,
        draw: &mut dyn Draw,
    ) -> Option<Slot> {
        self.find_feasible(&mut scratch.candidates);
        if let [PlacementStrategy::Random, ..] = rules {
            return self.any_feasible(scratch, draw);
        }
        for (position, rule) in rules.iter().enumerate() {
            if scratch.candidates.len() < 2 {
                break;
            }
            self.narrow(position, rule, scratch, draw);
        }
        self.settle(tie_break, &mut scratch.candidates, draw)
    }

    /// The instances that pass every check, in the order of their slots.
    #[expect(clippy::needless_bitwise_bool, reason = "which of the three fails is as good as random: no branches")]
    fn find_feasible(&self, candidates: &mut Vec<Slot>) {
        let instances = &self.cluster.instances;
        let (cpu_units, memory_mib) = (self.request.demand().cpu_units, self.request.demand().memory_mib);
        candidates.clear();
        let remaining = instances.remaining_cpu.iter().zip(&instances.remaining_memory);
        for ((index, readiness), (cpu, memory)) in instances.readiness.iter().enumerate().zip(remaining) {
            if (*readiness == Readiness::OPEN) & (cpu_units <= *cpu) & (memory_mib <= *memory) {
                candidates.push(Slot(index as u32));
            }
        }
        if !self.table.admits_all() {
            candidates.retain(|slot| self.table.admits(self.cluster, *slot));
        }
        self.keep_with_scarce_resources(candidates);
        self.keep_admitted(candidates);
    }

    /// Ports, GPUs and network interfaces: only of requests that want them.
    fn keep_with_scarce_resources(&self, candidates: &mut Vec<Slot>) {
        let demand = self.request.demand();
        if demand.gpus != GpuDemand::Count(0) {
            candidates.retain(|slot| has_gpus(demand.gpus, &self.cluster.view(*slot)));
        }
        if demand.needs_eni {
            candidates.retain(|slot| self.cluster.view(*slot).remaining_enis() != Some(0));
        }
        let ports = &demand.host_ports;
        if !ports.is_empty() {
            candidates.retain(|slot| {
                let instance = self.cluster.view(*slot);
                let reserved = self.cluster.instances.taken_port_count(*slot) + ports.len();
                reserved <= RESERVED_PORT_LIMIT as usize && !ports.iter().any(|port| instance.is_port_taken(port))
            });
        }
    }

    /// The constraints that are asked of each instance.
    fn keep_admitted(&self, candidates: &mut Vec<Slot>) {
        let Self { cluster, request, .. } = *self;
        if let Some(provider) = request.capacity_provider_name() {
            candidates.retain(|slot| cluster.view(*slot).description().capacity_provider() == Some(provider));
        }
        if let Some(limit) = request.group_limit()
            && let Some(group) = cluster.groups.get(request.group())
        {
            candidates.retain(|slot| group.on(*slot) < limit.get());
        }
        for expression in member_of(request).filter(|expression| !expression.is_static()) {
            candidates.retain(|slot| expression.matches(&cluster.view(*slot)));
        }
        let context = PolicyContext { cluster, request };
        for constraint in custom(request) {
            candidates.retain(|slot| constraint.admits(&context, &cluster.view(*slot)));
        }
    }

    fn narrow(&self, position: usize, rule: &PlacementStrategy, scratch: &mut Scratch, draw: &mut dyn Draw) {
        let Self { cluster, request, .. } = *self;
        let instances = &cluster.instances;
        let candidates = &mut scratch.candidates;
        match rule {
            PlacementStrategy::Random => {
                let chosen = self.any(candidates, DrawPurpose::Strategy, draw);
                candidates.clear();
                candidates.extend(chosen);
            }
            PlacementStrategy::Binpack(BinpackField::Cpu) => {
                keep_least(candidates, |slot| instances.remaining_cpu[slot.index()]);
            }
            PlacementStrategy::Binpack(BinpackField::Memory) => {
                keep_least(candidates, |slot| instances.remaining_memory[slot.index()]);
            }
            PlacementStrategy::Spread(SpreadField::InstanceId) => {
                let scope = Scope::of(cluster, request, self.own_revision_only);
                keep_least(candidates, |slot| scope.on(slot));
            }
            PlacementStrategy::Spread(SpreadField::Attribute(name)) => {
                let buckets = self.table.buckets(name);
                scratch.counts.clear();
                scratch.counts.resize(buckets.count(), 0);
                let scope = Scope::of(cluster, request, self.own_revision_only);
                scope.for_each(|slot, count| {
                    scratch.counts[self.table.bucket(cluster, buckets, slot)] += u64::from(count);
                });
                keep_least(candidates, |slot| scratch.counts[self.table.bucket(cluster, buckets, slot)]);
            }
            PlacementStrategy::Custom(policy) => {
                let context = PolicyContext { cluster, request };
                if scratch.memories.len() <= position {
                    scratch.memories.resize_with(position + 1, ScoreMemory::default);
                }
                let memory = &mut scratch.memories[position];
                policy.narrow(&context, &mut Candidates::new(cluster, candidates, memory), draw);
            }
        }
    }

    /// C-19: the zone with the most headroom over all ACTIVE instances that the static rules admit, then the instance.
    fn most_headroom_by_zone(&self, scratch: &mut Scratch) -> Option<Slot> {
        let Scratch { candidates, headrooms, .. } = scratch;
        if candidates.len() < 2 {
            return candidates.first().copied();
        }
        zone_headrooms(self.cluster, self.table, headrooms);
        candidates.iter().copied().max_by(|one, other| {
            let zone = |slot: &Slot| headrooms[self.table.zone(self.cluster, *slot)];
            let by_zone = zone(one).cmp(&zone(other));
            let id = |slot: &Slot| Reverse(self.cluster.instances.ids[slot.index()]);
            by_zone
                .then_with(|| headroom(self.cluster, *one).cmp(&headroom(self.cluster, *other)))
                .then_with(|| id(one).cmp(&id(other)))
        })
    }

    /// C-27: one of those that the chain left.
    fn settle(&self, tie_break: TieBreak, candidates: &mut [Slot], draw: &mut dyn Draw) -> Option<Slot> {
        let ids = &self.cluster.instances.ids;
        match tie_break {
            TieBreak::Headroom => {
                let key = |slot: &Slot| (Reverse(headroom(self.cluster, *slot)), ids[slot.index()]);
                candidates.iter().copied().min_by_key(key)
            }
            TieBreak::Stable => candidates.iter().copied().min_by_key(|slot| ids[slot.index()]),
            TieBreak::Random => self.any(candidates, DrawPurpose::TieBreak, draw),
        }
    }

    /// `random` as the first rule: see [`draw_feasible`].
    fn any_feasible(&self, scratch: &mut Scratch, draw: &mut dyn Draw) -> Option<Slot> {
        let Scratch { candidates, open, .. } = scratch;
        if candidates.is_empty() {
            return None;
        }
        let instances = &self.cluster.instances;
        open.clear();
        open.extend(instances.iter().map(|(_, slot)| slot));
        open.retain(|slot| instances.readiness[slot.index()] == Readiness::OPEN);
        let hit = |position: usize| Some(open[position]).filter(|slot| candidates.binary_search(slot).is_ok());
        let list = |feasible: &mut Vec<Slot>| {
            feasible.extend(candidates.iter().copied());
            feasible.sort_unstable_by_key(|slot| instances.ids[slot.index()]);
        };
        Some(draw_feasible(draw, open.len(), hit, &mut Vec::new(), list))
    }

    /// One of several, uniformly: the one at the drawn position in the order of registration.
    fn any(&self, candidates: &mut [Slot], purpose: DrawPurpose, draw: &mut dyn Draw) -> Option<Slot> {
        if candidates.len() < 2 {
            return candidates.first().copied();
        }
        let position = draw_index(draw, purpose, candidates.len());
        let ids = &self.cluster.instances.ids;
        let (_, chosen, _) = candidates.select_nth_unstable_by_key(position, |slot| ids[slot.index()]);
        Some(*chosen)
    }
}

pub(super) fn headroom(cluster: &Cluster, slot: Slot) -> u64 {
    let (cpu, memory) = (&cluster.instances.remaining_cpu, &cluster.instances.remaining_memory);
    cluster.weights.headroom(cpu[slot.index()], memory[slot.index()])
}

/// Headroom of each zone: that of its ACTIVE instances which the static rules admit, agent connected or not.
pub(super) fn zone_headrooms(cluster: &Cluster, table: &StaticTable, headrooms: &mut Vec<u128>) {
    let instances = &cluster.instances;
    headrooms.clear();
    headrooms.resize(table.zone_count(), 0);
    for (index, readiness) in instances.readiness.iter().enumerate() {
        let slot = Slot(index as u32);
        if readiness.has(Readiness::PRESENT_AND_ACTIVE) && table.admits(cluster, slot) {
            headrooms[table.zone(cluster, slot)] += u128::from(headroom(cluster, slot));
        }
    }
}

/// The tasks that `spread` counts (C-22, C-23).
pub(super) enum Scope<'a> {
    /// Those of the group.
    Group(Option<&'a Group>),
    /// Those of the group that are of the request's own revision.
    OwnRevision(FxHashMap<Slot, u32>),
}

impl<'a> Scope<'a> {
    pub(super) fn of(cluster: &'a Cluster, request: &PlacementRequest, own_revision_only: bool) -> Self {
        let group = cluster.groups.get(request.group());
        if !own_revision_only {
            return Self::Group(group);
        }
        let mut counts = FxHashMap::default();
        if let Some(group) = group {
            for (_, record) in cluster.tasks.walk(group.tasks, ChainKind::Group) {
                if record.spec.definition == request.spec().definition {
                    *counts.entry(record.slot).or_insert(0) += 1;
                }
            }
        }
        Self::OwnRevision(counts)
    }

    pub(super) fn on(&self, slot: Slot) -> u32 {
        match self {
            Self::Group(group) => group.map_or(0, |group| group.on(slot)),
            Self::OwnRevision(counts) => counts.get(&slot).copied().unwrap_or(0),
        }
    }

    /// Every slot that has such a task, in no particular order.
    pub(super) fn for_each(&self, mut visit: impl FnMut(Slot, u32)) {
        match self {
            Self::Group(group) => {
                if let Some(group) = group {
                    group.by_slot.iter().for_each(|(slot, count)| visit(slot, count));
                }
            }
            Self::OwnRevision(counts) => counts.iter().for_each(|(slot, count)| visit(*slot, *count)),
        }
    }
}
