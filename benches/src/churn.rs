//! The churn that is measured: a fleet filled by the strategy itself, then one task stopped and one requested, again and
//! again. The engine and the plain scan go through the same sequence, and every answer is compared.

use std::time::{Duration, Instant};

use scheduler_core::{Cluster, Draw, DrawPurpose, PreparedRequest, Scheduler, SeededDraw, TaskId};

use crate::plain::PlainScheduler;
use crate::workload::{Mode, State, Workload};

/// One timed answer.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Whether somebody took the task.
    pub placed: bool,
    /// Time to place, and to start if somebody took it.
    pub time: Duration,
}

/// What a step does.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// Stop the task at that position in the list of tasks.
    Stop(usize),
    /// Request a task of that shape.
    Request(usize),
}

/// A filled fleet, twice: in the engine and in the plain scan.
#[derive(Debug, Clone)]
pub struct Churn {
    workload: Workload,
    state: State,
    /// The engine's cluster.
    pub cluster: Cluster,
    /// A prepared request for each shape.
    pub prepared: Vec<PreparedRequest>,
    plain: PlainScheduler,
    draw: SeededDraw,
    plain_draw: SeededDraw,
    steps: SeededDraw,
    tasks: Vec<(TaskId, usize, usize)>,
}

/// Where the steady state stops filling, in percent of CPU or memory.
const STEADY_PERCENT: u64 = 85;
const PLAIN_PERCENT: u64 = 80;
/// Shapes in the upper half of this order are the big ones.
const BIG_CPU: u32 = 1024;

impl Churn {
    /// Fills a fleet by the strategy itself.
    ///
    /// # Panics
    /// If an answer of the engine differs from the plain scan's.
    pub fn new(mode: Mode, state: State, instances: usize) -> Self {
        let workload = Workload::new(mode, instances);
        let mut cluster = workload.cluster();
        let scheduler = Scheduler::default();
        let prepare = |shape: &crate::Shape| {
            scheduler.prepare(&mut cluster, shape.request.clone()).expect("the request is sound")
        };
        let prepared: Vec<_> = workload.shapes.iter().map(prepare).collect();
        let plain = PlainScheduler::new(mode, &workload);
        let (draw, plain_draw, steps) = (SeededDraw::new(1), SeededDraw::new(1), SeededDraw::new(2));
        let mut churn = Self { workload, state, cluster, prepared, plain, draw, plain_draw, steps, tasks: Vec::new() };
        churn.fill(if mode == Mode::Plain { PLAIN_PERCENT } else { STEADY_PERCENT });
        churn
    }

    /// Fills without asking the plain scan, which would take hours on large fleets; it follows the engine's answers.
    fn fill(&mut self, percent: u64) {
        let registered = self.workload.fleet.instances.iter();
        let (all_cpu, all_memory) = registered.fold((0, 0), |(cpu, memory), instance| {
            (cpu + u64::from(instance.cpu), memory + u64::from(instance.memory))
        });
        let (mut cpu, mut memory, mut refused_in_a_row) = (0, 0, 0);
        loop {
            let is_full = match self.state {
                // A lopsided fleet runs out of one resource before it is so full.
                State::Steady => {
                    cpu * 100 >= all_cpu * percent || memory * 100 >= all_memory * percent || refused_in_a_row >= 50
                }
                State::NearFull => refused_in_a_row >= 20,
            };
            if is_full {
                break;
            }
            let shape = self.next_shape();
            let before = self.tasks.len();
            self.request_of_engine(shape);
            if let Some((_, instance, _)) = self.tasks.get(before) {
                let shape_of = &self.workload.shapes[shape];
                self.plain.start(*instance, shape, shape_of);
                cpu += u64::from(shape_of.request.demand().cpu_units);
                memory += u64::from(shape_of.request.demand().memory_mib);
                refused_in_a_row = 0;
            } else {
                refused_in_a_row += 1;
            }
        }
        // The plain scan was not asked, so its generator has to be brought to the same place.
        self.plain_draw = self.draw.clone();
    }

    fn next_shape(&mut self) -> usize {
        let count = self.workload.shapes.len() as u32;
        loop {
            let shape = self.steps.draw(DrawPurpose::Strategy, count) as usize;
            let is_big = self.workload.shapes[shape].request.demand().cpu_units >= BIG_CPU;
            let wants_big = self.state == State::NearFull && self.steps.draw(DrawPurpose::TieBreak, 2) == 0;
            if is_big || !wants_big {
                return shape;
            }
        }
    }

    /// The next two steps: a stop, if there is a task, and a request.
    pub fn next_steps(&mut self) -> Vec<Operation> {
        let mut steps = Vec::with_capacity(2);
        if !self.tasks.is_empty() {
            steps.push(Operation::Stop(self.steps.draw(DrawPurpose::ScaleIn, self.tasks.len() as u32) as usize));
        }
        steps.push(Operation::Request(self.next_shape()));
        steps
    }

    /// One stop and one request, answered by the engine and, if asked, by the plain scan; both timed.
    ///
    /// # Panics
    /// If the answers differ.
    pub fn step(&mut self, with_plain: bool) -> (Outcome, Option<Outcome>) {
        let mut result = None;
        for operation in self.next_steps() {
            match operation {
                Operation::Stop(position) => {
                    let (task, instance, shape) = self.tasks.swap_remove(position);
                    self.cluster.stop(task).expect("the task runs");
                    self.plain.stop(instance, shape, &self.workload.shapes[shape]);
                }
                Operation::Request(shape) => result = Some(self.request(shape, with_plain)),
            }
        }
        result.expect("every step requests a task")
    }

    fn request(&mut self, shape: usize, with_plain: bool) -> (Outcome, Option<Outcome>) {
        let before = self.tasks.len();
        let engine = self.request_of_engine(shape);
        let chosen = self.tasks.get(before).map(|(_, instance, _)| *instance);
        let shape_of = &self.workload.shapes[shape];
        if !with_plain {
            if let Some(instance) = chosen {
                self.plain.start(instance, shape, shape_of);
            }
            self.plain_draw = self.draw.clone();
            return (engine, None);
        }
        let start = Instant::now();
        let expected = self.plain.place(shape, shape_of, &mut self.plain_draw);
        if let Some(instance) = expected {
            self.plain.start(instance, shape, shape_of);
        }
        let plain = Outcome { placed: expected.is_some(), time: start.elapsed() };
        assert_eq!(chosen, expected, "the engine and the plain scan disagree on {:?}", shape_of.request);
        (engine, Some(plain))
    }

    fn request_of_engine(&mut self, shape: usize) -> Outcome {
        let start = Instant::now();
        let placement = self.prepared[shape].place(&self.cluster, &mut self.draw);
        let change = placement.map(|placement| self.cluster.start(&placement).expect("it was just chosen"));
        let time = start.elapsed();
        let placed = change.is_some();
        if let Some(change) = change {
            let task = change.task_id().expect("a start is about a task");
            self.tasks.push((task, change.instance.number() as usize, shape));
        }
        Outcome { placed, time }
    }
}
