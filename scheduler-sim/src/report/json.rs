//! The JSON result, schema version 1, and its digest.

use std::fmt::Write;

use scheduler_core::{HeadroomWeights, ReleaseOn, TieBreak};
use sha2::{Digest, Sha256};

use super::grid::rounded;
use super::timings::rate;
use super::value::Json;
use crate::comparison::{Comparison, RunResult, Timings, TraceFacts};
use crate::fleet::Fleet;
use crate::metrics::{CurvePoint, Point, Quotient, SeriesValues, Value, seconds, shortest};
use crate::summary::{MetricSummary, Summary, summaries};
use crate::trace::{OnUnplaceable, Profile, Settings};

/// The version of the result's form.
pub const SCHEMA_VERSION: u64 = 1;

/// The whole result.
pub fn json(comparisons: &[Comparison]) -> String {
    let results = comparisons.iter().map(result).collect();
    document([("results", Json::List(results))])
}

/// A result of this program: the version of its form and who made it, then what it says.
pub fn document<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> String {
    let program = Json::object([
        ("name", Json::from(env!("CARGO_PKG_NAME"))),
        ("version", Json::from(env!("CARGO_PKG_VERSION"))),
    ]);
    let head = [("schema_version", Json::count(SCHEMA_VERSION)), ("program", program)];
    Json::object(head.into_iter().chain(members)).pretty()
}

fn result(comparison: &Comparison) -> Json {
    let runs = comparison.runs.iter().map(|run| run_object(run, true)).collect();
    let mut result = Json::object([
        ("trace", trace_object(&comparison.trace)),
        ("settings", settings_object(&comparison.settings, comparison.fleet.as_ref())),
        ("checked", Json::Bool(comparison.is_checked)),
        ("digest", Json::from(digest(comparison))),
        ("baseline", Json::from(comparison.baseline.as_str())),
        ("runs", Json::List(runs)),
        ("summary", Json::List(summaries(comparison).iter().map(summary_object).collect())),
    ]);
    if let Some(timings) = &comparison.timings {
        result.put("timings", timings_object(comparison, timings));
    }
    result
}

