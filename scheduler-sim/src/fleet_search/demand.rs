//! What a trace asks of any fleet: the kinds of its tasks, and the sets of tasks that must stand side by side.
//!
//! The sets are certain whatever the fleet, so that a bound for them is one for every fleet. Where nothing waits, each
//! task is alive from its event for its duration. At the end of the run each task without a duration and each copy of a
//! service is there. Each ends to be certain at the first event that a fleet could take otherwise than another. A task
//! alone has to have a place at some time in any case, unless other instances join. Tasks that a fleet leaves unplaced
//! are missing from each set.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{Demand, PlacementRequest, SchedulingStrategy};

use crate::metrics::Tally;
use crate::trace::{Action, OnUnplaceable, RunTask, ServiceEntry, Settings, Source, Survey, TaskRequest, TraceError};

/// Tasks that stand side by side, by what each takes.
pub(super) type Together = Vec<(Demand, u64)>;

/// What a trace asks of any fleet.
#[derive(Debug)]
pub(super) struct TraceDemand {
    /// Requests of tasks that are no daemons, with the copies of each.
    pub(super) requests: Vec<(PlacementRequest, u64)>,
    /// Sets of tasks that must all be alive at some instant.
    pub(super) together: Vec<Together>,
}

impl TraceDemand {
    /// One pass over the events.
    ///
    /// # Errors
    /// What the reader finds wrong.
    pub(super) fn of(source: &Source, survey: &Survey, settings: &Settings) -> Result<Self, TraceError> {
        let mut requests = Requests::default();
        let mut standing = Standing::new(settings);
        for entry in &survey.header.services {
            requests.add_service(entry);
            standing.add_service(entry);
        }
        for event in source.events(survey)? {
            let event = event?;
            if settings.end_ms.is_some_and(|end_ms| event.at_ms > end_ms) {
                break;
            }
            match &event.action {
                Action::RunTask(run) => {
                    requests.add(&run.request, run.names.count().into());
                    standing.add(event.at_ms, run);
                }
                Action::CreateService(entry) => {
                    requests.add_service(entry);
                    standing.add_service(entry);
                }
                other => standing.doubt(other),
            }
        }
        let requests = requests.finish();
        let together = standing.finish(&requests);
        Ok(Self { requests, together })
    }

    /// All copies.
    pub(super) fn copies(&self) -> u64 {
        self.requests.iter().fold(0, |sum, (_, copies)| sum.saturating_add(*copies))
    }
}

/// Copies by request. The reader shares equal requests, so that their addresses tell them apart.
#[derive(Default)]
struct Requests {
    index_of: FxHashMap<usize, usize>,
    /// The requests of tasks, kept so that their addresses stay taken.
    tasks: Vec<(Arc<TaskRequest>, u64)>,
    services: Vec<(PlacementRequest, u64)>,
}

impl Requests {
    fn add(&mut self, request: &Arc<TaskRequest>, copies: u64) {
        let Self { index_of, tasks, .. } = self;
        let index = *index_of.entry(Arc::as_ptr(request) as usize).or_insert_with(|| {
            tasks.push((Arc::clone(request), 0));
            tasks.len() - 1
        });
        tasks[index].1 = tasks[index].1.saturating_add(copies);
    }

    fn add_service(&mut self, entry: &ServiceEntry) {
        if entry.service.scheduling_strategy == SchedulingStrategy::Replica {
            self.services.push((entry.request(), entry.service.desired_count.into()));
        }
    }

    fn finish(self) -> Vec<(PlacementRequest, u64)> {
        let of_tasks = self.tasks.into_iter().map(|(request, copies)| (request.placement_request(), copies));
        of_tasks.chain(self.services).filter(|(_, copies)| *copies > 0).collect()
    }
}

/// Tasks alive, and the most of each resource that they took together.
struct Standing<'a> {
    settings: &'a Settings,
    certain: Certain,
    peaks: [Peak; 3],
    ends: BinaryHeap<Reverse<(u64, usize)>>,
    /// What ends, by position.
    ending: Vec<(Demand, u64)>,
    /// What is there at the end: tasks without a duration, and those of services.
    lasting_tasks: Lasting,
    lasting_copies: Lasting,
}

/// Tasks by their amounts.
type Lasting = BTreeMap<[u64; 3], (Demand, u64)>;

/// What no event has made a question of the fleet.
#[derive(Debug, Clone, Copy)]
struct Certain {
    /// Which standalone tasks are alive.
    tasks: bool,
    /// How many tasks services have when the run ends.
    copies: bool,
    /// That all tasks lie on the fleet.
    places: bool,
}

/// The instant at which one resource was taken most.
struct Peak {
    tasks: Tally<Demand>,
    taken: u64,
    most: u64,
}

