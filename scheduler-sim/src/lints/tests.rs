//! Each kind of remark, and that sound traces get none.

use std::fmt::Write;

use super::*;
use crate::generate::{Options, Preset, generate};
use crate::stories::STORIES;
use crate::trace::{OpenOptions, TraceForm, from_bytes};

fn lints_of(name: &str, bytes: Vec<u8>, options: LintOptions) -> Lints {
    let source = from_bytes(name, bytes, OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    lint(&source, &survey, options, |_| {}).expect("readable")
}

/// A trace of two zones with one event more.
fn trace(fleet: &str, definition: &str, event: &str) -> Vec<u8> {
    format!(
        r#"{{"version": 1, "containerInstances": [
            {{"count": 2, "instanceType": "t2.micro", "availabilityZone": "us-east-2a", "attributes": {{"stack": "prod"}}}},
            {{"count": 2, "instanceType": "t2.micro", "availabilityZone": "us-east-2b", "attributes": {{"stack": "test"}}}}{fleet}],
          "taskDefinitions": [{{"family": "f", "memory": 100{definition}}}],
          "events": [{{"atSeconds": 0, "runTask": {{"taskDefinition": "f"{event}}}}}]}}"#
    )
    .into_bytes()
}

#[track_caller]
fn check(bytes: Vec<u8>, options: LintOptions, expected: &[&str]) {
    let found: Vec<_> = lints_of("t", bytes, options).lints.iter().map(|lint| lint.kind.to_string()).collect();
    assert_eq!(found, expected);
}

fn member_of(expression: &str) -> String {
    format!(r#", "placementConstraints": [{{"type": "memberOf", "expression": "{expression}"}}]"#)
}

#[test]
fn expressions_are_held_against_the_fleet() {
    let cases: [(&str, &[&str]); 9] = [
        ("attribute:stack == prod", &[]),
        ("attribute:stack !exists or runningTasksCount < 3", &[]),
        (
            "attribute:stak == prod",
            &[
                "in `attribute:stak == prod`: no container instance ever has the attribute `stak`; did you mean `stack`?",
            ],
        ),
        (
            "attribute:stack == prd",
            &["in `attribute:stack == prd`: `stack` is `prd` on no container instance; did you mean `prod`?"],
        ),
        (
            "attribute:stack =~ pro.+x",
            &["in `attribute:stack =~ pro.+x`: no value of `stack` in the fleet matches the pattern `pro.+x`"],
        ),
        (
            "not(attribute:stack in [prod, test])",
            &["no container instance of the fleet matches `not(attribute:stack in [prod, test])`"],
        ),
        (
            "attribute:ecs.availability-zone =~ us-east-2*",
            &[
                "in `attribute:ecs.availability-zone =~ us-east-2*`: in the pattern `us-east-2*` a `*` repeats the character before it; any text is `.*`, as in `us-east-2.*`",
                "in `attribute:ecs.availability-zone =~ us-east-2*`: no value of `ecs.availability-zone` in the fleet matches the pattern `us-east-2*`",
            ],
        ),
        (
            "attribute:stack == prod or attribute:stack == test and agentConnected == true",
            &[
                "in `attribute:stack == prod or attribute:stack == test and agentConnected == true`: `and` binds tighter than `or` here, which Amazon ECS does not document; add parentheses",
            ],
        ),
        ("task:group == service:web", &[]),
    ];
    for (expression, expected) in cases {
        let constraint = member_of(expression);
        let found = lints_of("t", trace("", "", &constraint), LintOptions::default());
        let found: Vec<_> = found.lints.iter().map(|lint| lint.kind.to_string()).collect();
        let unused = |text: &String| !text.starts_with("no task of the trace can run");
        assert_eq!(found.into_iter().filter(unused).collect::<Vec<_>>(), expected, "{expression}");
    }
}

#[test]
fn what_matches_alone_may_contradict_together() {
    let both = r#", "placementConstraints": [{"type": "memberOf", "expression": "attribute:stack == prod"},
        {"type": "memberOf", "expression": "attribute:ecs.availability-zone == us-east-2b"}]"#;
    let found = lints_of("t", trace("", "", both), LintOptions::default());
    let contradictions = found.lints.iter().filter(|lint| matches!(lint.kind, LintKind::Contradiction { .. }));
    assert_eq!(contradictions.count(), 1, "{found:?}");
}

