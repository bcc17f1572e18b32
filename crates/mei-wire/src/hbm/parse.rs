//! From bytes to messages, one enum per direction.

use super::*;
use thiserror::Error;
use zerocopy::FromBytes as _;

/// Bytes that are no message of the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// No bytes at all.
    #[error("empty HBM message")]
    Empty,
    /// No message of this direction has that command.
    #[error("unknown HBM command {0:?}")]
    UnknownCommand(Command),
    /// Fewer bytes than the message has.
    #[error("HBM message {command:?} of {actual} bytes, {expected} expected")]
    Short {
        /// The message's command.
        command: Command,
        /// Its size in bytes.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
}

macro_rules! direction {
    ($(#[$doc:meta])* $name:ident { $($message:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<'a> {
            $(
                #[doc = concat!("[`", stringify!($message), "`]")]
                $message(&'a $message),
            )*
        }

        impl<'a> $name<'a> {
            /// Reads one message from the front of `bytes`; what follows it is ignored, as both sides do.
            ///
            /// # Errors
            /// [`ParseError`] when there are too few bytes or no message of this direction has the command.
            #[inline]
            pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
                let command = Command(*bytes.first().ok_or(ParseError::Empty)?);
                match command {
                    $($message::COMMAND => match $message::ref_from_prefix(bytes) {
                        Ok((message, _)) => Ok(Self::$message(message)),
                        Err(_) => Err(ParseError::Short {
                            command,
                            expected: size_of::<$message>(),
                            actual: bytes.len(),
                        }),
                    },)*
                    _ => Err(ParseError::UnknownCommand(command)),
                }
            }
        }
    };
}

direction! {
    /// What firmware sends to a host.
    FirmwareMessage {
        HostStartRes, HostStopRes, MeStopReq, HostEnumRes, ClientPropertiesRes, ClientConnectRes,
        ClientDisconnectReq, ClientDisconnectRes, FlowControl, PgIsolationEntryRes, PgIsolationExitReq,
        AddClientReq, NotifyRes, Notification, DmaSetupRes, CapabilitiesRes, ClientDmaMapRes,
        ClientDmaUnmapRes,
    }
}

direction! {
    /// What a host sends to firmware.
    HostMessage {
        HostStartReq, HostStopReq, HostEnumReq, ClientPropertiesReq, ClientConnectReq, ClientDisconnectReq,
        ClientDisconnectRes, FlowControl, PgIsolationEntryReq, PgIsolationExitRes, AddClientRes, NotifyReq,
        DmaSetupReq, CapabilitiesReq, ClientDmaMapReq, ClientDmaUnmapReq,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;
    use zerocopy::IntoBytes;

    /// Command, size and directions, written down again from `hbm.md` §2.
    const TABLE: [(u8, usize, bool, bool); 30] = [
        (0x01, 4, true, false),
        (0x81, 4, false, true),
        (0x02, 4, true, false),
        (0x82, 4, false, true),
        (0x03, 4, false, true),
        (0x04, 4, true, false),
        (0x84, 36, false, true),
        (0x05, 4, true, false),
        (0x85, 28, false, true),
        (0x06, 4, true, false),
        (0x86, 4, false, true),
        (0x07, 4, true, true),
        (0x87, 4, true, true),
        (0x08, 8, true, true),
        (0x0A, 4, true, false),
        (0x8A, 4, false, true),
        (0x0B, 4, false, true),
        (0x8B, 4, true, false),
        (0x0F, 28, false, true),
        (0x8F, 4, true, false),
        (0x10, 4, true, false),
        (0x90, 8, false, true),
        (0x11, 4, false, true),
        (0x12, 40, true, false),
        (0x92, 4, false, true),
        (0x13, 4, true, false),
        (0x93, 4, false, true),
        (0x14, 16, true, false),
        (0x94, 2, false, true),
        (0x15, 4, true, false),
    ];

    #[test]
    fn every_command_has_its_size_and_direction() {
        for (command, size, from_host, from_firmware) in TABLE {
            let mut bytes = [0; 64];
            bytes[0] = command;
            assert_eq!(HostMessage::parse(&bytes).is_ok(), from_host, "{command:#x}");
            assert_eq!(FirmwareMessage::parse(&bytes).is_ok(), from_firmware, "{command:#x}");
            for length in 1..size {
                if from_host {
                    assert!(HostMessage::parse(&bytes[..length]).is_err(), "{command:#x}, {length} bytes");
                }
                if from_firmware {
                    assert!(FirmwareMessage::parse(&bytes[..length]).is_err(), "{command:#x}, {length}");
                }
            }
            if from_host {
                assert!(HostMessage::parse(&bytes[..size]).is_ok());
            }
            if from_firmware {
                assert!(FirmwareMessage::parse(&bytes[..size]).is_ok());
            }
        }
        assert_eq!(FirmwareMessage::parse(&[]), Err(ParseError::Empty));
        for unused in [0x00, 0x09, 0x0C, 0x0D, 0x0E, 0x16, 0x80, 0xFF] {
            let bytes = [unused; 64];
            assert_eq!(FirmwareMessage::parse(&bytes), Err(ParseError::UnknownCommand(Command(unused))));
            assert!(HostMessage::parse(&bytes).is_err());
        }
    }

    #[test]
    fn bytes_on_the_wire() {
        let address = Address::new(7, 3);
        assert_eq!(HostEnumReq::new(3).as_bytes(), [0x04, 3, 0, 0]);
        assert_eq!(ClientConnectReq::new(address).as_bytes(), [0x06, 7, 3, 0]);
        assert_eq!(ClientDisconnectRes::new(address, Status::CLIENT_NOT_FOUND).as_bytes(), [0x87, 7, 3, 1]);
        assert_eq!(FlowControl::new(address).as_bytes(), [0x08, 7, 3, 0, 0, 0, 0, 0]);
        assert_eq!(NotifyReq::new(address, true).as_bytes(), [0x10, 7, 3, 1]);
        assert_eq!(
            NotifyRes::new(address, Status::ALREADY_STARTED, true).as_bytes(),
            [0x90, 7, 3, 6, 1, 0, 0, 0]
        );
        assert_eq!(CapabilitiesReq::new(capability::VTAG).as_bytes(), [0x13, 1, 0, 0]);
        let mut clients = HostEnumRes::new();
        clients.insert(7);
        clients.insert(33);
        assert_eq!(&clients.as_bytes()[4..9], [0x80, 0, 0, 0, 2]);
        assert!(clients.contains(33) && !clients.contains(32));
    }
}
