//! The data of the study: one list of nodes, and for each workload a list of pods and the orders of its seeds.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scheduler_core::{
    AttributeName, ContainerInstance, Demand, HostPorts, InstanceError, PlacementConstraint, PlacementRequest,
    Resources, TaskGroup,
};

use super::run::StudyError;
use crate::import::openb::{MODEL, Node, Pod, Shape, ZONE, model_expression, read_nodes, read_orders, read_pods};
use crate::policy::{TaskShape, TypicalTasks};

/// The nodes of the study.
#[derive(Debug)]
pub struct Study {
    folder: PathBuf,
    nodes: Vec<Node>,
}

/// One workload: what arrives, and the orders of its seeds.
#[derive(Debug)]
pub struct Workload {
    /// Its name in the study.
    pub variant: Box<str>,
    instances: Arc<[ContainerInstance]>,
    pub(super) typical: Arc<TypicalTasks>,
    /// The distinct requests, without a strategy.
    pub(super) requests: Vec<PlacementRequest>,
    /// The position of each pod's request.
    request_of: Vec<u32>,
    event_orders: BTreeMap<u64, Vec<usize>>,
    node_orders: BTreeMap<u64, Vec<usize>>,
}

const NODES: &str = "openb_node_list_gpu_node.csv";
const PODS: &str = "openb_pod_list_";

impl Study {
    /// The study whose files are in a folder.
    ///
    /// # Errors
    /// [`StudyError`] for a list of nodes that is missing or broken.
    pub fn open(folder: &Path) -> Result<Self, StudyError> {
        let nodes = read_nodes(&existing(folder, NODES))?;
        Ok(Self { folder: folder.to_owned(), nodes })
    }

    /// The workloads whose list of pods and whose orders are there, by name.
    ///
    /// # Errors
    /// [`StudyError::Folder`] if the folder cannot be read, [`StudyError::NoWorkload`] if there is none.
    pub fn variants(&self) -> Result<Vec<Box<str>>, StudyError> {
        let unreadable = |source| StudyError::Folder { folder: self.folder_name(), source };
        let mut variants = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let name = name.to_string_lossy();
            let variant = name.strip_prefix(PODS).and_then(|rest| {
                rest.strip_suffix(".csv.gz").or_else(|| rest.strip_suffix(".csv")).map(Box::<str>::from)
            });
            variants.extend(variant.filter(|variant| self.orders(variant).iter().all(|path| path.exists())));
        }
        variants.sort_unstable();
        variants.dedup();
        if variants.is_empty() {
            return Err(StudyError::NoWorkload { folder: self.folder_name() });
        }
        Ok(variants)
    }

    /// Reads a workload with the orders of all its seeds.
    ///
    /// # Errors
    /// [`StudyError`] for a file that is missing or broken, or an order that leaves a node out.
    pub fn workload(&self, variant: &str) -> Result<Workload, StudyError> {
        let pod_list = existing(&self.folder, &format!("{PODS}{variant}.csv"));
        if !pod_list.exists() {
            let (folder, variants) = (self.folder_name(), self.variants()?.join(", ").into());
            return Err(StudyError::Workload { folder, variant: variant.into(), variants });
        }
        let pods = read_pods(&pod_list, false)?.pods;
        let [event_order, node_order] = self.orders(variant);
        let positions =
            |names: Vec<&str>| -> HashMap<Box<str>, usize> { names.into_iter().map(Into::into).zip(0..).collect() };
        let pod_positions = positions(pods.iter().map(|pod| &*pod.name).collect());
        let node_positions = positions(self.nodes.iter().map(|node| &*node.name).collect());
        let event_orders =
            read_orders(&event_order, "pod", |name| pod_positions.get(name).copied(), "the list of pods")?;
        let node_orders =
            read_orders(&node_order, "node", |name| node_positions.get(name).copied(), "the list of nodes")?;
        for (seed, order) in &node_orders {
            let distinct: std::collections::BTreeSet<_> = order.iter().collect();
            if distinct.len() != self.nodes.len() || order.len() != self.nodes.len() {
                let file = node_order.display().to_string().into();
                return Err(StudyError::NodeOrder { file, seed: *seed });
            }
        }
        let mut requests = Vec::new();
        let mut known: HashMap<&Shape, u32> = HashMap::new();
        let mut request_of = Vec::with_capacity(pods.len());
        for pod in &pods {
            let next = known.len() as u32;
            let position = *known.entry(&pod.shape).or_insert(next);
            if position == next {
                requests.push(request(&pod.shape)?);
            }
            request_of.push(position);
        }
        let model = AttributeName::new(MODEL).map_err(StudyError::Attribute)?;
        Ok(Workload {
            variant: variant.into(),
            instances: self.nodes.iter().map(instance).collect::<Result<_, _>>()?,
            typical: Arc::new(TypicalTasks::of(pods.iter().map(|pod| (shape(pod), 1)), model)),
            requests,
            request_of,
            event_orders,
            node_orders,
        })
    }

    fn folder_name(&self) -> Box<str> {
        self.folder.display().to_string().into()
    }

    /// The files of the orders of pods and nodes. Workloads that differ in GPU models alone have those of `default`.
    fn orders(&self, variant: &str) -> [PathBuf; 2] {
        let of = if variant.starts_with("gpuspec") { "default" } else { variant };
        ["event-order", "node-order"].map(|kind| existing(&self.folder, &format!("{kind}_{of}.csv")))
    }
}

