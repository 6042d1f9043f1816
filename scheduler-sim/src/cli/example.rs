//! `example`: the traces that the program carries with it.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;

use super::output::{CliError, print};
use crate::stories::{STORIES, find};

/// Lists the bundled traces, or prints one: scheduler-sim example notes | scheduler-sim -
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The trace to print
    name: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let Some(name) = &arguments.name else {
        let width = STORIES.iter().map(|story| story.name.len()).max().unwrap_or(0);
        let mut list = String::new();
        for story in STORIES {
            // Writing to a text cannot fail.
            let _ = writeln!(list, "{:<width$}  {}", story.name, story.about);
        }
        print(&list, None)?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(story) = find(name) else {
        let names: Vec<_> = STORIES.iter().map(|story| story.name).collect();
        return Err(CliError::usage(format!("there is no example `{name}`; there are {}", names.join(", "))));
    };
    print(story.text, None)?;
    Ok(ExitCode::SUCCESS)
}
