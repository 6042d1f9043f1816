//! A batch: many tasks of one service, placed at once on an empty fleet and stopped again.

use std::time::{Duration, Instant};

use scheduler_core::{Change, Cluster, PreparedRequest, Scheduler};

use crate::plain::PlainScheduler;
use crate::workload::{Mode, StepDraw, Workload};

/// A service spread over zones, then instances; and the fleet, twice.
#[derive(Debug)]
pub struct Batch {
    workload: Workload,
    cluster: Cluster,
    prepared: PreparedRequest,
    plain: PlainScheduler,
}

/// The first kind of request without constraints: it fits on every instance.
const SHAPE: usize = 0;

impl Batch {
    /// An empty fleet of so many instances.
    ///
    /// # Panics
    /// If the workload is not sound.
    pub fn new(instances: usize) -> Self {
        let mut workload = Workload::new(Mode::SpreadSpread, instances);
        let is_free = |shape: &&crate::Shape| shape.request.all_constraints().is_empty();
        let first = workload.shapes.iter().find(is_free).expect("most are free").clone();
        workload.shapes[SHAPE] = first;
        let mut cluster = workload.cluster();
        let request = workload.shapes[SHAPE].request.clone();
        let prepared = Scheduler::default().prepare(&mut cluster, request).expect("the request is sound");
        let plain = PlainScheduler::new(Mode::SpreadSpread, &workload);
        Self { workload, cluster, prepared, plain }
    }

    /// Places so many tasks by `place_many`: the time, and the instances chosen. The stops after it are not timed.
    ///
    /// # Panics
    /// If the engine forgets a task.
    pub fn by_engine(&mut self, count: usize) -> (Duration, Vec<usize>) {
        let start = Instant::now();
        let changes = self.prepared.place_many(&mut self.cluster, count, &mut StepDraw::new(1));
        let time = start.elapsed();
        for task in changes.iter().filter_map(Change::task_id) {
            self.cluster.stop(task).expect("the task runs");
        }
        (time, changes.iter().map(|change| change.instance.number() as usize).collect())
    }

    /// The same, one by one, by the plain scan.
    pub fn by_plain_scan(&mut self, count: usize) -> (Duration, Vec<usize>) {
        let shape = &self.workload.shapes[SHAPE];
        let mut chosen = Vec::with_capacity(count);
        let start = Instant::now();
        while chosen.len() < count
            && let Some(instance) = self.plain.place(SHAPE, shape, &mut StepDraw::new(1))
        {
            self.plain.start(instance, SHAPE, shape);
            chosen.push(instance);
        }
        let time = start.elapsed();
        for instance in &chosen {
            self.plain.stop(*instance, SHAPE, shape);
        }
        (time, chosen)
    }
}
