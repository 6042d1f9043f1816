//! The churn that is measured: a fleet filled by the strategy itself, then one task stopped and one requested, again and
//! again. The engine goes first and its steps are recorded; the plain scan then follows through the same steps, and every
//! answer that it gives is compared. So neither sweeps the other's caches between one placement and the next.

use std::time::{Duration, Instant};

use scheduler_core::{Cluster, Draw, DrawPurpose, InstanceId, PreparedRequest, Scheduler, SeededDraw, TaskId};

use crate::plain::PlainScheduler;
use crate::workload::{Mode, State, StepDraw, Workload};

/// One timed answer.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Whether somebody took the task.
    pub placed: bool,
    /// Time to place, and to start if somebody took it.
    pub time: Duration,
    /// Time of the stop before.
    pub stop_time: Duration,
}

/// A task's shape, and the position of its instance in the fleet.
#[derive(Debug, Clone, Copy)]
struct Running {
    instance: usize,
    shape: usize,
}

/// A step that the engine has made and the plain scan has not.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    stopped: Option<Running>,
    shape: usize,
    chosen: Option<usize>,
    /// The source of random numbers before the step.
    draw: StepDraw,
}

impl Recorded {
    /// Whether nobody took the task.
    pub fn is_refused(&self) -> bool {
        self.chosen.is_none()
    }
}

/// A filled fleet, twice: in the engine and in the plain scan.
#[derive(Debug)]
pub struct Churn {
    workload: Workload,
    state: State,
    /// The engine's cluster.
    pub cluster: Cluster,
    prepared: Vec<PreparedRequest>,
    plain: PlainScheduler,
    draw: StepDraw,
    steps: SeededDraw,
    tasks: Vec<(TaskId, Running)>,
    recorded: Vec<Recorded>,
}

/// Where the steady state stops filling, in percent of CPU or memory.
const STEADY_PERCENT: u64 = 85;
const PLAIN_PERCENT: u64 = 80;
/// Where the bundles of a very large fleet end.
const BUNDLED_PERCENT: u64 = 75;
/// Shapes in the upper half of this order are the big ones.
const BIG_CPU: u32 = 1024;

impl Churn {
    /// Fills a fleet by the strategy itself, up to the steady state.
    ///
    /// # Panics
    /// If the workload is not sound.
    pub fn new(mode: Mode, instances: usize) -> Self {
        let workload = Workload::new(mode, instances);
        let mut cluster = workload.cluster();
        let scheduler = Scheduler::default();
        let prepare = |shape: &crate::Shape| {
            scheduler.prepare(&mut cluster, shape.request.clone()).expect("the request is sound")
        };
        let prepared = workload.shapes.iter().map(prepare).collect();
        let plain = PlainScheduler::new(mode, &workload);
        let mut churn = Self {
            workload,
            state: State::Steady,
            cluster,
            prepared,
            plain,
            draw: StepDraw::new(1),
            steps: SeededDraw::new(2),
            tasks: Vec::new(),
            recorded: Vec::new(),
        };
        if churn.workload.requested < churn.workload.shapes.len() {
            churn.fill(BUNDLED_PERCENT, Self::next_bundle);
            // Bundles stay to the end.
            churn.tasks.clear();
        }
        churn.fill(if mode == Mode::Plain { PLAIN_PERCENT } else { STEADY_PERCENT }, Self::next_shape);
        churn
    }

    /// Fills on, until nine in ten requests find nobody, half of which are big ones from now on.
    pub fn fill_up(&mut self) {
        self.state = State::NearFull;
        self.fill(100, Self::next_shape);
    }

    /// Fills by the engine alone; the plain scan, which would take hours on large fleets, follows its answers.
    fn fill(&mut self, percent: u64, next: fn(&mut Self) -> usize) {
        let registered = self.workload.fleet.instances.iter();
        let all = registered
            .fold((0, 0), |sum, instance| (sum.0 + u64::from(instance.cpu), sum.1 + u64::from(instance.memory)));
        let remaining = self.cluster.instances().map(|instance| instance.remaining());
        let mut free = remaining.fold((0, 0), |sum, remaining| {
            (sum.0 + u64::from(remaining.cpu_units), sum.1 + u64::from(remaining.memory_mib))
        });
        // A lopsided fleet runs out of one resource before it is so full.
        let patience = if self.state == State::Steady { 50 } else { 20 };
        let mut refused_in_a_row = 0;
        let is_full =
            |free: (u64, u64)| free.0 * 100 <= all.0 * (100 - percent) || free.1 * 100 <= all.1 * (100 - percent);
        while refused_in_a_row < patience && !is_full(free) {
            let shape = next(self);
            let placed = self.request(None, shape).placed;
            refused_in_a_row = if placed { 0 } else { refused_in_a_row + 1 };
            if placed {
                let demand = self.workload.shapes[shape].request.demand();
                free = (free.0 - u64::from(demand.cpu_units), free.1 - u64::from(demand.memory_mib));
            }
        }
        self.follow(|_, _| false);
    }

