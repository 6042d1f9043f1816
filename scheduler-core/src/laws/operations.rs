//! Operations: every call that changes a cluster, on whichever instance, task or request an index comes to.

use proptest::prelude::*;
use proptest::sample::select;

use super::{container_instance, custom_attribute, resources};
use crate::cluster::{Change, Cluster, ClusterError, HealthStatus, InstanceId, TaskId, TaskStatus};
use crate::model::{AttributeName, AttributeValue, ContainerInstance, Resources};

/// One call that changes a cluster. Indices are taken modulo what is there.
#[derive(Debug, Clone)]
pub enum Operation {
    /// An instance registers; its name may be in use.
    Register(Box<ContainerInstance>),
    /// A call on one instance.
    OnInstance(usize, InstanceCall),
    /// A call on one task.
    OnTask(usize, TaskCall),
    /// One of the requests is placed, and the placement started.
    Place {
        /// Which request.
        request: usize,
    },
    /// StartTask: one of the requests on one of the instances.
    StartOn {
        /// Which request.
        request: usize,
        /// Which instance.
        instance: usize,
    },
    /// A task that runs already is taken over on one of the instances.
    Adopt {
        /// Which request.
        request: usize,
        /// Which instance.
        instance: usize,
    },
    /// The group of one of the requests gives up the task that scale-in chooses.
    ScaleIn {
        /// Which request.
        request: usize,
    },
}

/// A call on one instance.
#[derive(Debug, Clone)]
pub enum InstanceCall {
    /// [`Cluster::deregister`].
    Deregister,
    /// [`Cluster::deregister_force`].
    DeregisterForce,
    /// [`Cluster::drain`].
    Drain,
    /// [`Cluster::reactivate`].
    Reactivate,
    /// [`Cluster::connect_agent`].
    ConnectAgent,
    /// [`Cluster::disconnect_agent`].
    DisconnectAgent,
    /// [`Cluster::fail`].
    Fail,
    /// [`Cluster::return_failed`].
    ReturnFailed,
    /// [`Cluster::put_attributes`].
    PutAttributes(Vec<(AttributeName, Option<AttributeValue>)>),
    /// [`Cluster::delete_attributes`].
    DeleteAttributes(Vec<AttributeName>),
    /// [`Cluster::resize`].
    Resize(Resources),
}

/// A call on one task.
#[derive(Debug, Clone, Copy)]
pub enum TaskCall {
    /// [`Cluster::stop`].
    Stop,
    /// [`Cluster::release`].
    Release,
    /// [`Cluster::set_task_status`].
    SetStatus(TaskStatus),
    /// [`Cluster::set_task_health`].
    SetHealth(HealthStatus),
    /// [`Cluster::set_task_protection`].
    SetProtection(bool),
}

impl InstanceCall {
    /// Makes the call.
    ///
    /// # Errors
    /// That of the call.
    pub fn apply(&self, cluster: &mut Cluster, id: InstanceId) -> Result<Vec<Change>, ClusterError> {
        let one = |change: Change| vec![change];
        let any = |change: Option<Change>| change.into_iter().collect();
        match self {
            Self::Deregister => cluster.deregister(id).map(one),
            Self::DeregisterForce => cluster.deregister_force(id),
            Self::Drain => cluster.drain(id).map(any),
            Self::Reactivate => cluster.reactivate(id).map(any),
            Self::ConnectAgent => cluster.connect_agent(id).map(any),
            Self::DisconnectAgent => cluster.disconnect_agent(id).map(any),
            Self::Fail => cluster.fail(id),
            Self::ReturnFailed => cluster.return_failed(id).map(one),
            Self::PutAttributes(attributes) => cluster.put_attributes(id, attributes).map(one),
            Self::DeleteAttributes(names) => cluster.delete_attributes(id, names).map(one),
            Self::Resize(resources) => cluster.resize(id, resources.clone()).map(one),
        }
    }
}

