//! From text to tree: the grammar of the language, by recursive descent.
//!
//! One method a rule. Depth is bounded by [`MAX_NESTING`], so neither this nor what walks the tree overflows a stack.

use super::Expression;
use super::error::{ParseError, ParseErrorKind};
use super::lexer::{Cursor, is_space};
use super::lint::{self, Lint, LintKind};
use super::suggest;
use super::syntax::{Argument, Comparison, Node, Operator, Span, Subject};
use crate::model::attribute::AttributeName;

/// How deep parentheses and `not` may nest; `not(` is one level.
pub(super) const MAX_NESTING: u32 = 128;

pub(super) type Parsed<T> = Result<T, ParseError>;

/// Parses `text` into a tree.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    Parser::new(text, None).expression()
}

/// What is worth a remark in a text that parses; nothing for any other.
pub(super) fn lints(text: &str) -> Vec<Lint> {
    let mut parser = Parser::new(text, Some(Vec::new()));
    let mut lints = match parser.expression() {
        Ok(_) => parser.lints.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    lints.sort_by_key(|lint| lint.span);
    lints
}

pub(super) struct Parser<'t> {
    pub(super) cursor: Cursor<'t>,
    nesting: u32,
    /// The operator whose operand comes next.
    awaiting: Option<Span>,
    /// What precedes the place where `and` or `or` may stand.
    pub(super) last: Last,
    /// Remarks so far, if they are asked for.
    lints: Option<Vec<Lint>>,
}

