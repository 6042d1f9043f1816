//! Waiting tasks get their turn: passes over all that wait, the oldest first, until one places nothing.
//!
//! A request that finds no instance finds none for its later copies either, because placements only take room; so each
//! pass asks once a request, but for requests whose expressions look at tasks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use scheduler_core::{
    Cause, Change, Check, Cluster, ContainerInstance, InstanceId, InstanceStatus, InstanceView, ReleaseOn, TaskId,
};

use super::capacity::Changed;
use super::requests::RequestId;
use super::tasks::Start;
use super::waiting::{Entry, Withdrawn, copies};
use super::{RunError, Simulation};
use crate::outcome::{Copies, Fate, Origin, Outcome, StoppedWhy};

/// What is needed to tell the reason of the last refusal of tasks that wait, without asking after each turn: how the
/// cluster has changed since.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Of requests that do not look at tasks, and of those that do.
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    round: u64,
    undo: Vec<Undo>,
}

/// How to take back a change that made no room.
#[derive(Debug, Clone)]
enum Undo {
    Stop(TaskId),
    Reactivate(InstanceId),
    ConnectAgent(InstanceId),
    Return(InstanceId),
    /// The instance that left, without tasks, and whether it was ACTIVE and its agent connected.
    Register(Box<ContainerInstance>, bool, bool),
}

impl Memory {
    pub(super) fn round(&self, reads_tasks: bool) -> u64 {
        self.sides[usize::from(reads_tasks)].round
    }

    /// All waiting requests of a side had their turn.
    fn turn_is_over(&mut self, reads_tasks: bool) {
        let side = &mut self.sides[usize::from(reads_tasks)];
        side.round += 1;
        side.undo.clear();
    }

    pub(super) fn remember(&mut self, change: &Change) {
        let instance = change.instance;
        let undo = match change.cause {
            Cause::Started => change.task_id().map(Undo::Stop),
            Cause::StatusChanged if change.after.is_some_and(|after| after.status == InstanceStatus::Draining) => {
                Some(Undo::Reactivate(instance))
            }
            Cause::AgentChanged if change.after.is_some_and(|after| !after.agent_connected) => {
                Some(Undo::ConnectAgent(instance))
            }
            Cause::Failed => Some(Undo::Return(instance)),
            _ => None,
        };
        if let Some(undo) = undo {
            self.sides.iter_mut().for_each(|side| side.undo.push(undo.clone()));
        }
    }

    /// An instance is about to leave for good.
    pub(super) fn remember_departure(&mut self, instance: &InstanceView<'_>) {
        let undo = Undo::Register(
            Box::new(instance.description().clone()),
            instance.status() == InstanceStatus::Active,
            instance.agent_connected(),
        );
        self.sides.iter_mut().for_each(|side| side.undo.push(undo.clone()));
    }

    /// The cluster as it was at the end of the last turn; `None`: as it is now.
    fn last_turn(&self, reads_tasks: bool, now: &Cluster) -> Option<Cluster> {
        let undo = &self.sides[usize::from(reads_tasks)].undo;
        if undo.is_empty() {
            return None;
        }
        let mut then = now.fork();
        for undo in undo.iter().rev() {
            // What cannot be taken back has gone by itself.
            match undo {
                Undo::Stop(task) => {
                    let is_stopped = then.stop(*task).is_ok();
                    if is_stopped && then.release_on() == ReleaseOn::LastStopped {
                        drop(then.release(*task));
                    }
                }
                Undo::Reactivate(instance) => drop(then.reactivate(*instance)),
                Undo::ConnectAgent(instance) => drop(then.connect_agent(*instance)),
                Undo::Return(instance) => drop(then.return_failed(*instance)),
                Undo::Register(description, is_active, is_connected) => {
                    if let Ok(change) = then.register(ContainerInstance::clone(description)) {
                        drop(if *is_active { then.reactivate(change.instance) } else { then.drain(change.instance) });
                        drop(if *is_connected {
                            then.connect_agent(change.instance)
                        } else {
                            then.disconnect_agent(change.instance)
                        });
                    }
                }
            }
        }
        Some(then)
    }
}

