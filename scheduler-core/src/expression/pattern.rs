//! Patterns of `=~` and `!~`: Java's regular expressions as far as they match in linear time (C-40).
//!
//! A pattern is parsed alone, checked for what Java reads differently, and only then compiled between a start and an
//! end anchor, as a tree and never as text. So one match spans the whole value, whatever the alternatives inside, and no
//! pattern can reach outside its place. `\d`, `\s` and `\w` are ASCII, as in Java.

use std::fmt;
use std::hash::{Hash, Hasher};

use regex_automata::meta::{Config, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet,
    ClassSetBinaryOpKind, ClassSetItem, ErrorKind, Literal, LiteralKind, Repetition, RepetitionKind, RepetitionOp,
    Span as AstSpan, parse,
};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Dot, Hir, HirKind, Look};

use super::syntax::Span;

/// A compiled pattern. Equality and hash go by its text; a clone shares the program.
///
/// ```
/// # use scheduler_core::expression::Pattern;
/// let pattern = Pattern::new("t2.*|m5")?;
/// assert!(pattern.is_match("t2.micro"));
/// assert!(!pattern.is_match("xt2.a"), "the whole value must match");
/// assert!(Pattern::new("a)|(b").is_err());
/// # Ok::<(), scheduler_core::expression::PatternError>(())
/// ```
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    program: Program,
}

/// What decides whether a value matches: the plainest of three that does.
#[derive(Clone)]
enum Program {
    /// The value is this text.
    Equal(Box<str>),
    /// The value starts with this text, and no newline follows it: `t2.*`, `t2\..*`.
    Prefix(Box<str>),
    /// The value is in the language of the expression.
    Regex(Regex),
}

impl Pattern {
    /// The most bytes a compiled pattern may take.
    pub const SIZE_LIMIT: usize = 1 << 20;
    /// How deep groups, classes and repetitions may nest.
    pub const NESTING_LIMIT: u32 = 100;

    /// Compiles `text`.
    ///
    /// # Errors
    /// [`PatternError`], with the place inside `text`.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let hir = translate(text, &parse_as_java(text)?)?;
        let program = match plain_program(&hir) {
            Some(program) => program,
            None => Program::Regex(compile(hir).ok_or_else(|| {
                let limit = Self::SIZE_LIMIT;
                PatternError { span: Span::new(0, text.len()), kind: PatternErrorKind::TooLarge { limit } }
            })?),
        };
        Ok(Self { text: text.into(), program })
    }

    /// The pattern as written, without the quotes around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `value` matches.
    ///
    /// Cost: linear in the length of `value`.
    pub fn is_match(&self, value: &str) -> bool {
        match &self.program {
            Program::Equal(text) => **text == *value,
            Program::Prefix(prefix) => value.strip_prefix(&**prefix).is_some_and(|rest| !rest.contains('\n')),
            Program::Regex(regex) => regex.is_match(value),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// Why a text is no pattern, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
#[non_exhaustive]
pub struct PatternError {
    /// The place, in bytes of the pattern.
    pub span: Span,
    /// The cause.
    pub kind: PatternErrorKind,
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// Legal in Java, but not here.
    #[error("the pattern uses {0}, which Java allows but is not supported here; patterns match in linear time")]
    Unsupported(UnsupportedFeature),
    /// Compiled, the pattern is larger than [`Pattern::SIZE_LIMIT`].
    #[error("the compiled pattern is larger than {limit} bytes; use smaller repetition counts")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More levels than [`Pattern::NESTING_LIMIT`].
    #[error("the pattern nests deeper than {limit} levels")]
    TooDeep {
        /// The limit in levels.
        limit: u32,
    },
    /// `*`, `+`, `?` or `{…}` with nothing before it.
    #[error("nothing stands before this repetition in the pattern; any text is `.*`, and the character itself `\\*`")]
    NothingToRepeat,
    /// A repetition of a repetition.
    #[error("this repeats a repetition; group the first one, or remove one of the two")]
    DoubleRepetition,
    /// `{…}` without a number, with two in the wrong order, or without an end.
    #[error(
        "this is no repetition count in the pattern; write `{{2}}`, `{{2,}}` or `{{2,5}}`, or `\\{{` for the character"
    )]
    RepetitionCount,
    /// `[` without its `]`.
    #[error("a character class of the pattern is not closed; add `]`, or write `\\[` for the character")]
    UnclosedClass,
    /// A range whose ends are no characters, or in the wrong order.
    #[error("this is no range of characters in the pattern; write the lower end first, or `\\-` for the character")]
    ClassRange,
    /// `(` without its `)`.
    #[error("a group of the pattern is not closed; add `)`, or write `\\(` for the character")]
    UnclosedGroup,
    /// `)` without its `(`.
    #[error("`)` closes no group of the pattern; remove it, or write `\\)` for the character")]
    UnopenedGroup,
    /// A group with a name that is empty, taken or malformed.
    #[error("the name of this group is malformed or taken; a plain group is `(…)`")]
    GroupName,
    /// `(?…)` with flags that do not exist, or twice.
    #[error("these are no flags of a pattern; the flags are `i`, `m`, `s`, `u` and `x`, as in `(?i)`")]
    Flags,
    /// A back slash before something it gives no meaning, or at the end.
    #[error("this escape is not valid in a pattern; write `\\\\` for a back slash")]
    Escape,
    /// Something else.
    #[error("the pattern is not valid here")]
    Invalid,
}

