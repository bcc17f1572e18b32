//! Services that take and give bytes for their own sake: what tests and benches put behind a port.

use super::{Connection, Peer, Service, Stream};
use std::time::Instant;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bulk {
    /// Gives back what it gets, in order, and takes no more than it can give back.
    Echo,
    /// Takes everything and says nothing.
    Discard,
    /// Says the numbers from 0 on, eight bytes each, most significant first.
    Source {
        /// Closes after so many bytes.
        length: u64,
    },
}

impl Service for Bulk {
    fn accept(&mut self, _peer: &Peer<'_>, _now: Instant) -> Option<Box<dyn Connection>> {
        Some(match *self {
            Self::Echo => Box::new(Echo::default()),
            Self::Discard => Box::new(Discard),
            Self::Source { length } => Box::new(Source { said: 0, length }),
        })
    }
}

/// Most bytes of which an echo has not yet sent the first. Whoever sends more does not look at windows.
const MAX_PENDING: usize = 128 * 1024;

#[derive(Debug, Default)]
struct Echo {
    /// What did not fit the stream, from `head` on.
    pending: Vec<u8>,
    head: usize,
}

impl Echo {
    fn speak(&mut self, stream: &mut Stream) {
        let taken = stream.send(&self.pending[self.head..]);
        stream.consume(taken);
        self.head += taken;
        if self.head == self.pending.len() {
            self.pending.clear();
            self.head = 0;
        }
    }
}

impl Connection for Echo {
    fn received(&mut self, bytes: &[u8], stream: &mut Stream, _now: Instant) {
        let mut rest = bytes;
        if self.pending.is_empty() {
            let taken = stream.send(rest);
            stream.consume(taken);
            rest = &rest[taken..];
        }
        if self.pending.len() + rest.len() > MAX_PENDING {
            self.pending.clear();
            self.head = 0;
            return stream.abort();
        }
        self.pending.extend_from_slice(rest);
    }

    fn advance(&mut self, stream: &mut Stream, _now: Instant) {
        self.speak(stream);
    }
}

#[derive(Debug)]
struct Discard;

impl Connection for Discard {
    fn received(&mut self, bytes: &[u8], stream: &mut Stream, _now: Instant) {
        stream.consume(bytes.len());
    }
}

/// Bytes of a number.
const NUMBER: usize = size_of::<u64>();

#[derive(Debug)]
struct Source {
    /// Bytes so far.
    said: u64,
    length: u64,
}

impl Source {
    fn speak(&mut self, stream: &mut Stream) {
        let mut numbers = [0; 512 * NUMBER];
        while self.said < self.length {
            let first = self.said / NUMBER as u64;
            for (number, bytes) in (first..).zip(numbers.chunks_exact_mut(NUMBER)) {
                bytes.copy_from_slice(&number.to_be_bytes());
            }
            // A number may have been said in part.
            let part = usize::try_from(self.said % NUMBER as u64).unwrap_or_default();
            let left = usize::try_from(self.length - self.said).unwrap_or(usize::MAX);
            let wanted = left.min(numbers.len() - part);
            let taken = stream.send(&numbers[part..part + wanted]);
            self.said += u64::try_from(taken).unwrap_or_default();
            if taken < wanted {
                return;
            }
        }
        stream.close();
    }
}

impl Connection for Source {
    fn opened(&mut self, stream: &mut Stream, _now: Instant) {
        self.speak(stream);
    }

    fn received(&mut self, bytes: &[u8], stream: &mut Stream, _now: Instant) {
        stream.consume(bytes.len());
    }

    fn advance(&mut self, stream: &mut Stream, _now: Instant) {
        self.speak(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(mut bulk: Bulk) -> (Box<dyn Connection>, Stream, Instant) {
        let now = Instant::now();
        let peer = Peer { address: b"127.0.0.1", port: 1 };
        (bulk.accept(&peer, now).expect("always there"), Stream::default(), now)
    }

    /// What waits, taken.
    fn said(stream: &mut Stream) -> Vec<u8> {
        let said = stream.waiting().to_vec();
        stream.sent(said.len());
        said
    }

    #[test]
    fn an_echo_gives_back_what_it_gets_and_takes_no_more_than_it_can_give() {
        let (mut echo, mut stream, now) = accept(Bulk::Echo);
        let sent: Vec<u8> = (0..100_000u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
        for piece in sent.chunks(5000) {
            echo.received(piece, &mut stream, now);
        }
        assert_eq!(stream.take_consumed(), 65_536, "as much as waits to be sent");
        let mut heard = said(&mut stream);
        assert!(stream.take_starved());
        echo.advance(&mut stream, now);
        heard.extend(said(&mut stream));
        assert_eq!((heard == sent, stream.take_consumed()), (true, 100_000 - 65_536));
    }

    #[test]
    fn an_echo_cuts_off_who_never_listens() {
        let (mut echo, mut stream, now) = accept(Bulk::Echo);
        for _ in 0..1000 {
            echo.received(&[0; 16_000], &mut stream, now);
        }
        assert!(stream.is_closing());
    }

    #[test]
    fn a_source_counts_and_ends() {
        let (mut source, mut stream, now) = accept(Bulk::Source { length: 100_001 });
        source.opened(&mut stream, now);
        let mut heard = Vec::new();
        while !stream.waiting().is_empty() {
            // Pieces of a length that no number has.
            let piece = stream.waiting().len().min(1001);
            heard.extend_from_slice(&stream.waiting()[..piece]);
            stream.sent(piece);
            if stream.take_starved() {
                source.advance(&mut stream, now);
            }
        }
        let expected: Vec<u8> = (0..12_501u64).flat_map(u64::to_be_bytes).take(100_001).collect();
        assert_eq!((heard == expected, stream.is_closing()), (true, true));
    }

    #[test]
    fn a_discard_takes_and_says_nothing() {
        let (mut discard, mut stream, now) = accept(Bulk::Discard);
        discard.received(&[0; 70_000], &mut stream, now);
        assert_eq!((stream.take_consumed(), stream.waiting().len(), stream.is_closing()), (70_000, 0, false));
    }
}
