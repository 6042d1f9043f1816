//! `fragmentation`: how much of what is free lies where a typical task of the trace cannot use it.
//!
//! Each open instance contributes `sum over kinds of copies x free` (and, of that, the part of kinds that do not fit).
//! Only the changed instance's part is computed anew: a comparison of amounts a kind, and sums over kinds only where
//! another set of them fits than before.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{
    Attributes, Cause, Change, ContainerInstance, Demand, GPU_MILLI, GpuDemand, HostPorts, InstanceId, InstanceStatus,
    InstanceTotals, RESERVED_PORT_LIMIT, ReleaseOn,
};

use super::window::{Clock, Piece};
use super::{Context, Direction, Kind, Metric, MetricInfo, Quotient, Report, Unit};

const fn info(name: &'static str, header: &'static str, definition: &'static str) -> MetricInfo {
    MetricInfo { name, header, unit: Unit::Share, direction: Direction::Lower, definition }
}

pub(super) const TABLE: &[MetricInfo] = &[
    info(
        "fragmentation.cpu",
        "CPU fragm.",
        "the part of the free CPU of open instances that lies where a typical task of the trace does not fit",
    ),
    info("fragmentation.memory", "memory fragm.", "the same for memory"),
    info("fragmentation.gpu", "GPU fragm.", "the same for GPUs, over the tasks that want one; absent if none does"),
];

/// What of an instance decides whether kinds fit, besides its totals.
struct Instance {
    /// Bit k: the static rules of kind k admit it.
    admitted: u32,
    /// Bit k: kind k fits now.
    fitting: u32,
    /// Copies of the kinds that do not fit, and of those of them that want a GPU.
    stranding: [u64; 2],
    /// Of kinds that fit: shares of GPUs that are smaller than what they want of one, times their copies.
    too_small: u128,
    /// Where a kind asks for them.
    exclusive: Option<Box<Exclusive>>,
}

/// What one task at a time can have of an instance. It is not among an instance's totals, but follows the tasks.
struct Exclusive {
    reserved_ports: HostPorts,
    task_ports: HostPorts,
    enis: Option<u32>,
    /// Thousandths left of each GPU.
    gpus: Vec<u32>,
}

struct Fragmentation {
    kinds: Arc<[Kind]>,
    /// Whether a kind asks for host ports, a network interface or a GPU.
    asks_exclusive: bool,
    release_on: ReleaseOn,
    /// Copies of all kinds, and of those that want a GPU.
    weights: [u64; 2],
    clock: Clock,
    instances: FxHashMap<InstanceId, Instance>,
    /// CPU, memory, GPU: what is free on open instances, and that over time.
    free: [u64; 3],
    free_area: [u128; 3],
    /// What is free where a kind does not fit, times its copies, and that over time.
    stranded: [u128; 3],
    stranded_area: [u128; 3],
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    let weight = |counts: fn(&Kind) -> bool| {
        let copies = context.kinds.iter().filter(|kind| counts(kind)).map(|kind| kind.copies);
        copies.fold(0, u64::saturating_add)
    };
    Box::new(Fragmentation {
        kinds: Arc::clone(&context.kinds),
        asks_exclusive: context.kinds.iter().any(asks_exclusive),
        release_on: context.release_on,
        weights: [weight(|_| true), weight(wants_gpu)],
        clock: Clock::new(context.window),
        instances: FxHashMap::default(),
        free: [0; 3],
        free_area: [0; 3],
        stranded: [0; 3],
        stranded_area: [0; 3],
    })
}

fn asks_exclusive(kind: &Kind) -> bool {
    kind.demand.needs_eni || !kind.demand.host_ports.is_empty() || wants_gpu(kind)
}

fn wants_gpu(kind: &Kind) -> bool {
    !kind.demand.gpus.is_none()
}

impl Fragmentation {
    fn stand(&mut self, piece: Piece) {
        let weight = u128::from(piece.weight);
        for index in 0..3 {
            self.free_area[index] += u128::from(self.free[index]) * weight;
            self.stranded_area[index] += self.stranded[index] * weight;
        }
    }

