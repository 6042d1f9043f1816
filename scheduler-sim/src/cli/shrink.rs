//! `shrink`: the smallest trace that still shows something.

use std::cell::Cell;
use std::fmt::Write;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;

use clap::Args;

use super::condition::Condition;
use super::inputs::{Opened, Reading, SettingOptions, TextOrJson, open};
use super::output::{CliError, print};
use super::progress::with_bar;
use crate::comparison::RunResult;
use crate::files::{check_file, is_same_file};
use crate::report::{Json, document};
use crate::shrink::{Answer, Goal, Shown, ShrinkError, Sign, Size, shows, shrink};
use crate::strategy::Spec;
use crate::trace::{OutputFile, Printable, Settings, TraceForm};

/// The smallest trace that still shows it
///
/// Events, tasks, instances, services, task definitions and settings are left out, and counts lowered, as long as a run of
/// the rest is one for which EXPR holds, or in which the independent checker refuses a decision. Of the trace that is
/// written no event, no element of a list of the document and no setting can be left out alone, and no count of tasks or
/// instances be lowered by one; what else they say stays. The first of the strategies whose run shows it is the one that is
/// replayed.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    /// What the trace shows, such as "tasks.unplaced>0"
    #[arg(long, value_name = "EXPR", required_unless_present = "check", conflicts_with = "check")]
    fail_if: Option<Condition>,
    /// That the independent checker refuses a decision
    #[arg(long)]
    check: bool,
    /// Where the smallest trace goes: .json or .jsonl, and then .gz if it is to be packed
    #[arg(short, long, value_name = "FILE", required = true)]
    output: PathBuf,
    /// A strategy to run [default: the standard set]; may be repeated
    #[arg(short, long = "strategy", value_name = "SPEC")]
    strategies: Vec<String>,
    /// Replay smaller traces at most so often
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    max_replays: u64,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    settings: SettingOptions,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    check_output(arguments)?;
    let opened = open(&arguments.trace, &arguments.reading, false)?;
    let Opened { source, survey } = &opened;
    arguments.settings.apply(&survey.header.settings)?;
    let settings = |of: &Settings| arguments.settings.apply(of).unwrap_or_else(|_| of.clone());
    let specs: Result<Vec<Spec>, _> = arguments.strategies.iter().map(|text| text.parse()).collect();
    let specs = match specs.map_err(CliError::usage)? {
        specs if specs.is_empty() => Spec::standard_set(survey.has_strategies),
        specs => specs,
    };
    let specs = Spec::merged(specs);
    let absent = Cell::new(None);
    let holds = |run: &RunResult| match arguments.fail_if.as_ref().map(|condition| condition.holds(run)) {
        Some(Ok(holds)) => holds,
        Some(Err(metric)) => {
            absent.set(Some(metric));
            false
        }
        None => false,
    };
    let events = AtomicU64::default();
    let goal = Goal {
        source,
        survey,
        specs: &specs,
        settings: &settings,
        sign: if arguments.check { Sign::WrongDecision } else { Sign::Result(&holds) },
        most_replays: arguments.max_replays,
        events: &events,
    };
    let answer = with_bar(&events, None, true, || shrink(&goal));
    let answer = answer.map_err(|error| told(error, arguments, &specs, absent.get()))?;
    write(arguments, &goal, &answer)?;
    let name = &survey.header.name;
    let text = match arguments.format {
        TextOrJson::Table => table(arguments, &answer, name),
        TextOrJson::Json => json(arguments, &answer, name),
    };
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

/// That the trace can be written is found out before it is looked for, which may take long.
fn check_output(arguments: &Arguments) -> Result<(), CliError> {
    let path = &arguments.output;
    TraceForm::of(path)?;
    if is_same_file(&arguments.trace, path) {
        return Err(CliError::usage("--output is the trace itself, which would be lost; give the result another name"));
    }
    check_file(path).map_err(|source| CliError::write(path, source))
}

