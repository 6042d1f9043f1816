//! One run of the study: the orders of a seed, a policy, and the measures after each arrival.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use scheduler_core::{
    AttributeError, Cluster, ClusterError, InstanceError, PlacementPolicy, PlacementStrategy, PreparedRequest,
    RequestError, Scheduler, SeededDraw, StartError, TaskGroupError, TieBreak,
};

use super::data::Workload;
use crate::import::ImportError;
use crate::metrics::{Arrival, Curve};
use crate::policy::{BestFitGpu, DotProduct, FragmentationGradientDescent, GpuClustering, GpuPacking, RandomGpu};

/// Why the study cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A file is missing or broken.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The folder cannot be read.
    #[error("cannot read the folder `{folder}`: {source}")]
    Folder {
        /// The folder.
        folder: Box<str>,
        /// What went wrong.
        source: std::io::Error,
    },
    /// No workload whose list of pods and whose orders are there.
    #[error(
        "`{folder}` has no workload with its orders: an openb_pod_list_V.csv, event-order_V.csv and node-order_V.csv"
    )]
    NoWorkload {
        /// The folder.
        folder: Box<str>,
    },
    /// No workload of that name.
    #[error("`{folder}` has no workload `{variant}`; there are {variants}")]
    Workload {
        /// The folder.
        folder: Box<str>,
        /// The workload asked for.
        variant: Box<str>,
        /// Those there are.
        variants: Box<str>,
    },
    /// No orders of that seed.
    #[error("workload `{variant}` has no orders of seed {seed}; there are {seeds}")]
    Seed {
        /// The workload.
        variant: Box<str>,
        /// The seed asked for.
        seed: u64,
        /// Those there are.
        seeds: Box<str>,
    },
    /// An order of nodes that leaves one out, or has one twice.
    #[error("`{file}`, seed {seed}: the order does not have each node of the list once")]
    NodeOrder {
        /// The file.
        file: Box<str>,
        /// The seed.
        seed: u64,
    },
    /// A node that is no container instance.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// A node that cannot register.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A pod that is no request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A placement that cannot be started: a bug.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A GPU model that is no value.
    #[error(transparent)]
    Expression(scheduler_core::expression::ParseError),
    /// An attribute's name.
    #[error(transparent)]
    Attribute(AttributeError),
    /// A group's name.
    #[error(transparent)]
    Group(TaskGroupError),
}

/// A policy of the study.
#[derive(Debug, Clone, Copy)]
pub struct StudyPolicy {
    /// What reports call it.
    pub name: &'static str,
    /// What the study calls it.
    pub paper_name: &'static str,
    /// Whether it draws lots, so that it has no digits to equal.
    pub is_random: bool,
    make: fn(&Workload) -> Arc<dyn PlacementPolicy>,
}

impl StudyPolicy {
    /// All of them, as the study numbers them.
    pub const ALL: [Self; 6] = [
        Self { name: "random", paper_name: "Random", is_random: true, make: |_| Arc::new(RandomGpu) },
        Self {
            name: "dot-product",
            paper_name: "DotProd",
            is_random: false,
            make: |_| Arc::new(DotProduct::default()),
        },
        Self {
            name: "gpu-clustering",
            paper_name: "GpuClustering",
            is_random: false,
            make: |_| Arc::new(GpuClustering::default()),
        },
        Self { name: "gpu-packing", paper_name: "GpuPacking", is_random: false, make: |_| Arc::new(GpuPacking) },
        Self {
            name: "best-fit-gpu",
            paper_name: "BestFit",
            is_random: false,
            make: |_| Arc::new(BestFitGpu::default()),
        },
        Self {
            name: "fgd",
            paper_name: "FGD",
            is_random: false,
            make: |workload| Arc::new(FragmentationGradientDescent::new(Arc::clone(&workload.typical))),
        },
    ];

    /// The policy of that name, ours or the study's.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name == name || it.paper_name.eq_ignore_ascii_case(name))
    }
}

/// What came of one run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The workload.
    pub variant: Box<str>,
    /// The policy.
    pub policy: StudyPolicy,
    /// The seed of the orders.
    pub seed: u64,
    /// Tasks that arrived.
    pub arrivals: u64,
    /// Tasks that found a place.
    pub placed: u64,
    /// The measures over the demand that has arrived.
    pub curve: Curve,
    /// The cluster after the last arrival.
    pub end: FinalState,
}