/// What Java's regular expressions have and patterns do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UnsupportedFeature {
    /// `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`.
    #[error("look-around")]
    LookAround,
    /// `\1`, `\k<name>`.
    #[error("a back reference")]
    BackReference,
    /// `a*+`, `a++`, `a?+`, `a{2}+`.
    #[error("a possessive quantifier")]
    PossessiveQuantifier,
    /// `(?>…)`.
    #[error("an atomic group")]
    AtomicGroup,
    /// `\Q…\E`.
    #[error("a quoted literal (`\\Q…\\E`)")]
    QuotedLiteral,
    /// `\p{…}`, `\P{…}`.
    #[error("a character property (`\\p{{…}}`)")]
    CharacterProperty,
    /// `[[:alpha:]]`, which Java reads as the characters between the inner brackets.
    #[error("a class in colons (`[:…:]`)")]
    ColonClass,
    /// `--` or `~~` in a class, which Java reads as characters.
    #[error("`--` or `~~` in a class")]
    ClassOperator,
    /// An escape such as `\h`, `\R` or `\G`.
    #[error("the escape `\\{0}`")]
    Escape(char),
}

fn unsupported(span: &AstSpan, feature: UnsupportedFeature) -> PatternError {
    PatternError { span: bytes(span), kind: PatternErrorKind::Unsupported(feature) }
}

fn bytes(span: &AstSpan) -> Span {
    Span::new(span.start.offset, span.end.offset)
}

/// Parses `text` and turns the tree into one that means here what the text means in Java.
fn parse_as_java(text: &str) -> Result<Ast, PatternError> {
    let mut parser = parse::ParserBuilder::new().nest_limit(Pattern::NESTING_LIMIT).build();
    let mut ast = parser.parse(text).map_err(|error| syntax_error(text, error.kind(), error.span()))?;
    adapt(&mut ast)?;
    Ok(ast)
}

