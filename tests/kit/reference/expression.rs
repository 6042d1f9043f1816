//! The truth of a cluster query expression, by section 5.4 of the specification, over the tree that the parser makes.

use std::cmp::Ordering;

use regex_automata::meta::Regex;
use scheduler_core::expression::{Argument, Comparison, Node, Operator, Subject};
use scheduler_core::{AttributeLookup, Attributes};

/// What an expression may ask of an instance.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: &'a Attributes,
    /// Whether its agent is connected.
    pub connected: bool,
    /// Its agent's version.
    pub agent_version: &'a str,
    /// Its registration, in milliseconds since 1970.
    pub registered_at_ms: i64,
    /// The groups of its tasks whose desired status is RUNNING, one entry a task.
    pub groups: Vec<&'a str>,
}

/// Whether the expression holds.
///
/// # Panics
/// If the tree is not one that the parser makes.
pub fn holds(node: &Node, facts: &Facts<'_>) -> bool {
    match node {
        Node::Or(operands) => operands.iter().map(|operand| holds(operand, facts)).fold(false, |a, b| a | b),
        Node::And(operands) => operands.iter().map(|operand| holds(operand, facts)).fold(true, |a, b| a & b),
        Node::Not(operand) => !holds(operand, facts),
        Node::Comparison(comparison) => comparison_holds(comparison, facts),
    }
}

fn comparison_holds(comparison: &Comparison, facts: &Facts<'_>) -> bool {
    let Comparison { subject, operator, argument, .. } = comparison;
    match subject {
        Subject::AgentConnected => of_text(*operator, argument, if facts.connected { "true" } else { "false" }),
        Subject::Ec2InstanceId => of_text(*operator, argument, facts.name),
        Subject::AgentVersion => match (operator, argument) {
            (Operator::Equal | Operator::NotEqual, _) => of_text(*operator, argument, facts.agent_version),
            (_, Argument::Version(bound)) => match (integers(facts.agent_version), integers(bound.as_str())) {
                (Some(version), Some(bound)) => of_order(*operator, version.cmp(&bound)),
                _ => false,
            },
            _ => panic!("an ordering on `agentVersion` has a version"),
        },
        Subject::RegisteredAt => match argument {
            Argument::InstantMs(instant) => of_order(*operator, facts.registered_at_ms.cmp(instant)),
            _ => panic!("`registeredAt` has an instant"),
        },
        Subject::RunningTasksCount => match argument {
            Argument::Count(count) => of_order(*operator, super::cluster::count(facts.groups.len()).cmp(count)),
            _ => panic!("`runningTasksCount` has a count"),
        },
        Subject::Attribute(name) => match (facts.attributes.get(name), operator) {
            (found, Operator::Exists) => found != AttributeLookup::Missing,
            (found, Operator::NotExists) => found == AttributeLookup::Missing,
            // C-36 and C-37: without a value nothing holds.
            (AttributeLookup::Missing | AttributeLookup::WithoutValue, _) => false,
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
        (Operator::Matches, Argument::Pattern(pattern)) => whole_matches(pattern.text(), value),
        (Operator::NotMatches, Argument::Pattern(pattern)) => !whole_matches(pattern.text(), value),
        (ordering, Argument::Text(text)) => of_order(ordering, order(value, text)),
        (operator, argument) => panic!("the parser makes no `{operator}` with {argument:?}"),
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
        operator => panic!("`{operator}` does not order"),
    }
}

/// C-40: the whole value must match. The patterns of the law kit are balanced, so a group around one is safe.
fn whole_matches(pattern: &str, value: &str) -> bool {
    let regex = Regex::new(&format!(r"\A(?:{pattern})\z")).expect("patterns of the law kit are regular expressions");
    regex.is_match(value)
}

/// C-39: by number if both are decimal numbers, else by bytes.
fn order(left: &str, right: &str) -> Ordering {
    match (decimal(left), decimal(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.as_bytes().cmp(right.as_bytes()),
    }
}

/// A decimal in millionths; the numbers of the law kit are short.
fn decimal(text: &str) -> Option<i64> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let magnitude = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let millionths: i64 = format!("{whole}{fraction:0<6}").parse().ok()?;
    Some(if text.starts_with('-') { -millionths } else { millionths })
}

/// C-41: the integers of a version, without trailing zeros; `None` if it is none.
fn integers(version: &str) -> Option<Vec<u64>> {
    let numbers = version.split('-').next().unwrap_or(version);
    let mut integers = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    while integers.last() == Some(&0) {
        integers.pop();
    }
    Some(integers)
}
