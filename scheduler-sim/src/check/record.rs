//! The lines of a decision log as values.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::CheckError;

/// The first line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogHeader {
    pub(super) schema_version: u64,
    pub(super) trace: String,
    pub(super) strategy: String,
    pub(super) seed: u64,
    pub(super) settings: serde_json::Value,
}

/// A line after the first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Counted from 1, the header's being the first.
    pub(super) line: u64,
    pub(super) at_ms: u64,
    pub(super) event: Option<u64>,
    pub(super) task: String,
    pub(super) group: String,
    pub(super) what: What,
}

/// What a line says of its task.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Placed { instance: String, zone: String, gpus: Vec<String>, why: Option<String> },
    Refused { reason: String, closest: Option<String>, waits: bool },
    Stopped { instance: Option<String>, why: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    at_seconds: &'a RawValue,
    /// It may be `null`, but not be left out.
    #[serde(deserialize_with = "Option::deserialize")]
    event: Option<u64>,
    task: String,
    group: String,
    placed: Option<String>,
    availability_zone: Option<String>,
    #[serde(default)]
    gpus: Vec<String>,
    unplaced: Option<String>,
    waiting: Option<String>,
    closest: Option<String>,
    #[serde(default)]
    stopped: StoppedOn,
    why: Option<String>,
}

/// `null` is said of what left the queue, so its absence is another thing.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum StoppedOn {
    #[default]
    #[serde(skip)]
    Absent,
    Said(Option<String>),
}

/// Reads the first line.
pub(super) fn read_header(text: &str) -> Result<LogHeader, CheckError> {
    serde_json::from_str(text).map_err(|error| unreadable(1, error))
}

/// Reads line `line`, not the first.
pub(super) fn read_record(line: u64, text: &str) -> Result<Record, CheckError> {
    let read: Line<'_> = serde_json::from_str(text).map_err(|error| unreadable(line, error))?;
    let at_ms = milliseconds(read.at_seconds.get())
        .ok_or_else(|| unreadable(line, "`atSeconds` is no number from 0 on with at most three decimals"))?;
    let what = match (read.placed, read.unplaced, read.waiting, read.stopped, read.why, read.availability_zone) {
        (Some(instance), None, None, StoppedOn::Absent, why, Some(zone)) if read.closest.is_none() => {
            What::Placed { instance, zone, gpus: read.gpus, why }
        }
        (None, Some(reason), None, StoppedOn::Absent, None, None) if read.gpus.is_empty() => {
            What::Refused { reason, closest: read.closest, waits: false }
        }
        (None, None, Some(reason), StoppedOn::Absent, None, None) if read.gpus.is_empty() => {
            What::Refused { reason, closest: read.closest, waits: true }
        }
        (None, None, None, StoppedOn::Said(instance), Some(why), None)
            if read.gpus.is_empty() && read.closest.is_none() =>
        {
            What::Stopped { instance, why }
        }
        _ => return Err(unreadable(line, "it is none of the four forms of a decision (see `help trace`)")),
    };
    Ok(Record { line, at_ms, event: read.event, task: read.task, group: read.group, what })
}

fn unreadable(line: u64, problem: impl std::fmt::Display) -> CheckError {
    CheckError::Unreadable { line, problem: problem.to_string() }
}

/// Seconds in plain decimal notation, exactly.
fn milliseconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(part) || part.len() > 3 {
        return None;
    }
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(part)
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Placed { instance, .. } => write!(f, "placed on {instance}"),
            Self::Refused { reason, waits: false, .. } => write!(f, "unplaced ({reason})"),
            Self::Refused { reason, waits: true, .. } => write!(f, "waiting ({reason})"),
            Self::Stopped { instance: Some(instance), why } => write!(f, "stopped on {instance} ({why})"),
            Self::Stopped { instance: None, why } => write!(f, "withdrawn ({why})"),
        }
    }
}
