//! TCP services of the engine, and the streams that they speak on.
//!
//! The LME client forwards ports to the host and hands each connection to the [`Service`] of its port. A service
//! knows bytes and nothing of channels and windows:
//!
//! ```
//! use mei_emulator::clients::service::{Connection, Stream};
//! use std::time::Instant;
//!
//! #[derive(Debug)]
//! struct Upcase;
//!
//! impl Connection for Upcase {
//!     fn received(&mut self, bytes: &[u8], stream: &mut Stream, _now: Instant) {
//!         stream.consume(bytes.len());
//!         stream.send(&bytes.to_ascii_uppercase());
//!     }
//! }
//! ```

mod bulk;
mod stream;

pub(crate) use bulk::Bulk;
pub use stream::Stream;

use std::fmt::Debug;
use std::time::Instant;

/// What answers at a port.
pub trait Service: Debug + Send {
    /// Somebody connects. None: nobody answers there now.
    fn accept(&mut self, peer: &Peer<'_>, now: Instant) -> Option<Box<dyn Connection>>;
}

/// Who connects, as the other side tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Its address: text, and any bytes.
    pub address: &'a [u8],
    /// Its port.
    pub port: u32,
}

/// One connection. Any bytes may come, in any pieces: it never panics, and what it keeps is bounded.
pub trait Connection: Debug + Send {
    /// The connection stands: the other side can be spoken to.
    fn opened(&mut self, stream: &mut Stream, now: Instant) {
        let _ = (stream, now);
    }

    /// Bytes came. The other side may send as much more as the connection gives back by [`Stream::consume`];
    /// it may also send more than that.
    fn received(&mut self, bytes: &[u8], stream: &mut Stream, now: Instant);

    /// There is room in the stream again, or time passed: [`Connection::deadline`] at the latest.
    fn advance(&mut self, stream: &mut Stream, now: Instant) {
        let _ = (stream, now);
    }

    /// When [`Connection::advance`] must be called. Asked after every other call.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}
