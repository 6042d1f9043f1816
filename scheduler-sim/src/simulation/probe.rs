//! A look at the decisions on one task: the state then, who could hold it, and how the strategy chose.

use std::collections::BTreeMap;

use scheduler_core::{
    Amounts, BinpackField, Cluster, Explanation, InstanceView, Placement, PlacementRequest, PlacementStrategy,
    Scheduler, SpreadField, Strategy, TaskKind, TieBreak,
};

use super::Simulation;
use crate::metrics::StaticRules;

/// Decisions on one task, the first and the last.
#[derive(Debug, Clone)]
pub struct Probe {
    task: String,
    spread_ignores_other_revisions: bool,
    /// At most two: the first and the last.
    pub decisions: Vec<Decision>,
    /// How many there were.
    pub count: u64,
}

/// One decision.
#[derive(Debug, Clone)]
pub struct Decision {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// The event that asked for the task; `None` for a service's.
    pub event: Option<u64>,
    /// The strategy that applied.
    pub strategy: String,
    /// What every instance said.
    pub explanation: Explanation,
    /// The eligible instances, in registration order.
    pub candidates: Vec<Candidate>,
    /// What each rule left of them.
    pub steps: Vec<Step>,
    /// Where the task went.
    pub chosen: Option<String>,
}

/// An instance that could hold the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its Availability Zone.
    pub zone: String,
    /// What remained.
    pub remaining: Amounts,
    /// Tasks of the group on it.
    pub group_count: u32,
}

/// A rule and how many instances it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rule, and what it found best.
    pub rule: String,
    /// How many instances were left.
    pub left: usize,
}

impl Probe {
    /// A look at the task of that name.
    pub(super) fn new(task: &str, spread_ignores_other_revisions: bool) -> Self {
        Self { task: task.to_owned(), spread_ignores_other_revisions, decisions: Vec::new(), count: 0 }
    }
}

impl Simulation<'_> {
    /// Takes note of a decision, if it is about the task that is looked for.
    pub(super) fn look(
        &mut self,
        is_task: impl FnOnce(&str) -> bool,
        request: &PlacementRequest,
        placement: Option<&Placement>,
        event: Option<u64>,
    ) {
        let Some(probe) = self.probe.as_mut().filter(|probe| is_task(&probe.task)) else { return };
        let cluster = &self.cluster;
        let explanation = self.scheduler.explain(cluster, request);
        let eligible: Vec<_> = explanation.eligible().filter_map(|instance| cluster.instance(instance.id)).collect();
        let candidate = |instance: &InstanceView<'_>| Candidate {
            name: instance.name().to_owned(),
            zone: instance.zone().to_owned(),
            remaining: instance.remaining(),
            group_count: instance.group_count(request.group()),
        };
        let chosen = placement.and_then(|placement| cluster.instance(placement.instance()));
        let candidates = eligible.iter().map(candidate).collect();
        let narrowing = Narrowing { cluster, request, own_revision_only: probe.spread_ignores_other_revisions };
        let decision = Decision {
            at_ms: self.now_ms,
            event,
            strategy: self.scheduler.strategy_of(request).to_string(),
            candidates,
            steps: narrowing.steps(&self.scheduler, eligible),
            chosen: chosen.map(|instance| instance.name().to_owned()),
            explanation,
        };
        probe.count += 1;
        probe.decisions.truncate(1);
        probe.decisions.push(decision);
    }
}

/// The plain form of placement's narrowing, for people to follow.
struct Narrowing<'a> {
    cluster: &'a Cluster,
    request: &'a PlacementRequest,
    own_revision_only: bool,
}

