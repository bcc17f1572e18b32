use super::Payload;
use crate::request::DecodeError;
use crate::wire::{FileHandle, FsyncIn};

/// `fsync(2)` and `fdatasync(2)`. Never sent for a character device, where the kernel answers EINVAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fsync {
    /// The file.
    pub fh: FileHandle,
}

impl Fsync {
    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let FsyncIn { fh, .. } = payload.take()?;
        Ok(Self { fh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn fsync_names_the_file() {
        let bytes = framed(20, &[5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(operation(&bytes), Operation::Fsync(Fsync { fh: FileHandle(5) }));
    }
}
