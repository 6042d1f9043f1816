//! Remarks on strategies: rules of a chain that cannot matter.

use scheduler_core::{PlacementConstraint, PlacementRequest, PlacementStrategy, SpreadField, Strategy};

use super::fleet::Fleet;
use super::kinds::{LintKind, WithoutEffect};

/// All remarks on the strategy of a request.
pub(super) fn strategy_lints(request: &PlacementRequest, fleet: &Fleet) -> Vec<LintKind> {
    let Some(Strategy::Chain(chain)) = request.own_strategy() else { return Vec::new() };
    let is_distinct = request.all_constraints().contains(&PlacementConstraint::DistinctInstance);
    let rules = chain.rules();
    let why = |index: usize| without_effect(&rules[..index], &rules[index], is_distinct, fleet);
    let lints = (0..rules.len())
        .filter_map(|index| why(index).map(|why| LintKind::RuleWithoutEffect { rule: (&rules[index]).into(), why }));
    lints.collect()
}

fn without_effect(
    before: &[PlacementStrategy],
    rule: &PlacementStrategy,
    is_distinct: bool,
    fleet: &Fleet,
) -> Option<WithoutEffect> {
    if before.contains(&PlacementStrategy::Random) {
        return Some(WithoutEffect::AfterRandom);
    }
    if before.contains(rule) {
        return Some(WithoutEffect::Repeated);
    }
    match rule {
        PlacementStrategy::Spread(SpreadField::InstanceId) if is_distinct => Some(WithoutEffect::DistinctInstance),
        PlacementStrategy::Spread(SpreadField::Attribute(name))
            if fleet.is_fixed(name) && !fleet.origins.is_empty() =>
        {
            match fleet.values(name) {
                None => Some(WithoutEffect::NoValue),
                Some(_) if fleet.is_shared_by_all(name) => Some(WithoutEffect::OneValue),
                Some(_) => None,
            }
        }
        _ => None,
    }
}
