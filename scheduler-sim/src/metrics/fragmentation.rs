//! `fragmentation`: how much of what is free lies where a typical task of the trace cannot use it.
//!
//! Each open instance contributes `sum over kinds of copies x free` (and, of that, the part of kinds that do not fit).
//! Only the changed instance's part is computed anew: O(kinds) a change.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{
    Attributes, Cause, Change, ContainerInstance, Demand, GpuDemand, HostPorts, InstanceId, InstanceStatus,
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

/// A whole GPU.
const GPU_THOUSANDTHS: u128 = 1_000;

/// CPU, memory, GPU: what is free where a kind does not fit, and what is free, each times copies of kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    stranded: [u128; 3],
    free: [u128; 3],
}

impl Part {
    fn combine(&mut self, other: Self, combine: fn(u128, u128) -> u128) {
        for index in 0..3 {
            self.stranded[index] = combine(self.stranded[index], other.stranded[index]);
            self.free[index] = combine(self.free[index], other.free[index]);
        }
    }
}

/// What of an instance decides whether kinds fit.
struct Instance {
    /// Bit k: the static rules of kind k admit it.
    admitted: u32,
    reserved_ports: HostPorts,
    task_ports: HostPorts,
    enis: Option<u32>,
    part: Part,
}

struct Fragmentation {
    kinds: Arc<[Kind]>,
    release_on: ReleaseOn,
    /// Copies of all kinds, and of those that want a GPU.
    weights: [u128; 2],
    clock: Clock,
    instances: FxHashMap<InstanceId, Instance>,
    now: Part,
    area: Part,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    let weight = |counts: fn(&Kind) -> bool| {
        context.kinds.iter().filter(|kind| counts(kind)).map(|kind| u128::from(kind.copies)).sum()
    };
    Box::new(Fragmentation {
        kinds: Arc::clone(&context.kinds),
        release_on: context.release_on,
        weights: [weight(|_| true), weight(wants_gpu)],
        clock: Clock::new(context.window),
        instances: FxHashMap::default(),
        now: Part::default(),
        area: Part::default(),
    })
}

fn wants_gpu(kind: &Kind) -> bool {
    !kind.demand.gpus.is_none()
}

impl Fragmentation {
    fn stand(&mut self, piece: Piece) {
        for index in 0..3 {
            self.area.stranded[index] += self.now.stranded[index] * piece.weight;
            self.area.free[index] += self.now.free[index] * piece.weight;
        }
    }

    fn admitted(&self, attributes: &Attributes) -> u32 {
        let bits = self.kinds.iter().enumerate().filter(|(_, kind)| kind.rules.admit(attributes));
        bits.fold(0, |mask, (index, _)| mask | 1 << index)
    }

    fn join(&mut self, id: InstanceId, description: &ContainerInstance) {
        let foreign = description.foreign_load();
        let instance = Instance {
            admitted: self.admitted(description.attributes()),
            reserved_ports: description.resources().reserved_ports().clone(),
            task_ports: foreign.host_ports.clone(),
            enis: description.eni_task_limit().map(|limit| limit.saturating_sub(u32::from(foreign.needs_eni))),
            part: Part::default(),
        };
        self.instances.insert(id, instance);
    }

    /// Ports and interfaces are not among an instance's totals: they follow the tasks.
    fn follow(&mut self, change: &Change) {
        match &change.cause {
            Cause::Registered(description) | Cause::Returned(description) => self.join(change.instance, description),
            Cause::AttributesChanged(attributes) => {
                let admitted = self.admitted(attributes);
                if let Some(instance) = self.instances.get_mut(&change.instance) {
                    instance.admitted = admitted;
                }
            }
            Cause::Started => self.hold(change, true),
            Cause::Stopped if self.release_on == ReleaseOn::DesiredStopped => self.hold(change, false),
            Cause::Lost | Cause::Released => self.hold(change, false),
            _ => {}
        }
    }

    fn hold(&mut self, change: &Change, holds: bool) {
        let (Some(instance), Some(task)) = (self.instances.get_mut(&change.instance), &change.task) else { return };
        let demand = &task.spec.demand;
        for port in demand.host_ports.iter() {
            if holds {
                instance.task_ports.insert(port)
            } else {
                instance.task_ports.remove(port)
            };
        }
        if demand.needs_eni {
            instance.enis = instance.enis.map(|enis| if holds { enis.saturating_sub(1) } else { enis + 1 });
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
        let part = match change.after.filter(is_open) {
            Some(totals) => part_of(instance, &totals, &self.kinds, self.weights),
            None => Part::default(),
        };
        self.now.combine(part, |sum, part| sum + part);
        self.now.combine(std::mem::replace(&mut instance.part, part), |sum, part| sum - part);
        if change.after.is_none() {
            self.instances.remove(&change.instance);
        }
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.stand(self.clock.close());
        for (index, info) in TABLE.iter().enumerate() {
            report.number(info, Quotient::new(self.area.stranded[index], self.area.free[index]));
        }
    }
}

fn is_open(totals: &InstanceTotals) -> bool {
    totals.status == InstanceStatus::Active && totals.agent_connected
}

fn part_of(instance: &Instance, totals: &InstanceTotals, kinds: &[Kind], weights: [u128; 2]) -> Part {
    let free = [
        u128::from(totals.registered.cpu_units - totals.used.cpu_units),
        u128::from(totals.registered.memory_mib - totals.used.memory_mib),
        u128::from(totals.registered.gpus - totals.used.gpus) * GPU_THOUSANDTHS,
    ];
    let [all, with_gpu] = weights;
    let mut part = Part { stranded: [0; 3], free: [all * free[0], all * free[1], with_gpu * free[2]] };
    for (index, kind) in kinds.iter().enumerate() {
        let is_admitted = instance.admitted >> index & 1 == 1;
        if is_admitted && fits(instance, totals, &kind.demand) {
            // GPUs are whole: none has a free share smaller than what the kind wants of one.
            continue;
        }
        let copies = u128::from(kind.copies);
        part.stranded[0] += copies * free[0];
        part.stranded[1] += copies * free[1];
        part.stranded[2] += if wants_gpu(kind) { copies * free[2] } else { 0 };
    }
    part
}

/// Checks 1 to 5 of the placement spec, 2.3; 6 and 7 are static rules.
fn fits(instance: &Instance, totals: &InstanceTotals, demand: &Demand) -> bool {
    let (registered, used) = (&totals.registered, &totals.used);
    let gpus = match demand.gpus {
        GpuDemand::Count(count) => count,
        GpuDemand::All => registered.gpus.max(1),
    };
    demand.cpu_units <= registered.cpu_units - used.cpu_units
        && demand.memory_mib <= registered.memory_mib - used.memory_mib
        && gpus <= registered.gpus - used.gpus
        && !(demand.needs_eni && instance.enis == Some(0))
        && ports_fit(instance, &demand.host_ports)
}

fn ports_fit(instance: &Instance, wanted: &HostPorts) -> bool {
    let Instance { reserved_ports, task_ports, .. } = instance;
    let is_taken = |port| reserved_ports.contains(port) || task_ports.contains(port);
    let count = reserved_ports.len() + task_ports.len() + wanted.len();
    wanted.is_empty() || (count <= RESERVED_PORT_LIMIT as usize && !wanted.iter().any(is_taken))
}
