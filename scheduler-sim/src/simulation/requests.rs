//! Requests of the trace, prepared once each for the cluster of one run.

use std::num::NonZeroU32;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use scheduler_core::{
    CONSTRAINT_LIMIT, Check, Cluster, Demand, PlacementConstraint, PlacementRequest, PreparedRequest, Refusal,
    RequestError, Scheduler, TaskGroup, TaskKind,
};
use slab::Slab;

use crate::metrics::StaticRules;
use crate::outcome::KeptRefusal;
use crate::strategy::Meaning;
use crate::trace::{Definition, TaskRequest};

/// The position of a prepared request in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RequestId(u32);

/// The number of a need: requests that have the same are refused together, so that one may be asked for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NeedId(u64);

/// What decides whether an instance takes a request, but for what a preference would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub(super) id: NeedId,
    pub(super) cpu_units: u32,
    pub(super) memory_mib: u32,
    /// Whether an expression looks at tasks, so that a placement may make room.
    pub(super) reads_tasks: bool,
}

/// A need by what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum NeedKey {
    /// Resources and static rules.
    Plain(Demand, StaticRules),
    /// Other rules too, which look at the request's group or at tasks: no other request is known to be alike.
    OfRequest(RequestId),
}

/// A request as a run places it.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) placer: PreparedRequest,
    /// Whether an expression looks at tasks, so that a placement may make room.
    pub(super) reads_tasks: bool,
    /// The last refusal, and the version of the cluster that it was of.
    last_refusal: Option<(u64, Arc<KeptRefusal>)>,
}

impl Prepared {
    pub(super) fn new(
        scheduler: &Scheduler,
        cluster: &mut Cluster,
        request: PlacementRequest,
    ) -> Result<Self, RequestError> {
        let reads_tasks = request.all_constraints().iter().any(
            |constraint| matches!(constraint, PlacementConstraint::MemberOf(expression) if expression.reads_tasks()),
        );
        let placer = scheduler.prepare(cluster, request)?;
        Ok(Self { placer, reads_tasks, last_refusal: None })
    }

    fn for_group(&self, group: TaskGroup) -> Self {
        Self { placer: self.placer.for_group(group), reads_tasks: self.reads_tasks, last_refusal: None }
    }

    pub(super) fn request(&self) -> &Arc<PlacementRequest> {
        self.placer.request()
    }

    /// The version of the cluster at which it was refused last.
    pub(super) fn refused_at(&self) -> Option<u64> {
        self.last_refusal.as_ref().map(|(version, _)| *version)
    }

    /// Why nobody can take the request now, with the closest instance if somebody wants it. `version` tells whether the
    /// cluster has changed since the last answer.
    pub(super) fn refusal(&mut self, asked: &Asked<'_>, cluster: &Cluster) -> Arc<KeptRefusal> {
        let Asked { scheduler, version, wants_closest } = *asked;
        if let Some((known, refusal)) = &self.last_refusal
            && *known == version
        {
            return Arc::clone(refusal);
        }
        let kept = Arc::new(if wants_closest {
            let refusal = scheduler.refusal(cluster, self.placer.request());
            KeptRefusal {
                reason: refusal.as_ref().map_or("", Refusal::reason),
                closest: refusal.as_ref().and_then(Refusal::closest).map(|closest| (*closest.name).into()),
            }
        } else {
            KeptRefusal { reason: self.placer.reason(cluster).map_or("", Check::reason), closest: None }
        });
        debug_assert!(!kept.reason.is_empty(), "a request that finds no instance is refused by a check");
        self.last_refusal = Some((version, Arc::clone(&kept)));
        kept
    }
}

/// How a refusal is asked for.
pub(super) struct Asked<'a> {
    pub(super) scheduler: &'a Scheduler,
    /// Tells one state of the cluster from the next.
    pub(super) version: u64,
    /// Whether somebody wants to know the closest instance.
    pub(super) wants_closest: bool,
}

/// The requests that a run asked for last, and those that wait. The reader shares equal requests, so their addresses tell
/// them apart.
#[derive(Clone)]
pub(super) struct RequestTable {
    ids: FxHashMap<usize, RequestId>,
    entries: Slab<Entry>,
    models: Models,
    /// Those of the entries.
    needs: FxHashMap<NeedKey, NeedId>,
    need_count: u64,
    /// Counts the uses.
    clock: u64,
    /// How many entries are kept before some are forgotten.
    limit: usize,
}

/// A trace may have a group, and so a request, for each task: more than these are not kept prepared.
const KEPT_LIMIT: usize = 4_096;

impl Default for RequestTable {
    fn default() -> Self {
        let (ids, entries, needs) = (FxHashMap::default(), Slab::new(), FxHashMap::default());
        Self { ids, entries, models: Models::default(), needs, need_count: 0, clock: 0, limit: KEPT_LIMIT }
    }
}

/// Prepared requests to make others of: those that their task definition decides but for the group.
#[derive(Clone, Default)]
struct Models(FxHashMap<usize, (Arc<Definition>, Prepared)>);

impl Models {
    fn get(&self, written: &TaskRequest) -> Option<&Prepared> {
        let (_, model) = self.0.get(&Self::key(written)?)?;
        Some(model)
    }

    fn note(&mut self, written: &TaskRequest, model: Prepared) {
        if self.0.len() >= KEPT_LIMIT {
            self.0.clear();
        }
        if let Some(key) = Self::key(written) {
            self.0.insert(key, (Arc::clone(&written.definition), model));
        }
    }

    /// The definition's address, which stays taken while the model is kept.
    fn key(written: &TaskRequest) -> Option<usize> {
        let TaskRequest { definition, group: _, constraints, strategy, zones } = written;
        let is_plain = constraints.is_empty() && strategy.is_none() && zones.is_none();
        is_plain.then_some(Arc::as_ptr(definition) as usize)
    }
}

