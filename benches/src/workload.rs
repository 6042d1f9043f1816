//! Fleets and request shapes. Everything is drawn from a fixed seed, so two runs time the same thing.

use std::fmt;

use scheduler_core::{
    Cluster, ContainerInstance, Demand, Draw, DrawPurpose, Expression, HostPorts, PlacementConstraint,
    PlacementRequest, PlacementStrategy, Resources, SeededDraw, Strategy, TaskGroup,
};

/// The strategy under test, or the peers' workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The zone, then the instance with the most headroom.
    Headroom,
    /// `spread` over zones, then instances.
    SpreadSpread,
    /// `spread` over zones, then `binpack` by memory.
    SpreadBinpackMemory,
    /// `binpack` by CPU.
    BinpackCpu,
    /// `random`.
    Random,
    /// Headroom on the fleet and tasks that peers are measured with, without constraints.
    Plain,
}

/// A source of random numbers that is one word, so that each step can record where it stood (`SplitMix64`).
#[derive(Debug, Clone, Copy)]
pub struct StepDraw(u64);

impl StepDraw {
    /// The source of that seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Draw for StepDraw {
    fn draw(&mut self, _: DrawPurpose, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((mixed >> 32) * u64::from(bound)) >> 32) as u32
    }
}

/// How full the fleet is while it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 85 % of the CPU or memory is in use.
    Steady,
    /// Filled until nine of ten requests find nobody; half of the requests are big.
    NearFull,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 6] =
        [Self::Headroom, Self::SpreadSpread, Self::SpreadBinpackMemory, Self::BinpackCpu, Self::Random, Self::Plain];

    /// Its name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Headroom => "headroom",
            Self::SpreadSpread => "spread_spread",
            Self::SpreadBinpackMemory => "spread_binpack_memory",
            Self::BinpackCpu => "binpack_cpu",
            Self::Random => "random",
            Self::Plain => "plain",
        }
    }

    /// The strategy that requests carry; `None`: the default, headroom.
    fn strategy(self) -> Option<Strategy> {
        let chain = |rules: Vec<PlacementStrategy>| Some(Strategy::chain(rules).expect("one to five rules"));
        match self {
            Self::Headroom | Self::Plain => None,
            Self::SpreadSpread => chain(vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]),
            Self::SpreadBinpackMemory => {
                chain(vec![PlacementStrategy::spread_zones(), PlacementStrategy::binpack_memory()])
            }
            Self::BinpackCpu => chain(vec![PlacementStrategy::binpack_cpu()]),
            Self::Random => chain(vec![PlacementStrategy::Random]),
        }
    }
}

impl State {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::NearFull => "near_full",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One kind of request.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What is placed.
    pub request: PlacementRequest,
    /// Bits of the stacks (attribute values) that its constraint admits.
    pub stacks: u8,
}

/// One instance of a fleet, in plain numbers.
#[derive(Debug, Clone, Copy)]
pub struct FleetInstance {
    /// Which zone.
    pub zone: u8,
    /// Which value of the attribute `stack`.
    pub stack: u8,
    /// Registered CPU units.
    pub cpu: u32,
    /// Registered MiB.
    pub memory: u32,
}

/// The instances, in registration order.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Number of zones.
    pub zones: u8,
    /// The instances.
    pub instances: Vec<FleetInstance>,
}

/// A fleet and the requests that go to it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The instances.
    pub fleet: Fleet,
    /// The kinds of requests.
    pub shapes: Vec<Shape>,
    /// How many of them are requested; those behind are bundles, which only fill a very large fleet.
    pub requested: usize,
}

/// From so many instances on most of a fleet is filled by bundles, which keeps its tasks to some millions.
const BUNDLED_FROM: usize = 200_000;
/// A bundle demands as much as so many tasks.
const BUNDLE_SIZE: u32 = 8;

const STACKS: [&str; 2] = ["prod", "test"];
/// vCPU and GiB of twenty sizes as EC2 has them: general purpose, compute and memory optimised.
const SIZES: [(u32, u32); 20] = [
    (2, 8),
    (4, 16),
    (8, 32),
    (16, 64),
    (32, 128),
    (48, 192),
    (64, 256),
    (2, 4),
    (4, 8),
    (8, 16),
    (16, 32),
    (36, 72),
    (72, 144),
    (2, 16),
    (4, 32),
    (8, 64),
    (16, 128),
    (32, 256),
    (1, 2),
    (2, 2),
];

