//! A recording, read back.

use crate::access::{Answer, Question, parse};
use crate::error::ParseError;
use crate::token::{Words, lines, seconds};
use std::time::Duration;

/// How a recording begins.
pub(crate) const HEADER: &str = "mei-recording 1";

/// One access of a recording; the slots of a window are one each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Line of the file, from 1.
    pub(crate) line: usize,
    pub(crate) question: Question,
    pub(crate) answer: Answer,
}

/// Everything that a driver and its function did to each other. See the crate's documentation for the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub(crate) origin: String,
    pub(crate) entries: Vec<Entry>,
    duration: Duration,
}

impl Recording {
    /// Reads a recording; `origin` names it in errors.
    ///
    /// # Errors
    /// The first line that is not of the format, why, and what would be.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ParseError> {
        let mut recording = Self { origin: origin.to_owned(), entries: Vec::new(), duration: Duration::ZERO };
        for (line, content) in lines(text, origin, HEADER)? {
            let mut words = Words::new(content);
            let parsed =
                words.expect("a time").and_then(seconds).and_then(|time| Ok((time, parse(&mut words)?)));
            let (time, accesses) = parsed.map_err(|wrong| wrong.at(origin, line))?;
            recording.duration = recording.duration.max(time);
            let entry = |(question, answer)| Entry { line, question, answer };
            recording.entries.extend(accesses.into_iter().map(entry));
        }
        Ok(recording)
    }

    /// Accesses and interrupts; each slot of a window is one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Time of the last access.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }
}