fn told(error: ShrinkError, arguments: &Arguments, specs: &[Spec], absent: Option<&str>) -> CliError {
    match error {
        ShrinkError::Job(error) => error.into(),
        ShrinkError::Read(error) => error.into(),
        ShrinkError::NotShown => {
            let names = specs.iter().map(Spec::name).collect::<Vec<_>>().join(", ");
            CliError::usage(match (&arguments.fail_if, absent) {
                (Some(_), Some(metric)) => format!("--fail-if: `{metric}` does not apply to any run here ({names})"),
                (Some(_), None) => {
                    format!("there is nothing to shrink: --fail-if holds for no run of the trace ({names})")
                }
                (None, _) => format!("there is nothing to shrink: --check accepts all runs of the trace ({names})"),
            })
        }
        other => CliError::usage(other),
    }
}

/// Writes the trace, if what is written shows it.
fn write(arguments: &Arguments, goal: &Goal<'_>, answer: &Answer) -> Result<(), CliError> {
    let mut file = OutputFile::create(&arguments.output)?;
    let text = answer.pieces.to_text(file.form());
    if !shows(goal, answer, &text) {
        return Err(CliError::usage(ShrinkError::NotRepeated));
    }
    file.write_all(text.as_bytes()).map_err(|source| CliError::write(&arguments.output, source))?;
    file.finish()?;
    Ok(())
}

/// What the answer shows: the numbers of the condition's metrics, or the wrong decision.
fn evidence(arguments: &Arguments, answer: &Answer) -> Vec<(&'static str, String)> {
    match &answer.shown {
        Shown::WrongDecision(wrong) => vec![("refused", wrong.to_string())],
        Shown::Result(run) => {
            let mut names: Vec<&str> = arguments.fail_if.iter().flat_map(Condition::metrics).collect();
            names.dedup();
            names.into_iter().filter_map(|name| Some((name, run.metrics.number(name)?.to_string()))).collect()
        }
    }
}

fn rows(size: Size) -> [(&'static str, u64); 5] {
    [
        ("events", size.events),
        ("tasks", size.tasks),
        ("instances", size.instances),
        ("services", size.services),
        ("task definitions", size.task_definitions),
    ]
}

fn table(arguments: &Arguments, answer: &Answer, name: &str) -> String {
    let mut text = format!("{} under {}, seed {}\n", Printable(name), answer.strategy, answer.seed);
    let evidence = evidence(arguments, answer);
    let labels = rows(answer.after).map(|(label, _)| label).into_iter().chain(evidence.iter().map(|(label, _)| *label));
    let width = labels.map(str::len).max().unwrap_or_default();
    // Writing to a text cannot fail.
    for ((label, before), (_, after)) in rows(answer.before).into_iter().zip(rows(answer.after)) {
        let _ = writeln!(text, "  {label:width$}  {after} of {before}");
    }
    for (label, shown) in evidence {
        let _ = writeln!(text, "  {label:width$}  {}", Printable(shown));
    }
    let _ = writeln!(text, "  {:width$}  {}", "replays", answer.replays);
    if answer.is_cut_short {
        text.push_str("cut short by --max-replays; there may be a smaller trace\n");
    }
    text
}

fn json(arguments: &Arguments, answer: &Answer, name: &str) -> String {
    let size = |size| Json::object(rows(size).map(|(label, count)| (label.replace(' ', "_"), Json::count(count))));
    let shown = evidence(arguments, answer).into_iter().map(|(label, shown)| match answer.shown {
        Shown::Result(_) => (label, Json::Number(shown)),
        Shown::WrongDecision(_) => (label, Json::Text(shown)),
    });
    document([
        ("trace", Json::from(name)),
        ("strategy", Json::from(&*answer.strategy)),
        ("seed", Json::count(answer.seed)),
        ("before", size(answer.before)),
        ("after", size(answer.after)),
        ("shown", Json::object(shown)),
        ("replays", Json::count(answer.replays)),
        ("is_cut_short", Json::Bool(answer.is_cut_short)),
    ])
}
