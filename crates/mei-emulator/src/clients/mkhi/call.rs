//! One request on its way to its answer.

use super::settings::{Settings, State};
use mei_wire::mkhi::result;
use zerocopy::{Immutable, IntoBytes};

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// An answer with this result byte. What was written goes out with [`result::SUCCESS`] only.
    Result(u8),
    /// No answer at all.
    Silence,
}

impl Answer {
    pub(super) const SUCCESS: Self = Self::Result(result::SUCCESS);
}

/// What an answer is made from, and where it goes.
pub(super) struct Call<'a> {
    /// What the persona says.
    pub(super) settings: &'a Settings,
    /// How things stand.
    pub(super) state: &'a mut State,
    /// The request's data; at least as many bytes as the table asks for.
    pub(super) data: &'a [u8],
    /// The answer, behind its header.
    pub(super) reply: &'a mut Vec<u8>,
    /// Longest answer, bytes.
    pub(super) limit: usize,
}

impl Call<'_> {
    /// The first word of the data. The table sees to it that it is there.
    pub(super) fn word(&self) -> u32 {
        u32::from_le_bytes(self.data.first_chunk().copied().unwrap_or_default())
    }

    /// Appends a layout.
    pub(super) fn put(&mut self, layout: &(impl IntoBytes + Immutable)) {
        self.reply.extend_from_slice(layout.as_bytes());
    }

    /// Appends a word.
    pub(super) fn put_word(&mut self, word: u32) {
        self.reply.extend_from_slice(&word.to_le_bytes());
    }
}
