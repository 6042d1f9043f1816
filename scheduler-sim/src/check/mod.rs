//! The independent checker: follows a decision log beside its trace, with a plain model of its own, and accepts it or
//! names the first wrong line.
//!
//! A third reading of the rules, after the engine and the reference of the tests: slow scans over lists, no index and no
//! cache. `replay` follows the timeline, `events` says what the trace's events do, `settle` gives DAEMON services
//! (`daemon`), waiting tasks (`queue`) and REPLICA services (`replica`) their turns between them, `rules` says who may take
//! a task and whom the strategy prefers. Each expects its lines; only where a draw decides it asks the next line.
//!
//! It shares what reads the input: the trace's types with the core's plain values in them (task definitions, container
//! instances, attributes, constraints, strategies), the SPECs, and the tree of parsed expressions with their compiled
//! patterns. It shares nothing that places a task, keeps a cluster or runs a trace.
//!
//! What a draw decides (`random`, `tieBreak: random`) or code of somebody's own is checked as far as the rules before it
//! narrow the choice: anything that is left may be the answer.

mod ask;
mod cluster;
mod daemon;
mod events;
mod expression;
mod log;
mod queue;
mod record;
mod replay;
mod replica;
mod rules;
mod services;
mod settle;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, PipeWriter};
use std::sync::atomic::AtomicBool;
use std::thread;

use ask::Preferences;
use log::Log;
use record::LogHeader;
use replay::Replay;

use crate::fleet::Fleet;
use crate::report::settings_object;
use crate::strategy::Spec;
use crate::trace::{Event, Header, Settings, TraceError};

/// What a log is to be the log of.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The trace but for its events; another fleet than the trace's may be in it.
    pub header: &'a Header,
    /// The fleet of `header`, where it is not the trace's.
    pub fleet: Option<&'a Fleet>,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The horizon of the trace under these settings, in milliseconds.
    pub horizon_ms: u64,
    /// The strategy; `None`: whichever the log's header names.
    pub spec: Option<&'a Spec>,
    /// The seeds of the runs, the first and the last.
    pub seeds: (u64, u64),
    /// How much is asked of a decision.
    pub depth: Depth,
}

/// How much is asked of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// That it was possible.
    Legality,
    /// That it was the right one.
    Choice,
}

/// How many decisions were checked, and how deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Placements on the one instance that the rules leave.
    pub chosen: u64,
    /// Placements on one of several instances that the rules leave to a draw or to code of somebody's own.
    pub open: u64,
    /// Refusals with their reason and the closest instance.
    pub refused: u64,
    /// Placements and refusals of which only was checked that they were possible.
    pub legal: u64,
    /// Ends of tasks.
    pub stops: u64,
    /// Those of them of which a draw, or nothing that is checked, chose the task.
    pub open_stops: u64,
}

impl Checked {
    /// All decisions.
    pub fn total(&self) -> u64 {
        self.chosen + self.open + self.refused + self.legal + self.stops
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} decisions checked", self.total())?;
        let open_stops = (self.open_stops > 0).then(|| format!(", {} of any of several tasks", self.open_stops));
        let parts = [
            (self.chosen, "placements by instance"),
            (self.open, "placements as one of several that a draw or a policy of its own may choose"),
            (self.refused, "refusals by reason and closest instance"),
            (self.legal, "placements and refusals only as to whether they were possible"),
            (self.stops, "ends of tasks"),
        ];
        let mut separator = ": ";
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} {what}")?;
            separator = ", ";
        }
        f.write_str(&open_stops.unwrap_or_default())
    }
}

/// The first wrong line of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found}; right would be: {should}")]
#[non_exhaustive]
pub struct Wrong {
    /// Counted from 1, the header's being the first.
    pub line: u64,
    /// What it says.
    pub found: String,
    /// What would be right.
    pub should: String,
    /// Events of the trace that had been played when it came: so many of them show it.
    pub events: u64,
}

/// Why a log is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A line is wrong.
    #[error(transparent)]
    Wrong(#[from] Wrong),
    /// A line is none of a decision log.
    #[error("line {line} is no line of a decision log: {problem}")]
    Unreadable {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The log cannot be read.
    #[error("the decision log cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// The trace asks for something that cannot happen, so no log of it is complete.
    #[error("the trace cannot be played: {0}")]
    Trace(String),
    /// Somebody ended the work.
    #[error("interrupted")]
    Interrupted,
}

impl From<TraceError> for CheckError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error.to_string())
    }
}

