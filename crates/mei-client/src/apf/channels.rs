//! The channels of a session and their windows.

use mei_wire::apf::Channel as Number;

/// A channel, by the number that this side gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(u32);

impl Channel {
    pub(super) fn number(self) -> Number {
        Number(self.0)
    }
}

/// One channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    state: State,
    /// Bytes that AMT may send before this side gives back.
    promised: u32,
}

/// State of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// AMT was asked.
    Opening,
    /// AMT agreed.
    Open {
        /// AMT's number.
        peer: Number,
        /// Bytes that it takes.
        window: u32,
        /// Bytes of the promise that were used up and not given back.
        consumed: u32,
    },
    /// This side is done; AMT has not agreed yet.
    Closing,
}

/// The channels, at the places of their numbers.
#[derive(Debug, Default)]
pub(super) struct Channels(Vec<Option<Slot>>);

impl Channels {
    /// Channels at a time. AMT has eight; those that wait for its answer count too.
    const LIMIT: usize = 64;

    /// Most bytes that AMT may send on a channel before this side gives back.
    const WINDOW: u32 = 32 * 1024;
    /// What every channel has, however many there are: current and older hosts take no more at once.
    const LEAST_WINDOW: u32 = 4095;
    /// What all windows together should not exceed by much. AMT has to keep what a host has not taken, and may not
    /// listen meanwhile.
    const ALL_WINDOWS: u32 = 192 * 1024;

    fn state(&mut self, number: Number) -> Option<&mut State> {
        Some(&mut self.0.get_mut(usize::try_from(number.0).ok()?)?.as_mut()?.state)
    }

    /// What a new channel promises: a part of what is left.
    fn promise(&self) -> u32 {
        let promised: u32 = self.0.iter().flatten().map(|slot| slot.promised).sum();
        (Self::ALL_WINDOWS.saturating_sub(promised) / 4).clamp(Self::LEAST_WINDOW, Self::WINDOW)
    }

    /// A number for a new channel, and its window.
    pub(super) fn open(&mut self) -> Option<(Channel, u32)> {
        let promised = self.promise();
        let free = self.0.iter().position(Option::is_none).unwrap_or(self.0.len());
        if free == self.0.len() {
            if free == Self::LIMIT {
                return None;
            }
            self.0.push(None);
        }
        self.0[free] = Some(Slot { state: State::Opening, promised });
        u32::try_from(free).ok().map(|number| (Channel(number), promised))
    }

    fn free(&mut self, number: Number) {
        if let Some(slot) = usize::try_from(number.0).ok().and_then(|index| self.0.get_mut(index)) {
            *slot = None;
        }
    }

    /// AMT agreed.
    pub(super) fn opened(&mut self, number: Number, peer: Number, window: u32) -> Option<Channel> {
        let state = self.state(number).filter(|state| **state == State::Opening)?;
        *state = State::Open { peer, window, consumed: 0 };
        Some(Channel(number.0))
    }

    /// AMT refused.
    pub(super) fn refused(&mut self, number: Number) -> Option<Channel> {
        self.state(number).filter(|state| **state == State::Opening)?;
        self.free(number);
        Some(Channel(number.0))
    }

    /// AMT takes more.
    pub(super) fn adjusted(&mut self, number: Number, bytes: u32) -> Option<Channel> {
        match self.state(number)? {
            State::Open { window, .. } => {
                *window = window.saturating_add(bytes);
                Some(Channel(number.0))
            }
            State::Opening | State::Closing => None,
        }
    }

    /// The channel, if it is open.
    pub(super) fn known(&mut self, number: Number) -> Option<Channel> {
        matches!(self.state(number)?, State::Open { .. }).then_some(Channel(number.0))
    }

    /// AMT closed: the channel, and AMT's number if it waits for an answer.
    pub(super) fn closed(&mut self, number: Number) -> Option<(Channel, Option<Number>)> {
        let peer = match self.state(number)? {
            State::Open { peer, .. } => Some(*peer),
            State::Opening | State::Closing => None,
        };
        self.free(number);
        Some((Channel(number.0), peer))
    }

    /// This side closes: AMT's number, unless it was told already.
    pub(super) fn close(&mut self, channel: Channel) -> Option<Number> {
        let state = self.state(channel.number())?;
        let State::Open { peer, .. } = *state else { return None };
        *state = State::Closing;
        Some(peer)
    }

    /// AMT's number of an open channel.
    pub(super) fn peer(&self, channel: Channel) -> Option<Number> {
        match self.0.get(usize::try_from(channel.0).ok()?)? {
            Some(Slot { state: State::Open { peer, .. }, .. }) => Some(*peer),
            _ => None,
        }
    }

    /// `bytes` of AMT's were used up: AMT's number and what to give back, once that is half of what was promised.
    pub(super) fn consumed(&mut self, channel: Channel, bytes: u32) -> Option<(Number, u32)> {
        let slot = self.0.get_mut(usize::try_from(channel.0).ok()?)?.as_mut()?;
        let State::Open { peer, consumed, .. } = &mut slot.state else { return None };
        *consumed = consumed.saturating_add(bytes);
        (*consumed >= slot.promised / 2).then(|| (*peer, std::mem::take(consumed)))
    }

    /// Bytes that AMT takes of a channel.
    pub(super) fn window(&self, channel: Channel) -> u32 {
        match usize::try_from(channel.0).ok().and_then(|index| self.0.get(index)) {
            Some(Some(Slot { state: State::Open { window, .. }, .. })) => *window,
            _ => 0,
        }
    }

    /// `bytes` were sent.
    pub(super) fn sent(&mut self, channel: Channel, bytes: usize) {
        if let Some(State::Open { window, .. }) = self.state(channel.number()) {
            *window = window.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_alone_has_a_large_window_and_all_together_do_not_ask_too_much() {
        let mut channels = Channels::default();
        let windows: Vec<u32> = std::iter::from_fn(|| channels.open()).map(|(_, window)| window).collect();
        assert_eq!((windows.len(), windows[0]), (64, 32 * 1024));
        assert!(windows.iter().all(|&window| window >= 4095), "{windows:?}");
        let all: u32 = windows.iter().sum();
        // The emulated engine stops listening at 512 KiB.
        assert!(all < 480 * 1024, "{all} bytes");
    }
}
