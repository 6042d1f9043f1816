//! A comparison: the runs of one trace, strategy by strategy and seed by seed.

use std::sync::Arc;
use std::time::Duration;

use crate::fleet::Fleet;
use crate::metrics::{CurvePoint, SeriesValues, Values};
use crate::simulation::Statistics;
use crate::trace::Settings;

/// What is known of a trace before it is run.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceFacts {
    /// As given, else the file's name.
    pub name: Arc<str>,
    /// Of the trace's bytes after decompression, in hex.
    pub sha256: String,
    /// Instances present at time 0.
    pub container_instances: u64,
    /// Revisions known at time 0.
    pub task_definitions: u64,
    /// Services known at time 0.
    pub services: u64,
    /// Events.
    pub events: u64,
    /// Copies of all `runTask` and `startTask` events.
    pub tasks_requested: u64,
    /// The horizon, in milliseconds.
    pub horizon_ms: u64,
}

/// The runs of one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The trace.
    pub trace: TraceFacts,
    /// The settings of all runs.
    pub settings: Settings,
    /// The fleet, where it is not the trace's.
    pub fleet: Option<Fleet>,
    /// Whether the independent checker followed every decision.
    pub is_checked: bool,
    /// The name of the strategy that the others are compared with.
    pub baseline: String,
    /// The runs, strategy by strategy in the order given, each seed by seed.
    pub runs: Vec<RunResult>,
    /// How long everything took, if that was asked for.
    pub timings: Option<Timings>,
}

/// What one run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The canonical name of its strategy.
    pub strategy: String,
    /// Its seed.
    pub seed: u64,
    /// Its metrics.
    pub metrics: Values,
    /// Its numbers over time, if they were asked for.
    pub series: Option<SeriesValues>,
    /// Its curve of GPU allocation, if it was asked for.
    pub curve: Option<Vec<CurvePoint>>,
    /// The tasks on each instance at the end, where decisions are logged.
    pub final_placement: Option<Vec<(String, Vec<String>)>>,
    /// What it did, in numbers.
    pub statistics: Statistics,
    /// From its first event to its last.
    pub wall: Duration,
}

/// How long everything took.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// From the start of the program.
    pub wall: Duration,
    /// What the reader spent, in all passes.
    pub parse: Duration,
    /// The largest resident size of the process.
    pub peak_rss_bytes: Option<u64>,
}

impl RunResult {
    /// What happened in the run: the trace's events, and the starts, ends and changes that they led to.
    pub fn event_count(&self, trace: &TraceFacts) -> u64 {
        trace.events + self.statistics.starts + self.statistics.ends + self.statistics.instance_changes
    }
}

impl Comparison {
    /// The runs by strategy, in order.
    pub fn strategies(&self) -> impl Iterator<Item = &[RunResult]> {
        self.runs.chunk_by(|a, b| a.strategy == b.strategy)
    }
}
