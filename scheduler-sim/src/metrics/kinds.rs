//! The typical tasks of a trace: what `fragmentation` asks whether they still fit (metrics.md, section 6).

use std::cmp::Reverse;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use scheduler_core::{AttributeName, Demand, GPU_MILLI, GpuDemand, HostPort, PlacementRequest};

use super::static_rules::StaticRules;
use crate::import::openb::MODEL;
use crate::policy::{TaskShape, TypicalTasks};

/// The attribute that holds a GPU model.
fn gpu_model() -> AttributeName {
    AttributeName::new(MODEL).expect("the name is valid")
}

/// Most kinds that are looked at.
const MOST_KINDS: usize = 32;
/// Kinds are taken until they hold so many percent of the copies.
const COVERED_PERCENT: u128 = 95;

/// Tasks that are alike in what they need and in their static rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// How many copies the trace has of it.
    pub(super) copies: u64,
    pub(super) demand: Demand,
    pub(super) rules: StaticRules,
}

/// What makes two requests one kind, in the order by which kinds are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    cpu_units: u32,
    memory_mib: u32,
    /// `ALL` is more than any number.
    gpus: u32,
    gpu_thousandths: u64,
    ports: Vec<HostPort>,
    needs_eni: bool,
    rules: String,
}

/// Counts the copies of a trace by kind.
#[derive(Debug, Default)]
pub struct KindCounter {
    kinds: IndexMap<Key, Kind, FxBuildHasher>,
}

impl KindCounter {
    /// Adds copies of one request.
    pub fn add(&mut self, request: &PlacementRequest, copies: u64) {
        let demand = request.demand();
        let rules = StaticRules::of(request);
        let (gpus, gpu_thousandths) = match demand.gpus {
            GpuDemand::Count(count) => (count, u64::from(count) * u64::from(GPU_MILLI)),
            GpuDemand::All => (u32::MAX, u64::MAX),
            GpuDemand::Share(milli) => (1, milli.into()),
        };
        let key = Key {
            cpu_units: demand.cpu_units,
            memory_mib: demand.memory_mib,
            gpus,
            gpu_thousandths,
            ports: demand.host_ports.as_slice().to_vec(),
            needs_eni: demand.needs_eni,
            rules: rules.text(),
        };
        let kind = self.kinds.entry(key).or_insert_with(|| Kind { copies: 0, demand: demand.clone(), rules });
        kind.copies = kind.copies.saturating_add(copies);
    }

    /// The typical tasks as the study of FGD has them. GPU models are those that a `memberOf` expression compares
    /// `attribute:gpu-model` with.
    pub fn typical_tasks(&self) -> TypicalTasks {
        let shape = |kind: &Kind| {
            let (gpus, gpu_milli) = match kind.demand.gpus {
                GpuDemand::Count(0) => (0, 0),
                GpuDemand::Count(count) => (count, GPU_MILLI),
                GpuDemand::All => (1, GPU_MILLI),
                GpuDemand::Share(milli) => (1, milli.into()),
            };
            let models = if gpus > 0 { kind.rules.values_of(&gpu_model()).join("|") } else { String::new() };
            TaskShape { cpu_units: kind.demand.cpu_units, gpu_milli, gpus, models: models.into() }
        };
        TypicalTasks::of(self.kinds.values().map(|kind| (shape(kind), kind.copies)), gpu_model())
    }

    /// The kinds that count: from the most copies down until they hold 95 % of all, at most 32.
    pub fn into_kinds(self) -> Vec<Kind> {
        let mut kinds: Vec<_> = self.kinds.into_iter().filter(|(_, kind)| kind.copies > 0).collect();
        kinds.sort_by(|(key_a, a), (key_b, b)| (Reverse(a.copies), key_a).cmp(&(Reverse(b.copies), key_b)));
        let all: u128 = kinds.iter().map(|(_, kind)| u128::from(kind.copies)).sum();
        let mut held = 0;
        let mut chosen = Vec::new();
        for (_, kind) in kinds {
            if held * 100 >= COVERED_PERCENT * all || chosen.len() == MOST_KINDS {
                break;
            }
            held += u128::from(kind.copies);
            chosen.push(kind);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use scheduler_core::TaskGroup;

    use super::*;

    fn request(cpu_units: u32) -> PlacementRequest {
        PlacementRequest::new(Demand::new(cpu_units, 1), TaskGroup::new("g").expect("a group"))
    }

    #[test]
    fn kinds_are_taken_from_the_most_copies_down_to_95_percent() {
        let mut counter = KindCounter::default();
        for (cpu_units, copies) in [(7, 2), (1, 40), (2, 50), (3, 3), (4, 3), (1, 2)] {
            counter.add(&request(cpu_units), copies);
        }
        let kinds = counter.into_kinds();
        // 50 + 42 = 92 of 100 are not enough; of the two with 3 the smaller key comes first and makes 95.
        let found: Vec<_> = kinds.iter().map(|kind| (kind.demand.cpu_units, kind.copies)).collect();
        assert_eq!(found, [(2, 50), (1, 42), (3, 3)]);
    }

    #[test]
    fn at_most_32_kinds_count() {
        let mut counter = KindCounter::default();
        (0..100).for_each(|cpu_units| counter.add(&request(cpu_units), 1));
        assert_eq!(counter.into_kinds().len(), 32);
    }
}
