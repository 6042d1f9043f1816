//! What a table was made of, in a line: with it anybody gets the same numbers again, or sees why not.

use std::collections::BTreeSet;

use super::json::{digest, settings_object};
use super::value::Json;
use crate::comparison::Comparison;
use crate::trace::Settings;

/// Hexadecimal digits of the digest that are shown; JSON has them all.
const DIGITS: usize = 16;

/// The program, the seeds, the settings that differ from the default, whether `--check` looked on, and the digest.
pub(super) fn provenance(comparison: &Comparison) -> String {
    let seeds: BTreeSet<u64> = comparison.runs.iter().map(|run| run.seed).collect();
    let seeds = match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if first == last => format!("seed {first}"),
        (Some(first), Some(last)) => format!("seeds {first}..{last}"),
        _ => "no seed".to_owned(),
    };
    // The seeds of the runs are told already.
    let settings = Settings { seed: Settings::default().seed, ..comparison.settings.clone() };
    let settings = match settings_object(&settings, None) {
        Json::Object(members) if members.is_empty() => "default settings".to_owned(),
        settings => format!("settings {}", settings.compact()),
    };
    let checked = if comparison.is_checked {
        "every decision checked (those of draws and policies: that they were possible)"
    } else {
        "not checked"
    };
    format!(
        "scheduler-sim {}, {seeds}, {settings}, {checked}; digest {}",
        env!("CARGO_PKG_VERSION"),
        &digest(comparison)[..DIGITS]
    )
}