fn syntax_error(text: &str, kind: &ErrorKind, at: &AstSpan) -> PatternError {
    let mut span = bytes(at);
    let letter = text[..span.end].chars().next_back().unwrap_or('\\');
    let kind = match kind {
        ErrorKind::UnsupportedLookAround => PatternErrorKind::Unsupported(UnsupportedFeature::LookAround),
        ErrorKind::UnsupportedBackreference => PatternErrorKind::Unsupported(UnsupportedFeature::BackReference),
        ErrorKind::FlagUnrecognized if letter == '>' && text[..span.start].ends_with("(?") => {
            span.start -= "(?".len();
            PatternErrorKind::Unsupported(UnsupportedFeature::AtomicGroup)
        }
        ErrorKind::EscapeUnrecognized => match letter {
            'Q' | 'E' => PatternErrorKind::Unsupported(UnsupportedFeature::QuotedLiteral),
            'k' => PatternErrorKind::Unsupported(UnsupportedFeature::BackReference),
            'c' | 'e' | 'G' | 'h' | 'H' | 'N' | 'R' | 'V' | 'X' | 'Z' => {
                PatternErrorKind::Unsupported(UnsupportedFeature::Escape(letter))
            }
            _ => PatternErrorKind::Escape,
        },
        ErrorKind::NestLimitExceeded(limit) => PatternErrorKind::TooDeep { limit: *limit },
        ErrorKind::RepetitionMissing => PatternErrorKind::NothingToRepeat,
        ErrorKind::RepetitionCountInvalid
        | ErrorKind::RepetitionCountDecimalEmpty
        | ErrorKind::RepetitionCountUnclosed
        | ErrorKind::DecimalEmpty
        | ErrorKind::DecimalInvalid => PatternErrorKind::RepetitionCount,
        ErrorKind::ClassUnclosed => PatternErrorKind::UnclosedClass,
        ErrorKind::ClassRangeInvalid | ErrorKind::ClassRangeLiteral => PatternErrorKind::ClassRange,
        ErrorKind::GroupUnclosed => PatternErrorKind::UnclosedGroup,
        ErrorKind::GroupUnopened => PatternErrorKind::UnopenedGroup,
        ErrorKind::GroupNameDuplicate { .. }
        | ErrorKind::GroupNameEmpty
        | ErrorKind::GroupNameInvalid
        | ErrorKind::GroupNameUnexpectedEof => PatternErrorKind::GroupName,
        ErrorKind::FlagDanglingNegation
        | ErrorKind::FlagDuplicate { .. }
        | ErrorKind::FlagRepeatedNegation { .. }
        | ErrorKind::FlagUnexpectedEof
        | ErrorKind::FlagUnrecognized => PatternErrorKind::Flags,
        ErrorKind::ClassEscapeInvalid
        | ErrorKind::EscapeHexEmpty
        | ErrorKind::EscapeHexInvalid
        | ErrorKind::EscapeHexInvalidDigit
        | ErrorKind::EscapeUnexpectedEof
        | ErrorKind::SpecialWordBoundaryUnclosed
        | ErrorKind::SpecialWordBoundaryUnrecognized
        | ErrorKind::SpecialWordOrRepetitionUnexpectedEof => PatternErrorKind::Escape,
        ErrorKind::UnicodeClassInvalid => PatternErrorKind::Unsupported(UnsupportedFeature::CharacterProperty),
        _ => PatternErrorKind::Invalid,
    };
    if span.start == span.end {
        span.end += text[span.end..].chars().next().map_or(0, char::len_utf8);
    }
    PatternError { span, kind }
}

/// Refuses what Java reads differently, and makes the rest mean the same.
///
/// Recursion is bounded by [`Pattern::NESTING_LIMIT`].
fn adapt(ast: &mut Ast) -> Result<(), PatternError> {
    match ast {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Literal(_) | Ast::Dot(_) => Ok(()),
        Ast::ClassUnicode(class) => Err(unsupported(&class.span, UnsupportedFeature::CharacterProperty)),
        Ast::ClassPerl(class) => {
            let kind = ClassSet::Item(ClassSetItem::Ascii(ascii(class)));
            *ast = Ast::class_bracketed(ClassBracketed { span: class.span, negated: false, kind });
            Ok(())
        }
        Ast::Assertion(assertion) => {
            // In Java `\<` and `\>` are the characters.
            let c = match assertion.kind {
                AssertionKind::WordBoundaryStartAngle => '<',
                AssertionKind::WordBoundaryEndAngle => '>',
                _ => return Ok(()),
            };
            *ast = Ast::literal(Literal { span: assertion.span, kind: LiteralKind::Superfluous, c });
            Ok(())
        }
        Ast::ClassBracketed(class) => adapt_class(&mut class.kind),
        Ast::Repetition(repetition) => adapt_repetition(repetition),
        Ast::Group(group) => adapt(&mut group.ast),
        Ast::Alternation(alternation) => alternation.asts.iter_mut().try_for_each(adapt),
        Ast::Concat(concat) => concat.asts.iter_mut().try_for_each(adapt),
    }
}

