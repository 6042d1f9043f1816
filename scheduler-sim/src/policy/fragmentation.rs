//! How much of an instance's free GPUs the typical tasks of a workload cannot use (Weng et al., "Beware of Fragmentation",
//! USENIX ATC 2023).
//!
//! Floating-point numbers are added in the order in which the paper's simulator adds them: its scores truncate right where
//! a placement changes nothing, so the last bits decide.

use std::cmp::Reverse;
use std::collections::HashMap;

use scheduler_core::{AttributeName, Attributes, InstanceView};

/// What tasks ask for that are alike to the measure; memory is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskShape {
    /// CPU units.
    pub cpu_units: u32,
    /// Thousandths wanted of each GPU; 0 without GPUs.
    pub gpu_milli: u32,
    /// How many GPUs.
    pub gpus: u32,
    /// The GPU models that will do, separated by `|`; empty: any.
    pub models: Box<str>,
}

/// A shape that is among the most frequent.
#[derive(Debug, Clone)]
struct Typical {
    cpu_units: u32,
    gpu_milli: u32,
    gpus: u32,
    models: Vec<Box<str>>,
    /// Its part of all typical tasks.
    part: f64,
}

/// The typical tasks of a workload: those most frequent shapes that hold 95 % of its tasks.
#[derive(Debug, Clone)]
pub struct TypicalTasks {
    shapes: Vec<Typical>,
    /// The attribute that holds an instance's GPU model.
    model: AttributeName,
}

/// Part of the tasks that typical ones hold, in percent.
const COVERED_PERCENT: u128 = 95;

impl TypicalTasks {
    /// Those of a workload: shapes, and how many tasks have each. `model` is the attribute that holds an instance's GPU model.
    pub fn of(tasks: impl IntoIterator<Item = (TaskShape, u64)>, model: AttributeName) -> Self {
        let mut counts: HashMap<TaskShape, u64> = HashMap::new();
        for (shape, copies) in tasks {
            let count = counts.entry(shape).or_default();
            *count = count.saturating_add(copies);
        }
        let all = counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let mut counts: Vec<_> = counts.into_iter().map(|(shape, count)| (count, shape)).collect();
        counts.sort_unstable_by(|one, other| Reverse(one).cmp(&Reverse(other)));
        let mut covered = 0_u128;
        let taken = counts.iter().take_while(|(count, _)| {
            let is_taken = covered * 100 < COVERED_PERCENT * u128::from(all);
            covered += u128::from(*count);
            is_taken
        });
        let taken: Vec<_> = taken.collect();
        let held = taken.iter().map(|(count, _)| float(*count)).sum::<f64>();
        let typical = |(count, shape): &&(u64, TaskShape)| Typical {
            cpu_units: shape.cpu_units,
            gpu_milli: shape.gpu_milli,
            gpus: shape.gpus,
            models: shape.models.split('|').filter(|model| !model.is_empty()).map(Into::into).collect(),
            // Rounded as often as in the paper's simulator.
            part: (float(*count) / float(all)) / (held / float(all)),
        };
        Self { shapes: taken.iter().map(typical).collect(), model }
    }

    /// How many shapes are typical.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether there is no task at all.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// The measure of an instance as it is, in GPU thousandths.
    pub fn fragmentation(&self, instance: &InstanceView<'_>) -> f64 {
        let free: Vec<u32> = instance.free_gpu_millis().collect();
        self.measure(instance.remaining().cpu_units, &free, self.model_of(instance))
    }

    /// The GPU model among attributes.
    pub(crate) fn model_among<'a>(&self, attributes: &'a Attributes) -> &'a str {
        attributes.get(&self.model).value().unwrap_or("")
    }

    /// The GPU model of an instance.
    pub(super) fn model_of<'a>(&self, instance: &InstanceView<'a>) -> &'a str {
        self.model_among(instance.attributes())
    }

    /// The measure of so many CPU units and thousandths of each GPU that are free.
    pub(crate) fn measure(&self, cpu_units: u32, free: &[u32], model: &str) -> f64 {
        let idle = f64::from(free.iter().sum::<u32>());
        let mut sums = Sums::default();
        for typical in &self.shapes {
            let has_cpu = cpu_units >= typical.cpu_units;
            if typical.gpus == 0 {
                let sum = if has_cpu { &mut sums.without_gpu } else { &mut sums.without_gpu_lacks_cpu };
                *sum += typical.part * idle;
                continue;
            }
            if !typical.models.is_empty() && !typical.models.iter().any(|allowed| **allowed == *model) {
                sums.other_model += typical.part * idle;
                continue;
            }
            let (mut roomy, mut too_small) = (0, 0);
            for left in free {
                if *left >= typical.gpu_milli {
                    roomy += 1;
                } else {
                    too_small += left;
                }
            }
            match (has_cpu, roomy >= typical.gpus) {
                (true, true) => sums.lacks_gpu += typical.part * f64::from(too_small),
                (true, false) => sums.lacks_gpu += typical.part * idle,
                (false, true) => sums.lacks_cpu += typical.part * idle,
                (false, false) => sums.lacks_both += typical.part * idle,
            }
        }
        sums.total()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tasks are below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Free thousandths times the parts of tasks that cannot use them, by the reason.
#[derive(Debug, Default)]
struct Sums {
    lacks_both: f64,
    /// And, of tasks that fit, the shares that are too small.
    lacks_gpu: f64,
    lacks_cpu: f64,
    without_gpu: f64,
    without_gpu_lacks_cpu: f64,
    other_model: f64,
}

impl Sums {
    fn total(&self) -> f64 {
        ((((self.lacks_both + self.lacks_gpu) + self.lacks_cpu) + self.without_gpu) + self.without_gpu_lacks_cpu)
            + self.other_model
    }
}
