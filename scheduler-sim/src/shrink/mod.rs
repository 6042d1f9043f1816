//! The smallest trace that still shows something: a run of the trace is asked again and again with a part of it left
//! out.
//!
//! Delta debugging: first all of each list (events, instances, tasks, services, task definitions, settings), then halves,
//! quarters and so on, down to single elements; counts of tasks and instances are lowered by halving. What is left out
//! stays out if what remains is a sound trace, runs to its end without many more placements than the whole, and shows it
//! still. The passes over single elements are repeated until none of them changes anything. Unless it is cut short, of the
//! answer nothing of the following can be left out alone: an event, an element of a list of the document, a setting, a
//! subnet, another key of the document but its name, an entry of the instances that an event registers; and no count of
//! tasks or instances can be lowered by one. What else an element says, such as the names in a call or the size of a task
//! definition, stays as it was written.

mod numbers;
mod parts;
mod reduction;
#[cfg(test)]
mod tests;
mod trial;

use std::sync::atomic::AtomicU64;

use reduction::{CutShort, reduce};
use trial::Trial;

use crate::check::Wrong;
use crate::comparison::RunResult;
use crate::runner::JobError;
use crate::strategy::Spec;
use crate::trace::{Action, Pieces, Settings, Source, Survey, TraceError, TraceForm};

/// What is to be shown, and by which runs.
#[derive(Clone, Copy)]
pub struct Goal<'a> {
    /// The trace.
    pub source: &'a Source,
    /// What its survey found.
    pub survey: &'a Survey,
    /// The strategies, of which the first whose run shows it is taken.
    pub specs: &'a [Spec],
    /// Makes the settings of a run from those of a trace.
    pub settings: &'a dyn Fn(&Settings) -> Settings,
    /// What is to be shown.
    pub sign: Sign<'a>,
    /// How often a smaller trace may be replayed.
    pub most_replays: u64,
    /// Is told the events of each replay, for those who watch.
    pub events: &'a AtomicU64,
}

/// What a run may show.
#[derive(Clone, Copy)]
pub enum Sign<'a> {
    /// Something about what it comes to.
    Result(&'a dyn Fn(&RunResult) -> bool),
    /// A decision that is wrong, as the independent checker sees it.
    WrongDecision,
}

/// How a run shows it.
#[derive(Debug)]
pub enum Shown {
    /// It comes to this.
    Result(Box<RunResult>),
    /// It makes this decision.
    WrongDecision(Box<Wrong>),
}

/// How much there is of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Events.
    pub events: u64,
    /// Tasks that run at time 0 or are asked for by runTask or startTask.
    pub tasks: u64,
    /// Instances at time 0 or registered by events.
    pub instances: u64,
    /// Services at time 0 or created by events.
    pub services: u64,
    /// Task definitions at time 0.
    pub task_definitions: u64,
}

/// The smallest trace found.
#[derive(Debug)]
pub struct Answer {
    /// The trace.
    pub pieces: Pieces,
    /// The name of the strategy whose run shows it.
    pub strategy: String,
    /// The seed of that run.
    pub seed: u64,
    /// How it shows it.
    pub shown: Shown,
    /// How much there was.
    pub before: Size,
    /// How much is left.
    pub after: Size,
    /// How often a smaller trace was replayed, or found not to be one.
    pub replays: u64,
    /// Whether the search ended because no more replays were allowed.
    pub is_cut_short: bool,
}

/// Why there is no smaller trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShrinkError {
    /// No run of the trace shows it.
    #[error("no run of the trace shows it")]
    NotShown,
    /// The trace, written anew, does not show it.
    #[error("the trace does not show it any more when it is written anew")]
    NotRepeated,
    /// A run of the trace came to no end.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The trace cannot be read again.
    #[error(transparent)]
    Read(#[from] TraceError),
}

/// Looks for the smallest trace.
///
/// Cost: each replay as much as a run of what is left by then; memory as much as the trace, unpacked, a few times.
///
/// # Errors
/// [`ShrinkError`]: the trace itself does not show it.
pub fn shrink(goal: &Goal<'_>) -> Result<Answer, ShrinkError> {
    let Goal { source, survey, .. } = goal;
    let before = size(source, survey)?;
    let trial = Trial::first_that_shows(goal)?;
    let mut pieces = in_order(source, survey)?;
    let replay = |pieces: &Pieces| trial.replay(&pieces.to_text(TraceForm::Lines));
    replay(&pieces).ok_or(ShrinkError::NotRepeated)?;
    let mut replays = 0;
    let mut shows = |pieces: &Pieces| {
        if replays == goal.most_replays {
            return Err(CutShort);
        }
        replays += 1;
        Ok(replay(pieces).is_some())
    };
    let is_cut_short = reduce(&mut pieces, &mut shows).is_err();
    let last = replay(&pieces).ok_or(ShrinkError::NotRepeated)?;
    let (strategy, seed) = (trial.strategy().to_owned(), last.seed);
    Ok(Answer { pieces, strategy, seed, shown: last.shown, before, after: last.size, replays, is_cut_short })
}

/// Whether a text is a trace that shows it under the strategy of the answer.
pub fn shows(goal: &Goal<'_>, answer: &Answer, text: &str) -> bool {
    let spec = goal.specs.iter().find(|spec| spec.name() == answer.strategy);
    spec.is_some_and(|spec| Trial::of(goal, spec).replay(text).is_some())
}

/// The pieces with the events in the order of time, as JSON Lines have them. Names that the trace says stay those of the
/// tasks that have them by their number.
fn in_order(source: &Source, survey: &Survey) -> Result<Pieces, TraceError> {
    let mut pieces = source.pieces()?;
    if survey.mentions_numbered_tasks {
        pieces.name_tasks();
    }
    let mut order = Vec::with_capacity(pieces.events.len());
    for event in source.events(survey)? {
        let event = event?;
        order.push((event.at_ms, usize::try_from(event.number).unwrap_or(usize::MAX)));
    }
    order.sort_unstable();
    pieces.events = order.into_iter().filter_map(|(_, number)| pieces.events.get(number).cloned()).collect();
    Ok(pieces)
}

fn size(source: &Source, survey: &Survey) -> Result<Size, TraceError> {
    let header = &survey.header;
    let mut size = Size {
        events: survey.event_count,
        tasks: survey.tasks_requested.saturating_add(header.tasks.len() as u64),
        instances: header.instances.iter().map(|entry| u64::from(entry.count)).sum(),
        services: header.services.len() as u64,
        task_definitions: header.definitions.len() as u64,
    };
    for event in source.events(survey)? {
        match event?.action {
            Action::RegisterContainerInstances(entries) => {
                size.instances += entries.iter().map(|entry| u64::from(entry.count)).sum::<u64>();
            }
            Action::CreateService(_) => size.services += 1,
            _ => {}
        }
    }
    Ok(size)
}