    fn admitted(&self, attributes: &Attributes) -> u32 {
        let bits = self.kinds.iter().enumerate().filter(|(_, kind)| kind.rules.admit(attributes));
        bits.fold(0, |mask, (index, _)| mask | 1 << index)
    }

    fn join(&mut self, id: InstanceId, description: &ContainerInstance) {
        let foreign = description.foreign_load();
        let exclusive = self.asks_exclusive.then(|| {
            Box::new(Exclusive {
                reserved_ports: description.resources().reserved_ports().clone(),
                task_ports: foreign.host_ports.clone(),
                enis: description.eni_task_limit().map(|limit| limit.saturating_sub(u32::from(foreign.needs_eni))),
                gpus: gpus_left(description),
            })
        });
        let admitted = self.admitted(description.attributes());
        let instance = Instance { admitted, fitting: 0, stranding: self.weights, too_small: 0, exclusive };
        self.instances.insert(id, instance);
    }

    fn follow(&mut self, change: &Change) {
        match &change.cause {
            Cause::Registered(description) | Cause::Returned(description) => self.join(change.instance, description),
            Cause::AttributesChanged(attributes) => {
                let admitted = self.admitted(attributes);
                if let Some(instance) = self.instances.get_mut(&change.instance) {
                    instance.admitted = admitted;
                }
            }
            _ if !self.asks_exclusive => {}
            Cause::Started => self.hold(change, true),
            Cause::Stopped if self.release_on == ReleaseOn::DesiredStopped => self.hold(change, false),
            Cause::Lost | Cause::Released => self.hold(change, false),
            _ => {}
        }
    }

    fn hold(&mut self, change: &Change, holds: bool) {
        let instance = self.instances.get_mut(&change.instance).and_then(|instance| instance.exclusive.as_mut());
        let (Some(exclusive), Some(task)) = (instance, &change.task) else { return };
        let demand = &task.spec.demand;
        for port in demand.host_ports.iter() {
            if holds {
                exclusive.task_ports.insert(port)
            } else {
                exclusive.task_ports.remove(port)
            };
        }
        let milli = demand.gpus.milli_of_each();
        for index in task.gpu_indices.iter() {
            if let Some(left) = exclusive.gpus.get_mut(index) {
                *left = if holds { left.saturating_sub(milli) } else { *left + milli };
            }
        }
        if demand.needs_eni {
            exclusive.enis = exclusive.enis.map(|enis| if holds { enis.saturating_sub(1) } else { enis + 1 });
        }
    }
}

impl Metric for Fragmentation {
    fn change(&mut self, at_ms: u64, change: &Change) {
        if self.kinds.is_empty() {
            return;
        }
        if let Some(piece) = self.clock.advance(at_ms) {
            self.stand(piece);
        }
        self.follow(change);
        let Some(instance) = self.instances.get_mut(&change.instance) else { return };
        if let Some(before) = change.before.filter(is_open) {
            let free = free(&before);
            let stranded = instance.stranded(free);
            for index in 0..3 {
                self.free[index] -= free[index];
                self.stranded[index] -= stranded[index];
            }
        }
        if let Some(after) = change.after.filter(is_open) {
            instance.refit(&after, &self.kinds, self.weights);
            let free = free(&after);
            let stranded = instance.stranded(free);
            for index in 0..3 {
                self.free[index] += free[index];
                self.stranded[index] += stranded[index];
            }
        }
        if change.after.is_none() {
            self.instances.remove(&change.instance);
        }
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.stand(self.clock.close());
        let [all, with_gpu] = self.weights.map(u128::from);
        for (index, (info, weight)) in TABLE.iter().zip([all, all, with_gpu]).enumerate() {
            report.number(info, Quotient::new(self.stranded_area[index], self.free_area[index] * weight));
        }
    }
}

