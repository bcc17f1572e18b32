use super::Payload;
use crate::request::DecodeError;
use crate::wire::{FileFlags, OpenIn};

/// `open(2)`. Never answer ENOSYS: the kernel would stop sending OPEN and RELEASE (cuse.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Flags of the call, with `O_LARGEFILE` on 64-bit machines.
    pub flags: FileFlags,
}

impl Open {
    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let OpenIn { flags, .. } = payload.take()?;
        Ok(Self { flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn open_carries_the_flags() {
        let bytes = framed(14, &[0x02, 0x88, 0, 0, 0, 0, 0, 0]);
        assert_eq!(operation(&bytes), Operation::Open(Open { flags: FileFlags(0x8802) }));
        assert!(FileFlags(0x8802).contains(FileFlags::NONBLOCK));
    }
}
