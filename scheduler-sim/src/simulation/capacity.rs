//! What changed for those who wait: the instances on which something may fit now that did not before.

use scheduler_core::{Cause, Change, Cluster, InstanceId, InstanceStatus, InstanceView, PlacementRequest};

/// So many changed instances are looked at one by one; with more, placement itself is asked.
const LOOK_LIMIT: usize = 32;

/// Instances that changed since those who wait had their last turn.
#[derive(Debug, Clone, Default)]
pub(super) struct Triggers(Changed);

/// Instances by the way in which they changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Changed {
    /// A task ended or was stopped or lost there; it registered, returned or became ACTIVE; its agent connected; its
    /// attributes changed.
    pub(super) freed: Vec<InstanceId>,
    /// A task was placed there: that may make room for requests whose expressions look at tasks, or call a daemon.
    pub(super) placed: Vec<InstanceId>,
    /// It joined, returned, failed or left, or its status, agent or attributes changed: daemons and balanced services
    /// look at it.
    pub(super) instances: Vec<InstanceId>,
    /// The version of the cluster after the last of `freed`.
    freed_at: u64,
    /// The version of the cluster after the last of `placed`.
    placed_at: u64,
}

impl Triggers {
    pub(super) fn is_pending(&self) -> bool {
        !self.0.freed.is_empty() || !self.0.placed.is_empty() || !self.0.instances.is_empty()
    }

    pub(super) fn clear(&mut self) {
        let Changed { freed, placed, instances, .. } = &mut self.0;
        [freed, placed, instances].into_iter().for_each(Vec::clear);
    }

    pub(super) fn take(&mut self) -> Changed {
        std::mem::take(&mut self.0)
    }

    /// Lets the next turn see these, too.
    pub(super) fn add(&mut self, changed: &Changed) {
        self.0.add(changed);
    }

    /// As [`Changed::may_fit`], of what has changed since.
    pub(super) fn may_fit(&self, cluster: &Cluster, request: &PlacementRequest, reads_tasks: bool) -> bool {
        self.0.may_fit(cluster, request, reads_tasks)
    }

    /// Takes note of a change that made this version of the cluster.
    pub(super) fn note(&mut self, change: &Change, version: u64) {
        let is_of_instance = matches!(
            change.cause,
            Cause::Registered(_)
                | Cause::Returned(_)
                | Cause::Failed
                | Cause::Deregistered
                | Cause::StatusChanged
                | Cause::AgentChanged
                | Cause::AttributesChanged(_)
        );
        if is_of_instance {
            push(&mut self.0.instances, change.instance);
        }
        let is_active = change.after.is_some_and(|totals| totals.status == InstanceStatus::Active);
        let is_connected = change.after.is_some_and(|totals| totals.agent_connected);
        let (list, changed_at) = match change.cause {
            Cause::Stopped
            | Cause::Lost
            | Cause::Released
            | Cause::Registered(_)
            | Cause::Returned(_)
            | Cause::AttributesChanged(_)
            | Cause::Resized => (&mut self.0.freed, &mut self.0.freed_at),
            Cause::StatusChanged if is_active => (&mut self.0.freed, &mut self.0.freed_at),
            Cause::AgentChanged if is_connected => (&mut self.0.freed, &mut self.0.freed_at),
            Cause::Started => (&mut self.0.placed, &mut self.0.placed_at),
            _ => return,
        };
        push(list, change.instance);
        *changed_at = version;
    }
}

/// Beyond the limit one more is enough to tell that there are many.
fn push(list: &mut Vec<InstanceId>, instance: InstanceId) {
    if list.last() != Some(&instance) && list.len() <= LOOK_LIMIT {
        list.push(instance);
    }
}

impl Changed {
    /// Adds the instances on which tasks were placed later.
    pub(super) fn add_placed(&mut self, later: &Self) {
        later.placed.iter().for_each(|id| push(&mut self.placed, *id));
        self.placed_at = self.placed_at.max(later.placed_at);
    }

    /// Adds all that changed later.
    pub(super) fn add(&mut self, later: &Self) {
        later.freed.iter().for_each(|id| push(&mut self.freed, *id));
        later.instances.iter().for_each(|id| push(&mut self.instances, *id));
        self.freed_at = self.freed_at.max(later.freed_at);
        self.add_placed(later);
    }

    /// Whether the request counts as tried again.
    pub(super) fn concerns(&self, reads_tasks: bool) -> bool {
        !self.freed.is_empty() || (reads_tasks && !self.placed.is_empty())
    }

    /// Whether a request that was refused at this version of the cluster is tried again.
    pub(super) fn concerns_refused_at(&self, version: u64, reads_tasks: bool) -> bool {
        self.freed_at > version || (reads_tasks && self.placed_at > version)
    }

    /// The instances at which a daemon looks; `None`: so many changed that not all of them are listed.
    pub(super) fn for_daemons(&self, reads_tasks: bool) -> Option<impl Iterator<Item = InstanceId>> {
        let placed = if reads_tasks { self.placed.as_slice() } else { &[] };
        let lists = [self.instances.as_slice(), &self.freed, placed];
        let are_listed = lists.iter().all(|list| list.len() <= LOOK_LIMIT);
        are_listed.then(|| lists.into_iter().flatten().copied())
    }

    /// Whether one of the changed instances may take the request now: never false where one does.
    pub(super) fn may_fit(&self, cluster: &Cluster, request: &PlacementRequest, reads_tasks: bool) -> bool {
        self.rooms(cluster, reads_tasks).hold(request.demand().cpu_units, request.demand().memory_mib)
    }

    /// What remains now on the instances that changed.
    pub(super) fn rooms(&self, cluster: &Cluster, reads_tasks: bool) -> Rooms {
        let placed = if reads_tasks { self.placed.as_slice() } else { &[] };
        if self.freed.len() > LOOK_LIMIT || placed.len() > LOOK_LIMIT {
            return Rooms { may_be_anywhere: true, remaining: Vec::new() };
        }
        let changed = self.freed.iter().chain(placed).filter_map(|id| cluster.instance(*id));
        let open = changed.filter(InstanceView::is_open).map(|instance| instance.remaining());
        let remaining = open.map(|remaining| (remaining.cpu_units, remaining.memory_mib)).collect();
        Rooms { may_be_anywhere: false, remaining }
    }
}

/// CPU units and MiB that remain on some instances: the cheap checks, which must hold for one of them to take a task.
#[derive(Debug)]
pub(super) struct Rooms {
    /// There are too many to list.
    may_be_anywhere: bool,
    remaining: Vec<(u32, u32)>,
}

impl Rooms {
    /// Whether one of them has as much.
    pub(super) fn hold(&self, cpu_units: u32, memory_mib: u32) -> bool {
        self.may_be_anywhere || self.remaining.iter().any(|(cpu, memory)| cpu_units <= *cpu && memory_mib <= *memory)
    }
}
