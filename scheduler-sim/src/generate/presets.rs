//! The presets: which tasks there are, how many come together, and how long they run. All numbers of the generator
//! stand here; the [module's table](super) says where each comes from.

use super::distribution::{Piece, log_uniform, pareto};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// A task definition, and how the tasks of it come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) family: &'static str,
    /// Its share of the requests, in thousandths.
    pub(super) weight: u64,
    pub(super) cpu_units: u32,
    pub(super) memory_mib: u32,
    pub(super) lifetime: &'static [Piece],
    pub(super) rule: Rule,
}

/// What a kind asks of its instance besides room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Free,
    /// memberOf: the disk is an SSD, as on every second instance.
    MemberOf,
    /// distinctInstance, in one of a few groups.
    Distinct,
    /// `spread` over the Availability Zones.
    SpreadZones,
    /// At most so many copies an instance.
    Cap(u32),
    /// A static host port.
    Port(u16),
}

/// Instances of one type, as a share of the fleet in thousandths; their capacity is the catalogue's.
#[derive(Debug, Clone, Copy)]
pub(super) struct FleetPart {
    pub(super) instance_type: &'static str,
    pub(super) weight: u64,
}

/// All that a preset is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workload {
    pub(super) fleet: &'static [FleetPart],
    pub(super) kinds: &'static [Kind],
    /// How many tasks a request asks for.
    pub(super) batches: &'static [Piece],
    /// The share of each hour of the day in the requests, in ten-thousandths; none: all alike.
    pub(super) hours: Option<&'static [u64; 24]>,
    pub(super) utilization_milli: u32,
    /// Whether instances have the attribute `disk`.
    pub(super) has_disks: bool,
}

const ONE_TYPE: &[FleetPart] = &[FleetPart { instance_type: "m5.4xlarge", weight: 1_000 }];
const THREE_TYPES: &[FleetPart] = &[
    FleetPart { instance_type: "m5.4xlarge", weight: 500 },
    FleetPart { instance_type: "c5.4xlarge", weight: 250 },
    FleetPart { instance_type: "m5.12xlarge", weight: 250 },
];

/// Azure's batches; what is drawn is rounded down.
pub(super) const BATCHES: &[Piece] = &[
    log_uniform(600_000, 1_000, 1_999),
    log_uniform(750_000, 2_000, 2_999),
    log_uniform(900_000, 3_000, 6_000),
    log_uniform(950_000, 6_000, 12_000),
    log_uniform(990_000, 12_000, 62_000),
    log_uniform(999_000, 62_000, 250_000),
    log_uniform(1_000_000, 250_000, 587_000),
];
const SINGLE: &[Piece] = &[log_uniform(1_000_000, 1_000, 1_000)];

/// Alibaba's GPU pods.
const PODS: &[Piece] = &[
    log_uniform(500_000, 36 * SECOND, 10 * MINUTE),
    log_uniform(900_000, 10 * MINUTE, 132 * MINUTE),
    log_uniform(990_000, 132 * MINUTE, 32 * HOUR),
    log_uniform(1_000_000, 32 * HOUR, 7 * DAY),
];
/// SURF's jobs.
const JOBS: &[Piece] = &[
    log_uniform(500_000, 5 * SECOND, 69 * SECOND),
    log_uniform(900_000, 69 * SECOND, HOUR),
    log_uniform(990_000, HOUR, 36 * HOUR),
    log_uniform(1_000_000, 36 * HOUR, 5 * DAY),
];
/// The mixture of the facts.
const MIXTURE: &[Piece] = &[
    log_uniform(120_000, 10 * SECOND, 5 * MINUTE),
    log_uniform(670_000, 5 * MINUTE, HOUR),
    log_uniform(920_000, HOUR, DAY),
    pareto(DAY, 900, 30 * DAY),
];
const LONG: &[Piece] = &[log_uniform(1_000_000, HOUR, DAY)];
const SHORT: &[Piece] = &[log_uniform(1_000_000, 5 * MINUTE, HOUR)];
/// Services: they run on; a deployment replaces each about once a day.
pub(super) const DEPLOYMENT_INTERVAL_MS: u64 = DAY;

/// Sizes of services, in thousandths of a task.
pub(super) const SERVICE_SIZES: &[Piece] =
    &[log_uniform(500_000, 2_000, 42_000), log_uniform(1_000_000, 42_000, 2_551_000)];

