//! Whole traces in, what is read or refused out.

mod fleet;
mod messages;

use super::*;

fn survey(text: &str) -> Result<Survey, TraceErrors> {
    from_bytes("t.json", text.as_bytes(), OpenOptions::default())?.survey()
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let errors = match survey(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.errors().iter().map(ToString::to_string).collect(),
    };
    assert_eq!(errors, expected, "{text}");
}

/// A document of the parts given, which share one web definition and one instance.
fn document(parts: &str) -> String {
    format!(
        r#"{{"version": 1,
"containerInstances": [{{"ec2InstanceId": "i-a", "instanceType": "t2.micro", "availabilityZone": "us-east-2a"}}],
"taskDefinitions": [{{"family": "web", "memory": 100}}],
{parts}}}"#
    )
}

/// An event list of one action at second 0.
fn event(action: &str) -> String {
    document(&format!("\"events\": [\n{{\"atSeconds\": 0, {action}}}\n]"))
}

#[track_caller]
fn event_refused(action: &str, expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|message| format!("t.json:5:{message}")).collect();
    refused(&event(action), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

fn events(source: &Source) -> Vec<Event> {
    let survey = source.survey().expect("a sound trace");
    source.events(&survey).expect("readable").map(|event| event.expect("a sound event")).collect()
}

#[test]
fn the_smallest_trace_has_a_version() {
    let survey = survey(r#"{"version": 1}"#).expect("a trace");
    assert_eq!((&*survey.header.name, survey.event_count), ("t.json", 0));
    assert_eq!(survey.header.settings, Settings::default());
    assert_eq!(survey.sha256, "c3aa9744214caf6eb993d6f88f3f1dda3e4e60d59f712b6463c4ce2c4b00dfa1".into());
    refused("{}", &["t.json:1:1: a trace needs `version`; write `\"version\": 1`"]);
    refused(r#"{"version": 2}"#, &["t.json:1:13: version 2 of the trace format; this program reads version 1"]);
    refused(r#"{"version": "1"}"#, &["t.json:1:13: expected the version of the trace format, 1, found a text"]);
    refused("[]", &["t.json:1:1: expected a trace, which is an object, found a list"]);
    refused("7", &["t.json:1:1: expected a trace, which is an object, found a number"]);
    refused(r#"{"version": 1, "events": {}}"#, &["t.json:1:26: expected a list, found an object"]);
}

#[test]
fn broken_json_is_refused_at_its_place() {
    refused("{\"version\": 1,\n  \"name\": \"a\" \"b\"}", &["t.json:2:15: not JSON: expected `,` or `}` here"]);
    refused(
        "{\"version\": 1, \"settings\": {\"seed\": 01}}",
        &["t.json:1:38: not JSON: expected the end of the number here"],
    );
    refused("{\"version\": 1, \"x-note\": {a}}", &["t.json:1:27: not JSON: expected a key in double quotes here"]);
    refused("{\"version\": 1", &["t.json:1:14: not JSON: the file ends here, but an object is not closed"]);
    let deep = format!("{{\"version\": 1, \"x\": {}}}", "[".repeat(10_000));
    refused(&deep, &["t.json:1:148: not JSON: nested deeper than 128 levels; the limit is 128"]);
}

#[test]
fn unknown_keys_name_the_nearest_known_one() {
    refused(
        r#"{"version": 1, "continerInstances": []}"#,
        &["t.json:1:16: a trace has no key `continerInstances`; did you mean `containerInstances`?"],
    );
    event_refused(r#""runTsk": {}"#, &["18: an event has no key `runTsk`; did you mean `runTask`?"]);
    event_refused(
        r#""runTask": {"taskDefinition": "web", "placementConstraint": []}"#,
        &["55: runTask has no key `placementConstraint`; did you mean `placementConstraints`?"],
    );
    event_refused(
        r#""registerTaskDefinition": {"family": "a", "containerDefinitions": [{"name": "c", "memroy": 1}]}"#,
        &["99: a container definition has no key `memroy`; did you mean `memory`?"],
    );
    survey(&event(r#""runTask": {"taskDefinition": "web", "enableExecuteCommand": true, "x-why": 1}"#))
        .expect("accepted");
}

#[test]
fn lenient_reading_turns_unknown_keys_into_warnings() {
    let text = event(r#""runTask": {"taskDefinition": "web", "cuont": 1}"#);
    let survey = from_bytes("t.json", text.as_bytes(), OpenOptions { lenient: true })
        .and_then(|source| source.survey().map_err(|mut errors| errors.errors.remove(0)))
        .expect("accepted");
    let warnings: Vec<_> = survey.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["t.json:5:55: runTask has no key `cuont`; did you mean `count`?"]);
}

#[test]
fn keys_that_stand_twice_are_refused_everywhere() {
    refused("{\"version\": 1, \"version\": 1}", &["t.json:1:16: `version` is given twice; keep one"]);
    let text = event(
        r#""registerTaskDefinition": {"family": "a", "containerDefinitions": [{"name": "c", "memory": 1, "dockerLabels": {"k": "1", "k": "2"}}]}"#,
    );
    refused(&text, &["t.json:5:139: a key is given twice in one object; keep one"]);
}

#[test]
fn times_are_exact_milliseconds() {
    let at = |seconds: &str| {
        let text =
            document(&format!(r#""events": [{{"atSeconds": {seconds}, "runTask": {{"taskDefinition": "web"}}}}]"#));
        survey(&text).map(|survey| survey.last_event_ms).map_err(|errors| errors.to_string())
    };
    assert_eq!(at("1e3"), Ok(1_000_000));
    assert_eq!(at("0.001"), Ok(1));
    for wrong in ["0.0001", "-1", "1e400", "1e12"] {
        let expected = "seconds from 0 to 100000000000 with at most three decimals";
        assert_eq!(at(wrong), Err(format!("t.json:4:26: expected {expected}, found {wrong}")));
    }
    assert_eq!(
        at("\"1\""),
        Err("t.json:4:26: expected seconds from 0 to 100000000000 with at most three decimals, found a text".to_owned())
    );
}

#[test]
fn events_say_one_thing() {
    event_refused(r#""x-note": 1"#, &["1: an event needs one action, such as `runTask`, beside `atSeconds`"]);
    event_refused(
        r#""runTask": {"taskDefinition": "web"}, "stopTask": {"group": "g"}"#,
        &["56: an event has one action; `stopTask` is a second beside `runTask`"],
    );
    event_refused(r#""stopTask": {}"#, &["30: give one of `task` and `group`"]);
    event_refused(r#""setTaskHealth": {"task": "a"}"#, &["18: `setTaskHealth` is not supported by this version"]);
}

#[test]
fn references_to_task_definitions_are_resolved_at_their_time() {
    let text = document(
        r#""events": [
        {"atSeconds": 2, "runTask": {"taskDefinition": "web"}},
        {"atSeconds": 1, "registerTaskDefinition": {"family": "web", "memory": 200}},
        {"atSeconds": 0, "runTask": {"taskDefinition": "arn:aws:ecs:us-east-2:1:task-definition/web"}},
        {"atSeconds": 3, "runTask": {"taskDefinition": "web:1"}}]"#,
    );
    let source = from_bytes("t.json", text.as_bytes(), OpenOptions::default()).expect("readable");
    let used: Vec<_> = events(&source)
        .into_iter()
        .filter_map(|event| match event.action {
            Action::RunTask(run) => Some((event.number, run.request.definition.core.name().to_owned())),
            _ => None,
        })
        .collect();
    assert_eq!(used, [(2, "web:1".to_owned()), (0, "web:2".to_owned()), (3, "web:1".to_owned())]);
    event_refused(
        r#""runTask": {"taskDefinition": "wbe"}"#,
        &["48: no task definition `wbe` here; did you mean `web`?"],
    );
    event_refused(
        r#""runTask": {"taskDefinition": "web:7"}"#,
        &["48: no task definition `web:7` here; did you mean `web:1`?"],
    );
    event_refused(
        r#""registerTaskDefinition": {"family": "web", "memory": 1, "revision": 1}"#,
        &["87: revision 1 of `web` is there already"],
    );
}

#[test]
fn a_task_definition_may_stand_as_describe_prints_it() {
    let survey = survey(
        r#"{"version": 1, "taskDefinitions": [{"taskDefinition": {"family": "web", "revision": 7, "status": "ACTIVE",
            "taskDefinitionArn": "arn:aws:ecs:us-east-2:1:task-definition/web:7", "requiresAttributes": [],
            "containerDefinitions": [{"name": "a", "memory": 5}]}, "tags": []}]}"#,
    )
    .expect("a trace");
    assert_eq!(survey.header.definitions[0].core.name(), "web:7");
}

#[test]
fn rules_of_requests_are_checked_with_their_places() {
    event_refused(
        r#""runTask": {"taskDefinition": "web", "placementConstraints": [{"type": "memberOf", "expression": "attribute:a = b"}]}"#,
        &["128: the expression of `memberOf` does not parse: `=` is not an operator; write `==`"],
    );
}

#[test]
fn rules_of_requests_are_refused() {
    let first =
        |action: &str| survey(&event(action)).map(|_| ()).map_err(|errors| errors.errors()[0].problem.to_string());
    let run = |rest: &str| first(&format!(r#""runTask": {{"taskDefinition": "web", {rest}}}"#));
    assert_eq!(
        run(r#""placementConstraints": [{"type": "distinctInstance", "expression": ""}]"#),
        Err("distinctInstance expression should not be specified.".to_owned())
    );
    let eleven = [r#"{"type": "distinctInstance"}"#; 11].join(",");
    assert_eq!(
        run(&format!("\"placementConstraints\": [{eleven}]")),
        Err("11 placement constraints, those of the task definition included; the limit is 10".to_owned())
    );
    let copies = format!("\"id\": \"{}\", \"count\": 11", "n".repeat(253));
    assert_eq!(run(&copies), Err("a name of 256 characters; the limit is 255".to_owned()));
    let six = [r#"{"type": "random"}"#; 6].join(",");
    assert_eq!(
        run(&format!("\"placementStrategy\": [{six}]")),
        Err("6 placement strategies; the limit is 5".to_owned())
    );
    assert_eq!(
        run(r#""placementStrategy": [{"type": "binpack", "field": "disk"}]"#),
        Err("`disk` is no field of `binpack`; there are `cpu` and `memory`".to_owned())
    );
    assert_eq!(run(r#""placementStrategy": [{"type": 7}]"#), Err("expected a text, found a number".to_owned()));
    assert_eq!(
        run(r#""launchType": "FARGATE""#),
        Err("launch type `FARGATE`; tasks run on EC2 container instances here".to_owned())
    );
    assert_eq!(
        run(r#""capacityProviderStrategy": [{"capacityProvider": "a"}]"#),
        Err("`capacityProviderStrategy` is not supported by this version".to_owned())
    );
    assert_eq!(run(r#""count": 0"#), Err("expected a whole number from 1 to 2147483648, found 0".to_owned()));
    assert_eq!(run(r#""id": "a\nb""#), Err("the name `a\nb` contains a control character".to_owned()));
    let long = "n".repeat(256);
    assert_eq!(run(&format!("\"id\": \"{long}\"")), Err("a name of 256 characters; the limit is 255".to_owned()));
    assert_eq!(
        first(r#""failContainerInstances": {"filter": "attribute:a"}"#).map_err(|it| it.contains("does not parse")),
        Err(true)
    );
}

#[test]
fn events_of_an_instant_come_in_the_order_of_their_ranks_in_both_forms() {
    let head =
        r#"{"version": 1, "containerInstances": [{"count": 2, "instanceType": "t2.micro", "availabilityZone": "a"}]"#;
    let lines = [
        r#"{"atSeconds": 1, "setAgentConnected": {"containerInstances": ["i-000000"], "connected": false}}"#,
        r#"{"atSeconds": 1, "registerContainerInstances": [{"instanceType": "t2.micro", "availabilityZone": "b"}]}"#,
        r#"{"atSeconds": 1, "failContainerInstances": {"availabilityZone": "a"}}"#,
        r#"{"atSeconds": 1, "deregisterContainerInstance": {"containerInstance": "i-000001"}}"#,
        r#"{"atSeconds": 2, "putAttributes": {"attributes": [{"name": "n", "value": "", "targetId": "i-000002"}]}}"#,
    ];
    let as_document = format!("{head}, \"events\": [{}]}}", lines.join(","));
    let as_lines = format!("{head}}}\n{}\n", lines.join("\n"));
    for text in [as_document, as_lines] {
        let source = from_bytes("t.json", text.as_bytes(), OpenOptions::default()).expect("readable");
        let order: Vec<_> = events(&source).iter().map(|event| event.number).collect();
        assert_eq!(order, [2, 3, 1, 0, 4]);
    }
}

#[test]
fn lines_stand_in_the_order_of_time() {
    let head = r#"{"version": 1, "taskDefinitions": [{"family": "web", "memory": 1}]}"#;
    let run = |at| format!("{{\"atSeconds\": {at}, \"runTask\": {{\"taskDefinition\": \"web\"}}}}");
    refused(
        &format!("{head}\n{}\n{}\n", run("1.5"), run("1")),
        &[
            "t.json:3:1: the time goes back, from second 1.5 to 1; the events of JSON Lines stand in the order of their times",
        ],
    );
    refused(
        &format!("{head}\n\n{}\n", run("1")),
        &["t.json:2:1: an empty line; in JSON Lines each line after the first is one event"],
    );
    let survey = survey(&format!("{head}\n{}\n{}\n\n", run("1"), run("1"))).expect("a trace");
    assert_eq!((survey.event_count, survey.tasks_requested), (2, 2));
    refused(
        &format!("{head}\n{{]\n{}", run("x")),
        &[
            "t.json:2:2: not JSON: expected a key in double quotes here",
            "t.json:3:15: not JSON: expected a JSON value here",
        ],
    );
}

#[test]
fn only_tasks_requested_before_can_be_stopped() {
    let text = |events: &str| document(&format!("\"events\": [\n{events}]"));
    let run = r#"{"atSeconds": 1, "runTask": {"taskDefinition": "web", "id": "job", "count": 3}},"#;
    let stop = |at, task| format!(r#"{{"atSeconds": {at}, "stopTask": {{"task": "{task}"}}}}"#);
    survey(&text(&format!("{run}{}", stop(1, "job/2")))).expect("a trace");
    refused(
        &text(&format!("{run}\n{}", stop(1, "job/3"))),
        &["t.json:6:1: no task `job/3` was requested before; did you mean `job/0`?"],
    );
    refused(
        &text(&format!("{run}\n{}", stop(0, "job/2"))),
        &["t.json:6:1: task `job/2` is requested only later, at t.json:5:1; stop it after that"],
    );
    survey(&text(&format!("{run}{}", stop(2, "task-9")))).expect_err("unknown");
}

#[test]
fn the_horizon_follows_from_the_trace_and_the_settings() {
    let text = document(
        r#""settings": {"taskStartSeconds": 2}, "events": [
        {"atSeconds": 5, "runTask": {"taskDefinition": "web", "durationSeconds": 10}},
        {"atSeconds": 16, "runTask": {"taskDefinition": "web"}}]"#,
    );
    let survey = survey(&text).expect("a trace");
    let mut settings = survey.header.settings.clone();
    assert_eq!(survey.horizon_ms(&settings), 17_000);
    settings.set("taskStartSeconds", "0.5").expect("a setting");
    assert_eq!(survey.horizon_ms(&settings), 16_000);
    settings.set("endSeconds", "3").expect("a setting");
    assert_eq!(survey.horizon_ms(&settings), 3_000);
}

#[test]
fn settings_are_made_by_name() {
    let mut settings = Settings::default();
    for (key, value) in [
        ("onUnplaceable", "queue"),
        ("seed", "18446744073709551615"),
        ("headroomWeights", "{\"cpu\": 1}"),
        ("epoch", "2026-11-24T00:00:00Z"),
        ("defaultStrategy", "spread(instanceId)"),
        ("tieBreak", "\"random\""),
    ] {
        settings.set(key, value).expect("a setting");
    }
    assert_eq!(settings.on_unplaceable, OnUnplaceable::Queue);
    assert_eq!((settings.seed, settings.epoch_ms), (u64::MAX, 1_795_478_400_000));
    assert_eq!((settings.headroom_weights.cpu, settings.headroom_weights.memory), (1, 1));
    let error = |key: &str, value: &str| Settings::default().set(key, value).unwrap_err().to_string();
    assert_eq!(
        error("defaultStrategy", "as-written"),
        "setting `defaultStrategy`: default strategy: `as-written` is no default strategy: it says what to do with the \
         strategies of the trace"
    );
    assert_eq!(error("sed", "1"), "there is no setting `sed`; did you mean `seed`?");
    assert_eq!(
        error("seed", "x"),
        "setting `seed`: expected a whole number from 0 to 18446744073709551615, found a text"
    );
    assert_eq!(
        error("onUnplaceable", "quue"),
        "setting `onUnplaceable`: `quue` is not one of `fail`, `queue`; did you mean `queue`?"
    );
}

#[test]
fn requests_written_alike_are_shared() {
    let run = r#"{"atSeconds": 1, "runTask": {"taskDefinition": "web", "placementStrategy": [{"type": "random"}]}}"#;
    let text = document(&format!("\"events\": [{run}, {run}]"));
    let source = from_bytes("t.json", text.as_bytes(), OpenOptions::default()).expect("readable");
    let requests: Vec<_> = events(&source)
        .into_iter()
        .filter_map(|event| match event.action {
            Action::RunTask(run) => Some(run.request),
            _ => None,
        })
        .collect();
    assert!(std::sync::Arc::ptr_eq(&requests[0], &requests[1]));
    assert!(source.survey().expect("sound").has_strategies);
}

#[test]
fn sources_are_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    fn is_sent<T: Send>() {}
    is_shared::<Source>();
    is_shared::<Survey>();
    is_sent::<Events>();
}
