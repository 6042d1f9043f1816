//! Placement, told once: who can hold the task → who may hold it → whom do we prefer → one instance.
//!
//! (AWS: "How Amazon ECS places tasks on container instances".) A request is *prepared* once for a cluster, and then
//! placed as often as wanted; [`Scheduler::place_once`] does both at one go.

use std::sync::Arc;

use super::commit::Placement;
use super::draw::Draw;
use super::explanation::{Explanation, Refusal};
use super::prepared::PreparedRequest;
use super::request::{PlacementRequest, RequestError};
use super::strategy::{Strategy, TieBreak};
use crate::cluster::Cluster;

/// How placements are chosen where a request leaves it open: the default strategy and the tie-break.
///
/// ```
/// use scheduler_core::{Scheduler, Strategy, TieBreak};
///
/// let notes = Scheduler::default(); // headroom: the zone, then the instance with the most remaining
/// let like_ecs = Scheduler::default().with_default_strategy(Strategy::EcsDefault).with_tie_break(TieBreak::Random);
/// assert_ne!(notes, like_ecs);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scheduler {
    default_strategy: Strategy,
    tie_break: TieBreak,
    spread_ignores_other_revisions: bool,
}

impl Scheduler {
    /// The strategy of requests that have none.
    pub fn with_default_strategy(mut self, strategy: impl Into<Strategy>) -> Self {
        self.default_strategy = strategy.into();
        self
    }

    /// What settles a choice that a chain leaves open.
    pub fn with_tie_break(mut self, tie_break: TieBreak) -> Self {
        self.tie_break = tie_break;
        self
    }

    /// Makes `spread` count only tasks of the request's own `family:revision` (C-22), so that a rollout does not
    /// avoid the instances of the outgoing revision. ECS counts all.
    pub fn with_spread_ignoring_other_revisions(mut self) -> Self {
        self.spread_ignores_other_revisions = true;
        self
    }

    /// The strategy of requests that have none.
    pub fn default_strategy(&self) -> &Strategy {
        &self.default_strategy
    }

    /// What settles a choice that a chain leaves open.
    pub fn tie_break(&self) -> TieBreak {
        self.tie_break
    }

    pub(crate) fn ignores_other_revisions(&self) -> bool {
        self.spread_ignores_other_revisions
    }

    /// The strategy that applies to a request: its own, else the default.
    pub fn strategy_of<'a>(&'a self, request: &'a PlacementRequest) -> &'a Strategy {
        request.own_strategy().unwrap_or(&self.default_strategy)
    }

    /// Compiles a request for a cluster, to place it as often as wanted.
    ///
    /// The cluster from then on tells apart instances by the attributes that the request mentions, until the prepared
    /// request (and every clone of it) is dropped. Cost: O(instances) for a name that nobody mentioned yet.
    ///
    /// # Errors
    /// As [`PlacementRequest::validate`].
    pub fn prepare(
        &self,
        cluster: &mut Cluster,
        request: impl Into<Arc<PlacementRequest>>,
    ) -> Result<PreparedRequest, RequestError> {
        PreparedRequest::new(self, request.into(), Some(cluster))
    }

    /// Chooses an instance for one task of a request, without preparing it. Reads the cluster and changes nothing.
    ///
    /// The same answer as preparing and placing. Cost: O(instances), each expression evaluated on each of them.
    ///
    /// # Errors
    /// As [`PlacementRequest::validate`]. Finding no instance is no error: `Ok(None)`.
    pub fn place_once(
        &self,
        cluster: &Cluster,
        request: &PlacementRequest,
        draw: &mut dyn Draw,
    ) -> Result<Option<Placement>, RequestError> {
        Ok(PreparedRequest::new(self, Arc::new(request.clone()), None)?.place(cluster, draw))
    }

    /// Why a request cannot be placed now, or `None` if it can: the reason and the closest instance (C-51).
    pub fn refusal(&self, cluster: &Cluster, request: &PlacementRequest) -> Option<Refusal> {
        Refusal::of(cluster, request)
    }

    /// For a request every failing check of every instance, the tally, the closest instance, and one sentence.
    pub fn explain(&self, cluster: &Cluster, request: &PlacementRequest) -> Explanation {
        Explanation::of(cluster, request)
    }

    /// Places tasks one after another on a copy of the cluster, which itself stays as it is: a dry run.
    ///
    /// # Errors
    /// As [`PlacementRequest::validate`], for the first request that is broken.
    pub fn plan<'a>(
        &self,
        cluster: &Cluster,
        requests: impl IntoIterator<Item = &'a PlacementRequest>,
        draw: &mut dyn Draw,
    ) -> Result<Vec<Result<Placement, Refusal>>, RequestError> {
        let mut fork = cluster.fork();
        let mut outcomes = Vec::new();
        for request in requests {
            outcomes.push(match self.place_once(&fork, request, draw)? {
                Some(placement) => {
                    fork.start_chosen(&placement);
                    Ok(placement)
                }
                None => Err(Refusal::found(&fork, request)),
            });
        }
        Ok(outcomes)
    }
}
