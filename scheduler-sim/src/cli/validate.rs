//! `validate`: all errors and warnings of traces, and what they ask for in all.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::value::RawValue;

use super::inputs::{Reading, check_paths};
use super::output::{CliError, message, print};
use crate::lints::{Lint, LintOptions, Lints, lint};
use crate::stats::TraceStats;
use crate::trace::{self, OpenOptions, Survey, TraceError, TraceErrors};

/// All errors and warnings of traces
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The traces; `-` is standard input
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
    /// Hold the traces to Amazon ECS's own limits too
    #[arg(long)]
    strict_ecs: bool,
    /// Totals of tasks, CPU, memory and task-seconds, exact
    #[arg(long)]
    stats: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line a trace, and a line a number
    Text,
    /// One JSON object
    Json,
}

/// A sound trace and what was found out about it.
struct Checked {
    survey: Survey,
    lints: Lints,
    stats: TraceStats,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    check_paths(&arguments.traces)?;
    let mut is_good = true;
    let mut results = Vec::new();
    for path in &arguments.traces {
        let checked = check(path, arguments);
        match &checked {
            Ok(checked) => {
                tell(checked);
                is_good &= checked.lints.ecs_limit_count == 0;
            }
            Err(errors) => {
                is_good = false;
                CliError::Trace(errors.clone()).tell();
            }
        }
        results.push((path, checked));
    }
    let text = match arguments.format {
        Form::Text => in_text(&results, arguments.stats),
        Form::Json => in_json(&results, arguments.stats),
    };
    print(&text, None)?;
    Ok(ExitCode::from(if is_good { 0 } else { 2 }))
}

fn check(path: &Path, arguments: &Arguments) -> Result<Checked, TraceErrors> {
    let source = trace::open(path, OpenOptions::default().lenient(arguments.reading.lenient))?;
    let survey = source.survey()?;
    let mut stats = TraceStats::of_header(&survey);
    let options = LintOptions::default().strict_ecs(arguments.strict_ecs);
    let lints = lint(&source, &survey, options, |event| stats.add(event))?;
    Ok(Checked { survey, lints, stats })
}

/// Warnings, remarks and exceeded limits, to standard error.
fn tell(checked: &Checked) {
    checked.survey.warnings.iter().for_each(|warning| message(&format!("warning: {warning}")));
    let Lints { lints, count, is_partial, .. } = &checked.lints;
    for lint in lints {
        let word = if lint.kind.is_ecs_limit() { "error" } else { "warning" };
        message(&format!("{word}: {lint}"));
    }
    let shown = lints.len() as u64;
    if *count > shown {
        message(&format!("and {} more", count - shown));
    }
    if *is_partial {
        message("note: the trace has more than 65536 distinct requests; those after them were not looked at");
    }
}

type Results<'a> = [(&'a PathBuf, Result<Checked, TraceErrors>)];

fn in_text(results: &Results<'_>, has_stats: bool) -> String {
    let mut text = String::new();
    for (path, checked) in results {
        let Ok(checked) = checked else { continue };
        let (events, lints) = (checked.survey.event_count, &checked.lints);
        // Writing to a text cannot fail.
        let _ = write!(text, "{}: sound, {events} events", path.display());
        let remarks = lints.count - lints.ecs_limit_count;
        let _ = match (remarks, lints.ecs_limit_count) {
            (0, 0) => writeln!(text),
            (_, 0) => writeln!(text, ", {remarks} warnings"),
            (_, limits) => writeln!(text, ", {remarks} warnings, {limits} limits of Amazon ECS exceeded"),
        };
        if has_stats {
            for (name, value) in checked.stats.rows() {
                let _ = writeln!(text, "  {name:<24}{value:>32}");
            }
        }
    }
    text
}

#[derive(Serialize)]
struct ResultsOut<'a> {
    schema_version: u32,
    traces: Vec<TraceOut<'a>>,
}

#[derive(Serialize)]
struct TraceOut<'a> {
    trace: String,
    sound: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    errors: Vec<MessageOut>,
    warnings: Vec<MessageOut>,
    /// Warnings and exceeded limits, those that are not listed included.
    lint_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct MessageOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    message: String,
}

fn in_json(results: &Results<'_>, has_stats: bool) -> String {
    let traces = results.iter().map(|(path, checked)| {
        let trace = path.display().to_string();
        match checked {
            Ok(checked) => {
                let warnings = checked.survey.warnings.iter().map(of_error);
                let (limits, lints): (Vec<_>, Vec<_>) =
                    checked.lints.lints.iter().partition(|lint| lint.kind.is_ecs_limit());
                TraceOut {
                    trace,
                    sound: true,
                    sha256: Some(&checked.survey.sha256),
                    events: Some(checked.survey.event_count),
                    errors: limits.into_iter().map(of_lint).collect(),
                    warnings: warnings.chain(lints.into_iter().map(of_lint)).collect(),
                    lint_count: checked.lints.count,
                    stats: has_stats.then(|| numbers(&checked.stats)),
                }
            }
            Err(errors) => TraceOut {
                trace,
                sound: false,
                sha256: None,
                events: None,
                errors: errors.errors().iter().map(of_error).collect(),
                warnings: errors.warnings().iter().map(of_error).collect(),
                lint_count: 0,
                stats: None,
            },
        }
    });
    let results = ResultsOut { schema_version: 1, traces: traces.collect() };
    let mut text = serde_json::to_string_pretty(&results).expect("texts and numbers are JSON");
    text.push('\n');
    text
}

fn of_error(error: &TraceError) -> MessageOut {
    let place = error.place.as_ref();
    MessageOut {
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        message: error.problem.to_string(),
    }
}

fn of_lint(lint: &Lint) -> MessageOut {
    MessageOut { line: Some(lint.place.line), column: Some(lint.place.column), message: lint.kind.to_string() }
}

/// The totals as numbers of any length, exact as they are.
fn numbers(stats: &TraceStats) -> Box<RawValue> {
    let members: Vec<_> = stats.rows().into_iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    RawValue::from_string(format!("{{{}}}", members.join(", "))).expect("names and numbers are JSON")
}
