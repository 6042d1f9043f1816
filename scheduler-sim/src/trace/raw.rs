//! Parts of a trace as text, changed key by key: what is not touched stays as it was written.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::number::scaled;
use crate::metrics::seconds;

/// The key of an event by which instances register.
const REGISTERED: &str = "registerContainerInstances";

/// The key of their list where the event has it in an object, as ECS's calls do.
const LISTED: &str = "containerInstances";

/// An object whose values are left as they are.
pub(crate) type RawMap = IndexMap<String, Box<RawValue>>;

/// An object of the trace.
pub(crate) fn object(raw: &RawValue) -> serde_json::Result<RawMap> {
    serde_json::from_str(raw.get())
}

/// Sets a key.
pub(crate) fn set(map: &mut RawMap, key: &str, value: impl Serialize) -> serde_json::Result<()> {
    map.insert(key.to_owned(), to_raw_value(&value)?);
    Ok(())
}

/// An event with one key besides its time.
pub(crate) fn event(at_ms: u64, key: &str, value: impl Serialize) -> serde_json::Result<Box<RawValue>> {
    let mut map = RawMap::new();
    map.insert("atSeconds".to_owned(), seconds_raw(at_ms)?);
    set(&mut map, key, value)?;
    to_raw_value(&map)
}

/// Seconds, exactly.
pub(crate) fn seconds_raw(milliseconds: u64) -> serde_json::Result<Box<RawValue>> {
    RawValue::from_string(seconds(milliseconds))
}

/// Changes the object under a key of an object.
pub(crate) fn edit(
    raw: &RawValue,
    key: &str,
    change: impl FnOnce(&mut RawMap) -> serde_json::Result<()>,
) -> serde_json::Result<Box<RawValue>> {
    let mut map = object(raw)?;
    if let Some(inner) = map.get_mut(key) {
        let mut value = object(inner)?;
        change(&mut value)?;
        *inner = to_raw_value(&value)?;
    }
    to_raw_value(&map)
}

/// Takes the element at a position out of the list under a key; the key goes with the last one.
pub(crate) fn remove_element(map: &mut RawMap, key: &str, index: usize) -> serde_json::Result<()> {
    let Some(list) = map.get(key) else { return Ok(()) };
    let mut list: Vec<Box<RawValue>> = serde_json::from_str(list.get())?;
    if index < list.len() {
        list.remove(index);
    }
    if list.is_empty() {
        map.shift_remove(key);
        return Ok(());
    }
    set(map, key, list)
}

/// Takes an attribute out of ECS's list or a map of attributes.
pub(crate) fn remove_attribute(map: &mut RawMap, name: &str) -> serde_json::Result<()> {
    let Some(attributes) = map.get("attributes") else { return Ok(()) };
    if let Ok(mut of_names) = object(attributes) {
        of_names.shift_remove(name);
        return set(map, "attributes", of_names);
    }
    let list: Vec<Box<RawValue>> = serde_json::from_str(attributes.get())?;
    let mut kept = Vec::new();
    for element in list {
        let is_it = object(&element)?.get("name").is_some_and(|given| text(given).as_deref() == Some(name));
        if !is_it {
            kept.push(element);
        }
    }
    set(map, "attributes", kept)
}

/// The instances that an event registers, in either of the two forms that it may have; none if it registers none.
pub(crate) fn registered_instances(event: &RawMap) -> serde_json::Result<Vec<Box<RawValue>>> {
    let list = |value: &RawValue| Ok(serde_json::from_str::<Option<_>>(value.get())?.unwrap_or_default());
    let Some(value) = event.get(REGISTERED) else { return Ok(Vec::new()) };
    match object(value) {
        Ok(call) => call.get(LISTED).map_or(Ok(Vec::new()), |value| list(value)),
        Err(_) => list(value),
    }
}

/// Lets an event register these instances instead, in the form that it has.
pub(crate) fn set_registered_instances(event: &mut RawMap, instances: impl Serialize) -> serde_json::Result<()> {
    match event.get(REGISTERED).and_then(|value| object(value).ok()) {
        Some(mut call) => {
            set(&mut call, LISTED, instances)?;
            set(event, REGISTERED, call)
        }
        None => set(event, REGISTERED, instances),
    }
}

/// A whole number, however it is written.
pub(crate) fn whole(raw: &RawValue) -> Option<u64> {
    let number = raw.get();
    let is_number = number.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    is_number.then(|| scaled(number, 0, u64::MAX).ok()).flatten()
}

/// A text.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_instances_are_put_back_in_the_form_that_they_had() {
        for (event, expected) in [
            (r#"{"registerContainerInstances":[1,2]}"#, r#"{"registerContainerInstances":[2]}"#),
            (
                r#"{"registerContainerInstances":{"x-note":3,"containerInstances":[1,2]},"atSeconds":1}"#,
                r#"{"registerContainerInstances":{"x-note":3,"containerInstances":[2]},"atSeconds":1}"#,
            ),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(event).expect("JSON");
            let mut event = object(&raw).expect("an object");
            let mut instances = registered_instances(&event).expect("a list");
            assert_eq!(instances.remove(0).get(), "1");
            set_registered_instances(&mut event, &instances).expect("JSON");
            assert_eq!(to_raw_value(&event).expect("JSON").get(), expected);
        }
        for event in ["{}", r#"{"registerContainerInstances":null}"#, r#"{"registerContainerInstances":{}}"#] {
            let raw: Box<RawValue> = serde_json::from_str(event).expect("JSON");
            assert!(registered_instances(&object(&raw).expect("an object")).expect("none").is_empty(), "{event}");
        }
    }

    #[test]
    fn whole_numbers_are_known_in_all_their_forms() {
        let whole = |text: &str| whole(&serde_json::from_str::<Box<RawValue>>(text).expect("JSON"));
        for (text, expected) in [("40", Some(40)), ("4e1", Some(40)), ("40.0", Some(40)), ("-0", Some(0))] {
            assert_eq!(whole(text), expected, "{text}");
        }
        for text in ["4.5", "-1", "\"4\"", "null", "[4]", "1e99"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
