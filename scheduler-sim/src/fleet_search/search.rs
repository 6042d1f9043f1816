//! What is known of fleets so far: which run, which is cheapest; and the fewest instances that run.

use std::collections::BTreeMap;

use scheduler_core::{InstanceView, PlacementRequest};

use super::demand::TraceDemand;
use super::floor::{floor, has_volume, volume};
use super::replay::{Verdict, replay};
use super::{Answer, Floor, Question, SearchError, Unplaced, holds};
use crate::bounds::{InstanceKind, RESOURCE_COUNT};
use crate::fleet::Fleet;

/// Most instances of one type in a fleet that is tried.
const MOST_INSTANCES: u64 = 16_384;

/// A fleet that runs the trace.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    pub(super) cost: u128,
    pub(super) counts: Vec<u32>,
    unplaced: u64,
}

pub(super) struct Search<'a> {
    pub(super) question: &'a Question<'a>,
    demand: &'a TraceDemand,
    kinds: &'a [InstanceKind],
    floor: Floor,
    /// What a fleet must have of each resource.
    volume: [u128; RESOURCE_COUNT],
    replays: u32,
    pub(super) is_cut_short: bool,
    /// Whether fleets run, by their counts.
    known: BTreeMap<Vec<u32>, bool>,
    pub(super) best: Option<Runner>,
    last_refusal: Option<Unplaced>,
    most_tried: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        question: &'a Question<'a>,
        demand: &'a TraceDemand,
        kinds: &'a [InstanceKind],
        floor: Floor,
    ) -> Self {
        Self {
            question,
            demand,
            kinds,
            floor,
            volume: volume(&demand.together),
            replays: 0,
            is_cut_short: false,
            known: BTreeMap::new(),
            best: None,
            last_refusal: None,
            most_tried: 0,
        }
    }
}

impl Search<'_> {
    /// What a fleet costs; without prices how many instances it has.
    pub(super) fn cost(&self, counts: &[u32]) -> u128 {
        let prices = self.question.offers.iter().map(|offer| offer.microdollars.map_or(1, u128::from));
        prices.zip(counts).map(|(price, count)| price * u128::from(*count)).sum()
    }

    /// The least that any fleet costs.
    fn least_cost(&self) -> u128 {
        if self.question.has_prices() { self.floor.microdollars } else { self.floor.instances.into() }
    }

    /// Whether the trace runs on a fleet. What does is remembered if it is the cheapest so far.
    pub(super) fn runs(&mut self, counts: &[u32]) -> Result<bool, SearchError> {
        if let Some(known) = self.known.get(counts) {
            return Ok(*known);
        }
        let lacks_volume = || self.question.max_unplaced == 0 && !has_volume(&self.volume, self.kinds, counts);
        if self.cost(counts) < self.least_cost() || lacks_volume() {
            return Ok(false);
        }
        if self.replays == self.question.most_replays {
            self.is_cut_short = true;
            return Ok(false);
        }
        self.replays += 1;
        self.most_tried = self.most_tried.max(counts.iter().map(|count| u64::from(*count)).sum());
        let runs = match replay(self.question, &self.fleet(counts)?)? {
            Verdict::Refuses(unplaced) => {
                self.last_refusal = Some(unplaced);
                false
            }
            Verdict::Runs(unplaced) => {
                let cost = self.cost(counts);
                if self.best.as_ref().is_none_or(|best| cost < best.cost) {
                    self.best = Some(Runner { cost, counts: counts.to_vec(), unplaced });
                }
                true
            }
        };
        self.known.insert(counts.to_vec(), runs);
        Ok(runs)
    }

    fn fleet(&self, counts: &[u32]) -> Result<Fleet, SearchError> {
        let types = self.question.offers.iter().map(|offer| offer.instance_type.clone());
        Ok(Fleet::new(types.zip(counts.iter().copied()))?.in_zones(self.question.zones))
    }

    /// The fewest instances of each type alone, for those that hold every task.
    pub(super) fn each_type_alone(&mut self, views: &[Vec<InstanceView<'_>>]) -> Result<(), SearchError> {
        for (index, views) in views.iter().enumerate() {
            let held = |request: &PlacementRequest| views.iter().any(|instance| holds(instance, request));
            let misfits = self.demand.requests.iter().filter(|(request, _)| !held(request));
            let copies = misfits.fold(0_u64, |sum, (_, copies)| sum.saturating_add(*copies));
            if copies <= self.question.max_unplaced {
                let alone = floor(&self.demand.together, &self.kinds[index..=index], self.question.max_unplaced);
                let mut counts = vec![0; self.kinds.len()];
                self.fewest(alone.instances, |count| {
                    counts[index] = count;
                    counts.clone()
                })?;
            }
        }
        Ok(())
    }

    /// Where no type runs the trace alone: as many of each.
    pub(super) fn all_types_equally(&mut self) -> Result<(), SearchError> {
        if self.best.is_some() {
            return Ok(());
        }
        let types = self.kinds.len();
        self.fewest(self.floor.instances / types.max(1) as u64, |count| vec![count; types])
    }

    /// Doubles from `least` until the trace runs or a cheaper fleet is known, then bisects.
    fn fewest(&mut self, least: u64, mut fleet: impl FnMut(u32) -> Vec<u32>) -> Result<(), SearchError> {
        let most = self.demand.copies().saturating_mul(self.question.zones.len() as u64).clamp(1, MOST_INSTANCES);
        let (least, most) = (least.min(most), most);
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let (mut refuses, mut count, mut step) = (None, least, 1);
        loop {
            let counts = fleet(narrow(count));
            if self.best.as_ref().is_some_and(|best| self.cost(&counts) >= best.cost) {
                return Ok(());
            }
            if self.runs(&counts)? {
                break;
            }
            if count == most {
                return Ok(());
            }
            refuses = Some(count);
            (count, step) = ((count + step).min(most), step * 2);
        }
        let mut refuses = refuses.map_or(least, |refuses| refuses + 1);
        while refuses < count {
            let middle = u64::midpoint(refuses, count);
            if self.runs(&fleet(narrow(middle)))? {
                count = middle;
            } else {
                refuses = middle + 1;
            }
        }
        Ok(())
    }

    pub(super) fn answer(self) -> Result<Answer, SearchError> {
        let Some(best) = &self.best else {
            let Some(unplaced) = self.last_refusal else {
                return Err(SearchError::TooLarge { most_each: MOST_INSTANCES, floor: self.floor.instances });
            };
            let Self { replays, is_cut_short, most_tried: most_instances, .. } = self;
            return Err(SearchError::NothingRuns { replays, is_cut_short, most_instances, unplaced });
        };
        Ok(Answer {
            fleet: self.fleet(&best.counts)?,
            instances: best.counts.iter().map(|count| u64::from(*count)).sum(),
            microdollars: self.question.has_prices().then_some(best.cost),
            unplaced: best.unplaced,
            floor: self.floor,
            replays: self.replays,
            is_cut_short: self.is_cut_short,
        })
    }
}