/// What an operand ended with: tells a missing `and` from a value that should have been quoted.
#[derive(Clone, Copy)]
pub(super) enum Last {
    Parenthesis,
    Existence(Operator),
    BareValue(Span),
    BarePattern(Span),
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, lints: Option<Vec<Lint>>) -> Self {
        Self { cursor: Cursor::new(text), nesting: 0, awaiting: None, last: Last::Closed, lints }
    }

    /// `expression = or_expr , END`
    fn expression(&mut self) -> Parsed<Node> {
        self.check_length()?;
        if self.cursor.skip_space().is_none() {
            return Err(ParseError::new(Span::at(0), ParseErrorKind::Empty));
        }
        let (node, _) = self.or_expression()?;
        // Whatever cannot follow an operand has been refused, but for this.
        match self.cursor.skip_space() {
            None => Ok(node),
            Some(_) => Err(self.error_here(ParseErrorKind::ParenthesisNotOpened)),
        }
    }

    fn check_length(&self) -> Parsed<()> {
        let text = self.cursor.rest();
        match text.char_indices().nth(Expression::MAX_CHARACTERS) {
            None => Ok(()),
            Some((start, _)) => {
                let kind = ParseErrorKind::TooLong { characters: text.chars().count() };
                Err(ParseError::new(Span::new(start, text.len()), kind))
            }
        }
    }

    /// `or_expr = and_expr , { or_op , and_expr }`, `and_expr = unary , { and_op , unary }`
    ///
    /// Both in one loop, for that halves the stack that a level of nesting takes.
    fn or_expression(&mut self) -> Parsed<(Node, Span)> {
        let (mut alternatives, mut conjuncts) = (Vec::new(), Vec::new());
        let mut has_and = false;
        let mut start = None;
        loop {
            let (operand, span) = self.unary()?;
            conjuncts.push(operand);
            let start = *start.get_or_insert(span.start);
            let join = self.take_join()?;
            if join != Some(Join::And) {
                has_and |= conjuncts.len() > 1;
                alternatives.push(all_of(std::mem::take(&mut conjuncts)));
            }
            if join.is_none() {
                let span = Span::new(start, span.end);
                if has_and && alternatives.len() > 1 {
                    self.remark(span, || LintKind::MixedJoins);
                }
                return Ok((any_of(alternatives), span));
            }
        }
    }

    /// `unary = not_op , unary | primary`
    fn unary(&mut self) -> Parsed<(Node, Span)> {
        let mut nots = Vec::new();
        self.cursor.skip_space();
        while let Some(not) = self.take_not()? {
            self.descend(not)?;
            self.awaiting = Some(not);
            nots.push(not.start);
            self.cursor.skip_space();
        }
        let (operand, operand_span) = if self.cursor.peek() != Some('(') {
            self.comparison()?
        } else if nots.is_empty() {
            self.descend(self.cursor.token_span())?;
            let group = self.group()?;
            self.nesting -= 1;
            group
        } else {
            // `not(` is one level, so that the canonical text nests no deeper than any other.
            self.group()?
        };
        self.nesting -= u32::try_from(nots.len()).unwrap_or(MAX_NESTING);
        let start = nots.first().copied().unwrap_or(operand_span.start);
        let node = nots.iter().fold(operand, |operand, _| Node::Not(Box::new(operand)));
        Ok((node, Span::new(start, operand_span.end)))
    }

    /// `not_op = "not" | "!"`; `!=`, `!~`, `!in` and `!exists` are other operators.
    fn take_not(&mut self) -> Parsed<Option<Span>> {
        let word = self.cursor.word();
        if word.eq_ignore_ascii_case("not") {
            let span = self.cursor.take_word(word.len())?;
            self.remark_case(span, "not");
            return Ok(Some(span));
        }
        let rest = self.cursor.rest();
        let is_other = self.negated_word().is_some() || rest.starts_with("!=") || rest.starts_with("!~");
        Ok(if is_other { None } else { self.cursor.take_if("!") })
    }

    /// `!in` or `!exists`, if that stands here, and its length.
    fn negated_word(&self) -> Option<(Operator, usize)> {
        let mut after = self.cursor;
        after.take_if("!")?;
        let word = after.word();
        let operator = match Operator::from_word(word)? {
            Operator::In => Operator::NotIn,
            Operator::Exists => Operator::NotExists,
            _ => return None,
        };
        Some((operator, "!".len() + word.len()))
    }

    fn missing_operand(&self, operator: Span) -> ParseErrorKind {
        ParseErrorKind::MissingOperand { operator: self.cursor.slice(operator).into() }
    }

    /// `"(" , or_expr , ")"`
    fn group(&mut self) -> Parsed<(Node, Span)> {
        let open = self.cursor.take("(".len());
        self.awaiting = None;
        match self.cursor.skip_space() {
            None => return Err(ParseError::new(open, ParseErrorKind::ParenthesisNotClosed)),
            Some(')') => {
                let span = Span::new(open.start, self.cursor.at() + 1);
                return Err(ParseError::new(span, ParseErrorKind::EmptyParentheses));
            }
            Some(_) => {}
        }
        let (node, _) = self.or_expression()?;
        self.cursor.skip_space();
        let close =
            self.cursor.take_if(")").ok_or_else(|| ParseError::new(open, ParseErrorKind::ParenthesisNotClosed))?;
        self.last = Last::Parenthesis;
        Ok((node, Span::new(open.start, close.end)))
    }

    fn descend(&mut self, opening: Span) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(ParseError::new(opening, ParseErrorKind::TooDeep));
        }
        Ok(())
    }

    /// Takes `and_op` or `or_op`, if that comes next; `None` before `)` and the end.
    fn take_join(&mut self) -> Parsed<Option<Join>> {
        let end = self.cursor.at();
        let previous = self.cursor.previous();
        match self.cursor.skip_space() {
            None | Some(')') => return Ok(None),
            Some(_) => {}
        }
        let token = self.cursor.token();
        let (join, canonical) = match token {
            "&&" => (Join::And, None),
            "||" => (Join::Or, None),
            _ if token.eq_ignore_ascii_case("and") => (Join::And, Some("and")),
            _ if token.eq_ignore_ascii_case("or") => (Join::Or, Some("or")),
            _ => return Err(self.trailing_error(end)),
        };
        let is_adjacent = self.cursor.at() == end;
        let span =
            if canonical.is_some() { self.cursor.take_word(token.len())? } else { self.cursor.take(token.len()) };
        if let (Some(canonical), Some(character)) = (canonical, previous) {
            if is_adjacent && matches!(character, '\'' | '"') {
                return Err(ParseError::new(span, ParseErrorKind::NoBoundary { word: token.into(), character }));
            }
            self.remark_case(span, canonical);
        }
        self.awaiting = Some(span);
        Ok(Some(join))
    }

    /// Why what stands here, after the operand that ended at `end`, cannot follow it.
    fn trailing_error(&self, end: usize) -> ParseError {
        let found: Box<str> = self.cursor.token().into();
        let character = self.cursor.peek().unwrap_or_default();
        let is_adjacent = self.cursor.at() == end;
        let starts_comparison = self.starts_operand();
        let kind = match (self.last, character) {
            _ if character.is_whitespace() => ParseErrorKind::InvisibleSpace { character },
            (Last::BareValue(_), '(') if is_adjacent => ParseErrorKind::ParenthesisInValue,
            (Last::BarePattern(_), '(') if is_adjacent => ParseErrorKind::ParenthesisInPattern,
            (Last::BareValue(_), '[' | ']' | ',' | '\'' | '"') if is_adjacent => {
                ParseErrorKind::ValueCharacter { character }
            }
            (_, '&') => ParseErrorKind::UnknownJoin { found: character, suggestion: "&&" },
            (_, '|') => ParseErrorKind::UnknownJoin { found: character, suggestion: "||" },
            _ if starts_comparison => ParseErrorKind::MissingJoin { found },
            (Last::Existence(operator), _) => ParseErrorKind::ArgumentNotExpected { operator },
            (Last::BareValue(value) | Last::BarePattern(value), _) if !self.cursor.word().is_empty() => {
                let value = Span::new(value.start, self.cursor.token_span().end);
                ParseErrorKind::UnquotedSpace { value: self.cursor.slice(value).into() }
            }
            _ => ParseErrorKind::UnexpectedText { found },
        };
        self.error_here(kind)
    }

    /// Whether an operand, not the rest of a value, starts here.
    fn starts_operand(&self) -> bool {
        let word = self.cursor.word();
        word.eq_ignore_ascii_case("not")
            || word.starts_with(Subject::ATTRIBUTE_PREFIX)
            || Subject::from_word(word).is_some()
            || self.cursor.rest().starts_with('(')
            || (self.cursor.rest().starts_with('!') && self.cursor.symbols() == "!")
    }

    /// `comparison = subject , operator , argument`
    fn comparison(&mut self) -> Parsed<(Node, Span)> {
        match (self.cursor.peek(), self.awaiting) {
            (None, Some(operator)) => return Err(ParseError::new(self.cursor.end(), self.missing_operand(operator))),
            (Some(')'), Some(operator)) => return Err(self.error_here(self.missing_operand(operator))),
            (Some(')'), None) => return Err(self.error_here(ParseErrorKind::ParenthesisNotOpened)),
            _ => {}
        }
        let (subject, subject_span) = self.subject()?;
        let (operator, operator_span) = self.operator(&subject, subject_span)?;
        if !subject.operators().contains(&operator) {
            return Err(ParseError::new(operator_span, ParseErrorKind::OperatorNotAllowed { subject, operator }));
        }
        let (argument, argument_span) = match operator {
            Operator::Exists | Operator::NotExists => {
                self.last = Last::Existence(operator);
                (Argument::None, operator_span)
            }
            Operator::In | Operator::NotIn => self.list(&subject, operator)?,
            Operator::Matches | Operator::NotMatches => self.pattern(operator)?,
            _ => self.value(&subject, operator)?,
        };
        self.awaiting = None;
        let span = Span::new(subject_span.start, argument_span.end);
        Ok((Node::Comparison(Comparison { subject, operator, argument, span }), span))
    }

    fn subject(&mut self) -> Parsed<(Subject, Span)> {
        let word = self.cursor.word();
        if let Some(name) = word.strip_prefix(Subject::ATTRIBUTE_PREFIX) {
            return self.attribute(word, name);
        }
        match Subject::from_word(word) {
            Some(subject) => Ok((subject, self.cursor.take(word.len()))),
            None => Err(self.no_subject()),
        }
    }

    fn attribute(&mut self, word: &str, name: &str) -> Parsed<(Subject, Span)> {
        let name_start = self.cursor.at() + Subject::ATTRIBUTE_PREFIX.len();
        let bad = name.char_indices().find(|&(_, character)| !AttributeName::may_contain(character));
        let error = |start: usize, length: usize, kind| {
            let start = name_start + start;
            Err(ParseError::new(Span::new(start, start + length), kind))
        };
        match (bad, AttributeName::new(name)) {
            (Some((index, character)), _) => {
                error(index, character.len_utf8(), ParseErrorKind::AttributeNameCharacter { character })
            }
            (None, Ok(name)) => {
                let span = self.cursor.take(word.len());
                if self.lints.is_some() {
                    let near = suggest::built_in_attribute(name.as_str());
                    if let Some(suggestion) = near {
                        let name_span = Span::new(name_start, span.end);
                        self.remark(name_span, || LintKind::NearBuiltInName { name: name.clone(), suggestion });
                    }
                }
                Ok((Subject::Attribute(name), span))
            }
            (None, Err(_)) if name.is_empty() => error(0, 0, ParseErrorKind::EmptyAttributeName),
            (None, Err(_)) => error(0, name.len(), ParseErrorKind::AttributeNameTooLong { length: name.len() }),
        }
    }

    /// Why no subject starts here.
    fn no_subject(&self) -> ParseError {
        let word = self.cursor.word();
        let found: Box<str> = self.cursor.token().into();
        let mut after = self.cursor;
        after.take(word.len());
        let next = after.skip_space();
        if let Some((_, length)) = self.negated_word() {
            let span = Span::new(self.cursor.at(), self.cursor.at() + length);
            let operator = self.cursor.slice(span).into();
            return ParseError::new(span, ParseErrorKind::OperatorBeforeSubject { operator });
        }
        let is_constraint = ["memberOf", "distinctInstance"].iter().any(|name| name.eq_ignore_ascii_case(word));
        let kind = if word.is_empty() {
            match self.cursor.peek() {
                Some(character) if character.is_whitespace() => ParseErrorKind::InvisibleSpace { character },
                _ if !self.cursor.symbols().is_empty() => ParseErrorKind::OperatorBeforeSubject { operator: found },
                _ => ParseErrorKind::SubjectExpected { found },
            }
        } else if is_constraint && next == Some('(') {
            ParseErrorKind::ConstraintWrapper { found }
        } else if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") {
            ParseErrorKind::SubjectExpected { found }
        } else if Operator::from_word(word).is_some() {
            ParseErrorKind::OperatorBeforeSubject { operator: found }
        } else {
            let is_before_operator = !after.symbols().is_empty() || Operator::from_word(after.word()).is_some();
            ParseErrorKind::UnknownSubject { found, suggestion: suggest::subject(word, is_before_operator) }
        };
        self.error_here(kind)
    }

    fn operator(&mut self, subject: &Subject, subject_span: Span) -> Parsed<(Operator, Span)> {
        let missing = || {
            let kind = ParseErrorKind::MissingOperator { subject: subject.clone() };
            ParseError::new(Span::at(subject_span.end), kind)
        };
        if let Some(character) = self.cursor.skip_space().filter(|it| it.is_whitespace() && !is_space(*it)) {
            return Err(self.error_here(ParseErrorKind::InvisibleSpace { character }));
        }
        let (symbols, word) = (self.cursor.symbols(), self.cursor.word());
        if let Some((operator, length)) = self.negated_word() {
            let span = self.cursor.take_word(length)?;
            self.remark_case(span, operator.symbol());
            return Ok((operator, span));
        }
        if let Some(operator) = symbol_operator(symbols) {
            return Ok((operator, self.cursor.take(operator.symbol().len())));
        }
        if let Some(operator) = Operator::from_word(word) {
            let span = self.cursor.take_word(word.len())?;
            self.remark_case(span, operator.word());
            return Ok((operator, span));
        }
        let is_join = word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or");
        let is_operand = self.starts_operand() && symbols.is_empty() && !word.eq_ignore_ascii_case("not");
        if symbols.is_empty() && (word.is_empty() || is_join || is_operand) {
            return Err(missing());
        }
        Err(self.unknown_operator())
    }

    fn unknown_operator(&self) -> ParseError {
        let span = self.cursor.token_span();
        let token = self.cursor.slice(span);
        let mut after = self.cursor;
        after.take(token.len());
        after.skip_space();
        // `not in` and `! in` are meant as one operator.
        let pair = format!("{token} {}", after.word());
        let is_pair = matches!(&*token.to_ascii_lowercase(), "not" | "!" | "is");
        let (found, span, suggestion) = match suggest::operator(&pair) {
            Some(suggestion) if is_pair => {
                (&*pair, Span::new(span.start, after.at() + after.word().len()), Some(suggestion))
            }
            _ => (token, span, suggest::operator(token)),
        };
        ParseError::new(span, ParseErrorKind::UnknownOperator { found: found.into(), suggestion })
    }

    pub(super) fn error_here(&self, kind: ParseErrorKind) -> ParseError {
        ParseError::new(self.cursor.token_span(), kind)
    }

    /// Notes a lint, if lints are asked for.
    pub(super) fn remark(&mut self, span: Span, kind: impl FnOnce() -> LintKind) {
        if let Some(lints) = &mut self.lints {
            lints.push(Lint { span, kind: kind() });
        }
    }

    /// Notes what `find` finds, if lints are asked for.
    pub(super) fn remark_if(&mut self, span: Span, find: impl FnOnce() -> Option<LintKind>) {
        if let Some(lints) = &mut self.lints {
            lints.extend(find().map(|kind| Lint { span, kind }));
        }
    }

    fn remark_case(&mut self, span: Span, canonical: &'static str) {
        let written = self.cursor.slice(span);
        self.remark_if(span, || lint::keyword_case(written, canonical));
    }
}

