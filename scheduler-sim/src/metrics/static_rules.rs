//! The static rules of a request: required attributes, location, and the `memberOf` expressions that ask attributes
//! alone. Whether an instance meets them changes only with its attributes.

use scheduler_core::expression::{Argument, Comparison, Node, Operator, Subject};
use scheduler_core::{
    AttributeLookup, AttributeName, Attributes, Expression, PlacementConstraint, PlacementRequest, RequiredAttribute,
};

/// The rules of one request, in a canonical order, so that equal rules compare equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StaticRules {
    required: Vec<RequiredAttribute>,
    zones: Option<Vec<Box<str>>>,
    expressions: Vec<Expression>,
}

impl StaticRules {
    pub(crate) fn of(request: &PlacementRequest) -> Self {
        let mut required = request.required_attributes().to_vec();
        required.sort_by_key(ToString::to_string);
        required.dedup();
        let zones = request.allowed_zones().map(|zones| {
            let mut zones = zones.to_vec();
            zones.sort_unstable();
            zones.dedup();
            zones
        });
        let member_of = request.all_constraints().iter().filter_map(|constraint| match constraint {
            PlacementConstraint::MemberOf(expression) if expression.is_static() => Some(expression.clone()),
            _ => None,
        });
        let mut expressions: Vec<_> = member_of.collect();
        expressions.sort_by_cached_key(ToString::to_string);
        expressions.dedup();
        Self { required, zones, expressions }
    }

    /// Whether an instance with these attributes meets them.
    pub(crate) fn admit(&self, attributes: &Attributes) -> bool {
        let zone = attributes.get(AttributeName::availability_zone());
        let is_allowed = |zones: &Vec<Box<str>>| zones.iter().any(|allowed| AttributeLookup::Value(allowed) == zone);
        self.required.iter().all(|required| required.is_met_by(attributes))
            && self.zones.as_ref().is_none_or(is_allowed)
            && self.expressions.iter().all(|expression| expression.matches_attributes(attributes))
    }

    /// The values that an expression of its own wants an attribute to have one of; none if no expression does.
    pub(super) fn values_of(&self, name: &AttributeName) -> Vec<Box<str>> {
        let values = self.expressions.iter().find_map(|expression| match expression.root() {
            Node::Comparison(Comparison { subject: Subject::Attribute(of), operator, argument, .. }) if of == name => {
                match (operator, argument) {
                    (Operator::Equal, Argument::Text(text)) => Some(vec![text.clone()]),
                    (Operator::In, Argument::List(texts)) => Some(texts.clone()),
                    _ => None,
                }
            }
            _ => None,
        });
        values.unwrap_or_default()
    }

    /// The rules as one text: what kinds of tasks are sorted by, last of all.
    pub(super) fn text(&self) -> String {
        let required = self.required.iter().map(ToString::to_string);
        let zones = self.zones.iter().map(|zones| format!("zones {}", zones.join(" ")));
        let expressions = self.expressions.iter().map(ToString::to_string);
        required.chain(zones).chain(expressions).collect::<Vec<_>>().join("; ")
    }
}
