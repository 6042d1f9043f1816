//! `generate`: seeded synthetic traces.

use std::io::{self, BufWriter, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{CliError, message};
use crate::generate::{DISTRIBUTIONS, GenerateError, GenerateReport, Options, Preset, generate};
use crate::trace::{OutputFile, TraceForm};

/// Makes a synthetic trace, the same for the same seed
#[derive(Debug, Args)]
#[command(after_long_help = DISTRIBUTIONS)]
pub(super) struct Arguments {
    /// What kind of cluster it is of
    #[arg(value_enum)]
    preset: Preset,
    /// The seed of every choice
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Container instances
    #[arg(long, value_name = "N", default_value_t = 100)]
    instances: u32,
    /// Tasks, those that run at second 0 included [default: as many as three days bring]
    #[arg(long, value_name = "N")]
    tasks: Option<u64>,
    /// Availability Zones, up to 26
    #[arg(long, value_name = "N", default_value_t = 3)]
    zones: u32,
    /// The share of the fleet that is asked for in the mean, such as 0.7 [default: the preset's]
    #[arg(long, value_name = "U", value_parser = thousandths)]
    utilization: Option<u32>,
    /// The trace: .json or .jsonl, and .gz if it shall be packed [default: JSON Lines to standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let options = Options {
        seed: arguments.seed,
        instances: arguments.instances,
        tasks: arguments.tasks,
        zones: arguments.zones,
        utilization_milli: arguments.utilization,
    };
    let report = if let Some(path) = &arguments.output {
        let mut file = OutputFile::create(path)?;
        let form = file.form();
        let report = generate(arguments.preset, &options, form, &mut file).map_err(CliError::usage)?;
        file.finish()?;
        report
    } else {
        let mut stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        match generate(arguments.preset, &options, TraceForm::Lines, &mut stdout) {
            Err(GenerateError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            other => other.map_err(CliError::usage)?,
        }
    };
    tell(&report);
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &GenerateReport) {
    message(&format!(
        "{} container instances, {} tasks, {} of them at a time, {} events in {} h",
        report.instance_count,
        report.task_count,
        report.running_count,
        report.event_count,
        report.horizon_ms / 3_600_000
    ));
}

/// A share with at most three decimals, in thousandths.
fn thousandths(text: &str) -> Result<u32, String> {
    let milli = super::inputs::milliseconds(text);
    let milli = milli.ok().and_then(|milli| u32::try_from(milli).ok());
    milli.ok_or_else(|| format!("`{text}` is no share; give one such as 0.7, with at most three decimals"))
}
