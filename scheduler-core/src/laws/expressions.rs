//! Cluster query expressions, as texts that parse: every subject, operator and way of writing.

use proptest::prelude::*;
use proptest::sample::select;

use super::{CUSTOM_ATTRIBUTES, GROUPS, ZONES};
use crate::expression::Expression;

const COMPARISONS: [&str; 12] = [
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "equals",
    "not_equals",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
];
const EQUALITIES: [&str; 4] = ["==", "!=", "equals", "not_equals"];
const LISTS: [&str; 3] = ["in", "!in", "not_in"];
const MATCHES: [&str; 4] = ["=~", "!~", "matches", "not_matches"];
const EXISTENCES: [&str; 3] = ["exists", "!exists", "not_exists"];
const VALUES: [&str; 10] = ["prod", "test", "r1", "2", "10", "1.5", "-3", "'a b'", "\"us-east-1a\"", "t2.micro"];
/// Patterns that mean the same in Java and in Rust.
const PATTERNS: [&str; 12] = [
    "prod",
    "t2.*",
    "p.*",
    ".*",
    "prod|test",
    "r[12]",
    "[a-z]+",
    "us-east-1[ab]",
    "'r(1|2)'",
    "'(a b)?'",
    ".*o.",
    "[0-9.]{1,2}",
];

/// An expression over every subject.
pub fn expression() -> BoxedStrategy<Expression> {
    parsed(expression_text())
}

/// An expression over attributes only: [`Expression::is_static`] holds.
pub fn static_expression() -> BoxedStrategy<Expression> {
    parsed(static_expression_text())
}

/// The text of [`static_expression`].
pub fn static_expression_text() -> BoxedStrategy<String> {
    compound(attribute_comparison())
}

/// The text of an expression whose every subject is live: what tasks, agent and registration say.
pub fn live_expression_text() -> BoxedStrategy<String> {
    compound(live_comparison())
}

/// The text of [`expression`].
pub fn expression_text() -> BoxedStrategy<String> {
    compound(prop_oneof![3 => attribute_comparison(), 2 => live_comparison()].boxed())
}

fn parsed(text: BoxedStrategy<String>) -> BoxedStrategy<Expression> {
    text.prop_map(|text| Expression::parse(&text).expect("generated expressions parse")).boxed()
}

fn compound(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
    leaf.prop_recursive(3, 8, 3, |inner| {
        let joined = (prop::collection::vec(inner.clone(), 2..=3), select(vec![" and ", " or ", "&&", " || "]))
            .prop_map(|(operands, join)| {
                operands.iter().map(|operand| format!("({operand})")).collect::<Vec<_>>().join(join)
            });
        // Without parentheses precedence decides.
        let bare = (inner.clone(), inner.clone(), select(vec![" and ", " or "]))
            .prop_map(|(left, right, join)| format!("{left}{join}{right}"));
        let negated = (select(vec!["not", "!"]), inner).prop_map(|(not, inner)| format!("{not}({inner})"));
        prop_oneof![joined, bare, negated]
    })
    .boxed()
}

fn attribute_comparison() -> BoxedStrategy<String> {
    let mut names = vec!["host", "ecs.availability-zone", "ecs.instance-type", "nobody-has-this"];
    names.extend(CUSTOM_ATTRIBUTES.map(|(name, _)| name));
    names.rotate_right(CUSTOM_ATTRIBUTES.len());
    let argument = prop_oneof![
        3 => with_value(&COMPARISONS, values()),
        2 => with_list(values()),
        2 => (select(MATCHES.to_vec()), select(PATTERNS.to_vec())).prop_map(|(operator, pattern)| format!("{operator} {pattern}")),
        1 => select(EXISTENCES.to_vec()).prop_map(str::to_owned),
    ];
    (select(names), argument).prop_map(|(name, argument)| format!("attribute:{name} {argument}")).boxed()
}

fn values() -> BoxedStrategy<String> {
    let zones = ZONES.map(|zone| format!("'{zone}'"));
    prop_oneof![
        4 => select(VALUES.to_vec()).prop_map(str::to_owned),
        1 => select(zones.to_vec()),
        1 => (0..4).prop_map(|number| format!("i-{number}")),
    ]
    .boxed()
}

fn live_comparison() -> BoxedStrategy<String> {
    let groups = || select(GROUPS.to_vec()).prop_map(str::to_owned).boxed();
    let names = || (0..6).prop_map(|number| format!("i-{number}")).boxed();
    let group = prop_oneof![
        with_value(&EQUALITIES, groups()),
        with_list(groups()),
        (select(MATCHES.to_vec()), select(vec!["service:.*", "family:.*", ".*web"]))
            .prop_map(|(operator, pattern)| format!("{operator} {pattern}")),
        select(EXISTENCES.to_vec()).prop_map(str::to_owned),
    ];
    let name = prop_oneof![
        with_value(&EQUALITIES, names()),
        with_list(names()),
        select(MATCHES.to_vec()).prop_map(|operator| format!("{operator} i-[0-2]")),
    ];
    let connected = with_value(&EQUALITIES, select(vec!["true", "false"]).prop_map(str::to_owned).boxed());
    let versions = select(vec!["1.9", "1.14.5", "1.103.0", "1.103", "2.0.0-rc1"]).prop_map(str::to_owned).boxed();
    let instants = select(vec!["1970-01-01", "2018-06-18T22:28:28Z", "2018-06-19T00:28:28+02:00", "2020-02-29"])
        .prop_map(str::to_owned)
        .boxed();
    let subject = |subject: &'static str, rest: BoxedStrategy<String>| {
        rest.prop_map(move |rest| format!("{subject} {rest}")).boxed()
    };
    prop_oneof![
        subject("runningTasksCount", with_value(&COMPARISONS, (0..5u32).prop_map(|count| count.to_string()).boxed())),
        subject("task:group", group.boxed()),
        subject("ec2InstanceId", name.boxed()),
        subject("agentConnected", connected),
        subject("agentVersion", with_value(&COMPARISONS, versions)),
        subject("registeredAt", with_value(&COMPARISONS, instants)),
    ]
    .boxed()
}

fn with_value(operators: &[&'static str], value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (select(operators.to_vec()), value).prop_map(|(operator, value)| format!("{operator} {value}")).boxed()
}

fn with_list(value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (select(LISTS.to_vec()), prop::collection::vec(value, 1..=3))
        .prop_map(|(operator, values)| format!("{operator} [{}]", values.join(", ")))
        .boxed()
}