    fn next_bundle(&mut self) -> usize {
        let Workload { requested, shapes, .. } = &self.workload;
        requested + self.steps.draw(DrawPurpose::Strategy, (shapes.len() - requested) as u32) as usize
    }

    fn next_shape(&mut self) -> usize {
        let count = self.workload.requested as u32;
        loop {
            let shape = self.steps.draw(DrawPurpose::Strategy, count) as usize;
            let is_big = self.workload.shapes[shape].request.demand().cpu_units >= BIG_CPU;
            let wants_big = self.state == State::NearFull && self.steps.draw(DrawPurpose::TieBreak, 2) == 0;
            if is_big || !wants_big {
                return shape;
            }
        }
    }

    /// One task stops, if there is one, and one is requested: by the engine, timed and recorded.
    ///
    /// # Panics
    /// If the engine forgets a task.
    pub fn step(&mut self) -> Outcome {
        let (mut stopped, mut stop_time) = (None, Duration::ZERO);
        if !self.tasks.is_empty() {
            let position = self.steps.draw(DrawPurpose::ScaleIn, self.tasks.len() as u32) as usize;
            let (task, running) = self.tasks.swap_remove(position);
            let start = Instant::now();
            self.cluster.stop(task).expect("the task runs");
            stop_time = start.elapsed();
            stopped = Some(running);
        }
        let shape = self.next_shape();
        Outcome { stop_time, ..self.request(stopped, shape) }
    }

    fn request(&mut self, stopped: Option<Running>, shape: usize) -> Outcome {
        let draw = self.draw;
        let start = Instant::now();
        let placement = self.prepared[shape].place(&self.cluster, &mut self.draw);
        let change = placement.map(|placement| self.cluster.start(&placement).expect("it was just chosen"));
        let time = start.elapsed();
        let chosen = change.as_ref().map(|change| change.instance.number() as usize);
        self.recorded.push(Recorded { stopped, shape, chosen, draw });
        if let Some((task, instance)) = change.and_then(|change| change.task_id()).zip(chosen) {
            self.tasks.push((task, Running { instance, shape }));
        }
        Outcome { placed: chosen.is_some(), time, stop_time: Duration::ZERO }
    }

    /// One more instance joins, and leaves: the time that takes the engine, and the plain scan's list.
    ///
    /// # Panics
    /// Never: the name is new each time.
    pub fn join_and_leave(&mut self) -> [Duration; 2] {
        let pattern = self.steps.draw(DrawPurpose::Strategy, self.workload.fleet.instances.len() as u32) as usize;
        let alike = self.workload.fleet.instances[pattern];
        let id = InstanceId::from_number(pattern as u64);
        let description = self.cluster.instance(id).expect("nobody of the fleet leaves").description();
        let newcomer = description.with_name("newcomer").expect("the name is sound");
        let start = Instant::now();
        let id = self.cluster.register(newcomer).expect("the name is free").instance;
        self.cluster.deregister(id).expect("it runs nothing");
        let engine = start.elapsed();
        let start = Instant::now();
        self.plain.register(&alike);
        self.plain.deregister_last();
        [engine, start.elapsed()]
    }

    /// The steps that the plain scan has not made yet.
    pub fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// Leads the plain scan through the steps recorded. It answers those that `ask` picks by their position, timed and
    /// compared; in the others it only takes note of what the engine did.
    ///
    /// # Panics
    /// If an answer differs from the engine's.
    pub fn follow(&mut self, mut ask: impl FnMut(usize, &Recorded) -> bool) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (position, step) in self.recorded.drain(..).enumerate() {
            let shape_of = |shape: usize| &self.workload.shapes[shape];
            let start = Instant::now();
            if let Some(Running { instance, shape }) = step.stopped {
                self.plain.stop(instance, shape, shape_of(shape));
            }
            let is_asked = ask(position, &step);
            let stop_time = start.elapsed();
            let mut draw = step.draw;
            let start = Instant::now();
            let answer =
                if is_asked { self.plain.place(step.shape, shape_of(step.shape), &mut draw) } else { step.chosen };
            if let Some(instance) = answer {
                self.plain.start(instance, step.shape, shape_of(step.shape));
            }
            let time = start.elapsed();
            if is_asked {
                assert_eq!(answer, step.chosen, "the plain scan disagrees on {:?}", shape_of(step.shape).request);
                outcomes.push(Outcome { placed: answer.is_some(), time, stop_time });
            }
        }
        outcomes
    }
}
