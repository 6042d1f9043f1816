//! Numbers in a trace that may be lowered, and lists inside its elements that may be shortened.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// Something inside an element that can be less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount {
    /// A JSON pointer to the object that has it.
    object: String,
    key: &'static str,
    /// How much it is.
    pub(super) now: u64,
    /// The least that it may be.
    pub(super) least: u64,
}

/// Keys of numbers, each with the least.
const NUMBERS: [(&str, u64); 2] = [("count", 1), ("desiredCount", 0)];
/// The calls that have them.
const CALLS: [&str; 4] = ["", "/runTask", "/createService", "/updateService"];
/// A list of instances that register, in an event.
const REGISTERED: &str = "registerContainerInstances";

/// All that can be less in an element of a part.
pub(super) fn amounts(element: &RawValue) -> Vec<Amount> {
    let Ok(value) = serde_json::from_str::<Value>(element.get()) else { return Vec::new() };
    let registered = value.get(REGISTERED).and_then(Value::as_array).map_or(0, Vec::len);
    let calls = CALLS.iter().map(|call| (*call).to_owned());
    let objects = calls.chain((0..registered).map(|index| format!("/{REGISTERED}/{index}")));
    let numbers = objects.flat_map(|object| NUMBERS.map(|(key, least)| (object.clone(), key, least)));
    let amounts = numbers.filter_map(|(object, key, least)| {
        let now = value.pointer(&object)?.get(key)?.as_u64()?;
        (now > least).then_some(Amount { object, key, now, least })
    });
    amounts.collect()
}

impl Amount {
    /// The element with less of it. A count of one need not be said.
    pub(super) fn set(&self, element: &RawValue, to: u64) -> Option<Box<RawValue>> {
        let mut value: Value = serde_json::from_str(element.get()).ok()?;
        let object = value.pointer_mut(&self.object)?.as_object_mut()?;
        if self.key == "count" && to == 1 {
            object.remove(self.key);
        } else {
            object.insert(self.key.to_owned(), to.into());
        }
        to_raw_value(&value).ok()
    }
}

/// How many instances an event registers, each of which may be left out.
pub(super) fn registered_len(event: &RawValue) -> usize {
    let value: Option<Value> = serde_json::from_str(event.get()).ok();
    value.and_then(|value| value.get(REGISTERED)?.as_array().map(Vec::len)).unwrap_or_default()
}

/// The event without one of the instances that it registers.
pub(super) fn without_registered(event: &RawValue, index: usize) -> Option<Box<RawValue>> {
    let mut value: Value = serde_json::from_str(event.get()).ok()?;
    value.get_mut(REGISTERED)?.as_array_mut()?.remove(index);
    to_raw_value(&value).ok()
}
