//! One question to a fleet: how many tasks of the trace it leaves unplaced.

use std::fmt;
use std::sync::atomic::Ordering;

use super::{Question, SearchError};
use crate::fleet::Fleet;
use crate::outcome::{Fate, Observation, Observer};
use crate::simulation::{self, Plan, Pulse, RunError};

/// The first task that found no place, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Its group.
    pub group: String,
    /// The event that asked for it; `None` if a service did.
    pub event: Option<u64>,
    /// The reason of the refusal; empty if it was never tried.
    pub reason: String,
}

impl fmt::Display for Unplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", self.group)?;
        if let Some(event) = self.event {
            write!(f, ", event {event}")?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

/// What a replay came to.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// So many unplaced, no more than are allowed.
    Runs(u64),
    /// More than are allowed; the run was ended then.
    Refuses(Unplaced),
}

/// Replays the trace on a fleet, as `--fleet` does; ends as soon as too many tasks are unplaced.
pub(super) fn replay(question: &Question<'_>, fleet: &Fleet) -> Result<Verdict, SearchError> {
    let Question { source, survey, settings, spec, .. } = question;
    let header = fleet.replace(&survey.header)?;
    let plan = Plan { header: &header, ..Plan::new(survey, settings, spec) };
    let pulse = Pulse::default();
    let events = source.events(survey).map_err(RunError::from)?;
    let mut count = Count { most: question.max_unplaced, pulse: &pulse, unplaced: 0, first: None };
    let run = simulation::run(&plan, events, &mut count, &pulse);
    question.events.fetch_add(pulse.events.load(Ordering::Relaxed), Ordering::Relaxed);
    match (count.first, run) {
        (Some(first), Ok(_) | Err(RunError::Interrupted)) if count.unplaced > question.max_unplaced => {
            Ok(Verdict::Refuses(first))
        }
        (_, Ok(_)) => Ok(Verdict::Runs(count.unplaced)),
        (_, Err(error)) => Err(error.into()),
    }
}

/// Counts as the metric `tasks.unplaced` does.
struct Count<'a> {
    most: u64,
    pulse: &'a Pulse,
    unplaced: u64,
    first: Option<Unplaced>,
}

impl Observer for Count<'_> {
    fn observe(&mut self, _at_ms: u64, observation: &Observation<'_>) {
        let Observation::Outcome(outcome) = observation else { return };
        let reason = match outcome.fate {
            Fate::Refused(refused) => Some(refused.reason),
            Fate::Withdrawn { reason, .. } | Fate::StillWanted { reason } => reason,
            _ => return,
        };
        self.unplaced = self.unplaced.saturating_add(outcome.copies.count());
        if self.first.is_none() {
            let (group, event) = (outcome.group.to_string(), outcome.event);
            self.first = Some(Unplaced { group, event, reason: reason.unwrap_or_default().to_owned() });
        }
        if self.unplaced > self.most {
            self.pulse.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    fn wants_names(&self) -> bool {
        false
    }
}
