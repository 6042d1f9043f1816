//! Synthetic traces: which tasks come when, by seed, with the distributions of real clusters.
//!
//! A preset says which sizes, batches, lifetimes and rules there are. The fleet is what is asked for; how many tasks run
//! at a time follows from the utilization, and how long the trace lasts from the number of tasks. The cluster begins as
//! full as it stays: the tasks that run at second 0 have the rest of their lifetimes before them, drawn as a look at such
//! a cluster at a random moment would find it. The same options give the same bytes on every platform: all choices are
//! `ChaCha8`'s, and all arithmetic is in integers.
//!
//! Memory: the fleet, and for `steady` the services. Cost: about half a microsecond an event, packing not included.
#![doc = include_str!("distributions.md")]

mod arrivals;
mod distribution;
mod fixed;
mod plan;
mod presets;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::io::{self, Write};

use self::arrivals::Arrivals;
use self::distribution::{Chance, Distribution};
use self::plan::{Plan, ReadyKind, batch_size};
use self::presets::{SERVICE_SIZES, Workload};
use self::write::{
    DefinitionOut, DeploymentEvent, GROUPS, InstanceOut, RunTaskEvent, RunTaskOut, ScalingEvent, Seconds, ServiceOut,
    SettingsOut,
};
use crate::trace::{TraceForm, TraceWriter};

/// The distributions of the presets, each number with its source: Markdown.
pub const DISTRIBUTIONS: &str = include_str!("distributions.md");

/// What kind of cluster a trace is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
#[non_exhaustive]
pub enum Preset {
    /// Services, and their deployments
    Steady,
    /// Short jobs in batches
    Batch,
    /// Arrivals by the hour of the day
    Diurnal,
    /// Lifetimes from seconds to a month
    HeavyTailed,
    /// Task sizes of all kinds on three instance types
    MixedSizes,
    /// Sizes that leave gaps
    Fragmenting,
    /// memberOf, distinctInstance, spread, caps and host ports
    Constrained,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Steady,
        Self::Batch,
        Self::Diurnal,
        Self::HeavyTailed,
        Self::MixedSizes,
        Self::Fragmenting,
        Self::Constrained,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Batch => "batch",
            Self::Diurnal => "diurnal",
            Self::HeavyTailed => "heavy-tailed",
            Self::MixedSizes => "mixed-sizes",
            Self::Fragmenting => "fragmenting",
            Self::Constrained => "constrained",
        }
    }

    fn workload(self) -> Workload {
        match self {
            Self::Steady => presets::STEADY,
            Self::Batch => presets::BATCH,
            Self::Diurnal => presets::DIURNAL,
            Self::HeavyTailed => presets::HEAVY_TAILED,
            Self::MixedSizes => presets::MIXED_SIZES,
            Self::Fragmenting => presets::FRAGMENTING,
            Self::Constrained => presets::CONSTRAINED,
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How large a trace is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Every choice derives from it.
    pub seed: u64,
    /// Container instances, from 1 on.
    pub instances: u32,
    /// Tasks, those that run at second 0 included; `None`: as many as three days bring.
    pub tasks: Option<u64>,
    /// Availability Zones, from 1 to 26.
    pub zones: u32,
    /// The share of the fleet that is asked for in the mean, in thousandths, of CPU or memory, whichever is scarcer;
    /// `None`: the preset's.
    pub utilization_milli: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, instances: 100, tasks: None, zones: 3, utilization_milli: None }
    }
}

/// Most instances and tasks, far above what a run takes.
const INSTANCE_LIMIT: u32 = 1 << 22;
const TASK_LIMIT: u64 = 1 << 40;
const UTILIZATION_LIMIT: u32 = 10_000;

