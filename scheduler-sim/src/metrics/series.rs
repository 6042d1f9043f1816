//! Time series of a run: a few numbers every so many seconds, each at the end of its instant.

use super::az_imbalance::AzImbalance;
use super::utilization::Ratios;
use super::{Context, Metric, Quotient};
use crate::outcome::{Fate, Observation, Observer, Outcome};

/// Most points of one series.
pub const POINT_LIMIT: u64 = 1_000_000;

/// The numbers of one run over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesValues {
    /// From one point to the next.
    pub step_ms: u64,
    /// One point each.
    pub points: Vec<Point>,
}

/// The numbers at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The instant, in milliseconds.
    pub at_ms: u64,
    /// CPU used / registered; `None` without any instance.
    pub cpu: Option<Quotient>,
    /// Memory used / registered; `None` without any instance.
    pub memory: Option<Quotient>,
    /// Copies wanted so far that have no instance: refused, withdrawn, or still wanting one.
    pub unplaced: u64,
    /// Instances that run a task.
    pub instances_used: u64,
    /// The largest difference between zones that any service has; `None` if it applies to none.
    pub az_imbalance: Option<u32>,
}

/// Takes down the series while a run goes on.
pub struct Series {
    step_ms: u64,
    next_ms: Option<u64>,
    horizon_ms: u64,
    ratios: Ratios,
    instances_used: u64,
    unplaced: u64,
    az_imbalance: AzImbalance,
    points: Vec<Point>,
}

impl Series {
    /// A series with a point every `step_ms` milliseconds, at least 1, from 0 to the horizon.
    pub fn new(context: &Context, step_ms: u64) -> Self {
        Self {
            step_ms: step_ms.max(1),
            next_ms: Some(0),
            horizon_ms: context.window.to_ms,
            ratios: Ratios::new(context, |_| true),
            instances_used: 0,
            unplaced: 0,
            az_imbalance: AzImbalance::new(context),
            points: Vec::new(),
        }
    }

    /// The run is over.
    pub fn finish(mut self) -> SeriesValues {
        self.take_points_before(u64::MAX);
        SeriesValues { step_ms: self.step_ms, points: self.points }
    }

    /// Nothing changes any more before `at_ms`.
    fn take_points_before(&mut self, at_ms: u64) {
        while let Some(next_ms) = self.next_ms.filter(|next_ms| *next_ms < at_ms && *next_ms <= self.horizon_ms) {
            let [cpu, memory, _] = &self.ratios.resources;
            self.points.push(Point {
                at_ms: next_ms,
                cpu: cpu.now(),
                memory: memory.now(),
                unplaced: self.unplaced,
                instances_used: self.instances_used,
                az_imbalance: self.az_imbalance.largest_now(),
            });
            self.next_ms = next_ms.checked_add(self.step_ms);
        }
    }

    fn count(&mut self, outcome: &Outcome<'_>) {
        let copies = outcome.copies.count();
        match outcome.fate {
            Fate::Refused(_)
            | Fate::Waiting(_)
            | Fate::Missing { is_first: true, .. }
            | Fate::Withdrawn { reason: None, .. } => self.unplaced += copies,
            Fate::Placed { has_waited: true, .. } => self.unplaced -= copies,
            _ => {}
        }
    }
}

impl Observer for Series {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        self.take_points_before(at_ms);
        match observation {
            Observation::Change(change) => {
                self.ratios.change(at_ms, change);
                self.az_imbalance.change(at_ms, change);
                let is_used = |totals: Option<scheduler_core::InstanceTotals>| {
                    u64::from(totals.as_ref().is_some_and(super::packing_density::is_not_empty))
                };
                self.instances_used = self.instances_used + is_used(change.after) - is_used(change.before);
            }
            Observation::Outcome(outcome) => self.count(outcome),
            Observation::Service(request) => self.az_imbalance.service(at_ms, request),
            Observation::Price { .. } | Observation::ZoneLoss { .. } | Observation::Arrived { .. } => {}
        }
    }
}
