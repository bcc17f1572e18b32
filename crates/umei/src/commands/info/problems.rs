//! What could not be read, and whether asking further makes sense.

use mei_client::Error;
use serde::Serialize;

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// The part of the report that is missing.
    pub(super) part: &'static str,
    /// Whose decision it was.
    pub(super) kind: Kind,
    /// Why.
    pub(super) reason: String,
    /// What can be done.
    pub(super) remedy: Option<&'static str>,
}

/// Whether something is wrong or simply not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The firmware answered that it does not tell: normal for older and simpler firmware.
    Refused,
    /// The device or the firmware failed.
    Failed,
}

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn add(&mut self, part: &'static str, error: &Error) {
        let kind = match error {
            Error::AmthiStatus { .. } | Error::MkhiResult { .. } => Kind::Refused,
            _ => Kind::Failed,
        };
        self.list.push(Problem { part, kind, reason: error.to_string(), remedy: error.remedy() });
    }

    pub(super) fn into_list(self) -> Vec<Problem> {
        self.list
    }
}

/// Questions to one client: after one that ended in silence or disconnection no further is asked, so that a dead
/// client costs one time-out and makes one problem.
#[derive(Debug)]
pub(super) struct Questions<'a, C> {
    client: Option<C>,
    problems: &'a mut Problems,
}

impl<'a, C> Questions<'a, C> {
    pub(super) fn new(client: C, problems: &'a mut Problems) -> Self {
        Self { client: Some(client), problems }
    }

    /// Asks for one part of the report.
    pub(super) fn ask<T>(
        &mut self,
        part: &'static str,
        question: impl FnOnce(&mut C) -> Result<T, Error>,
    ) -> Option<T> {
        match question(self.client.as_mut()?) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.problems.add(part, &error);
                if matches!(
                    error,
                    Error::TimedOut { .. }
                        | Error::Disconnected { .. }
                        | Error::Call { .. }
                        | Error::AmtDisabled
                ) {
                    self.client = None;
                }
                None
            }
        }
    }
}
