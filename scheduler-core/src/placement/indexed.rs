//! The indexed execution: the ordered walk that finds what the scan finds, without looking at every instance.
//!
//! A request lowers to an order (what its instances are sorted by, kept apart by the values of one attribute) and a choice
//! among the values. In each value the first entry that passes every check is the best one; blocks whose bound shows that
//! nobody in them can hold the task are skipped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::batch::Candidate;
use super::check::{Check, custom, has_gpus, member_of};
use super::constraint::PlacementConstraint;
use super::draw::{Draw, draw_feasible};
use super::lowering::{Choice, Lowered};
use super::policy::PolicyContext;
use super::request::PlacementRequest;
use super::static_rules::StaticTable;
use crate::cluster::{Cluster, Group, HeadroomWeights, Slot, SlotCounts};
use crate::expression::Expression;
use crate::index::{ClassSet, Entry, EntryRef, Key, NO_ENI, Order, Sequence, Wanted};
use crate::model::{GpuDemand, RESERVED_PORT_LIMIT};

/// Buffers that a prepared request keeps from one placement to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct WalkScratch {
    untried: Vec<u32>,
    headrooms: Vec<u128>,
    feasible: Vec<Slot>,
}

/// What a walk goes by, whatever the cluster's tasks are.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) request: &'a PlacementRequest,
    pub(super) table: &'a StaticTable,
    pub(super) lowered: &'a Lowered,
    pub(super) order: &'a Order,
}

