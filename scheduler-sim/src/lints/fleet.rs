//! The fleet of a trace: one empty container instance of each description that is ever registered, and the attributes
//! that instances ever have.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use scheduler_core::{AttributeName, Cluster, ContainerInstance, InstanceStatus};

use crate::trace::{AttributeTarget, InstanceEntry, Place};

/// Most values of an attribute that are kept; one with more is not looked at.
const VALUE_LIMIT: usize = 1_000;

/// The fleet.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    /// One instance a description, ACTIVE and connected, for it may become so.
    pub(super) cluster: Cluster,
    /// Of each description where it stands first and how many instances it has, in the cluster's order.
    pub(super) origins: Vec<(Place, u64)>,
    known: FxHashMap<String, usize>,
    /// The values that each attribute has at registration.
    values: BTreeMap<AttributeName, BTreeSet<Box<str>>>,
    /// Attributes that change later.
    changed: BTreeSet<AttributeName>,
    /// Whether an instance has the attribute not, or without a value.
    valued_counts: BTreeMap<AttributeName, usize>,
}

impl Fleet {
    /// Takes instances in.
    pub(super) fn add(&mut self, entry: &InstanceEntry) {
        let mut description = (*entry.description).clone();
        description.status = InstanceStatus::Active;
        description.agent_connected = true;
        // Nothing that is asked here looks at these.
        description.registered_at_ms = None;
        description.price_microdollars = None;
        let key = format!("{description:?}");
        if let Some(index) = self.known.get(&key) {
            self.origins[*index].1 += u64::from(entry.count);
            return;
        }
        let name = format!("i-{}", self.origins.len());
        let Ok(instance) = description.build(&name, 0) else { return };
        self.add_values(&instance);
        if self.cluster.register(instance).is_ok() {
            self.known.insert(key, self.origins.len());
            self.origins.push((entry.place.clone(), u64::from(entry.count)));
        }
    }

    fn add_values(&mut self, instance: &ContainerInstance) {
        for (name, value) in instance.attributes().iter() {
            let values = self.values.entry(name.clone()).or_default();
            if let Some(value) = value {
                *self.valued_counts.entry(name.clone()).or_default() += 1;
                if values.len() < VALUE_LIMIT {
                    values.insert(value.as_str().into());
                }
            }
        }
    }

    /// Takes in that attributes change.
    pub(super) fn change(&mut self, targets: &[AttributeTarget]) {
        for target in targets {
            if !self.changed.contains(&target.name) {
                self.changed.insert(target.name.clone());
            }
        }
    }

    /// Whether the values of the attribute are known for the whole trace.
    pub(super) fn is_fixed(&self, name: &AttributeName) -> bool {
        !self.changed.contains(name) && self.values.get(name).is_none_or(|values| values.len() < VALUE_LIMIT)
    }

    /// The values of an attribute; `None`: nobody has it.
    pub(super) fn values(&self, name: &AttributeName) -> Option<&BTreeSet<Box<str>>> {
        self.values.get(name)
    }

    /// Whether every instance has the attribute with the same value.
    pub(super) fn is_shared_by_all(&self, name: &AttributeName) -> bool {
        self.values.get(name).is_some_and(|values| values.len() == 1)
            && self.valued_counts.get(name) == Some(&self.origins.len())
    }

    /// The attribute's name that comes nearest.
    pub(super) fn nearest_name(&self, name: &AttributeName) -> Option<Box<str>> {
        let names = self.values.keys().chain(&self.changed).map(AttributeName::as_str);
        nearest(name.as_str(), names.filter(|known| !known.contains("capability")))
    }
}

/// The candidate that was most likely meant, if one is near enough.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<Box<str>> {
    let allowed = (word.chars().count() / 3).max(1);
    let measured = candidates.map(|candidate| (strsim::osa_distance(word, candidate), candidate));
    measured.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate.into())
}