impl<'a> Narrowing<'a> {
    fn steps(&self, scheduler: &Scheduler, mut left: Vec<InstanceView<'a>>) -> Vec<Step> {
        let rules = match (scheduler.strategy_of(self.request), self.request.spec().kind) {
            (Strategy::Headroom, _) => return self.by_headroom(left),
            (Strategy::Chain(chain), _) => chain.rules().to_vec(),
            (Strategy::EcsDefault, TaskKind::Replica) => {
                vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]
            }
            (Strategy::EcsDefault, _) => vec![PlacementStrategy::Random],
        };
        let mut steps = Vec::new();
        for rule in &rules {
            if left.len() < 2 {
                return steps;
            }
            let best = self.narrow(rule, &mut left);
            steps.push(Step { rule: format!("{rule}: {best}"), left: left.len() });
        }
        if left.len() > 1 {
            let rule = match scheduler.tie_break() {
                TieBreak::Headroom => "tie: the most headroom, then the first registered",
                TieBreak::Stable => "tie: the first registered",
                TieBreak::Random => "tie: at random by the seed",
            };
            steps.push(Step { rule: rule.to_owned(), left: 1 });
        }
        steps
    }

    /// Keeps the best by one rule, and says what the best is.
    fn narrow(&self, rule: &PlacementStrategy, left: &mut Vec<InstanceView<'a>>) -> String {
        match rule {
            PlacementStrategy::Random => {
                left.truncate(1);
                "one at random by the seed".to_owned()
            }
            PlacementStrategy::Spread(SpreadField::InstanceId) => {
                let least = keep_least(left, |instance| self.tasks_where(|other| other.id() == instance.id()));
                format!("{least} tasks of the group on the instance")
            }
            PlacementStrategy::Spread(SpreadField::Attribute(name)) => {
                let least = keep_least(left, |instance| {
                    let value = instance.attributes().get(name);
                    self.tasks_where(|other| other.attributes().get(name) == value)
                });
                format!("{least} tasks of the group under the value")
            }
            PlacementStrategy::Binpack(BinpackField::Cpu) => {
                format!("{} CPU units left", keep_least(left, |instance| instance.remaining().cpu_units.into()))
            }
            PlacementStrategy::Binpack(BinpackField::Memory) => {
                format!("{} MiB left", keep_least(left, |instance| instance.remaining().memory_mib.into()))
            }
            PlacementStrategy::Custom(_) => {
                // Whom it keeps only the engine can ask it; one is left in the end.
                left.truncate(1);
                "a policy of its own, and what follows it".to_owned()
            }
        }
    }

    /// Tasks of the scope on the instances that a test picks.
    fn tasks_where(&self, picks: impl Fn(&InstanceView<'_>) -> bool) -> u128 {
        let spec = self.request.spec();
        let counts = |definition: &Option<_>| !self.own_revision_only || *definition == spec.definition;
        let tasks = self.cluster.group(&spec.group).into_iter().flat_map(|group| group.tasks());
        tasks.filter(|task| counts(&task.spec().definition) && picks(&task.instance())).count() as u128
    }

    /// C-19: the zone with the most headroom, in it the instance with the most.
    fn by_headroom(&self, mut left: Vec<InstanceView<'a>>) -> Vec<Step> {
        if left.len() < 2 {
            return Vec::new();
        }
        let rules = StaticRules::of(self.request);
        let mut zones: BTreeMap<&str, u128> = BTreeMap::new();
        let is_active = |instance: &InstanceView<'_>| {
            instance.is_present() && instance.status() == scheduler_core::InstanceStatus::Active
        };
        for instance in self.cluster.instances().filter(is_active) {
            if rules.admit(instance.attributes()) {
                *zones.entry(instance.zone()).or_default() += u128::from(instance.headroom());
            }
        }
        let of_zone = |instance: &InstanceView<'_>| zones.get(instance.zone()).copied().unwrap_or(0);
        let most = left.iter().map(of_zone).max().unwrap_or(0);
        left.retain(|instance| of_zone(instance) == most);
        let zone = Step { rule: format!("Availability Zone with the most headroom: {most}"), left: left.len() };
        let most = left.iter().map(InstanceView::headroom).max().unwrap_or(0);
        left.retain(|instance| instance.headroom() == most);
        let instance = Step { rule: format!("instance with the most headroom: {most}"), left: left.len() };
        let tie = (left.len() > 1).then(|| Step { rule: "tie: the first registered".to_owned(), left: 1 });
        [zone, instance].into_iter().chain(tie).collect()
    }
}

fn keep_least(left: &mut Vec<InstanceView<'_>>, key: impl Fn(&InstanceView<'_>) -> u128) -> u128 {
    let keys: Vec<_> = left.iter().map(key).collect();
    let least = keys.iter().copied().min().unwrap_or(0);
    let mut keys = keys.into_iter();
    left.retain(|_| keys.next() == Some(least));
    least
}
