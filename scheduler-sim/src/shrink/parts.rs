//! The parts of a trace of which elements can be left out.

use std::ops::Range;

use serde_json::value::{RawValue, to_raw_value};

use crate::trace::Pieces;
use crate::trace::raw::{RawMap, object};

/// A part, and how its elements stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The events.
    Events,
    /// A list under a key of the document.
    List(&'static str),
    /// An object under a key of the document.
    Map(&'static str),
    /// The keys of the document that are no part themselves, but for the trace's name.
    Keys,
}

/// All parts, in the order in which they are tried.
pub(super) const PARTS: [Part; 10] = [
    Part::Events,
    Part::List("containerInstances"),
    Part::List("tasks"),
    Part::List("services"),
    Part::List("taskDefinitions"),
    Part::List("capacityProviders"),
    Part::List("defaultCapacityProviderStrategy"),
    Part::Map("settings"),
    Part::Map("subnets"),
    Part::Keys,
];

/// What a trace had before something was left out.
pub(super) enum Before {
    /// These events, from an index on, in the place of so many that are there now.
    Events {
        start: usize,
        now: usize,
        events: Vec<Box<RawValue>>,
    },
    Fields(RawMap),
}

impl Part {
    /// How many elements it has.
    pub(super) fn len(self, pieces: &Pieces) -> usize {
        match self {
            Self::Events => pieces.events.len(),
            Self::List(key) => pieces.list(key).map_or(0, |list| list.len()),
            Self::Map(key) => map(pieces, key).len(),
            Self::Keys => other_keys(pieces).count(),
        }
    }

    /// Leaves elements out.
    pub(super) fn remove(self, pieces: &mut Pieces, range: Range<usize>) -> Before {
        let fields = || pieces.fields.clone();
        match self {
            Self::Events => Before::Events { start: range.start, now: 0, events: pieces.events.drain(range).collect() },
            Self::List(key) => {
                let before = fields();
                let mut list = pieces.list(key).unwrap_or_default();
                list.drain(range);
                // What was read as JSON is written as JSON.
                let _ = pieces.set_list(key, &list);
                Before::Fields(before)
            }
            Self::Map(key) => {
                let before = fields();
                let mut map = map(pieces, key);
                map.drain(range);
                match to_raw_value(&map) {
                    Ok(value) if !map.is_empty() => drop(pieces.fields.insert(key.to_owned(), value)),
                    _ => drop(pieces.fields.shift_remove(key)),
                }
                Before::Fields(before)
            }
            Self::Keys => {
                let before = fields();
                let removed: Vec<String> = other_keys(pieces).skip(range.start).take(range.len()).cloned().collect();
                pieces.fields.retain(|key, _| !removed.contains(key));
                Before::Fields(before)
            }
        }
    }

    /// The elements that are values of their own, in order.
    pub(super) fn elements(self, pieces: &Pieces) -> Vec<Box<RawValue>> {
        match self {
            Self::Events => pieces.events.clone(),
            Self::List(key) => pieces.list(key).unwrap_or_default(),
            Self::Map(_) | Self::Keys => Vec::new(),
        }
    }

    /// Puts another in the place of one of its [elements](Self::elements).
    pub(super) fn replace(self, pieces: &mut Pieces, index: usize, by: Box<RawValue>) -> Before {
        if self == Self::Events {
            let event = std::mem::replace(&mut pieces.events[index], by);
            return Before::Events { start: index, now: 1, events: vec![event] };
        }
        let before = Before::Fields(pieces.fields.clone());
        if let Self::List(key) = self {
            let mut list = self.elements(pieces);
            list[index] = by;
            let _ = pieces.set_list(key, &list);
        }
        before
    }
}

impl Before {
    /// Puts back what was there.
    pub(super) fn restore(self, pieces: &mut Pieces) {
        match self {
            Self::Events { start, now, events } => drop(pieces.events.splice(start..start + now, events)),
            Self::Fields(fields) => pieces.fields = fields,
        }
    }
}

fn map(pieces: &Pieces, key: &str) -> RawMap {
    pieces.fields.get(key).and_then(|value| object(value).ok()).unwrap_or_default()
}

fn other_keys(pieces: &Pieces) -> impl Iterator<Item = &String> {
    let is_part = |key: &str| PARTS.iter().any(|part| matches!(part, Part::List(of) | Part::Map(of) if *of == key));
    pieces.fields.keys().filter(move |key| *key != "name" && !is_part(key))
}
