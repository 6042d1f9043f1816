//! The command line: one file a subcommand, each `arguments → result → what to print`.

mod columns;
mod compare;
mod completions;
mod condition;
mod consolidate;
mod diff;
mod example;
mod explain;
mod fit;
mod fit_text;
mod fleet;
mod generate;
mod help;
mod import;
mod inputs;
mod mistyped;
mod output;
mod progress;
mod query;
mod reproduce;
mod shrink;
mod validate;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use clap::{CommandFactory, Parser, Subcommand};
pub use output::CliError;

use crate::trace::Printable;

/// Replays cluster traces against an exact Amazon ECS placement engine and compares placement strategies.
#[derive(Debug, Parser)]
#[command(
    name = "scheduler-sim",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Try it: scheduler-sim example notes | scheduler-sim -\n\nExit status: 0 done (unplaced tasks \
                  included), 1 refused by --check, --fail-if or verify, 2 bad usage or input, 130 interrupted.\nMore: scheduler-sim help \
                  metrics | strategies | query | trace"
)]
struct Cli {
    #[command(flatten)]
    compare: compare::Arguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Example(example::Arguments),
    Explain(explain::Arguments),
    Diff(diff::Arguments),
    Query(query::Arguments),
    Validate(validate::Arguments),
    Verify(verify::Arguments),
    Consolidate(consolidate::Arguments),
    Fit(fit::Arguments),
    Fleet(fleet::Arguments),
    Generate(generate::Arguments),
    Import(import::Arguments),
    Reproduce(reproduce::Arguments),
    Shrink(shrink::Arguments),
    Help(help::Arguments),
    Completions(completions::Arguments),
    Man(completions::ManArguments),
}

/// What the program says when it is called without arguments.
const SHORT_HELP: &str = "\
scheduler-sim replays a cluster trace with several placement strategies and shows which suits it.

  scheduler-sim TRACE                            compare the usual strategies
  scheduler-sim -s binpack -s spread=az TRACE    compare these
  scheduler-sim example notes | scheduler-sim -  try it

scheduler-sim --help tells the rest.
";

/// Parses, runs, prints; the result is the exit status.
pub fn main(arguments: impl IntoIterator<Item = OsString>, begin: Instant) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.len() <= 1 {
        output::message(SHORT_HELP.trim_end());
        return ExitCode::from(2);
    }
    if let Some(hint) = arguments.get(1).and_then(|word| mistyped::hint(word, &Cli::command())) {
        CliError::usage(hint).tell();
        return ExitCode::from(2);
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let error = shown(error, &arguments);
            // Help and version go to standard output, errors to standard error; a closed pipe is nobody's business.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let result = match cli.command {
        None => compare::run(&cli.compare, begin),
        Some(Command::Example(arguments)) => example::run(&arguments),
        Some(Command::Explain(arguments)) => explain::run(&arguments),
        Some(Command::Diff(arguments)) => diff::run(&arguments),
        Some(Command::Query(arguments)) => query::run(&arguments),
        Some(Command::Validate(arguments)) => validate::run(&arguments),
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        Some(Command::Consolidate(arguments)) => consolidate::run(&arguments),
        Some(Command::Fit(arguments)) => fit::run(&arguments),
        Some(Command::Fleet(arguments)) => fleet::run(&arguments),
        Some(Command::Generate(arguments)) => generate::run(&arguments),
        Some(Command::Import(arguments)) => import::run(&arguments),
        Some(Command::Reproduce(arguments)) => reproduce::run(&arguments),
        Some(Command::Shrink(arguments)) => shrink::run(&arguments),
        Some(Command::Help(arguments)) => help::run(&arguments, &mut Cli::command()),
        Some(Command::Completions(arguments)) => completions::run(&arguments, &mut Cli::command()),
        Some(Command::Man(arguments)) => completions::man(&arguments, Cli::command()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            error.tell();
            ExitCode::from(error.exit_code())
        }
    }
}

/// The error of parsing as it may be shown: that of the same words with what a terminal would act upon escaped.
fn shown(error: clap::Error, arguments: &[OsString]) -> clap::Error {
    let escaped = arguments.iter().map(|word| Printable(word.to_string_lossy()).to_string());
    Cli::try_parse_from(escaped).err().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_first_word_that_is_a_subcommand_is_one() {
        let parse = |words: &[&str]| Cli::try_parse_from(["scheduler-sim"].iter().chain(words));
        assert!(matches!(parse(&["example"]), Ok(Cli { command: Some(Command::Example(_)), .. })));
        let file = parse(&["./example"]).expect("a file");
        assert!(file.command.is_none());
        let second = parse(&["a.json", "example"]).expect("two files");
        assert_eq!(second.compare.traces.len(), 2);
    }
}
