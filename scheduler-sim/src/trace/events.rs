//! The events of a trace in the order in which a run wants them.

use std::ops::Range;
use std::sync::Arc;

use super::error::{Seconds, TraceError, TraceProblem};
use super::event::{Event, Rank};
use super::format::EVENT;
use super::input::Input;
use super::json::{Kind, Parser, Span, SyntaxError};
use super::lines::Lines;
use super::number::{MAX_MS, scaled};
use super::place::Place;
use super::plain::PlainRunTask;
use super::reading::{Messages, Reading};
use super::resolver::Resolver;
use super::shape::{Shape, check};

/// The text of one event, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    text: &'a str,
    /// What it says if it is plain.
    plain: Option<PlainRunTask>,
    /// Line and column.
    start: (u64, u64),
    number: u64,
    /// How many lists and objects it lies in.
    depth: usize,
}

impl Piece<'_> {
    /// The bytes of its text.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The event, read for the first time: everything about it is checked.
    pub(super) fn survey(self, resolver: &mut Resolver, messages: &mut Messages) -> Option<Event> {
        if let Some(event) = self.read_plain(resolver, messages) {
            return Some(event);
        }
        let mut reading = Reading::new(self.text, self.start, messages);
        let Some(value) = reading.parse(0..self.text.len(), self.depth) else {
            if self.text.contains("registerTaskDefinition") {
                resolver.definitions.refuse_unnamed();
            }
            return None;
        };
        if !check(&value, &Shape::Object(&EVENT), &mut reading) {
            if let Some(definition) = value.get("registerTaskDefinition") {
                resolver.definitions.refuse(definition);
            }
            return None;
        }
        let event = resolver.read_event(&value, self.number, &mut reading)?;
        resolver.remember(self.plain.as_ref(), self.text, &event);
        Some(event)
    }

    /// The event, after the survey has found nothing wrong with it.
    fn read(self, resolver: &mut Resolver, messages: &mut Messages) -> Option<Event> {
        if let Some(event) = self.read_plain(resolver, messages) {
            return Some(event);
        }
        let mut reading = Reading::new(self.text, self.start, messages);
        let value = reading.parse(0..self.text.len(), self.depth)?;
        let event = resolver.read_event(&value, self.number, &mut reading)?;
        resolver.remember(self.plain.as_ref(), self.text, &event);
        Some(event)
    }

    fn read_plain(&self, resolver: &mut Resolver, messages: &Messages) -> Option<Event> {
        let plain = self.plain.as_ref()?;
        let action = resolver.read_plain(plain, self.text, self.number)?;
        let place = Place { file: Arc::clone(&messages.file), line: self.start.0, column: self.start.1 };
        Some(Event { at_ms: plain.at_ms, number: self.number, place, action })
    }
}

/// One event of a document.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    at_ms: u64,
    rank: Rank,
    number: u64,
    span: Span,
    start: (u64, u64),
}

/// The events of a document in order, whose spans are given.
pub(super) fn index(spans: Vec<Span>, reading: &mut Reading<'_, '_>) -> Vec<Indexed> {
    let mut index: Vec<_> = (0..)
        .zip(spans)
        .map(|(number, span)| {
            let (at_ms, rank) = when(&reading.located.text[span.clone()]);
            let start = reading.located.locate(span.start);
            Indexed { at_ms: at_ms.unwrap_or(0), rank, number, span, start }
        })
        .collect();
    index.sort_by_key(|event| (event.at_ms, event.rank));
    index
}

/// When an event happens, and its rank, without looking at more than that takes. Nothing for what is broken.
fn when(text: &str) -> (Option<u64>, Rank) {
    let (mut at_ms, mut rank) = (None, Rank::Other);
    let mut parser = Parser::new(text, 0, 2);
    parser.skip_space();
    // What is broken is reported when the event is read.
    let _ = parser.walk_object(|parser, key, _| {
        match &*key {
            "atSeconds" => {
                if let Kind::Number(number) = parser.value()?.kind {
                    at_ms = scaled(number, 3, MAX_MS).ok();
                }
            }
            "deregisterContainerInstance" | "failContainerInstances" => {
                rank = Rank::Departure;
                parser.skip()?;
            }
            "registerContainerInstances" => {
                rank = Rank::Arrival;
                parser.skip()?;
            }
            _ => {
                parser.skip()?;
            }
        }
        Ok::<(), SyntaxError>(())
    });
    (at_ms, rank)
}

/// Where the next event comes from.
pub(super) enum EventsOf {
    Document { text: Arc<String>, index: Arc<[Indexed]>, next: usize },
    Lines(Box<LineEvents>),
}

impl EventsOf {
    pub(super) fn document(text: Arc<String>, index: Arc<[Indexed]>) -> Self {
        Self::Document { text, index, next: 0 }
    }

    /// The lines after the first.
    pub(super) fn lines(input: &Input) -> Result<Self, TraceProblem> {
        let mut lines = Lines::new(input)?;
        lines.next()?;
        Ok(Self::Lines(Box::new(LineEvents::new(lines))))
    }