/// Shares of the hours, from midnight on: quietest 2.6 %, busiest 6.9 %.
pub(super) const HOURS: [u64; 24] = [
    290, 268, 260, 260, 262, 270, 290, 325, 374, 439, 509, 574, 624, 670, 690, 659, 594, 519, 449, 394, 355, 325, 305,
    295,
];

const fn free(family: &'static str, weight: u64, cpu_units: u32, memory_mib: u32, lifetime: &'static [Piece]) -> Kind {
    Kind { family, weight, cpu_units, memory_mib, lifetime, rule: Rule::Free }
}

const fn ruled(family: &'static str, weight: u64, cpu_units: u32, memory_mib: u32, rule: Rule) -> Kind {
    Kind { family, weight, cpu_units, memory_mib, lifetime: PODS, rule }
}

/// Azure's sizes: 1.75 GB a core, few of 7 GB.
macro_rules! azure {
    ($lifetime:expr) => {
        &[
            free("one-core", 570, 1_024, 1_792, $lifetime),
            free("two-core", 200, 2_048, 3_584, $lifetime),
            free("four-core", 100, 4_096, 7_168, $lifetime),
            free("eight-core", 110, 8_192, 14_336, $lifetime),
            free("memory-heavy", 20, 2_048, 14_336, $lifetime),
        ]
    };
}

const BASE: Workload = Workload {
    fleet: ONE_TYPE,
    kinds: azure!(PODS),
    batches: BATCHES,
    hours: None,
    utilization_milli: 700,
    has_disks: false,
};

pub(super) const STEADY: Workload = Workload {
    kinds: &[
        free("web", 350, 512, 1_024, &[]),
        free("api", 350, 1_024, 2_048, &[]),
        free("worker", 200, 2_048, 4_096, &[]),
        free("cache", 100, 512, 4_096, &[]),
    ],
    batches: SINGLE,
    ..BASE
};

pub(super) const BATCH: Workload = Workload {
    kinds: &[
        free("half-core", 700, 512, 1_024, JOBS),
        free("one-core", 290, 1_024, 3_072, JOBS),
        free("two-core", 10, 2_048, 4_096, JOBS),
    ],
    ..BASE
};

pub(super) const DIURNAL: Workload = Workload { hours: Some(&HOURS), utilization_milli: 500, ..BASE };

pub(super) const HEAVY_TAILED: Workload = Workload { kinds: azure!(MIXTURE), ..BASE };

pub(super) const MIXED_SIZES: Workload = Workload {
    fleet: THREE_TYPES,
    kinds: &[
        free("c-256", 120, 256, 512, PODS),
        free("m-256", 120, 256, 1_024, PODS),
        free("r-256", 60, 256, 2_048, PODS),
        free("c-1024", 120, 1_024, 2_048, PODS),
        free("m-1024", 120, 1_024, 4_096, PODS),
        free("r-1024", 60, 1_024, 8_192, PODS),
        free("c-4096", 120, 4_096, 8_192, PODS),
        free("m-4096", 120, 4_096, 16_384, PODS),
        free("r-4096", 60, 4_096, 30_720, PODS),
        free("m-8192", 60, 8_192, 32_768, PODS),
        free("c-16384", 40, 16_384, 32_768, PODS),
    ],
    ..BASE
};

pub(super) const FRAGMENTING: Workload = Workload {
    kinds: &[
        free("grain", 500, 512, 1_024, LONG),
        free("three-eighths", 200, 6_144, 12_288, SHORT),
        free("five-eighths", 200, 10_240, 16_384, SHORT),
        free("memory-heavy", 100, 1_024, 24_576, SHORT),
    ],
    batches: SINGLE,
    ..BASE
};

pub(super) const CONSTRAINED: Workload = Workload {
    kinds: &[
        ruled("free", 350, 1_024, 1_792, Rule::Free),
        ruled("on-ssd", 120, 2_048, 3_584, Rule::MemberOf),
        ruled("apart", 140, 1_024, 1_792, Rule::Distinct),
        ruled("over-zones", 250, 1_024, 1_792, Rule::SpreadZones),
        ruled("two-an-instance", 60, 2_048, 3_584, Rule::Cap(2)),
        ruled("four-an-instance", 30, 2_048, 3_584, Rule::Cap(4)),
        ruled("on-port", 50, 512, 896, Rule::Port(8_080)),
    ],
    utilization_milli: 500,
    has_disks: true,
    ..BASE
};