impl Options {
    fn check(&self, utilization_milli: u32) -> Result<(), GenerateError> {
        let check = |option, value, least, most| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(GenerateError::OutOfRange { option, value, least, most })
            }
        };
        check("instances", self.instances.into(), 1, INSTANCE_LIMIT.into())?;
        check("zones", self.zones.into(), 1, 26)?;
        check("utilization in thousandths", utilization_milli.into(), 1, UTILIZATION_LIMIT.into())?;
        self.tasks.map_or(Ok(()), |tasks| check("tasks", tasks, 1, TASK_LIMIT))
    }
}

/// Why no trace can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// An option is outside its range.
    #[error("{option}: {value} is not between {least} and {most}")]
    #[expect(missing_docs, reason = "the message says what they are")]
    OutOfRange { option: &'static str, value: u64, least: u64, most: u64 },
    /// The fleet is too large for the tasks.
    #[error(
        "{task_count} tasks cannot keep the fleet so full: at that utilization {running_count} run at a time; ask for \
         more tasks, or for {instances} instances or fewer"
    )]
    TooFewTasks {
        /// Tasks wanted.
        task_count: u64,
        /// Tasks that run at a time.
        running_count: u64,
        /// A fleet of which the tasks are twice what runs.
        instances: u64,
    },
    /// The trace cannot be written.
    #[error("cannot write the trace: {0}")]
    Write(#[from] io::Error),
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenerateReport {
    /// Container instances.
    pub instance_count: u32,
    /// Tasks, those of services by their desired counts and deployments.
    pub task_count: u64,
    /// Tasks that run at second 0.
    pub running_count: u64,
    /// Events.
    pub event_count: u64,
    /// Where the trace ends, in milliseconds.
    pub horizon_ms: u64,
}

/// Writes a trace.
///
/// ```
/// use scheduler_sim::generate::{Options, Preset, generate};
/// use scheduler_sim::trace::TraceForm;
///
/// let mut bytes = Vec::new();
/// let options = Options { instances: 10, tasks: Some(2_000), ..Options::default() };
/// let report = generate(Preset::Batch, &options, TraceForm::Lines, &mut bytes)?;
/// assert_eq!(report.task_count, 2_000);
/// # Ok::<(), scheduler_sim::generate::GenerateError>(())
/// ```
///
/// # Errors
/// [`GenerateError`] for options that cannot be, before anything is written, and as the writer has them.
pub fn generate(
    preset: Preset,
    options: &Options,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<GenerateReport, GenerateError> {
    let workload = preset.workload();
    let plan = Plan::new(&workload, options)?;
    let mut chance = Chance::new(options.seed);
    let mut writer = TraceWriter::new(out, form)?;
    let name = format!("{preset}, {} instances, seed {}", options.instances, options.seed);
    writer.key("name", &name)?;
    writer.key("settings", &SettingsOut { end_seconds: Seconds(plan.horizon_ms) })?;
    writer.list("containerInstances", plan.fleet.iter().map(InstanceOut::of))?;
    writer.list("taskDefinitions", plan.kinds.iter().map(|ready| DefinitionOut::of(&ready.kind)))?;
    let task_count = if preset == Preset::Steady {
        let services = services(&plan, &mut chance);
        writer.list("services", services.iter().map(Service::written))?;
        deploy(&plan, &services, &mut chance, &mut writer)?
    } else {
        let arrivals = Arrivals::new(plan.horizon_ms, plan.mean_batch_milli, workload.hours);
        run_tasks(&plan, arrivals, &mut chance, &mut writer)?
    };
    let report = GenerateReport {
        instance_count: options.instances,
        task_count,
        running_count: plan.running_count,
        event_count: writer.event_count(),
        horizon_ms: plan.horizon_ms,
    };
    writer.finish()?;
    Ok(report)
}

fn run_tasks(
    plan: &Plan,
    mut arrivals: Arrivals,
    chance: &mut Chance,
    writer: &mut TraceWriter<&mut dyn Write>,
) -> io::Result<u64> {
    for _ in 0..plan.running_count {
        let ready = &plan.kinds[chance.index(&plan.running_sums)];
        let rest_ms = ready.lifetime.as_ref().map_or(0, |lifetime| lifetime.draw_rest(chance));
        writer.event(&run_task(0, ready, 1, rest_ms, chance))?;
    }
    let mut left = plan.task_count - plan.running_count;
    while left > 0 {
        let at_ms = arrivals.next_ms(left, chance);
        let ready = &plan.kinds[chance.index(&plan.request_sums)];
        let count = batch_size(plan.batches.draw(chance), ready.batch_limit).min(left);
        let lifetime_ms = ready.lifetime.as_ref().map_or(0, |lifetime| lifetime.draw(chance));
        writer.event(&run_task(at_ms, ready, count, lifetime_ms, chance))?;
        left -= count;
    }
    Ok(plan.task_count)
}

fn run_task(at_ms: u64, ready: &ReadyKind, count: u64, duration_ms: u64, chance: &mut Chance) -> RunTaskEvent {
    let group = || GROUPS[chance.below(GROUPS.len() as u32) as usize];
    RunTaskEvent { at_seconds: Seconds(at_ms), run_task: RunTaskOut::new(&ready.kind, count, duration_ms, group) }
}

/// A service of `steady`.
struct Service {
    name: String,
    group: String,
    family: &'static str,
    desired_count: u64,
}

impl Service {
    fn written(&self) -> ServiceOut<'_> {
        ServiceOut { service_name: &self.name, task_definition: self.family, desired_count: self.desired_count }
    }
}

/// No service has more than this part of all tasks, nor more than ECS's quota.
const SERVICE_PART: u64 = 5;

/// Services with as many tasks in all as run at a time.
fn services(plan: &Plan, chance: &mut Chance) -> Vec<Service> {
    let sizes = Distribution::new(SERVICE_SIZES);
    let limit = (plan.running_count / SERVICE_PART).max(1);
    let mut services = Vec::new();
    let mut left = plan.running_count;
    while left > 0 {
        let kind = &plan.kinds[chance.index(&plan.request_sums)].kind;
        let desired_count = batch_size(sizes.draw(chance), limit).min(left);
        let name = format!("{}-{}", kind.family, services.len());
        services.push(Service { group: format!("service:{name}"), name, family: kind.family, desired_count });
        left -= desired_count;
    }
    services
}

/// Changes of services until the next would be too many: a deployment stops all tasks of one, which the service replaces,
/// and one change in four sets the desired count anew, to 0.8 to 1.2 of what it was at first.
fn deploy(
    plan: &Plan,
    services: &[Service],
    chance: &mut Chance,
    writer: &mut TraceWriter<&mut dyn Write>,
) -> io::Result<u64> {
    let mean_milli = plan.running_count.saturating_mul(1_000) / services.len() as u64;
    let mut arrivals = Arrivals::new(plan.horizon_ms, mean_milli, None);
    let mut counts: Vec<u64> = services.iter().map(|service| service.desired_count).collect();
    let mut left = plan.task_count - plan.running_count;
    loop {
        let at_seconds = Seconds(arrivals.next_ms(left, chance));
        let index = chance.below(u32::try_from(services.len()).unwrap_or(u32::MAX)) as usize;
        let (service, count) = (&services[index], counts[index]);
        let scaled = (service.desired_count * (800 + u64::from(chance.below(401))) / 1_000).max(1);
        let is_scaling = chance.below(4) == 0 && scaled != count;
        let started = if is_scaling { scaled.saturating_sub(count) } else { count };
        if started > left {
            return Ok(plan.task_count - left);
        }
        left -= started;
        if is_scaling {
            counts[index] = scaled;
            writer.event(&ScalingEvent::new(at_seconds, &service.name, scaled))?;
        } else {
            writer.event(&DeploymentEvent::new(at_seconds, &service.group))?;
        }
    }
}
