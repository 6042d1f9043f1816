//! Room: how many more tasks of one request fit, on each instance, and what ends it.

use std::collections::BTreeSet;

use super::check::{Check, Checker, FailedCheck, member_of};
use super::constraint::PlacementConstraint;
use super::request::PlacementRequest;
use crate::cluster::{Cluster, InstanceId, InstanceView};
use crate::expression::{Argument, Expression, InstanceFacts, Node, Subject};
use crate::model::{AttributeLookup, AttributeName, GpuDemand, RESERVED_PORT_LIMIT};

/// How many more tasks of one request an instance takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The instance.
    pub instance: InstanceId,
    /// How many more tasks fit; `None`: nothing limits them (a request without any demand).
    pub tasks: Option<u32>,
    /// The check that the task after those would fail; `None` where nothing limits.
    pub limited_by: Option<Check>,
}

impl Cluster {
    /// How many more tasks of a request each present instance takes, in registration order. What one instance takes
    /// does not depend on what the others do, so the numbers add up.
    ///
    /// Custom constraints are asked about the next task only and taken to hold for those after it.
    pub fn room_for<'a>(&'a self, request: &'a PlacementRequest) -> impl Iterator<Item = Room> + 'a {
        let checker = Checker::new(self, request);
        self.instances().filter(InstanceView::is_present).map(move |instance| {
            let (tasks, limited_by) = match checker.first_failure(instance.slot).as_ref().map(FailedCheck::check) {
                Some(check) => (Some(0), Some(check)),
                None => room_on(&instance, request),
            };
            Room { instance: instance.id(), tasks, limited_by }
        })
    }

    /// How many more tasks of a request fit in all; `None`: nothing limits them.
    pub fn total_room_for(&self, request: &PlacementRequest) -> Option<u64> {
        self.room_for(request).map(|room| room.tasks.map(u64::from)).sum()
    }
}

/// Room on an instance that takes at least one.
fn room_on(instance: &InstanceView<'_>, request: &PlacementRequest) -> (Option<u32>, Option<Check>) {
    let demand = request.demand();
    let remaining = instance.remaining();
    let mut limits: Vec<(u32, Check)> = Vec::new();
    limits.extend(remaining.cpu_units.checked_div(demand.cpu_units).map(|room| (room, Check::Cpu)));
    limits.extend(remaining.memory_mib.checked_div(demand.memory_mib).map(|room| (room, Check::Memory)));
    if !demand.host_ports.is_empty() {
        debug_assert!(demand.host_ports.len() <= RESERVED_PORT_LIMIT as usize);
        limits.push((1, Check::Ports));
    }
    match demand.gpus {
        GpuDemand::Count(count) => {
            limits.extend(instance.free_gpus().len().checked_div(count).map(|room| (room, Check::Gpu)));
        }
        GpuDemand::All => limits.push((1, Check::Gpu)),
        GpuDemand::Share(milli) => {
            // Each GPU takes as many as go into what is left of it, whichever is chosen first.
            let room = instance.free_gpu_millis().map(|left| left / u32::from(milli)).sum();
            limits.push((room, Check::Gpu));
        }
    }
    if demand.needs_eni {
        limits.extend(instance.remaining_enis().map(|room| (room, Check::Eni)));
    }
    let running = instance.group_count(request.group());
    for constraint in request.all_constraints() {
        match constraint {
            PlacementConstraint::DistinctInstance => limits.push((1, Check::DistinctInstance)),
            PlacementConstraint::MaxTasksPerInstance(limit) => {
                limits.push((limit.get().saturating_sub(running), Check::MaxTasksPerInstance));
            }
            PlacementConstraint::MemberOf(_) | PlacementConstraint::Custom(_) => {}
        }
    }
    let live: Vec<_> = member_of(request).filter(|expression| expression.reads_tasks()).collect();
    if !live.is_empty() {
        limits.extend(first_unmatched(instance, request, &live).map(|room| (room, Check::MemberOf)));
    }
    match limits.into_iter().min() {
        Some((room, check)) => (Some(room), Some(check)),
        None => (None, None),
    }
}

/// The least number of further tasks after which one of the expressions is false.
///
/// An expression's truth changes only where `runningTasksCount` passes a number that it names, or with the first task.
fn first_unmatched(instance: &InstanceView<'_>, request: &PlacementRequest, live: &[&Expression]) -> Option<u32> {
    let running = instance.running_tasks_count();
    let mut turning_points = BTreeSet::from([1]);
    for expression in live {
        collect_turning_points(expression.root(), running, &mut turning_points);
    }
    turning_points.into_iter().find(|more| {
        let after = After { instance, more: *more, group: request.group().as_str() };
        !live.iter().all(|expression| expression.matches(&after))
    })
}

fn collect_turning_points(node: &Node, running: u32, points: &mut BTreeSet<u32>) {
    match node {
        Node::Or(nodes) | Node::And(nodes) => {
            for node in nodes {
                collect_turning_points(node, running, points);
            }
        }
        Node::Not(node) => collect_turning_points(node, running, points),
        Node::Comparison(comparison) => {
            if let (Subject::RunningTasksCount, Argument::Count(number)) = (&comparison.subject, &comparison.argument) {
                for count in [i128::from(*number), i128::from(*number) + 1] {
                    if let Ok(more) = u32::try_from(count - i128::from(running)) {
                        points.insert(more.max(1));
                    }
                }
            }
        }
    }
}

/// An instance as it would be with some more tasks of a group.
struct After<'a> {
    instance: &'a InstanceView<'a>,
    more: u32,
    group: &'a str,
}

impl InstanceFacts for After<'_> {
    fn ec2_instance_id(&self) -> &str {
        self.instance.ec2_instance_id()
    }

    fn attribute(&self, name: &AttributeName) -> AttributeLookup<'_> {
        self.instance.attribute(name)
    }

    fn agent_connected(&self) -> bool {
        self.instance.agent_connected()
    }

    fn agent_version(&self) -> &str {
        self.instance.agent_version()
    }

    fn registered_at_ms(&self) -> i64 {
        self.instance.registered_at_ms()
    }

    fn running_tasks_count(&self) -> u64 {
        u64::from(self.instance.running_tasks_count()) + u64::from(self.more)
    }

    fn any_task_group(&self, test: &mut dyn FnMut(&str) -> bool) -> bool {
        (self.more > 0 && test(self.group)) || self.instance.any_task_group(test)
    }
}
