use super::Payload;
use crate::request::DecodeError;
use crate::wire::{FileHandle, ReleaseIn};

/// The last descriptor of the file is gone; no other request of it is on the way.
///
/// On a character device `close(2)` waits for the answer and cannot be killed meanwhile; behind a FUSE file
/// the message comes on its own time, after the [`Flush`](super::Flush) that `close(2)` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The file.
    pub fh: FileHandle,
}

impl Release {
    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let ReleaseIn { fh, .. } = payload.take()?;
        Ok(Self { fh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn release_names_the_file() {
        let mut payload = [0; 24];
        payload[..8].copy_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0x80]);
        let bytes = framed(18, &payload);
        assert_eq!(operation(&bytes), Operation::Release(Release { fh: FileHandle(0x8000_0000_0000_0003) }));
    }
}
