//! The syntax tree of an expression, and its canonical text.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::pattern::Pattern;
use super::value::{Version, write_instant};
use crate::model::attribute::AttributeName;

/// A piece of a text, in bytes from its start; `end` is the first byte after it.
///
/// Both ends lie between characters. An empty span points at a place where something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The span of the bytes `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The empty span before the byte `offset`.
    pub const fn at(offset: usize) -> Self {
        Self::new(offset, offset)
    }
}

/// One node of an expression's tree. Equality and hash ignore spans.
///
/// [`Or`](Node::Or) and [`And`](Node::And) have two or more operands, none of them of their own kind:
/// `(a or b) or c` is one `Or` of three. Trees come from [`Expression::root`](super::Expression::root) only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    /// True if one of the operands is.
    Or(Vec<Node>),
    /// True if all of the operands are.
    And(Vec<Node>),
    /// True if the operand is not.
    Not(Box<Node>),
    /// True if the comparison holds.
    Comparison(Comparison),
}

/// A subject, an operator that the subject allows, and an argument of the kind that both ask for.
///
/// | subject | operators | argument |
/// |---|---|---|
/// | any | `exists` `!exists` | [`Argument::None`] |
/// | any | `=~` `!~` | [`Argument::Pattern`] |
/// | any | `in` `!in` | [`Argument::List`] |
/// | `registeredAt` | all it allows | [`Argument::InstantMs`] |
/// | `runningTasksCount` | all it allows | [`Argument::Count`] |
/// | `agentVersion` | `>` `>=` `<` `<=` | [`Argument::Version`] |
/// | any other | any other | [`Argument::Text`] |
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Comparison {
    /// What is compared.
    pub subject: Subject,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with.
    pub argument: Argument,
    /// Where the comparison stands in the text, from the subject to the argument.
    pub span: Span,
}

impl PartialEq for Comparison {
    fn eq(&self, other: &Self) -> bool {
        self.subject == other.subject && self.operator == other.operator && self.argument == other.argument
    }
}

impl Eq for Comparison {}

impl Hash for Comparison {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.subject.hash(state);
        self.operator.hash(state);
        self.argument.hash(state);
    }
}

/// What a comparison reads of the instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// `agentConnected`: the text `true` or `false`.
    AgentConnected,
    /// `agentVersion`.
    AgentVersion,
    /// `attribute:NAME`.
    Attribute(AttributeName),
    /// `ec2InstanceId`: the instance's name.
    Ec2InstanceId,
    /// `registeredAt`.
    RegisteredAt,
    /// `runningTasksCount`.
    RunningTasksCount,
    /// `task:group`: the groups of the tasks on the instance.
    TaskGroup,
}

impl Subject {
    /// The subjects that are one word, as they are written; `attribute:NAME` is the other.
    pub(super) const WORDS: [&str; 6] =
        ["agentConnected", "agentVersion", "ec2InstanceId", "registeredAt", "runningTasksCount", "task:group"];

    /// What `attribute:NAME` starts with.
    pub(super) const ATTRIBUTE_PREFIX: &str = "attribute:";

    /// The subject of [`Self::WORDS`] that `word` is.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "agentConnected" => Self::AgentConnected,
            "agentVersion" => Self::AgentVersion,
            "ec2InstanceId" => Self::Ec2InstanceId,
            "registeredAt" => Self::RegisteredAt,
            "runningTasksCount" => Self::RunningTasksCount,
            "task:group" => Self::TaskGroup,
            _ => return None,
        })
    }

    /// The operators that may follow the subject: those the guide lists, or all that make sense where it lists none.
    pub fn operators(&self) -> &'static [Operator] {
        use Operator::{
            Equal, Exists, Greater, GreaterOrEqual, In, Less, LessOrEqual, Matches, NotEqual, NotExists, NotIn,
            NotMatches,
        };
        match self {
            Self::AgentConnected | Self::Ec2InstanceId => &[Equal, NotEqual, In, NotIn, Matches, NotMatches],
            Self::AgentVersion | Self::RegisteredAt | Self::RunningTasksCount => {
                &[Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual]
            }
            Self::Attribute(_) => &Operator::ALL,
            Self::TaskGroup => &[Equal, NotEqual, Exists, NotExists, In, NotIn, Matches, NotMatches],
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AgentConnected => f.write_str("agentConnected"),
            Self::AgentVersion => f.write_str("agentVersion"),
            Self::Attribute(name) => write!(f, "{}{name}", Self::ATTRIBUTE_PREFIX),
            Self::Ec2InstanceId => f.write_str("ec2InstanceId"),
            Self::RegisteredAt => f.write_str("registeredAt"),
            Self::RunningTasksCount => f.write_str("runningTasksCount"),
            Self::TaskGroup => f.write_str("task:group"),
        }
    }
}

