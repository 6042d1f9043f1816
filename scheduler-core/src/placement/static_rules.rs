//! The static rules of a request (C-19) and the values that it spreads over, evaluated once per attribute class.
//!
//! Static are required attributes, location, and every `memberOf` expression whose subjects are all `attribute:…`.

use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::check::{Check, member_of};
use super::request::PlacementRequest;
use super::strategy::{PlacementStrategy, SpreadField};
use crate::cluster::{Cluster, Slot};
use crate::index::ClassSet;
use crate::model::{AttributeLookup, AttributeName, Attributes, names};

/// What the rows of a [`StaticTable`] stand for.
#[derive(Debug, Clone)]
enum Rows {
    /// Nothing has been evaluated yet.
    Nothing,
    /// A row a class, as long as the cluster's classes are these.
    Classes(Arc<()>),
    /// A row a slot: the cluster's classes do not tell apart what the request must.
    Slots,
}

/// Per row: whether the static rules admit it, its zone, and its value for each rule that spreads over an attribute.
#[derive(Debug, Clone)]
pub(super) struct StaticTable {
    rows: Rows,
    admitted: Vec<bool>,
    /// The first static check that a row fails.
    failures: Vec<Option<Check>>,
    admits_all: bool,
    /// The classes that are admitted, while the rows are classes; and as the indexes know them.
    admitted_classes: Vec<u32>,
    class_set: ClassSet,
    zones: Buckets,
    spreads: Vec<(AttributeName, Buckets)>,
}

/// Numbers for the values of one attribute, row by row.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    of_row: Vec<u32>,
    count: usize,
}

impl StaticTable {
    pub(super) fn new(rules: &[PlacementStrategy]) -> Self {
        let spreads = rules.iter().filter_map(|rule| match rule {
            PlacementStrategy::Spread(SpreadField::Attribute(name)) => Some((name.clone(), Buckets::default())),
            _ => None,
        });
        Self {
            rows: Rows::Nothing,
            admitted: Vec::new(),
            failures: Vec::new(),
            admits_all: false,
            admitted_classes: Vec::new(),
            class_set: ClassSet::NONE,
            zones: Buckets::default(),
            spreads: spreads.collect(),
        }
    }

    /// The attribute names that decide the rows.
    pub(super) fn mentioned(request: &PlacementRequest, rules: &[PlacementStrategy]) -> Vec<AttributeName> {
        let mut mentioned = Vec::new();
        mentioned.extend(request.required_attributes().iter().map(|required| required.name.clone()));
        for expression in member_of(request).filter(|expression| expression.is_static()) {
            mentioned.extend(expression.attribute_names().iter().cloned());
        }
        for rule in rules {
            if let PlacementStrategy::Spread(SpreadField::Attribute(name)) = rule {
                mentioned.push(name.clone());
            }
        }
        mentioned.sort_unstable();
        mentioned.dedup();
        mentioned
    }

    /// Whether it is up to the cluster's state: as long as the cluster's classes stay the same.
    pub(super) fn is_current(&self, cluster: &Cluster) -> bool {
        matches!(&self.rows, Rows::Classes(identity) if Arc::ptr_eq(identity, cluster.classes.identity()))
    }

    /// Brings the table up to the cluster's state.
    pub(super) fn refresh(&mut self, cluster: &Cluster, request: &PlacementRequest, mentioned: &[AttributeName]) {
        if self.is_current(cluster) {
            return;
        }
        if cluster.classes.tell_apart(mentioned) {
            self.evaluate(request, cluster.classes.projections().map(Some));
            self.rows = Rows::Classes(Arc::clone(cluster.classes.identity()));
        } else {
            let mut rows = vec![None; cluster.instances.slot_count()];
            for (_, slot) in cluster.instances.iter() {
                rows[slot.index()] = Some(cluster.view(slot).attributes());
            }
            self.evaluate(request, rows.into_iter());
            self.rows = Rows::Slots;
        }
    }

