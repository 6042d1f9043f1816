//! `cost`: what the instances cost, and the part of it that was paid for empty ones.

use rustc_hash::FxHashMap;
use scheduler_core::{Cause, Change, InstanceId, InstanceTotals};

use super::packing_density::is_not_empty;
use super::window::{Clock, Piece};
use super::{Context, Direction, Metric, MetricInfo, Quotient, Report, Unit, Window};

pub(super) const TABLE: &[MetricInfo] = &[
    MetricInfo {
        name: "cost.total",
        header: "cost",
        unit: Unit::Dollars,
        direction: Direction::Lower,
        definition: "price x time present within the window, over all instances; absent unless every instance present \
                     in the window has a price",
    },
    MetricInfo {
        name: "cost.idle",
        header: "idle cost",
        unit: Unit::Dollars,
        direction: Direction::Lower,
        definition: "the part of the cost that was paid while the instance was empty",
    },
];

/// Millionths of a dollar x milliseconds in a dollar-hour.
const PARTS_OF_A_DOLLAR_HOUR: u128 = 1_000_000 * 3_600_000;

struct Cost {
    window: Window,
    clock: Clock,
    prices: FxHashMap<InstanceId, Option<u64>>,
    /// Of the instances present now: millionths of a dollar an hour.
    rate: u128,
    idle_rate: u128,
    unpriced: u64,
    present: u64,
    /// Millionths of a dollar an hour x milliseconds.
    total: u128,
    idle: u128,
    is_known: bool,
    is_anybody: bool,
}

pub(super) fn start(context: &Context) -> Box<dyn Metric> {
    Box::new(Cost {
        window: context.window,
        clock: Clock::new(context.window),
        prices: FxHashMap::default(),
        rate: 0,
        idle_rate: 0,
        unpriced: 0,
        present: 0,
        total: 0,
        idle: 0,
        is_known: true,
        is_anybody: false,
    })
}

impl Cost {
    fn stand(&mut self, piece: Piece) {
        if piece.weight > 0 {
            self.total += self.rate * u128::from(piece.weight);
            self.idle += self.idle_rate * u128::from(piece.weight);
            self.is_known &= self.unpriced == 0;
            self.is_anybody |= self.present > 0;
        }
    }
}

impl Metric for Cost {
    fn price(&mut self, instance: InstanceId, microdollars: Option<u64>) {
        self.prices.insert(instance, microdollars);
    }

    fn change(&mut self, at_ms: u64, change: &Change) {
        if let Some(piece) = self.clock.advance(at_ms) {
            self.stand(piece);
        }
        let is_idle = |totals: &InstanceTotals| !is_not_empty(totals);
        let sides = [&change.before, &change.after].map(|side| side.as_ref().map(is_idle));
        if sides[0] == sides[1] {
            // Most changes: the instance costs what it cost, and is as empty or not as it was.
            return;
        }
        let price = self.prices.get(&change.instance).copied().flatten();
        let rate = u128::from(price.unwrap_or(0));
        if let Some(was_idle) = sides[0] {
            self.rate -= rate;
            self.idle_rate -= if was_idle { rate } else { 0 };
            self.present -= 1;
            self.unpriced -= u64::from(price.is_none());
        }
        if let Some(is_idle) = sides[1] {
            self.rate += rate;
            self.idle_rate += if is_idle { rate } else { 0 };
            self.present += 1;
            self.unpriced += u64::from(price.is_none());
        }
        if matches!(change.cause, Cause::Deregistered) {
            self.prices.remove(&change.instance);
        }
    }

    fn finish(mut self: Box<Self>, report: &mut Report) {
        self.stand(self.clock.close());
        if self.window.to_ms == 0 {
            // A mean is the value at 0 then; a sum over no time is 0.
            (self.total, self.idle) = (0, 0);
        }
        if self.is_known && self.is_anybody {
            report.number(&TABLE[0], Quotient::new(self.total, PARTS_OF_A_DOLLAR_HOUR));
            report.number(&TABLE[1], Quotient::new(self.idle, PARTS_OF_A_DOLLAR_HOUR));
        }
    }
}
