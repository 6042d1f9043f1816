//! The first pass over a trace: it checks everything, and keeps what must be known before a run starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{TraceErrors, TraceProblem};
use super::event::{Action, Event, NUMBERED_TASK, StopTask, TaskNames};
use super::events::{EventsOf, Indexed, LineEvents, index};
use super::header::{element_spans, outline, read_header};
use super::input::file_error;
use super::lines::Lines;
use super::model::Header;
use super::place::Place;
use super::reading::{Messages, Reading};
use super::resolver::Resolver;
use super::settings::Settings;
use super::source::{Form, Source, without_mark};
use super::suggest::nearest;

/// What is known about a sound trace before a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Survey {
    /// All but the events.
    pub header: Arc<Header>,
    /// How many events there are.
    pub event_count: u64,
    /// The copies that all runTask and startTask events ask for; those of services depend on the run.
    pub tasks_requested: u64,
    /// Whether a request or a service has a strategy of its own.
    pub has_strategies: bool,
    /// Whether the trace itself says a name like those of tasks without an `id`, `task-N`: only then need such a task be
    /// known by its name.
    pub mentions_numbered_tasks: bool,
    /// The time of the last event, in milliseconds.
    pub last_event_ms: u64,
    /// The SHA-256 of the trace's bytes, unpacked, in hexadecimal digits.
    pub sha256: Box<str>,
    /// What was noticed and is no error.
    pub warnings: Vec<super::error::TraceError>,
    /// The latest time at which a task ends that starts when it is asked for and is RUNNING at once.
    last_end_ms: Option<u64>,
    pub(super) resolver: Resolver,
    pub(super) index: Arc<[Indexed]>,
    /// All events, where they are few enough to be kept.
    kept: Option<Arc<Vec<Event>>>,
}

impl Survey {
    /// All events in the order of time, rank and number, where they are few enough to be kept; else
    /// [`Source::events`] reads them again.
    pub fn events_kept(&self) -> Option<&[Event]> {
        self.kept.as_ref().map(|events| events.as_slice())
    }

    /// As if there were too many events to be kept.
    #[cfg(test)]
    pub(crate) fn without_events(self) -> Self {
        Self { kept: None, ..self }
    }

    /// Where the averages of a run end, in milliseconds (trace format, section 1): `endSeconds`, or else the last time
    /// that is mentioned or follows from a duration.
    pub fn horizon_ms(&self, settings: &Settings) -> u64 {
        let last_end_ms = self.last_end_ms.map_or(0, |end_ms| end_ms.saturating_add(settings.task_start_ms));
        settings.end_ms.unwrap_or(self.last_event_ms.max(last_end_ms))
    }
}

/// A name in a stopTask.
#[derive(Debug)]
struct Mention {
    /// The position of the event in the order of events.
    order: u64,
    place: Place,
    /// The first event after it that requests the task.
    later: Option<Place>,
}

/// What is summed up over the events.
#[derive(Debug, Default)]
struct Totals {
    event_count: u64,
    tasks_requested: u64,
    has_strategies: bool,
    mentions_numbered_tasks: bool,
    last_event_ms: u64,
    last_end_ms: Option<u64>,
    /// The first mention of each name by stopTask, in the order of events.
    stopped: BTreeMap<Arc<str>, Mention>,
}

impl Totals {
    fn add(&mut self, event: &Event) {
        self.event_count += 1;
        self.last_event_ms = self.last_event_ms.max(event.at_ms);
        match &event.action {
            Action::RunTask(run) => {
                self.has_strategies |= run.request.strategy.is_some();
                self.add_tasks(event.at_ms, &run.names, run.duration_ms);
            }
            Action::StartTask(start) => {
                self.add_tasks(event.at_ms, &start.names, start.duration_ms);
            }
            Action::StopTask(StopTask::Task(name)) => {
                self.mention(name);
                let mention = Mention { order: self.event_count, place: event.place.clone(), later: None };
                self.stopped.entry(Arc::clone(name)).or_insert(mention);
            }
            Action::CreateService(service) => {
                self.mention(service.service.name());
                self.has_strategies |= service.service.strategy.is_some();
            }
            Action::UpdateService(update) => self.has_strategies |= matches!(update.strategy, Some(Some(_))),
            _ => {}
        }
    }

    fn add_tasks(&mut self, at_ms: u64, names: &TaskNames, duration_ms: Option<u64>) {
        if names.are_given() {
            self.mention(&names.id());
        }
        let count = u64::from(names.count());
        self.tasks_requested = self.tasks_requested.saturating_add(count);
        if let Some(duration_ms) = duration_ms {
            self.last_end_ms = self.last_end_ms.max(Some(at_ms.saturating_add(duration_ms)));
        }
    }