impl TaskCall {
    /// Makes the call.
    ///
    /// # Errors
    /// That of the call.
    pub fn apply(self, cluster: &mut Cluster, id: TaskId) -> Result<Vec<Change>, ClusterError> {
        let any = |change: Option<Change>| change.into_iter().collect();
        match self {
            Self::Stop => cluster.stop(id).map(|change| vec![change]),
            Self::Release => cluster.release(id).map(|change| vec![change]),
            Self::SetStatus(status) => cluster.set_task_status(id, status).map(any),
            Self::SetHealth(health) => cluster.set_task_health(id, health).map(any),
            Self::SetProtection(protected) => cluster.set_task_protection(id, protected).map(any),
        }
    }
}

/// The instance that an index comes to; of an empty cluster one that is not registered.
pub fn nth_instance(cluster: &Cluster, index: usize) -> InstanceId {
    let position = index % cluster.instance_count().max(1);
    cluster.instances().nth(position).map_or(InstanceId::from_number(u64::MAX), |instance| instance.id())
}

/// The task that an index comes to; of a cluster without tasks one that is not alive.
pub fn nth_task(cluster: &Cluster, index: usize) -> TaskId {
    let position = index % cluster.task_count().max(1);
    cluster.tasks().nth(position).map_or(TaskId::from_number(u64::MAX), |task| task.id())
}

/// Any operation; half of them place or start tasks.
pub fn operation() -> BoxedStrategy<Operation> {
    let index = || 0..12usize;
    prop_oneof![
        8 => index().prop_map(|request| Operation::Place { request }),
        2 => (index(), index()).prop_map(|(request, instance)| Operation::StartOn { request, instance }),
        3 => (index(), index()).prop_map(|(request, instance)| Operation::Adopt { request, instance }),
        1 => index().prop_map(|request| Operation::ScaleIn { request }),
        5 => (index(), task_call()).prop_map(|(index, call)| Operation::OnTask(index, call)),
        5 => (index(), instance_call()).prop_map(|(index, call)| Operation::OnInstance(index, call)),
        2 => container_instance().prop_map(|instance| Operation::Register(Box::new(instance))),
    ]
    .boxed()
}

fn task_call() -> BoxedStrategy<TaskCall> {
    use HealthStatus::{Healthy, Unhealthy, Unknown};
    use TaskStatus::{Activating, Pending, Provisioning, Running};
    prop_oneof![
        2 => Just(TaskCall::Stop),
        1 => Just(TaskCall::Release),
        2 => select(vec![Running, Pending, Activating, Provisioning]).prop_map(TaskCall::SetStatus),
        1 => select(vec![Healthy, Unhealthy, Unknown]).prop_map(TaskCall::SetHealth),
        1 => any::<bool>().prop_map(TaskCall::SetProtection),
    ]
    .boxed()
}

fn instance_call() -> BoxedStrategy<InstanceCall> {
    let plain = select(vec![
        InstanceCall::Drain,
        InstanceCall::Reactivate,
        InstanceCall::DisconnectAgent,
        InstanceCall::ConnectAgent,
        InstanceCall::Deregister,
        InstanceCall::Fail,
        InstanceCall::ReturnFailed,
        InstanceCall::DeregisterForce,
    ]);
    let reserved = (AttributeName::instance_type(), None);
    let put = prop::collection::vec(prop_oneof![12 => custom_attribute(), 1 => Just(reserved)], 1..=2);
    let too_many = numbered_attributes(11);
    let many = numbered_attributes(8);
    let delete = prop::collection::vec(custom_attribute().prop_map(|(name, _)| name), 1..=2);
    prop_oneof![
        8 => plain,
        4 => put.prop_map(InstanceCall::PutAttributes),
        2 => delete.prop_map(InstanceCall::DeleteAttributes),
        2 => resources().prop_map(InstanceCall::Resize),
        1 => select(vec![many, too_many]).prop_map(InstanceCall::PutAttributes),
    ]
    .boxed()
}

fn numbered_attributes(count: usize) -> Vec<(AttributeName, Option<AttributeValue>)> {
    let named = |number| (AttributeName::new(&format!("more-{number}")).expect("a plain name is valid"), None);
    (0..count).map(named).collect()
}
