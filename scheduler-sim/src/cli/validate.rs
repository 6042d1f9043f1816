//! `validate`: all errors and warnings of traces.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::inputs::{Reading, check_paths};
use super::output::{CliError, message, print};
use crate::trace::{self, OpenOptions};

/// All errors and warnings of traces
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The traces; `-` is standard input
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    check_paths(&arguments.traces)?;
    let mut is_sound = true;
    let mut summary = String::new();
    for path in &arguments.traces {
        let options = OpenOptions::default().lenient(arguments.reading.lenient);
        let surveyed = trace::open(path, options).map_err(Into::into).and_then(|source| source.survey());
        match surveyed {
            Ok(survey) => {
                survey.warnings.iter().for_each(|warning| message(&format!("warning: {warning}")));
                // Writing to a text cannot fail.
                let _ = writeln!(summary, "{}: sound, {} events", path.display(), survey.event_count);
            }
            Err(errors) => {
                is_sound = false;
                CliError::Trace(errors).tell();
            }
        }
    }
    print(&summary, None)?;
    Ok(ExitCode::from(if is_sound { 0 } else { 2 }))
}
