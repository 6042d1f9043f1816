//! `reproduce`: a published study, run again from its data.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::{CliError, print};
use crate::reproduce::{Expected, Format, Study, StudyPolicy, Workload, render, run_all};

/// Runs a published study again
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    study: StudyCommand,
}

#[derive(Debug, Subcommand)]
enum StudyCommand {
    Fgd(FgdArguments),
}

/// Fragmentation gradient descent, USENIX ATC 2023: six policies on a cluster whose GPUs are shared
#[derive(Debug, Args)]
struct FgdArguments {
    /// The folder with the lists of nodes and pods and their orders
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// A workload, such as default or gpushare40; may be repeated [default: all whose files are there]
    #[arg(long, value_name = "V")]
    variant: Vec<String>,
    /// A policy; may be repeated [default: all six]
    #[arg(long, value_name = "P", value_parser = policy)]
    policy: Vec<StudyPolicy>,
    /// A seed of the orders; may be repeated [default: all that the orders have]
    #[arg(long, value_name = "N")]
    seed: Vec<u64>,
    /// Published means to compare with: a column `workload`, and one a policy
    #[arg(long, value_name = "FILE.csv")]
    expected: Option<PathBuf>,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    /// A file for the result
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Runs at a time [default: as many as there are cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

fn policy(text: &str) -> Result<StudyPolicy, String> {
    StudyPolicy::of_name(text).ok_or_else(|| {
        let names: Vec<_> = StudyPolicy::ALL.iter().map(|policy| policy.name).collect();
        format!("there are {}", names.join(", "))
    })
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let StudyCommand::Fgd(arguments) = &arguments.study;
    let expected = arguments.expected.as_deref().map(Expected::read).transpose()?;
    let study = Study::open(&arguments.data).map_err(CliError::usage)?;
    let variants = if arguments.variant.is_empty() {
        study.variants().map_err(CliError::usage)?
    } else {
        arguments.variant.iter().map(|variant| variant.as_str().into()).collect()
    };
    let workloads: Vec<Workload> =
        variants.iter().map(|variant| study.workload(variant)).collect::<Result<_, _>>().map_err(CliError::usage)?;
    let policies = if arguments.policy.is_empty() { &StudyPolicy::ALL[..] } else { &arguments.policy };
    let mut tasks = Vec::new();
    for workload in &workloads {
        let seeds = if arguments.seed.is_empty() { workload.seeds() } else { arguments.seed.clone() };
        tasks.extend(policies.iter().flat_map(|policy| seeds.iter().map(|seed| (workload, *policy, *seed))));
    }
    let is_expected =
        |all: &Expected| tasks.iter().any(|(workload, policy, _)| all.of(&workload.variant, *policy).is_some());
    if let (Some(file), false) = (&arguments.expected, expected.as_ref().is_none_or(is_expected)) {
        return Err(CliError::usage(format!(
            "{}: no figure for any of these runs; it has a row a workload, and a column a policy, named as here",
            file.display()
        )));
    }
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let runs = run_all(&tasks, jobs).map_err(CliError::usage)?;
    let (text, is_met) = render(&runs, expected.as_ref(), arguments.format);
    print(&text, arguments.output.as_deref())?;
    Ok(if is_met { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
