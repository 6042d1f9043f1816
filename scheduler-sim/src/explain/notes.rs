//! What the events of a trace say that its pieces do not show at once.

use std::sync::Arc;

use super::Moment;
use super::apply::ApplyError;
use super::change::Change;
use crate::trace::{Action, InstanceEntry, Source, Survey};

/// What is needed to write a change down.
pub(super) struct Notes {
    /// When each event is, by its number.
    pub(super) times_ms: Vec<u64>,
    /// The event that started the task that moves.
    pub(super) started_by: Option<u64>,
    /// The event that registered the task definition of each name.
    pub(super) definitions: Vec<(String, u64)>,
    /// How many copies the event that is next asks for.
    pub(super) copies: u32,
    /// What registers after the decision.
    pub(super) registrations: Vec<(u64, Arc<[InstanceEntry]>)>,
}

impl Notes {
    /// One pass over the events.
    pub(super) fn take(source: &Source, survey: &Survey, moment: Moment, change: &Change) -> Result<Self, ApplyError> {
        let mut notes = Self {
            times_ms: Vec::new(),
            started_by: None,
            definitions: Vec::new(),
            copies: 1,
            registrations: Vec::new(),
        };
        let moved = match change {
            Change::Move { task, .. } => Some(&**task),
            _ => None,
        };
        let mut is_past = true;
        for event in source.events(survey)? {
            let event = event?;
            is_past &= moment.next_event.is_none_or(|(number, _)| number != event.number);
            let index = usize::try_from(event.number).unwrap_or(usize::MAX);
            if notes.times_ms.len() <= index {
                notes.times_ms.resize(index + 1, 0);
            }
            notes.times_ms[index] = event.at_ms;
            let names = match &event.action {
                Action::RunTask(run) => Some(&run.names),
                Action::StartTask(start) => Some(&start.names),
                Action::RegisterTaskDefinition(definition) => {
                    notes.definitions.push((definition.core.name().to_owned(), event.number));
                    None
                }
                Action::RegisterContainerInstances(entries) if !is_past => {
                    notes.registrations.push((event.number, Arc::clone(entries)));
                    None
                }
                _ => None,
            };
            let is_of_it = |moved: &str| names.is_some_and(|names| names.index_of(moved).is_some());
            // Copies before the task have been started by the event that is next.
            let is_next = moment.next_event.is_some_and(|(next, _)| next == event.number);
            if is_next && let Some(names) = names {
                notes.copies = names.count();
            }
            if (is_past || (is_next && moment.copies_before > 0)) && moved.is_some_and(is_of_it) {
                notes.started_by = Some(event.number);
            }
        }
        Ok(notes)
    }
}