impl Workload {
    /// The seeds that both orders have.
    pub fn seeds(&self) -> Vec<u64> {
        self.event_orders.keys().copied().filter(|seed| self.node_orders.contains_key(seed)).collect()
    }

    /// The instances in the order in which they register, and the requests in the order in which they arrive.
    pub(super) fn orders(&self, seed: u64) -> Option<(Vec<&ContainerInstance>, Vec<u32>)> {
        let instances = self.node_orders.get(&seed)?.iter().map(|position| &self.instances[*position]);
        let requests = self.event_orders.get(&seed)?.iter().map(|position| self.request_of[*position]);
        Some((instances.collect(), requests.collect()))
    }
}

/// The file, or the packed one of that name if only that is there.
fn existing(folder: &Path, name: &str) -> PathBuf {
    let (plain, packed) = (folder.join(name), folder.join(format!("{name}.gz")));
    if !plain.exists() && packed.exists() { packed } else { plain }
}

fn instance(node: &Node) -> Result<ContainerInstance, InstanceError> {
    let resources = Resources::new(node.cpu_milli, node.memory_mib).with_gpus(node.gpus);
    let builder = ContainerInstance::builder(&*node.name)
        .zone(ZONE)
        .resources(resources.with_reserved_ports(HostPorts::new()))
        .without_capabilities();
    if node.model.is_empty() { builder.build() } else { builder.attribute(MODEL, &*node.model).build() }
}

fn request(shape: &Shape) -> Result<PlacementRequest, StudyError> {
    let demand = Demand::new(shape.cpu_milli, shape.memory_mib);
    let demand = match shape.gpu_milli.map(u16::try_from) {
        Some(Ok(milli)) => demand.with_gpu_share(milli),
        _ => demand.with_gpus(shape.gpus),
    };
    let request = PlacementRequest::new(demand, TaskGroup::new("family:pod").map_err(StudyError::Group)?);
    Ok(match model_expression(shape) {
        Some(expression) => {
            request.constraint(PlacementConstraint::member_of(&expression).map_err(StudyError::Expression)?)
        }
        None => request,
    })
}

fn shape(pod: &Pod) -> TaskShape {
    let Shape { cpu_milli, gpus, gpu_milli, .. } = pod.shape;
    let gpu_milli = if gpus == 0 { 0 } else { gpu_milli.unwrap_or(scheduler_core::GPU_MILLI) };
    TaskShape { cpu_units: cpu_milli, gpu_milli, gpus, models: pod.gpu_spec.clone() }
}
