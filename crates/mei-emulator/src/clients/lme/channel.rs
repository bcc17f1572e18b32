//! Channels: connections, their windows and their ends (`apf.md` §3, channels and flow control).

use super::settings::OverWindow;
use super::turn::Turn;
use crate::clients::service::{Connection, Stream};
use mei_wire::apf::{Channel, ChannelOpen, Message, channel_type};
use std::time::{Duration, Instant};

/// How long a closed channel waits for the host's CLOSE. One program never sends it.
const GRACE: Duration = Duration::from_secs(2);

/// How long the host may take to answer a channel that the engine opens.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Port of the host's event sink.
const EVENT_PORT: u32 = 0;

/// All channels are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

/// The host sent more than its window, and the persona does not take that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowExceeded;

/// A channel that [`Channels::reserve`] found free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(usize);

/// The channels of one session; their numbers are their places.
#[derive(Debug)]
pub(super) struct Channels {
    slots: Box<[Slot]>,
    /// Where to look for a free one first: a late CLOSE should not meet a channel that just began.
    next: usize,
    /// Who sends first when there is room again: the one behind who filled it last.
    first: usize,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Free,
    /// The engine asked the host for it.
    Opening {
        due: Instant,
        connection: Box<dyn Connection>,
    },
    Open(Open),
    /// CLOSE was sent; the host's is awaited.
    Closing {
        until: Instant,
    },
}

impl Slot {
    /// Whether what it waits for will not come any more.
    fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Opening { due: end, .. } | Self::Closing { until: end } => *end <= now,
            Self::Free | Self::Open(_) => false,
        }
    }
}

#[derive(Debug)]
struct Open {
    /// The host's number.
    peer: Channel,
    /// Bytes that the host takes before it adjusts the window.
    window: u32,
    /// Bytes that the host may send before its window is adjusted.
    credit: u32,
    connection: Box<dyn Connection>,
    stream: Stream,
}

impl Channels {
    /// So many, all free.
    pub(super) fn new(count: usize) -> Self {
        Self { slots: std::iter::repeat_with(Slot::default).take(count).collect(), next: 0, first: 0 }
    }

    /// A free place. A channel whose end the host has not confirmed counts as free when no other is left.
    pub(super) fn reserve(&mut self) -> Result<Place, Refused> {
        let count = self.slots.len();
        let order = (0..count).map(|step| (self.next + step) % count);
        let free = order.clone().find(|&index| matches!(self.slots[index], Slot::Free));
        let closing = || {
            order
                .filter_map(|index| match self.slots[index] {
                    Slot::Closing { until } => Some((until, index)),
                    _ => None,
                })
                .min()
                .map(|(_, index)| index)
        };
        let index = free.or_else(closing).ok_or(Refused)?;
        Ok(Place(index))
    }

