//! The AMT watchdog: heartbeats whose absence raises a management event (`linux-watchdog.md`).

use crate::connection::Connection;
use crate::error::Error;
use crate::node::Node;
use mei_wire::clients;
use mei_wire::watchdog::{Header, OperationalState, Start, StartResponse};
use std::time::{Duration, Instant};
use zerocopy::byteorder::little_endian::U16;
use zerocopy::{FromBytes, IntoBytes};

/// Whether the firmware wants heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeats {
    /// It counts, and must hear the next one in time.
    Wanted,
    /// It does not count. It notifies when that changes.
    NotRequired,
}

/// A connection to the watchdog. The firmware's counter runs on when it is dropped without [`Watchdog::stop`].
#[derive(Debug)]
pub struct Watchdog {
    connection: Connection,
}

impl Watchdog {
    /// Shortest time between heartbeats that the kernel's driver announces.
    pub const SHORTEST: Duration = Duration::from_secs(120);
    /// Protocol version from which on heartbeats are answered.
    const ANSWERS: u8 = 2;

    /// Connects.
    ///
    /// # Errors
    /// [`Error::Connect`]: EBUSY when the kernel's own watchdog driver holds the only connection.
    pub fn connect(node: Node) -> Result<Self, Error> {
        node.connect(clients::WATCHDOG).map(Self::over)
    }

    /// Speaks over a connection that was made elsewhere.
    pub fn over(connection: Connection) -> Self {
        Self { connection }
    }

    /// The connection, for its time-outs and notifications.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Sends a heartbeat: the next one must come within `timeout`, 1 to 65535 whole seconds.
    ///
    /// # Errors
    /// [`Error::Malformed`] and those of the connection.
    pub fn heartbeat(&mut self, timeout: Duration) -> Result<Heartbeats, Error> {
        let seconds = u16::try_from(timeout.as_secs()).unwrap_or(u16::MAX).max(1);
        let start = Start { header: Header::START, timeout: U16::new(seconds), reserved: [0; 17] };
        self.connection.send(start.as_bytes())?;
        if self.connection.protocol_version() < Self::ANSWERS {
            return Ok(Heartbeats::Wanted);
        }
        let timeout = self.connection.timeouts().answer;
        let deadline = Instant::now() + timeout;
        loop {
            let length = self.connection.receive_length(deadline, timeout)?;
            // An empty message may follow a stop.
            if length == 0 {
                continue;
            }
            let (answer, _) = StartResponse::read_from_prefix(self.connection.received(length))
                .map_err(|_| malformed("it is shorter than the answer to a heartbeat"))?;
            if !answer.header.is(Header::START_RESPONSE) {
                return Err(malformed("it is no answer to a heartbeat"));
            }
            return Ok(match answer.state & StartResponse::NOT_REQUIRED {
                0 => Heartbeats::Wanted,
                _ => Heartbeats::NotRequired,
            });
        }
    }

    /// Stops the counter.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.connection.send(Header::STOP.as_bytes())
    }

    /// Whether AMT is on, and whether that may be changed.
    ///
    /// # Errors
    /// [`Error::Malformed`] and those of the connection; firmware that does not know the question is silent.
    pub fn operational_state(&mut self) -> Result<OperationalState, Error> {
        match self.connection.transact(Header::IS_CHANGE_TO_AMT_ENABLED.as_bytes())? {
            [state] => Ok(OperationalState::from(*state)),
            _ => Err(malformed("it is not one byte")),
        }
    }
}

fn malformed(problem: &'static str) -> Error {
    Error::Malformed { client: clients::WATCHDOG, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::{pair, pair_of_version};

    #[test]
    fn heartbeats_on_the_wire() {
        let (connection, peer) = pair_of_version(clients::WATCHDOG, 64, 2);
        let mut watchdog = Watchdog::over(connection);
        for (state, expected) in [(0, Heartbeats::Wanted), (1, Heartbeats::NotRequired)] {
            rustix::io::write(&peer, &[]).unwrap();
            rustix::io::write(&peer, &[0x02, 0x04, 0x83, 0x10, 0, state]).unwrap();
            assert_eq!(watchdog.heartbeat(Duration::from_secs(120)).unwrap(), expected);
            let mut seen = [0; 64];
            assert_eq!(rustix::io::read(&peer, &mut seen[..]).unwrap(), 23);
            assert_eq!(seen[..6], [0x02, 0x15, 0x13, 0x10, 120, 0]);
        }
        watchdog.stop().unwrap();
        let mut seen = [0; 64];
        assert_eq!(rustix::io::read(&peer, &mut seen[..]).unwrap(), 4);
        assert_eq!(seen[..4], [0x02, 0x02, 0x14, 0x10]);
    }

    #[test]
    fn old_firmware_does_not_answer() {
        let (connection, _peer) = pair(clients::WATCHDOG, 64);
        assert_eq!(
            Watchdog::over(connection).heartbeat(Duration::from_secs(120)).unwrap(),
            Heartbeats::Wanted
        );
    }

    #[test]
    fn other_answers_are_malformed() {
        for bytes in [&[0x02, 0x04, 0x83][..], &[0x02, 0x04, 0x93, 0x10, 0, 0], &[0xFF; 6]] {
            let (connection, peer) = pair_of_version(clients::WATCHDOG, 64, 2);
            rustix::io::write(&peer, bytes).unwrap();
            let error = Watchdog::over(connection).heartbeat(Duration::from_secs(120)).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error}");
        }
    }
}
