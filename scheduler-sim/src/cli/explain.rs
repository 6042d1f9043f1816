//! `explain`: why a task went where it did, or nowhere.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use scheduler_core::GPU_MILLI;

use super::inputs::{Opened, Reading, SettingOptions, open, strategy};
use super::output::{CliError, print};
use crate::metrics::seconds;
use crate::outcome::{Fate, Observation, Observer};
use crate::simulation::{Decision, Plan, probe};

/// Why a task went where it did, or nowhere
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    /// The task's name, as decision logs show it
    #[arg(long, value_name = "NAME")]
    task: String,
    /// Why not on this container instance
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// The strategy of the run
    #[arg(short, long, value_name = "SPEC", default_value = "as-written")]
    strategy: String,
    #[command(flatten)]
    settings: SettingOptions,
    #[command(flatten)]
    reading: Reading,
}

/// Instances named one by one; of more only the number is told.
const LISTED: usize = 20;

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let opened = open(&arguments.trace, &arguments.reading, false)?;
    let Opened { source, survey } = &opened;
    let settings = arguments.settings.apply(&survey.header.settings)?;
    let spec = strategy(&arguments.strategy, &opened)?;
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(survey, &settings, &spec) };
    let mut life = Life { task: &arguments.task, lines: Vec::new() };
    let found = probe(&plan, source.events(survey)?, &arguments.task, &mut life)?;
    if found.decisions.is_empty() && life.lines.is_empty() {
        return Err(CliError::usage(format!(
            "no task `{}` was ever asked for in this run; --decisions DIR writes down all names",
            arguments.task
        )));
    }
    let mut text = format!("task {} under {}\n", arguments.task, spec.name());
    for line in &life.lines {
        let _ = writeln!(text, "  {line}");
    }
    for decision in &found.decisions {
        text.push('\n');
        describe(decision, arguments.instance.as_deref(), &mut text);
    }
    if found.count > 2 {
        let _ = writeln!(text, "\n(the first and the last of {} decisions)", found.count);
    }
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(decision: &Decision, instance: Option<&str>, text: &mut String) {
    let event = decision.event.map_or_else(|| "by its service".to_owned(), |event| format!("event {event}"));
    // Writing to a text cannot fail.
    let _ = writeln!(text, "at {} s, {event}, strategy {}", seconds(decision.at_ms), decision.strategy);
    let _ = writeln!(text, "  {}", decision.explanation);
    for step in &decision.steps {
        let _ = writeln!(text, "  {} -> {} left", step.rule, step.left);
    }
    match &decision.chosen {
        Some(chosen) => {
            let _ = writeln!(text, "  placed on {chosen}");
        }
        None => text.push_str("  not placed\n"),
    }
    candidates(decision, instance, text);
    failures(decision, instance, text);
}

fn candidates(decision: &Decision, instance: Option<&str>, text: &mut String) {
    let shown = decision.candidates.iter().filter(|candidate| instance.is_none_or(|name| name == candidate.name));
    let width = decision.candidates.iter().map(|candidate| candidate.name.len()).max().unwrap_or(0);
    for candidate in shown.take(LISTED) {
        let remaining = candidate.remaining;
        let gpus = gpus_left(remaining.gpu_milli);
        let _ = writeln!(
            text,
            "    {:<width$}  {}  {} CPU units, {} MiB{gpus} left, {} of the group",
            candidate.name, candidate.zone, remaining.cpu_units, remaining.memory_mib, candidate.group_count
        );
    }
    if instance.is_none() && decision.candidates.len() > LISTED {
        let _ = writeln!(text, "    and {} more that could hold it", decision.candidates.len() - LISTED);
    }
}

/// Whole GPUs, or thousandths where shares are taken.
fn gpus_left(milli: u32) -> String {
    match (milli / GPU_MILLI, milli % GPU_MILLI) {
        (0, 0) => String::new(),
        (whole, 0) => format!(", {whole} GPUs"),
        (whole, part) => format!(", {whole}.{part:03} GPUs"),
    }
}

/// Every failing check of the instances that could not hold the task.
fn failures(decision: &Decision, instance: Option<&str>, text: &mut String) {
    let failing = decision.explanation.instances().iter().filter(|it| !it.failures.is_empty());
    let failing: Vec<_> = failing.filter(|it| instance.is_none_or(|name| *it.name == *name)).collect();
    let width = failing.iter().map(|it| it.name.len()).max().unwrap_or(0);
    for it in failing.iter().take(LISTED) {
        let all: Vec<_> = it.failures.iter().map(|failed| format!("{}: {failed}", failed.check().reason())).collect();
        let _ = writeln!(text, "    {:<width$}  {}  {}", it.name, it.zone, all.join("; "));
    }
    if failing.len() > LISTED {
        let _ = writeln!(text, "    and {} more that could not hold it", failing.len() - LISTED);
    }
}

/// What became of the task.
struct Life<'a> {
    task: &'a str,
    lines: Vec<String>,
}

impl Observer for Life<'_> {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        let is_task = outcome.copies.for_each_name(|name| if name == self.task { Err(()) } else { Ok(()) }).is_err();
        if !is_task {
            return;
        }
        let what = match outcome.fate {
            Fate::Placed { instance, zone, .. } => format!("placed on {instance} ({zone})"),
            Fate::Refused(refused) | Fate::Missing { refused, .. } => format!("not placed: {}", refused.reason),
            Fate::Waiting(refused) => format!("waits: {}", refused.reason),
            Fate::Withdrawn { why, .. } => format!("given up before it was placed: {why}"),
            Fate::StillWanted { .. } => "still wanted when the run ends".to_owned(),
            Fate::Stopped { instance, why } => format!("ended on {instance}: {why}"),
        };
        self.lines.push(format!("at {} s {what}", seconds(at_ms)));
    }
}
