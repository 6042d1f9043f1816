//! `consolidate`: which tasks to move so that more container instances stand empty.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::columns::{Side, aligned};
use super::inputs::{Instant, OneRun, Opened, TextOrJson, open, strategy_or_first};
use super::output::{CliError, Heading, print};
use super::progress::with_bar;
use crate::consolidate::{Consolidation, Site, consolidate};
use crate::metrics::seconds;
use crate::report::{Json, counted, document};
use crate::simulation::{Plan, Pulse, state_at};
use crate::trace::Printable;

/// Which tasks to move so that more container instances stand empty
///
/// Replays the trace up to an instant, by default the busiest, and looks for a short list of moves. Each move was made on a copy of the cluster
/// by the engine: the task stops, and starts on an instance that runs something already, where it meets all its
/// constraints. No service becomes more uneven over its Availability Zones than it is, or than a difference of 1. The
/// list is the best one found; the bound beside it says how few instances could hold the tasks at all.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    #[command(flatten)]
    instant: Instant,
    /// Move at most so many tasks
    #[arg(long, value_name = "N")]
    max_moves: Option<u64>,
    #[command(flatten)]
    run: OneRun,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let opened = open(&arguments.trace, &arguments.run.reading, false)?;
    let Opened { source, survey } = &opened;
    let settings = arguments.run.settings.apply(&survey.header.settings)?;
    let spec = strategy_or_first(arguments.run.strategy.as_deref(), &opened)?;
    let seed = settings.seed;
    let plan = Plan { keeps_numbered_names: true, ..Plan::new(survey, &settings, &spec) };
    let pulse = Pulse::default();
    let search = || -> Result<_, CliError> {
        let at_ms = arguments.instant.find(&plan, &opened, &pulse)?;
        let state = state_at(&plan, source.events(survey)?, at_ms, &pulse)?;
        Ok((at_ms, consolidate(&state, arguments.max_moves)))
    };
    let (at_ms, found) = with_bar(&pulse.events, None, true, search)?;
    let heading = Heading { trace: survey.header.name.to_string(), strategy: spec.name().to_owned(), seed, at_ms };
    let text = match arguments.run.format {
        TextOrJson::Table => table(&heading, &found),
        TextOrJson::Json => json(&heading, &found),
    };
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

fn table(heading: &Heading, found: &Consolidation) -> String {
    let mut text = format!("{heading}\n");
    let used = |count: u64| counted(count, "instance");
    let summary = match found.used_before {
        0 => "no task runs then; another instant: --at SECONDS".to_owned(),
        before if found.moves.is_empty() => format!("{} used; no moves were found that empty one", used(before)),
        before => {
            let moves = counted(found.moves.len() as u64, "move");
            format!("{} would do where {before} are used: {moves}", used(found.used_after))
        }
    };
    // Writing to a text cannot fail.
    let _ = write!(text, "{summary}");
    if let Some(bound) = found.lower_bound.filter(|_| found.used_before > 0) {
        let _ = write!(text, "; no fewer than {} hold these tasks ({})", bound.instances, bound.method);
    }
    text.push('\n');
    if found.is_cut_short {
        text.push_str("the search was cut short by its budget of steps; there may be more to gain\n");
    }
    if found.moves.is_empty() {
        return text;
    }
    let place = |site: &Site| format!("{} ({})", Printable(&site.name), Printable(&site.zone));
    let mut rows = vec![["task".to_owned(), "from".to_owned(), "to".to_owned()]];
    rows.extend(found.moves.iter().map(|it| [Printable(&it.name).to_string(), place(&it.from), place(&it.to)]));
    text.push('\n');
    text.push_str(&aligned([Side::Left; 3], &rows));
    let emptied: Vec<_> = found.emptied.iter().map(place).collect();
    let _ = writeln!(text, "\nempty then: {}", emptied.join(", "));
    text
}

fn json(heading: &Heading, found: &Consolidation) -> String {
    let text = |text: &str| Json::from(text);
    let moves = found.moves.iter().map(|it| {
        Json::object([
            ("task", text(&it.name)),
            ("group", text(it.group.as_str())),
            ("from", text(&it.from.name)),
            ("from_zone", text(&it.from.zone)),
            ("to", text(&it.to.name)),
            ("to_zone", text(&it.to.zone)),
        ])
    });
    let bound = found.lower_bound.map_or(Json::Null, |bound| Json::count(bound.instances));
    let method = found.lower_bound.map_or(Json::Null, |bound| Json::from(bound.method.to_string().as_str()));
    document([
        ("trace", text(&heading.trace)),
        ("strategy", text(&heading.strategy)),
        ("seed", Json::count(heading.seed)),
        ("at_seconds", Json::Number(seconds(heading.at_ms))),
        ("instances_used_before", Json::count(found.used_before)),
        ("instances_used_after", Json::count(found.used_after)),
        ("lower_bound_instances", bound),
        ("lower_bound_method", method),
        ("is_cut_short", Json::Bool(found.is_cut_short)),
        ("emptied", Json::List(found.emptied.iter().map(|site| text(&site.name)).collect())),
        ("moves", Json::List(moves.collect())),
    ])
}
