//! The smallest single changes that would have let a task in, each tried on a copy of the run at the instant of its
//! refusal, and a trace with one of them made.
//!
//! Four classes of changes are searched, one after another:
//!
//! 1. *lift*: the request has one placement constraint less, or is not restricted to the zones of its subnets;
//! 2. *join*: one more instance like one of the fleet, in one of its Availability Zones;
//! 3. *free*: tasks of one instance stop, so that it has what it lacks;
//! 4. *move*: one standalone task goes from one instance to another.
//!
//! Every change is made of events of the trace format right before the decision, so a replay of the trace with these
//! events is what the copy plays: with the same queue, services and random numbers. Of several copies that one RunTask
//! asks for, those before the task have had their turn: the trace asks for them in an event of their own.

mod apply;
mod change;
mod free;
#[cfg(test)]
mod given_tests;
mod join;
mod json;
mod lift;
mod notes;
mod search;
mod shift;
#[cfg(test)]
mod tests;
mod text;

pub use apply::{ApplyError, apply};
pub use change::{Change, Freed, Lifted, Origin};
pub use join::AddedNames;
pub use search::{FORK_LIMIT, Found, Refusal, Registration, SHOWN_PER_CLASS, suggestions};

use std::cell::RefCell;

pub use self::json::{explanation_json, found_json};
pub use self::text::{Detail, choice_text, explanation_text, found_text};
use crate::simulation::{Decision, Plan, Probe, Pulse, RunError, halted, probe};
use crate::trace::{Action, Event, TraceError};

/// What the run decided about a task, and what would have let it in.
#[derive(Debug)]
pub struct Explained {
    /// The decisions, the first and the last.
    pub probe: Probe,
    /// Where the event that is played next at the first decision stands, and when.
    pub moment: Option<Moment>,
    /// What would have let it in, if the first decision is a refusal.
    pub found: Option<Found>,
}

/// Where a decision stands in the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// The number and the time of the first event that has not been played then; `None`: all have.
    pub next_event: Option<(u64, u64)>,
    /// Copies that the event asks for before the task: they have had their turn.
    pub copies_before: u32,
    /// Instances that have registered by then.
    pub registered: u64,
}

/// Plays a trace, and looks at one task; where it is refused first, looks for what would have let it in.
///
/// `events` hands out the events anew each time.
///
/// # Errors
/// As [`run`](crate::simulation::run).
pub fn explain<I>(
    plan: &Plan<'_>,
    events: impl Fn() -> Result<I, TraceError>,
    task: &str,
    observer: &mut dyn crate::outcome::Observer,
) -> Result<Explained, RunError>
where
    I: IntoIterator<Item = Result<Event, TraceError>>,
{
    let mut added_names = AddedNames::default();
    plan.header.instances.iter().for_each(|entry| added_names.note(entry));
    let mut noted = events()?.into_iter().inspect(|event| {
        if let Ok(Event { action: Action::RegisterContainerInstances(entries), .. }) = event {
            entries.iter().for_each(|entry| added_names.note(entry));
        }
    });
    let probe = probe(plan, noted.by_ref(), task, observer)?;
    let Some(decision) = probe.decisions.first().filter(|decision| decision.chosen.is_none()) else {
        return Ok(Explained { probe, moment: None, found: None });
    };
    // What comes after the end of this run is in the trace, too.
    noted.try_for_each(|event| event.map(drop))?;
    let (moment, found) = search(plan, events()?, task, decision, &added_names)?;
    Ok(Explained { probe, moment: Some(moment), found: Some(found) })
}

fn search(
    plan: &Plan<'_>,
    events: impl IntoIterator<Item = Result<Event, TraceError>>,
    task: &str,
    decision: &Decision,
    added_names: &AddedNames,
) -> Result<(Moment, Found), RunError> {
    let of_header = plan.header.instances.iter().enumerate();
    let of_header = of_header.map(|(index, entry)| Registration { event: None, index, entry: entry.clone() });
    let registrations: RefCell<Vec<Registration>> = RefCell::new(of_header.collect());
    let noted = events.into_iter().inspect(|event| {
        if let Ok(Event { number, action: Action::RegisterContainerInstances(entries), .. }) = event {
            let of_event = entries.iter().cloned().enumerate();
            let of_event = of_event.map(|(index, entry)| Registration { event: Some(*number), index, entry });
            registrations.borrow_mut().extend(of_event);
        }
    });
    halted(plan, noted, decision.turn, task, &Pulse::default(), |halted| {
        let next = halted.next_event.as_ref();
        let moment = Moment {
            at_ms: halted.now_ms(),
            next_event: next.map(|event| (event.number, event.at_ms)),
            copies_before: halted.copies_before,
            registered: halted.registered(),
        };
        // The next event has been read, but not played.
        let mut registrations = registrations.take();
        registrations.retain(|it| it.event.is_none() || it.event != next.map(|event| event.number));
        (moment, suggestions(&Refusal { halted, decision, task, registrations: &registrations, added_names }))
    })
}
