//! Where results and messages go: results to standard output or a file, all else to standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::files::write_file;
use crate::import::ImportError;
use crate::runner::JobError;
use crate::simulation::RunError;
use crate::trace::{ERROR_LIMIT, TraceError, TraceErrors};

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
    /// An import failed.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
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
    /// Bad usage.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// 130 for an interruption, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Job(error) if is_interruption(error) => 130,
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
            other => message(&format!("error: {other}")),
        }
    }
}

/// One line, or several, to standard error. That nobody reads them is no reason to stop.
pub(super) fn message(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a result, to a file that appears only when it is complete, or to standard output, whose closing ends the
/// program quietly.
pub(super) fn print(text: &str, file: Option<&Path>) -> Result<(), CliError> {
    if let Some(path) = file {
        let failed = |source| CliError::Write { path: path.display().to_string(), source };
        return write_file(path, text.as_bytes()).map_err(failed);
    }
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Write { path: "standard output".to_owned(), source: error })
        }
        _ => Ok(()),
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
