//! Attributes: ECS's list of `{"name", "value"}`, read also from a map of name to value.

use crate::model::{AttributeName, AttributeValue, Attributes, RequiredAttribute};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// One attribute; `targetType` and `targetId` are skipped.
#[derive(serde::Deserialize)]
struct AttributeForm {
    name: AttributeName,
    value: Option<String>,
}

/// The value of an attribute; `""` is none, as `null` is.
fn value<E: Error>(text: Option<String>) -> Result<Option<AttributeValue>, E> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| AttributeValue::new(&text)).transpose().map_err(E::custom)
}

impl<'de> Deserialize<'de> for RequiredAttribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RequiredAttribute, D::Error> {
        let form = AttributeForm::deserialize(deserializer)?;
        Ok(RequiredAttribute { name: form.name, value: value(form.value)? })
    }
}

#[derive(serde::Serialize)]
struct AttributeOutput<'a> {
    name: &'a AttributeName,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a AttributeValue>,
}

impl Serialize for RequiredAttribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        AttributeOutput { name: &self.name, value: self.value.as_ref() }.serialize(serializer)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(name, value)| AttributeOutput { name, value }))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
        deserializer.deserialize_any(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of attributes with `name` and `value`, or a map of names to values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::new();
        while let Some(RequiredAttribute { name, value }) = list.next_element()? {
            insert(&mut attributes, name, value)?;
        }
        Ok(attributes)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::new();
        while let Some((name, text)) = map.next_entry()? {
            insert(&mut attributes, name, value(text)?)?;
        }
        Ok(attributes)
    }
}

fn insert<E: Error>(attributes: &mut Attributes, name: AttributeName, value: Option<AttributeValue>) -> Result<(), E> {
    if attributes.contains(&name) {
        return Err(E::custom(format_args!("attribute `{name}` is given twice")));
    }
    attributes.insert(name, value);
    Ok(())
}