    fn mention(&mut self, name: &str) {
        self.mentions_numbered_tasks |= name.starts_with(NUMBERED_TASK);
    }
}

/// The first pass.
pub(super) fn survey(source: &Source) -> Result<Survey, TraceErrors> {
    let mut messages = Messages::new(Arc::clone(&source.file), source.options.lenient);
    let read = match &source.form {
        Form::Document { text, sha256 } => survey_document(source, text, sha256, &mut messages),
        Form::Lines(input) => match Lines::new(input) {
            Ok(lines) => survey_lines(source, lines.digesting(), &mut messages),
            Err(problem) => return Err(file_error(&source.file, problem).into()),
        },
    };
    let Some((mut survey, stopped)) = read else {
        return Err(broken(messages));
    };
    if messages.errors.is_empty() {
        check_stopped(source, &survey, stopped, &mut messages);
    }
    survey.warnings = messages.finish()?;
    Ok(survey)
}

/// The errors of a trace of which so much is broken that there is no survey.
fn broken(messages: Messages) -> TraceErrors {
    let mut messages = messages;
    messages.sort();
    let Messages { errors, warnings, .. } = messages;
    debug_assert!(!errors.is_empty(), "what breaks off is reported");
    TraceErrors { is_complete: false, errors, warnings }
}

type Surveyed = (Survey, BTreeMap<Arc<str>, Mention>);

fn survey_document(source: &Source, text: &Arc<String>, sha256: &str, messages: &mut Messages) -> Option<Surveyed> {
    let mut resolver = Resolver::default();
    let mut reading = Reading::new(text, (1, 1), messages);
    let at = text.len() - without_mark(text).len();
    let outline = outline(at, &mut reading)?;
    let header = read_header(&outline, &source.title, &mut resolver, &mut reading);
    let spans = element_spans(&outline, "events", &mut reading);
    let index = index(spans, &mut reading);
    let index: Arc<[Indexed]> = index.into();
    let start = resolver.clone();
    let events = EventsOf::document(Arc::clone(text), Arc::clone(&index));
    let (found, _) = survey_events(events, resolver, messages);
    Some(finish(header, found, sha256.into(), start, index))
}

fn survey_lines(source: &Source, mut lines: Lines, messages: &mut Messages) -> Option<Surveyed> {
    let mut resolver = Resolver::default();
    let first = match lines.next() {
        Ok(first) => first.unwrap_or_default().to_owned(),
        Err(problem) => {
            let place = Place { file: Arc::clone(&source.file), line: 1, column: lines.column };
            messages.error_at(Some(place), problem);
            return None;
        }
    };
    let mut reading = Reading::new(&first, (1, 1), messages);
    let at = first.len() - without_mark(&first).len();
    let outline = outline(at, &mut reading)?;
    let header = read_header(&outline, &source.title, &mut resolver, &mut reading);
    if let Some(key_at) = outline.key_at("events") {
        reading.error(key_at, TraceProblem::EventsInFirstLine);
    }
    let start = resolver.clone();
    let events = EventsOf::Lines(Box::new(LineEvents::new(lines)));
    let (found, events) = survey_events(events, resolver, messages);
    let sha256 = match events {
        EventsOf::Lines(lines) if messages.errors.is_empty() => lines.into_lines().digest(),
        _ => "".into(),
    };
    Some(finish(header, found, sha256, start, Arc::new([])))
}

/// What the events come to, and they themselves where they are kept.
type Found = (Totals, Option<Vec<Event>>);

fn survey_events(mut events: EventsOf, mut resolver: Resolver, messages: &mut Messages) -> (Found, EventsOf) {
    let mut totals = Totals::default();
    let mut kept = Some(Vec::new());
    let mut kept_bytes = 0;
    while !messages.is_full() {
        let Some(piece) = events.next(messages) else { break };
        kept_bytes += bytes_kept(piece.len());
        if let Some(event) = piece.survey(&mut resolver, messages) {
            totals.add(&event);
            match &mut kept {
                Some(events) if kept_bytes <= KEPT_LIMIT => events.push(event),
                _ => kept = None,
            }
        }
    }
    ((totals, kept), events)
}

/// Most bytes that kept events take, by estimate.
const KEPT_LIMIT: usize = 64 << 20;

/// About how many bytes an event takes whose text is so long, with its share of what events have in common.
fn bytes_kept(text_bytes: usize) -> usize {
    size_of::<Event>() + 3 * text_bytes
}

