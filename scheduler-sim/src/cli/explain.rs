//! `explain`: why a task went where it did, or nowhere, and what would have let it in.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::inputs::{Opened, Reading, SettingOptions, TextOrJson, open, strategy};
use super::output::{CliError, message, print, printable_lines};
use crate::explain::{Detail, Explained, apply, explain, explanation_json, explanation_text, found_json, found_text};
use crate::files::is_same_file;
use crate::metrics::seconds;
use crate::outcome::{Fate, Observation, Observer};
use crate::report::{Json, counted, document};
use crate::simulation::{Plan, Pulse, run as replay};
use crate::trace::OutputFile;

/// Why a task went where it did, or nowhere
///
/// Tells the state at the decision, what the task asks for, how each check and each rule narrowed the instances, who won,
/// and by how much. Of a task that was refused it also tells the smallest single changes that would have let it in:
/// one constraint less; one more instance like one of the fleet; tasks of one instance that stop; one task that moves.
/// Each is tried on a fork of the run at that instant, with the same queue, services and random numbers; 1,000 forks at most,
/// and at most three suggestions of each kind.
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
    /// Tell whether an index or a scan answered
    #[arg(long)]
    verbose: bool,
    /// Write the trace with suggestion N made, and replay it
    #[arg(long, value_name = "N", requires = "output", value_parser = clap::value_parser!(u32).range(1..))]
    apply: Option<u32>,
    /// Where the changed trace goes: .json or .jsonl, and then .gz to pack it
    #[arg(short, long, value_name = "FILE", requires = "apply")]
    output: Option<PathBuf>,
    /// The strategy of the run
    #[arg(short, long, value_name = "SPEC", default_value = "as-written")]
    strategy: String,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    settings: SettingOptions,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let opened = open(&arguments.trace, &arguments.reading, false)?;
    let Opened { source, survey } = &opened;
    let settings = arguments.settings.apply(&survey.header.settings)?;
    let spec = strategy(&arguments.strategy, &opened)?;
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(survey, &settings, &spec) };
    let mut life = Life { task: &arguments.task, episodes: Vec::new() };
    let explained = explain(&plan, || source.events(survey), &arguments.task, &mut life)?;
    if explained.probe.decisions.is_empty() && life.episodes.is_empty() {
        return Err(CliError::usage(format!(
            "no task `{}` was ever asked for in this run; --decisions DIR writes down all names",
            arguments.task
        )));
    }
    let applied = match (arguments.apply, &arguments.output) {
        (Some(number), Some(path)) => Some(write_applied(arguments, &opened, &explained, number, path)?),
        _ => None,
    };
    let text = match arguments.format {
        TextOrJson::Table => printable_lines(&text(arguments, spec.name(), &life, &explained, applied.as_ref())),
        TextOrJson::Json => json(arguments, &opened, (spec.name(), settings.seed), &life, &explained, applied.as_ref()),
    };
    print(&text, None)?;
    match applied {
        Some(Applied { placed: None, number, .. }) => {
            message(&format!(
                "error: with suggestion {number} made, a replay does not place `{}` at that instant; another one may",
                arguments.task
            ));
            Ok(ExitCode::from(1))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// A suggestion that was made.
struct Applied {
    number: u32,
    file: String,
    at_ms: u64,
    /// The instance on which the replay placed the task at that instant, and its Availability Zone.
    placed: Option<(String, String)>,
}

/// Writes the changed trace, reads it again and replays it, to the end: what it says later must hold, too.
fn write_applied(
    arguments: &Arguments,
    opened: &Opened,
    explained: &Explained,
    number: u32,
    path: &Path,
) -> Result<Applied, CliError> {
    let Explained { moment: Some(moment), found: Some(found), probe } = explained else {
        return Err(CliError::usage(format!(
            "--apply {number}: `{}` was placed at once, so there is nothing to change",
            arguments.task
        )));
    };
    let (Some(suggestion), Some(decision)) = (found.suggestions.get(number as usize - 1), probe.decisions.first())
    else {
        let count = counted(found.suggestions.len() as u64, "suggestion");
        return Err(CliError::usage(format!("--apply {number}: the search came to {count}")));
    };
    if is_same_file(&arguments.trace, path) {
        return Err(CliError::usage("--output is the input; choose another file"));
    }
    let mut file = OutputFile::create(path)?;
    let pieces = apply(&opened.source, &opened.survey, *moment, decision, suggestion).map_err(CliError::usage)?;
    let form = file.form();
    pieces.write(&mut file, form).map_err(|source| CliError::write(path, source))?;
    drop(pieces);
    file.finish()?;
    let changed = open(path, &arguments.reading, true)?;
    let settings = arguments.settings.apply(&changed.survey.header.settings)?;
    let spec = strategy(&arguments.strategy, &changed)?;
    let mut life = Life { task: &arguments.task, episodes: Vec::new() };
    let plan = Plan::new(&changed.survey, &settings, &spec);
    replay(&plan, changed.source.events(&changed.survey)?, &mut life, &Pulse::default())?;
    let placed = life.episodes.into_iter().find(|it| it.at_ms == moment.at_ms && it.placed.is_some());
    let file = path.display().to_string();
    Ok(Applied { number, file, at_ms: moment.at_ms, placed: placed.and_then(|it| it.placed) })
}

fn text(
    arguments: &Arguments,
    strategy: &str,
    life: &Life<'_>,
    explained: &Explained,
    applied: Option<&Applied>,
) -> String {
    let mut text = format!("task {} under {strategy}\n", arguments.task);
    // Writing to a text cannot fail.
    for episode in &life.episodes {
        let _ = writeln!(text, "  at {} s {}", seconds(episode.at_ms), episode.what);
    }
    let detail = if arguments.verbose { Detail::Execution } else { Detail::Decision };
    for (index, decision) in explained.probe.decisions.iter().enumerate() {
        text.push('\n');
        text.push_str(&explanation_text(decision, arguments.instance.as_deref(), detail));
        if let Some(found) = explained.found.as_ref().filter(|_| index == 0) {
            text.push('\n');
            text.push_str(&found_text(found));
        }
    }
    if explained.probe.count > 2 {
        let _ = writeln!(text, "\n(the first and the last of {} decisions)", explained.probe.count);
    }
    if let Some(Applied { number, file, at_ms, placed }) = applied {
        let _ = match placed {
            Some((instance, zone)) => writeln!(
                text,
                "\nwith suggestion {number}, written to {file}, it is placed at {} s on {instance} ({zone})",
                seconds(*at_ms)
            ),
            None => writeln!(
                text,
                "\nwith suggestion {number}, written to {file}, it is not placed at {} s",
                seconds(*at_ms)
            ),
        };
    }
    text
}

fn json(
    arguments: &Arguments,
    opened: &Opened,
    (strategy, seed): (&str, u64),
    life: &Life<'_>,
    explained: &Explained,
    applied: Option<&Applied>,
) -> String {
    let episodes = life.episodes.iter().map(|it| {
        Json::object([("at_seconds", Json::Number(seconds(it.at_ms))), ("text", Json::from(it.what.as_str()))])
    });
    let decisions = explained.probe.decisions.iter();
    let decisions = decisions.map(|decision| explanation_json(decision, arguments.instance.as_deref()));
    let applied = applied.map_or(Json::Null, |it| {
        let placed = it.placed.as_ref().map_or(Json::Null, |(instance, _)| Json::from(instance.as_str()));
        Json::object([
            ("suggestion", Json::count(it.number.into())),
            ("file", Json::from(it.file.as_str())),
            ("at_seconds", Json::Number(seconds(it.at_ms))),
            ("placed", placed),
        ])
    });
    document([
        ("trace", Json::from(&*opened.survey.header.name)),
        ("strategy", Json::from(strategy)),
        ("seed", Json::count(seed)),
        ("task", Json::from(arguments.task.as_str())),
        ("life", Json::List(episodes.collect())),
        ("decision_count", Json::count(explained.probe.count)),
        ("decisions", Json::List(decisions.collect())),
        ("changes", explained.found.as_ref().map_or(Json::Null, found_json)),
        ("applied", applied),
    ])
}

/// What became of the task.
struct Life<'a> {
    task: &'a str,
    episodes: Vec<Episode>,
}

/// Something that became of it.
struct Episode {
    at_ms: u64,
    what: String,
    /// The instance and its zone, if it was placed.
    placed: Option<(String, String)>,
}

impl Observer for Life<'_> {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        if !outcome.copies.names(self.task) {
            return;
        }
        let mut placed = None;
        let what = match outcome.fate {
            Fate::Placed { instance, zone, .. } => {
                placed = Some((instance.to_owned(), zone.to_owned()));
                format!("placed on {instance} ({zone})")
            }
            Fate::Refused(refused) | Fate::Missing { refused, .. } => format!("not placed: {}", refused.reason),
            Fate::Waiting(refused) => format!("waits: {}", refused.reason),
            Fate::Withdrawn { why, .. } => format!("given up before it was placed: {why}"),
            Fate::StillWanted { .. } => "still wanted when the run ends".to_owned(),
            Fate::Stopped { instance, why } => format!("ended on {instance}: {why}"),
        };
        self.episodes.push(Episode { at_ms, what, placed });
    }
}
