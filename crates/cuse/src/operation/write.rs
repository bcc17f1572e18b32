use super::Payload;
use super::payload::length;
use crate::request::DecodeError;
use crate::wire::{FileFlags, FileHandle, WriteIn};

/// `write(2)` and its relatives. A write of 0 bytes never arrives (cuse.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// The file.
    pub fh: FileHandle,
    /// 0, or in the continuation of one large call the bytes already written (cuse.md §5).
    pub offset: u64,
    /// What is written, in the receive buffer.
    pub data: &'a [u8],
    /// Present flags of the file.
    pub flags: FileFlags,
}

impl<'a> Write<'a> {
    pub(crate) fn decode(payload: &mut Payload<'a>) -> Result<Self, DecodeError> {
        let WriteIn { fh, offset, size, flags, .. } = payload.take()?;
        Ok(Self { fh, offset, data: payload.bytes(length(size))?, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::DecodeError;
    use crate::request::Message;
    use crate::request::tests::{framed, operation};

    const HEAD: [u8; 40] = [
        3, 0, 0, 0, 0, 0, 0, 0, // fh
        0, 0, 0, 0, 0, 0, 0, 0, // offset
        5, 0, 0, 0, 2, 0, 0, 0, // size, write_flags
        9, 9, 9, 9, 9, 9, 9, 9, // lock_owner
        2, 0, 0, 0, 0, 0, 0, 0, // flags, padding
    ];

    #[test]
    fn write_borrows_its_data() {
        let bytes = framed(16, &[&HEAD[..], b"hello"].concat());
        let Operation::Write(write) = operation(&bytes) else { panic!() };
        assert_eq!((write.fh, write.offset, write.data), (FileHandle(3), 0, &b"hello"[..]));
        assert_eq!(write.data.as_ptr(), bytes[80..].as_ptr());
    }

    #[test]
    fn a_size_beyond_the_message_is_refused() {
        let mut head = HEAD;
        head[16..20].copy_from_slice(&[0xff; 4]);
        let bytes = framed(16, &[&head[..], b"hello"].concat());
        let error = Message::decode(&bytes).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { needed: 0xffff_ffff, length: 5, .. }), "{error}");
    }
}