/// Everything that one placement reads.
pub(super) struct Walk<'a> {
    cluster: &'a Cluster,
    request: &'a PlacementRequest,
    table: &'a StaticTable,
    lowered: &'a Lowered,
    order: &'a Order,
    wanted: Wanted<'a>,
    least: Key,
    group: Option<&'a Group>,
    /// Most tasks of the group that the instance may have before this one.
    group_limit: Option<u32>,
    gpus: u8,
    /// Checks that an entry cannot answer have to be asked of the instance.
    asks_instance: bool,
    /// Not all of the ports wanted have a bit.
    asks_ports: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(cluster: &'a Cluster, route: Route<'a>) -> Self {
        let Route { request, table, lowered, order } = route;
        let demand = request.demand();
        let (port_bits, all_ports_known) = cluster.index.port_bits(demand.host_ports.as_slice());
        let unavailable = port_bits | if demand.needs_eni { NO_ENI } else { 0 };
        let gpus = match demand.gpus {
            GpuDemand::Count(count) => count,
            GpuDemand::All => 1,
            // Entries know of free GPUs only: the instance is asked.
            GpuDemand::Share(_) => 0,
        };
        let live = member_of(request).any(|expression| !expression.is_static());
        let counts_gpus = matches!(demand.gpus, GpuDemand::Count(_));
        let asks_instance =
            live || !counts_gpus || custom(request).next().is_some() || request.capacity_provider_name().is_some();
        Self {
            cluster,
            request,
            table,
            lowered,
            order,
            wanted: Wanted::new(demand.cpu_units, demand.memory_mib, gpus, table.class_set(), unavailable),
            least: order.objective().least_key(demand.cpu_units, demand.memory_mib),
            group: cluster.groups.get(request.group()),
            group_limit: request.group_limit().map(std::num::NonZeroU32::get),
            // More than an instance can have suits nobody.
            gpus: u8::try_from(gpus).unwrap_or(u8::MAX),
            asks_instance,
            asks_ports: !demand.host_ports.is_empty() && !all_ports_known,
        }
    }

    /// The instance that the chain and the tie-break choose.
    pub(super) fn choose(&self, scratch: &mut WalkScratch, draw: &mut dyn Draw) -> Option<Slot> {
        if self.every_instance_has_its_one() {
            return None;
        }
        let WalkScratch { untried, headrooms, feasible } = scratch;
        untried.clear();
        untried.extend(0..self.order.sequences.len() as u32);
        untried.retain(|value| self.order.sequences[*value as usize].len() > 0);
        match self.lowered.choice {
            Choice::Best => self.best_of(untried),
            Choice::Random => self.any(feasible, draw),
            Choice::FewestTasks => self.first_of_levels(untried, |value| self.tasks_on_value(value)),
            Choice::MostHeadroom => {
                self.add_up_headrooms(headrooms);
                self.first_of_levels(untried, |value| Reverse(headrooms[value]))
            }
        }
    }

    /// Whether a start changes nothing that it reads but of its own instance and the counts of the group.
    pub(super) fn suits_batches(&self) -> bool {
        matches!(self.lowered.choice, Choice::Best | Choice::FewestTasks) && !self.asks_instance
    }

    /// All instances that can and may take the task, by the values of the partition.
    pub(super) fn candidates(&self) -> Vec<BinaryHeap<Reverse<Candidate>>> {
        let of = |sequence: &Sequence| {
            let mut candidates = Vec::new();
            let _ = sequence.find(self.least, Key::LAST, &self.wanted, |entry| {
                if self.admits_entry(entry) {
                    let Entry { key, slot, .. } = entry.entry();
                    candidates.push(Reverse((self.spread_count(slot), key, slot)));
                }
                false
            });
            BinaryHeap::from(candidates)
        };
        self.order.sequences.iter().map(of).collect()
    }

    /// An instance, if it can and may take the task.
    pub(super) fn candidate(&self, slot: Slot) -> Option<Candidate> {
        let Cluster { weights, instances, .. } = self.cluster;
        self.admits_slot(slot).then(|| {
            let index = slot.index();
            let (cpu, memory) = (instances.remaining_cpu[index], instances.remaining_memory[index]);
            let key = self.order.objective().key(*weights, cpu, memory, instances.ids[index]);
            (self.spread_count(slot), key, slot)
        })
    }

    /// Tasks of the group on the instance, if they come before the order.
    fn spread_count(&self, slot: Slot) -> u32 {
        self.group.filter(|_| self.lowered.spread_instances).map_or(0, |group| group.on(slot))
    }

    /// Tasks of the group on the instances of a value, if the value with the fewest is taken.
    pub(super) fn tasks_on_value(&self, value: usize) -> u32 {
        let group = self.group.filter(|_| self.lowered.choice == Choice::FewestTasks);
        group.map_or(0, |group| group.on_value(self.order.partition, value))
    }

    /// Whether one task an instance is allowed and every instance, open or not, has one of the group: what a service under
    /// `distinctInstance` comes to.
    fn every_instance_has_its_one(&self) -> bool {
        let instances = self.cluster.instance_count();
        self.group_limit == Some(1) && self.group.is_some_and(|group| group.by_slot.occupied() >= instances)
    }

    /// The first check, in ECS's order, after which nobody is left; `None` if somebody passes them all.
    ///
    /// Fewer and fewer instances pass the first k checks, so the k from which on nobody does is found by halving.
    pub(super) fn reason_of_refusal(&self) -> Option<Check> {
        let nobody_passes = |check: &Check| {
            let demand = self.request.demand();
            let memory_mib = if *check >= Check::Memory { demand.memory_mib } else { 0 };
            let cpu_units = if *check >= Check::Cpu { demand.cpu_units } else { 0 };
            let wanted = Wanted::new(cpu_units, memory_mib, 0, &ClassSet::ALL, 0);
            let passes = |entry: EntryRef<'_>| self.passes_all_to(*check, &entry.entry());
            self.order.sequences.iter().all(|all| all.find(Key::FIRST, Key::LAST, &wanted, passes).is_none())
        };
        let passed = Check::ALL.partition_point(|check| !nobody_passes(check));
        Check::ALL.get(passed).copied()
    }

    /// Whether an open instance with the CPU and memory passes the other checks, up to and with the given one.
    fn passes_all_to(&self, last: Check, entry: &Entry) -> bool {
        let demand = self.request.demand();
        let passes = |check: Check, answer: &dyn Fn() -> bool| last < check || answer();
        let instance = || self.cluster.view(entry.slot);
        let group = || self.group.map_or(0, |group| group.on(entry.slot));
        let context = PolicyContext { cluster: self.cluster, request: self.request };
        let provider = self.request.capacity_provider_name();
        passes(Check::CapacityProvider, &|| {
            provider.is_none() || instance().description().capacity_provider() == provider
        }) && passes(Check::Ports, &|| {
            demand.host_ports.is_empty()
                || (self.ports_fit(entry.slot) && !demand.host_ports.iter().any(|port| instance().is_port_taken(port)))
        }) && passes(Check::Gpu, &|| has_gpus(demand.gpus, &instance()))
            && passes(Check::Eni, &|| !demand.needs_eni || entry.unavailable & NO_ENI == 0)
            && self.table.failure_of_class(entry.class).is_none_or(|failed| failed > last)
            && passes(Check::MemberOf, &|| {
                member_of(self.request).filter(|expression| !expression.is_static()).all(|e| e.matches(&instance()))
            })
            && passes(Check::DistinctInstance, &|| !has_distinct_instance(self.request) || group() == 0)
            && passes(Check::MaxTasksPerInstance, &|| self.group_limit.is_none_or(|limit| group() < limit))
            && passes(Check::Custom, &|| custom(self.request).all(|rule| rule.admits(&context, &instance())))
    }

    /// Whether one instance can and may take the task.
    pub(super) fn admits_slot(&self, slot: Slot) -> bool {
        self.cluster.entry_of(slot).is_some_and(|entry| self.is_feasible(&entry))
    }

    /// Whether a refusal holds until an instance is released: nothing but releases can change an answer to no.
    pub(super) fn may_remember_refusal(&self) -> bool {
        let looks_at_tasks = member_of(self.request).any(Expression::reads_tasks);
        !looks_at_tasks && custom(self.request).next().is_none()
    }

    /// As [`draw_feasible`] has it: positions among the open instances are drawn while somebody is feasible.
    fn any(&self, feasible: &mut Vec<Slot>, draw: &mut dyn Draw) -> Option<Slot> {
        let sequence = self.order.sequences.first()?;
        sequence.find(self.least, Key::LAST, &self.wanted, |entry| self.admits_entry(entry))?;
        let hit = |position| Some(sequence.nth(position)).filter(|entry| self.is_feasible(entry));
        let all = |feasible: &mut Vec<Slot>| {
            sequence.find(self.least, Key::LAST, &self.wanted, |entry| {
                if self.admits_entry(entry) {
                    feasible.push(entry.slot());
                }
                false
            });
        };
        feasible.clear();
        Some(draw_feasible(draw, sequence.len(), |position| hit(position).map(|entry| entry.slot), feasible, all))
    }

    /// Takes the values level by level, least first: all of the first level that has a feasible instance compete.
    fn first_of_levels<K: Ord>(&self, untried: &mut Vec<u32>, level: impl Fn(usize) -> K) -> Option<Slot> {
        while !untried.is_empty() {
            let least = untried.iter().map(|value| level(*value as usize)).min()?;
            let split = partition_in_place(untried, |value| level(value as usize) != least);
            if let Some(slot) = self.best_of(&untried[split..]) {
                return Some(slot);
            }
            untried.truncate(split);
        }
        None
    }

    /// The best instance over some values.
    fn best_of(&self, values: &[u32]) -> Option<Slot> {
        let mut best: Option<(u32, Entry)> = None;
        for value in values {
            let sequence = &self.order.sequences[*value as usize];
            let found = if self.lowered.spread_instances {
                self.fewest_in(sequence)
            } else {
                self.first_in(sequence, best.as_ref())
            };
            let is_better = |(count, entry): &(u32, Entry)| {
                best.as_ref().is_none_or(|(least, best)| (*count, entry.key) < (*least, best.key))
            };
            if let Some(found) = found.filter(is_better) {
                best = Some(found);
            }
        }
        best.map(|(_, entry)| entry.slot)
    }

    fn first_in(&self, sequence: &Sequence, best: Option<&(u32, Entry)>) -> Option<(u32, Entry)> {
        let below = best.map_or(Key::LAST, |(_, entry)| entry.key);
        sequence.find(self.least, below, &self.wanted, |entry| self.admits_entry(entry)).map(|entry| (0, entry))
    }

    /// The first entry, in order, with the least number of tasks of the group. Ends at the first that has the least there
    /// can be.
    fn fewest_in(&self, sequence: &Sequence) -> Option<(u32, Entry)> {
        match self.group.map(|group| &group.by_slot) {
            None => self.first_in(sequence, None),
            Some(SlotCounts::Few { counts, .. }) => {
                self.fewest_by(sequence, |slot| counts.get(&slot).copied().unwrap_or(0))
            }
            Some(SlotCounts::Many(column)) => self.fewest_by(sequence, |slot| column.get(slot)),
        }
    }

    fn fewest_by(&self, sequence: &Sequence, count_on: impl Fn(Slot) -> u32) -> Option<(u32, Entry)> {
        let (mut least, mut best) = (u32::MAX, None);
        let _ = sequence.find(self.least, Key::LAST, &self.wanted, |entry| {
            let count = count_on(entry.slot());
            if count >= least || !self.admits_entry(entry) {
                return false;
            }
            (least, best) = (count, Some((count, entry.entry())));
            count == 0
        });
        best
    }

    /// Headroom of each zone over its ACTIVE instances that the static rules admit. It is linear, so the sums of what
    /// remains, kept by zone and by class, suffice.
    fn add_up_headrooms(&self, headrooms: &mut Vec<u128>) {
        let partition = &self.cluster.index.partitions()[self.order.partition];
        let headroom = |(cpu, memory)| headroom_of_sums(self.cluster.weights, cpu, memory);
        headrooms.clear();
        if self.table.admits_all() {
            headrooms.extend((0..partition.value_count()).map(|value| headroom(partition.remaining(value))));
            return;
        }
        headrooms.resize(partition.value_count(), 0);
        for class in self.table.admitted_classes() {
            if let Some(value) = partition.value_of_class(*class as usize) {
                headrooms[value] += headroom(self.cluster.index.class_remaining(*class as usize));
            }
        }
    }

    /// Whether an instance can and may take the task.
    fn is_feasible(&self, entry: &Entry) -> bool {
        self.wanted.suits(entry) && self.admits(entry.slot, entry.class, entry.gpus)
    }

    #[inline]
    fn admits_entry(&self, entry: EntryRef<'_>) -> bool {
        self.admits(entry.slot(), entry.class(), entry.gpus())
    }

    /// Every check that the bounds and the vector compare leave open.
    #[inline]
    fn admits(&self, slot: Slot, class: u32, gpus: u8) -> bool {
        gpus >= self.gpus
            && self.table.admits_class(class)
            && self.group_limit.is_none_or(|limit| self.group.is_none_or(|group| group.on(slot) < limit))
            && (self.request.demand().host_ports.is_empty() || self.ports_fit(slot))
            && (!self.asks_instance || self.instance_admits(slot))
    }

    fn ports_fit(&self, slot: Slot) -> bool {
        let ports = &self.request.demand().host_ports;
        let reserved = self.cluster.instances.taken_port_count(slot) + ports.len();
        let instance = || self.cluster.view(slot);
        reserved <= RESERVED_PORT_LIMIT as usize
            && !(self.asks_ports && ports.iter().any(|port| instance().is_port_taken(port)))
    }

    fn instance_admits(&self, slot: Slot) -> bool {
        let Self { cluster, request, .. } = *self;
        let instance = cluster.view(slot);
        let context = PolicyContext { cluster, request };
        let provider = request.capacity_provider_name();
        (provider.is_none() || instance.description().capacity_provider() == provider)
            && has_gpus(request.demand().gpus, &instance)
            && member_of(request).filter(|expression| !expression.is_static()).all(|e| e.matches(&instance))
            && custom(request).all(|constraint| constraint.admits(&context, &instance))
    }
}

fn headroom_of_sums(weights: HeadroomWeights, cpu: u64, memory: u64) -> u128 {
    u128::from(weights.cpu) * u128::from(cpu) + u128::from(weights.memory) * u128::from(memory)
}

fn has_distinct_instance(request: &PlacementRequest) -> bool {
    request.all_constraints().contains(&PlacementConstraint::DistinctInstance)
}

/// Moves those that `keep` holds for to the front; returns how many they are.
fn partition_in_place(values: &mut [u32], keep: impl Fn(u32) -> bool) -> usize {
    let mut kept = 0;
    for index in 0..values.len() {
        if keep(values[index]) {
            values.swap(kept, index);
            kept += 1;
        }
    }
    kept
}