/// Follows a decision log beside its trace; `events` come in the order in which the reader hands them out. Whoever sets
/// `is_stopped` ends the work.
///
/// Cost: for each decision a scan of all instances and of all tasks alive.
///
/// # Errors
/// [`CheckError::Wrong`] for the first line that is not right; the others if log or trace cannot be used.
pub fn verify(
    claim: &Claim<'_>,
    events: impl Iterator<Item = Result<Event, TraceError>>,
    log: impl BufRead,
    is_stopped: &AtomicBool,
) -> Result<Checked, CheckError> {
    let mut lines = log.lines();
    let first = lines.next().transpose().map_err(CheckError::Read)?.unwrap_or_default();
    let spec = check_header(claim, &record::read_header(&first)?)?;
    let default = Spec::default_strategy(&claim.settings.default_strategy);
    let default = default.map_err(|error| CheckError::Trace(format!("defaultStrategy: {error}")))?;
    let preferences = Preferences { meaning: spec.meaning().clone(), default };
    Replay::new(claim, preferences, Log::new(Box::new(lines), is_stopped)).run(events)
}

/// A log that a checker reads as it is written.
pub type CheckedLog = BufWriter<PipeWriter>;

/// Verifies the log that `run` writes while it writes it. What `run` comes to, and what the checker does.
///
/// # Errors
/// If the system has no pipe left.
///
/// # Panics
/// As `run`.
pub fn follow<T>(
    claim: &Claim<'_>,
    events: impl Iterator<Item = Result<Event, TraceError>> + Send,
    is_stopped: &AtomicBool,
    run: impl FnOnce(CheckedLog) -> T,
) -> io::Result<(T, Result<Checked, CheckError>)> {
    let (reader, writer) = io::pipe()?;
    thread::scope(|scope| {
        let checker = scope.spawn(move || verify(claim, events, BufReader::new(reader), is_stopped));
        let result = run(BufWriter::new(writer));
        match checker.join() {
            Ok(verified) => Ok((result, verified)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The first line must be that of such a run; the strategy that it names.
fn check_header(claim: &Claim<'_>, header: &LogHeader) -> Result<Spec, CheckError> {
    let error = |found: String, should: String| CheckError::Wrong(Wrong { line: 1, found, should, events: 0 });
    let wrong = |found: String, should: String| Err(error(found, should));
    if header.schema_version != crate::report::SCHEMA_VERSION {
        let should = format!("{}, the only version there is", crate::report::SCHEMA_VERSION);
        return wrong(format!("schema_version {}", header.schema_version), should);
    }
    if *header.trace != *claim.header.name {
        return wrong(format!("the log of trace `{}`", header.trace), format!("`{}`", claim.header.name));
    }
    let (first, last) = claim.seeds;
    if !(first..=last).contains(&header.seed) {
        let seeds = if first == last { first.to_string() } else { format!("{first}..{last}") };
        return wrong(format!("seed {}", header.seed), format!("{seeds} (--seed and --seeds say otherwise)"));
    }
    let settings = settings_object(claim.settings, claim.fleet).compact();
    if serde_json::from_str::<serde_json::Value>(&settings).is_ok_and(|settings| settings != header.settings) {
        let should = format!("{settings} (options of the run, such as --set, are given here as well)");
        return wrong(format!("settings {}", header.settings), should);
    }
    let specs: Result<Vec<Spec>, _> = header.strategy.split(" = ").map(str::parse).collect();
    let found = || format!("strategy `{}`", header.strategy);
    let mut specs: Vec<Spec> = specs.map_err(|problem| error(found(), problem.to_string()))?;
    let spec = specs.swap_remove(0);
    let are_alike = specs.iter().all(|other| other.meaning() == spec.meaning());
    let is_misnamed = specs.is_empty() && spec.name() != header.strategy;
    if !are_alike || is_misnamed {
        return wrong(found(), "strategies by their names, of one meaning".to_owned());
    }
    match claim.spec {
        Some(wanted) if wanted.name() != header.strategy && wanted.meaning() != spec.meaning() => {
            wrong(found(), format!("`{}`", wanted.name()))
        }
        _ => Ok(spec),
    }
}