    /// The next event's text. Lines that are out of order are reported.
    pub(super) fn next(&mut self, messages: &mut Messages) -> Option<Piece<'_>> {
        match self {
            Self::Document { text, index, next } => {
                let event = index.get(*next)?;
                *next += 1;
                let text = &text[event.span.clone()];
                Some(Piece {
                    text,
                    plain: PlainRunTask::read(text),
                    start: event.start,
                    number: event.number,
                    depth: 2,
                })
            }
            Self::Lines(lines) => lines.next(messages),
        }
    }
}

/// The events of JSON Lines. One instant is held at a time, because departures and arrivals come first in it.
pub(super) struct LineEvents {
    lines: Lines,
    /// The texts of the instant's events one after another, and of the first event after it.
    texts: String,
    instant: Vec<LineEvent>,
    next: usize,
    /// The first event after the instant, at the end of the texts.
    after: Option<LineEvent>,
    has_ended: bool,
}

#[derive(Debug, Clone)]
struct LineEvent {
    at_ms: u64,
    rank: Rank,
    line: u64,
    span: Range<usize>,
    plain: Option<PlainRunTask>,
}

impl LineEvents {
    /// The events on the lines that follow.
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, texts: String::new(), instant: Vec::new(), next: 0, after: None, has_ended: false }
    }

    /// The lines, after the last event.
    pub(super) fn into_lines(self) -> Lines {
        self.lines
    }

    fn next(&mut self, messages: &mut Messages) -> Option<Piece<'_>> {
        if self.next == self.instant.len() {
            self.fill(messages);
        }
        let event = self.instant.get_mut(self.next)?;
        self.next += 1;
        let (text, plain) = (&self.texts[event.span.clone()], event.plain.take());
        // The first event stands on the second line.
        Some(Piece { text, plain, start: (event.line, 1), number: event.line - 2, depth: 0 })
    }

    /// Reads the events of the next instant.
    fn fill(&mut self, messages: &mut Messages) {
        self.instant.clear();
        self.next = 0;
        match self.after.take() {
            Some(mut event) => {
                self.texts.drain(..event.span.start);
                event.span = 0..self.texts.len();
                self.instant.push(event);
            }
            None => self.texts.clear(),
        }
        while let Some(event) = self.read_line(messages) {
            match self.instant.last() {
                Some(last) if event.at_ms != last.at_ms => {
                    self.after = Some(event);
                    break;
                }
                _ => self.instant.push(event),
            }
        }
        self.instant.sort_by_key(|event| event.rank);
    }

    fn read_line(&mut self, messages: &mut Messages) -> Option<LineEvent> {
        let mut empty_line = None;
        loop {
            if self.has_ended {
                return None;
            }
            let file = Arc::clone(&messages.file);
            let place = |line| Some(Place { file: Arc::clone(&file), line, column: 1 });
            let number = self.lines.number + 1;
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.has_ended = true;
                    return None;
                }
                Err(problem) => {
                    self.has_ended = true;
                    let place = Place { file: Arc::clone(&file), line: number, column: self.lines.column };
                    messages.error_at(Some(place), problem);
                    return None;
                }
            };
            if line.trim_ascii().is_empty() {
                empty_line.get_or_insert(number);
                continue;
            }
            if let Some(empty_line) = empty_line {
                messages.error_at(place(empty_line), TraceProblem::EmptyLine);
            }
            let from = self.instant.last().map_or(0, |event| event.at_ms);
            let plain = PlainRunTask::read(line);
            let (at_ms, rank) = match &plain {
                Some(plain) => (Some(plain.at_ms), Rank::Other),
                None => when(line),
            };
            let at_ms = at_ms.unwrap_or(from);
            if at_ms < from {
                let (from, to) = (Seconds(from), Seconds(at_ms));
                messages.error_at(place(number), TraceProblem::TimeGoesBack { from, to });
            }
            let start = self.texts.len();
            self.texts.push_str(line);
            let span = start..self.texts.len();
            return Some(LineEvent { at_ms: at_ms.max(from), rank, line: number, span, plain });
        }
    }
}

/// The events of a trace, for one run.
pub struct Events {
    pieces: EventsOf,
    resolver: Resolver,
    messages: Messages,
    has_failed: bool,
}

impl Events {
    pub(super) fn new(pieces: EventsOf, resolver: Resolver, file: Arc<str>) -> Self {
        Self { pieces, resolver, messages: Messages::new(file, true), has_failed: false }
    }
}

impl Iterator for Events {
    type Item = Result<Event, TraceError>;

    /// The next event. After an error, which only a file that has changed can give, there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let piece = self.pieces.next(&mut self.messages);
        let event = piece.and_then(|piece| piece.read(&mut self.resolver, &mut self.messages));
        if self.messages.errors.is_empty() {
            return event.map(Ok);
        }
        self.has_failed = true;
        Some(Err(self.messages.errors.swap_remove(0)))
    }
}
