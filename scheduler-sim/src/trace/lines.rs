//! The lines of a trace, one at a time, none longer than the limit.

use sha2::{Digest, Sha256};

use super::error::TraceProblem;
use super::input::{Input, Unpacked, read_problem};

/// Longest line.
pub(super) const LINE_LIMIT: usize = 16 << 20;

/// Reads lines, and sums them up if that is wanted.
pub(super) struct Lines {
    reader: Unpacked,
    line: Vec<u8>,
    /// The number of the line read last, from 1.
    pub(super) number: u64,
    /// The column of what is wrong with it, from 1.
    pub(super) column: u64,
    digest: Option<Sha256>,
    has_ended: bool,
}

impl Lines {
    /// The lines from the start.
    pub(super) fn new(input: &Input) -> Result<Self, TraceProblem> {
        let reader = input.reader().map_err(|error| read_problem(None, &error))?;
        Ok(Self { reader, line: Vec::new(), number: 0, column: 1, digest: None, has_ended: false })
    }

    /// Sums up all bytes from now on.
    pub(super) fn digesting(mut self) -> Self {
        self.digest = Some(Sha256::new());
        self
    }

    /// The next line with its end, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<&str>, TraceProblem> {
        self.line.clear();
        self.number += 1;
        self.reader.read_line(&mut self.line, LINE_LIMIT + 1)?;
        if self.line.len() > LINE_LIMIT {
            return Err(TraceProblem::LineTooLong);
        }
        self.has_ended = !self.line.ends_with(b"\n");
        if let Some(digest) = &mut self.digest {
            digest.update(&self.line);
        }
        if self.line.is_empty() {
            return Ok(None);
        }
        std::str::from_utf8(&self.line).map(Some).map_err(|error| {
            let good = String::from_utf8_lossy(&self.line[..error.valid_up_to()]);
            self.column = good.chars().count() as u64 + 1;
            TraceProblem::NotText
        })
    }

    /// The sum of all bytes, in hexadecimal digits, after the last line.
    pub(super) fn digest(self) -> Box<str> {
        debug_assert!(self.has_ended, "the sum is that of the whole file");
        hexadecimal(self.digest.unwrap_or_default())
    }
}

/// The digits of a sum.
pub(super) fn hexadecimal(digest: Sha256) -> Box<str> {
    use std::fmt::Write as _;
    let mut digits = String::with_capacity(64);
    for byte in digest.finalize() {
        // Writing to a string never fails.
        let _ = write!(digits, "{byte:02x}");
    }
    digits.into()
}
