//! `verify`: checks a decision log against its trace with code of its own.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::compare::seed_range;
use super::inputs::{Opened, Reading, SettingOptions, open};
use super::output::{CliError, message, print};
use crate::check::{CheckError, Claim, Depth, verify};
use crate::fleet::Fleet;
use crate::strategy::Spec;
use crate::trace::Printable;

/// Whether a decision log is right: each decision possible, and the one that the strategy makes
///
/// The log is followed beside its trace with code of its own: a plain model of the cluster that shares nothing with the
/// placement engine. Options that changed the run are given here as well. Exit status 1: a line is wrong.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    /// A decision log of --decisions
    decisions: PathBuf,
    /// Check only that each decision was possible, not that it was the strategy's
    #[arg(long)]
    legality_only: bool,
    /// The strategy of the run [default: the one that the log names]
    #[arg(short, long, value_name = "SPEC")]
    strategy: Option<String>,
    /// The seeds of the runs, M included
    #[arg(long, value_name = "N..M", conflicts_with = "seed")]
    seeds: Option<String>,
    /// The fleet of the run, if it was not the trace's
    #[arg(long, value_name = "TYPE=N,…")]
    fleet: Option<Fleet>,
    /// The Availability Zones of --fleet, with commas [default: the trace's]
    #[arg(long, value_name = "ZONES", value_delimiter = ',', requires = "fleet")]
    zones: Vec<Box<str>>,
    #[command(flatten)]
    settings: SettingOptions,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let shown = Printable(arguments.decisions.display());
    let file = File::open(&arguments.decisions)
        .map_err(|error| CliError::usage(format!("cannot read the decision log `{shown}`: {error}")))?;
    let Opened { source, survey } = open(&arguments.trace, &arguments.reading, true)?;
    let settings = arguments.settings.apply(&survey.header.settings)?;
    let spec: Option<Spec> = arguments.strategy.as_deref().map(str::parse).transpose().map_err(CliError::usage)?;
    let seeds = arguments.seeds.as_deref().map(seed_range).transpose()?.unwrap_or_else(|| vec![settings.seed]);
    let fleet = arguments.fleet.clone().map(|fleet| fleet.in_zones(&arguments.zones));
    let header = match &fleet {
        None => Arc::clone(&survey.header),
        Some(fleet) => Arc::new(fleet.replace(&survey.header).map_err(CliError::usage)?),
    };
    let claim = Claim {
        header: &header,
        fleet: fleet.as_ref(),
        settings: &settings,
        horizon_ms: survey.horizon_ms(&settings),
        spec: spec.as_ref(),
        seeds: (seeds[0], seeds[seeds.len() - 1]),
        depth: if arguments.legality_only { Depth::Legality } else { Depth::Choice },
    };
    let is_stopped = AtomicBool::new(false);
    match verify(&claim, source.events(&survey)?, BufReader::new(file), &is_stopped) {
        Ok(checked) => {
            print(&format!("accepted: {checked}\n"), None)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(CheckError::Wrong(wrong)) => {
            message(&format!("refused: {shown}: {}", Printable(wrong)));
            Ok(ExitCode::from(1))
        }
        Err(error) => Err(CliError::usage(format!("{}: {error}", arguments.decisions.display()))),
    }
}
