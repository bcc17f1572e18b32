//! From the bytes of one message to what is asked. Total: every input gives a request or a typed error.

use zerocopy::FromBytes;

use crate::Errno;
use crate::operation::{DirectoryOperation, Forgets, Lookup, Operation, Payload};
use crate::wire::{CuseInitIn, InHeader, InitIn, NodeId, Opcode, Unique};

/// One request on an open file, borrowed from the receive buffer. It gets exactly one answer, now or later,
/// by its `unique`; only [`Operation::Interrupt`] gets none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Names the request in its answer.
    pub unique: Unique,
    /// The inode; 0 for a character device, different for each open of a FUSE file.
    pub nodeid: NodeId,
    /// File-system user id of the caller. Not filled for Release and Interrupt.
    pub uid: u32,
    /// File-system group id of the caller. Not filled for Release and Interrupt.
    pub gid: u32,
    /// **Thread** id of the caller in the server's pid namespace. 0 when it has none there, and for Release
    /// and Interrupt.
    pub pid: u32,
    /// What is asked.
    pub operation: Operation<'a>,
}

/// One message of the kernel, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who asks.
    pub header: InHeader,
    /// What is asked.
    pub body: Body<'a>,
}

/// The kinds of message, by who answers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// On an open file: for the user of a session.
    File(Operation<'a>),
    /// On the directory of a FUSE session: for the session itself.
    Directory(DirectoryOperation<'a>),
    /// The first message of a file system.
    Init(InitIn),
    /// The first message of a character device.
    CuseInit(CuseInitIn),
    /// Anything else; refused with ENOSYS or EPERM.
    Unknown,
}

/// A message that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not even a header.
    #[error("a message of {length} bytes is shorter than its header")]
    NoHeader {
        /// Bytes received.
        length: usize,
    },
    /// The header states another length than was received.
    #[error("{unique} (opcode {}) states {stated} bytes but has {length}", opcode.0)]
    Length {
        /// The request.
        unique: Unique,
        /// What it asks.
        opcode: Opcode,
        /// Bytes stated.
        stated: u32,
        /// Bytes received.
        length: usize,
    },
    /// The payload is shorter than the operation or its own fields demand.
    #[error("{unique} (opcode {}) needs {needed} bytes more but has {length}", opcode.0)]
    Truncated {
        /// The request.
        unique: Unique,
        /// What it asks.
        opcode: Opcode,
        /// Bytes the next part needs.
        needed: usize,
        /// Bytes left.
        length: usize,
    },
    /// A name is not ended by a NUL.
    #[error("{unique} (opcode {}) carries a name without an end", opcode.0)]
    Name {
        /// The request.
        unique: Unique,
        /// What it asks.
        opcode: Opcode,
    },
}

impl DecodeError {
    /// The request to answer, `None` if it is unknown or of a kind that gets no answer.
    #[must_use]
    pub fn unique(&self) -> Option<Unique> {
        match *self {
            Self::NoHeader { .. } => None,
            Self::Length { unique, opcode, .. }
            | Self::Truncated { unique, opcode, .. }
            | Self::Name { unique, opcode } => expects_answer(opcode).then_some(unique),
        }
    }

    /// What to answer it with.
    #[must_use]
    pub fn errno(&self) -> Errno {
        Errno::IO
    }
}

/// Whether the kernel waits for an answer to `opcode`.
fn expects_answer(opcode: Opcode) -> bool {
    !matches!(opcode, Opcode::FORGET | Opcode::BATCH_FORGET | Opcode::INTERRUPT | Opcode::NOTIFY_REPLY)
}

/// The header of a message, and what is behind it.
#[inline]
fn header(bytes: &[u8]) -> Result<(InHeader, Payload<'_>), DecodeError> {
    let length = bytes.len();
    let Ok((header, rest)) = InHeader::read_from_prefix(bytes) else {
        return Err(DecodeError::NoHeader { length });
    };
    let InHeader { unique, opcode, len: stated, .. } = header;
    if usize::try_from(stated) != Ok(length) {
        return Err(DecodeError::Length { unique, opcode, stated, length });
    }
    Ok((header, Payload::new(unique, opcode, rest)))
}

