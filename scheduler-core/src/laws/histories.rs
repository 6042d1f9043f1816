//! Histories: a cluster's beginning, the requests made to it, and what happens to it in order.

use std::sync::Arc;

use proptest::prelude::*;

use super::smaller::Shrinking;
use super::{InstanceCall, Operation, fleet, nth_instance, nth_task, operation, placement_request, scheduler};
use crate::cluster::{Change, Cluster, HeadroomWeights, ReleaseOn, TaskStatus};
use crate::model::ContainerInstance;
use crate::placement::{Placement, PlacementRequest, PreparedRequest, Scheduler, SeededDraw};

/// Most requests in a history.
pub const MAX_REQUESTS: usize = 3;

const MAX_FLEET: usize = 6;

/// A cluster's whole life, to be replayed.
#[derive(Debug, Clone)]
pub struct History {
    /// The weights of the cluster's headroom.
    pub weights: HeadroomWeights,
    /// When the cluster's stopping tasks give their resources back.
    pub release_on: ReleaseOn,
    /// Who places.
    pub scheduler: Scheduler,
    /// What is placed; one at least.
    pub requests: Vec<Arc<PlacementRequest>>,
    /// The instances that are there from the beginning.
    pub fleet: Vec<ContainerInstance>,
    /// What happens.
    pub operations: Vec<Operation>,
    /// The seed of whatever is drawn.
    pub seed: u64,
}

/// A history that is being replayed: the cluster, and the prepared requests that follow it.
#[derive(Debug, Clone)]
pub struct Run {
    /// The cluster as it is now.
    pub cluster: Cluster,
    /// Who places.
    pub scheduler: Scheduler,
    /// The history's requests, prepared before the first instance registered.
    pub prepared: Vec<PreparedRequest>,
    /// Where randomness comes from.
    pub draw: SeededDraw,
}

impl History {
    /// The cluster at its beginning, with its requests prepared.
    pub fn begin(&self) -> Run {
        let mut cluster = Cluster::new(self.weights).with_release_on(self.release_on).with_index_block_capacity(4);
        let requests = self.requests.iter();
        let prepared = requests
            .map(|request| self.scheduler.prepare(&mut cluster, Arc::clone(request)).expect("requests are valid"))
            .collect();
        for instance in &self.fleet {
            cluster.register(instance.clone()).expect("the names of a fleet differ");
        }
        Run { cluster, scheduler: self.scheduler.clone(), prepared, draw: SeededDraw::new(self.seed) }
    }

    /// Whether a trace tells all of it, as of a [`traceable_history`].
    pub(super) fn is_traceable(&self) -> bool {
        self.release_on == ReleaseOn::DesiredStopped
            && self.requests.iter().all(|request| is_traceable_request(request))
            && self.operations.iter().all(is_traceable_operation)
    }

    /// Everything that happens, and the cluster that it leaves. Calls that err change nothing and are passed over.
    pub fn replay(&self) -> Cluster {
        let mut run = self.begin();
        for operation in &self.operations {
            let _ = run.apply(operation);
        }
        run.cluster
    }
}

impl Run {
    /// Makes the call that an operation stands for; no changes: there was nothing to do.
    ///
    /// # Errors
    /// That of the call, in words.
    pub fn apply(&mut self, operation: &Operation) -> Result<Vec<Change>, String> {
        let Self { cluster, scheduler, prepared, draw } = self;
        let count = prepared.len();
        let start = |cluster: &mut Cluster, placement: &Placement| {
            cluster.start(placement).map(|change| vec![change]).map_err(|error| error.to_string())
        };
        match operation {
            Operation::Register(instance) => cluster
                .register(ContainerInstance::clone(instance))
                .map(|change| vec![change])
                .map_err(|error| error.to_string()),
            Operation::OnInstance(index, call) => {
                let id = nth_instance(cluster, *index);
                call.apply(cluster, id).map_err(|error| error.to_string())
            }
            Operation::OnTask(index, call) => {
                let id = nth_task(cluster, *index);
                call.apply(cluster, id).map_err(|error| error.to_string())
            }
            Operation::Place { request } => match prepared[request % count].place(cluster, draw) {
                Some(placement) => start(cluster, &placement),
                None => Ok(Vec::new()),
            },
            Operation::StartOn { request, instance } => {
                let request = Arc::clone(prepared[request % count].request());
                let placement = Placement::start_task(nth_instance(cluster, *instance), request);
                start(cluster, &placement)
            }
            Operation::Adopt { request, instance } => {
                let request = Arc::clone(prepared[request % count].request());
                let placement = Placement::adopt(nth_instance(cluster, *instance), request);
                let placement = placement.with_status(TaskStatus::Running);
                start(cluster, &placement)
            }
            Operation::ScaleIn { request } => {
                match scheduler.choose_stop(cluster, prepared[request % count].request(), draw) {
                    Some(task) => cluster.stop(task).map(|change| vec![change]).map_err(|error| error.to_string()),
                    None => Ok(Vec::new()),
                }
            }
        }
    }
}

/// A history of up to so many operations.
pub fn history(operations_at_most: usize) -> BoxedStrategy<History> {
    history_of(settings(), placement_request(), operation(), operations_at_most)
}

/// A history of up to so many operations that a trace can tell in full, but for a strategy that it cannot write: that
/// becomes the instance that was chosen. Without resizing, without tasks that hold resources while they stop, without
/// network interfaces and capacity providers.
pub fn traceable_history(operations_at_most: usize) -> BoxedStrategy<History> {
    let settings = settings().prop_map(|(weights, _)| (weights, ReleaseOn::DesiredStopped));
    let request = placement_request().prop_filter("no trace says all of it", is_traceable_request);
    let operation = operation().prop_filter("no trace says it", is_traceable_operation);
    history_of(settings.boxed(), request.boxed(), operation.boxed(), operations_at_most)
}

fn is_traceable_request(request: &PlacementRequest) -> bool {
    !request.demand().needs_eni && request.capacity_provider_name().is_none()
}

fn is_traceable_operation(operation: &Operation) -> bool {
    !matches!(operation, Operation::OnInstance(_, InstanceCall::Resize(_)))
}

fn history_of(
    settings: BoxedStrategy<(HeadroomWeights, ReleaseOn)>,
    request: BoxedStrategy<PlacementRequest>,
    operation: BoxedStrategy<Operation>,
    operations_at_most: usize,
) -> BoxedStrategy<History> {
    let requests = prop::collection::vec(request.prop_map(Arc::new), 1..=MAX_REQUESTS);
    let operations = prop::collection::vec(operation, 0..=operations_at_most);
    let histories = (settings, scheduler(), requests, fleet(MAX_FLEET), operations, any::<u64>())
        .prop_map(|((weights, release_on), scheduler, requests, fleet, operations, seed)| History {
            weights,
            release_on,
            scheduler,
            requests,
            fleet,
            operations,
            seed,
        })
        .boxed();
    Shrinking(histories).boxed()
}

/// What a cluster is made with: weights of the headroom, and when stopping tasks give their resources back.
pub fn settings() -> BoxedStrategy<(HeadroomWeights, ReleaseOn)> {
    let weights = prop_oneof![
        4 => Just(HeadroomWeights::default()),
        1 => Just(HeadroomWeights { cpu: 0, memory: 1 }),
        1 => Just(HeadroomWeights { cpu: u32::MAX, memory: u32::MAX }),
    ];
    let release_on = prop_oneof![2 => Just(ReleaseOn::DesiredStopped), 1 => Just(ReleaseOn::LastStopped)];
    (weights, release_on).boxed()
}
