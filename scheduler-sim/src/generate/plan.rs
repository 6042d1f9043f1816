//! From what is asked for to what is written: the fleet, how many tasks run at a time, and how long the trace lasts.
//!
//! By Little's law the tasks that run at a time are the arrivals of a lifetime. Their number follows from the
//! utilization, and the horizon from how many tasks are left to arrive.

use scheduler_core::{InstanceType, instance_type};

use super::distribution::Distribution;
use super::presets::{DAY, DEPLOYMENT_INTERVAL_MS, Kind, Rule, Workload};
use super::{GenerateError, Options};

/// Without a number of tasks a trace lasts so long.
const DEFAULT_HORIZON_MS: u64 = 3 * DAY;
/// A batch is at most this part of the tasks that run at a time, or ten tasks.
const BATCH_PART: u64 = 10;
/// A group with a rule on its copies comes in batches of so many at most.
const RULED_BATCH_LIMIT: u64 = 9;

/// Container instances of one type in one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FleetEntry {
    pub(super) count: u32,
    pub(super) instance_type: &'static str,
    pub(super) zone: String,
    pub(super) disk: Option<&'static str>,
}

/// A kind with its lifetimes and batches ready to be drawn.
#[derive(Debug, Clone)]
pub(super) struct ReadyKind {
    pub(super) kind: Kind,
    /// None: a service's.
    pub(super) lifetime: Option<Distribution>,
    pub(super) batch_limit: u64,
}

/// What will be written.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) fleet: Vec<FleetEntry>,
    pub(super) kinds: Vec<ReadyKind>,
    pub(super) batches: Distribution,
    /// Weights of the kinds among requests, and among the tasks that run, summed up to each.
    pub(super) request_sums: Vec<u64>,
    pub(super) running_sums: Vec<u64>,
    pub(super) running_count: u64,
    pub(super) task_count: u64,
    pub(super) horizon_ms: u64,
    pub(super) mean_batch_milli: u64,
}

impl Plan {
    pub(super) fn new(workload: &Workload, options: &Options) -> Result<Self, GenerateError> {
        let utilization_milli = options.utilization_milli.unwrap_or(workload.utilization_milli);
        options.check(utilization_milli)?;
        let fleet = fleet(workload, options);
        let batches = Distribution::new(workload.batches);
        // The limit of batches depends on how many tasks run, and that, a little, on the limit.
        let mut kinds = ready(workload, u64::MAX);
        let first = Means::of(&kinds, &batches).running(&fleet, utilization_milli);
        kinds = ready(workload, (first / BATCH_PART).max(10));
        let means = Means::of(&kinds, &batches);
        let running_count = means.running(&fleet, utilization_milli).max(1);
        let turnover = |horizon_ms: u64| u128::from(running_count) * u128::from(horizon_ms) / means.lifetime_ms();
        let default_count = running_count.saturating_add(turnover(DEFAULT_HORIZON_MS).try_into().unwrap_or(u64::MAX));
        let task_count = options.tasks.unwrap_or(default_count);
        if task_count <= running_count {
            let instances = u64::from(options.instances) * task_count / running_count / 2;
            return Err(GenerateError::TooFewTasks { task_count, running_count, instances });
        }
        let arrivals = u128::from(task_count - running_count);
        let horizon_ms = means.lifetime_ms() * arrivals / u128::from(running_count);
        let horizon_ms = u64::try_from(horizon_ms).unwrap_or(u64::MAX).max(1_000) / 1_000 * 1_000;
        Ok(Self {
            fleet,
            request_sums: sums(kinds.iter().map(|ready| ready.kind.weight)),
            running_sums: sums(means.running_weights()),
            kinds,
            batches,
            running_count,
            task_count,
            horizon_ms,
            mean_batch_milli: means.batch_milli(),
        })
    }
}

fn sums(weights: impl Iterator<Item = u64>) -> Vec<u64> {
    let sums = weights.scan(0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    });
    sums.collect()
}

fn ready(workload: &Workload, batch_limit: u64) -> Vec<ReadyKind> {
    let ready = |kind: &Kind| ReadyKind {
        kind: *kind,
        lifetime: (!kind.lifetime.is_empty()).then(|| Distribution::new(kind.lifetime)),
        batch_limit: match kind.rule {
            Rule::Free | Rule::MemberOf | Rule::SpreadZones => batch_limit,
            Rule::Distinct | Rule::Cap(_) | Rule::Port(_) => batch_limit.min(RULED_BATCH_LIMIT),
        },
    };
    workload.kinds.iter().map(ready).collect()
}

/// What the kinds are in the mean.
#[derive(Debug)]
struct Means {
    kinds: Vec<KindMeans>,
}

