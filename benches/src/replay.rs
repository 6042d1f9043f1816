//! A replay: a generated sequence of departures and arrivals, all of it timed at one go, by the engine and by the plain scan.

use std::time::{Duration, Instant};

use crate::churn::Churn;
use crate::workload::Mode;

/// A fleet in the steady state.
#[derive(Debug)]
pub struct Replay {
    churn: Churn,
}

impl Replay {
    /// Fills a fleet by the strategy itself.
    ///
    /// # Panics
    /// If the workload is not sound.
    pub fn new(mode: Mode, instances: usize) -> Self {
        Self { churn: Churn::new(mode, instances) }
    }

    /// Half as many departures as events, and as many arrivals, in turn; by the engine, then by the plain scan. What is
    /// drawn for them is part of the engine's time, and comparing every answer of the plain scan's.
    ///
    /// # Panics
    /// If the answers differ.
    pub fn run(&mut self, events: usize) -> [Duration; 2] {
        let start = Instant::now();
        for _ in 0..events / 2 {
            self.churn.step();
        }
        let engine = start.elapsed();
        let start = Instant::now();
        self.churn.follow(|_, _| true);
        [engine, start.elapsed()]
    }
}
