//! `completions` and `man`: what shells and manuals need.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::output::{CliError, print};
use crate::files::write_file;

/// Prints a completion script for a shell
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the manual pages into a folder
#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(arguments: &Arguments, command: &mut Command) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, command, name, &mut script);
    print(&String::from_utf8_lossy(&script), None)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(arguments: &ManArguments, mut command: Command) -> Result<ExitCode, CliError> {
    command.build();
    std::fs::create_dir_all(&arguments.folder).map_err(|source| CliError::write(&arguments.folder, source))?;
    let subcommands = command.get_subcommands().map(|subcommand| {
        let name = format!("{}-{}", command.get_name(), subcommand.get_name());
        subcommand.clone().name(name)
    });
    for command in subcommands.chain([command.clone()]) {
        let path = arguments.folder.join(format!("{}.1", command.get_name()));
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|source| CliError::write(&path, source))?;
        write_file(&path, &page).map_err(|source| CliError::write(&path, source))?;
    }
    Ok(ExitCode::SUCCESS)
}
