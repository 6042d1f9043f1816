//! The decisions of a run, one copy of a task at a time, sent while the run goes on.

use std::sync::mpsc::SyncSender;

use crate::outcome::{Fate, Observation, Observer, Outcome, PlacedWhy, StoppedWhy};

/// Lines sent at a time.
const BATCH: usize = 256;

/// One decision on one task, as a decision log has it, but for the closest instance of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// The event that brought it about; `None` for ends by duration and what services do.
    pub event: Option<u64>,
    /// The task's name.
    pub task: Box<str>,
    /// The group it counts under.
    pub group: Box<str>,
    /// What was decided.
    pub what: What,
}

/// What was decided on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was placed.
    Placed {
        /// The instance's name.
        instance: Box<str>,
        /// Its Availability Zone.
        zone: Box<str>,
        /// Ids of the GPUs that it holds.
        gpus: Box<[Box<str>]>,
        /// Why a service wanted it.
        why: Option<PlacedWhy>,
    },
    /// It was refused for this reason, for good or so far.
    Refused {
        /// The reason string of the ECS API.
        reason: Box<str>,
        /// Whether it waits.
        waits: bool,
    },
    /// It is given up without having been placed: withdrawn, or still wanted when the run ends.
    GivenUp,
    /// Its desired status became STOPPED.
    Stopped {
        /// The instance's name.
        instance: Box<str>,
        /// Why.
        why: StoppedWhy,
    },
}

impl What {
    fn of(fate: &Fate<'_>) -> Self {
        match *fate {
            Fate::Placed { instance, zone, gpus, why, .. } => {
                let gpus = gpus.iter().map(|gpu| (*gpu).into()).collect();
                Self::Placed { instance: instance.into(), zone: zone.into(), gpus, why }
            }
            Fate::Refused(refused) => Self::Refused { reason: refused.reason.into(), waits: false },
            Fate::Waiting(refused) | Fate::Missing { refused, .. } => {
                Self::Refused { reason: refused.reason.into(), waits: true }
            }
            Fate::Withdrawn { .. } | Fate::StillWanted { .. } => Self::GivenUp,
            Fate::Stopped { instance, why } => Self::Stopped { instance: instance.into(), why },
        }
    }
}

/// Sends the lines of a run in batches. When nobody listens any more it goes on in silence.
pub(super) struct Teller {
    lines: Vec<Line>,
    sender: SyncSender<Vec<Line>>,
}

impl Teller {
    pub(super) fn new(sender: SyncSender<Vec<Line>>) -> Self {
        Self { lines: Vec::with_capacity(BATCH), sender }
    }

    fn tell(&mut self, at_ms: u64, outcome: &Outcome<'_>) {
        let what = What::of(&outcome.fate);
        let told = outcome.copies.for_each_name(|name| {
            let group = outcome.group.as_str().into();
            self.lines.push(Line { at_ms, event: outcome.event, task: name.into(), group, what: what.clone() });
            if self.lines.len() < BATCH { Ok(()) } else { self.send() }
        });
        // Whoever listened has ended, and so will the run.
        let _ = told;
    }

    fn send(&mut self) -> Result<(), ()> {
        let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(BATCH));
        self.sender.send(lines).map_err(drop)
    }

    /// Sends what is left.
    pub(super) fn finish(mut self) {
        let _ = self.send();
    }
}

impl Observer for Teller {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        if let Observation::Outcome(outcome) = observation {
            self.tell(at_ms, outcome);
        }
    }
}
