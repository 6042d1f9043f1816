//! The parser's arguments: values, lists and patterns, and what each subject makes of them.

use std::num::IntErrorKind;

use super::error::{ParseError, ParseErrorKind};
use super::lint;
use super::parser::{Last, Parsed, Parser};
use super::pattern::Pattern;
use super::syntax::{
    Argument, Operator, Span, Subject, bare_length, is_pattern_character, is_value_character, is_value_start,
};
use super::value::{Version, parse_instant};

/// A value or pattern as it stands in the text.
struct Written<'t> {
    /// Without quotes.
    text: &'t str,
    /// Where `text` stands.
    text_span: Span,
    /// With quotes.
    span: Span,
}

impl<'t> Parser<'t> {
    /// `cmp_op , value`
    pub(super) fn value(&mut self, subject: &Subject, operator: Operator) -> Parsed<(Argument, Span)> {
        let written = match self.cursor.skip_space() {
            Some('[') => return Err(self.error_here(ParseErrorKind::ListNotExpected { operator })),
            Some('(') => return Err(self.error_here(ParseErrorKind::ParenthesisInValue)),
            _ => self.written_value(operator)?,
        };
        let argument =
            read(subject, operator, written.text).map_err(|kind| ParseError::new(written.text_span, kind))?;
        self.remark_if(written.text_span, || lint::known_value(subject, operator, written.text));
        Ok((argument, written.span))
    }

