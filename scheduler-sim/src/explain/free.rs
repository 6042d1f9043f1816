//! Class 3: tasks of one instance stop, so that it has what it lacks.
//!
//! The instance that lacks least comes first: by what it lacks of CPU, memory and GPUs, as shares of the largest instance
//! present, then by how many other things are in the way (ports, interfaces, tasks of the group, expressions), then the one
//! that registered first. On each as few tasks stop as can be found: one that is enough, two that are, else the largest
//! until it is enough, without those that turn out not to be needed; of several ways the one that stops the least, and rather
//! no task of a service, because that starts another. Where others take the freed place first, each other one and two that
//! are enough are tried if the instance has few, and then more tasks stop, unless not even all of them are enough.

use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::sync::Arc;

use scheduler_core::{
    Amounts, DesiredStatus, FailedCheck, GPU_MILLI, GpuDemand, InstanceExplanation, InstanceView, TaskView,
};

use super::change::{Change, Freed};
use super::search::{Refusal, Scale, Search};
use crate::simulation::Addition;
use crate::trace::{Action, StopTask};

/// Pairs of tasks are looked at where an instance has no more than this.
const PAIRS_LIMIT: usize = 256;

/// Where others take what is freed, each task and each pair is tried on an instance that has no more than this.
const EACH_LIMIT: usize = 8;

/// An instance that could hold the task if tasks of it stopped.
pub(super) struct Short<'a> {
    pub(super) instance: InstanceView<'a>,
    lack: Freed,
    /// Its tasks that may stop, in order of placement.
    pub(super) tasks: Vec<Holder<'a>>,
}

/// A task that holds something.
#[derive(Clone)]
pub(super) struct Holder<'a> {
    pub(super) task: TaskView<'a>,
    pub(super) name: &'a str,
    pub(super) is_of_service: bool,
    pub(super) size: u64,
}

pub(super) fn search(search: &mut Search<'_, '_>) -> ControlFlow<()> {
    let refusal = search.refusal;
    let scale = Scale::of(refusal.halted.cluster());
    'instances: for short in short_instances(refusal, scale) {
        let all: Vec<usize> = (0..short.tasks.len()).collect();
        let mut chosen = short.fewest(refusal);
        let change = |chosen: &[usize]| Change::Free {
            instance: short.instance.name().to_owned(),
            freed: short.lack.clone(),
            tasks: chosen.iter().map(|index| short.tasks[*index].name.into()).collect(),
        };
        if search.offer(change(&chosen), &short.stops(&chosen))? || chosen.len() == all.len() {
            continue;
        }
        if short.tasks.len() <= EACH_LIMIT {
            for few in short.one_or_two(refusal).into_iter().filter(|few| *few != chosen) {
                if search.offer(change(&few), &short.stops(&few))? {
                    continue 'instances;
                }
            }
        }
        if !search.places(&short.stops(&all))? {
            continue;
        }
        // Others take what is freed: more is, until the task gets its share.
        let mut rest: Vec<usize> = all.iter().copied().filter(|index| !chosen.contains(index)).collect();
        rest.sort_by_key(|index| (short.tasks[*index].is_of_service, short.tasks[*index].size));
        for index in rest {
            chosen.push(index);
            chosen.sort_unstable();
            if search.offer(change(&chosen), &short.stops(&chosen))? {
                break;
            }
        }
    }
    ControlFlow::Continue(())
}

/// The instances on which nothing but tasks is in the way, that which lacks least first.
pub(super) fn short_instances<'a>(refusal: &Refusal<'a, '_>, scale: Scale) -> Vec<Short<'a>> {
    let mut short: Vec<_> = refusal
        .decision
        .told()
        .filter_map(|(told, failures)| short_instance(refusal, told, &failures, scale))
        .collect();
    short.sort_by_key(|it| {
        let Freed { cpu_units, memory_mib, gpus, gpu_milli, enis, group_tasks, expressions, .. } = it.lack;
        let gpu_milli = gpu_milli.saturating_add(gpus.saturating_mul(GPU_MILLI));
        let ports = it.lack.ports.len() as u32 + it.lack.ports_above_limit;
        let size = scale.size(Amounts { cpu_units, memory_mib, gpu_milli });
        (size, enis + ports + group_tasks + expressions, it.instance.id())
    });
    short
}

