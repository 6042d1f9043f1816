//! The JSON Schema of the format, written from the table that the reader checks against.
//!
//! It says less than the reader: what depends on other parts of a trace (references, names, capacities) no schema can.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ecs;
use super::format::{DOCUMENT, EVENT};
use super::number::MAX_MS;
use super::shape::{AMOUNT_LIMIT, NAME_LIMIT, Object, Shape};

/// The schema of a trace document (draft 2020-12), for editors and other programs.
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(&scheduler_sim::trace::json_schema())?;
/// assert_eq!(schema["properties"]["version"]["const"], 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn json_schema() -> String {
    let mut definitions = Definitions::default();
    let mut schema = definitions.object(&DOCUMENT);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "A trace of scheduler-sim, version 1".into();
    schema["$defs"] = definitions.finish();
    format!("{:#}\n", in_order(schema))
}

/// The schemas that others refer to, by name.
#[derive(Default)]
struct Definitions {
    done: BTreeMap<String, Option<Value>>,
}

impl Definitions {
    fn finish(self) -> Value {
        self.done.into_iter().filter_map(|(name, schema)| Some((name, schema?))).collect::<Map<_, _>>().into()
    }

    /// A reference to the schema of that name, which is made when it is first asked for.
    fn reference(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.done.contains_key(name) {
            self.done.insert(name.to_owned(), None);
            let schema = make(self);
            self.done.insert(name.to_owned(), Some(schema));
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match *shape {
            Shape::Version => json!({ "const": 1 }),
            Shape::Moment => json!({ "type": ["number", "string"] }),
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Text => json!({ "type": "string" }),
            Shape::Name => json!({ "type": "string", "minLength": 1, "maxLength": NAME_LIMIT }),
            Shape::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Shape::Amount(_) => json!({ "type": "integer", "minimum": 0, "maximum": AMOUNT_LIMIT }),
            Shape::Seconds => json!({ "type": "number", "minimum": 0, "maximum": MAX_MS / 1000 }),
            Shape::Dollars => json!({ "type": "number", "minimum": 0, "maximum": 1_000_000_000 }),
            Shape::Choice(choices) => json!({ "enum": choices }),
            Shape::List(element) => json!({ "type": "array", "items": self.shape(element) }),
            Shape::Map(element) => json!({ "type": "object", "additionalProperties": self.shape(element) }),
            Shape::Object(object) => self.reference(&camel(object.name), |definitions| definitions.object(object)),
            Shape::Ecs(name) => self.ecs(ecs::Kind::Structure(name)),
            Shape::Either(shapes) => {
                let either: Vec<_> = shapes.iter().map(|shape| self.shape(shape)).collect();
                json!({ "anyOf": either })
            }
            Shape::Unsupported => json!({ "enum": [null, [], {}] }),
        }
    }

    fn object(&mut self, object: &'static Object) -> Value {
        let mut properties = Map::new();
        for shape in object.ecs {
            properties.extend(self.ecs_members(shape));
        }
        for key in object.keys {
            let mut schema = self.shape(&key.shape);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".into(), key.about.into());
            }
            properties.insert(key.name.to_owned(), schema);
        }
        let mut schema = object_of(properties);
        let required: Vec<_> = object.keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if std::ptr::eq(object, &raw const EVENT) {
            let actions = object.keys.iter().filter(|key| !key.is_required);
            schema["oneOf"] = actions.map(|key| json!({ "required": [key.name] })).collect();
        }
        match object.wrapper {
            None => schema,
            Some(key) => {
                let wrapped =
                    json!({ "type": "object", "required": [key], "properties": { key: { "type": "object" } } });
                json!({ "anyOf": [schema, wrapped] })
            }
        }
    }

    fn ecs(&mut self, kind: ecs::Kind) -> Value {
        match kind {
            ecs::Kind::Scalar => json!({ "type": ["string", "number", "boolean", "null"] }),
            ecs::Kind::Map => json!({ "type": ["object", "null"] }),
            ecs::Kind::List(element) => json!({ "type": ["array", "null"], "items": self.ecs(*element) }),
            ecs::Kind::Structure(name) => self.reference(&format!("ecs.{name}"), |definitions| {
                let members = definitions.ecs_members(name);
                object_of(members)
            }),
        }
    }

    fn ecs_members(&mut self, shape: &str) -> Map<String, Value> {
        let members = ecs::members(shape).iter();
        members.map(|&(name, kind)| (name.to_owned(), self.ecs(kind))).collect()
    }
}

/// An object of these keys and the author's notes.
fn object_of(properties: Map<String, Value>) -> Value {
    let mut schema = json!({ "type": "object", "patternProperties": { "^x-": true }, "additionalProperties": false });
    schema["properties"] = properties.into();
    schema
}

/// `a container instance` as a name: `containerInstance`.
fn camel(name: &str) -> String {
    let words = name.split(' ').filter(|&word| word != "a" && word != "an");
    let mut camel = String::new();
    for word in words {
        let mut characters = word.chars();
        match characters.next() {
            Some(first) if !camel.is_empty() => camel.extend(first.to_uppercase()),
            Some(first) => camel.push(first),
            None => {}
        }
        camel.extend(characters);
    }
    camel
}

/// The same with keys in order, whatever order `serde_json` was built to keep.
fn in_order(value: Value) -> Value {
    match value {
        Value::Array(elements) => elements.into_iter().map(in_order).collect(),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.into_iter().map(|(key, value)| (key, in_order(value))).collect();
            sorted.into_iter().collect::<Map<_, _>>().into()
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_that_is_checked_in_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/trace-format.schema.json");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, json_schema()).expect("writable");
        }
        let checked_in = std::fs::read_to_string(path).expect("the schema is checked in");
        assert!(checked_in == json_schema(), "run `UPDATE_SCHEMA=1 cargo test -p scheduler-sim schema`");
    }
}
