//! The cheapest fleet of some instance types on which a trace runs, found by replaying it.
//!
//! First each type alone: doubling from the floor until the trace runs, then bisection. From the best of these, or from
//! equal numbers of all types where none does alone, by exchange: so many instances of one type away, or for as many of
//! another as are still cheaper, or one for two of different types, or the reverse; from large steps to single instances, until nothing
//! cheaper runs. A fleet is asked by a replay, unless it lacks the bare volume; the number of replays is limited. That a
//! smaller fleet runs worse is not taken for granted: what is answered has been replayed.

mod demand;
mod exchange;
mod floor;
mod replay;
mod search;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU64;

use demand::TraceDemand;
pub use floor::Floor;
use floor::{floor, kinds};
pub use replay::Unplaced;
use scheduler_core::{Cluster, GpuDemand, InstanceView, PlacementConstraint, PlacementRequest, Scheduler};
use search::Search;

use crate::fleet::{Fleet, FleetError};
use crate::metrics::StaticRules;
use crate::simulation::{Plan, RunError, state_at_start};
use crate::strategy::Spec;
use crate::trace::{Settings, Source, Survey};

/// Most types to choose from: what is tried next grows with their third power.
pub const MOST_TYPES: usize = 32;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The trace.
    pub source: &'a Source,
    /// What its survey found.
    pub survey: &'a Survey,
    /// The settings of the runs.
    pub settings: &'a Settings,
    /// The strategy.
    pub spec: &'a Spec,
    /// The types, each once; at most [`MOST_TYPES`].
    pub offers: &'a [Offer],
    /// The Availability Zones, which the instances take in turn; at least one.
    pub zones: &'a [Box<str>],
    /// How many tasks may be unplaced.
    pub max_unplaced: u64,
    /// How often the trace may be replayed.
    pub most_replays: u32,
    /// Is told the events of each replay, for those who watch.
    pub events: &'a AtomicU64,
}

impl Question<'_> {
    fn has_prices(&self) -> bool {
        self.offers.iter().all(|offer| offer.microdollars.is_some())
    }
}

/// An instance type that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The type.
    pub instance_type: Box<str>,
    /// Its price, in millionths of a dollar an hour. All offers have one, or none: then the fewest instances are
    /// cheapest.
    pub microdollars: Option<u64>,
}

/// The cheapest fleet found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The fleet.
    pub fleet: Fleet,
    /// How many instances it has.
    pub instances: u64,
    /// Its price, in millionths of a dollar an hour, if prices are known.
    pub microdollars: Option<u128>,
    /// Tasks that it leaves unplaced.
    pub unplaced: u64,
    /// What no fleet can do with less.
    pub floor: Floor,
    /// How often the trace was replayed.
    pub replays: u32,
    /// Whether the search ended because no more replays were allowed.
    pub is_cut_short: bool,
}

/// Why there is no fleet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The types or zones are no fleet.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A run came to no end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Some tasks fit on an instance of none of the types.
    #[error(
        "{copies} of the tasks of {group} fit on no instance of these types ({reason}): each needs {cpu_units} CPU \
         units and {memory_mib} MiB{more}; name a type that holds them, or let them be with --max-unplaced"
    )]
    Misfit {
        /// How many.
        copies: u64,
        /// Their group.
        group: String,
        /// The reason of the refusal.
        reason: &'static str,
        /// What each needs.
        cpu_units: u32,
        /// What each needs.
        memory_mib: u32,
        /// What it needs besides.
        more: String,
    },
    /// No fleet that was tried runs the trace.
    #[error(
        "no fleet was found that runs the trace; the largest of {replays} tried has {most_instances} instances, and on \
         the last one the first task without a place is {unplaced}{}",
        if *.is_cut_short { "; --replays allows no more" } else { "" }
    )]
    NothingRuns {
        /// How many replays there were.
        replays: u32,
        /// Whether the search ended because no more replays were allowed.
        is_cut_short: bool,
        /// The most instances of a fleet tried.
        most_instances: u64,
        /// The first task that finds no place on the last fleet.
        unplaced: Unplaced,
    },
    /// No fleet was worth a replay.
    #[error(
        "no fleet of up to {most_each} instances of each type can hold the tasks that must run at once; the floor is \
         {floor} instances"
    )]
    TooLarge {
        /// The most instances of a type that are tried.
        most_each: u64,
        /// What no fleet can do with less.
        floor: u64,
    },
}

