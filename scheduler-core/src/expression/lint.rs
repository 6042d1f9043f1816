//! What is worth a remark in an expression that parses: it may not mean what its author meant.

use std::fmt;

use super::error::List;
use super::syntax::{Operator, Span, Subject};
use crate::model::attribute::{AttributeName, Printable, names};

/// A remark on a place of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Lint {
    /// The place, in bytes of the text.
    pub span: Span,
    /// What is remarked.
    pub kind: LintKind,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// What is remarked. The message says what will happen, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LintKind {
    /// A word of the language that is not in lower case.
    KeywordCase {
        /// As written.
        written: Box<str>,
        /// As the guide writes it.
        canonical: &'static str,
    },
    /// `and` beside `or` without parentheses.
    MixedJoins,
    /// A pattern in which `*` repeats a letter, digit, `-` or `_`, as in a file name.
    GlobPattern {
        /// The pattern.
        pattern: Box<str>,
        /// With `.*` for `*`.
        suggestion: Box<str>,
    },
    /// A pattern that is a plain text.
    PlainPattern {
        /// The pattern.
        pattern: Box<str>,
        /// What compares texts.
        suggestion: Operator,
    },
    /// A value that stands in its list twice.
    DuplicateValue {
        /// The value.
        value: Box<str>,
    },
    /// A custom attribute's name that is nearly a built-in one.
    NearBuiltInName {
        /// The name.
        name: AttributeName,
        /// The built-in name.
        suggestion: &'static str,
    },
    /// A value that the built-in attribute never has.
    UnknownValue {
        /// The attribute.
        attribute: &'static str,
        /// The value.
        value: Box<str>,
        /// What was probably meant.
        suggestion: Option<Box<str>>,
    },
}

impl fmt::Display for LintKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeywordCase { written, canonical } => {
                write!(f, "`{written}` is understood, but Amazon ECS documents `{canonical}` only")
            }
            Self::MixedJoins => {
                f.write_str("`and` binds tighter than `or` here, which Amazon ECS does not document; add parentheses")
            }
            Self::GlobPattern { pattern, suggestion } => write!(
                f,
                "in the pattern `{}` a `*` repeats the character before it; any text is `.*`, as in `{}`",
                Printable(pattern),
                Printable(suggestion)
            ),
            Self::PlainPattern { pattern, suggestion } => {
                write!(f, "the pattern `{}` matches this text only; write `{suggestion}`", Printable(pattern))
            }
            Self::DuplicateValue { value } => write!(f, "`{}` is already in the list", Printable(value)),
            Self::NearBuiltInName { name, suggestion } => {
                write!(f, "`{name}` is not a built-in attribute; did you mean `{suggestion}`?")
            }
            Self::UnknownValue { attribute, value, suggestion: Some(suggestion) } => {
                write!(f, "`{attribute}` is never `{}`; did you mean `{suggestion}`?", Printable(value))
            }
            Self::UnknownValue { attribute, value, suggestion: None } => {
                write!(f, "`{attribute}` is never `{}`, only {}", Printable(value), List(known_values(attribute)))
            }
        }
    }
}

pub(super) fn keyword_case(written: &str, canonical: &'static str) -> Option<LintKind> {
    (written != canonical).then(|| LintKind::KeywordCase { written: written.into(), canonical })
}

pub(super) fn duplicate(before: &[Box<str>], value: &str) -> Option<LintKind> {
    before.iter().any(|earlier| **earlier == *value).then(|| LintKind::DuplicateValue { value: value.into() })
}

pub(super) fn pattern(pattern: &str, operator: Operator) -> Option<LintKind> {
    let suggestion = without_globs(pattern);
    if suggestion != pattern {
        return Some(LintKind::GlobPattern { pattern: pattern.into(), suggestion: suggestion.into() });
    }
    let is_plain = !pattern.contains(['.', '*', '+', '?', '|', '(', ')', '[', ']', '{', '}', '^', '$', '\\']);
    let suggestion = if operator.is_negative() { Operator::NotEqual } else { Operator::Equal };
    is_plain.then(|| LintKind::PlainPattern { pattern: pattern.into(), suggestion })
}

/// The pattern with `.*` for each `*` that repeats a plain character outside a class.
fn without_globs(pattern: &str) -> String {
    let mut suggestion = String::new();
    let (mut is_escaped, mut class_depth, mut is_plain) = (false, 0u32, false);
    for character in pattern.chars() {
        if character == '*' && is_plain {
            suggestion.push('.');
        }
        suggestion.push(character);
        match character {
            _ if is_escaped => {}
            '[' => class_depth += 1,
            ']' => class_depth = class_depth.saturating_sub(1),
            _ => {}
        }
        is_plain =
            !is_escaped && class_depth == 0 && (character.is_ascii_alphanumeric() || matches!(character, '-' | '_'));
        is_escaped = !is_escaped && character == '\\';
    }
    suggestion
}

pub(super) fn known_value(subject: &Subject, operator: Operator, value: &str) -> Option<LintKind> {
    let Subject::Attribute(name) = subject else { return None };
    let attribute = *names::BUILT_IN.iter().find(|known| ***known == *name.as_str())?;
    let unknown =
        |suggestion: Option<Box<str>>| Some(LintKind::UnknownValue { attribute, value: value.into(), suggestion });
    if operator.is_ordering() {
        return None;
    }
    if attribute == names::OS_FAMILY {
        // Families come and go, but all are in upper case.
        let upper = value.to_ascii_uppercase();
        return (upper != value).then(|| unknown(Some(upper.into()))).flatten();
    }
    let known = known_values(attribute);
    if known.is_empty() || known.contains(&value) {
        return None;
    }
    let lower = value.to_ascii_lowercase();
    let meant = match (attribute, &*lower) {
        (names::CPU_ARCHITECTURE, "amd64" | "x64" | "x86-64") => Some("x86_64"),
        (names::CPU_ARCHITECTURE, "aarch64") => Some("arm64"),
        _ => known.iter().find(|known| ***known == *lower).copied(),
    };
    unknown(meant.map(Box::from))
}

/// All values of a built-in attribute, where they are few and fixed.
fn known_values(attribute: &str) -> &'static [&'static str] {
    match attribute {
        names::CPU_ARCHITECTURE => &["x86_64", "arm64"],
        names::OS_TYPE => &["linux", "windows"],
        _ => &[],
    }
}