/// One node that is true if all `nodes` are.
fn all_of(nodes: Vec<Node>) -> Node {
    join(nodes, Node::And, |node| match node {
        Node::And(inner) => Ok(inner),
        other => Err(other),
    })
}

/// One node that is true if one of `nodes` is.
fn any_of(nodes: Vec<Node>) -> Node {
    join(nodes, Node::Or, |node| match node {
        Node::Or(inner) => Ok(inner),
        other => Err(other),
    })
}

/// Joins nodes into one, and those of its own kind with it.
fn join(mut nodes: Vec<Node>, kind: fn(Vec<Node>) -> Node, flatten: fn(Node) -> Result<Vec<Node>, Node>) -> Node {
    if nodes.len() == 1 {
        return nodes.remove(0);
    }
    let mut operands = Vec::with_capacity(nodes.len());
    for node in nodes {
        match flatten(node) {
            Ok(inner) => operands.extend(inner),
            Err(other) => operands.push(other),
        }
    }
    kind(operands)
}

/// The operator that a run of symbols is, or, for a pattern follows at once, starts with.
fn symbol_operator(symbols: &str) -> Option<Operator> {
    [Operator::Matches, Operator::NotMatches]
        .into_iter()
        .find(|operator| symbols.starts_with(operator.symbol()))
        .or_else(|| Operator::ALL.into_iter().find(|operator| operator.symbol() == symbols))
}
