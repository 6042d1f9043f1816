//! Where in a trace something stands.

use std::fmt;
use std::sync::Arc;

use super::error::Printable;

/// A place in a file: what a message points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file as it was named on the command line; `-` is standard input.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", Printable(&self.file), self.line, self.column)
    }
}
