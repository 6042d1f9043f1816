//! Which requests an ordered index can place, and by which order.

use super::strategy::{BinpackField, PlacementStrategy, SpreadField, TieBreak};
use crate::index::{Objective, OrderSpec};
use crate::model::AttributeName;

/// How a request that lowers to an order is placed by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lowered {
    pub(super) spec: OrderSpec,
    pub(super) choice: Choice,
    /// The fewest tasks of the group on the instance come before the order.
    pub(super) spread_instances: bool,
}

/// Which value of the partition is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The zone with the most headroom (C-19).
    MostHeadroom,
    /// The values with the fewest tasks of the group.
    FewestTasks,
    /// Whichever has the best instance.
    Best,
    /// Any feasible instance, uniformly.
    Random,
}

impl Lowered {
    /// Whether it looks at the tasks of the group.
    pub(super) fn counts_tasks(&self) -> bool {
        self.spread_instances || self.choice == Choice::FewestTasks
    }
}

/// The order for a chain (`None`: headroom) and tie-break, or `None` if the scan has to do it.
///
/// What lowers: headroom; `random` first; `spread` over an attribute, then `spread` over instances, then `binpack` by one or both fields,
/// any of these left out; with headroom or stable ties.
pub(super) fn lower(rules: Option<&[PlacementStrategy]>, tie_break: TieBreak) -> Option<Lowered> {
    let zone = || Some(AttributeName::availability_zone());
    let Some(mut rules) = rules else {
        let spec = OrderSpec { partition: zone(), objective: Objective::Headroom };
        return Some(Lowered { spec, choice: Choice::MostHeadroom, spread_instances: false });
    };
    if let [PlacementStrategy::Random, ..] = rules {
        let spec = OrderSpec { partition: None, objective: Objective::Registration };
        return Some(Lowered { spec, choice: Choice::Random, spread_instances: false });
    }
    let (mut partition, mut choice, mut spread_instances) = (zone(), Choice::Best, false);
    if let [PlacementStrategy::Spread(SpreadField::Attribute(name)), rest @ ..] = rules {
        (partition, choice, rules) = (Some(name.clone()), Choice::FewestTasks, rest);
    }
    if let [PlacementStrategy::Spread(SpreadField::InstanceId), rest @ ..] = rules {
        (spread_instances, rules) = (true, rest);
    }
    let packed = |rule: &PlacementStrategy| match rule {
        PlacementStrategy::Binpack(field) => Some(*field),
        _ => None,
    };
    let fields: Vec<_> = rules.iter().map(packed).collect::<Option<_>>()?;
    let by_headroom = match tie_break {
        TieBreak::Headroom => true,
        TieBreak::Stable => false,
        TieBreak::Random => return None,
    };
    let second = fields.first().and_then(|first| fields.iter().find(|field| *field != first));
    let objective = match (fields.first(), second, by_headroom) {
        (None, _, true) => Objective::Headroom,
        (None, _, false) => Objective::Registration,
        (Some(BinpackField::Cpu), Some(_), _) => Objective::CpuThenMemory,
        (Some(BinpackField::Cpu), None, true) => Objective::CpuThenHeadroom,
        (Some(BinpackField::Cpu), None, false) => Objective::Cpu,
        (Some(BinpackField::Memory), Some(_), _) => Objective::MemoryThenCpu,
        (Some(BinpackField::Memory), None, true) => Objective::MemoryThenHeadroom,
        (Some(BinpackField::Memory), None, false) => Objective::Memory,
    };
    Some(Lowered { spec: OrderSpec { partition, objective }, choice, spread_instances })
}
