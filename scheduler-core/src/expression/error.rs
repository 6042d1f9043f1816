//! Why a text is no expression: where, what is wrong, and what would be right.

use std::fmt;

use super::parser::MAX_NESTING;
use super::pattern::PatternErrorKind;
use super::syntax::{Operator, Span, Subject};
use super::{Expression, pointer};
use crate::model::attribute::{AttributeName, Printable};

/// A text that is no expression. The message says what is wrong and what would be right;
/// [`pointer`](Self::pointer) shows where.
///
/// ```
/// # use scheduler_core::expression::Expression;
/// let text = "attribute:stack = prod";
/// let error = Expression::parse(text).unwrap_err();
/// assert_eq!(error.to_string(), "`=` is not an operator; write `==`");
/// assert_eq!(error.pointer(text), "attribute:stack = prod\n                ^\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
#[non_exhaustive]
pub struct ParseError {
    /// The place, in bytes of the text. Where something is missing it is empty, at the end of what precedes the gap.
    pub span: Span,
    /// The cause.
    pub kind: ParseErrorKind,
}

impl ParseError {
    pub(super) fn new(span: Span, kind: ParseErrorKind) -> Self {
        Self { span, kind }
    }

    /// Draws the line of `text` where the error is, and a line of carets below; each ends in a newline.
    ///
    /// `text` is what was parsed. A long line is cut around the error. Tabs are drawn as spaces and what a terminal
    /// would act upon as escapes, so the drawing is safe to print, and the carets stand right.
    pub fn pointer(&self, text: &str) -> String {
        pointer::draw(text, self.span)
    }
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Nothing but spaces.
    #[error("the expression is empty; write for example `attribute:ecs.os-type == linux`")]
    Empty,
    /// More characters than [`Expression::MAX_CHARACTERS`].
    #[error("the expression has {characters} characters; the limit is {}", Expression::MAX_CHARACTERS)]
    TooLong {
        /// Its characters.
        characters: usize,
    },
    /// Parentheses and `not` nest too deep.
    #[error("parentheses and `not` nest deeper than {MAX_NESTING} levels; remove some")]
    TooDeep,
    /// White space other than space, tab and newline, outside quotes.
    #[error("{} does not count as a space; write a plain space, or quote the value", OneCharacter(*.character))]
    InvisibleSpace {
        /// The character.
        character: char,
    },