#[test]
fn later_registrations_and_changes_count() {
    let with = |event: &str| {
        let text = String::from_utf8(trace("", "", &member_of("attribute:stack == beta"))).expect("text");
        text.replace(r#""events": ["#, &format!(r#""events": [{event}, "#)).into_bytes()
    };
    let joins = r#"{"atSeconds": 9, "registerContainerInstances": [{"instanceType": "t2.micro", "availabilityZone": "z", "attributes": {"stack": "beta"}}]}"#;
    let changes = r#"{"atSeconds": 9, "putAttributes": {"attributes": [{"name": "stack", "value": "beta", "targetId": "i-000000"}]}}"#;
    let named = |event| lints_of("t", with(event), LintOptions::default()).lints.into_iter().map(|lint| lint.kind);
    assert!(named(joins).all(|kind| matches!(kind, LintKind::NobodyUses { .. })));
    assert_eq!(named(changes).count(), 0);
}

#[test]
fn rules_that_cannot_matter_are_told() {
    let rules = r#", "placementStrategy": [{"type": "spread", "field": "attribute:rack"},
        {"type": "spread", "field": "attribute:ecs.os-type"}, {"type": "binpack", "field": "memory"},
        {"type": "binpack", "field": "MEMORY"}]"#;
    check(
        trace("", "", rules),
        LintOptions::default(),
        &[
            "strategy `spread(attribute:rack)` cannot matter: no container instance ever has the attribute",
            "strategy `spread(attribute:ecs.os-type)` cannot matter: all container instances have the same value",
            "strategy `binpack(memory)` cannot matter: the same rule stands before it",
        ],
    );
    let rules = r#", "placementConstraints": [{"type": "distinctInstance"}],
        "placementStrategy": [{"type": "spread", "field": "host"}, {"type": "random"}, {"type": "binpack", "field": "cpu"}]"#;
    check(
        trace("", "", rules),
        LintOptions::default(),
        &[
            "strategy `spread(instanceId)` cannot matter: with distinctInstance no container instance that may take the task has one of its group",
            "strategy `binpack(cpu)` cannot matter: `random` before it leaves one container instance",
        ],
    );
}

#[test]
fn tasks_without_an_instance_and_instances_without_a_task_are_told() {
    let large = trace("", r#", "cpu": 2000"#, "");
    let found = lints_of("t", large, LintOptions::default());
    let fits_nowhere = |lint: &&Lint| matches!(lint.kind, LintKind::FitsNowhere { check: Check::Cpu, .. });
    assert_eq!(found.lints.iter().filter(fits_nowhere).count(), 1);
    let tiny = r#", {"count": 5, "availabilityZone": "us-east-2a", "registeredResources": {"cpu": 10, "memory": 10}}"#;
    check(
        trace(tiny, "", ""),
        LintOptions::default(),
        &["no task of the trace can run on 5 container instances as this one"],
    );
}

#[test]
fn the_limits_of_ecs_are_told_on_request() {
    let bytes = trace("", r#", "maxTasksPerInstance": 2"#, r#", "count": 11"#);
    check(bytes.clone(), LintOptions::default(), &[]);
    let expected =
        ["the count of runTask: 11; Amazon ECS takes 1 to 10", "`f:1`: `maxTasksPerInstance` is no part of Amazon ECS"];
    check(bytes, LintOptions::default().strict_ecs(true), &expected);
}

#[test]
fn remarks_are_bounded_and_counted() {
    let mut text = r#"{"version": 1, "containerInstances": [{"instanceType": "t2.micro", "availabilityZone": "a"}], "taskDefinitions": [{"family": "f", "memory": 1}]}"#.to_owned();
    for index in 0..500 {
        let constraint = member_of(&format!("attribute:a{index} exists"));
        let _ = write!(text, "\n{{\"atSeconds\": 0, \"runTask\": {{\"taskDefinition\": \"f\"{constraint}}}}}");
    }
    let found = lints_of("t.jsonl", text.into_bytes(), LintOptions::default());
    assert_eq!(found.lints.len(), LINT_LIMIT);
    assert_eq!(found.count, 501, "and the instance that nobody uses");
}

#[test]
fn what_comes_with_the_program_gets_no_remark() {
    for preset in Preset::ALL {
        let mut bytes = Vec::new();
        let options = Options { instances: 30, ..Options::default() };
        generate(preset, &options, TraceForm::Lines, &mut bytes).expect("memory takes all");
        assert_eq!(lints_of("t.jsonl", bytes, LintOptions::default()).lints, [], "{preset}");
    }
    for story in STORIES {
        assert_eq!(lints_of(story.name, story.text.into(), LintOptions::default()).lints, [], "{}", story.name);
    }
}
