//! Remarks on expressions: as texts, and against the fleet.

use scheduler_core::Expression;
use scheduler_core::expression::{Argument, Comparison, Node, Operator, Subject};

use super::fleet::{Fleet, nearest};
use super::kinds::LintKind;

/// All remarks on an expression.
pub(super) fn expression_lints(expression: &Expression, fleet: &Fleet) -> Vec<LintKind> {
    let text = || -> Box<str> { expression.text().into() };
    let remarks = expression.lints().into_iter();
    let mut lints: Vec<_> = remarks.map(|lint| LintKind::Expression { expression: text(), lint }).collect();
    if fleet.origins.is_empty() {
        return lints;
    }
    let before = lints.len();
    comparisons(expression.root(), &mut |comparison| of_comparison(expression, comparison, fleet, &mut lints));
    if lints.len() == before && is_decided(expression, fleet) && fleet.cluster.matching(expression).next().is_none() {
        lints.push(LintKind::NobodyMatches { expression: text() });
    }
    lints
}

/// Whether an instance matches at all times or never.
pub(super) fn is_decided(expression: &Expression, fleet: &Fleet) -> bool {
    expression.is_static() && expression.attribute_names().iter().all(|name| fleet.is_fixed(name))
}

fn comparisons<'n>(node: &'n Node, see: &mut dyn FnMut(&'n Comparison)) {
    match node {
        Node::Or(operands) | Node::And(operands) => operands.iter().for_each(|operand| comparisons(operand, see)),
        Node::Not(operand) => comparisons(operand, see),
        Node::Comparison(comparison) => see(comparison),
    }
}

fn of_comparison(expression: &Expression, comparison: &Comparison, fleet: &Fleet, lints: &mut Vec<LintKind>) {
    let Subject::Attribute(name) = &comparison.subject else { return };
    if !fleet.is_fixed(name) || comparison.operator == Operator::NotExists {
        return;
    }
    let text = || -> Box<str> { expression.text().into() };
    let Some(values) = fleet.values(name) else {
        lints.push(LintKind::UnknownAttribute {
            expression: text(),
            name: name.clone(),
            nearest: fleet.nearest_name(name),
        });
        return;
    };
    let is_equality =
        matches!(comparison.operator, Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn);
    let mut unknown = |value: &str| {
        if is_equality && !values.contains(value) {
            let nearest = nearest(value, values.iter().map(|known| &**known));
            lints.push(LintKind::UnknownValue { expression: text(), name: name.clone(), value: value.into(), nearest });
        }
    };
    match &comparison.argument {
        Argument::Text(value) => unknown(value),
        Argument::List(list) => list.iter().for_each(|value| unknown(value)),
        Argument::Pattern(pattern) if !values.iter().any(|value| pattern.is_match(value)) => {
            let pattern = pattern.text().into();
            lints.push(LintKind::PatternMatchesNothing { expression: text(), name: name.clone(), pattern });
        }
        _ => {}
    }
}
