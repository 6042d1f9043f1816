//! The door for rules of the embedder's own: a policy sees the candidates and may only narrow them.

use std::fmt;

use super::draw::Draw;
use super::request::PlacementRequest;
use crate::cluster::{Cluster, InstanceView, Slot};

/// A placement strategy of the embedder's own.
///
/// It stands in a chain like ECS's: it narrows what the rules before it left, and the next rule, or the tie-break,
/// decides among what it leaves. It cannot make a task unplaceable, nor bring back an instance that a check or a
/// constraint has excluded: [`Candidates`] does not let it.
///
/// ```
/// use std::sync::Arc;
/// use scheduler_core::{Candidates, Draw, PlacementPolicy, PlacementStrategy, PolicyContext, Strategy};
///
/// /// Prefers the instances that run the fewest tasks of anybody.
/// #[derive(Debug)]
/// struct FewestTasks;
///
/// impl PlacementPolicy for FewestTasks {
///     fn name(&self) -> &str {
///         "fewest-tasks"
///     }
///     fn narrow(&self, _: &PolicyContext<'_>, candidates: &mut Candidates<'_>, _: &mut dyn Draw) {
///         candidates.keep_least_by_key(|instance| instance.running_tasks_count());
///     }
/// }
///
/// let strategy = Strategy::from(PlacementStrategy::Custom(Arc::new(FewestTasks)));
/// assert_eq!(strategy.to_string(), "fewest-tasks");
/// ```
pub trait PlacementPolicy: fmt::Debug + Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// Keeps the candidates that it likes best.
    ///
    /// Be a function of what is passed in alone (no clock, no order of a hash map): the same seed and state must give
    /// the same placement. At least one candidate is there.
    fn narrow(&self, context: &PolicyContext<'_>, candidates: &mut Candidates<'_>, draw: &mut dyn Draw);
}

/// What a custom policy or constraint may look at besides the instance itself.
#[derive(Clone, Copy)]
pub struct PolicyContext<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) request: &'a PlacementRequest,
}

impl<'a> PolicyContext<'a> {
    /// The cluster as it is before the placement.
    pub fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    /// What is to be placed.
    pub fn request(&self) -> &'a PlacementRequest {
        self.request
    }
}

impl fmt::Debug for PolicyContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyContext").field("request", self.request).finish_non_exhaustive()
    }
}

/// The instances that are still in the running, in registration order; never none.
pub struct Candidates<'a> {
    cluster: &'a Cluster,
    slots: &'a mut Vec<Slot>,
}

impl<'a> Candidates<'a> {
    /// `slots` must not be empty; they are put in registration order.
    pub(crate) fn new(cluster: &'a Cluster, slots: &'a mut Vec<Slot>) -> Self {
        slots.sort_unstable_by_key(|slot| cluster.instances.ids[slot.index()]);
        Self { cluster, slots }
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// The candidates in registration order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = InstanceView<'a>> + '_ {
        self.slots.iter().map(|slot| self.cluster.view(*slot))
    }

    /// Keeps those with the least key.
    pub fn keep_least_by_key<K: Ord>(&mut self, mut key: impl FnMut(InstanceView<'a>) -> K) {
        keep_least(self.slots, |slot| key(self.cluster.view(slot)));
    }

    /// Keeps those with the greatest key.
    pub fn keep_greatest_by_key<K: Ord>(&mut self, mut key: impl FnMut(InstanceView<'a>) -> K) {
        keep_least(self.slots, |slot| std::cmp::Reverse(key(self.cluster.view(slot))));
    }

    /// Keeps those that `prefer` holds for, or all if it holds for none.
    pub fn keep_preferred(&mut self, mut prefer: impl FnMut(InstanceView<'a>) -> bool) {
        keep_least(self.slots, |slot| !prefer(self.cluster.view(slot)));
    }

    /// Keeps the one at that position alone; beyond the last, the last.
    pub fn keep_only(&mut self, position: usize) {
        let chosen = self.slots[position.min(self.slots.len() - 1)];
        self.slots.clear();
        self.slots.push(chosen);
    }
}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Keeps the elements with the least key, in their order.
pub(crate) fn keep_least<T: Copy, K: Ord>(elements: &mut Vec<T>, mut key: impl FnMut(T) -> K) {
    let mut least: Option<K> = None;
    let mut kept = 0;
    for index in 0..elements.len() {
        let element = elements[index];
        let key = key(element);
        match least.as_ref().map(|least| key.cmp(least)) {
            Some(std::cmp::Ordering::Greater) => continue,
            Some(std::cmp::Ordering::Equal) => {}
            Some(std::cmp::Ordering::Less) | None => {
                least = Some(key);
                kept = 0;
            }
        }
        elements[kept] = element;
        kept += 1;
    }
    elements.truncate(kept);
}
