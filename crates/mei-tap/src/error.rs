//! Why a recording or a plan is refused.

use thiserror::Error;

/// A line that cannot be understood: where, why, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{origin}:{line}: {reason}; {remedy}")]
pub struct ParseError {
    /// What was read, as its reader was told.
    pub origin: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub remedy: String,
}

/// What is wrong with one line, before it is known which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) reason: String,
    pub(crate) remedy: String,
}

impl Wrong {
    pub(crate) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }

    pub(crate) fn at(self, origin: &str, line: usize) -> ParseError {
        ParseError { origin: origin.to_owned(), line, reason: self.reason, remedy: self.remedy }
    }
}
