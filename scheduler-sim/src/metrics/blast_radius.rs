//! `blast_radius`: how large a part of a service goes with one instance, or with one Availability Zone.

use rustc_hash::FxHashMap;
use scheduler_core::{Change, InstanceId, InstanceTotals, TaskGroup, TaskKind};

use super::quantile::Histogram;
use super::window::{Clock, Piece};
use super::zones::{Zones, counter};
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit, Window};

const fn info(name: &'static str, header: &'static str, definition: &'static str) -> MetricInfo {
    MetricInfo { name, header, unit: Unit::Share, direction: Direction::Lower, definition }
}

pub(super) const TABLE: &[MetricInfo] = &[
    info(
        "blast_radius.instance.p95",
        "blast p95",
        "the largest part of a service's tasks on one instance, while it has at least two: what it does not exceed \
         during 95 % of that time, over all services",
    ),
    info("blast_radius.instance.max", "blast max", "the same at the worst instant of the window"),
    info("blast_radius.az.p95", "AZ blast p95", "the same with the tasks in one Availability Zone"),
    info("blast_radius.az.max", "AZ blast", "the same with the tasks in one Availability Zone, at the worst instant"),
];

/// Parts are measured in ten-thousandths, rounded down.
const WHOLE: u64 = 10_000;

/// How many counters stand at each count, so that the largest is known at once.
#[derive(Debug, Default)]
struct Counts {
    at: Vec<u32>,
    largest: u32,
}

impl Counts {
    fn step(&mut self, from: u32, to: u32) {
        *counter(&mut self.at, to as usize) += 1;
        let left = counter(&mut self.at, from as usize);
        *left = left.saturating_sub(1);
        if to > self.largest || (from == self.largest && *left == 0) {
            self.largest = to;
        }
    }
}

struct ServiceState {
    clock: Clock,
    on_instance: FxHashMap<InstanceId, u32>,
    instance_counts: Counts,
    in_zone: Vec<u32>,
    task_count: u32,
}

#[derive(Default)]
struct Seen {
    parts: Histogram,
    max: Option<u64>,
}

struct BlastRadius {
    window: Window,
    zones: Zones,
    services: FxHashMap<TaskGroup, ServiceState>,
    instance: Seen,
    az: Seen,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(BlastRadius {
        window: context.window,
        zones: Zones::default(),
        services: FxHashMap::default(),
        instance: Seen::default(),
        az: Seen::default(),
    })
}

impl Seen {
    fn stand(&mut self, most: u32, all: u32, piece: Piece) {
        if all < 2 {
            return;
        }
        let part = WHOLE * u64::from(most) / u64::from(all);
        self.parts.add(part, piece.weight.into());
        if piece.is_seen {
            self.max = self.max.max(Some(part));
        }
    }

    fn report(&self, infos: &'static [MetricInfo], report: &mut Report) {
        let share = |part: u64| Quotient::new(part.into(), WHOLE.into());
        report.number(&infos[0], self.parts.percentile(95).and_then(share));
        report.number(&infos[1], self.max.and_then(share));
    }
}

impl ServiceState {
    fn stand(&self, piece: Piece, instance: &mut Seen, az: &mut Seen) {
        instance.stand(self.instance_counts.largest, self.task_count, piece);
        az.stand(self.in_zone.iter().copied().max().unwrap_or(0), self.task_count, piece);
    }

    fn count(&mut self, id: InstanceId, zone: usize, is_more: bool) {
        let step = |count: u32| if is_more { count + 1 } else { count.saturating_sub(1) };
        let before = self.on_instance.get(&id).copied().unwrap_or(0);
        let after = step(before);
        self.instance_counts.step(before, after);
        match after {
            0 => self.on_instance.remove(&id),
            _ => self.on_instance.insert(id, after),
        };
        let in_zone = counter(&mut self.in_zone, zone);
        *in_zone = step(*in_zone);
        self.task_count = step(self.task_count);
    }
}

impl Metric for BlastRadius {
    fn change(&mut self, at_ms: u64, change: &Change) {
        self.zones.follow(change);
        let Some(task) = change.task.as_ref().filter(|task| task.spec.kind == TaskKind::Replica) else { return };
        let Some(zone) = self.zones.of(change.instance) else { return };
        let running = |totals: Option<InstanceTotals>| totals.map_or(0, |totals| totals.running_tasks);
        let (before, after) = (running(change.before), running(change.after));
        if before == after {
            return;
        }
        let service = self.services.entry(task.spec.group.clone()).or_insert_with(|| ServiceState {
            clock: Clock::starting_at(self.window, at_ms),
            on_instance: FxHashMap::default(),
            instance_counts: Counts::default(),
            in_zone: Vec::new(),
            task_count: 0,
        });
        if let Some(piece) = service.clock.advance(at_ms) {
            service.stand(piece, &mut self.instance, &mut self.az);
        }
        service.count(change.instance, zone, after > before);
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        for service in self.services.values() {
            service.stand(service.clock.close(), &mut self.instance, &mut self.az);
        }
        self.instance.report(&TABLE[0..2], report);
        self.az.report(&TABLE[2..4], report);
    }
}
