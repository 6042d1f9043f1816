//! `fleet`: the cheapest fleet of some instance types on which a trace runs.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;

use clap::Args;

use super::inputs::{OneRun, Opened, TextOrJson, open, strategy_or_first};
use super::output::{CliError, print};
use super::progress::with_bar;
use crate::fleet::{Fleet, Prices, own_zones};
use crate::fleet_search::{Answer, MOST_TYPES, Offer, Question, SearchError, search};
use crate::metrics::shortest;
use crate::report::{Json, counted, document};
use crate::trace::{OnUnplaceable, Printable};

/// The cheapest fleet of some instance types on which the trace runs
///
/// Replaces the container instances of the trace by so many of each type, as --fleet does: they take the Availability
/// Zones in turn. The fleet is found by replaying: each type alone by bisection, then by exchanging some instances of
/// one type for some of another while that is cheaper and the trace still runs. The floor beside it is proved: no fleet
/// of these types does with less, whatever the strategy.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    /// The instance types to choose from, with commas
    #[arg(long, value_name = "T,…", value_delimiter = ',', required = true)]
    types: Vec<Box<str>>,
    /// A price list: type, dollars per hour; without one the fewest instances are looked for
    #[arg(long, value_name = "FILE.csv")]
    prices: Option<PathBuf>,
    /// Let so many tasks be unplaced
    #[arg(long, value_name = "X", default_value_t = 0)]
    max_unplaced: u64,
    /// The Availability Zones, with commas [default: the trace's]
    #[arg(long, value_name = "ZONES", value_delimiter = ',')]
    zones: Vec<Box<str>>,
    /// Replay the trace at most so often
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    replays: u32,
    #[command(flatten)]
    run: OneRun,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let offers = offers(arguments)?;
    let opened = open(&arguments.trace, &arguments.run.reading, false)?;
    let Opened { source, survey } = &opened;
    let settings = arguments.run.settings.apply(&survey.header.settings)?;
    let spec = strategy_or_first(arguments.run.strategy.as_deref(), &opened)?;
    let zones = if arguments.zones.is_empty() { own_zones(&survey.header) } else { arguments.zones.clone() };
    let events = AtomicU64::default();
    let question = Question {
        source,
        survey,
        settings: &settings,
        spec: &spec,
        offers: &offers,
        zones: &zones,
        max_unplaced: arguments.max_unplaced,
        most_replays: arguments.replays,
        events: &events,
    };
    let answer = with_bar(&events, None, true, || search(&question)).map_err(|error| match error {
        SearchError::Run(error) => error.into(),
        other => CliError::usage(other),
    })?;
    let text = match arguments.run.format {
        TextOrJson::Table => table(&question, &answer),
        TextOrJson::Json => json(&question, &answer),
    };
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

/// The types with their prices, each once.
fn offers(arguments: &Arguments) -> Result<Vec<Offer>, CliError> {
    let prices = arguments.prices.as_deref().map(Prices::read).transpose().map_err(CliError::usage)?;
    let mut offers: Vec<Offer> = Vec::new();
    for name in arguments.types.iter().map(|name| name.trim()) {
        if offers.iter().any(|offer| &*offer.instance_type == name) {
            continue;
        }
        Fleet::new([(name.into(), 1)]).map_err(|error| CliError::usage(format!("--types: {error}")))?;
        let microdollars = prices.as_ref().map(|prices| {
            let missing =
                || CliError::usage(format!("--prices has no price of `{name}`; add it, or leave the type out"));
            prices.of(name).ok_or_else(missing)
        });
        offers.push(Offer { instance_type: name.into(), microdollars: microdollars.transpose()? });
    }
    if offers.len() > MOST_TYPES {
        return Err(CliError::usage(format!("--types has {} types; the limit is {MOST_TYPES}", offers.len())));
    }
    Ok(offers)
}

/// Millionths of a dollar, in dollars with at least two decimals.
fn dollars(microdollars: u128) -> String {
    let text = shortest(i128::try_from(microdollars).unwrap_or(i128::MAX), 6);
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    match decimals {
        0 => format!("{text}.00"),
        1 => format!("{text}0"),
        _ => text,
    }
}

fn table(question: &Question<'_>, answer: &Answer) -> String {
    let zones = question.zones.iter().map(|zone| Printable(zone).to_string()).collect::<Vec<_>>().join(",");
    let name = Printable(&question.survey.header.name).to_string();
    let mut text = format!("{name} under {}, seed {}\n", question.spec.name(), question.settings.seed);
    let instances = counted(answer.instances, "instance");
    let fleet = if answer.instances == 0 {
        "no instance is needed".to_owned()
    } else {
        format!("--fleet {} --zones {zones}", answer.fleet)
    };
    // Writing to a text cannot fail.
    let _ = writeln!(text, "  fleet     {fleet}");
    let floor = counted(answer.floor.instances, "instance");
    let _ = match answer.microdollars {
        Some(cost) => writeln!(
            text,
            "  cost      $ {} an hour, {instances}\n  floor     $ {} an hour, {floor}: no fleet of these types does with less",
            dollars(cost),
            dollars(answer.floor.microdollars)
        ),
        None => writeln!(
            text,
            "  size      {instances}; without --prices the fewest are looked for\n  floor     {floor}: no fleet of \
             these types does with less"
        ),
    };
    let _ = writeln!(text, "  unplaced  {} of at most {}", answer.unplaced, question.max_unplaced);
    let _ = writeln!(text, "  replays   {}", answer.replays);
    if question.settings.on_unplaceable == OnUnplaceable::Queue {
        text.push_str(
            "tasks may wait on this fleet until there is room (onUnplaceable is queue); with --on-unplaceable fail none \
             does\n",
        );
    }
    if answer.is_cut_short {
        text.push_str("the search was cut short by --replays; there may be a cheaper fleet\n");
    }
    text
}

fn json(question: &Question<'_>, answer: &Answer) -> String {
    let list = |texts: &mut dyn Iterator<Item = &str>| Json::List(texts.map(Json::from).collect());
    let cost = |microdollars: u128| Json::Number(shortest(i128::try_from(microdollars).unwrap_or(i128::MAX), 6));
    let types = answer.fleet.types().iter().map(|(name, count)| (&**name, Json::count((*count).into())));
    let mut result = Json::object([("instances", Json::count(answer.instances))]);
    let mut floor = Json::object([("instances", Json::count(answer.floor.instances))]);
    if let Some(microdollars) = answer.microdollars {
        result.put("cost_per_hour", cost(microdollars));
        floor.put("cost_per_hour", cost(answer.floor.microdollars));
    }
    result.put("types", Json::object(types));
    result.put("unplaced", Json::count(answer.unplaced));
    document([
        ("trace", Json::from(&*question.survey.header.name)),
        ("strategy", Json::from(question.spec.name())),
        ("seed", Json::count(question.settings.seed)),
        ("types", list(&mut question.offers.iter().map(|offer| &*offer.instance_type))),
        ("zones", list(&mut question.zones.iter().map(|zone| &**zone))),
        ("max_unplaced", Json::count(question.max_unplaced)),
        ("fleet", result),
        ("floor", floor),
        ("replays", Json::count(answer.replays.into())),
        ("is_cut_short", Json::Bool(answer.is_cut_short)),
    ])
}
