//! Where tokens begin and end. What a token means depends on its place, so the parser asks for the kind it expects.

use super::error::{ParseError, ParseErrorKind};
use super::syntax::Span;

/// A place in a text. Looking changes nothing; taking moves on.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn slice(&self, span: Span) -> &'t str {
        &self.text[span.start..span.end]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn previous(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// Moves on by `length` bytes, and returns their span.
    pub(super) fn take(&mut self, length: usize) -> Span {
        let start = self.at;
        self.at += length;
        debug_assert!(self.text.is_char_boundary(self.at), "tokens end between characters");
        Span::new(start, self.at)
    }

    pub(super) fn take_if(&mut self, token: &str) -> Option<Span> {
        self.rest().starts_with(token).then(|| self.take(token.len()))
    }

    /// Moves on to the next token or the end.
    pub(super) fn skip_space(&mut self) -> Option<char> {
        self.at = self.text.len() - self.rest().trim_start_matches(is_space).len();
        self.peek()
    }

    /// The place after the last token, for an error at the end of the text.
    pub(super) fn end(&self) -> Span {
        Span::at(self.text.trim_end_matches(is_space).len())
    }

    /// The word that starts here: everything up to a space, bracket, comma, quote or symbol. May be empty.
    pub(super) fn word(&self) -> &'t str {
        let rest = self.rest();
        let is_end = |character: char| {
            character.is_whitespace()
                || matches!(character, '(' | ')' | '[' | ']' | ',' | '\'' | '"' | '&' | '|')
                || is_symbol(character)
        };
        &rest[..rest.find(is_end).unwrap_or(rest.len())]
    }

    /// The run of symbols that starts here. May be empty.
    pub(super) fn symbols(&self) -> &'t str {
        let rest = self.rest();
        &rest[..rest.find(|character| !is_symbol(character)).unwrap_or(rest.len())]
    }

    /// The token that starts here, as errors name it: a word, a run of symbols, `&&`, `||` or one character.
    pub(super) fn token(&self) -> &'t str {
        let rest = self.rest();
        let one_character = || &rest[..self.peek().map_or(0, char::len_utf8)];
        [self.word(), self.symbols()]
            .into_iter()
            .find(|token| !token.is_empty())
            .or_else(|| (rest.starts_with("&&") || rest.starts_with("||")).then(|| &rest[..2]))
            .unwrap_or_else(one_character)
    }

    /// The span of [`token`](Self::token).
    pub(super) fn token_span(&self) -> Span {
        Span::new(self.at, self.at + self.token().len())
    }

    /// Takes a word of the language, which must end at a space, parenthesis, bracket or the end.
    pub(super) fn take_word(&mut self, length: usize) -> Result<Span, ParseError> {
        let span = self.take(length);
        match self.peek() {
            Some(character) if !is_space(character) && !matches!(character, '(' | ')' | '[' | ']') => {
                let place = Span::new(self.at, self.at + character.len_utf8());
                let word = self.slice(span).into();
                Err(ParseError::new(place, ParseErrorKind::NoBoundary { word, character }))
            }
            _ => Ok(span),
        }
    }
}

/// Whether `character` separates tokens.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

fn is_symbol(character: char) -> bool {
    matches!(character, '=' | '!' | '<' | '>' | '~')
}