#[derive(Debug, Clone, Copy)]
struct KindMeans {
    /// Its tasks among all that arrive: the weight times the mean batch in thousandths.
    arrivals: u64,
    weight: u64,
    lifetime_ms: u64,
    cpu_units: u32,
    memory_mib: u32,
}

impl Means {
    fn of(kinds: &[ReadyKind], batches: &Distribution) -> Self {
        let means = |ready: &ReadyKind| KindMeans {
            arrivals: ready.kind.weight * mean_batch_milli(batches, ready.batch_limit),
            weight: ready.kind.weight,
            lifetime_ms: match &ready.lifetime {
                Some(lifetime) => (lifetime.sum() / Distribution::cells()).max(1),
                None => DEPLOYMENT_INTERVAL_MS,
            },
            cpu_units: ready.kind.cpu_units,
            memory_mib: ready.kind.memory_mib,
        };
        Self { kinds: kinds.iter().map(means).collect() }
    }

    fn total(&self, of: impl Fn(&KindMeans) -> u64) -> u128 {
        self.kinds.iter().map(|kind| u128::from(kind.arrivals) * u128::from(of(kind))).sum()
    }

    fn lifetime_ms(&self) -> u128 {
        (self.total(|kind| kind.lifetime_ms) / self.total(|_| 1)).max(1)
    }

    fn batch_milli(&self) -> u64 {
        let weights: u64 = self.kinds.iter().map(|kind| kind.weight).sum();
        self.kinds.iter().map(|kind| kind.arrivals).sum::<u64>() / weights.max(1)
    }

    /// The tasks that run at a time: as many as take that share of the scarcer of CPU and memory.
    fn running(&self, fleet: &[FleetEntry], utilization_milli: u32) -> u64 {
        let capacity = |of: fn(&InstanceType) -> u32| -> u128 {
            let entries =
                fleet.iter().map(|entry| u128::from(entry.count) * u128::from(of(capacity_of(entry.instance_type))));
            entries.sum()
        };
        let lifetimes = self.total(|kind| kind.lifetime_ms);
        let by_cpu = capacity(|it| it.cpu_units.unwrap_or_default()) * lifetimes
            / self.total(|kind| kind.lifetime_ms * u64::from(kind.cpu_units));
        let by_memory = capacity(|it| it.memory_mib.unwrap_or_default()) * lifetimes
            / self.total(|kind| kind.lifetime_ms * u64::from(kind.memory_mib));
        u64::try_from(by_cpu.min(by_memory) * u128::from(utilization_milli) / 1_000).unwrap_or(u64::MAX)
    }

    fn running_weights(&self) -> impl Iterator<Item = u64> {
        // In seconds, so that sums stay small.
        self.kinds.iter().map(|kind| kind.arrivals * (kind.lifetime_ms / 1_000).max(1))
    }
}

fn capacity_of(name: &'static str) -> &'static InstanceType {
    instance_type(name).expect("the presets name types of the catalogue")
}

/// The mean size of a batch in thousandths of a task, sizes being whole.
fn mean_batch_milli(batches: &Distribution, limit: u64) -> u64 {
    let cells = Distribution::cells();
    let sizes = (0..cells).map(|cell| batch_size(batches.quantile((2 * cell + 1) * (1 << 32) / (2 * cells)), limit));
    sizes.sum::<u64>() * 1_000 / cells
}

/// A drawn batch as a whole number of tasks.
pub(super) fn batch_size(drawn_milli: u64, limit: u64) -> u64 {
    (drawn_milli / 1_000).clamp(1, limit)
}

/// The fleet, zone by zone: the zones as equal as they can be, the types by their shares, half of each with SSDs.
fn fleet(workload: &Workload, options: &Options) -> Vec<FleetEntry> {
    let total_weight: u64 = workload.fleet.iter().map(|part| part.weight).sum();
    let mut entries = Vec::new();
    let (mut begun, mut weight) = (0, 0);
    for part in workload.fleet {
        weight += part.weight;
        let end = u32::try_from(u64::from(options.instances) * weight / total_weight).unwrap_or(options.instances);
        for zone in 0..options.zones {
            let of_zone = |upto: u32| (upto + options.zones - 1 - zone) / options.zones;
            let count = of_zone(end) - of_zone(begun);
            let disks = if workload.has_disks {
                [(count / 2, Some("hdd")), (count - count / 2, Some("ssd"))]
            } else {
                [(count, None), (0, None)]
            };
            for (count, disk) in disks.into_iter().filter(|(count, _)| *count > 0) {
                let zone = format!("us-east-1{}", char::from(b'a' + zone as u8));
                entries.push(FleetEntry { count, instance_type: part.instance_type, zone, disk });
            }
        }
        begun = end;
    }
    entries
}