impl Simulation<'_> {
    /// Tries the waiting tasks again.
    ///
    /// The placements are added to what changed, for the services, whose turn is next.
    pub(super) fn retry_waiting(&mut self, changed: &mut Changed) -> Result<(), RunError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut is_any_placed = false;
        let mut requests = self.who_may_fit(changed, false);
        while !requests.is_empty() && self.pass(&requests)? {
            is_any_placed = true;
            // Only requests that look at tasks can have gained by the placements of the pass.
            let placed = self.triggers.take();
            requests = self.who_may_fit(&placed, true);
            changed.placed.extend(placed.placed);
        }
        for reads_tasks in [false, true] {
            if changed.concerns(reads_tasks) || is_any_placed {
                self.memory.turn_is_over(reads_tasks);
            }
        }
        Ok(())
    }

    fn who_may_fit(&mut self, changed: &Changed, readers_only: bool) -> Vec<RequestId> {
        let Self { requests, cluster, waiting, .. } = self;
        let may_fit = |id: &RequestId| {
            let prepared = requests.get_mut(*id);
            let reads_tasks = prepared.reads_tasks;
            (reads_tasks || !readers_only) && changed.may_fit(cluster, prepared.request(), reads_tasks)
        };
        waiting.requests().filter(may_fit).collect()
    }

    /// One pass over the copies of some requests in the order of their arrival; whether one was placed.
    fn pass(&mut self, requests: &[RequestId]) -> Result<bool, RunError> {
        let heads = requests.iter().filter_map(|id| self.waiting.first_from(*id, 0).map(|entry| (entry.arrival, *id)));
        let mut order: BinaryHeap<_> = heads.map(Reverse).collect();
        let mut parked: Vec<RequestId> = Vec::new();
        let mut is_any_placed = false;
        while let Some(Reverse((arrival, id))) = order.pop() {
            let (placed, is_done) = self.place_copies(id, arrival)?;
            let next = arrival + 1;
            if is_done {
                order.extend(self.waiting.first_from(id, next).map(|entry| Reverse((entry.arrival, id))));
            }
            if placed > 0 {
                is_any_placed = true;
                for id in parked.drain(..) {
                    order.extend(self.waiting.first_from(id, next).map(|entry| Reverse((entry.arrival, id))));
                }
            }
            if !is_done && self.requests.get_mut(id).reads_tasks {
                parked.push(id);
            }
        }
        Ok(is_any_placed)
    }

    /// Places copies of one entry until one finds no instance: how many were placed, and whether all were.
    fn place_copies(&mut self, id: RequestId, arrival: u64) -> Result<(u64, bool), RunError> {
        let mut placed = 0;
        loop {
            let Some(entry) = self.waiting.first_from(id, arrival).filter(|entry| entry.arrival == arrival) else {
                return Ok((placed, true));
            };
            let Some(number) = entry.front() else { return Ok((placed, true)) };
            let name = entry.names.as_ref().map(|names| names.name(number));
            let start = Start {
                event: Some(entry.event),
                origin: Origin::RunTask,
                wanted_at_ms: entry.wanted_at_ms,
                duration_ms: entry.duration_ms,
                service: None,
                has_waited: true,
                why: None,
            };
            let prepared = &mut self.requests.get_mut(id).placer;
            self.statistics.count_decision(prepared);
            let placement = prepared.place(&self.cluster, &mut self.draw);
            if self.probe.is_some() {
                let request = Arc::clone(self.requests.get_mut(id).request());
                self.look(|task| name.as_deref() == Some(task), &request, placement.as_ref(), start.event);
            }
            let Some(placement) = placement else {
                return Ok((placed, false));
            };
            self.waiting.pop_copy(id, arrival);
            let (event, at_ms) = (start.event.unwrap_or_default(), self.now_ms);
            self.start(placement, name.as_ref(), start).map_err(|error| RunError::Later {
                event,
                at_ms,
                cause: Box::new(error.into()),
            })?;
            placed += 1;
        }
    }

    /// A waiting task leaves the queue. Whether one of that name waited.
    pub(super) fn withdraw(&mut self, name: &str, event: u64, why: StoppedWhy) -> bool {
        let Some(Withdrawn { request, group, first_reason, round }) = self.waiting.withdraw(name) else {
            return false;
        };
        let mut reasons = Reasons::default();
        let reason = Some(self.last_reason(&mut reasons, request, first_reason, round));
        let fate = Fate::Withdrawn { reason, why };
        let copies = Copies::One(name);
        self.tell(&Outcome { event: Some(event), copies, group: &group, origin: Origin::RunTask, fate });
        true
    }

    /// The reason of a copy's last refusal: when it came, or at the last turn.
    fn last_reason(
        &mut self,
        reasons: &mut Reasons,
        id: RequestId,
        first_reason: &'static str,
        round: u64,
    ) -> &'static str {
        let Self { requests, memory, cluster, .. } = self;
        let prepared = requests.get_mut(id);
        let reads_tasks = prepared.reads_tasks;
        if round == memory.round(reads_tasks) {
            return first_reason;
        }
        if let Some((_, reason)) = reasons.known.iter().find(|(known, _)| *known == id) {
            return reason;
        }
        let then = &*reasons.clusters[usize::from(reads_tasks)].get_or_insert_with(|| {
            memory.last_turn(reads_tasks, cluster).map_or(Then::Now, |then| Then::Other(Box::new(then)))
        });
        let then = match then {
            Then::Now => &*cluster,
            Then::Other(then) => then,
        };
        let reason = prepared.placer.reason(then).map_or(first_reason, Check::reason);
        reasons.known.push((id, reason));
        reason
    }

    /// The run ends: what waits is still wanted.
    pub(super) fn leave_waiting(&mut self) {
        let mut reasons = Reasons::default();
        for (id, entry) in std::mem::take(&mut self.waiting).into_entries() {
            let reason = Some(self.last_reason(&mut reasons, id, entry.first_reason, entry.round));
            self.tell_left(&entry, Fate::StillWanted { reason });
        }
    }

    fn tell_left(&mut self, entry: &Entry, fate: Fate<'_>) {
        for range in entry.ranges() {
            let copies = copies(entry.names.as_ref(), range.start, range.end - range.start);
            let origin = Origin::RunTask;
            self.tell(&Outcome { event: Some(entry.event), copies, group: &entry.group, origin, fate });
        }
    }
}

/// Reasons found out so far, and the clusters that they were asked of.
#[derive(Default)]
struct Reasons {
    known: Vec<(RequestId, &'static str)>,
    clusters: [Option<Then>; 2],
}

/// The cluster at the end of the last turn.
enum Then {
    /// As it is now.
    Now,
    /// Another one.
    Other(Box<Cluster>),
}