/// SHA-256 of the runs without white space, series and final placements, in hex.
pub fn digest(comparison: &Comparison) -> String {
    let runs = Json::List(comparison.runs.iter().map(|run| run_object(run, false)).collect());
    hex(&Sha256::digest(runs.compact()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn summary_object(summary: &Summary) -> Json {
    let metrics = summary.metrics.iter().map(|(info, metric)| (info.name, metric_object(metric)));
    Json::object([
        ("strategy", Json::from(summary.strategy.as_str())),
        ("seeds", Json::count(summary.seeds as u64)),
        ("metrics", Json::object(metrics)),
    ])
}

fn metric_object(metric: &MetricSummary) -> Json {
    let mut object = Json::object([("mean", float(metric.mean))]);
    if let Some(sd) = metric.sd {
        object.put("sd", float(sd));
    }
    if let Some(difference) = metric.difference {
        object.put("difference.mean", float(difference.mean));
        if let Some(interval) = difference.ci95 {
            object.put("difference.ci95", Json::List(interval.map(float).to_vec()));
        }
    }
    if let Some(verdict) = metric.verdict {
        object.put("verdict", Json::from(verdict.as_str()));
    }
    object
}

/// A statistic, rounded to four decimals like all numbers.
fn float(value: f64) -> Json {
    Json::Number(shortest(rounded(value, 4), 4))
}

fn trace_object(trace: &TraceFacts) -> Json {
    Json::object([
        ("name", Json::from(&*trace.name)),
        ("sha256", Json::from(trace.sha256.as_str())),
        ("container_instances", Json::count(trace.container_instances)),
        ("task_definitions", Json::count(trace.task_definitions)),
        ("services", Json::count(trace.services)),
        ("events", Json::count(trace.events)),
        ("tasks_requested", Json::count(trace.tasks_requested)),
        ("horizon_seconds", Json::Number(seconds(trace.horizon_ms))),
    ])
}

fn run_object(run: &RunResult, with_details: bool) -> Json {
    let mut object = Json::object([("strategy", Json::from(run.strategy.as_str())), ("seed", Json::count(run.seed))]);
    for (info, value) in run.metrics.iter() {
        object.put(info.name, value_of(value));
    }
    if let Some(series) = run.series.as_ref().filter(|_| with_details) {
        object.put("series", series_object(series));
    }
    if let Some(curve) = run.curve.as_ref().filter(|_| with_details) {
        object.put("curve", Json::List(curve.iter().map(curve_point).collect()));
    }
    if let Some(placement) = run.final_placement.as_ref().filter(|_| with_details) {
        let names = |tasks: &[String]| Json::List(tasks.iter().map(|task| Json::from(task.as_str())).collect());
        let members = placement.iter().map(|(instance, tasks)| (instance.as_str(), names(tasks)));
        object.put("final_placement", Json::object(members));
    }
    object
}

fn curve_point(point: &CurvePoint) -> Json {
    Json::object([
        ("arrived", Json::count(point.arrived as u64)),
        ("alloc_pct", float(point.alloc_pct)),
        ("frag_ratio_pct", float(point.frag_ratio_pct)),
        ("frag_amount_pct", float(point.frag_amount_pct)),
    ])
}

fn series_object(series: &SeriesValues) -> Json {
    let list = |value: &dyn Fn(&Point) -> Json| Json::List(series.points.iter().map(value).collect());
    let share = |share: Option<Quotient>| share.map_or(Json::Null, Json::from);
    Json::object([
        ("step_seconds", Json::Number(seconds(series.step_ms))),
        ("times", list(&|point| Json::Number(seconds(point.at_ms)))),
        ("cpu", list(&|point| share(point.cpu))),
        ("memory", list(&|point| share(point.memory))),
        ("unplaced", list(&|point| Json::count(point.unplaced))),
        ("instances_used", list(&|point| Json::count(point.instances_used))),
        ("az_imbalance", list(&|point| point.az_imbalance.map_or(Json::Null, |it| Json::count(it.into())))),
    ])
}

fn value_of(value: &Value) -> Json {
    match value {
        Value::Number(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Tally(tally) => Json::object(tally.iter().map(|(key, count)| (key.as_str(), Json::count(*count)))),
    }
}

/// The settings that differ from their defaults, by the names that they have in a trace; and `fleet`, with its
/// `zones` if they were given, where another stands in the place of the trace's.
pub fn settings_object(settings: &Settings, fleet: Option<&Fleet>) -> Json {
    let default = Settings::default();
    let mut members: Vec<(&str, Json)> = Vec::new();
    let mut put = |key, differs: bool, value: Json| {
        if differs {
            members.push((key, value));
        }
    };
    put(
        "defaultStrategy",
        settings.default_strategy != default.default_strategy,
        Json::from(&*settings.default_strategy),
    );
    put(
        "onUnplaceable",
        settings.on_unplaceable != default.on_unplaceable,
        Json::from(match settings.on_unplaceable {
            OnUnplaceable::Fail => "fail",
            OnUnplaceable::Queue => "queue",
        }),
    );
    put("seed", settings.seed != default.seed, Json::count(settings.seed));
    put("tieBreak", settings.tie_break != default.tie_break, Json::from(tie_break_name(settings.tie_break)));
    put("headroomWeights", settings.headroom_weights != default.headroom_weights, weights(settings.headroom_weights));
    put(
        "releaseOn",
        settings.release_on != default.release_on,
        Json::from(match settings.release_on {
            ReleaseOn::DesiredStopped => "desired-stopped",
            ReleaseOn::LastStopped => "last-stopped",
        }),
    );
    put(
        "profile",
        settings.profile != default.profile,
        Json::from(match settings.profile {
            Profile::Ecs2026 => "ecs-2026",
            Profile::Ecs2023 => "ecs-2023",
        }),
    );
    put("taskStartSeconds", settings.task_start_ms != 0, Json::Number(seconds(settings.task_start_ms)));
    put("stopTimeoutSeconds", settings.stop_timeout_ms != 0, Json::Number(seconds(settings.stop_timeout_ms)));
    put(
        "spreadIgnoresOtherRevisions",
        settings.spread_ignores_other_revisions,
        Json::Bool(settings.spread_ignores_other_revisions),
    );
    put("endSeconds", settings.end_ms.is_some(), Json::Number(seconds(settings.end_ms.unwrap_or_default())));
    put("epoch", settings.epoch_ms != 0, epoch(settings.epoch_ms));
    put("fleet", fleet.is_some(), Json::from(fleet.map(Fleet::to_string).unwrap_or_default()));
    let zones = fleet.map(Fleet::zones).unwrap_or_default();
    put("zones", !zones.is_empty(), Json::List(zones.iter().map(|zone| Json::from(&**zone)).collect()));
    Json::object(members)
}

fn tie_break_name(tie_break: TieBreak) -> &'static str {
    match tie_break {
        TieBreak::Headroom => "headroom",
        TieBreak::Stable => "stable",
        TieBreak::Random => "random",
    }
}

fn weights(weights: HeadroomWeights) -> Json {
    Json::object([("cpu", Json::count(weights.cpu.into())), ("memory", Json::count(weights.memory.into()))])
}

fn epoch(epoch_ms: i64) -> Json {
    match jiff::Timestamp::from_millisecond(epoch_ms) {
        Ok(timestamp) => Json::from(timestamp.to_string()),
        Err(_) => Json::Number(shortest(epoch_ms.into(), 3)),
    }
}

fn timings_object(comparison: &Comparison, timings: &Timings) -> Json {
    let per_second = |count: u64, run: &RunResult| Json::Number(rate(count, run.wall).to_string());
    let run_timings = comparison.runs.iter().map(|run| {
        let statistics = &run.statistics;
        let events = run.event_count(&comparison.trace);
        Json::object([
            ("strategy", Json::from(run.strategy.as_str())),
            ("seed", Json::count(run.seed)),
            ("wall_seconds", wall(run.wall)),
            ("events_per_second", per_second(events, run)),
            ("placements_per_second", per_second(statistics.decisions, run)),
            ("placements_indexed", Json::count(statistics.indexed)),
            ("placements_scanned", Json::count(statistics.decisions - statistics.indexed)),
        ])
    });
    let mut object = Json::object([
        ("wall_seconds", wall(timings.wall)),
        ("parse_seconds", wall(timings.parse)),
        ("runs", Json::List(run_timings.collect())),
    ]);
    if let Some(bytes) = timings.peak_rss_bytes {
        object.put("peak_rss_bytes", Json::count(bytes));
    }
    object
}

fn wall(duration: std::time::Duration) -> Json {
    Json::Number(shortest(i128::try_from(duration.as_micros()).unwrap_or(i128::MAX), 6))
}
