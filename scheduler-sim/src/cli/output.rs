//! Where results and messages go: results to standard output or a file, all else to standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::files::write_file;
use crate::import::ImportError;
use crate::metrics::seconds;
use crate::runner::JobError;
use crate::simulation::RunError;
use crate::trace::{ERROR_LIMIT, OutputError, Printable, TraceError, TraceErrors};

/// Why the program comes to no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// Bad usage, or input that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The trace is broken; all that was found.
    #[error(transparent)]
    Trace(#[from] TraceErrors),
    /// A run failed.
    #[error(transparent)]
    Job(Box<JobError>),
    /// `--check` found a wrong decision.
    #[error("{message}")]
    Refused {
        /// What is wrong.
        message: String,
        /// The part of the trace that shows it, as JSON Lines.
        prefix: String,
    },
    /// An import failed.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A trace cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
}

/// The run and the instant that a result is about.
pub(super) struct Heading {
    pub(super) trace: String,
    pub(super) strategy: String,
    pub(super) seed: u64,
    pub(super) at_ms: u64,
}

impl fmt::Display for Heading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, strategy, seed, at_ms } = self;
        write!(f, "{} at {} s under {strategy}, seed {seed}", Printable(trace), seconds(*at_ms))
    }
}

impl From<JobError> for CliError {
    fn from(error: JobError) -> Self {
        Self::Job(Box::new(error))
    }
}

fn is_interruption(error: &JobError) -> bool {
    matches!(error, JobError::Run(RunError::Interrupted))
}

impl From<TraceError> for CliError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error.into())
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        Self::Job(Box::new(error.into()))
    }
}

impl CliError {
    /// Bad usage, told in one line: whatever the user gave is shown escaped.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(Printable(message).to_string())
    }

    /// A file cannot be written.
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: Printable(path.display()).to_string(), source }
    }

    /// 130 for an interruption, 1 for a refusal, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Job(error) if is_interruption(error) => 130,
            Self::Refused { .. } => 1,
            _ => 2,
        }
    }

    /// Tells the user on standard error.
    pub(super) fn tell(&self) {
        match self {
            Self::Job(error) if is_interruption(error) => {}
            Self::Trace(errors) => {
                errors.warnings().iter().for_each(|warning| message(&format!("warning: {warning}")));
                errors.errors().iter().for_each(|error| message(&format!("error: {error}")));
                if errors.errors().len() >= ERROR_LIMIT {
                    message("there may be more: so many are enough to begin with");
                }
            }
            Self::Job(error) => message(&format!("error: {}", Printable(error))),
            Self::Refused { message: problem, prefix } => {
                message(problem);
                // That it cannot be shown is the lesser trouble.
                let _ = print(prefix, None);
            }
            other => message(&format!("error: {other}")),
        }
    }
}

/// One line, or several, to standard error, without anything that a terminal acts upon. That nobody reads them is no
/// reason to stop.
pub(super) fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable_lines(text));
}

/// A text without anything that a terminal acts upon but its line breaks.
pub(super) fn printable_lines(text: &str) -> String {
    text.split('\n').map(|line| Printable(line).to_string()).collect::<Vec<_>>().join("\n")
}

/// Prints a result, to a file that appears only when it is complete, or to standard output, whose closing ends the
/// program quietly.
pub(super) fn print(text: &str, file: Option<&Path>) -> Result<(), CliError> {
    if let Some(path) = file {
        return unless_closed(write_file(path, text.as_bytes())).map_err(|source| CliError::write(path, source));
    }
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    unless_closed(written).map_err(|source| CliError::write(Path::new("standard output"), source))
}

/// That a reader has read enough is no error.
fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether standard output gets colours.
    pub(super) fn is_wanted(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let is_forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                io::stdout().is_terminal() && !is_forbidden
            }
        }
    }
}

/// The width of the terminal on standard output, if it is one.
pub(super) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(io::stdout()).map(|(terminal_size::Width(width), _)| usize::from(width))
}