    /// `value = quoted | bare`
    fn written_value(&mut self, operator: Operator) -> Parsed<Written<'t>> {
        match self.cursor.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            Some(character) if is_value_start(character) => {
                let length = bare_length(self.cursor.rest(), is_value_character);
                if length == 0 {
                    return Err(self.missing_argument(operator));
                }
                let span = self.cursor.take(length);
                self.last = Last::BareValue(span);
                Ok(self.bare(span))
            }
            Some(character @ ('=' | '!' | '<' | '>' | '~' | '[')) => {
                Err(self.error_here(ParseErrorKind::ValueCharacter { character }))
            }
            Some(character @ ('&' | '|')) if !["&&", "||"].contains(&self.cursor.token()) => {
                Err(self.error_here(ParseErrorKind::ValueCharacter { character }))
            }
            Some(character) if character.is_whitespace() => {
                Err(self.error_here(ParseErrorKind::InvisibleSpace { character }))
            }
            _ => Err(self.missing_argument(operator)),
        }
    }

    /// `quoted = "'" , { any except "'" } , "'" | '"' , { any except '"' } , '"'`
    fn quoted(&mut self, quote: char) -> Parsed<Written<'t>> {
        let open = self.cursor.take(quote.len_utf8());
        let length = self
            .cursor
            .rest()
            .find(quote)
            .ok_or_else(|| ParseError::new(open, ParseErrorKind::QuoteNotClosed { quote }))?;
        let text_span = self.cursor.take(length);
        let close = self.cursor.take(quote.len_utf8());
        self.last = Last::Closed;
        Ok(Written { text: self.cursor.slice(text_span), text_span, span: Span::new(open.start, close.end) })
    }

    fn bare(&self, span: Span) -> Written<'t> {
        Written { text: self.cursor.slice(span), text_span: span, span }
    }

    fn missing_argument(&self, operator: Operator) -> ParseError {
        let kind = ParseErrorKind::MissingArgument { operator };
        match self.cursor.peek() {
            None => ParseError::new(self.cursor.end(), kind),
            Some(_) => self.error_here(kind),
        }
    }

    /// `match_op , pattern`
    pub(super) fn pattern(&mut self, operator: Operator) -> Parsed<(Argument, Span)> {
        let written = match self.cursor.skip_space() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
            Some('(') => return Err(self.error_here(ParseErrorKind::ParenthesisInPattern)),
            Some(character) if character.is_whitespace() => {
                return Err(self.error_here(ParseErrorKind::InvisibleSpace { character }));
            }
            _ => {
                let length = bare_length(self.cursor.rest(), is_pattern_character);
                if length == 0 {
                    return Err(self.missing_argument(operator));
                }
                let span = self.cursor.take(length);
                if self.cursor.rest().starts_with('(') {
                    return Err(self.error_here(ParseErrorKind::ParenthesisInPattern));
                }
                self.last = Last::BarePattern(span);
                self.bare(span)
            }
        };
        let Written { text, text_span, span } = written;
        let pattern = Pattern::new(text).map_err(|error| {
            let place = Span::new(text_span.start + error.span.start, text_span.start + error.span.end);
            ParseError::new(place, error.kind.into())
        })?;
        self.remark_if(text_span, || lint::pattern(pattern.text(), operator));
        Ok((Argument::Pattern(pattern), span))
    }

    /// `list = "[" , value , { "," , value } , "]"`
    pub(super) fn list(&mut self, subject: &Subject, operator: Operator) -> Parsed<(Argument, Span)> {
        let open = self.open_list(operator)?;
        let mut values: Vec<Box<str>> = Vec::new();
        let mut comma = None;
        loop {
            match (self.cursor.skip_space(), comma) {
                (Some(']'), None) => {
                    let span = Span::new(open.start, self.cursor.at() + 1);
                    return Err(ParseError::new(span, ParseErrorKind::EmptyList));
                }
                (Some(']' | ','), Some(comma)) => {
                    return Err(ParseError::new(comma, ParseErrorKind::CommaWithoutValue));
                }
                (Some(','), None) => return Err(self.error_here(ParseErrorKind::CommaWithoutValue)),
                (Some('('), _) => return Err(self.error_here(ParseErrorKind::ParenthesisInValue)),
                (None | Some(')'), _) => return Err(ParseError::new(open, ParseErrorKind::ListNotClosed)),
                (Some(_), _) => {}
            }
            let Written { text, text_span, .. } = self.written_value(operator)?;
            // A list holds what `==` takes.
            read(subject, Operator::Equal, text).map_err(|kind| ParseError::new(text_span, kind))?;
            self.remark_if(text_span, || lint::known_value(subject, operator, text));
            self.remark_if(text_span, || lint::duplicate(&values, text));
            values.push(text.into());
            let end = self.cursor.at();
            self.cursor.skip_space();
            if let Some(close) = self.cursor.take_if("]") {
                self.last = Last::Closed;
                return Ok((Argument::List(values), Span::new(open.start, close.end)));
            }
            comma = Some(self.cursor.take_if(",").ok_or_else(|| self.no_comma(open, end))?);
        }
    }

    fn open_list(&mut self, operator: Operator) -> Parsed<Span> {
        match self.cursor.skip_space() {
            Some('[') => Ok(self.cursor.take("[".len())),
            Some('(') => {
                let kind = ParseErrorKind::ListExpected { operator, found: "a, b".into() };
                Err(self.error_here(kind))
            }
            Some(_) => {
                let Written { text, span, .. } = self.written_value(operator)?;
                Err(ParseError::new(span, ParseErrorKind::ListExpected { operator, found: text.into() }))
            }
            None => Err(self.missing_argument(operator)),
        }
    }

    /// Why what stands here cannot follow a value of a list that ended at `end`.
    fn no_comma(&self, open: Span, end: usize) -> ParseError {
        let is_adjacent = matches!(self.last, Last::BareValue(_)) && self.cursor.at() == end;
        let found = self.cursor.token().into();
        match self.cursor.peek() {
            None | Some(')') => ParseError::new(open, ParseErrorKind::ListNotClosed),
            Some('(') if is_adjacent => self.error_here(ParseErrorKind::ParenthesisInValue),
            Some(character @ ('[' | '\'' | '"')) if is_adjacent => {
                self.error_here(ParseErrorKind::ValueCharacter { character })
            }
            Some(character) if character.is_whitespace() => {
                self.error_here(ParseErrorKind::InvisibleSpace { character })
            }
            Some(_) => self.error_here(ParseErrorKind::MissingComma { found }),
        }
    }
}

/// What `subject` makes of a value.
fn read(subject: &Subject, operator: Operator, text: &str) -> Result<Argument, ParseErrorKind> {
    match subject {
        Subject::AgentConnected if !matches!(text, "true" | "false") => {
            Err(ParseErrorKind::NotABoolean { value: text.into() })
        }
        Subject::AgentVersion if operator.is_ordering() => Version::parse(text)
            .map(Argument::Version)
            .ok_or_else(|| ParseErrorKind::NotAVersion { value: text.into() }),
        Subject::RegisteredAt => {
            parse_instant(text).map(Argument::InstantMs).ok_or_else(|| ParseErrorKind::NotATime { value: text.into() })
        }
        Subject::RunningTasksCount => read_count(text).map(Argument::Count),
        Subject::AgentConnected
        | Subject::AgentVersion
        | Subject::Attribute(_)
        | Subject::Ec2InstanceId
        | Subject::TaskGroup => Ok(Argument::Text(text.into())),
    }
}

/// Reads `[+-]?[0-9]+`.
fn read_count(text: &str) -> Result<i64, ParseErrorKind> {
    text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => {
            ParseErrorKind::IntegerOutOfRange { value: text.into() }
        }
        _ => ParseErrorKind::NotAnInteger { value: text.into() },
    })
}
