//! The truth of a cluster query expression (placement spec 5.4), over the tree that the parser makes. A pattern is
//! matched by the program that the parser compiled; all else is evaluated here.

use std::cmp::Ordering;

use scheduler_core::expression::{Argument, Comparison, Node, Operator, Subject};
use scheduler_core::{AttributeLookup, Attributes};

/// What an expression may ask of an instance.
pub(super) struct Facts<'a> {
    pub(super) name: &'a str,
    pub(super) attributes: &'a Attributes,
    pub(super) connected: bool,
    pub(super) agent_version: &'a str,
    pub(super) registered_at_ms: i64,
    /// Of the tasks whose desired status is RUNNING, one entry a task.
    pub(super) groups: Vec<&'a str>,
}

pub(super) fn holds(node: &Node, facts: &Facts<'_>) -> bool {
    match node {
        Node::Or(operands) => operands.iter().any(|operand| holds(operand, facts)),
        Node::And(operands) => operands.iter().all(|operand| holds(operand, facts)),
        Node::Not(operand) => !holds(operand, facts),
        Node::Comparison(comparison) => comparison_holds(comparison, facts),
    }
}

fn comparison_holds(comparison: &Comparison, facts: &Facts<'_>) -> bool {
    let Comparison { subject, operator, argument, .. } = comparison;
    match subject {
        Subject::AgentConnected => of_text(*operator, argument, if facts.connected { "true" } else { "false" }),
        Subject::Ec2InstanceId => of_text(*operator, argument, facts.name),
        Subject::AgentVersion => match argument {
            // C-41
            Argument::Version(bound) => match (integers(facts.agent_version), integers(bound.as_str())) {
                (Some(version), Some(bound)) => of_order(*operator, compare_integers(&version, &bound)),
                _ => false,
            },
            _ => of_text(*operator, argument, facts.agent_version),
        },
        Subject::RegisteredAt => match argument {
            Argument::InstantMs(instant) => of_order(*operator, facts.registered_at_ms.cmp(instant)),
            _ => false,
        },
        Subject::RunningTasksCount => match argument {
            Argument::Count(count) => of_order(*operator, (facts.groups.len() as i128).cmp(&i128::from(*count))),
            _ => false,
        },
        Subject::Attribute(name) => match (facts.attributes.get(name), operator) {
            (found, Operator::Exists) => found != AttributeLookup::Missing,
            (found, Operator::NotExists) => found == AttributeLookup::Missing,
            // C-36, C-37: without a value nothing holds.
            (AttributeLookup::Missing | AttributeLookup::WithoutValue | AttributeLookup::Value(""), _) => false,
            (AttributeLookup::Value(value), _) => of_text(*operator, argument, value),
        },
        // C-43: a negative operator negates the positive form.
        Subject::TaskGroup => {
            let any = |positive| facts.groups.iter().any(|group| of_text(positive, argument, group));
            match operator {
                Operator::Exists => !facts.groups.is_empty(),
                Operator::NotExists => facts.groups.is_empty(),
                Operator::NotEqual => !any(Operator::Equal),
                Operator::NotIn => !any(Operator::In),
                Operator::NotMatches => !any(Operator::Matches),
                positive => any(*positive),
            }
        }
    }
}

fn of_text(operator: Operator, argument: &Argument, value: &str) -> bool {
    match (operator, argument) {
        (Operator::Equal, Argument::Text(text)) => *value == **text,
        (Operator::NotEqual, Argument::Text(text)) => *value != **text,
        (Operator::In, Argument::List(texts)) => texts.iter().any(|text| *value == **text),
        (Operator::NotIn, Argument::List(texts)) => !texts.iter().any(|text| *value == **text),
        (Operator::Matches, Argument::Pattern(pattern)) => pattern.is_match(value),
        (Operator::NotMatches, Argument::Pattern(pattern)) => !pattern.is_match(value),
        (ordering, Argument::Text(text)) => of_order(ordering, order(value, text)),
        _ => false,
    }
}

fn of_order(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        _ => false,
    }
}

/// C-39: by number if both are decimal numbers, else by bytes.
fn order(left: &str, right: &str) -> Ordering {
    match (decimal(left), decimal(right)) {
        (Some((left_sign, left)), Some((right_sign, right))) => {
            let magnitude = compare_decimals(left, right);
            let (left_sign, right_sign) = (signum(left_sign, left), signum(right_sign, right));
            left_sign.cmp(&right_sign).then(if left_sign < 0 { magnitude.reverse() } else { magnitude })
        }
        _ => left.as_bytes().cmp(right.as_bytes()),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is negative, and its whole and fractional digits.
fn decimal(text: &str) -> Option<(bool, (&str, &str))> {
    let magnitude = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    (is_digits(whole) && is_digits(fraction)).then_some((text.starts_with('-'), (whole, fraction)))
}

fn signum(is_negative: bool, (whole, fraction): (&str, &str)) -> i8 {
    let is_zero = whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
    if is_zero { 0 } else { 1 - 2 * i8::from(is_negative) }
}

fn compare_decimals(left: (&str, &str), right: (&str, &str)) -> Ordering {
    let width = left.1.len().max(right.1.len());
    let padded = |fraction: &str| format!("{fraction:0<width$}");
    compare_whole(left.0, right.0).then_with(|| padded(left.1).cmp(&padded(right.1)))
}

/// Two runs of digits by their value, however long.
fn compare_whole(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// The integers of a version; `None` if it is none.
fn integers(version: &str) -> Option<Vec<&str>> {
    let numbers = version.split('-').next().unwrap_or(version);
    numbers.split('.').map(|part| is_digits(part).then_some(part)).collect()
}

fn compare_integers(left: &[&str], right: &[&str]) -> Ordering {
    let at = |numbers: &[&str], index: usize| numbers.get(index).copied().unwrap_or("0").to_owned();
    let parts = (0..left.len().max(right.len())).map(|index| compare_whole(&at(left, index), &at(right, index)));
    parts.fold(Ordering::Equal, Ordering::then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_versions_compare_by_value() {
        for (left, right, expected) in [
            ("9", "10", Ordering::Less),
            ("9a", "10a", Ordering::Greater),
            ("-0", "0.00", Ordering::Equal),
            ("-2", "-10", Ordering::Greater),
            ("-0.1", "0", Ordering::Less),
            ("0.5", "0.45", Ordering::Greater),
            ("007", "+7.0", Ordering::Equal),
        ] {
            assert_eq!(order(left, right), expected, "{left} ? {right}");
            assert_eq!(order(right, left), expected.reverse(), "{right} ? {left}");
        }
        let version = |text| integers(text).expect("a version");
        assert_eq!(compare_integers(&version("1.9.0"), &version("1.14")), Ordering::Less);
        assert_eq!(compare_integers(&version("1.14.0-rc"), &version("1.14")), Ordering::Equal);
        assert_eq!(integers("1.x"), None);
    }
}
