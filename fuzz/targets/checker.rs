//! The independent checker: whatever stands in a log is accepted or refused, and a log that is not the honest one in what it
//! says is never accepted under a strategy that leaves nothing open.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use scheduler_fuzz::{check, decision_log, read};
use scheduler_sim::stories::STORIES;
use scheduler_sim::strategy::Spec;
use scheduler_sim::trace::{Source, Survey};
use serde_json::Value;

struct Honest {
    source: Source,
    survey: Survey,
    spec: Spec,
    log: String,
}

static HONEST: LazyLock<Vec<Honest>> = LazyLock::new(|| {
    let honest = |text: &str| {
        let (source, survey) = read(text.as_bytes()).expect("a story");
        let spec: Spec = "headroom".parse().expect("a strategy");
        let log = decision_log(&source, &survey, &spec).expect("it runs");
        let log = String::from_utf8(log).expect("text");
        Honest { source, survey, spec, log }
    };
    STORIES.iter().map(|story| honest(story.text)).collect()
});

// The first byte chooses a story, the next three a stretch of the honest log, the rest stands in its place.
fuzz_target!(|bytes: &[u8]| {
    let [story, from, length, unit, rest @ ..] = bytes else { return };
    let Honest { source, survey, spec, log } = &HONEST[usize::from(*story) % HONEST.len()];
    let scale = 1 << (unit % 8);
    let from = (usize::from(*from) * scale).min(log.len());
    let to = (from + usize::from(*length)).min(log.len());
    let changed = [&log.as_bytes()[..from], rest, &log.as_bytes()[to..]].concat();
    if check(source, survey, spec, &changed).is_ok() {
        assert_eq!(meaning(&changed), meaning(log.as_bytes()), "{}", String::from_utf8_lossy(&changed));
    }
    let _ = check(source, survey, spec, rest);
});

/// The lines as values: other space, another order of the keys, `60.0` for `60`, and `null` or an empty list for nothing say
/// the same.
fn meaning(log: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(log);
    let line = |line| -> Option<Value> {
        let mut line: Value = serde_json::from_str(line).ok()?;
        let members = line.as_object_mut()?;
        members.retain(|key, value| !value.is_null() || matches!(&**key, "event" | "stopped"));
        members.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
        if let Some(seconds) = members.get_mut("atSeconds") {
            *seconds = seconds.as_f64().into();
        }
        Some(line)
    };
    text.lines().filter_map(line).collect()
}
