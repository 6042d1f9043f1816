//! JSON text as a tree in which every value knows where it stands.
//!
//! Written for messages that point at a place: spans instead of lines, numbers as they were written, and duplicate keys
//! reported rather than dropped. Nesting is bounded, so that no input exhausts the stack.

mod literal;
mod parser;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

pub(in crate::trace) use parser::Parser;

/// Deepest nesting of lists and objects.
pub(in crate::trace) const MAX_DEPTH: usize = 128;

/// A value and its span of bytes in the text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trace) struct Value<'a> {
    pub(in crate::trace) span: Span,
    pub(in crate::trace) kind: Kind<'a>,
}

/// A range of bytes in the text.
pub(in crate::trace) type Span = Range<usize>;

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trace) enum Kind<'a> {
    Null,
    Bool(bool),
    /// A number as it is written; it follows JSON's grammar.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Vec<Member<'a>>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::trace) struct Member<'a> {
    pub(in crate::trace) key: Cow<'a, str>,
    pub(in crate::trace) key_at: usize,
    pub(in crate::trace) value: Value<'a>,
}

impl<'a> Value<'a> {
    /// The value of a key of an object; `null` is the same as an absent key.
    pub(in crate::trace) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let members = self.members();
        members.iter().find(|member| member.key == key).map(|member| &member.value).filter(|it| it.kind != Kind::Null)
    }

    /// The members of an object, none for anything else.
    pub(in crate::trace) fn members(&self) -> &[Member<'a>] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of a list, none for anything else.
    pub(in crate::trace) fn elements(&self) -> &[Value<'a>] {
        match &self.kind {
            Kind::List(elements) => elements,
            _ => &[],
        }
    }

    /// The text of a string.
    pub(in crate::trace) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages: never the value itself, which may be a secret.
    pub(in crate::trace) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "true or false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }
}

/// Text that is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::trace) struct SyntaxError {
    pub(in crate::trace) at: usize,
    pub(in crate::trace) problem: Problem,
}

/// What is wrong with the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::trace) enum Problem {
    Expected(&'static str),
    Ends(&'static str),
    ControlCharacter,
    Escape,
    Surrogate,
    Depth,
    Trailing,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what) => write!(f, "expected {what} here"),
            Self::Ends(what) => write!(f, "the file ends here, but {what} is not closed"),
            Self::ControlCharacter => f.write_str(
                "a control character in a text; write it as an escape such as `\\n`, or close the text before",
            ),
            Self::Escape => {
                f.write_str("not an escape of JSON; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX")
            }
            Self::Surrogate => {
                f.write_str("half of a surrogate pair; \\uD800 to \\uDBFF need \\uDC00 to \\uDFFF after it")
            }
            Self::Depth => write!(f, "nested deeper than {MAX_DEPTH} levels; the limit is {MAX_DEPTH}"),
            Self::Trailing => f.write_str("something follows the value; expected the end here"),
        }
    }
}

/// A key that stands twice in one object: the second place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::trace) struct DuplicateKey {
    pub(in crate::trace) at: usize,
    pub(in crate::trace) key: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value<'_>, SyntaxError> {
        let mut parser = Parser::new(text, 0, 0);
        let value = parser.value()?;
        parser.end()?;
        Ok(value)
    }

    #[test]
    fn values_know_where_they_stand() {
        let value = parse(r#" {"a": [1e3, "x\n\u00e9\ud83d\ude00"], "b": null} "#).expect("JSON");
        let list = value.get("a").expect("there");
        assert_eq!((value.span.clone(), list.span.clone()), (1..49, 7..37));
        assert_eq!(list.elements()[0].kind, Kind::Number("1e3"));
        assert_eq!(list.elements()[1].text(), Some("x\né😀"));
        assert_eq!(value.get("b"), None);
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_goes_wrong() {
        let cases = [
            ("", 0),
            ("{", 1),
            ("{,}", 1),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("{\"a\":1,}", 7),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1e", 2),
            ("\"a", 0),
            ("\"\\x\"", 1),
            ("\"\\ud800\"", 1),
            ("\"\n\"", 1),
            ("tru", 0),
            ("1 2", 2),
            ("nul", 0),
            ("+1", 0),
            (".5", 0),
            ("NaN", 0),
            ("\"\\u12\"", 1),
            ("[}", 1),
            ("1x", 1),
        ];
        for (text, at) in cases {
            assert_eq!(parse(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded_read_or_skipped() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(128)).is_ok());
        let deep = nested(10_000);
        assert_eq!(parse(&deep), Err(SyntaxError { at: 128, problem: Problem::Depth }));
        assert_eq!(Parser::new(&deep, 0, 0).skip(), Err(SyntaxError { at: 128, problem: Problem::Depth }));
    }

    #[test]
    fn a_key_that_stands_twice_is_found_in_small_and_large_objects() {
        let many = (0..40).map(|number| format!("\"k{number}\":0,")).collect::<Vec<_>>().concat();
        for text in [r#"{"a":1,"\u0061":2}"#.to_owned(), format!("{{{many}\"k7\":1}}")] {
            let mut parser = Parser::new(&text, 0, 0);
            parser.value().expect("JSON");
            assert_eq!(parser.duplicates.len(), 1, "{text}");
        }
    }

    #[test]
    fn skipping_ends_where_reading_ends() {
        for text in [r#"{"a":[1,{"b":"}"}]}, 5"#, "12, 3", "true]", r#""a\"b" "#, "[] ", "null}"] {
            let mut reader = Parser::new(text, 0, 0);
            reader.value().expect("JSON");
            assert_eq!(Parser::new(text, 0, 0).skip(), Ok(0..reader.at), "{text}");
        }
    }
}
