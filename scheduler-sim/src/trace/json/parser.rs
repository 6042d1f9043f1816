//! Goes through JSON text: to read it, to walk along it, or to skip over it.

use std::borrow::Cow;

use super::{DuplicateKey, Kind, MAX_DEPTH, Member, Problem, Span, SyntaxError, Value};

/// Reads values from a text.
pub(in crate::trace) struct Parser<'a> {
    pub(super) text: &'a str,
    /// Where the next byte is read.
    pub(in crate::trace) at: usize,
    depth: usize,
    /// The keys found to be there twice so far.
    pub(in crate::trace) duplicates: Vec<DuplicateKey>,
}

impl<'a> Parser<'a> {
    /// A parser that starts at a byte of the text, which lies inside `depth` lists and objects already.
    pub(in crate::trace) fn new(text: &'a str, at: usize, depth: usize) -> Self {
        Self { text, at, depth, duplicates: Vec::new() }
    }

    /// The value at this place; what follows it is left.
    pub(in crate::trace) fn value(&mut self) -> Result<Value<'a>, SyntaxError> {
        self.skip_space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object()?,
            Some(b'[') => self.list()?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Kind::Number(self.number()?),
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return Err(self.expected("a JSON value")),
        };
        Ok(Value { span: start..self.at, kind })
    }

    /// Nothing but white space may be left.
    pub(in crate::trace) fn end(&mut self) -> Result<(), SyntaxError> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error(Problem::Trailing)) }
    }

    /// Goes through the members of the object that starts here, one by one: `each` is called where a value starts, and
    /// must leave the parser behind it.
    pub(in crate::trace) fn walk_object<E: From<SyntaxError>>(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{', "an object `{…}`")?;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.close();
            return Ok(());
        }
        loop {
            self.skip_space();
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected_in("a key in double quotes", "an object").into());
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.expected_in("`:` after the key", "an object").into());
            }
            self.at += 1;
            self.skip_space();
            each(self, key, key_at)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.close();
                    return Ok(());
                }
                _ => return Err(self.expected_in("`,` or `}`", "an object").into()),
            }
        }
    }

    /// Goes through the elements of the list that starts here, as [`walk_object`](Self::walk_object) does.
    pub(in crate::trace) fn walk_list<E: From<SyntaxError>>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[', "a list `[…]`")?;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.close();
            return Ok(());
        }
        loop {
            self.skip_space();
            each(self)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.close();
                    return Ok(());
                }
                _ => return Err(self.expected_in("`,` or `]`", "a list").into()),
            }
        }
    }

    /// Skips the value at this place and gives its span. It looks at brackets and quotes alone: of a value skipped it
    /// is not known whether it is JSON.
    pub(in crate::trace) fn skip(&mut self) -> Result<Span, SyntaxError> {
        self.skip_space();
        let start = self.at;
        let outside = self.depth;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_string()?,
                Some(b'{' | b'[') => self.deeper()?,
                Some(b'}' | b']') if self.depth > outside => self.close(),
                Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') if self.depth > outside => self.at += 1,
                None if self.depth > outside => return Err(self.error(Problem::Ends("a list or an object"))),
                None | Some(b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') => {
                    return Err(self.expected("a JSON value"));
                }
                Some(_) => self.skip_scalar(),
            }
            if self.depth == outside {
                return Ok(start..self.at);
            }
        }
    }

    fn skip_scalar(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let is_end =
            |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"' | b' ' | b'\t' | b'\n' | b'\r');
        self.at += rest.iter().position(is_end).unwrap_or(rest.len());
    }

    fn skip_string(&mut self) -> Result<(), SyntaxError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(SyntaxError { at: start, problem: Problem::Ends("the text that starts here") }),
            }
        }
    }

    fn object(&mut self) -> Result<Kind<'a>, SyntaxError> {
        let mut members = Vec::new();
        self.walk_object(|parser, key, key_at| {
            let value = parser.value()?;
            members.push(Member { key, key_at, value });
            Ok::<(), SyntaxError>(())
        })?;
        self.find_duplicates(&members);
        Ok(Kind::Object(members))
    }

    fn find_duplicates(&mut self, members: &[Member<'_>]) {
        if members.len() <= 12 {
            for (index, member) in members.iter().enumerate() {
                if members[..index].iter().any(|earlier| earlier.key == member.key) {
                    self.duplicates.push(DuplicateKey { at: member.key_at, key: (&*member.key).into() });
                }
            }
            return;
        }
        let mut sorted: Vec<_> = members.iter().map(|member| (&*member.key, member.key_at)).collect();
        sorted.sort_unstable();
        let seconds = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        self.duplicates.extend(seconds.map(|pair| DuplicateKey { at: pair[1].1, key: pair[1].0.into() }));
    }

    fn list(&mut self) -> Result<Kind<'a>, SyntaxError> {
        let mut elements = Vec::new();
        self.walk_list(|parser| {
            elements.push(parser.value()?);
            Ok::<(), SyntaxError>(())
        })?;
        Ok(Kind::List(elements))
    }

    fn open(&mut self, bracket: u8, what: &'static str) -> Result<(), SyntaxError> {
        if self.peek() != Some(bracket) {
            return Err(self.expected(what));
        }
        self.deeper()
    }

    fn deeper(&mut self) -> Result<(), SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(Problem::Depth));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    pub(in crate::trace) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The byte at this place.
    pub(in crate::trace) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn error(&self, problem: Problem) -> SyntaxError {
        SyntaxError { at: self.at.min(self.text.len()), problem }
    }

    pub(super) fn expected(&self, what: &'static str) -> SyntaxError {
        self.expected_in(what, "the value")
    }

    fn expected_in(&self, what: &'static str, inside: &'static str) -> SyntaxError {
        let ends = self.at >= self.text.len() && self.depth > 0;
        self.error(if ends { Problem::Ends(inside) } else { Problem::Expected(what) })
    }
}
