//! What is put to the laws, and how it is asked: all that a rule answers, before a tie-break hides some of it.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use super::{History, Law};
use crate::cluster::{Cluster, GpuSet, InstanceId, InstanceView};
use crate::placement::{
    Candidates, CustomConstraint, Draw, PlacementPolicy, PlacementRequest, PlacementStrategy, PolicyContext,
    PreparedRequest, Scheduler, SeededDraw, TieBreak,
};

type Make<T> = Arc<dyn Fn() -> Arc<T>>;

/// An embedder's own rule, as a way to make it anew.
///
/// Each question that must not depend on an earlier one is put to a rule that was just made, so the closure must make an
/// equal one each time.
///
/// ```
/// use std::sync::Arc;
/// use scheduler_core::laws::{Law, Subject};
/// use scheduler_core::{InstanceView, PlacementRequest, ScoringPolicy};
///
/// #[derive(Debug)]
/// struct MostMemory;
///
/// impl ScoringPolicy for MostMemory {
///     fn name(&self) -> &str {
///         "most-memory"
///     }
///     fn score(&self, _: &PlacementRequest, instance: &InstanceView<'_>) -> i64 {
///         instance.remaining().memory_mib.into()
///     }
/// }
///
/// let subject = Subject::policy(|| Arc::new(MostMemory));
/// assert!(subject.check().is_ok());
/// assert!(subject.check_law(Law::MoreRoomIsNeverWorse).is_ok());
/// assert!(subject.check_law(Law::LessRoomIsNeverWorse).is_err());
/// ```
#[derive(Clone)]
pub struct Subject {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Policy(Make<dyn PlacementPolicy>),
    Constraint(Make<dyn CustomConstraint>),
}

impl Subject {
    /// A placement policy. (A [`ScoringPolicy`](crate::ScoringPolicy) is one.)
    pub fn policy(make: impl Fn() -> Arc<dyn PlacementPolicy> + 'static) -> Self {
        Self { kind: Kind::Policy(Arc::new(make)) }
    }

    /// A placement constraint.
    pub fn constraint(make: impl Fn() -> Arc<dyn CustomConstraint> + 'static) -> Self {
        Self { kind: Kind::Constraint(Arc::new(make)) }
    }

    /// The laws that every rule of its kind must keep.
    pub fn laws(&self) -> &'static [Law] {
        if self.is_policy() { &Law::OF_POLICIES } else { &Law::OF_CONSTRAINTS }
    }

    /// Its kind and name.
    pub(super) fn title(&self) -> (&'static str, String) {
        match &self.kind {
            Kind::Policy(make) => ("policy", make().name().to_owned()),
            Kind::Constraint(make) => ("constraint", make().name().to_owned()),
        }
    }

    /// What it does with instances, in a word.
    pub(super) fn keeps(&self) -> &'static str {
        if self.is_policy() { "keeps" } else { "admits" }
    }

    pub(super) fn is_policy(&self) -> bool {
        matches!(self.kind, Kind::Policy(_))
    }

    /// A rule that was just made, about to be asked of this cluster and its forks.
    pub(super) fn fresh(&self, history: &History, cluster: &mut Cluster) -> Asked {
        match &self.kind {
            Kind::Policy(make) => Asked::Policy(AskedPolicy::new(make(), history, cluster)),
            Kind::Constraint(make) => Asked::Constraint(make(), history.requests.clone()),
        }
    }

    /// What a rule that was just made answers.
    pub(super) fn answer(&self, history: &History, cluster: &Cluster, request: usize) -> Answer {
        let mut fork = cluster.fork();
        self.fresh(history, &mut fork).answer(cluster, request)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subject").field(&self.title()).finish()
    }
}

/// What a rule says to one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    /// Whom a policy leaves in the running, or a constraint admits, in registration order.
    pub(super) kept: Vec<InstanceId>,
    /// Whom the scheduler then chooses; of a constraint nobody.
    pub(super) chosen: Option<InstanceId>,
    /// The GPUs that a policy names; `None`: those that the task gets by default.
    pub(super) gpus: Option<GpuSet>,
    /// Whether the chosen instance can give these.
    pub(super) can_give_gpus: bool,
}

