//! `query`: the container instances that a cluster query expression matches at time 0.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use scheduler_core::Expression;

use super::inputs::{Opened, Reading, open};
use super::output::{CliError, message, print};
use crate::simulation::{Plan, state_at_start};
use crate::strategy::Spec;

/// Container instances that match an expression at time 0, one name a line
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A cluster query expression; see `help query`
    expression: String,
    /// The trace; `-` is standard input
    trace: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let text = arguments.expression.as_str();
    let expression = Expression::parse(text)
        .map_err(|error| CliError::Usage(format!("the expression does not parse: {error}\n{}", error.pointer(text))))?;
    for lint in expression.lints() {
        message(&format!("warning: {lint}"));
    }
    let Opened { survey, .. } = open(&arguments.trace, &arguments.reading, false)?;
    let settings = &survey.header.settings;
    let spec: Spec = "as-written".parse().map_err(CliError::usage)?;
    let plan = Plan::new(&survey, settings, &spec);
    let cluster = state_at_start(&plan)?;
    let mut names = String::new();
    for instance in cluster.matching(&expression) {
        names.push_str(instance.name());
        names.push('\n');
    }
    print(&names, None)?;
    Ok(ExitCode::SUCCESS)
}
