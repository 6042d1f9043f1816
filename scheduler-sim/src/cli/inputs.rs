//! Traces and settings as the command line names them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::output::{CliError, message};
use crate::metrics::seconds;
use crate::simulation::{Plan, Pulse, busiest_instant};
use crate::strategy::Spec;
use crate::trace::{self, OpenOptions, Settings, Source, Survey};
use crate::wanted::Wanted;

/// Options that say how a trace is read.
#[derive(Debug, Clone, Args)]
pub(super) struct Reading {
    /// Take unknown keys for warnings
    #[arg(long)]
    pub(super) lenient: bool,
}

/// Options that change settings of the trace.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SettingOptions {
    /// Any setting of the trace format
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// What becomes of tasks without room: fail or queue
    #[arg(long, value_name = "fail|queue")]
    pub(super) on_unplaceable: Option<String>,
    /// What settles ties of chains: headroom, stable or random
    #[arg(long, value_name = "headroom|stable|random")]
    pub(super) tie_break: Option<String>,
    /// The run ends there
    #[arg(long, value_name = "SECONDS")]
    pub(super) until: Option<String>,
    /// The seed of every random choice [default: the trace's, else 0]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<String>,
}

impl SettingOptions {
    /// The trace's settings with those of the command line put over them.
    pub(super) fn apply(&self, settings: &Settings) -> Result<Settings, CliError> {
        let mut settings = settings.clone();
        for pair in &self.set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(CliError::usage(format!("--set takes KEY=VALUE, such as seed=7; found `{pair}`")));
            };
            settings.set(key.trim(), value.trim()).map_err(CliError::usage)?;
        }
        let short = [
            ("onUnplaceable", &self.on_unplaceable),
            ("tieBreak", &self.tie_break),
            ("endSeconds", &self.until),
            ("seed", &self.seed),
        ];
        for (key, value) in short {
            if let Some(value) = value {
                settings.set(key, value).map_err(CliError::usage)?;
            }
        }
        Ok(settings)
    }
}

/// Options of whoever looks at one run.
#[derive(Debug, Clone, Args)]
pub(super) struct OneRun {
    /// The strategy of the run [default: the first of the standard set]
    #[arg(short, long, value_name = "SPEC")]
    pub(super) strategy: Option<String>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t)]
    pub(super) format: TextOrJson,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
    #[command(flatten)]
    pub(super) reading: Reading,
}

/// The instant of a run at which somebody looks.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Instant {
    /// The instant to look at [default: the first at which the most instances run tasks]
    #[arg(long, value_name = "SECONDS", value_parser = milliseconds)]
    at: Option<u64>,
}

impl Instant {
    /// In milliseconds; to find the default, the trace is played.
    pub(super) fn find(self, plan: &Plan<'_>, opened: &Opened, pulse: &Pulse) -> Result<u64, CliError> {
        let Some(at_ms) = self.at else {
            return Ok(busiest_instant(plan, opened.source.events(&opened.survey)?, pulse)?);
        };
        match plan.settings.end_ms {
            Some(end_ms) if at_ms > end_ms => Err(CliError::usage(format!(
                "--at is {} s, but the run ends at {} s; take an instant before",
                seconds(at_ms),
                seconds(end_ms)
            ))),
            _ => Ok(at_ms),
        }
    }
}

/// The form of a result that is no comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum TextOrJson {
    /// Lines for people.
    #[default]
    Table,
    /// An object for programs.
    Json,
}

/// A sound trace.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) source: Source,
    pub(super) survey: Survey,
}

/// The strategy that is asked for; it knows what it must of the trace.
pub(super) fn strategy(text: &str, Opened { source, survey }: &Opened) -> Result<Spec, CliError> {
    let spec: Spec = text.parse().map_err(CliError::usage)?;
    if !spec.needs_typical_tasks() {
        return Ok(spec);
    }
    let typical = Wanted::in_all(&survey.header, source, survey)?.typical_tasks();
    Ok(spec.informed(&Arc::new(typical)))
}

/// The strategy that is asked for, else the one that the main job shows first.
pub(super) fn strategy_or_first(given: Option<&str>, opened: &Opened) -> Result<Spec, CliError> {
    match given {
        Some(text) => strategy(text, opened),
        None => Ok(Spec::standard_set(opened.survey.has_strategies).swap_remove(0)),
    }
}

/// Opens and checks a trace; warnings are told unless nobody wants them.
pub(super) fn open(path: &Path, reading: &Reading, is_quiet: bool) -> Result<Opened, CliError> {
    let source = trace::open(path, OpenOptions::default().lenient(reading.lenient))?;
    let survey = source.survey()?;
    if !is_quiet {
        survey.warnings.iter().for_each(|warning| message(&format!("warning: {warning}")));
    }
    Ok(Opened { source, survey })
}

/// Standard input can be read once only.
pub(super) fn check_paths(paths: &[PathBuf]) -> Result<(), CliError> {
    if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(CliError::usage("`-` is given twice, but standard input can be read only once"));
    }
    Ok(())
}

/// Seconds with at most three decimals, in milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no number of seconds; give one such as 90 or 0.5, with at most three decimals");
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || part.len() > 3 {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: u64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    whole.checked_mul(1_000).and_then(|milliseconds| milliseconds.checked_add(part)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_exactly() {
        for (text, milliseconds_read) in [("0", 0), ("90", 90_000), ("0.5", 500), ("1.025", 1_025)] {
            assert_eq!(milliseconds(text), Ok(milliseconds_read));
        }
        for text in ["", "-1", "1.", ".5", "1.0001", "1e3", "99999999999999999999"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }
}
