//! Prepared requests: what can be known of a request before a placement is known already.

use std::fmt;
use std::sync::Arc;

use super::batch::start_batch;
use super::check::Check;
use super::commit::Placement;
use super::draw::Draw;
use super::explanation::Refusal;
use super::indexed::{Route, Walk, WalkScratch};
use super::lowering::{Lowered, lower};
use super::policy::PolicyContext;
use super::request::{PlacementRequest, RequestError};
use super::scan::{Scan, Scratch};
use super::scheduler::Scheduler;
use super::static_rules::StaticTable;
use super::strategy::{PlacementStrategy, TieBreak};
use crate::cluster::{Change, Cluster, GpuSet, LogPosition, Mention, Slot};
use crate::index::{Order, OrderHandle};
use crate::model::{AttributeName, TaskGroup};

/// How a prepared request is placed. All executions give the same answers; they differ in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Execution {
    /// By a walk through an ordered index.
    Indexed,
    /// By columns, over all instances.
    Scan,
}

/// To ask a released instance again takes about as long as to walk past so many blocks, of which only the bound is read.
const BLOCKS_PER_RELEASE: usize = 3;

/// Putting so many instances into the orders anew takes about as long as keeping the orders up for one start.
const INSTANCES_PER_START: usize = 4;

/// A request compiled for a cluster: what can be known before a placement is known already.
///
/// It may be used with any cluster; with one that it was not prepared for (nor a fork of it) placement costs more.
#[derive(Clone)]
pub struct PreparedRequest {
    request: Arc<PlacementRequest>,
    compiled: Arc<Compiled>,
    table: Arc<StaticTable>,
    scratch: Scratch,
    walk_scratch: WalkScratch,
    /// Where the release log stood when nobody could take the task; nobody has since then, but for those logged.
    refused_at: Option<LogPosition>,
}

/// What does not depend on the cluster's state, nor on the group.
struct Compiled {
    /// The chain's rules; `None`: headroom.
    rules: Option<Vec<PlacementStrategy>>,
    tie_break: TieBreak,
    own_revision_only: bool,
    mentioned: Vec<AttributeName>,
    /// Held, never read: while they live the cluster tells instances apart by the names.
    #[expect(dead_code, reason = "its life is its use")]
    mentions: Vec<Mention>,
    /// How it is placed by an index; `None`: by the scan.
    lowered: Option<Lowered>,
    /// The order that clusters keep for it.
    order: Option<OrderHandle>,
}

impl PreparedRequest {
    /// `cluster` is told what to tell apart and what to keep in order, if there is one.
    pub(super) fn new(
        scheduler: &Scheduler,
        request: Arc<PlacementRequest>,
        cluster: Option<&mut Cluster>,
    ) -> Result<Self, RequestError> {
        request.validate()?;
        let rules = scheduler.strategy_of(&request).rules_for(request.spec().kind);
        let spread_rules = rules.as_deref().unwrap_or_default();
        let mentioned = StaticTable::mentioned(&request, spread_rules);
        let lowered = lower(rules.as_deref(), scheduler.tie_break())
            .filter(|lowered| !(scheduler.ignores_other_revisions() && lowered.counts_tasks()));
        let mut table = StaticTable::new(spread_rules);
        let (mut mentions, mut order) = (Vec::new(), None);
        if let Some(cluster) = cluster {
            mentions = cluster.mention(&mentioned);
            if let Some(lowered) = &lowered {
                order = Some(cluster.keep_order(lowered.spec.clone()));
                cluster.keep_ports(request.demand().host_ports.as_slice());
            }
            table.refresh(cluster, &request, &mentioned);
        }
        let (tie_break, own_revision_only) = (scheduler.tie_break(), scheduler.ignores_other_revisions());
        let compiled = Compiled { rules, tie_break, own_revision_only, mentioned, mentions, lowered, order };
        Ok(Self {
            request,
            compiled: Arc::new(compiled),
            table: Arc::new(table),
            scratch: Scratch::default(),
            walk_scratch: WalkScratch::default(),
            refused_at: None,
        })
    }

    /// The same request, counted under another group. Shares what has been compiled, so it costs next to nothing.
    pub fn for_group(&self, group: TaskGroup) -> Self {
        Self {
            request: Arc::new(PlacementRequest::clone(&self.request).counted_under(group)),
            compiled: Arc::clone(&self.compiled),
            table: Arc::clone(&self.table),
            scratch: Scratch::default(),
            walk_scratch: WalkScratch::default(),
            refused_at: None,
        }
    }

    fn refresh(&mut self, cluster: &Cluster) {
        if !self.table.is_current(cluster) {
            Arc::make_mut(&mut self.table).refresh(cluster, &self.request, &self.compiled.mentioned);
        }
    }

    /// What is to be placed.
    pub fn request(&self) -> &Arc<PlacementRequest> {
        &self.request
    }

    /// How this request is placed.
    pub fn execution(&self) -> Execution {
        if self.compiled.order.is_some() { Execution::Indexed } else { Execution::Scan }
    }