    /// A word that is no subject.
    #[error("`{}` is not a subject; {}", Printable(.found), SubjectHint(.suggestion.as_deref()))]
    UnknownSubject {
        /// The word.
        found: Box<str>,
        /// What was probably meant.
        suggestion: Option<Box<str>>,
    },
    /// Something that starts no comparison, such as `and`, a quote or a bracket.
    #[error("a subject is expected before `{}`, such as `attribute:ecs.os-type` or `task:group`", Printable(.found))]
    SubjectExpected {
        /// What stands there.
        found: Box<str>,
    },
    /// An operator before its subject.
    #[error("`{}` stands before its subject; write `attribute:NAME {}`", Printable(.operator), Printable(.operator))]
    OperatorBeforeSubject {
        /// The operator as written.
        operator: Box<str>,
    },
    /// The constraint type's name around the expression.
    #[error("`{found}(…)` is the constraint's type, not the language; write only what stands between its parentheses")]
    ConstraintWrapper {
        /// The name as written.
        found: Box<str>,
    },
    /// `attribute:` without a name.
    #[error("an attribute's name is missing after `attribute:`; no space may stand between")]
    EmptyAttributeName,
    /// A name with more than [`AttributeName::MAX_LENGTH`] characters.
    #[error("the attribute's name has {length} characters; the limit is {}", AttributeName::MAX_LENGTH)]
    AttributeNameTooLong {
        /// Its characters.
        length: usize,
    },
    /// A character that no attribute's name has.
    #[error(
        "{} cannot stand in an attribute's name; allowed are letters, digits, `-`, `_`, `/`, `\\` and `.`",
        OneCharacter(*.character)
    )]
    AttributeNameCharacter {
        /// The character.
        character: char,
    },

    /// A subject without an operator.
    #[error("an operator is missing after `{subject}`; write for example `{subject} {}`", operator_example(.subject))]
    MissingOperator {
        /// The subject.
        subject: Subject,
    },
    /// Something that is no operator.
    #[error("`{}` is not an operator; write {}", Printable(.found), OperatorHint(*.suggestion))]
    UnknownOperator {
        /// What stands there.
        found: Box<str>,
        /// What was probably meant.
        suggestion: Option<&'static str>,
    },
    /// An operator that the subject does not have.
    #[error("`{operator}` cannot be used with `{subject}`, only {}", List(.subject.operators()))]
    OperatorNotAllowed {
        /// The subject.
        subject: Subject,
        /// The operator.
        operator: Operator,
    },
    /// A word of the language that something follows, or precedes, without a space.
    #[error("`{word}` needs a space, parenthesis or bracket next to it, not {}", OneCharacter(*.character))]
    NoBoundary {
        /// The word as written.
        word: Box<str>,
        /// What touches it.
        character: char,
    },

    /// An operator without its argument.
    #[error("{} is missing after `{operator}`", argument_of(*.operator))]
    MissingArgument {
        /// The operator.
        operator: Operator,
    },
    /// An argument after `exists` or `!exists`.
    #[error("`{operator}` takes no argument; to compare the value write `==` instead of `{operator}`")]
    ArgumentNotExpected {
        /// The operator.
        operator: Operator,
    },
    /// A single value after `in` or `!in`.
    #[error("`{operator}` needs a list; write {operator} [{}]", Printable(.found))]
    ListExpected {
        /// The operator.
        operator: Operator,
        /// What stands there.
        found: Box<str>,
    },
    /// A list after an operator that takes a single value.
    #[error("`{operator}` takes a single value, not a list{}", list_hint(*.operator))]
    ListNotExpected {
        /// The operator.
        operator: Operator,
    },
    /// `[]`.
    #[error("the list is empty; write at least one value between the brackets")]
    EmptyList,
    /// A comma with no value on one side.
    #[error("no value stands on one side of this comma; remove the comma or add a value")]
    CommaWithoutValue,
    /// Two values of a list without a comma between them.
    #[error("a comma is missing before `{}`; a value with a space in it must be quoted", Printable(.found))]
    MissingComma {
        /// What stands there.
        found: Box<str>,
    },
    /// `[` without `]`.
    #[error("the list is not closed; add `]`")]
    ListNotClosed,
    /// A quote that has no partner.
    #[error("the quote is not closed; add {quote} at the end of the value")]
    QuoteNotClosed {
        /// The quote.
        quote: char,
    },
    /// A character that a value without quotes cannot have here.
    #[error("{} cannot stand here in a value without quotes; quote the value", OneCharacter(*.character))]
    ValueCharacter {
        /// The character.
        character: char,
    },
    /// A parenthesis in or around a value.
    #[error("a value without quotes has no parentheses, and none around it; remove them, or quote the value")]
    ParenthesisInValue,
    /// A parenthesis in a pattern without quotes.
    #[error("a pattern without quotes has no parentheses; quote it, as in =~ '(t2|t3).*'")]
    ParenthesisInPattern,
    /// A space in a value without quotes.
    #[error("a value with a space in it must be quoted; write {}", Quoted(.value))]
    UnquotedSpace {
        /// The value up to the end of the next word.
        value: Box<str>,
    },

    /// Two comparisons with nothing to join them.
    #[error("`and` or `or` is missing before `{}`", Printable(.found))]
    MissingJoin {
        /// What the second starts with.
        found: Box<str>,
    },
    /// `&` or `|` alone.
    #[error("`{found}` does not join expressions; write `{suggestion}`")]
    UnknownJoin {
        /// The character.
        found: char,
        /// What was probably meant.
        suggestion: &'static str,
    },
    /// `and`, `or` or `not` with nothing after it.
    #[error("an expression is missing after `{operator}`")]
    MissingOperand {
        /// The operator as written.
        operator: Box<str>,
    },
    /// Something after a complete expression.
    #[error("`{}` is not expected here; only `and`, `or` or `)` can follow", Printable(.found))]
    UnexpectedText {
        /// What stands there.
        found: Box<str>,
    },
    /// `()`.
    #[error("the parentheses are empty; write an expression between them")]
    EmptyParentheses,
    /// `(` without `)`.
    #[error("the parenthesis is not closed; add `)`")]
    ParenthesisNotClosed,
    /// `)` without `(`.
    #[error("the parenthesis closes nothing; remove it, or add `(` before")]
    ParenthesisNotOpened,

    /// An argument of `agentConnected` that is neither `true` nor `false`.
    #[error("`{}` is neither `true` nor `false`", Printable(.value))]
    NotABoolean {
        /// The argument.
        value: Box<str>,
    },
    /// An argument of `runningTasksCount` that is no integer.
    #[error("`{}` is not an integer; write digits only, such as `5`", Printable(.value))]
    NotAnInteger {
        /// The argument.
        value: Box<str>,
    },
    /// An integer that no count can be compared with.
    #[error("`{value}` is out of range; the limits are {} and {}", i64::MIN, i64::MAX)]
    IntegerOutOfRange {
        /// The argument.
        value: Box<str>,
    },
    /// An argument of an ordering on `agentVersion` that is no version.
    #[error("`{}` is not a version; write integers between dots, such as `1.14.5`", Printable(.value))]
    NotAVersion {
        /// The argument.
        value: Box<str>,
    },
    /// An argument of `registeredAt` that is no instant.
    #[error(
        "`{}` is not a time; write `2018-06-18T22:28:28+00:00`, `2018-06-18T22:28:28Z`, `2018-06-18T22:28:28` or \
         `2018-06-18`, from year 0 to 9999",
        Printable(.value)
    )]
    NotATime {
        /// The argument.
        value: Box<str>,
    },
    /// The pattern is not valid, or not supported.
    #[error(transparent)]
    Pattern(#[from] PatternErrorKind),
}

