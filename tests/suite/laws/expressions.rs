//! Expressions mean what section 5 says, however they are written.

use proptest::prelude::*;
use scheduler_core::expression::{Expression, InstanceFacts};
use scheduler_core::{AttributeLookup, AttributeName, DesiredStatus, InstanceView, laws};
use scheduler_tests::reference::{Facts, holds};

use super::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_expression_survives_print_and_parse(text in laws::expression_text()) {
        let expression = Expression::parse(&text).expect("generated expressions parse");
        let printed = expression.to_string();
        let again = Expression::parse(&printed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, &expression);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn an_expression_is_as_true_as_the_reference_says(
        history in laws::history(12),
        texts in prop::collection::vec(laws::expression_text(), 1..6),
    ) {
        let cluster = history.replay();
        for text in &texts {
            let expression = Expression::parse(text).expect("generated expressions parse");
            for instance in cluster.instances() {
                let expected = holds(expression.root(), &facts(&instance));
                prop_assert_eq!(expression.matches(&instance), expected, "{} on {:?}", text, instance);
            }
            let listed: Vec<_> = cluster.matching(&expression).map(|instance| instance.id()).collect();
            let present = cluster.instances().filter(InstanceView::is_present);
            let expected: Vec<_> =
                present.filter(|instance| holds(expression.root(), &facts(instance))).map(|it| it.id()).collect();
            prop_assert_eq!(listed, expected);
        }
    }

    #[test]
    fn a_static_expression_asks_for_attributes_only(text in laws::static_expression_text(), live in laws::live_expression_text()) {
        let expression = Expression::parse(&text).expect("generated expressions parse");
        prop_assert!(expression.is_static());
        prop_assert!(!expression.reads_tasks());
        // Panics if it asks for anything else.
        let _ = expression.matches(&OnlyAttributes);
        let live = Expression::parse(&live).expect("generated expressions parse");
        prop_assert!(!live.is_static());
        prop_assert!(live.attribute_names().is_empty());
    }
}

fn facts<'a>(instance: &InstanceView<'a>) -> Facts<'a> {
    let runs = instance.tasks().filter(|task| task.desired_status() == DesiredStatus::Running);
    Facts {
        name: instance.name(),
        attributes: instance.attributes(),
        connected: InstanceView::agent_connected(instance),
        agent_version: instance.description().agent_version(),
        registered_at_ms: instance.description().registered_at_ms(),
        groups: runs.map(|task| task.group().as_str()).collect(),
    }
}

/// An instance that has every attribute, and nothing else to say.
struct OnlyAttributes;

impl InstanceFacts for OnlyAttributes {
    fn ec2_instance_id(&self) -> &str {
        panic!("a static expression does not ask for the name")
    }

    fn attribute(&self, _: &AttributeName) -> AttributeLookup<'_> {
        AttributeLookup::Value("prod")
    }

    fn agent_connected(&self) -> bool {
        panic!("a static expression does not ask for the agent")
    }

    fn agent_version(&self) -> &str {
        panic!("a static expression does not ask for the version")
    }

    fn registered_at_ms(&self) -> i64 {
        panic!("a static expression does not ask for the registration")
    }

    fn running_tasks_count(&self) -> u64 {
        panic!("a static expression does not ask for tasks")
    }

    fn any_task_group(&self, _: &mut dyn FnMut(&str) -> bool) -> bool {
        panic!("a static expression does not ask for groups")
    }
}