/// How a comparison compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `==`, `equals`.
    Equal,
    /// `!=`, `not_equals`.
    NotEqual,
    /// `>`, `greater_than`.
    Greater,
    /// `>=`, `greater_than_equal`.
    GreaterOrEqual,
    /// `<`, `less_than`.
    Less,
    /// `<=`, `less_than_equal`.
    LessOrEqual,
    /// `exists`.
    Exists,
    /// `!exists`, `not_exists`.
    NotExists,
    /// `in`.
    In,
    /// `!in`, `not_in`.
    NotIn,
    /// `=~`, `matches`.
    Matches,
    /// `!~`, `not_matches`.
    NotMatches,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 12] = [
        Self::Equal,
        Self::NotEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Exists,
        Self::NotExists,
        Self::In,
        Self::NotIn,
        Self::Matches,
        Self::NotMatches,
    ];

    /// The operator as the guide's examples write it.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Exists => "exists",
            Self::NotExists => "!exists",
            Self::In => "in",
            Self::NotIn => "!in",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }

    /// The operator as a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Equal => "equals",
            Self::NotEqual => "not_equals",
            Self::Greater => "greater_than",
            Self::GreaterOrEqual => "greater_than_equal",
            Self::Less => "less_than",
            Self::LessOrEqual => "less_than_equal",
            Self::Exists => "exists",
            Self::NotExists => "not_exists",
            Self::In => "in",
            Self::NotIn => "not_in",
            Self::Matches => "matches",
            Self::NotMatches => "not_matches",
        }
    }

    /// The operator whose word this is, in any case.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.word().eq_ignore_ascii_case(word))
    }

    /// Whether the operator negates another: `!=`, `!exists`, `!in`, `!~`.
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotExists | Self::NotIn | Self::NotMatches)
    }

    /// Whether the operator orders: `>`, `>=`, `<`, `<=`.
    pub const fn is_ordering(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.symbol())
    }
}

/// What a comparison compares its subject with, parsed once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Argument {
    /// Nothing: the operator takes no argument.
    None,
    /// A text.
    Text(Box<str>),
    /// Texts, in the order written; one or more.
    List(Vec<Box<str>>),
    /// A pattern.
    Pattern(Pattern),
    /// A number of tasks.
    Count(i64),
    /// A version.
    Version(Version),
    /// An instant, in milliseconds since the Unix epoch.
    InstantMs(i64),
}

/// The canonical text: symbols for operators, words for `and`, `or` and `not`, quotes and parentheses only where they
/// are needed, but always as `not(…)`, the way the guide writes it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(operands) => write_joined(f, operands, " or "),
            Self::And(operands) => write_joined(f, operands, " and "),
            Self::Not(operand) => write!(f, "not({operand})"),
            Self::Comparison(comparison) => comparison.fmt(f),
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, operands: &[Node], join: &str) -> fmt::Result {
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            f.write_str(join)?;
        }
        // `and` binds tighter, so only an `or` inside an `and` needs parentheses; neither holds its own kind.
        match operand {
            Node::Or(_) => write!(f, "({operand})")?,
            Node::And(_) | Node::Not(_) | Node::Comparison(_) => write!(f, "{operand}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject, self.operator)?;
        match &self.argument {
            Argument::None => Ok(()),
            argument => write!(f, " {argument}"),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Text(text) => write_value(f, text),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    write_value(f, value)?;
                }
                f.write_str("]")
            }
            Self::Pattern(pattern) => write_maybe_quoted(f, pattern.text(), is_bare_pattern(pattern.text())),
            Self::Count(count) => write!(f, "{count}"),
            Self::Version(version) => version.fmt(f),
            Self::InstantMs(instant_ms) => write_instant(f, *instant_ms),
        }
    }
}

/// Writes `value` bare where the grammar allows it.
pub(super) fn write_value(f: &mut dyn fmt::Write, value: &str) -> fmt::Result {
    write_maybe_quoted(f, value, is_bare_value(value))
}

fn write_maybe_quoted(f: &mut dyn fmt::Write, text: &str, is_bare: bool) -> fmt::Result {
    // What has both kinds of quotes was bare when it was parsed, and is so again.
    match (is_bare, text.contains('\'')) {
        (true, _) => f.write_str(text),
        (false, false) => write!(f, "'{text}'"),
        (false, true) => write!(f, "\"{text}\""),
    }
}

/// Whether the whole of `value` can stand without quotes.
fn is_bare_value(value: &str) -> bool {
    value.starts_with(is_value_start) && bare_length(value, is_value_character) == value.len()
}

/// Whether the whole of `pattern` can stand without quotes.
fn is_bare_pattern(pattern: &str) -> bool {
    !pattern.is_empty()
        && !pattern.starts_with(['\'', '"'])
        && bare_length(pattern, is_pattern_character) == pattern.len()
}

/// Whether `character` may stand in a value without quotes.
pub(super) fn is_value_character(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, '(' | ')' | '[' | ']' | ',' | '\'' | '"')
}

/// Whether a value without quotes may start with `character`.
pub(super) fn is_value_start(character: char) -> bool {
    is_value_character(character) && !matches!(character, '=' | '!' | '<' | '>' | '~' | '&' | '|')
}

/// Whether `character` may stand in a pattern without quotes.
pub(super) fn is_pattern_character(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, '(' | ')')
}

/// How many bytes of `text` a bare value or pattern takes: up to the first other character, `&&` or `||`.
pub(super) fn bare_length(text: &str, is_part: fn(char) -> bool) -> usize {
    text.char_indices()
        .find(|&(index, character)| {
            let rest = &text[index..];
            !is_part(character) || rest.starts_with("&&") || rest.starts_with("||")
        })
        .map_or(text.len(), |(index, _)| index)
}
