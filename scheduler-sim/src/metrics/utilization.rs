//! `utilization`: how much of what is registered is used.

use std::cmp::Ordering;

use scheduler_core::{Amounts, Change, InstanceTotals};

use super::window::{Clock, Piece};
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit};

const fn info(name: &'static str, header: &'static str, definition: &'static str) -> MetricInfo {
    MetricInfo { name, header, unit: Unit::Share, direction: Direction::Higher, definition }
}

const MEAN: &str = "used / registered over the present instances, as the quotient of both integrals over the window; \
                    absent if no instance ever has any";
const PEAK: &str = "the largest used / registered at any instant of the window";
const FINAL: &str = "used / registered at the horizon";

pub(super) const TABLE: &[MetricInfo] = &[
    info("utilization.cpu.mean", "CPU", MEAN),
    info("utilization.cpu.peak", "CPU peak", PEAK),
    info("utilization.cpu.final", "CPU final", FINAL),
    info("utilization.memory.mean", "memory", MEAN),
    info("utilization.memory.peak", "memory peak", PEAK),
    info("utilization.memory.final", "memory final", FINAL),
    info("utilization.gpu.mean", "GPU", MEAN),
    info("utilization.gpu.peak", "GPU peak", PEAK),
    info("utilization.gpu.final", "GPU final", FINAL),
];

/// CPU units, MiB and GPU thousandths of some instances together.
pub(super) fn amounts(amounts: Amounts) -> [u64; 3] {
    [amounts.cpu_units.into(), amounts.memory_mib.into(), amounts.gpu_milli.into()]
}

/// `used / registered` of one resource over time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ratio {
    used: u64,
    registered: u64,
    used_area: u128,
    registered_area: u128,
    peak: Option<(u64, u64)>,
}

impl Ratio {
    /// Replaces what one instance contributes.
    pub(super) fn replace(&mut self, before: (u64, u64), after: (u64, u64)) {
        self.used = self.used + after.0 - before.0;
        self.registered = self.registered + after.1 - before.1;
    }

    /// The state stood for a piece.
    pub(super) fn stand(&mut self, piece: Piece) {
        self.used_area += u128::from(self.used) * u128::from(piece.weight);
        self.registered_area += u128::from(self.registered) * u128::from(piece.weight);
        if piece.is_seen && self.registered > 0 {
            let now = (self.used, self.registered);
            let is_peak = match self.peak {
                Some(peak) if peak.1 == now.1 => now.0 > peak.0,
                Some(peak) => cmp_ratio(now, peak) == Ordering::Greater,
                None => true,
            };
            if is_peak {
                self.peak = Some(now);
            }
        }
    }

    /// The quotient of the integrals.
    pub(super) fn mean(&self) -> Option<Quotient> {
        Quotient::new(self.used_area, self.registered_area)
    }

    fn peak(&self) -> Option<Quotient> {
        self.peak.and_then(|(used, registered)| Quotient::new(used.into(), registered.into()))
    }

    /// The ratio as it is now.
    pub(super) fn now(&self) -> Option<Quotient> {
        Quotient::new(self.used.into(), self.registered.into())
    }
}

fn cmp_ratio(a: (u64, u64), b: (u64, u64)) -> Ordering {
    (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1)))
}

/// The state over time of the three resources, each instance weighed by `counts`.
pub(super) struct Ratios {
    clock: Clock,
    pub(super) resources: [Ratio; 3],
    /// Whether the used and registered amounts of an instance count now.
    counts: fn(&InstanceTotals) -> bool,
}

impl Ratios {
    pub(super) fn new(context: &Context, counts: fn(&InstanceTotals) -> bool) -> Self {
        Self { clock: Clock::new(context.window), resources: [Ratio::default(); 3], counts }
    }

    pub(super) fn change(&mut self, at_ms: u64, change: &Change) {
        if let Some(piece) = self.clock.advance(at_ms) {
            self.resources.iter_mut().for_each(|ratio| ratio.stand(piece));
        }
        let sides = [change.before, change.after].map(|totals| match totals.filter(|totals| (self.counts)(totals)) {
            Some(totals) => (amounts(totals.used), amounts(totals.registered)),
            None => ([0; 3], [0; 3]),
        });
        let [before, after] = sides;
        for (index, ratio) in self.resources.iter_mut().enumerate() {
            ratio.replace((before.0[index], before.1[index]), (after.0[index], after.1[index]));
        }
    }

    pub(super) fn close(&mut self) {
        let piece = self.clock.close();
        self.resources.iter_mut().for_each(|ratio| ratio.stand(piece));
    }
}

struct Utilization(Ratios);

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(Utilization(Ratios::new(context, |_| true)))
}

impl Metric for Utilization {
    fn change(&mut self, at_ms: u64, change: &Change) {
        self.0.change(at_ms, change);
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.0.close();
        for (infos, ratio) in TABLE.chunks(3).zip(&self.0.resources) {
            report.number(&infos[0], ratio.mean());
            report.number(&infos[1], ratio.peak());
            report.number(&infos[2], ratio.now());
        }
    }
}
