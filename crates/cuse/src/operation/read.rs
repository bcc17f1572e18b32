use super::Payload;
use crate::request::DecodeError;
use crate::wire::{FileFlags, FileHandle, ReadIn};

/// `read(2)` and its relatives. A read of 0 bytes never arrives (cuse.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The file.
    pub fh: FileHandle,
    /// 0, or in the continuation of one large call the bytes already read (cuse.md §5).
    pub offset: u64,
    /// Most bytes of the answer.
    pub size: u32,
    /// Present flags of the file.
    pub flags: FileFlags,
}

impl Read {
    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let ReadIn { fh, offset, size, flags, .. } = payload.take()?;
        Ok(Self { fh, offset, size, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn read_carries_size_offset_and_flags() {
        let bytes = framed(
            15,
            &[
                3, 0, 0, 0, 0, 0, 0, 0, // fh
                0, 0, 2, 0, 0, 0, 0, 0, // offset
                0, 2, 0, 0, 2, 0, 0, 0, // size, read_flags
                9, 9, 9, 9, 9, 9, 9, 9, // lock_owner
                2, 8, 0, 0, 0, 0, 0, 0, // flags, padding
            ],
        );
        let expected = Read { fh: FileHandle(3), offset: 0x20000, size: 512, flags: FileFlags(0x802) };
        assert_eq!(operation(&bytes), Operation::Read(expected));
    }
}