impl Peak {
    fn change(&mut self, demand: &Demand, amount: u64, copies: u64, is_start: bool) {
        let all = amount.saturating_mul(copies);
        self.tasks.change(demand.clone(), |count| if is_start { count + copies } else { count - copies });
        self.taken = if is_start { self.taken.saturating_add(all) } else { self.taken.saturating_sub(all) };
        if self.taken > self.most {
            self.most = self.taken;
            self.tasks.mark_peak();
        }
    }
}

/// CPU units, MiB and thousandths of GPUs.
pub(super) fn amounts(demand: &Demand) -> [u64; 3] {
    [demand.cpu_units.into(), demand.memory_mib.into(), demand.gpus.milli(0).into()]
}

impl<'a> Standing<'a> {
    fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            certain: Certain { tasks: true, copies: true, places: true },
            peaks: std::array::from_fn(|_| Peak { tasks: Tally::new(), taken: 0, most: 0 }),
            ends: BinaryHeap::new(),
            ending: Vec::new(),
            lasting_tasks: BTreeMap::new(),
            lasting_copies: BTreeMap::new(),
        }
    }

    fn add(&mut self, at_ms: u64, run: &RunTask) {
        let (demand, copies) = (run.request.definition.core.demand(), u64::from(run.names.count()));
        if run.duration_ms.is_none() {
            add_lasting(&mut self.lasting_tasks, demand, copies);
        }
        if !self.certain.tasks || self.settings.on_unplaceable == OnUnplaceable::Queue || copies == 0 {
            return;
        }
        while let Some(Reverse((end_ms, index))) = self.ends.peek().copied()
            && end_ms <= at_ms
        {
            self.ends.pop();
            let (demand, copies) = self.ending[index].clone();
            self.change(&demand, copies, false);
        }
        self.change(demand, copies, true);
        if let Some(duration_ms) = run.duration_ms {
            let end_ms = at_ms.saturating_add(self.settings.task_start_ms).saturating_add(duration_ms);
            self.ends.push(Reverse((end_ms, self.ending.len())));
            self.ending.push((demand.clone(), copies));
        }
    }

    fn add_service(&mut self, entry: &ServiceEntry) {
        if entry.service.scheduling_strategy == SchedulingStrategy::Replica {
            let demand = entry.definition.core.demand();
            add_lasting(&mut self.lasting_copies, demand, entry.service.desired_count.into());
        }
    }

    /// An event that ends tasks by choice or with their instance, changes services, or changes the fleet.
    fn doubt(&mut self, action: &Action) {
        let Certain { tasks, copies, places } = &mut self.certain;
        match action {
            Action::RegisterContainerInstances(_) => (*tasks, *copies, *places) = (false, false, false),
            Action::DeregisterContainerInstance { .. } => (*tasks, *copies) = (false, false),
            Action::StopTask(_) | Action::FailTasks { .. } | Action::FailContainerInstances { .. } => *tasks = false,
            Action::UpdateService(_) | Action::DeleteService { .. } | Action::UpdateContainerInstancesState { .. } => {
                *copies = false;
            }
            _ => {}
        }
    }

    fn change(&mut self, demand: &Demand, copies: u64, is_start: bool) {
        for (peak, amount) in self.peaks.iter_mut().zip(amounts(demand)) {
            peak.change(demand, amount, copies, is_start);
        }
    }

    fn finish(self, requests: &[(PlacementRequest, u64)]) -> Vec<Together> {
        let mut together: Vec<Together> = Vec::new();
        for peak in self.peaks.iter().filter(|peak| peak.most > 0) {
            let mut tasks: Together = peak.tasks.at_peak().map(|(demand, count)| (demand.clone(), count)).collect();
            tasks.sort_by_cached_key(|(demand, _)| (amounts(demand), demand.host_ports.as_slice().to_vec()));
            if !together.contains(&tasks) {
                together.push(tasks);
            }
        }
        let tasks = self.lasting_tasks.into_values().filter(|_| self.certain.tasks);
        let copies = self.lasting_copies.into_values().filter(|_| self.certain.copies);
        together.push(tasks.chain(copies).filter(|(_, count)| *count > 0).collect());
        if self.certain.places {
            let demands = requests.iter().map(|(request, _)| request.demand());
            let largest = |index: usize| demands.clone().max_by_key(|demand| amounts(demand)[index]);
            together.extend((0..3).filter_map(largest).map(|demand| vec![(demand.clone(), 1)]));
        }
        together.retain(|tasks| !tasks.is_empty());
        together
    }
}

fn add_lasting(lasting: &mut Lasting, demand: &Demand, copies: u64) {
    let known = lasting.entry(amounts(demand)).or_insert_with(|| (without_ports(demand), 0));
    known.1 = known.1.saturating_add(copies);
}

/// Tasks with equal amounts are counted together at the end; what they need besides can only ask for more.
fn without_ports(demand: &Demand) -> Demand {
    Demand { gpus: demand.gpus, ..Demand::new(demand.cpu_units, demand.memory_mib) }
}
