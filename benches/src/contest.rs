//! The contest of two executions: one cluster placed by the indexes, its twin by the scan of columns, led through the same
//! steps in alternating stretches, so that neither disturbs the other's caches while it is timed.

use std::time::{Duration, Instant};

use scheduler_core::{
    Change, Cluster, ContainerInstance, Draw, DrawPurpose, InstanceId, Placement, PlacementRequest, PlacementStrategy,
    PreparedRequest, Scheduler, SeededDraw, Strategy, TaskId,
};

/// What happens next.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// The tracked task at that position stops; never timed.
    Stop(usize),
    /// A task of that shape is placed, and started if somebody takes it.
    Place(usize),
    /// The same, to bring a state about: not timed.
    Prepare(usize),
}

/// The next steps, made from random numbers and the number of tracked tasks.
pub type Script = Box<dyn FnMut(&mut SeededDraw, usize) -> Vec<Step>>;

/// A fleet, what is asked of it, and how it is filled.
pub struct Setup {
    /// The instances, in registration order.
    pub instances: Vec<ContainerInstance>,
    /// What may be placed.
    pub shapes: Vec<PlacementRequest>,
    /// Tasks that run from the beginning: the instance's position and the shape; the script may stop them.
    pub tracked: Vec<(usize, usize)>,
    /// Tasks that run to the end.
    pub lasting: Vec<(usize, usize)>,
    /// Then tasks of all shapes are placed until so many percent of the CPU or memory are in use.
    pub fill_percent: u64,
    /// What is measured.
    pub script: Script,
}

/// Times of place and start, in nanoseconds, one a timed step.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// By the indexes.
    pub engine: Vec<u64>,
    /// By the scan of columns.
    pub scan: Vec<u64>,
}

struct Side {
    cluster: Cluster,
    prepared: Vec<PreparedRequest>,
    draw: SeededDraw,
    tasks: Vec<TaskId>,
}

/// Two clusters in the same state.
pub struct Contest {
    engine: Side,
    scan: Side,
    /// Held, never used: makes the scan's cluster tell instances apart by the names that the requests mention.
    _mentions: Vec<PreparedRequest>,
    script: Script,
    steps: SeededDraw,
}

/// How long the engine runs before it is the scan's turn.
const STRETCH: Duration = Duration::from_millis(2);

impl Contest {
    /// Registers, prepares and fills.
    ///
    /// # Panics
    /// If the setup is not sound.
    pub fn new(setup: Setup) -> Self {
        let Setup { instances, shapes, tracked, lasting, fill_percent, script } = setup;
        let scheduler = Scheduler::default();
        let (mut engine, mut scan) = (Cluster::default(), Cluster::default());
        let prepare = |cluster: &mut Cluster, shape: &PlacementRequest| {
            scheduler.prepare(cluster, shape.clone()).expect("the shape is sound")
        };
        let by_index = shapes.iter().map(|shape| prepare(&mut engine, shape)).collect();
        // A cluster keeps orders only for what was prepared for it; what was prepared for another it scans for.
        let by_scan = shapes.iter().map(|shape| prepare(&mut Cluster::default(), shape)).collect();
        let mentions = shapes.iter().map(|shape| prepare(&mut scan, &without_order(shape))).collect();
        for instance in instances {
            engine.register(instance.clone()).expect("the names differ");
            scan.register(instance).expect("the names differ");
        }
        assert_eq!(scan.index_bytes(), 0, "the scan's cluster keeps no order");
        let side = |cluster, prepared| Side { cluster, prepared, draw: SeededDraw::new(1), tasks: Vec::new() };
        let (engine, scan) = (side(engine, by_index), side(scan, by_scan));
        let mut contest = Self { engine, scan, _mentions: mentions, script, steps: SeededDraw::new(2) };
        contest.adopt(&lasting);
        contest.forget_tasks();
        contest.adopt(&tracked);
        contest.fill(fill_percent);
        contest
    }

