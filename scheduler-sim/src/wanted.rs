//! The tasks that a trace asks for, summed up for those who must know beforehand.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::PlacementRequest;

use crate::metrics::{Kind, KindCounter};
use crate::policy::TypicalTasks;
use crate::trace::{Action, Event, Header, ServiceEntry, Source, Survey, TaskRequest, TraceError};

/// Requests by their address, with their copies.
type RequestCounts = FxHashMap<usize, (Arc<TaskRequest>, u64)>;

/// So many different requests are held at a time, so that memory does not grow with the trace.
const HELD_LIMIT: usize = 4_096;

/// What is summed up.
pub(crate) struct Wanted {
    kinds: KindCounter,
    /// Not among the kinds yet. The reader shares equal requests, so that most are counted by their address alone.
    requests: RequestCounts,
    /// As they are after the events so far.
    services: Vec<ServiceEntry>,
    /// Whether there ever are services.
    pub(crate) has_services: bool,
}

impl Wanted {
    /// What is wanted at time 0.
    pub(crate) fn of(header: &Header) -> Self {
        let mut kinds = KindCounter::default();
        for task in &header.tasks {
            kinds.add(&PlacementRequest::for_task(&task.definition.core, task.group.clone()), 1);
        }
        for entry in &header.services {
            kinds.add(&entry.request(), entry.service.desired_count.into());
        }
        let services = header.services.clone();
        Self { kinds, requests: RequestCounts::default(), has_services: !services.is_empty(), services }
    }

    /// What the trace wants from its beginning to its end, on the fleet of `header`. One pass over the events.
    ///
    /// # Errors
    /// What the reader finds wrong.
    pub(crate) fn in_all(header: &Header, source: &Source, survey: &Survey) -> Result<Self, TraceError> {
        let mut wanted = Self::of(header);
        match survey.events_kept() {
            Some(events) => events.iter().for_each(|event| wanted.add(event)),
            None => source.events(survey)?.try_for_each(|event| event.map(|event| wanted.add(&event)))?,
        }
        Ok(wanted)
    }

    /// Adds what an event asks for. They come in their order.
    pub(crate) fn add(&mut self, event: &Event) {
        match &event.action {
            Action::RunTask(run) => self.count(&run.request, run.names.count().into()),
            Action::StartTask(start) => self.count(&start.request, start.names.count().into()),
            Action::CreateService(entry) => {
                self.has_services = true;
                self.kinds.add(&entry.request(), entry.service.desired_count.into());
                self.services.retain(|known| known.service.name() != entry.service.name());
                self.services.push((**entry).clone());
            }
            Action::UpdateService(update) => {
                let named = self.services.iter_mut().find(|known| known.service.name() == &*update.service);
                if let Some(entry) = named {
                    update.apply_to(entry);
                    self.kinds.add(&entry.request(), entry.service.desired_count.into());
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, request: &Arc<TaskRequest>, copies: u64) {
        if let Some((_, count)) = self.requests.get_mut(&(Arc::as_ptr(request) as usize)) {
            *count = count.saturating_add(copies);
            return;
        }
        if self.requests.len() == HELD_LIMIT {
            self.add_held();
        }
        self.requests.insert(Arc::as_ptr(request) as usize, (Arc::clone(request), copies));
    }

    fn add_held(&mut self) {
        for (request, copies) in self.requests.drain().map(|(_, counted)| counted) {
            self.kinds.add(&request.placement_request(), copies);
        }
    }

    /// The typical tasks as the study of FGD has them.
    pub(crate) fn typical_tasks(&mut self) -> TypicalTasks {
        self.add_held();
        self.kinds.typical_tasks()
    }

    /// The typical tasks.
    pub(crate) fn into_kinds(mut self) -> Vec<Kind> {
        self.add_held();
        self.kinds.into_kinds()
    }
}
