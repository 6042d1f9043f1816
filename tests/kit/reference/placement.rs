//! Placement by sections 2 to 4: the feasible set, each rule keeping the best of what is left, the tie-break.

use scheduler_core::{
    BinpackField, Draw, DrawPurpose, InstanceId, PlacementRequest, PlacementStrategy, Scheduler, SpreadField, Strategy,
    TaskKind, TieBreak,
};

use super::checks::{failures, is_admitted};
use super::cluster::{Instance, Reference, Task};

/// What a scheduler is set to, as far as placement is concerned.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Requests without a strategy.
    pub default_strategy: Strategy,
    /// What settles ties.
    pub tie_break: TieBreak,
    /// C-22.
    pub own_revision_only: bool,
}

impl Rules {
    /// The settings of a scheduler.
    pub fn of(scheduler: &Scheduler) -> Self {
        let without_switch = Scheduler::default()
            .with_default_strategy(scheduler.default_strategy().clone())
            .with_tie_break(scheduler.tie_break());
        Self {
            default_strategy: scheduler.default_strategy().clone(),
            tie_break: scheduler.tie_break(),
            own_revision_only: *scheduler != without_switch,
        }
    }

    /// The rules for a request (2.2), or `None` for `headroom`.
    pub(super) fn chain(&self, request: &PlacementRequest) -> Option<Vec<PlacementStrategy>> {
        match (request.own_strategy().unwrap_or(&self.default_strategy), request.spec().kind) {
            (Strategy::Headroom, _) => None,
            (Strategy::Chain(chain), _) => Some(chain.rules().to_vec()),
            (Strategy::EcsDefault, TaskKind::Standalone) => Some(vec![PlacementStrategy::Random]),
            (Strategy::EcsDefault, TaskKind::Replica) => {
                Some(vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])
            }
            (Strategy::EcsDefault, TaskKind::Daemon) => Some(Vec::new()),
        }
    }

    /// Whether `spread` counts a task for a request (C-22, C-23).
    pub(super) fn counts(&self, task: &Task, request: &PlacementRequest) -> bool {
        task.should_run()
            && task.spec.group == *request.group()
            && (!self.own_revision_only || task.spec.definition == request.spec().definition)
    }

    /// Tasks of a request's scope on all instances with the same value (C-24), a missing one being a value too (C-25).
    pub(super) fn spread_count(
        &self,
        cluster: &Reference,
        instance: &Instance,
        field: &SpreadField,
        request: &PlacementRequest,
    ) -> usize {
        let is_alike = |other: &&Instance| match field {
            SpreadField::InstanceId => other.id == instance.id,
            SpreadField::Attribute(name) => other.attributes.get(name) == instance.attributes.get(name),
        };
        let alike = cluster.instances.iter().filter(is_alike);
        alike.flat_map(|other| &other.tasks).filter(|task| self.counts(task, request)).count()
    }
}

/// The instance that takes the task, or nobody.
///
/// # Panics
/// If a rule is the embedder's own.
pub fn place(
    cluster: &Reference,
    request: &PlacementRequest,
    rules: &Rules,
    draw: &mut dyn Draw,
) -> Option<InstanceId> {
    let mut left: Vec<&Instance> =
        cluster.present().filter(|instance| failures(instance, request).is_empty()).collect();
    let Some(chain) = rules.chain(request) else { return most_headroom(cluster, &left, request) };
    if let [PlacementStrategy::Random, ..] = &*chain {
        return any_open(cluster, &left, draw).map(|instance| instance.id);
    }
    for rule in &chain {
        match rule {
            PlacementStrategy::Random => left = any(&left, DrawPurpose::Strategy, draw).into_iter().collect(),
            PlacementStrategy::Spread(field) => {
                left = least(&left, |instance| rules.spread_count(cluster, instance, field, request));
            }
            PlacementStrategy::Binpack(BinpackField::Cpu) => left = least(&left, Instance::remaining_cpu),
            PlacementStrategy::Binpack(BinpackField::Memory) => left = least(&left, Instance::remaining_memory),
            PlacementStrategy::Custom(policy) => panic!("the reference knows no policy `{}`", policy.name()),
        }
    }
    let chosen = match rules.tie_break {
        TieBreak::Headroom => least(&left, |instance| -cluster.headroom(instance)).first().copied(),
        TieBreak::Stable => left.first().copied(),
        TieBreak::Random => any(&left, DrawPurpose::TieBreak, draw),
    };
    chosen.map(|instance| instance.id)
}

/// C-19: the zone with the most headroom, in it the instance with the most, the earliest registered of equals. Zones that
/// tie are told apart by their best instance.
fn most_headroom(cluster: &Reference, feasible: &[&Instance], request: &PlacementRequest) -> Option<InstanceId> {
    let of_zone = |zone: &str| zone_headroom(cluster, zone, request);
    let most_of_zone = feasible.iter().map(|instance| of_zone(instance.zone())).max()?;
    let in_best: Vec<_> = feasible.iter().copied().filter(|it| of_zone(it.zone()) == most_of_zone).collect();
    least(&in_best, |instance| -cluster.headroom(instance)).first().map(|instance| instance.id)
}

/// C-19: what the ACTIVE instances of a zone that the static rules admit have left.
pub(super) fn zone_headroom(cluster: &Reference, zone: &str, request: &PlacementRequest) -> i128 {
    let counts = |instance: &&Instance| instance.active && instance.zone() == zone && is_admitted(instance, request);
    cluster.present().filter(counts).map(|instance| cluster.headroom(instance)).sum()
}

/// Those with the least key, in their order.
pub(super) fn least<'a, T, K: Ord>(all: &[&'a T], key: impl Fn(&T) -> K) -> Vec<&'a T> {
    let Some(best) = all.iter().map(|element| key(element)).min() else { return Vec::new() };
    all.iter().copied().filter(|element| key(element) == best).collect()
}

/// `random` as the first rule: while somebody is feasible, up to 64 positions are drawn among the open instances in
/// registration order, and the first feasible one is taken; after that one of the feasible ones.
fn any_open<'a>(cluster: &Reference, feasible: &[&'a Instance], draw: &mut dyn Draw) -> Option<&'a Instance> {
    feasible.first()?;
    let open: Vec<_> = cluster.present().filter(|instance| instance.active && instance.connected).collect();
    if open.len() > 1 {
        for _ in 0..64 {
            let drawn = open[draw.draw(DrawPurpose::Strategy, open.len() as u32) as usize].id;
            if let Some(hit) = feasible.iter().find(|instance| instance.id == drawn) {
                return Some(hit);
            }
        }
    }
    any(feasible, DrawPurpose::Strategy, draw)
}

/// One of those in registration order; a number is drawn only if there are two at least.
fn any<'a>(all: &[&'a Instance], purpose: DrawPurpose, draw: &mut dyn Draw) -> Option<&'a Instance> {
    match all {
        [] | [_] => all.first().copied(),
        several => Some(several[draw.draw(purpose, several.len() as u32) as usize]),
    }
}
