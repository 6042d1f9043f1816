//! Messages: one a fault, at its place, with what would be right, and without what may be a secret.

use std::io::Write as _;

use super::{document, event, event_refused, refused};
use crate::trace::{OpenOptions, from_bytes};

/// All messages of bytes that are no sound trace.
fn messages(bytes: Vec<u8>) -> Vec<String> {
    match from_bytes("t.json", bytes, OpenOptions::default()) {
        Err(error) => vec![error.to_string()],
        Ok(source) => source.survey().map_or_else(
            |errors| errors.errors().iter().map(ToString::to_string).collect(),
            |survey| survey.warnings.iter().map(ToString::to_string).collect(),
        ),
    }
}

fn of(text: &str) -> Vec<String> {
    messages(text.as_bytes().to_vec())
}

#[test]
fn what_a_terminal_would_act_upon_is_escaped() {
    let shown = of(r#"{"version": 1, "a\u001b[31m\u202e": 1}"#);
    assert!(shown[0].starts_with(r"t.json:1:16: a trace has no key `a\u{1b}[31m\u{202e}`; there are"), "{shown:?}");
    event_refused(
        r#""runTask": {"taskDefinition": "w\u001beb"}"#,
        &[r"48: the name `w\u{1b}eb` contains a control character"],
    );
}

#[test]
fn secrets_are_not_shown() {
    let definition = |container: &str| {
        let action = format!(
            r#""registerTaskDefinition": {{"family": "a", "containerDefinitions": [{{"name": "c", "memory": 1, {container}}}]}}"#
        );
        of(&event(&action)).join("\n")
    };
    for container in [
        r#""environment": [{"SECRET": "SECRET"}]"#,
        r#""environment": [{"name": "a", "value": "b", "SECRET": 1}]"#,
        r#""environment": ["SECRET"]"#,
        r#""secrets": [{"SECRET": "x"}]"#,
        r#""dockerLabels": {"SECRET": "1", "SECRET": "2"}"#,
        r#""logConfiguration": {"logDriver": "json-file", "options": {"SECRET": "1", "SECRET": "2"}}"#,
        r#""essential": "SECRET""#,
        r#""cpu": "SECRET, expected x""#,
        r#""logConfiguration": "SECRET""#,
    ] {
        let shown = definition(container);
        assert!(!shown.is_empty() && !shown.contains("SECRET"), "{container}: {shown}");
    }
    assert_eq!(definition(r#""essential": "SECRET""#), "t.json:5:125: expected true or false, found a text");
    assert_eq!(
        definition(r#""environment": [{"SECRET": "x"}]"#),
        "t.json:5:129: an environment entry has a key that it does not know; there are `name`, `value`"
    );
    assert_eq!(
        definition(r#""dockerLabels": {"k": "1", "k": "2"}"#),
        "t.json:5:139: a key is given twice in one object; keep one"
    );
}

#[test]
fn keys_are_suggested_or_listed() {
    event_refused(
        r#""runTask": {"taskDefinition": "web", "duration": 1}"#,
        &["55: runTask has no key `duration`; did you mean `durationSeconds`?"],
    );
    event_refused(
        r#""updateService": {"serviceName": "web"}"#,
        &["35: updateService needs `service`", "36: updateService has no key `serviceName`; did you mean `service`?"],
    );
    event_refused(
        r#""stopTask": {"task": "a", "zzzzzz": 1}"#,
        &["44: stopTask has no key `zzzzzz`; there are `task`, `group`, `count`, `cluster`, `reason`"],
    );
    refused(
        r#"{"version": 1, "containerInstances": [{"type": "t2.micro", "az": "a"}]}"#,
        &[
            "t.json:1:40: a container instance has no key `type`; did you mean `instanceType`?",
            "t.json:1:60: a container instance has no key `az`; did you mean `availabilityZone`?",
        ],
    );
}

#[test]
fn a_task_that_is_requested_only_later_is_not_suggested_for_itself() {
    let text = document(
        r#""events": [
{"atSeconds": 1, "stopTask": {"task": "job"}},
{"atSeconds": 2, "runTask": {"taskDefinition": "web", "id": "job"}}]"#,
    );
    refused(&text, &["t.json:5:1: task `job` is requested only later, at t.json:6:1; stop it after that"]);
}

#[test]
fn one_fault_is_one_message() {
    refused(
        r#"{"version": 1, "taskDefinitions": [{"family": "a", "memory": 1, "memory": 1.5}]}"#,
        &["t.json:1:65: `memory` is given twice; keep one"],
    );
    refused(
        r#"{"version": 1, "containerInstances": [{"instanceType": "t2.micro", "availabilityZone": "a", "attributes": {"k": "1", "k": "2"}}]}"#,
        &["t.json:1:118: a key is given twice in one object; keep one"],
    );
    refused(
        r#"{"version": 1, "x": 1, "x": 2}"#,
        &["t.json:1:16: a trace has no key `x`; there are `version`, `name`, `settings`, `containerInstances`, \
         `taskDefinitions`, `tasks`, `services`, `subnets`, `capacityProviders`, `defaultCapacityProviderStrategy`, `events`"],
    );
    let run = r#""events": [{"atSeconds": 0, "runTask": {"taskDefinition": "a"}}]"#;
    for (definition, expected) in [
        (r#"{"family": 7, "memory": 1}"#, "t.json:1:47: expected a name, as text, found a number"),
        (r#"{"family" "a"}"#, "t.json:1:46: not JSON: expected `:` after the key here"),
        (
            "7",
            "t.json:1:36: expected an object such as `{\"family\": \"web\", \"cpu\": 256, \"memory\": 512}`, found a number",
        ),
        (
            r#"{"family": "a", "memory": 1.5}"#,
            "t.json:1:62: expected a whole number of MiB from 0 to 2147483647, found 1.5",
        ),
        (
            r#"{"family": "a", "memory": 1, "cpu": -1}"#,
            "t.json:1:72: expected a whole number of CPU units from 0 to 2147483647, found -1",
        ),
    ] {
        refused(&format!(r#"{{"version": 1, "taskDefinitions": [{definition}], {run}}}"#), &[expected]);
    }
}

#[test]
fn errors_stand_in_the_order_of_their_places() {
    let text = r#"{"events": [
{"atSeconds": 9, "runTask": {"taskDefinition": "a"}},
{"atSeconds": 1, "runTask": {"taskDefinition": "b"}}],
"version": 1, "zzzzzz": 1}"#;
    let places: Vec<_> = of(text).iter().map(|message| message[..10].to_owned()).collect();
    assert_eq!(places, ["t.json:2:4", "t.json:3:4", "t.json:4:1"]);
}

#[test]
fn wrong_types_say_what_would_be_right() {
    event_refused(
        r#""stopTask": "task-0""#,
        &["30: expected an object such as `{\"task\": \"task-0\"}`, found a text"],
    );
    event_refused(
        r#""registerTaskDefinition": {"family": "a", "containerDefinitions": [{"name": "c", "memory": 1e400}]}"#,
        &["109: a number that is too large; whole numbers go up to 2147483647 here"],
    );
    event_refused(
        r#""registerTaskDefinition": {"family": "a", "containerDefinitions": [{"name": "c", "memory": 1.5}]}"#,
        &["109: expected a whole number from 0 to 2147483647, found 1.5"],
    );
    refused("{}", &["t.json:1:1: a trace needs `version`; write `\"version\": 1`"]);
}

#[test]
fn what_is_no_text_and_what_follows_the_document_is_found_at_its_place() {
    let mut bytes = "{\"version\": 1,\n\"name\": \"é".as_bytes().to_vec();
    bytes.extend(b"\xff\"}");
    let expected = "t.json:2:11: not UTF-8 text; a trace is JSON in UTF-8, plain or compressed with gzip or zstd";
    assert_eq!(messages(bytes), [expected]);
    let mut bytes = b"{\"version\": 1}\n{\"atSeconds\": 0, \"x-n\": \"".to_vec();
    bytes.extend(b"\xff\"}\n");
    assert!(messages(bytes)[0].starts_with("t.json:2:26: not UTF-8 text"));
    let after = "the document ended before this, and more text follows; remove it, or a bracket too many before it";
    assert_eq!(of("{\"version\": 1}]"), [format!("t.json:1:15: {after}")]);
    assert_eq!(of("{\"version\": 1,\n\"name\": \"é\"}}\n"), [format!("t.json:2:13: {after}")]);
    assert_eq!(of("{\"version\": 1}\n]\n"), [format!("t.json:2:1: {after}")]);
}

#[test]
fn what_follows_packed_data_is_told_from_broken_data() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"{\"version\": 1}\n").expect("memory");
    let mut bytes = encoder.finish().expect("memory");
    bytes.extend(b"garbage that is no gzip");
    let expected = "something that is not gzip follows the packed data; cut it off, or compress the trace again";
    assert!(messages(bytes)[0].ends_with(expected));
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let mut bytes = ruzstd::encoding::compress_to_vec(&b"{\"version\": 1}\n"[..], level);
    bytes.extend(b"garbage that is no zstd");
    let shown = messages(bytes);
    assert!(shown[0].contains("something that is not zstd follows the packed data"), "{shown:?}");
}