impl<'a> Request<'a> {
    /// Decodes a message that is a request on an open file, as nearly all are, without the detour by [`Message`]. None
    /// for any other, and for one that is malformed.
    #[inline(always)]
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut payload) = header(bytes).ok()?;
        let InHeader { unique, nodeid, uid, gid, pid, .. } = header;
        let operation = Operation::decode(&mut payload).ok()??;
        Some(Self { unique, nodeid, uid, gid, pid, operation })
    }
}

impl<'a> Message<'a> {
    /// Decodes what one `read(2)` gave.
    ///
    /// Bytes behind the known part of a payload are ignored: the protocol grows at the end.
    ///
    /// # Errors
    /// [`DecodeError`] for anything shorter than it should be.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (header, payload) = header(bytes)?;
        Ok(Self { header, body: Body::decode(payload)? })
    }

    /// The request to refuse when nobody knows what to do with this message; `None` if it gets no answer.
    pub(crate) fn refusable(&self) -> Option<Unique> {
        expects_answer(self.header.opcode).then_some(self.header.unique)
    }
}

impl<'a> Body<'a> {
    fn decode(mut payload: Payload<'a>) -> Result<Self, DecodeError> {
        let payload = &mut payload;
        if let Some(operation) = Operation::decode(payload)? {
            return Ok(Self::File(operation));
        }
        Ok(match payload.opcode() {
            Opcode::LOOKUP => Self::Directory(DirectoryOperation::Lookup(Lookup::decode(payload)?)),
            Opcode::FORGET => Self::Directory(DirectoryOperation::Forget(payload.take()?)),
            Opcode::BATCH_FORGET => {
                Self::Directory(DirectoryOperation::BatchForget(Forgets::decode(payload)?))
            }
            Opcode::GETATTR => Self::Directory(DirectoryOperation::Getattr(payload.take()?)),
            Opcode::SETATTR => Self::Directory(DirectoryOperation::Setattr(payload.take()?)),
            Opcode::READLINK => Self::Directory(DirectoryOperation::Readlink),
            Opcode::OPENDIR => Self::Directory(DirectoryOperation::Opendir(payload.take()?)),
            Opcode::READDIR => Self::Directory(DirectoryOperation::Readdir(payload.take()?)),
            Opcode::RELEASEDIR => Self::Directory(DirectoryOperation::Releasedir(payload.take()?)),
            Opcode::ACCESS => Self::Directory(DirectoryOperation::Access(payload.take()?)),
            Opcode::STATFS => Self::Directory(DirectoryOperation::Statfs),
            Opcode::INIT => Self::Init(payload.take()?),
            Opcode::CUSE_INIT => Self::CuseInit(payload.take()?),
            _ => Self::Unknown,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A whole message: the header, with recognisable values, and `payload`.
    pub(crate) fn framed(opcode: u16, payload: &[u8]) -> Vec<u8> {
        let [low, high] = opcode.to_le_bytes();
        let [len_low, len_high] = u16::try_from(40 + payload.len()).unwrap().to_le_bytes();
        let mut bytes = vec![
            len_low, len_high, 0, 0, low, high, 0, 0, // len, opcode
            0x42, 0, 0, 0, 0, 0, 0, 0, // unique
            7, 0, 0, 0, 0, 0, 0, 0, // nodeid
            0xe8, 3, 0, 0, 0xe9, 3, 0, 0, // uid, gid
            0x39, 5, 0, 0, 0, 0, 0, 0, // pid, total_extlen, padding
        ];
        bytes.extend_from_slice(payload);
        bytes
    }

    /// What a valid message on an open file asks.
    pub(crate) fn operation(bytes: &[u8]) -> Operation<'_> {
        match Message::decode(bytes).unwrap().body {
            Body::File(operation) => operation,
            other => panic!("{other:?}"),
        }
    }

    /// A valid message of every opcode with a payload, each as short as it can be.
    fn messages() -> Vec<Vec<u8>> {
        let mut ioctl = vec![0; 32];
        ioctl[24] = 4; // in_size
        ioctl.extend([1, 2, 3, 4]);
        let mut write = vec![0; 40];
        write[16] = 3; // size
        write.extend(*b"abc");
        let mut forgets = vec![2, 0, 0, 0, 0, 0, 0, 0];
        forgets.extend([0; 32]);
        let payloads: [(u16, Vec<u8>); 20] = [
            (1, b"mei0\0".to_vec()),
            (2, vec![0; 8]),
            (3, vec![0; 16]),
            (4, vec![0; 88]),
            (14, vec![0; 8]),
            (15, vec![0; 40]),
            (16, write),
            (18, vec![0; 24]),
            (20, vec![0; 16]),
            (25, vec![0; 24]),
            (26, vec![0; 16]),
            (27, vec![0; 8]),
            (28, vec![0; 40]),
            (29, vec![0; 24]),
            (34, vec![0; 8]),
            (36, vec![0; 8]),
            (39, ioctl),
            (40, vec![0; 24]),
            (42, forgets),
            (4096, vec![0; 16]),
        ];
        payloads.iter().map(|(opcode, payload)| framed(*opcode, payload)).collect()
    }

    #[test]
    fn the_header_says_who_asks() {
        let bytes = framed(14, &[2, 0x80, 0, 0, 0, 0, 0, 0]);
        let request = Request::decode(&bytes).unwrap();
        assert_eq!((request.unique, request.nodeid), (Unique(0x42), NodeId(7)));
        assert_eq!((request.uid, request.gid, request.pid), (1000, 1001, 1337));
    }

    #[test]
    fn every_truncation_of_every_message_is_an_error() {
        for whole in messages() {
            assert!(Message::decode(&whole).is_ok(), "{whole:?}");
            for length in 0..whole.len() {
                let mut cut = whole[..length].to_vec();
                let error = Message::decode(&cut).expect_err("a cut message");
                let opcode = u32::from(whole[4]) | u32::from(whole[5]) << 8;
                let silent = length < 40 || [2, 36, 42].contains(&opcode);
                assert_eq!(error.unique(), (!silent).then_some(Unique(0x42)), "opcode {opcode} at {length}");
                if length >= 40 {
                    // The same with a header that agrees: now the payload must give it away.
                    cut[0] = u8::try_from(length).unwrap();
                    Message::decode(&cut).expect_err("a short payload");
                }
            }
        }
    }

    #[test]
    fn longer_payloads_of_later_kernels_are_read_as_far_as_known() {
        for whole in messages() {
            let mut longer = whole.clone();
            longer.extend([0; 8]);
            longer[0] += 8;
            let (message, grown) = (Message::decode(&whole).unwrap(), Message::decode(&longer).unwrap());
            assert_eq!(message.body, grown.body);
        }
    }

    #[test]
    fn an_unknown_opcode_is_kept() {
        let bytes = framed(999, &[1, 2, 3]);
        let message = Message::decode(&bytes).unwrap();
        assert_eq!((message.body, message.header.opcode), (Body::Unknown, Opcode(999)));
        assert_eq!(message.refusable(), Some(Unique(0x42)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic(opcode in 0u16..60, payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = framed(opcode, &payload);
            if let Ok(Message { body: Body::Directory(DirectoryOperation::BatchForget(forgets)), .. }) =
                Message::decode(&bytes)
            {
                prop_assert!(forgets.count() <= payload.len() / 16);
            }
        }

        #[test]
        fn no_noise_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Message::decode(&bytes);
        }
    }
}
