use super::Payload;
use crate::request::DecodeError;
use crate::wire::{FileHandle, FlushIn};

/// A descriptor of the file is closed, one of several perhaps. `close(2)` waits for the answer and returns
/// its error. Never sent for a character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// The file.
    pub fh: FileHandle,
}

impl Flush {
    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let FlushIn { fh, .. } = payload.take()?;
        Ok(Self { fh })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn flush_names_the_file() {
        let mut payload = [0xee; 24];
        payload[..8].copy_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0]);
        let bytes = framed(25, &payload);
        assert_eq!(operation(&bytes), Operation::Flush(Flush { fh: FileHandle(4) }));
    }
}
