//! Class 4: one standalone task goes from one instance to another, after which the task fits.
//!
//! A move is a stop and a StartTask under the same name for the time that is left; a service's task cannot be moved so,
//! because its service starts another one. The smallest task comes first (its CPU, memory and GPUs as shares of the largest
//! instance present), then the one on the instance that registered first, then the one placed first; it goes to the first
//! registered instance that may hold it, by its own constraints too, and with which the task is placed.

use std::ops::ControlFlow;
use std::sync::Arc;

use scheduler_core::{Cluster, InstanceId, InstanceView, Placement, PlacementRequest, ReleaseOn, TaskKind};

use super::change::Change;
use super::free::{Holder, short_instances};
use super::search::{Scale, Search};
use crate::simulation::Addition;
use crate::trace::{Action, StopTask};

pub(super) fn search(search: &mut Search<'_, '_>) -> ControlFlow<()> {
    let refusal = search.refusal;
    let halted = refusal.halted;
    let cluster = halted.cluster();
    let mut movable: Vec<(InstanceView<'_>, Holder<'_>)> = Vec::new();
    for short in short_instances(refusal, Scale::of(cluster)) {
        let tasks = short.tasks.iter().enumerate().filter(|(index, _)| short.is_enough(refusal, &[*index]));
        let tasks = tasks.filter(|(_, holder)| !holder.is_of_service && holder.task.spec().kind != TaskKind::Daemon);
        movable.extend(tasks.map(|(_, holder)| (short.instance, holder.clone())));
    }
    if movable.is_empty() {
        return ControlFlow::Continue(());
    }
    movable.sort_by_key(|(from, holder)| (holder.size, from.id(), holder.task.id()));
    search.spend()?;
    let mut scratch = cluster.fork();
    let ends = halted.ends();
    for (from, holder) in movable {
        let Some(standing) = halted.task(holder.task.id()) else { continue };
        let request = standing.request;
        let duration_ms = ends.get(&holder.task.id()).map(|end_ms| halted.duration_to(*end_ms));
        let name: Arc<str> = holder.name.into();
        for to in cluster.instances().filter(|to| to.id() != from.id() && has_room(to, &request)) {
            if !may_hold(&mut scratch, to.id(), &request) {
                continue;
            }
            let change = Change::Move {
                task: Arc::clone(&name),
                from: from.name().to_owned(),
                to: to.name().to_owned(),
                definition: request.spec().definition.clone(),
                group: request.group().to_string(),
                duration_ms,
            };
            let additions = [
                Addition::Event(Action::StopTask(StopTask::Task(Arc::clone(&name)))),
                Addition::StartAgain {
                    name: Arc::clone(&name),
                    request: Arc::clone(&request),
                    on: to.id(),
                    duration_ms,
                },
            ];
            if search.offer(change, &additions)? {
                break;
            }
        }
    }
    ControlFlow::Continue(())
}

/// The cheap checks.
fn has_room(to: &InstanceView<'_>, request: &PlacementRequest) -> bool {
    let (remaining, demand) = (to.remaining(), request.demand());
    to.is_open() && demand.cpu_units <= remaining.cpu_units && demand.memory_mib <= remaining.memory_mib
}

/// Whether an instance passes all checks of a request. The task starts there and is stopped again.
fn may_hold(scratch: &mut Cluster, to: InstanceId, request: &Arc<PlacementRequest>) -> bool {
    let Ok(change) = scratch.start(&Placement::run_task_on(to, Arc::clone(request))) else { return false };
    if let Some(task) = change.task_id() {
        drop(scratch.stop(task));
        if scratch.release_on() == ReleaseOn::LastStopped {
            drop(scratch.release(task));
        }
    }
    true
}
