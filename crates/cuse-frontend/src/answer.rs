//! Replies of the host as answers of the session, and the one table of error numbers.

use cuse::wire::{OpenFlags, Unique};
use cuse::{Channel, Delivery, Errno, ReplyError};
use mei_core::Reply;

use crate::calls::Kind;

/// What `poll(2)` says of a file that cannot be used: an error answer would say the same in more steps.
pub(crate) const POLLERR: u32 = 0x8;

/// Result of an ioctl that is to begin again after the signal, ERESTARTSYS (`cuse.md` §6).
const RESTART: i32 = -512;

/// The number that a program sees. Hosts give Linux's own numbers; ENOSYS is none of a driver and would
/// switch an operation off for good (`cuse.md` §3), so it is not let through.
pub(crate) fn errno(errno: mei_core::Errno) -> Errno {
    let errno = Errno::from_raw_os_error(i32::from(errno.0));
    if errno == Errno::NOSYS { Errno::IO } else { errno }
}

/// Answers the request `unique`, which asked for `kind`.
///
/// A reply that does not belong to `kind` is a mistake of the host; the caller gets EIO rather than nothing.
#[inline]
pub(crate) fn send(
    channel: &Channel,
    unique: Unique,
    kind: Kind,
    reply: Reply<'_>,
) -> Result<Delivery, ReplyError> {
    match (kind, reply) {
        (Kind::Open { fh, .. }, Reply::Opened(_)) => channel.reply_open(unique, fh, OpenFlags::DEVICE),
        (Kind::Read { size }, Reply::Data(data)) => channel.reply_data(unique, first(data, size)),
        (Kind::Write { size }, Reply::Written(taken)) => {
            channel.reply_write(unique, u32::try_from(taken).unwrap_or(size).min(size))
        }
        (Kind::Ioctl { room }, Reply::Ioctl(out)) => channel.reply_ioctl(unique, 0, first(out, room)),
        (Kind::Ioctl { .. }, Reply::Restart) => channel.reply_ioctl(unique, RESTART, &[]),
        (Kind::Poll, Reply::Events(events)) => channel.reply_poll(unique, events),
        // Never an error for these two: poll would read it as one, close has nobody to tell.
        (Kind::Poll, _) => channel.reply_poll(unique, POLLERR),
        (Kind::Release, _) | (Kind::Fsync, Reply::Done) => channel.reply_empty(unique),
        (_, Reply::Error(number)) => channel.reply_error(unique, errno(number)),
        (kind, reply) => {
            log::error!("{unique}: the host answers {kind:?} with {reply:?}");
            channel.reply_error(unique, Errno::IO)
        }
    }
}

/// Answers a request whose file the host does not know: the device went away under it.
pub(crate) fn refuse(channel: &Channel, unique: Unique, kind: Kind) -> Result<Delivery, ReplyError> {
    send(channel, unique, kind, Reply::Error(mei_core::Errno::NODEV))
}

/// As much of `data` as the request has room for; more would be refused by the kernel as a whole.
fn first(data: &[u8], room: u32) -> &[u8] {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    data.get(..room).unwrap_or(data)
}

/// Logs an answer that the kernel did not take. Its caller has got EIO, or the session has ended, which the
/// next look at it will tell.
pub(crate) fn note(unique: Unique, outcome: Result<Delivery, ReplyError>) -> Delivery {
    outcome.unwrap_or_else(|error| {
        log::error!("{unique}: {error}");
        Delivery::Forgotten
    })
}