    fn evaluate<'a>(&mut self, request: &PlacementRequest, rows: impl Iterator<Item = Option<&'a Attributes>>) {
        let zone_name = AttributeName::availability_zone();
        let mut zones = Interner::default();
        let mut values: Vec<Interner> = self.spreads.iter().map(|_| Interner::default()).collect();
        self.admitted.clear();
        self.failures.clear();
        for attributes in rows {
            let failure = attributes.map_or(Some(Check::Status), |attributes| first_failure(request, attributes));
            self.admitted.push(failure.is_none());
            self.failures.push(failure);
            zones.push(attributes, &zone_name);
            for ((name, _), values) in self.spreads.iter().zip(&mut values) {
                values.push(attributes, name);
            }
        }
        self.admits_all = self.admitted.iter().all(|admitted| *admitted);
        self.admitted_classes.clear();
        let admitted = self.admitted.iter().enumerate().filter(|(_, admitted)| **admitted);
        self.admitted_classes.extend(admitted.map(|(row, _)| row as u32));
        self.class_set = if self.admits_all { ClassSet::ALL } else { self.admitted_classes.iter().copied().collect() };
        self.zones = zones.into_buckets();
        for ((_, buckets), values) in self.spreads.iter_mut().zip(values) {
            *buckets = values.into_buckets();
        }
    }

    /// Whether the rows are classes, as the indexes have them.
    pub(super) fn is_by_class(&self) -> bool {
        matches!(self.rows, Rows::Classes(_))
    }

    /// Whether the static rules admit the instances of a class. Only while the rows are classes.
    pub(super) fn admits_class(&self, class: u32) -> bool {
        self.admitted[class as usize]
    }

    /// The first static check that the instances of a class fail. Only while the rows are classes.
    pub(super) fn failure_of_class(&self, class: u32) -> Option<Check> {
        self.failures[class as usize]
    }

    /// The classes that are admitted. Only while the rows are classes.
    pub(super) fn admitted_classes(&self) -> &[u32] {
        &self.admitted_classes
    }

    /// The classes that are admitted, as the blocks know them.
    pub(super) fn class_set(&self) -> &ClassSet {
        &self.class_set
    }

    /// Whether no instance is excluded, so that nobody has to be asked.
    pub(super) fn admits_all(&self) -> bool {
        self.admits_all
    }

    fn row(&self, cluster: &Cluster, slot: Slot) -> usize {
        match self.rows {
            Rows::Slots => slot.index(),
            Rows::Classes(_) | Rows::Nothing => cluster.instances.classes[slot.index()].index(),
        }
    }

    /// Whether the static rules admit the instance.
    pub(super) fn admits(&self, cluster: &Cluster, slot: Slot) -> bool {
        self.admitted[self.row(cluster, slot)]
    }

    /// The number of the instance's zone.
    pub(super) fn zone(&self, cluster: &Cluster, slot: Slot) -> usize {
        self.zones.of_row[self.row(cluster, slot)] as usize
    }

    pub(super) fn zone_count(&self) -> usize {
        self.zones.count
    }

    /// The number of the instance's value of an attribute that some rule spreads over.
    pub(super) fn bucket(&self, cluster: &Cluster, buckets: &Buckets, slot: Slot) -> usize {
        buckets.of_row[self.row(cluster, slot)] as usize
    }

    pub(super) fn buckets(&self, name: &AttributeName) -> &Buckets {
        let found = self.spreads.iter().find(|(spread, _)| spread == name);
        &found.expect("the table was made for the chain's rules").1
    }
}

impl Buckets {
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// Gives the same number to the same value, 0 upward. No attribute (C-25) and no value are values of their own.
#[derive(Default)]
struct Interner<'a> {
    values: IndexSet<AttributeLookup<'a>, FxBuildHasher>,
    of_row: Vec<u32>,
}

impl<'a> Interner<'a> {
    fn push(&mut self, attributes: Option<&'a Attributes>, name: &AttributeName) {
        let value = attributes.map_or(AttributeLookup::Missing, |attributes| attributes.get(name));
        let (index, _) = self.values.insert_full(value);
        self.of_row.push(index as u32);
    }

    fn into_buckets(self) -> Buckets {
        Buckets { of_row: self.of_row, count: self.values.len() }
    }
}

/// The first static check of a request that instances with these attributes fail.
fn first_failure(request: &PlacementRequest, attributes: &Attributes) -> Option<Check> {
    let zone = attributes.get(names::AVAILABILITY_ZONE);
    let is_in = |allowed: &[Box<str>]| allowed.iter().any(|allowed| AttributeLookup::Value(allowed) == zone);
    let mut expressions = member_of(request).filter(|expression| expression.is_static());
    if !request.required_attributes().iter().all(|required| required.is_met_by(attributes)) {
        Some(Check::Attributes)
    } else if !request.allowed_zones().is_none_or(is_in) {
        Some(Check::Location)
    } else if !expressions.all(|expression| expression.matches_attributes(attributes)) {
        Some(Check::MemberOf)
    } else {
        None
    }
}