impl Workload {
    /// The workload of a mode: twenty sizes × two stacks × three zones and 200 request shapes, a quarter of them with
    /// `memberOf`, one in twenty with a static port, one in ten with `distinctInstance`; or the peers' plain one.
    ///
    /// # Panics
    /// Never: what it is made of is sound.
    pub fn new(mode: Mode, instances: usize) -> Self {
        let mut draw = SeededDraw::new(20_260_101);
        let mut below = |bound: u32| draw.draw(DrawPurpose::Strategy, bound);
        if mode == Mode::Plain {
            return Self::plain(instances).with_bundles(mode);
        }
        let fleet = Fleet {
            zones: 3,
            instances: (0..instances)
                .map(|_| {
                    let (vcpu, gib) = SIZES[below(SIZES.len() as u32) as usize];
                    let (zone, stack) = (below(3) as u8, below(2) as u8);
                    FleetInstance { zone, stack, cpu: vcpu * 1024, memory: gib * 1024 }
                })
                .collect(),
        };
        let shapes = (0..200)
            .map(|number| {
                let cpu = [64, 128, 256, 512, 1024, 2048][below(6) as usize];
                let memory = [128, 256, 512, 1024, 2048, 4096, 8192][below(7) as usize];
                let mut demand = Demand::new(cpu, memory);
                if below(20) == 0 {
                    demand = demand.with_host_ports(HostPorts::tcp(&[[80, 443, 8080][below(3) as usize]]));
                }
                let mut request = PlacementRequest::new(demand, group(number));
                let mut stacks = 0b11;
                if below(4) == 0 {
                    let stack = below(2);
                    stacks = 1 << stack;
                    let text = format!("attribute:stack == {}", STACKS[stack as usize]);
                    let expression = Expression::parse(&text).expect("the expression is sound");
                    request = request.constraint(PlacementConstraint::MemberOf(expression));
                }
                if below(10) == 0 {
                    request = request.constraint(PlacementConstraint::DistinctInstance);
                }
                Shape { request: with_strategy(request, mode), stacks }
            })
            .collect::<Vec<_>>();
        Self { fleet, requested: shapes.len(), shapes }.with_bundles(mode)
    }

    /// Adds the bundles, if the fleet is so large.
    fn with_bundles(mut self, mode: Mode) -> Self {
        if self.fleet.instances.len() < BUNDLED_FROM {
            return self;
        }
        for number in 0..self.requested {
            let demand = self.shapes[number].request.demand();
            let demand = Demand::new(demand.cpu_units * BUNDLE_SIZE, demand.memory_mib * BUNDLE_SIZE);
            let request = PlacementRequest::new(demand, group(self.requested + number));
            self.shapes.push(Shape { request: with_strategy(request, mode), stacks: 0b11 });
        }
        self
    }

    /// Thirds of 8, 16 and 32 vCPU with 4 GiB a vCPU; tasks of 0.25 to 2 vCPU × 0.5 to 4 GiB.
    fn plain(instances: usize) -> Self {
        let fleet = Fleet {
            zones: 3,
            instances: (0..instances)
                .map(|number| {
                    let vcpu = [8, 16, 32][number % 3];
                    let zone = (number / 3 % 3) as u8;
                    FleetInstance { zone, stack: 0, cpu: vcpu * 1024, memory: vcpu * 4096 }
                })
                .collect(),
        };
        let sizes = [256, 512, 1024, 2048];
        let shapes = (0..16).map(|number| {
            let demand = Demand::new(sizes[number % 4], sizes[number / 4] * 2);
            Shape { request: PlacementRequest::new(demand, group(number)), stacks: 0b11 }
        });
        Self { fleet, requested: shapes.len(), shapes: shapes.collect() }
    }

    /// The cluster of the fleet.
    ///
    /// # Panics
    /// Never: the instances of a fleet are sound and their names differ.
    pub fn cluster(&self) -> Cluster {
        let mut cluster = Cluster::default();
        let mut prototypes = std::collections::BTreeMap::new();
        for (number, instance) in self.fleet.instances.iter().enumerate() {
            let FleetInstance { zone, stack, cpu, memory } = *instance;
            let prototype = prototypes.entry((zone, stack, cpu, memory)).or_insert_with(|| {
                ContainerInstance::builder("prototype")
                    .zone(format!("zone-{zone}"))
                    .resources(Resources::new(cpu, memory))
                    .attribute("stack", STACKS[usize::from(stack)])
                    .without_capabilities()
                    .build()
                    .expect("the instance is sound")
            });
            let instance = prototype.with_name(format!("i-{number}")).expect("the name is sound");
            cluster.register(instance).expect("the names differ");
        }
        cluster
    }
}

fn group(number: usize) -> TaskGroup {
    TaskGroup::service(&format!("service-{number}")).expect("the name is sound")
}

fn with_strategy(request: PlacementRequest, mode: Mode) -> PlacementRequest {
    match mode.strategy() {
        Some(strategy) => request.strategy(strategy),
        None => request,
    }
}