impl Answer {
    /// In the names of a cluster's instances.
    pub(super) fn told(&self, cluster: &Cluster) -> String {
        if self.kept.is_empty() {
            return "nobody".into();
        }
        let mut text = names(cluster, &self.kept);
        if let Some(gpus) = self.gpus {
            // Writing to a text cannot fail.
            let _ = write!(text, " with GPUs {:?}", gpus.iter().collect::<Vec<_>>());
        }
        text
    }
}

/// The names of instances, with commas.
pub(super) fn names(cluster: &Cluster, ids: &[InstanceId]) -> String {
    let name = |id: &InstanceId| cluster.instance(*id).map_or("?", |instance| instance.name());
    ids.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A rule that is being asked, with what it may remember of earlier questions.
pub(super) enum Asked {
    Policy(AskedPolicy),
    Constraint(Arc<dyn CustomConstraint>, Vec<Arc<PlacementRequest>>),
}

/// A policy, and the requests as prepared with it as their only rule.
pub(super) struct AskedPolicy {
    witness: Arc<Witness>,
    prepared: Vec<PreparedRequest>,
    seed: u64,
}

impl Asked {
    /// What it says to one of the history's requests.
    pub(super) fn answer(&mut self, cluster: &Cluster, request: usize) -> Answer {
        match self {
            Self::Policy(policy) => policy.answer(cluster, request),
            Self::Constraint(constraint, requests) => {
                let context = PolicyContext { cluster, request: &requests[request] };
                let present = cluster.instances().filter(InstanceView::is_present);
                let admitted = present.filter(|instance| constraint.admits(&context, instance));
                Answer { kept: admitted.map(|instance| instance.id()).collect(), ..Answer::default() }
            }
        }
    }
}

impl AskedPolicy {
    fn new(policy: Arc<dyn PlacementPolicy>, history: &History, cluster: &mut Cluster) -> Self {
        let witness = Arc::new(Witness { policy, seen: Mutex::default() });
        let scheduler = Scheduler::default().with_tie_break(TieBreak::Stable);
        let prepared = history.requests.iter().map(|request| {
            let rule = PlacementStrategy::Custom(Arc::clone(&witness) as Arc<dyn PlacementPolicy>);
            let request = request.as_ref().clone().strategy(rule);
            scheduler.prepare(cluster, request).expect("requests are valid")
        });
        Self { prepared: prepared.collect(), witness, seed: history.seed }
    }

    fn answer(&mut self, cluster: &Cluster, request: usize) -> Answer {
        self.witness.take();
        let placement = self.prepared[request].place(cluster, &mut SeededDraw::new(self.seed));
        let mut answer = self.witness.take();
        answer.chosen = placement.map(|placement| placement.instance());
        if answer.kept.is_empty() {
            // With one candidate there is nothing to ask.
            answer.kept.extend(answer.chosen);
        }
        answer
    }
}

/// Asks the policy, and notes what it says.
#[derive(Debug)]
struct Witness {
    policy: Arc<dyn PlacementPolicy>,
    seen: Mutex<Answer>,
}

impl Witness {
    /// What was said since the last call. A policy that panicked has said what it said before.
    fn take(&self) -> Answer {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, note: impl FnOnce(&mut Answer)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl PlacementPolicy for Witness {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn narrow(&self, context: &PolicyContext<'_>, candidates: &mut Candidates<'_>, draw: &mut dyn Draw) {
        self.policy.narrow(context, candidates, draw);
        self.note(|answer| answer.kept = candidates.iter().map(|instance| instance.id()).collect());
    }

    fn choose_gpus(
        &self,
        context: &PolicyContext<'_>,
        instance: &InstanceView<'_>,
        draw: &mut dyn Draw,
    ) -> Option<GpuSet> {
        let gpus = self.policy.choose_gpus(context, instance, draw);
        let demand = context.request().demand().gpus;
        self.note(|answer| {
            answer.gpus = gpus;
            answer.can_give_gpus = gpus.is_some_and(|gpus| instance.occupant.gpus.may_choose(demand, gpus));
        });
        gpus
    }
}