impl Instance {
    /// Finds out which kinds fit now.
    fn refit(&mut self, totals: &InstanceTotals, kinds: &[Kind], weights: [u64; 2]) {
        let mut fitting = 0;
        self.too_small = 0;
        for (index, kind) in kinds.iter().enumerate() {
            let is_admitted = self.admitted >> index & 1 == 1;
            if is_admitted && fits(self.exclusive.as_deref(), totals, &kind.demand) {
                fitting |= 1 << index;
                if let Some(exclusive) = self.exclusive.as_deref().filter(|_| wants_gpu(kind)) {
                    self.too_small += u128::from(kind.copies) * exclusive.too_small(kind.demand.gpus);
                }
            }
        }
        if std::mem::replace(&mut self.fitting, fitting) == fitting {
            return;
        }
        self.stranding = weights;
        for (_, kind) in kinds.iter().enumerate().filter(|(index, _)| fitting >> index & 1 == 1) {
            self.stranding[0] -= kind.copies;
            self.stranding[1] -= if wants_gpu(kind) { kind.copies } else { 0 };
        }
    }

    /// What is free, times the copies that cannot use it.
    fn stranded(&self, free: [u64; 3]) -> [u128; 3] {
        let [all, with_gpu] = self.stranding;
        let times = |free: u64, copies: u64| u128::from(free) * u128::from(copies);
        [times(free[0], all), times(free[1], all), times(free[2], with_gpu) + self.too_small]
    }
}

impl Exclusive {
    fn has_gpus(&self, demand: GpuDemand) -> bool {
        let wanted = match demand {
            GpuDemand::Count(0) => return true,
            GpuDemand::Count(count) => count as usize,
            GpuDemand::All => self.gpus.len().max(1),
            GpuDemand::Share(_) => 1,
        };
        self.gpus.iter().filter(|left| **left >= demand.milli_of_each()).count() >= wanted
    }

    /// Thousandths left of GPUs that have less than is wanted of each.
    fn too_small(&self, demand: GpuDemand) -> u128 {
        self.gpus.iter().filter(|left| **left < demand.milli_of_each()).map(|left| u128::from(*left)).sum()
    }
}

/// Thousandths of each GPU of an instance without tasks.
pub(super) fn gpus_left(description: &ContainerInstance) -> Vec<u32> {
    if let Some(millis) = description.gpu_millis() {
        return millis.iter().map(|milli| u32::from(*milli)).collect();
    }
    let count = description.resources().gpu_ids().len() as u32;
    let taken = description.foreign_load().gpus.milli(count);
    (1..=count).map(|number| if number * GPU_MILLI <= taken { 0 } else { GPU_MILLI }).collect()
}

fn is_open(totals: &InstanceTotals) -> bool {
    totals.status == InstanceStatus::Active && totals.agent_connected
}

/// What is free of CPU, memory, and GPUs in thousandths.
fn free(totals: &InstanceTotals) -> [u64; 3] {
    [
        u64::from(totals.registered.cpu_units - totals.used.cpu_units),
        u64::from(totals.registered.memory_mib - totals.used.memory_mib),
        u64::from(totals.registered.gpu_milli - totals.used.gpu_milli),
    ]
}

/// Checks 1 to 5 of the placement spec, 2.3; 6 and 7 are static rules.
fn fits(exclusive: Option<&Exclusive>, totals: &InstanceTotals, demand: &Demand) -> bool {
    let (registered, used) = (&totals.registered, &totals.used);
    demand.cpu_units <= registered.cpu_units - used.cpu_units
        && demand.memory_mib <= registered.memory_mib - used.memory_mib
        && exclusive.is_none_or(|exclusive| {
            exclusive.has_gpus(demand.gpus)
                && !(demand.needs_eni && exclusive.enis == Some(0))
                && ports_fit(exclusive, &demand.host_ports)
        })
}

fn ports_fit(exclusive: &Exclusive, wanted: &HostPorts) -> bool {
    let Exclusive { reserved_ports, task_ports, .. } = exclusive;
    let is_taken = |port| reserved_ports.contains(port) || task_ports.contains(port);
    let count = reserved_ports.len() + task_ports.len() + wanted.len();
    wanted.is_empty() || (count <= RESERVED_PORT_LIMIT as usize && !wanted.iter().any(is_taken))
}