fn short_instance<'a>(
    refusal: &Refusal<'a, '_>,
    told: &InstanceExplanation,
    failures: &[&FailedCheck],
    scale: Scale,
) -> Option<Short<'a>> {
    let halted = refusal.halted;
    let lack = lack_of(failures)?;
    let instance = halted.cluster().instance(told.id).filter(InstanceView::is_present)?;
    let tasks = instance.tasks().filter(|task| task.desired_status() == DesiredStatus::Running);
    let tasks = tasks.filter_map(|task| {
        let standing = halted.task(task.id())?;
        let size = scale.size(held(&task, &instance));
        Some(Holder { task, name: task.name()?, is_of_service: standing.is_of_service, size })
    });
    let short = Short { instance, lack, tasks: tasks.collect() };
    let all: Vec<usize> = (0..short.tasks.len()).collect();
    short.is_enough(refusal, &all).then_some(short)
}

/// What tasks may be in the way of; `None`: something else is, or nothing.
fn lack_of(failures: &[&FailedCheck]) -> Option<Freed> {
    let mut lack = Freed::default();
    for failed in failures {
        match failed {
            FailedCheck::Cpu { needed, remaining } => lack.cpu_units = needed - remaining,
            FailedCheck::Memory { needed, remaining } => lack.memory_mib = needed - remaining,
            FailedCheck::Gpu { needed, free } => lack.gpus = needed - free,
            FailedCheck::GpuShare { needed_milli, free_milli } => lack.gpu_milli = needed_milli - free_milli,
            FailedCheck::Eni => lack.enis = 1,
            FailedCheck::Ports { clashing, above_limit } => {
                lack.ports.clone_from(clashing);
                lack.ports_above_limit = *above_limit;
            }
            FailedCheck::DistinctInstance { running } => lack.group_tasks = lack.group_tasks.max(*running),
            FailedCheck::MaxTasksPerInstance { running, limit } => {
                lack.group_tasks = lack.group_tasks.max(running - limit + 1);
            }
            FailedCheck::MemberOf { unmatched } if unmatched.iter().all(scheduler_core::Expression::reads_tasks) => {
                lack.expressions = unmatched.len() as u32;
            }
            _ => return None,
        }
    }
    (lack != Freed::default()).then_some(lack)
}

/// What a task holds of an instance.
fn held(task: &TaskView<'_>, instance: &InstanceView<'_>) -> Amounts {
    let demand = &task.spec().demand;
    let registered = instance.totals().map_or(0, |totals| totals.registered.gpu_milli / GPU_MILLI);
    Amounts { cpu_units: demand.cpu_units, memory_mib: demand.memory_mib, gpu_milli: demand.gpus.milli(registered) }
}