fn finish(header: Header, found: Found, sha256: Box<str>, resolver: Resolver, index: Arc<[Indexed]>) -> Surveyed {
    let (totals, kept) = found;
    let of_services = header.services.iter().any(|service| service.service.strategy.is_some());
    let names = header.tasks.iter().map(|task| &*task.name);
    let mut names = names.chain(header.services.iter().map(|service| service.service.name()));
    let by_header = names.any(|name| name.starts_with(NUMBERED_TASK));
    let survey = Survey {
        header: Arc::new(header),
        event_count: totals.event_count,
        tasks_requested: totals.tasks_requested,
        has_strategies: totals.has_strategies || of_services,
        mentions_numbered_tasks: totals.mentions_numbered_tasks || by_header,
        last_event_ms: totals.last_event_ms,
        sha256,
        warnings: Vec::new(),
        last_end_ms: totals.last_end_ms,
        resolver,
        index,
        kept: kept.map(Arc::new),
    };
    (survey, totals.stopped)
}

/// A stopTask may name what was requested before it, what runs at time 0, or a service's task, and nothing else. One more
/// pass, where there is such a name, so that not all names need be kept.
fn check_stopped(source: &Source, survey: &Survey, mut stopped: BTreeMap<Arc<str>, Mention>, messages: &mut Messages) {
    for task in &survey.header.tasks {
        stopped.remove(&task.name);
    }
    for service in &survey.header.services {
        remove_copies(&mut stopped, service.service.name(), u32::MAX, (0, &service.place));
    }
    if stopped.is_empty() {
        return;
    }
    let events = match source.events(survey) {
        Ok(events) => events,
        Err(error) => return messages.errors.push(error),
    };
    let mut near_misses = Vec::new();
    for (order, event) in (1..).zip(events) {
        let event = match event {
            Ok(event) => event,
            Err(error) => return messages.errors.push(error),
        };
        let at = (order, &event.place);
        match &event.action {
            Action::RunTask(run) => remove(&mut stopped, &run.names, at, &mut near_misses),
            Action::StartTask(start) => remove(&mut stopped, &start.names, at, &mut near_misses),
            Action::CreateService(service) => remove_copies(&mut stopped, service.service.name(), u32::MAX, at),
            _ => {}
        }
        if stopped.is_empty() {
            return;
        }
    }
    let mut unknown: Vec<_> = stopped.into_iter().collect();
    unknown.sort_by_key(|(_, mention)| mention.order);
    for (name, Mention { place, later, .. }) in unknown {
        if let Some(later) = later {
            messages.error_at(Some(place), TraceProblem::TaskOnlyLater { name: (&*name).into(), later });
            continue;
        }
        let nearest = nearest(&name, near_misses.iter().map(|it: &Arc<str>| &**it));
        messages.error_at(Some(place), TraceProblem::UnknownTask { name: (&*name).into(), nearest });
    }
}

/// How many names are kept to suggest one.
const NEAR_MISSES: usize = 1000;

/// An event's position in the order of events, and its place.
type At<'a> = (u64, &'a Place);

fn remove(stopped: &mut BTreeMap<Arc<str>, Mention>, names: &TaskNames, at: At<'_>, near_misses: &mut Vec<Arc<str>>) {
    if near_misses.len() < NEAR_MISSES {
        near_misses.push(names.name(0));
    }
    let id = names.id();
    if names.count() > 1 {
        return remove_copies(stopped, &id, names.count(), at);
    }
    if stopped.get_mut(&id).is_some_and(|mention| mention.is_known(at)) {
        stopped.remove(&id);
    }
}

/// Removes the mentions after an event of `base/0` to `base/(count - 1)`.
fn remove_copies(stopped: &mut BTreeMap<Arc<str>, Mention>, base: &str, count: u32, at: At<'_>) {
    let prefix: Arc<str> = format!("{base}/").into();
    let is_copy = |name: &str| {
        let index = &name[prefix.len()..];
        index.parse::<u32>().is_ok_and(|number| number < count && number.to_string() == index)
    };
    let range = stopped.range_mut::<Arc<str>, _>(&prefix..);
    let copies = range.take_while(|(name, _)| name.starts_with(&*prefix));
    let known: Vec<_> = copies
        .filter_map(|(name, mention)| (is_copy(name) && mention.is_known(at)).then(|| Arc::clone(name)))
        .collect();
    for name in known {
        stopped.remove(&name);
    }
}

impl Mention {
    /// Whether it stands after the event that requests the task. If it stands before it, that is noted.
    fn is_known(&mut self, (order, place): At<'_>) -> bool {
        if self.order > order {
            return true;
        }
        self.later.get_or_insert_with(|| place.clone());
        false
    }
}
