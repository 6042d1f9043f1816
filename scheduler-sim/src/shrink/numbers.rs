//! Counts in a trace that may be lowered, and instances that an event registers, each of which may be left out.

use serde_json::value::{RawValue, to_raw_value};

use crate::trace::raw::{RawMap, edit, object, registered_instances, set, set_registered_instances, whole};

/// A count in an element that can be lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    place: Place,
    count: Count,
    /// How much it is.
    pub(super) now: u64,
}

/// Where in an element a count stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Element,
    /// In the object under a key of an event.
    Call(&'static str),
    /// In one of the instances that an event registers.
    Registered(usize),
}

/// A kind of count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    key: &'static str,
    /// The least that it may be.
    least: u64,
    /// The number that its absence stands for, if it stands for one.
    unsaid: Option<u64>,
}

/// Tasks of a request, or instances alike.
const COPIES: Count = Count { key: "count", least: 1, unsaid: Some(1) };
/// Tasks of a service.
const DESIRED: Count = Count { key: "desiredCount", least: 0, unsaid: None };
/// Tasks that stop or fail: all, where it is not said.
const CHOSEN: Count = Count { key: "count", least: 0, unsaid: None };

/// The counts of instances and services.
const OWN: [Count; 2] = [COPIES, DESIRED];
/// The counts of events.
const CALLS: [(&str, Count); 5] = [
    ("runTask", COPIES),
    ("createService", DESIRED),
    ("updateService", DESIRED),
    ("stopTask", CHOSEN),
    ("failTasks", CHOSEN),
];

/// All that can be less in an element of a part.
pub(super) fn amounts(element: &RawValue) -> Vec<Amount> {
    let Ok(map) = object(element) else { return Vec::new() };
    let amount = |place: Place, count: Count, object: &RawMap| {
        let now = whole(object.get(count.key)?)?;
        (now > count.least).then_some(Amount { place, count, now })
    };
    let own = OWN.into_iter().filter_map(|count| amount(Place::Element, count, &map));
    let of_calls = CALLS.into_iter().filter_map(|(call, count)| {
        let object = object(map.get(call)?).ok()?;
        amount(Place::Call(call), count, &object)
    });
    let registered = registered_instances(&map).unwrap_or_default();
    let of_instances = registered.iter().enumerate().filter_map(|(index, instance)| {
        let object = object(instance).ok()?;
        amount(Place::Registered(index), COPIES, &object)
    });
    own.chain(of_calls).chain(of_instances).collect()
}

impl Amount {
    /// The least that it may be.
    pub(super) fn least(&self) -> u64 {
        self.count.least
    }

    /// The element with less of it.
    pub(super) fn set(&self, element: &RawValue, to: u64) -> serde_json::Result<Box<RawValue>> {
        let lower = |object: &mut RawMap| {
            if self.count.unsaid == Some(to) {
                object.shift_remove(self.count.key);
                return Ok(());
            }
            set(object, self.count.key, to)
        };
        match self.place {
            Place::Element => {
                let mut map = object(element)?;
                lower(&mut map)?;
                to_raw_value(&map)
            }
            Place::Call(call) => edit(element, call, lower),
            Place::Registered(index) => {
                let mut event = object(element)?;
                let mut instances = registered_instances(&event)?;
                if let Some(instance) = instances.get_mut(index) {
                    let mut map = object(instance)?;
                    lower(&mut map)?;
                    *instance = to_raw_value(&map)?;
                }
                set_registered_instances(&mut event, instances)?;
                to_raw_value(&event)
            }
        }
    }
}

/// How many entries of instances an event registers, each of which may be left out.
pub(super) fn registered_len(event: &RawValue) -> usize {
    object(event).and_then(|event| registered_instances(&event)).map_or(0, |instances| instances.len())
}

/// The event without one of the entries of instances that it registers.
pub(super) fn without_registered(event: &RawValue, index: usize) -> serde_json::Result<Box<RawValue>> {
    let mut event = object(event)?;
    let mut instances = registered_instances(&event)?;
    instances.remove(index);
    set_registered_instances(&mut event, instances)?;
    to_raw_value(&event)
}