impl Short<'_> {
    /// Whether the instance has what the task needs once these tasks have stopped, as far as amounts tell. An expression
    /// may turn true with any task that stops.
    pub(super) fn is_enough(&self, refusal: &Refusal<'_, '_>, chosen: &[usize]) -> bool {
        let chosen = || chosen.iter().map(|index| &self.tasks[*index]);
        let demands = || chosen().map(|holder| &holder.task.spec().demand);
        let lack = &self.lack;
        let sum =
            |part: fn(&scheduler_core::Demand) -> u32| demands().map(|demand| u64::from(part(demand))).sum::<u64>();
        let group = refusal.decision.request.group();
        let of_group = chosen().filter(|holder| holder.task.group() == group).count();
        let freed_ports = || demands().flat_map(|demand| demand.host_ports.iter());
        sum(|demand| demand.cpu_units) >= lack.cpu_units.into()
            && sum(|demand| demand.memory_mib) >= lack.memory_mib.into()
            && sum(|demand| demand.needs_eni.into()) >= lack.enis.into()
            && of_group >= lack.group_tasks as usize
            && lack.ports.iter().all(|port| freed_ports().any(|freed| freed == *port))
            && (lack.ports_above_limit == 0 || freed_ports().count() >= lack.ports_above_limit as usize)
            && self.has_gpus(refusal, demands().count() > 0, chosen())
            && (lack.expressions == 0 || demands().count() > 0)
    }

    /// Whether the GPUs are there once these tasks have stopped.
    fn has_gpus<'h>(
        &self,
        refusal: &Refusal<'_, '_>,
        is_any: bool,
        chosen: impl Iterator<Item = &'h Holder<'h>>,
    ) -> bool {
        if self.lack.gpus == 0 && self.lack.gpu_milli == 0 {
            return true;
        }
        let ids = self.instance.description().resources().gpu_ids();
        let mut free: Vec<u32> = self.instance.free_gpu_millis().collect();
        for holder in chosen {
            let milli = holder.task.spec().demand.gpus.milli_of_each();
            for id in holder.task.gpu_ids() {
                if let Some(index) = ids.iter().position(|known| **known == *id) {
                    free[index] += milli;
                }
            }
        }
        let whole = free.iter().filter(|free| **free >= GPU_MILLI).count() as u32;
        is_any
            && match refusal.decision.request.demand().gpus {
                GpuDemand::Count(count) => whole >= count,
                GpuDemand::All => whole >= (ids.len() as u32).max(1),
                GpuDemand::Share(milli) => free.iter().any(|free| *free >= u32::from(milli)),
            }
    }

    /// How much is stopped: the least comes first.
    fn cost(&self, chosen: &[usize]) -> (usize, u64) {
        let services = chosen.iter().filter(|index| self.tasks[**index].is_of_service).count();
        (services, chosen.iter().map(|index| self.tasks[*index].size).sum())
    }

    /// Every task, and every pair, that is enough.
    fn one_or_two(&self, refusal: &Refusal<'_, '_>) -> Vec<Vec<usize>> {
        let count = self.tasks.len();
        let ones = (0..count).map(|index| vec![index]);
        let pairs = (0..count).flat_map(|second| (0..second).map(move |first| vec![first, second]));
        let mut few: Vec<_> = ones.chain(pairs).filter(|few| self.is_enough(refusal, few)).collect();
        few.sort_by_key(|few| (few.len(), self.cost(few)));
        few
    }

    /// As few tasks as can be found that are enough, in order of placement.
    fn fewest(&self, refusal: &Refusal<'_, '_>) -> Vec<usize> {
        let count = self.tasks.len();
        let is_enough = |chosen: &[usize]| self.is_enough(refusal, chosen);
        let key = |chosen: &[usize]| self.cost(chosen);
        let one = (0..count).map(|index| [index]).filter(|chosen| is_enough(chosen)).min_by_key(|it| key(it));
        if let Some(one) = one {
            return one.to_vec();
        }
        if count <= PAIRS_LIMIT {
            let pairs = (0..count).flat_map(|second| (0..second).map(move |first| [first, second]));
            if let Some(two) = pairs.filter(|chosen| is_enough(chosen)).min_by_key(|it| key(it)) {
                return two.to_vec();
            }
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|index| (self.tasks[*index].is_of_service, Reverse(self.tasks[*index].size)));
        let mut chosen = Vec::new();
        for index in order {
            if is_enough(&chosen) {
                break;
            }
            chosen.push(index);
        }
        let mut position = chosen.len();
        while position > 0 {
            position -= 1;
            let without: Vec<usize> = chosen.iter().copied().filter(|index| *index != chosen[position]).collect();
            if is_enough(&without) {
                chosen = without;
            }
        }
        chosen.sort_unstable();
        chosen
    }

    fn stops(&self, chosen: &[usize]) -> Vec<Addition> {
        let stop = |index: &usize| StopTask::Task(Arc::from(self.tasks[*index].name));
        chosen.iter().map(stop).map(|stop| Addition::Event(Action::StopTask(stop))).collect()
    }
}
