use super::Payload;
use crate::request::DecodeError;
use crate::wire::{FileHandle, PollFlags, PollHandle, PollIn};

/// One evaluation of `poll(2)`, `select(2)` or `epoll(7)` (cuse.md §9). Answer it at once, without filtering;
/// an error would read as POLLERR, and ENOSYS would end polling for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The file.
    pub fh: FileHandle,
    /// For [`notify_poll`](crate::Channel::notify_poll). Register it before computing the answer.
    pub kh: PollHandle,
    /// Whether somebody may sleep.
    pub flags: PollFlags,
    /// Events asked for, always with POLLERR and POLLHUP.
    pub events: u32,
}

impl Poll {
    /// Whether a change of readiness is to be announced from now on, until the file is released.
    #[must_use]
    pub fn schedule_notify(&self) -> bool {
        self.flags.contains(PollFlags::SCHEDULE_NOTIFY)
    }

    pub(crate) fn decode(payload: &mut Payload<'_>) -> Result<Self, DecodeError> {
        let PollIn { fh, kh, flags, events } = payload.take()?;
        Ok(Self { fh, kh, flags, events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use crate::request::tests::{framed, operation};

    #[test]
    fn poll_says_whether_somebody_sleeps() {
        let bytes = framed(
            40,
            &[
                3, 0, 0, 0, 0, 0, 0, 0, // fh
                0x10, 0, 0, 0, 0, 0, 0, 1, // kh
                1, 0, 0, 0, 0x1b, 0, 0, 0, // flags, events
            ],
        );
        let Operation::Poll(poll) = operation(&bytes) else { panic!() };
        assert_eq!((poll.fh, poll.kh, poll.events), (FileHandle(3), PollHandle(0x0100_0000_0000_0010), 0x1b));
        assert!(poll.schedule_notify());
    }
}
