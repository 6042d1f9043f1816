//! JSON values as results print them: keys in the order in which they were put, numbers in their shortest form.

use std::fmt::Write;

use crate::metrics::Quotient;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `true` or `false`.
    Bool(bool),
    /// A number, printed already.
    Number(String),
    /// A text.
    Text(String),
    /// `null`.
    Null,
    /// A list.
    List(Vec<Json>),
    /// An object; keys in order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object of these members.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Json)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A whole number.
    pub fn count(count: u64) -> Self {
        Self::Number(count.to_string())
    }

    /// Puts a value under a path with dots, making the objects on the way.
    pub fn put(&mut self, path: &str, value: Self) {
        let Self::Object(members) = self else { return };
        match path.split_once('.') {
            None => members.push((path.to_owned(), value)),
            Some((first, rest)) => {
                let index = members.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
                    members.push((first.to_owned(), Self::Object(Vec::new())));
                    members.len() - 1
                });
                members[index].1.put(rest, value);
            }
        }
    }

    /// Without white space.
    pub fn compact(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, None);
        text
    }

    /// Indented by two spaces, with a line break at the end.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Some(0));
        text.push('\n');
        text
    }

    fn write(&self, text: &mut String, depth: Option<usize>) {
        match self {
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(number),
            Self::Text(value) => quote(value, text),
            Self::Null => text.push_str("null"),
            Self::List(items) => write_all(text, depth, ['[', ']'], items, Json::write),
            Self::Object(members) => write_all(text, depth, ['{', '}'], members, |(key, value), text, depth| {
                quote(key, text);
                text.push_str(if depth.is_some() { ": " } else { ":" });
                value.write(text, depth);
            }),
        }
    }
}

fn write_all<T>(
    text: &mut String,
    depth: Option<usize>,
    brackets: [char; 2],
    items: &[T],
    write: impl Fn(&T, &mut String, Option<usize>),
) {
    let inner = depth.map(|depth| depth + 1);
    text.push(brackets[0]);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        break_line(text, inner);
        write(item, text, inner);
    }
    if !items.is_empty() {
        break_line(text, depth);
    }
    text.push(brackets[1]);
}

fn break_line(text: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        text.push('\n');
        (0..depth).for_each(|_| text.push_str("  "));
    }
}

/// Appends a JSON string.
pub(crate) fn quote(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control.is_control() => {
                // Writing to a text cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Quotient> for Json {
    fn from(number: Quotient) -> Self {
        Self::Number(number.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_make_nested_objects_and_text_is_escaped() {
        let mut value = Json::object::<&str>([]);
        value.put("tasks.placed", Json::count(3));
        value.put("name", "a \"b\"\n\u{1}".into());
        value.put("tasks.lost", Json::count(0));
        value.put("none", Json::List(Vec::new()));
        assert_eq!(value.compact(), r#"{"tasks":{"placed":3,"lost":0},"name":"a \"b\"\n\u0001","none":[]}"#);
        let read: serde_json::Value = serde_json::from_str(&value.pretty()).expect("what is written is JSON");
        assert_eq!(read["tasks"]["placed"], 3);
        assert_eq!(read["name"], "a \"b\"\n\u{1}");
    }
}
