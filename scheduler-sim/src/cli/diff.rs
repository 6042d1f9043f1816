//! `diff`: where two strategies part on a trace, and what follows.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::columns::{Side, aligned};
use super::inputs::{Opened, Reading, SettingOptions, TextOrJson, open, strategy};
use super::output::{CliError, print, printable_lines};
use crate::diff::{Difference, Example, Group, Line, What, compare};
use crate::explain::{Detail, choice_text, explanation_json, explanation_text};
use crate::metrics::seconds;
use crate::report::{Json, counted, document};
use crate::simulation::{Decision, Nobody, Plan, probe};
use crate::strategy::Spec;
use crate::trace::Printable;

/// Where two strategies part on a trace, and what follows
///
/// Plays both side by side with the same seed, up to the first decision that differs; shows the state then, who could hold
/// the task, and how each strategy chose; and counts what becomes of the tasks from then on.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    /// The two strategies: give it twice
    #[arg(short, long = "strategy", value_name = "SPEC", required = true)]
    strategies: Vec<String>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t)]
    format: TextOrJson,
    #[command(flatten)]
    settings: SettingOptions,
    #[command(flatten)]
    reading: Reading,
}

/// What was compared.
struct Compared<'a> {
    trace: &'a str,
    strategies: [&'a str; 2],
    seed: u64,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let [first, second] = arguments.strategies.as_slice() else {
        return Err(CliError::usage(format!(
            "diff compares two strategies, and {} given: -s headroom -s binpack",
            if arguments.strategies.len() == 1 {
                "one is".to_owned()
            } else {
                format!("{} are", arguments.strategies.len())
            }
        )));
    };
    let opened = open(&arguments.trace, &arguments.reading, false)?;
    let Opened { source, survey } = &opened;
    let settings = arguments.settings.apply(&survey.header.settings)?;
    let specs = [strategy(first, &opened)?, strategy(second, &opened)?];
    let plan = |spec| Plan { keeps_numbered_names: true, ..Plan::new(survey, &settings, spec) };
    let plans = [plan(&specs[0]), plan(&specs[1])];
    let difference = compare([&plans[0], &plans[1]], source, survey)?;
    let mut decisions = [None, None];
    for (decision, (plan, line)) in decisions.iter_mut().zip(plans.iter().zip(&difference.parting)) {
        if let Some(line) = line {
            *decision = decision_of(plan, &opened, line)?;
        }
    }
    let compared =
        Compared { trace: &survey.header.name, strategies: specs.each_ref().map(Spec::name), seed: settings.seed };
    let text = match arguments.format {
        TextOrJson::Table => printable_lines(&text(&compared, &difference, &decisions)),
        TextOrJson::Json => json(&compared, &difference, &decisions),
    };
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

/// What the engine saw at a line, if it is a placement or a refusal: the run up to then is played again.
fn decision_of(plan: &Plan<'_>, opened: &Opened, line: &Line) -> Result<Option<Decision>, CliError> {
    if matches!(line.what, What::Stopped { .. } | What::GivenUp) {
        return Ok(None);
    }
    let settings = crate::trace::Settings { end_ms: Some(line.at_ms), ..plan.settings.clone() };
    let plan = Plan { settings: &settings, ..*plan };
    let found = probe(&plan, opened.source.events(&opened.survey)?, &line.task, &mut Nobody)?;
    Ok(found.decisions.into_iter().rev().find(|decision| decision.at_ms == line.at_ms))
}

fn text(compared: &Compared<'_>, difference: &Difference, decisions: &[Option<Decision>; 2]) -> String {
    let Compared { trace, strategies: [first, second], seed } = *compared;
    let mut text = format!("{}: {first} and {second}, seed {seed}\n", Printable(trace));
    // Writing to a text cannot fail.
    if !difference.is_any() {
        let _ = writeln!(text, "they never part: {} alike", counted(difference.alike, "decision"));
        return text;
    }
    let _ = writeln!(text, "they part after {} alike", counted(difference.alike, "decision"));
    // The state is the same up to there: of one and the same task it is told once.
    let is_one_task = matches!(&difference.parting, [Some(one), Some(other)] if one.task == other.task);
    for (run, strategy) in compared.strategies.iter().enumerate() {
        let line = difference.parting[run].as_ref().map_or_else(|| "decides no more".to_owned(), line_phrase);
        let _ = writeln!(text, "\nunder {strategy}: {line}");
        match &decisions[run] {
            Some(decision) if run == 1 && is_one_task => text.push_str(&choice_text(decision)),
            Some(decision) => text.push_str(&explanation_text(decision, None, Detail::Decision)),
            None => {}
        }
    }
    after(compared, difference, &mut text);
    text
}

fn line_phrase(line: &Line) -> String {
    let what = match &line.what {
        What::Placed { instance, zone, gpus, .. } => match &**gpus {
            [] => format!("placed on {instance} ({zone})"),
            [gpu] => format!("placed on {instance} ({zone}), GPU {gpu}"),
            gpus => format!("placed on {instance} ({zone}), GPUs {}", gpus.join(", ")),
        },
        What::Refused { reason, waits: false } => format!("unplaced: {reason}"),
        What::Refused { reason, waits: true } => format!("waits: {reason}"),
        What::GivenUp => "given up".to_owned(),
        What::Stopped { instance, why } => format!("stopped on {instance}: {why}"),
    };
    let event = line.event.map_or_else(String::new, |event| format!(", event {event}"));
    format!("at {} s{event}, {} of {} {what}", seconds(line.at_ms), line.task, line.group)
}

/// What follows from the parting on.
fn after(compared: &Compared<'_>, difference: &Difference, text: &mut String) {
    let [first, second] = compared.strategies;
    let after = &difference.after;
    text.push_str("\nfrom then on\n");
    let mut line = |count: u64, what: &str| {
        if count > 0 {
            let _ = writeln!(text, "  {count:>8}  {what}");
        }
    };
    line(after.alike, "placed alike, at the same time on the same instance");
    line(after.on_other_gpus, "placed at the same time on other GPUs of the same instance");
    line(after.elsewhere.count, "placed on different instances");
    line(after.at_another_time.count, "placed on the same instance at different times");
    line(after.first_only.count, &format!("placed under {first} only"));
    line(after.second_only.count, &format!("placed under {second} only"));
    line(after.neither, "placed under neither");
    for (run, strategy) in compared.strategies.iter().enumerate() {
        line(after.unpaired[run], &format!("wanted under {strategy} only: by services, in the place of others"));
        line(
            after.replaced[run],
            &format!("placed anew by services under {strategy}: for balance, or in the place of others"),
        );
        line(
            after.stopped[run],
            &format!("stopped under {strategy} for scale-in, balance, draining or a lost instance"),
        );
    }
    let groups = [
        ("placed on different instances".to_owned(), &after.elsewhere),
        ("placed at different times".to_owned(), &after.at_another_time),
        (format!("placed under {first} only"), &after.first_only),
        (format!("placed under {second} only"), &after.second_only),
    ];
    for (what, group) in groups.iter().filter(|(_, group)| group.count > 0) {
        let _ = writeln!(text, "\n{what}, the first {}", group.examples.len());
        let mut rows = vec![["task", first, second].map(str::to_owned)];
        rows.extend(group.examples.iter().map(|it| [it.task.to_string(), fate(it, 0), fate(it, 1)]));
        text.push_str(&aligned([Side::Left; 3], &rows));
    }
}

fn fate(example: &Example, run: usize) -> String {
    let at = seconds(example.at_ms[run]);
    match &example.instances[run] {
        Some(instance) => format!("{instance} at {at} s"),
        None => format!("unplaced at {at} s"),
    }
}

fn json(compared: &Compared<'_>, difference: &Difference, decisions: &[Option<Decision>; 2]) -> String {
    let after = &difference.after;
    let parting = difference
        .parting
        .iter()
        .zip(decisions)
        .map(|(line, decision)| line.as_ref().map_or(Json::Null, |line| parting_object(line, decision.as_ref())));
    let pair = |counts: [u64; 2]| Json::List(counts.map(Json::count).into());
    document([
        ("trace", Json::from(compared.trace)),
        ("strategies", Json::List(compared.strategies.map(Json::from).into())),
        ("seed", Json::count(compared.seed)),
        ("decisions_alike", Json::count(difference.alike)),
        ("parting", if difference.is_any() { Json::List(parting.collect()) } else { Json::Null }),
        (
            "after",
            Json::object([
                ("alike", Json::count(after.alike)),
                ("on_other_gpus", Json::count(after.on_other_gpus)),
                ("elsewhere", group_object(&after.elsewhere)),
                ("at_another_time", group_object(&after.at_another_time)),
                ("first_only", group_object(&after.first_only)),
                ("second_only", group_object(&after.second_only)),
                ("neither", Json::count(after.neither)),
                ("unpaired", pair(after.unpaired)),
                ("replaced", pair(after.replaced)),
                ("stopped", pair(after.stopped)),
            ]),
        ),
    ])
}

fn parting_object(line: &Line, decision: Option<&Decision>) -> Json {
    let what = match &line.what {
        What::Placed { instance, .. } => ("placed", Json::from(&**instance)),
        What::Refused { reason, waits: false } => ("unplaced", Json::from(&**reason)),
        What::Refused { reason, waits: true } => ("waiting", Json::from(&**reason)),
        What::GivenUp => ("stopped", Json::Null),
        What::Stopped { instance, .. } => ("stopped", Json::from(&**instance)),
    };
    let mut object = Json::object([
        ("at_seconds", Json::Number(seconds(line.at_ms))),
        ("event", line.event.map_or(Json::Null, Json::count)),
        ("task", Json::from(&*line.task)),
        ("group", Json::from(&*line.group)),
        what,
    ]);
    if let What::Placed { gpus, .. } = &line.what
        && !gpus.is_empty()
    {
        object.put("gpus", Json::List(gpus.iter().map(|gpu| Json::from(&**gpu)).collect()));
    }
    object.put("decision", decision.map_or(Json::Null, |decision| explanation_json(decision, None)));
    object
}

fn group_object(group: &Group) -> Json {
    let examples = group.examples.iter().map(|example| {
        let instance = |run: usize| example.instances[run].as_deref().map_or(Json::Null, Json::from);
        Json::object([
            ("task", Json::from(&*example.task)),
            ("at_seconds", Json::List(example.at_ms.map(|at_ms| Json::Number(seconds(at_ms))).into())),
            ("instances", Json::List(vec![instance(0), instance(1)])),
        ])
    });
    Json::object([("count", Json::count(group.count)), ("examples", Json::List(examples.collect()))])
}
