//! The names of container instances: which ones there are at time 0, and what else each may be called.

use std::collections::HashMap;
use std::sync::Arc;

use super::definitions::end_of_arn;
use super::error::TraceProblem;
use super::model::InstanceEntry;
use super::place::Place;

/// Other names of instances: ARNs, and the ids at their ends, of those that are shown by their EC2 instance id.
#[derive(Debug, Clone, Default)]
pub(super) struct Aliases(HashMap<Box<str>, Arc<str>>);

impl Aliases {
    /// Notes what else the instance shown as `shown` is called.
    pub(super) fn add(&mut self, arn: &str, shown: &Arc<str>) {
        for alias in [arn, end_of_arn(arn)] {
            if alias != &**shown {
                self.0.insert(alias.into(), Arc::clone(shown));
            }
        }
    }

    /// The name that reports show for what an event calls an instance.
    pub(super) fn shown(&self, name: &str) -> Arc<str> {
        let id = end_of_arn(name);
        let known = self.0.get(name).or_else(|| self.0.get(id));
        known.map_or_else(|| id.into(), Arc::clone)
    }
}

/// The fleet at time 0 by name. Copies and instances without a name are not listed one by one.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// Index of the entry of each name; of a base of names, where the entry has several copies.
    singles: HashMap<Arc<str>, usize>,
    bases: HashMap<Arc<str>, usize>,
    /// For each entry: the number of its first instance, and how many there are.
    ranges: Vec<(u64, u32)>,
    is_named: Vec<bool>,
    total: u64,
}

impl Fleet {
    /// The fleet of these entries.
    pub(super) fn new(entries: &[InstanceEntry]) -> (Self, Vec<(Place, TraceProblem)>) {
        let mut fleet = Self::default();
        let mut problems = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(name) = &entry.name {
                let names = if entry.count == 1 { &mut fleet.singles } else { &mut fleet.bases };
                if let Some(first) = names.insert(Arc::clone(name), index) {
                    problems.push((entry.place.clone(), duplicate(&entry.name(0, 0), &entries[first])));
                }
            }
            fleet.ranges.push((fleet.total, entry.count));
            fleet.is_named.push(entry.name.is_some());
            fleet.total += u64::from(entry.count);
        }
        for (name, &index) in &fleet.singles {
            let second = fleet.find_copy(name).or_else(|| fleet.find_numbered(name));
            if let Some(second) = second {
                let (first, second) = (index.min(second), index.max(second));
                problems.push((entries[second].place.clone(), duplicate(name, &entries[first])));
            }
        }
        problems.sort_by_key(|(place, _)| (place.line, place.column));
        (fleet, problems)
    }

    /// How many instances there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The entry to which the instance of that name belongs.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.singles.get(name).copied().or_else(|| self.find_copy(name)).or_else(|| self.find_numbered(name))
    }

    /// `base-k`.
    fn find_copy(&self, name: &str) -> Option<usize> {
        let (base, index) = name.rsplit_once('-')?;
        let &entry = self.bases.get(base)?;
        let number: u32 = index.parse().ok()?;
        (number.to_string() == index && number < self.ranges[entry].1).then_some(entry)
    }

    /// `i-000000`
    fn find_numbered(&self, name: &str) -> Option<usize> {
        let digits = name.strip_prefix("i-")?;
        let number: u64 = digits.parse().ok().filter(|number| format!("{number:06}") == digits)?;
        let entry = self.ranges.partition_point(|&(first, _)| first <= number).checked_sub(1)?;
        let (first, count) = self.ranges[entry];
        (number < first + u64::from(count) && !self.is_named[entry]).then_some(entry)
    }
}

fn duplicate(name: &str, first: &InstanceEntry) -> TraceProblem {
    TraceProblem::DuplicateInstance { name: name.into(), first: first.place.clone() }
}
