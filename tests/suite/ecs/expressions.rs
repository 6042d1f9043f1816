//! Cluster query expressions as the guide tells them [D: Create expressions to define container instances].

use scheduler_core::{ContainerInstance, Expression, Resources};

fn check(expression: &str, instance_type: &str, stack: Option<&str>, expected: bool) {
    let mut builder = ContainerInstance::builder("i-1").zone("a").resources(Resources::new(1, 1));
    builder = builder.attribute("ecs.instance-type", instance_type);
    if let Some(stack) = stack {
        builder = builder.attribute("stack", stack);
    }
    let mut cluster = scheduler_core::Cluster::default();
    cluster.register(builder.build().expect("valid")).expect("the first");
    let expression = Expression::parse(expression).expect("valid");
    assert_eq!(cluster.matching(&expression).count() == 1, expected, "{expression} on {instance_type}, {stack:?}");
}

/// T11 [D: task placement constraints, "Exclude an attribute value"; C-36].
#[test]
fn t11_a_negative_operator_is_false_without_the_attribute() {
    check("attribute:stack != prod", "t2.micro", None, false);
    check("attribute:stack !in [prod]", "t2.micro", None, false);
    check("attribute:stack !~ prod", "t2.micro", None, false);
    check("attribute:stack != prod", "t2.micro", Some("test"), true);
    check("attribute:stack != prod", "t2.micro", Some(""), false); // no value
    check("attribute:stack exists", "t2.micro", Some(""), true);
}

/// T12 [spec 5.4]: `not` negates the answer.
#[test]
fn t12_not_is_true_without_the_attribute() {
    check("not(attribute:stack == prod)", "t2.micro", None, true);
    check("!(attribute:stack == prod)", "t2.micro", Some("prod"), false);
}

/// T13 [D: the guide's own pattern; C-40]: the whole value matches.
#[test]
fn t13_a_pattern_matches_the_whole_value() {
    for (instance_type, expected) in [("t2.micro", true), ("t20.x", true), ("xt2.a", false)] {
        check("attribute:ecs.instance-type =~ t2.*", instance_type, None, expected);
    }
}
