//! What is asked, one operation a file, each with its bytes.

mod directory;
mod flush;
mod fsync;
mod interrupt;
mod ioctl;
mod open;
mod payload;
mod poll;
mod read;
mod release;
mod write;

pub use directory::{DirectoryOperation, Forgets, Lookup};
pub use flush::Flush;
pub use fsync::Fsync;
pub use interrupt::Interrupt;
pub use ioctl::Ioctl;
pub use open::Open;
pub(crate) use payload::Payload;
pub use poll::Poll;
pub use read::Read;
pub use release::Release;
pub use write::Write;

use crate::request::DecodeError;
use crate::wire::Opcode;

/// What is asked of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Open it. Answer: [`reply_open`](crate::Channel::reply_open) or any error but ENOSYS.
    Open(Open),
    /// Read. Answer: [`reply_data`](crate::Channel::reply_data) or an error.
    Read(Read),
    /// Write. Answer: [`reply_write`](crate::Channel::reply_write) or an error.
    Write(Write<'a>),
    /// Control. Answer: [`reply_ioctl`](crate::Channel::reply_ioctl),
    /// [`reply_ioctl_retry`](crate::Channel::reply_ioctl_retry) or an error.
    Ioctl(Ioctl<'a>),
    /// Readiness. Answer at once: [`reply_poll`](crate::Channel::reply_poll), never an error.
    Poll(Poll),
    /// The last descriptor is gone. Answer soon: [`reply_empty`](crate::Channel::reply_empty).
    Release(Release),
    /// One descriptor is closed (FUSE only). Answer: [`reply_empty`](crate::Channel::reply_empty).
    Flush(Flush),
    /// Wait for written data (FUSE only). Answer: [`reply_empty`](crate::Channel::reply_empty) or an error.
    Fsync(Fsync),
    /// The caller of another request got a signal. **No answer to this one**; answer the other one.
    Interrupt(Interrupt),
}

impl<'a> Operation<'a> {
    /// Decodes what an opcode on an open file asks; none for any other opcode.
    #[inline(always)]
    pub(crate) fn decode(payload: &mut Payload<'a>) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match payload.opcode() {
            Opcode::OPEN => Self::Open(Open::decode(payload)?),
            Opcode::READ => Self::Read(Read::decode(payload)?),
            Opcode::WRITE => Self::Write(Write::decode(payload)?),
            Opcode::IOCTL => Self::Ioctl(Ioctl::decode(payload)?),
            Opcode::POLL => Self::Poll(Poll::decode(payload)?),
            Opcode::RELEASE => Self::Release(Release::decode(payload)?),
            Opcode::FLUSH => Self::Flush(Flush::decode(payload)?),
            Opcode::FSYNC => Self::Fsync(Fsync::decode(payload)?),
            Opcode::INTERRUPT => Self::Interrupt(Interrupt::decode(payload)?),
            _ => return Ok(None),
        }))
    }
}