    /// Whether [`Channels::reserve`] would find one that is really free.
    pub(super) fn has_free(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Free))
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.slots.fill_with(Slot::default);
    }

    /// The host connects.
    pub(super) fn open(
        &mut self,
        place: Place,
        peer: Channel,
        window: u32,
        connection: Box<dyn Connection>,
        turn: &mut Turn<'_>,
    ) {
        let credit = turn.facts.settings.window;
        turn.voice.say(&Message::ChannelOpenConfirmation {
            recipient: peer,
            sender: number(place.0),
            window: credit,
        });
        self.take(place, Slot::Open(Open { peer, window, credit, connection, stream: Stream::default() }));
        self.with(number(place.0), turn, |open, now| open.connection.opened(&mut open.stream, now));
    }

    /// The engine connects to the host's event sink.
    pub(super) fn open_to_host(
        &mut self,
        place: Place,
        connection: Box<dyn Connection>,
        turn: &mut Turn<'_>,
    ) {
        let address = turn.facts.settings.address.as_bytes();
        turn.voice.say(&Message::ChannelOpen(ChannelOpen {
            kind: channel_type::DIRECT_TCPIP,
            sender: number(place.0),
            window: turn.facts.settings.window,
            target: address,
            target_port: EVENT_PORT,
            originator: address,
            originator_port: super::ports::HTTP.into(),
        }));
        self.take(place, Slot::Opening { due: turn.now + OPEN_TIMEOUT, connection });
    }

    /// The host confirms a channel that the engine asked for.
    pub(super) fn confirmed(&mut self, recipient: Channel, peer: Channel, window: u32, turn: &mut Turn<'_>) {
        let Some(slot) = self.slot(recipient) else { return };
        match std::mem::take(slot) {
            Slot::Opening { connection, .. } => {
                let credit = turn.facts.settings.window;
                *slot = Slot::Open(Open { peer, window, credit, connection, stream: Stream::default() });
                self.with(recipient, turn, |open, now| open.connection.opened(&mut open.stream, now));
            }
            other => *slot = other,
        }
    }

    /// The host refuses a channel that the engine asked for.
    pub(super) fn failed(&mut self, recipient: Channel) {
        if let Some(slot @ Slot::Opening { .. }) = self.slot(recipient) {
            *slot = Slot::Free;
        }
    }

    /// The host takes more.
    pub(super) fn adjusted(&mut self, recipient: Channel, bytes: u32, turn: &mut Turn<'_>) {
        self.with(recipient, turn, |open, _| open.window = open.window.saturating_add(bytes));
    }

    /// The host sent something.
    ///
    /// # Errors
    /// It is more than the window allows, and that ends the session. Otherwise it is taken too: one program does
    /// not look at the window.
    pub(super) fn received(
        &mut self,
        recipient: Channel,
        data: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<(), WindowExceeded> {
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        if turn.facts.settings.over_window == OverWindow::EndSession
            && let Some(Slot::Open(open)) = self.slot(recipient)
            && open.credit < length
        {
            return Err(WindowExceeded);
        }
        self.with(recipient, turn, |open, now| {
            open.credit = open.credit.saturating_sub(length);
            open.connection.received(data, &mut open.stream, now);
        });
        Ok(())
    }

    /// The host closes, or answers that it has seen the engine close. CLOSE is sent once per channel.
    pub(super) fn closed(&mut self, recipient: Channel, turn: &mut Turn<'_>) {
        let Some(slot) = self.slot(recipient) else { return };
        match std::mem::take(slot) {
            Slot::Open(open) => {
                turn.voice.say(&Message::ChannelClose { recipient: open.peer });
                lose_connection(turn);
            }
            Slot::Closing { .. } => lose_connection(turn),
            // Too late, or before there was anything to close.
            other => *slot = other,
        }
    }

    /// Sends what waits, and lets time pass.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        let (first, count) = (self.first, self.slots.len());
        for index in (0..count).map(|step| (first + step) % count) {
            if self.slots[index].is_over(turn.now) {
                self.slots[index] = Slot::Free;
            }
            self.with(number(index), turn, |open, now| {
                if open.connection.deadline().is_some_and(|deadline| deadline <= now) {
                    open.connection.advance(&mut open.stream, now);
                }
            });
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadlines = self.slots.iter().filter_map(|slot| match slot {
            Slot::Free => None,
            Slot::Opening { due: end, .. } | Slot::Closing { until: end } => Some(*end),
            Slot::Open(open) => open.connection.deadline(),
        });
        deadlines.min()
    }

    fn slot(&mut self, channel: Channel) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(channel.0).ok()?)
    }

    fn take(&mut self, place: Place, slot: Slot) {
        self.slots[place.0] = slot;
        self.next = (place.0 + 1) % self.slots.len();
    }

    /// Does something with an open channel, and what follows from it: windows, data, an end. Channels that are
    /// not open are passed over silently: messages cross.
    fn with(&mut self, channel: Channel, turn: &mut Turn<'_>, act: impl FnOnce(&mut Open, Instant)) {
        let Some(slot) = self.slot(channel) else { return };
        let Slot::Open(open) = slot else { return };
        act(open, turn.now);
        match open.pump(turn) {
            Pumped::All => {}
            Pumped::UntilFull => self.first = (channel.0 as usize + 1) % self.slots.len(),
            Pumped::Closed => {
                turn.voice.say(&Message::ChannelClose { recipient: open.peer });
                *slot = Slot::Closing { until: turn.now + GRACE };
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pumped {
    /// All that the host's window allows.
    All,
    /// Some, until the way to the host was full.
    UntilFull,
    /// All, and there is no more to come.
    Closed,
}

impl Open {
    /// Gives back the window for what was consumed, and sends what fits the host's.
    fn pump(&mut self, turn: &mut Turn<'_>) -> Pumped {
        let mut pumped = Pumped::All;
        loop {
            let waiting = self.stream.waiting();
            let window = usize::try_from(self.window).unwrap_or(usize::MAX);
            let length = waiting.len().min(window).min(turn.facts.chunk);
            if length == 0 {
                pumped = Pumped::All;
                break;
            }
            if !turn.voice.takes_data() {
                break;
            }
            turn.voice.say(&Message::ChannelData { recipient: self.peer, data: &waiting[..length] });
            pumped = Pumped::UntilFull;
            self.stream.sent(length);
            // No more than the window, so it fits.
            self.window -= u32::try_from(length).unwrap_or(self.window);
            if self.stream.take_starved() {
                self.connection.advance(&mut self.stream, turn.now);
            }
        }
        let consumed = u32::try_from(self.stream.take_consumed()).unwrap_or(u32::MAX);
        if self.stream.is_closing() {
            // A channel about to end needs no window.
            return if self.stream.waiting().is_empty() { Pumped::Closed } else { pumped };
        }
        if consumed > 0 {
            self.credit = self.credit.saturating_add(consumed);
            turn.voice.say(&Message::ChannelWindowAdjust { recipient: self.peer, bytes: consumed });
        }
        pumped
    }
}

/// The number of the channel at a place.
fn number(place: usize) -> Channel {
    Channel(u32::try_from(place).unwrap_or(u32::MAX))
}

/// Some firmware drops the host when a channel ends (`apf.md` §3, differences real firmware shows).
fn lose_connection(turn: &mut Turn<'_>) {
    if turn.facts.settings.disconnect_after_channel {
        turn.voice.hang_up();
    }
}