    /// Chooses an instance for one task, or nobody. Reads the cluster and changes nothing: hand the placement to
    /// [`Cluster::start`].
    ///
    /// With a feasible instance there is always a placement; `None` exactly when [`Scheduler::refusal`] has a reason.
    /// Draws only where more than one choice is open. Cost: O(instances).
    pub fn place(&mut self, cluster: &Cluster, draw: &mut dyn Draw) -> Option<Placement> {
        self.refresh(cluster);
        let handle = self.compiled.order.as_ref().filter(|_| self.table.is_by_class());
        let slot = match handle.and_then(|handle| cluster.index.order(handle)) {
            Some(order) => self.walk(cluster, order, draw),
            None => self.scan(cluster, draw),
        }?;
        let gpus = self.choose_gpus(cluster, slot, draw);
        Some(Placement::chosen(cluster, slot, &self.request).on_gpus(gpus))
    }

    /// The GPUs that a policy of the chain chooses on the instance; none: those that the task gets by default.
    fn choose_gpus(&self, cluster: &Cluster, slot: Slot, draw: &mut dyn Draw) -> GpuSet {
        let demand = self.request.demand().gpus;
        if demand.is_none() {
            return GpuSet::default();
        }
        let instance = cluster.view(slot);
        let context = PolicyContext { cluster, request: &self.request };
        let mut chosen = self.compiled.rules.iter().flatten().filter_map(|rule| match rule {
            PlacementStrategy::Custom(policy) => policy.choose_gpus(&context, &instance, draw),
            _ => None,
        });
        chosen.find(|gpus| instance.occupant.gpus.may_choose(demand, *gpus)).unwrap_or_default()
    }

    /// The reason why nobody can take the task now (C-51), without the closest instance; `None` if somebody can.
    ///
    /// The check that [`Scheduler::refusal`] names, found by a few walks through the index where there is one.
    pub fn reason(&mut self, cluster: &Cluster) -> Option<Check> {
        self.refresh(cluster);
        let order = self
            .compiled
            .order
            .as_ref()
            .filter(|_| self.table.is_by_class() && cluster.instances.all_active_are_open());
        match order.and_then(|order| self.route(cluster.index.order(order)?)) {
            Some(route) => Walk::new(cluster, route).reason_of_refusal(),
            None => Refusal::of(cluster, &self.request).map(|refusal| refusal.check()),
        }
    }

    fn walk(&mut self, cluster: &Cluster, order: &Order, draw: &mut dyn Draw) -> Option<Slot> {
        let (request, table, lowered) = (&*self.request, &self.table, self.compiled.lowered.as_ref()?);
        let walk = Walk::new(cluster, Route { request, table, lowered, order });
        if let Some(position) = &mut self.refused_at
            && let Some(mut released) = cluster.releases.since(position, cluster.full_blocks() / BLOCKS_PER_RELEASE)
            && !released.any(|slot| walk.admits_slot(slot))
        {
            cluster.releases.advance(position);
            return None;
        }
        let chosen = walk.choose(&mut self.walk_scratch, draw);
        let remember = chosen.is_none() && walk.may_remember_refusal();
        self.refused_at = remember.then(|| cluster.releases.position());
        chosen
    }

    fn scan(&mut self, cluster: &Cluster, draw: &mut dyn Draw) -> Option<Slot> {
        let Self { request, compiled, table, scratch, .. } = self;
        let scan = Scan { cluster, request, table, own_revision_only: compiled.own_revision_only };
        match &compiled.rules {
            None => scan.by_headroom(scratch),
            Some(rules) => scan.by_chain(rules, compiled.tie_break, scratch, draw),
        }
    }

    /// Places and starts up to `count` tasks one after another; fewer changes than `count` mean that the next one found
    /// no instance. The same answers as placing and starting them one by one.
    ///
    /// Cost: O(instances + count × log instances) where that is less than `count` placements and the chain is of `spread`
    /// and `binpack`.
    pub fn place_many(&mut self, cluster: &mut Cluster, count: usize, draw: &mut dyn Draw) -> Vec<Change> {
        if count >= cluster.instance_count().div_ceil(INSTANCES_PER_START)
            && let Some(changes) = self.place_batch(cluster, count)
        {
            return changes;
        }
        let mut changes = Vec::new();
        while changes.len() < count
            && let Some(placement) = self.place(cluster, draw)
        {
            changes.push(cluster.start_chosen(&placement));
        }
        changes
    }

    /// By heaps, if the request is such that it can be done so.
    fn place_batch(&mut self, cluster: &mut Cluster, count: usize) -> Option<Vec<Change>> {
        self.refresh(cluster);
        let handle = self.compiled.order.as_ref().filter(|_| self.table.is_by_class())?;
        if !Walk::new(cluster, self.route(cluster.index.order(handle)?)?).suits_batches() {
            return None;
        }
        let orders = cluster.take_orders();
        let route = orders.get(handle).and_then(|order| self.route(order));
        let changes = route.map(|route| start_batch(cluster, route, count));
        cluster.put_back_orders(orders);
        changes
    }

    fn route<'a>(&'a self, order: &'a Order) -> Option<Route<'a>> {
        Some(Route { request: &self.request, table: &self.table, lowered: self.compiled.lowered.as_ref()?, order })
    }
}

impl fmt::Debug for PreparedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedRequest")
            .field("request", &self.request)
            .field("execution", &self.execution())
            .finish_non_exhaustive()
    }
}
