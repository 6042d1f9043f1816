//! `import`: traces from the formats of others.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{CliError, message};
use crate::import::{ImportReport, OpenbOptions, OutputFile, import_openb};

/// Makes a trace from another format
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    format: FormatArguments,
}

#[derive(Debug, Subcommand)]
enum FormatArguments {
    Openb(OpenbArguments),
}

/// Alibaba's GPU cluster of 2023: a list of nodes and a list of pods
#[derive(Debug, Args)]
struct OpenbArguments {
    /// The list of nodes, CSV
    nodes: PathBuf,
    /// The list of pods, CSV
    pods: PathBuf,
    /// The trace: .json or .jsonl, and .gz if it shall be packed
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The order in which pods arrive, one a second; else they arrive and end at their times
    #[arg(long, value_name = "FILE")]
    event_order: Option<PathBuf>,
    /// The order in which nodes register
    #[arg(long, value_name = "FILE")]
    node_order: Option<PathBuf>,
    /// Which of several orders in a file
    #[arg(long, value_name = "N")]
    order_seed: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let FormatArguments::Openb(openb) = &arguments.format;
    let options = OpenbOptions {
        event_order: openb.event_order.clone(),
        order_seed: openb.order_seed,
        node_order: openb.node_order.clone(),
    };
    let mut output = OutputFile::create(&openb.output)?;
    let form = output.form();
    let report = import_openb(&openb.nodes, &openb.pods, &options, form, &mut output)?;
    output.finish()?;
    tell(&report);
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &ImportReport) {
    message(&format!(
        "{} container instances, {} task definitions, {} events; {} rows left out",
        report.container_instances, report.task_definitions, report.events, report.rows_dropped
    ));
    report.notes.iter().for_each(|note| message(&format!("note: {note}")));
}