#[derive(Clone)]
struct Entry {
    /// The clock when it was asked for last.
    used_at: u64,
    /// Keeps the address taken.
    written: Arc<TaskRequest>,
    prepared: Option<Prepared>,
    /// Known once it has waited.
    need: Option<NeedId>,
    /// What StartTask needs: the request as written.
    plain: Option<Arc<PlacementRequest>>,
}

impl RequestTable {
    /// The number of a request, the same for the same `Arc` until it is forgotten.
    pub(super) fn id(&mut self, written: &Arc<TaskRequest>) -> RequestId {
        let Self { ids, entries, clock, .. } = self;
        *clock += 1;
        let id = *ids.entry(Arc::as_ptr(written) as usize).or_insert_with(|| {
            let written = Arc::clone(written);
            let index = entries.insert(Entry { used_at: 0, written, prepared: None, need: None, plain: None });
            RequestId(u32::try_from(index).expect("fewer requests than 2^32 are kept"))
        });
        entries[id.0 as usize].used_at = *clock;
        id
    }

    /// Whether it is time to forget some.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit
    }

    /// Forgets what was not among the last uses, unless it waits. A number may then come to mean another request.
    pub(super) fn forget_old(&mut self, waiting: impl Iterator<Item = RequestId>) {
        for id in waiting {
            self.entries[id.0 as usize].used_at = self.clock;
        }
        let Self { ids, entries, needs, clock, limit, .. } = self;
        let oldest = clock.saturating_sub(KEPT_LIMIT as u64 / 2);
        let mut kept_needs = FxHashSet::default();
        entries.retain(|_, entry| {
            let is_kept = entry.used_at > oldest;
            if is_kept {
                kept_needs.extend(entry.need);
            } else {
                ids.remove(&(Arc::as_ptr(&entry.written) as usize));
            }
            is_kept
        });
        needs.retain(|_, need| kept_needs.contains(need));
        *limit = KEPT_LIMIT.max(2 * entries.len());
    }

    /// The request as RunTask places it under a SPEC.
    pub(super) fn prepare(
        &mut self,
        id: RequestId,
        meaning: &Meaning,
        scheduler: &Scheduler,
        cluster: &mut Cluster,
    ) -> Result<&mut Prepared, RequestError> {
        let entry = &mut self.entries[id.0 as usize];
        if entry.prepared.is_none() {
            let written = &entry.written;
            if let Some(model) = self.models.get(written) {
                entry.prepared = Some(model.for_group(written.group.clone()));
            } else {
                let prepared = Prepared::new(scheduler, cluster, under(meaning, written.placement_request()))?;
                self.models.note(written, prepared.for_group(written.group.clone()));
                entry.prepared = Some(prepared);
            }
        }
        Ok(entry.prepared.as_mut().expect("it was made just now"))
    }

    /// A request that has been prepared before.
    pub(super) fn get_mut(&mut self, id: RequestId) -> &mut Prepared {
        self.entries[id.0 as usize].prepared.as_mut().expect("what waits was prepared when it came")
    }

    /// What a request needs that has been prepared before.
    pub(super) fn need(&mut self, id: RequestId) -> Need {
        let Self { entries, needs, need_count, .. } = self;
        let entry = &mut entries[id.0 as usize];
        let prepared = entry.prepared.as_ref().expect("what waits was prepared when it came");
        let request = prepared.request();
        let number = *entry.need.get_or_insert_with(|| {
            let is_static = |constraint: &PlacementConstraint| {
                matches!(constraint, PlacementConstraint::MemberOf(expression) if expression.is_static())
            };
            let key = if request.all_constraints().iter().all(is_static) {
                NeedKey::Plain(request.demand().clone(), StaticRules::of(request))
            } else {
                NeedKey::OfRequest(id)
            };
            *needs.entry(key).or_insert_with(|| {
                *need_count += 1;
                NeedId(*need_count)
            })
        });
        let demand = request.demand();
        Need {
            id: number,
            cpu_units: demand.cpu_units,
            memory_mib: demand.memory_mib,
            reads_tasks: prepared.reads_tasks,
        }
    }

    /// The request as StartTask takes it.
    pub(super) fn plain(&mut self, id: RequestId) -> Arc<PlacementRequest> {
        let entry = &mut self.entries[id.0 as usize];
        Arc::clone(entry.plain.get_or_insert_with(|| Arc::new(entry.written.placement_request())))
    }
}

/// A request as a SPEC wants it.
pub(super) fn under(meaning: &Meaning, request: PlacementRequest) -> PlacementRequest {
    match meaning {
        Meaning::Replace(strategy) if request.spec().kind != TaskKind::Daemon => request.strategy(strategy.clone()),
        // FGD that nobody has informed cannot run: the runner does.
        Meaning::AsWritten | Meaning::Replace(_) | Meaning::FragmentationGradientDescent => request,
        Meaning::OneTaskPerHost => alone_on_instance(request),
    }
}

/// Adds distinctInstance, beyond ECS's ten if need be: a limit of one task admits the same instances.
fn alone_on_instance(request: PlacementRequest) -> PlacementRequest {
    let constraints = request.all_constraints();
    if constraints.contains(&PlacementConstraint::DistinctInstance) {
        return request;
    }
    let member_of = constraints.iter().filter(|constraint| matches!(constraint, PlacementConstraint::MemberOf(_)));
    if member_of.count() < CONSTRAINT_LIMIT {
        request.constraint(PlacementConstraint::DistinctInstance)
    } else {
        request.constraint(PlacementConstraint::MaxTasksPerInstance(NonZeroU32::MIN))
    }
}
