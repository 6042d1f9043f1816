//! Evaluation: whether an expression holds on one container instance.

use std::cmp::Ordering;

use super::InstanceFacts;
use super::syntax::{Argument, Comparison, Node, Operator, Subject};
use super::value::compare_texts;

/// Whether `node` holds. Recursion is bounded by the nesting limit of the parser.
pub(super) fn holds(node: &Node, facts: &dyn InstanceFacts) -> bool {
    match node {
        Node::Or(operands) => operands.iter().any(|operand| holds(operand, facts)),
        Node::And(operands) => operands.iter().all(|operand| holds(operand, facts)),
        Node::Not(operand) => !holds(operand, facts),
        Node::Comparison(comparison) => comparison_holds(comparison, facts),
    }
}

fn comparison_holds(comparison: &Comparison, facts: &dyn InstanceFacts) -> bool {
    let Comparison { subject, operator, argument, .. } = comparison;
    match subject {
        Subject::AgentConnected => {
            text_holds(*operator, argument, if facts.agent_connected() { "true" } else { "false" })
        }
        Subject::AgentVersion => match argument {
            Argument::Version(version) => {
                version.compare(facts.agent_version()).is_some_and(|order| order_holds(*operator, order))
            }
            _ => text_holds(*operator, argument, facts.agent_version()),
        },
        Subject::Attribute(name) => match operator {
            Operator::Exists => facts.attribute(name).exists(),
            Operator::NotExists => !facts.attribute(name).exists(),
            // Without a value nothing holds, the negative operators included (C-36, C-37).
            _ => facts.attribute(name).value().is_some_and(|value| text_holds(*operator, argument, value)),
        },
        Subject::Ec2InstanceId => text_holds(*operator, argument, facts.ec2_instance_id()),
        Subject::RegisteredAt => match argument {
            Argument::InstantMs(instant_ms) => order_holds(*operator, facts.registered_at_ms().cmp(instant_ms)),
            _ => unreachable_argument(comparison),
        },
        Subject::RunningTasksCount => match argument {
            Argument::Count(count) => {
                order_holds(*operator, i128::from(facts.running_tasks_count()).cmp(&i128::from(*count)))
            }
            _ => unreachable_argument(comparison),
        },
        // Existential; a negative operator says that no task's group does (C-43).
        Subject::TaskGroup => {
            facts.any_task_group(&mut |group| positive_holds(*operator, argument, group)) != operator.is_negative()
        }
    }
}

/// Whether `value` stands to the argument as the operator says.
fn text_holds(operator: Operator, argument: &Argument, value: &str) -> bool {
    match argument {
        Argument::Text(text) if operator.is_ordering() => order_holds(operator, compare_texts(value, text)),
        _ => positive_holds(operator, argument, value) != operator.is_negative(),
    }
}

/// Whether `value` equals, is in, or matches the argument; it exists in any case.
fn positive_holds(operator: Operator, argument: &Argument, value: &str) -> bool {
    match argument {
        Argument::None => true,
        Argument::Text(text) => **text == *value,
        Argument::List(values) => values.iter().any(|text| **text == *value),
        Argument::Pattern(pattern) => pattern.is_match(value),
        Argument::Count(_) | Argument::Version(_) | Argument::InstantMs(_) => {
            debug_assert!(false, "the parser gives `{operator}` on a text no such argument: {argument:?}");
            false
        }
    }
}

/// Whether `order`, of the instance's value to the argument, is one the operator asks for.
fn order_holds(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Exists
        | Operator::NotExists
        | Operator::In
        | Operator::NotIn
        | Operator::Matches
        | Operator::NotMatches => {
            debug_assert!(false, "the parser gives `{operator}` no ordered argument");
            false
        }
    }
}

fn unreachable_argument(comparison: &Comparison) -> bool {
    debug_assert!(false, "the parser makes no such comparison: {comparison:?}");
    false
}