/// Looks for the cheapest fleet.
///
/// # Errors
/// [`SearchError`]: there is none among those that were tried.
pub fn search(question: &Question<'_>) -> Result<Answer, SearchError> {
    let demand = TraceDemand::of(question.source, question.survey, question.settings).map_err(RunError::from)?;
    let samples = samples(question)?;
    let views: Vec<Vec<InstanceView<'_>>> = samples.iter().map(|sample| sample.instances().collect()).collect();
    check_fit(question, &demand, &samples)?;
    let kinds = kinds(views.iter().zip(question.offers).map(|(views, offer)| (&views[0], offer.microdollars)));
    let floor = floor(&demand.together, &kinds, question.max_unplaced);
    let mut search = Search::new(question, &demand, &kinds, floor);
    search.each_type_alone(&views)?;
    search.all_types_equally()?;
    search.exchange()?;
    search.answer()
}

/// For each type a cluster of one instance in each zone.
fn samples(question: &Question<'_>) -> Result<Vec<Cluster>, SearchError> {
    let Question { survey, settings, spec, offers, zones, .. } = question;
    if zones.is_empty() {
        return Err(FleetError::NoZone.into());
    }
    let each = u32::try_from(zones.len()).unwrap_or(u32::MAX);
    let sample = |offer: &Offer| {
        let fleet = Fleet::new([(offer.instance_type.clone(), each)])?.in_zones(zones);
        let mut header = fleet.replace(&survey.header)?;
        (header.tasks, header.services) = (Vec::new(), Vec::new());
        Ok(state_at_start(&Plan { header: &header, ..Plan::new(survey, settings, spec) })?)
    };
    offers.iter().map(sample).collect()
}

/// Refuses what no fleet of these types can run.
fn check_fit(question: &Question<'_>, demand: &TraceDemand, samples: &[Cluster]) -> Result<(), SearchError> {
    let misfits = demand
        .requests
        .iter()
        .filter(|(request, _)| !samples.iter().flat_map(Cluster::instances).any(|instance| holds(&instance, request)));
    let mut all = 0_u64;
    for (request, copies) in misfits {
        all = all.saturating_add(*copies);
        if all <= question.max_unplaced {
            continue;
        }
        let needed = request.demand();
        let refusals = samples.iter().filter_map(|sample| Scheduler::default().refusal(sample, request));
        return Err(SearchError::Misfit {
            copies: *copies,
            group: request.group().to_string(),
            // The type that comes nearest is refused by the last of the checks.
            reason: refusals.max_by_key(scheduler_core::Refusal::check).map_or("", |refusal| refusal.reason()),
            cpu_units: needed.cpu_units,
            memory_mib: needed.memory_mib,
            more: more(request),
        });
    }
    Ok(())
}

/// What a task needs besides CPU and memory.
fn more(request: &PlacementRequest) -> String {
    let gpus = match request.demand().gpus {
        GpuDemand::Count(0) => String::new(),
        GpuDemand::Count(1) => ", 1 GPU".to_owned(),
        GpuDemand::Count(count) => format!(", {count} GPUs"),
        GpuDemand::All => ", all GPUs of an instance".to_owned(),
        GpuDemand::Share(milli) => format!(", {milli} thousandths of a GPU"),
    };
    let rules = request.all_constraints().iter().filter_map(|constraint| match constraint {
        PlacementConstraint::MemberOf(expression) => Some(format!("memberOf `{expression}`")),
        _ => None,
    });
    let rules: Vec<_> = rules.collect();
    let rules = if rules.is_empty() {
        String::new()
    } else {
        format!(" and {}, while these instances have no attributes but those of their type and zone", rules.join(", "))
    };
    gpus + &rules
}

/// Whether an empty instance could hold one task, as far as resources and static rules tell.
fn holds(instance: &InstanceView<'_>, request: &PlacementRequest) -> bool {
    let (demand, remaining) = (request.demand(), instance.remaining());
    demand.cpu_units <= remaining.cpu_units
        && demand.memory_mib <= remaining.memory_mib
        && demand.gpus.milli(1) <= remaining.gpu_milli
        && StaticRules::of(request).admit(instance.attributes())
}
