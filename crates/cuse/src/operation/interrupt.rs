use super::Payload;
use crate::request::DecodeError;
use crate::wire::{InterruptIn, Unique};

/// The caller of another request got a signal. Sent once per request, at the first signal; the request
/// may be answered already, or not yet seen (cuse.md §7).
///
/// This message itself gets no answer. **Never answer it ENOSYS**: the kernel would keep all later signals
/// to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// The request to end soon, usually with EINTR.
    pub target: Unique,
}

impl Interrupt {
    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let InterruptIn { unique: target } = payload.take()?;
        Ok(Self { target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn interrupt_names_its_target() {
        let bytes = framed(36, &[0x40, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(operation(&bytes), Operation::Interrupt(Interrupt { target: Unique(0x40) }));
    }
}
