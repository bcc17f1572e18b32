//! One channel as the host keeps it: what it may send, what it lets the engine send, and what came.

use super::pattern::{Pattern, Random};
use super::{DISCARD, ECHO, ENGINE_CHUNK, ENGINE_WINDOW, SOURCE};
use anyhow::{Result, ensure};
use mei_wire::apf::Channel;

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Echo,
    Discard,
    Source,
}

impl Purpose {
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Echo => ECHO,
            Self::Discard => DISCARD,
            Self::Source => SOURCE,
        }
    }
}

/// One channel.
#[derive(Debug)]
pub(super) struct HostChannel {
    pub(super) purpose: Purpose,
    pattern: Pattern,
    /// The engine's number, once it has agreed.
    pub(super) peer: Option<Channel>,
    /// Bytes that the host sends before it closes; of a source: that it hears.
    length: u64,
    /// Bytes heard after which it closes, whatever is under way.
    patience: u64,
    /// Bytes that the engine may send, and those that it has.
    granted: u64,
    pub(super) heard: u64,
    /// Bytes that the host has sent, and those that the engine has given back.
    sent: u64,
    returned: u64,
    /// The host has said CLOSE.
    pub(super) closing: bool,
}

impl HostChannel {
    /// Up to a quarter of a mebibyte; every fourth is closed in the middle.
    pub(super) fn new(random: &mut Random) -> Self {
        use Purpose::{Discard, Echo, Source};
        let purpose = random.of(&[Echo, Echo, Echo, Echo, Echo, Echo, Source, Discard]);
        let length = 1 + random.below(256 * 1024);
        let patience = if random.below(4) == 0 { random.below(length) } else { u64::MAX };
        let pattern = match purpose {
            Echo | Discard => Pattern::Seeded(random.next()),
            Source => Pattern::Counting,
        };
        let granted = random.of(&[0, 1, 1024, 4096, 20_000]);
        Self {
            purpose,
            pattern,
            peer: None,
            length,
            patience,
            granted,
            heard: 0,
            sent: 0,
            returned: 0,
            closing: false,
        }
    }

    /// The window that it begins with.
    pub(super) fn window(&self) -> u32 {
        u32::try_from(self.granted).expect("a small window")
    }

    /// Bytes that may be sent now.
    pub(super) fn room(&self) -> u64 {
        match self.purpose {
            Purpose::Source => 0,
            Purpose::Echo | Purpose::Discard => {
                self.engine_window().min(self.length.saturating_sub(self.sent))
            }
        }
    }

    /// Bytes that the window has, whatever there is left to send.
    pub(super) fn engine_window(&self) -> u64 {
        // Less than nothing: of a host that has sent more.
        (ENGINE_WINDOW + self.returned).saturating_sub(self.sent)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64, data: &mut Vec<u8>) {
        data.resize(usize::try_from(count).expect("a message"), 0);
        self.pattern.fill(self.sent, data);
        self.sent += count;
    }

    /// Whether the engine waits for more window, or soon will.
    pub(super) fn wants_window(&self) -> bool {
        self.purpose != Purpose::Discard && self.granted - self.heard < 4096
    }

    pub(super) fn grant(&mut self, bytes: u32) {
        self.granted += u64::from(bytes);
    }

    /// Whether it has done what it is for, or the host has had enough.
    pub(super) fn is_done(&self) -> bool {
        let through = match self.purpose {
            Purpose::Echo | Purpose::Source => self.heard >= self.length,
            Purpose::Discard => self.returned >= self.length,
        };
        through
            || self.heard > self.patience
            || (self.purpose == Purpose::Discard && self.sent > self.patience)
    }

    /// Whether it was closed in the middle.
    pub(super) fn is_cut(&self) -> bool {
        self.heard.max(self.sent) > self.patience && self.heard.min(self.returned) < self.length
    }

    /// The engine gives back `bytes` of the window.
    pub(super) fn adjusted(&mut self, bytes: u32) -> Result<()> {
        self.returned += u64::from(bytes);
        ensure!(
            self.returned <= self.sent,
            "{} bytes are given back, {} were sent",
            self.returned,
            self.sent
        );
        Ok(())
    }

    /// The engine sends `data`.
    pub(super) fn received(&mut self, data: &[u8]) -> Result<()> {
        ensure!((1..=ENGINE_CHUNK).contains(&data.len()), "{} bytes in one message", data.len());
        let at = self.heard;
        self.heard += data.len() as u64;
        ensure!(self.heard <= self.granted, "{} bytes against a window of {}", self.heard, self.granted);
        match self.purpose {
            Purpose::Discard => ensure!(data.is_empty(), "a discard says something"),
            Purpose::Echo => ensure!(self.heard <= self.sent, "an echo of what was not said"),
            Purpose::Source => {}
        }
        let difference = self.pattern.difference(at, data);
        ensure!(difference.is_none(), "{:?}: byte {difference:?} is another", self.purpose);
        Ok(())
    }
}