/// What to write instead of an unknown subject.
struct SubjectHint<'a>(Option<&'a str>);

impl fmt::Display for SubjectHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(suggestion) => write!(f, "did you mean `{suggestion}`?"),
            None => write!(f, "the subjects are {} and `attribute:NAME`", List(&Subject::WORDS)),
        }
    }
}

/// What to write instead of an unknown operator.
struct OperatorHint(Option<&'static str>);

impl fmt::Display for OperatorHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(suggestion) => write!(f, "`{suggestion}`"),
            None => write!(f, "one of {}", List(&Operator::ALL)),
        }
    }
}

/// Items in backticks with commas between.
pub(super) struct List<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, item)| {
            let separator = if index > 0 { ", " } else { "" };
            write!(f, "{separator}`{item}`")
        })
    }
}

/// A character in backticks.
struct OneCharacter(char);

impl fmt::Display for OneCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Printable(self.0.encode_utf8(&mut [0; 4])))
    }
}

/// A value in the kind of quotes it does not contain.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') { '"' } else { '\'' };
        write!(f, "{quote}{}{quote}", Printable(self.0))
    }
}

fn operator_example(subject: &Subject) -> &'static str {
    match subject {
        Subject::AgentConnected => "== true",
        Subject::AgentVersion => ">= 1.14.5",
        Subject::Attribute(_) => "exists",
        Subject::Ec2InstanceId => "== i-0123456789abcdef0",
        Subject::RegisteredAt => "< 2018-06-18",
        Subject::RunningTasksCount => "== 0",
        Subject::TaskGroup => "== service:web",
    }
}

fn argument_of(operator: Operator) -> &'static str {
    match operator {
        Operator::In | Operator::NotIn => "a list such as `[a, b]`",
        Operator::Matches | Operator::NotMatches => "a pattern such as `t2.*`",
        _ => "a value",
    }
}

fn list_hint(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "; write `in` for one of several",
        Operator::NotEqual => "; write `!in` for none of several",
        _ => "",
    }
}
