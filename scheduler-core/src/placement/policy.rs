//! The door for rules of the embedder's own: a policy sees the candidates and may only narrow them.

use std::fmt;

use super::draw::Draw;
use super::request::PlacementRequest;
use super::score_memory::ScoreMemory;
use crate::cluster::{Cluster, GpuSet, InstanceView, Slot};

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
    /// the same placement. It is asked only where two or more are left.
    fn narrow(&self, context: &PolicyContext<'_>, candidates: &mut Candidates<'_>, draw: &mut dyn Draw);

    /// Which GPUs of the instance that has been chosen the task gets, or of which it gets its share; `None`: the default
    /// choice (C-11, X-01).
    ///
    /// Asked only for tasks that want GPUs; the first policy of the chain that has an answer decides. An answer that the
    /// instance cannot give is passed over.
    fn choose_gpus(&self, _: &PolicyContext<'_>, _: &InstanceView<'_>, _: &mut dyn Draw) -> Option<GpuSet> {
        None
    }
}

/// A policy that gives each instance a score and keeps the highest.
///
/// A score depends on nothing but the request and the instance, so the scheduler remembers it: a prepared request asks
/// again only about instances that have changed since it was placed last. A type that has scores has a
/// [`PlacementPolicy`] by that, and stands in a chain like any other.
///
/// ```
/// use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};
///
/// /// Prefers the instance whose free GPUs, whole or in part, are the fewest.
/// #[derive(Debug)]
/// struct FewestFreeGpus;
///
/// impl ScoringPolicy for FewestFreeGpus {
///     fn name(&self) -> &str {
///         "fewest-free-gpus"
///     }
///     fn score(&self, _: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
///         -i64::from(instance.remaining().gpu_milli)
///     }
/// }
/// ```
pub trait ScoringPolicy: fmt::Debug + Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// How much it likes the instance for the request; a function of these two alone.
    fn score(&self, request: &PlacementRequest, instance: &InstanceView<'_>) -> i64;

    /// As [`PlacementPolicy::choose_gpus`].
    fn choose_gpus(&self, _: &PolicyContext<'_>, _: &InstanceView<'_>, _: &mut dyn Draw) -> Option<GpuSet> {
        None
    }
}

impl<P: ScoringPolicy> PlacementPolicy for P {
    fn name(&self) -> &str {
        ScoringPolicy::name(self)
    }

    fn narrow(&self, context: &PolicyContext<'_>, candidates: &mut Candidates<'_>, _: &mut dyn Draw) {
        candidates.keep_highest_score(|instance| self.score(context.request, instance));
    }

    fn choose_gpus(
        &self,
        context: &PolicyContext<'_>,
        instance: &InstanceView<'_>,
        draw: &mut dyn Draw,
    ) -> Option<GpuSet> {
        ScoringPolicy::choose_gpus(self, context, instance, draw)
    }
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
    /// The scores that the rule gave before.
    memory: &'a mut ScoreMemory,
}

impl<'a> Candidates<'a> {
    /// `slots` must not be empty; they are put in registration order.
    pub(super) fn new(cluster: &'a Cluster, slots: &'a mut Vec<Slot>, memory: &'a mut ScoreMemory) -> Self {
        slots.sort_unstable_by_key(|slot| cluster.instances.ids[slot.index()]);
        Self { cluster, slots, memory }
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

    /// As [`keep_greatest_by_key`](Self::keep_greatest_by_key), asking only of instances that have changed.
    fn keep_highest_score(&mut self, mut score: impl FnMut(&InstanceView<'a>) -> i64) {
        let Self { cluster, slots, memory } = self;
        memory.attend(cluster);
        keep_least(slots, |slot| {
            let instance = cluster.view(slot);
            std::cmp::Reverse(memory.recall(slot, instance.occupant.changed, || score(&instance)))
        });
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
