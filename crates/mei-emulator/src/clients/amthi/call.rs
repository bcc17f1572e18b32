//! One request on its way to its answer.

use super::settings::Settings;
use crate::clients::amt::{Amt, State, Text};
use mei_wire::amthi::{Command, ResponseHeader, Status};
use zerocopy::{Immutable, IntoBytes};

/// What an answer is made from, and where it goes.
pub(super) struct Call<'a> {
    /// What the persona says of the client.
    pub(super) settings: &'a Settings,
    /// What it says of AMT.
    pub(super) amt: &'a Amt,
    /// How things stand.
    pub(super) state: &'a mut State,
    /// Bytes of data that the request's header announces. Programs announce wrong ones.
    pub(super) announced: u32,
    /// The request's data; at least as many bytes as the table asks for.
    pub(super) data: &'a [u8],
    /// The answer's data. What stands there counts only with [`Status::SUCCESS`].
    pub(super) reply: &'a mut Reply,
}

impl Call<'_> {
    /// The first word of the data. The table sees to it that it is there.
    pub(super) fn word(&self) -> u32 {
        let word = self.data.first_chunk().copied().unwrap_or_default();
        u32::from_le_bytes(word)
    }

    /// The data as a string: u16 length and the bytes, a closing NUL counted or not (`amthi.md` §2).
    pub(super) fn string<const MAX: usize>(&self) -> Result<Text<MAX>, Status> {
        let (length, text) = self.data.split_first_chunk().ok_or(Status::INVALID_MESSAGE_LENGTH)?;
        let length = usize::from(u16::from_le_bytes(*length));
        let text = text.get(..length).ok_or(Status::INVALID_MESSAGE_LENGTH)?;
        let text = text.strip_suffix(b"\0").unwrap_or(text);
        let text = std::str::from_utf8(text).map_err(|_| Status::INVALID_PARAMETER)?;
        Text::new(text).ok_or(Status::INVALID_PARAMETER)
    }
}

/// The answer being written. Its buffer is reused.
#[derive(Debug, Default)]
pub(super) struct Reply {
    bytes: Vec<u8>,
}

impl Reply {
    /// Where the data begin.
    const DATA: usize = size_of::<ResponseHeader>();

    /// Forgets the last answer.
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.resize(Self::DATA, 0);
    }

    /// Appends a layout.
    pub(super) fn put(&mut self, layout: &(impl IntoBytes + Immutable)) {
        self.bytes.extend_from_slice(layout.as_bytes());
    }

    /// Appends bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a word.
    pub(super) fn word(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// Appends zeros.
    pub(super) fn zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count, 0);
    }

    /// Appends a string: u16 length and the bytes.
    pub(super) fn string(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&text.as_bytes()[..length.into()]);
    }

    /// Appends what `write` appends, with its length as u16 in front.
    pub(super) fn counted(&mut self, write: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.zeros(2);
        let start = self.bytes.len();
        write(self);
        // A length that is a multiple of 256 reads as "empty" to programs that look at one byte of it.
        if self.bytes.len() > start && (self.bytes.len() - start).is_multiple_of(256) {
            self.zeros(1);
        }
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.bytes[at..start].copy_from_slice(&length.to_le_bytes());
    }

    /// The whole answer. With any status but success it has no data (`amthi.md` §2).
    pub(super) fn end(&mut self, command: Command, status: Status) -> &[u8] {
        if status != Status::SUCCESS {
            self.bytes.truncate(Self::DATA);
        }
        let length = u32::try_from(self.bytes.len() - Self::DATA).unwrap_or(u32::MAX);
        let header = ResponseHeader::new(command.0, status, length);
        self.bytes[..Self::DATA].copy_from_slice(header.as_bytes());
        &self.bytes
    }
}
