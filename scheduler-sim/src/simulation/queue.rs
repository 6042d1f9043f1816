//! Waiting tasks get their turn: passes over all that wait, the oldest first, until one places nothing.
//!
//! Who waits is woken by the instances that have room: only where what remains on one of those that changed is enough,
//! placement is asked. A request that finds no instance finds none for its later copies either, nor for others with the
//! same need, because placements only take room; so each pass asks once a need, but for those that look at tasks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{
    Cause, Change, Check, Cluster, ContainerInstance, InstanceId, InstanceStatus, InstanceView, ReleaseOn, TaskId,
};

use super::capacity::{Changed, Rooms};
use super::requests::{Need, NeedId, RequestId};
use super::tasks::Start;
use super::waiting::{Entry, Withdrawn, copies};
use super::{RunError, Simulation};
use crate::outcome::{Copies, Fate, Origin, Outcome, StoppedWhy};

/// What is needed to tell the reason of the last refusal of tasks that wait, without asking after each turn: how the
/// cluster has changed since.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// Of requests that do not look at tasks, and of those that do.
    sides: [Side; 2],
}

#[derive(Debug, Clone, Default)]
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
    /// The placements are added to what changed, for the REPLICA services, whose turn is next; DAEMON services see them, and
    /// what they freed themselves, in the next round.
    pub(super) fn retry_waiting(&mut self, changed: &mut Changed) -> Result<(), RunError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let is_any_placed = self.pass(changed, false)?;
        let mut is_next_wanted = is_any_placed;
        let mut later = Changed::default();
        while is_next_wanted {
            // Only requests that look at tasks can have gained by the placements of the pass.
            let placed = self.triggers.take();
            is_next_wanted = self.pass(&placed, true)?;
            changed.add_placed(&placed);
            later.add(&placed);
        }
        self.triggers.add(&later);
        for reads_tasks in [false, true] {
            if changed.concerns(reads_tasks) || is_any_placed {
                self.memory.turn_is_over(reads_tasks);
            }
        }
        Ok(())
    }

    /// One pass over the copies that one of the changed instances may take, in the order of their arrival; whether one
    /// was placed.
    fn pass(&mut self, changed: &Changed, readers_only: bool) -> Result<bool, RunError> {
        let mut rooms = [false, true].map(|reads_tasks| changed.rooms(&self.cluster, reads_tasks));
        let hold = |rooms: &[Rooms; 2], need: &Need| {
            rooms[usize::from(need.reads_tasks)].hold(need.cpu_units, need.memory_mib)
        };
        let may_fit = |(need, _): &(Need, u64)| (need.reads_tasks || !readers_only) && hold(&rooms, need);
        let heads = self.waiting.needs().filter(may_fit).map(|(need, arrival)| Reverse((arrival, need)));
        let mut order: BinaryHeap<_> = heads.collect();
        let mut parked: Vec<Need> = Vec::new();
        let mut is_any_placed = false;
        while let Some(Reverse((arrival, need))) = order.pop() {
            if !need.reads_tasks && !hold(&rooms, &need) {
                // Others took the room.
                continue;
            }
            let (placed, is_done) = self.place_copies(need.id, arrival)?;
            let next = arrival + 1;
            let following =
                |need: Need| self.waiting.first_from(need.id, next).map(|entry| Reverse((entry.arrival, need)));
            if is_done {
                order.extend(following(need));
            }
            if placed > 0 {
                is_any_placed = true;
                rooms = [false, true].map(|reads_tasks| changed.rooms(&self.cluster, reads_tasks));
                order.extend(parked.drain(..).filter_map(following));
            }
            if !is_done && need.reads_tasks {
                parked.push(need);
            }
        }
        Ok(is_any_placed)
    }

    /// Places copies of one entry until one finds no instance: how many were placed, and whether all were.
    fn place_copies(&mut self, need: NeedId, arrival: u64) -> Result<(u64, bool), RunError> {
        let mut placed = 0;
        loop {
            let Some(entry) = self.waiting.first_from(need, arrival).filter(|entry| entry.arrival == arrival) else {
                return Ok((placed, true));
            };
            let id = entry.request;
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
                let prepared = &self.requests.get_mut(id).placer;
                let (request, execution) = (Arc::clone(prepared.request()), Some(prepared.execution()));
                let is_task = |task: &str| name.as_deref() == Some(task);
                self.look(is_task, &request, placement.as_ref(), execution, start.event);
            }
            let Some(placement) = placement else {
                return Ok((placed, false));
            };
            self.waiting.pop_copy(need, arrival);
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
        let reads_tasks = requests.get_mut(id).reads_tasks;
        if round == memory.round(reads_tasks) {
            return first_reason;
        }
        let need = requests.need(id).id;
        if let Some(reason) = reasons.known.get(&need) {
            return reason;
        }
        let prepared = requests.get_mut(id);
        let then = &*reasons.clusters[usize::from(reads_tasks)].get_or_insert_with(|| {
            memory.last_turn(reads_tasks, cluster).map_or(Then::Now, |then| Then::Other(Box::new(then)))
        });
        let then = match then {
            Then::Now => &*cluster,
            Then::Other(then) => then,
        };
        let reason = prepared.placer.reason(then).map_or(first_reason, Check::reason);
        reasons.known.insert(need, reason);
        reason
    }

    /// The run ends: what waits is still wanted.
    pub(super) fn leave_waiting(&mut self) {
        let mut reasons = Reasons::default();
        for entry in std::mem::take(&mut self.waiting).into_entries() {
            let reason = Some(self.last_reason(&mut reasons, entry.request, entry.first_reason, entry.round));
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
    known: FxHashMap<NeedId, &'static str>,
    clusters: [Option<Then>; 2],
}

/// The cluster at the end of the last turn.
enum Then {
    /// As it is now.
    Now,
    /// Another one.
    Other(Box<Cluster>),
}