    fn adopt(&mut self, tasks: &[(usize, usize)]) {
        let ids: Vec<_> = self.engine.cluster.instances().map(|instance| instance.id()).collect();
        for (instance, shape) in tasks {
            self.engine.adopt(ids[*instance], *shape);
            self.scan.adopt(ids[*instance], *shape);
        }
    }

    fn forget_tasks(&mut self) {
        self.engine.tasks.clear();
        self.scan.tasks.clear();
    }

    /// By the strategy itself; the scan follows the engine's answers.
    fn fill(&mut self, percent: u64) {
        let registered = self.engine.cluster.instances().map(|instance| {
            let resources = instance.description().resources();
            (u64::from(resources.cpu_units()), u64::from(resources.memory_mib()))
        });
        let all = registered.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let (mut used, mut refused_in_a_row) = ((0, 0), 0);
        while used.0 * 100 < all.0 * percent && used.1 * 100 < all.1 * percent && refused_in_a_row < 50 {
            let shape = self.steps.draw(DrawPurpose::Strategy, self.engine.prepared.len() as u32) as usize;
            let (chosen, _) = self.engine.place(shape);
            let Some(instance) = chosen else {
                refused_in_a_row += 1;
                continue;
            };
            self.scan.adopt(instance, shape);
            let demand = self.engine.prepared[shape].request().demand();
            used = (used.0 + u64::from(demand.cpu_units), used.1 + u64::from(demand.memory_mib));
            refused_in_a_row = 0;
        }
        self.scan.draw = self.engine.draw.clone();
    }

    /// Runs for about that long, two stretches at least; the first warms up and is not counted.
    ///
    /// # Panics
    /// If the answers differ.
    pub fn run(&mut self, time: Duration) -> Times {
        let mut times = Times::default();
        let start = Instant::now();
        self.stretch(&mut Times::default());
        while times.engine.is_empty() || start.elapsed() < time {
            self.stretch(&mut times);
        }
        times
    }

    fn stretch(&mut self, times: &mut Times) {
        let mut done = Vec::new();
        let start = Instant::now();
        while start.elapsed() < STRETCH {
            for step in (self.script)(&mut self.steps, self.engine.tasks.len()) {
                let chosen = self.engine.take(step, &mut times.engine);
                done.push((step, chosen));
            }
        }
        for (step, expected) in done {
            let chosen = self.scan.take(step, &mut times.scan);
            assert_eq!(chosen, expected, "the scan and the indexes disagree at {step:?}");
        }
    }
}

impl Side {
    fn adopt(&mut self, instance: InstanceId, shape: usize) {
        let placement = Placement::adopt(instance, self.prepared[shape].request().clone());
        let change = self.cluster.start(&placement).expect("the instance holds it");
        self.tasks.extend(change.task_id());
    }

    fn take(&mut self, step: Step, times: &mut Vec<u64>) -> Option<InstanceId> {
        match step {
            Step::Stop(position) => {
                let task = self.tasks.swap_remove(position);
                self.cluster.stop(task).expect("the task runs");
                None
            }
            Step::Prepare(shape) => self.place(shape).0,
            Step::Place(shape) => {
                let (chosen, time) = self.place(shape);
                times.push(time.as_nanos() as u64);
                chosen
            }
        }
    }

    fn place(&mut self, shape: usize) -> (Option<InstanceId>, Duration) {
        let start = Instant::now();
        let placement = self.prepared[shape].place(&self.cluster, &mut self.draw);
        let change = placement.map(|placement| self.cluster.start(&placement).expect("it was just chosen"));
        let time = start.elapsed();
        self.tasks.extend(change.as_ref().and_then(Change::task_id));
        (change.map(|change| change.instance), time)
    }
}

/// The same attribute names in a chain that no order serves.
fn without_order(shape: &PlacementRequest) -> PlacementRequest {
    let mut rules = vec![PlacementStrategy::binpack_cpu()];
    if let Some(Strategy::Chain(chain)) = shape.own_strategy() {
        rules.extend(chain.rules().iter().cloned());
    }
    rules.truncate(4);
    rules.push(PlacementStrategy::spread_zones());
    let chain = Strategy::chain(rules).expect("two to five rules");
    shape.clone().strategy(chain)
}