fn adapt_repetition(repetition: &mut Repetition) -> Result<(), PatternError> {
    if matches!(*repetition.ast, Ast::Repetition(_)) {
        let RepetitionOp { span, kind } = &repetition.op;
        return Err(if *kind == RepetitionKind::OneOrMore && repetition.greedy {
            unsupported(span, UnsupportedFeature::PossessiveQuantifier)
        } else {
            PatternError { span: bytes(span), kind: PatternErrorKind::DoubleRepetition }
        });
    }
    adapt(&mut repetition.ast)
}

fn adapt_class(set: &mut ClassSet) -> Result<(), PatternError> {
    match set {
        ClassSet::Item(item) => adapt_class_item(item),
        ClassSet::BinaryOp(operation) if operation.kind == ClassSetBinaryOpKind::Intersection => {
            adapt_class(&mut operation.lhs)?;
            adapt_class(&mut operation.rhs)
        }
        ClassSet::BinaryOp(operation) => Err(unsupported(&operation.span, UnsupportedFeature::ClassOperator)),
    }
}

fn adapt_class_item(item: &mut ClassSetItem) -> Result<(), PatternError> {
    match item {
        ClassSetItem::Empty(_) | ClassSetItem::Literal(_) | ClassSetItem::Range(_) => Ok(()),
        ClassSetItem::Ascii(class) => Err(unsupported(&class.span, UnsupportedFeature::ColonClass)),
        ClassSetItem::Unicode(class) => Err(unsupported(&class.span, UnsupportedFeature::CharacterProperty)),
        ClassSetItem::Perl(class) => {
            *item = ClassSetItem::Ascii(ascii(class));
            Ok(())
        }
        ClassSetItem::Bracketed(class) => adapt_class(&mut class.kind),
        ClassSetItem::Union(union) => union.items.iter_mut().try_for_each(adapt_class_item),
    }
}

/// `\d`, `\s` or `\w` as Java means them.
fn ascii(class: &ClassPerl) -> ClassAscii {
    let kind = match class.kind {
        ClassPerlKind::Digit => ClassAsciiKind::Digit,
        ClassPerlKind::Space => ClassAsciiKind::Space,
        ClassPerlKind::Word => ClassAsciiKind::Word,
    };
    ClassAscii { span: class.span, kind, negated: class.negated }
}

fn translate(text: &str, ast: &Ast) -> Result<Hir, PatternError> {
    let mut translator = TranslatorBuilder::new().utf8(true).unicode(true).build();
    // All that is left to fail is a flag such as `-u`, under which a pattern can match half a character.
    translator
        .translate(text, ast)
        .map_err(|error| PatternError { span: bytes(error.span()), kind: PatternErrorKind::Invalid })
}

/// The program of a pattern that is a text, or a text and then `.*`.
fn plain_program(hir: &Hir) -> Option<Program> {
    let literal = |hir: &Hir| match hir.kind() {
        HirKind::Literal(literal) => str::from_utf8(&literal.0).ok().map(Box::from),
        _ => None,
    };
    match hir.kind() {
        HirKind::Concat(parts) => {
            let [start, rest] = &parts[..] else { return None };
            is_any_text(rest).then(|| literal(start).map(Program::Prefix)).flatten()
        }
        _ if is_any_text(hir) => Some(Program::Prefix("".into())),
        _ => literal(hir).map(Program::Equal),
    }
}

/// Whether `hir` is `.*`.
fn is_any_text(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            (repetition.min, repetition.max) == (0, None) && *repetition.sub == Hir::dot(Dot::AnyCharExceptLF)
        }
        _ => false,
    }
}

/// Compiles `hir` so that a match spans the whole value; `None` if the program is too large.
fn compile(hir: Hir) -> Option<Regex> {
    let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
    let config =
        Config::new().nfa_size_limit(Some(Pattern::SIZE_LIMIT)).which_captures(WhichCaptures::None).utf8_empty(true);
    Regex::builder().configure(config).build_from_hir(&whole).ok()
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