/// A cluster, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FinalState {
    /// GPU thousandths used.
    pub gpu_milli: u64,
    /// GPUs of which anything is used.
    pub gpus: u64,
    /// CPU thousandths used.
    pub cpu_milli: u64,
    /// MiB used.
    pub memory_mib: u64,
    /// GPU thousandths that are fragmented.
    pub fragmented_milli: f64,
    /// GPU thousandths that are idle.
    pub idle_milli: u64,
}

/// Runs one policy on the orders of one seed.
///
/// # Errors
/// [`StudyError::Seed`] for a seed without orders; others for data that the engine refuses.
pub fn run(workload: &Workload, policy: StudyPolicy, seed: u64) -> Result<Run, StudyError> {
    let orders = workload.orders(seed).ok_or_else(|| StudyError::Seed {
        variant: workload.variant.clone(),
        seed,
        seeds: workload.seeds().iter().map(u64::to_string).collect::<Vec<_>>().join(", ").into(),
    });
    let (instances, arrivals) = orders?;
    let strategy = PlacementStrategy::Custom((policy.make)(workload));
    let scheduler = Scheduler::default().with_default_strategy(strategy).with_tie_break(TieBreak::Stable);
    let mut cluster = Cluster::default();
    let mut capacity_milli = 0;
    for instance in instances {
        let change = cluster.register(instance.clone())?;
        capacity_milli += change.after.map_or(0, |totals| u64::from(totals.registered.gpu_milli));
    }
    // Ids are numbers of registration, so they are positions.
    let mut fragmentation: Vec<f64> = cluster.instances().map(|it| workload.typical.fragmentation(&it)).collect();
    let mut prepared: Vec<Option<PreparedRequest>> = Vec::new();
    prepared.resize_with(workload.requests.len(), || None);
    let mut draw = SeededDraw::new(seed);
    let mut curve = Curve::new(capacity_milli);
    let mut now = Arrival { arrived_milli: 0, used_milli: 0, fragmented_milli: 0.0 };
    let mut placed = 0;
    for position in &arrivals {
        let request = &workload.requests[*position as usize];
        let slot = &mut prepared[*position as usize];
        let request_of_shape = match slot {
            Some(known) => known,
            None => slot.insert(scheduler.prepare(&mut cluster, request.clone())?),
        };
        let wanted = u64::from(request.demand().gpus.milli(0));
        now.arrived_milli += wanted;
        if let Some(placement) = request_of_shape.place(&cluster, &mut draw) {
            let id = cluster.start(&placement)?.instance;
            now.used_milli += wanted;
            placed += 1;
            if let Some(instance) = cluster.instance(id) {
                fragmentation[id.number() as usize] = workload.typical.fragmentation(&instance);
            }
        }
        now.fragmented_milli = fragmentation.iter().sum();
        curve.add(&now);
    }
    Ok(Run {
        variant: workload.variant.clone(),
        policy,
        seed,
        arrivals: arrivals.len() as u64,
        placed,
        curve,
        end: FinalState { fragmented_milli: now.fragmented_milli, ..added_up(&cluster) },
    })
}

fn added_up(cluster: &Cluster) -> FinalState {
    let mut sum = FinalState::default();
    for instance in cluster.instances() {
        let remaining = instance.remaining();
        let resources = instance.description().resources();
        sum.cpu_milli += u64::from(resources.cpu_units() - remaining.cpu_units);
        sum.memory_mib += u64::from(resources.memory_mib() - remaining.memory_mib);
        sum.idle_milli += u64::from(remaining.gpu_milli);
        sum.gpus += u64::from(resources.gpu_ids().len() as u32 - instance.free_gpus().len());
        let registered = resources.gpu_ids().len() as u64 * u64::from(scheduler_core::GPU_MILLI);
        sum.gpu_milli += registered - u64::from(remaining.gpu_milli);
    }
    sum
}

/// Many runs, on several threads; the results stand in the order of what was asked for.
///
/// # Errors
/// That of the first run, in that order, that has one.
pub fn run_all(tasks: &[(&Workload, StudyPolicy, u64)], jobs: NonZeroUsize) -> Result<Vec<Run>, StudyError> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<Run, StudyError>>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs.get().min(tasks.len()) {
            scope.spawn(|| {
                while let Some((index, (workload, policy, seed))) = claim(&next, tasks) {
                    let result = run(workload, *policy, *seed);
                    if let Ok(mut place) = done[index].lock() {
                        *place = Some(result);
                    }
                }
            });
        }
    });
    done.into_iter().filter_map(|result| result.into_inner().ok().flatten()).collect()
}

fn claim<'t, T>(next: &AtomicUsize, tasks: &'t [T]) -> Option<(usize, &'t T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    tasks.get(index).map(|task| (index, task))
}
