//! Which task scale-in stops, by section 9.5.

use std::cmp::Reverse;

use scheduler_core::{
    BinpackField, Draw, DrawPurpose, HealthStatus, PlacementRequest, PlacementStrategy, TaskId, TaskStatus, TieBreak,
};

use super::cluster::{Instance, Reference, Task};
use super::placement::{Rules, least, zone_headroom};

type Candidate<'a> = (&'a Instance, &'a Task);

/// The task that goes first, or none that may go.
///
/// # Panics
/// If a rule is the embedder's own.
pub fn choose_stop(
    cluster: &Reference,
    request: &PlacementRequest,
    rules: &Rules,
    draw: &mut dyn Draw,
) -> Option<TaskId> {
    let all: Vec<Candidate<'_>> = cluster.tasks();
    let may_stop =
        |(_, task): &&Candidate<'_>| task.should_run() && task.spec.group == *request.group() && !task.protected;
    let left: Vec<&Candidate<'_>> = all.iter().filter(may_stop).collect();
    // C-59, before everything else.
    let mut left = least(&left, |(instance, task)| {
        if task.status != TaskStatus::Running {
            0
        } else if task.health == HealthStatus::Unhealthy {
            1
        } else if !instance.active {
            2
        } else {
            3
        }
    });
    match rules.chain(request) {
        // C-66.
        None => {
            left = least(&left, |(instance, _)| zone_headroom(cluster, instance.zone(), request));
            left = least(&left, |(instance, _)| cluster.headroom(instance));
            left = least(&left, |(instance, _)| Reverse(instance.id));
        }
        Some(chain) => {
            for rule in &chain {
                left = match rule {
                    PlacementStrategy::Random => any(&left, draw),
                    PlacementStrategy::Spread(field) => {
                        least(&left, |(instance, _)| Reverse(rules.spread_count(cluster, instance, field, request)))
                    }
                    PlacementStrategy::Binpack(BinpackField::Cpu) => least(&left, |(instance, task)| {
                        Reverse(instance.remaining_cpu() + i64::from(task.spec.demand.cpu_units))
                    }),
                    PlacementStrategy::Binpack(BinpackField::Memory) => least(&left, |(instance, task)| {
                        Reverse(instance.remaining_memory() + i64::from(task.spec.demand.memory_mib))
                    }),
                    PlacementStrategy::Custom(policy) => panic!("the reference knows no policy `{}`", policy.name()),
                };
            }
            left = settle(cluster, rules.tie_break, left, draw);
        }
    }
    left.iter().map(|(_, task)| task.id).max()
}

/// C-60: the tie-break backwards between instances, then the task placed last.
fn settle<'a>(
    cluster: &Reference,
    tie_break: TieBreak,
    left: Vec<&'a Candidate<'a>>,
    draw: &mut dyn Draw,
) -> Vec<&'a Candidate<'a>> {
    match tie_break {
        TieBreak::Headroom => {
            let least_headroom = least(&left, |(instance, _)| cluster.headroom(instance));
            least(&least_headroom, |(instance, _)| Reverse(instance.id))
        }
        TieBreak::Stable => least(&left, |(instance, _)| Reverse(instance.id)),
        TieBreak::Random => {
            let holds_one = |instance: &&Instance| left.iter().any(|(holder, _)| holder.id == instance.id);
            let instances: Vec<_> = cluster.instances.iter().filter(holds_one).map(|instance| instance.id).collect();
            let chosen = match instances.as_slice() {
                [] => return left,
                [only] => *only,
                several => several[draw.draw(DrawPurpose::ScaleIn, several.len() as u32) as usize],
            };
            let on_chosen: Vec<_> = left.into_iter().filter(|(instance, _)| instance.id == chosen).collect();
            any(&on_chosen, draw)
        }
    }
}

/// One task, by position in the order of their starts.
fn any<'a>(left: &[&'a Candidate<'a>], draw: &mut dyn Draw) -> Vec<&'a Candidate<'a>> {
    match left {
        [] | [_] => left.to_vec(),
        several => vec![several[draw.draw(DrawPurpose::ScaleIn, several.len() as u32) as usize]],
    }
}
