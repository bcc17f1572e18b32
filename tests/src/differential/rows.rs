//! The rows of `docs/parity.md` that random calls come upon, told by a call, the state of its file, and its result.

use super::history::State::{Closed, Connected, Ended, Fresh};
use super::hits::Seen;
use super::step::{Breach, Do, Place, Step};
use crate::files::{Errno, POLLERR, POLLOUT};

type Is = fn(&Seen<'_>) -> bool;

impl Seen<'_> {
    fn call(&self) -> Option<&Do> {
        match self.step {
            Step::Call { call, .. } | Step::Park { call, .. } => Some(call),
            Step::Race { calls, .. } => Some(&calls[0]),
            _ => None,
        }
    }

    fn is(&self, kind: &str) -> bool {
        self.call().is_some_and(|call| call.kind() == kind)
    }

    fn ok(&self) -> bool {
        matches!(self.result, Some(Ok(_)))
    }

    fn fails(&self, errno: Errno) -> bool {
        self.result == Some(Err(errno))
    }

    fn nonblocking(&self) -> bool {
        self.file.is_some_and(|file| file.nonblocking)
    }

    fn bad_pointer(&self) -> bool {
        match self.call() {
            Some(
                Do::Connect { at, .. }
                | Do::ConnectVtag { at, .. }
                | Do::NotifySet { at, .. }
                | Do::NotifyGet { at }
                | Do::Ioctl { at, .. }
                | Do::Read { at, .. }
                | Do::Write { at, .. },
            ) => *at != Place::Good,
            _ => false,
        }
    }

    fn length(&self) -> Option<usize> {
        match self.call()? {
            Do::Read { size, .. } => Some(*size),
            Do::Write { length, .. } => Some(*length),
            _ => None,
        }
    }

    fn mtu(&self) -> Option<usize> {
        Some(self.file?.client?.mtu())
    }

    fn parked(&self) -> bool {
        matches!(self.step, Step::Park { .. })
    }
}

/// The rows.
pub(super) const ROWS: [(&str, Is); 85] = [
    ("O1", |s| matches!(s.step, Step::Open { nonblocking: false, .. }) && s.ok()),
    ("O2", |s| matches!(s.step, Step::Open { nonblocking: true, .. }) && s.ok()),
    ("C1", |s| matches!(s.step, Step::Close { .. }) && s.state == Fresh && s.ok()),
    ("C2", |s| matches!(s.step, Step::Duplicate { .. }) && s.state == Connected && s.ok()),
    ("C3", |s| matches!(s.step, Step::Close { .. }) && s.state == Connected && s.ok()),
    ("C6", |s| matches!(s.step, Step::Close { .. }) && s.file.is_some_and(|f| f.readers > 0) && s.ok()),
    ("C7", |s| matches!(s.step, Step::Close { .. }) && s.state == Ended && s.ok()),
    ("C8", |s| matches!(s.step, Step::SilentClose { .. }) && s.ok()),
    ("I1", |s| s.is("ioctl") && s.state == Fresh && !s.bad_pointer() && s.fails(Errno::ENOTTY)),
    ("I2", |s| s.is("ioctl") && s.state == Connected && s.fails(Errno::ENOTTY)),
    ("I4", |s| s.is("ioctl") && s.bad_pointer() && s.fails(Errno::ENOTTY)),
    ("I8", |s| s.is("fionbio") && s.state == Connected && s.ok()),
    ("K1", |s| s.is("connect") && s.state == Fresh && s.fails(Errno::ENOTTY)),
    ("K5", |s| s.is("connect") && s.state == Fresh && s.ok()),
    ("K7", |s| s.is("connect") && s.state == Connected && s.fails(Errno::EBUSY)),
    ("K10", |s| s.is("connect") && s.state == Connected && s.fails(Errno::ENOTTY)),
    ("K11", |s| s.is("connect") && s.state == Fresh && s.fails(Errno::EBUSY)),
    ("K14", |s| s.is("connect") && s.state == Fresh && s.bad_pointer() && s.fails(Errno::EFAULT)),
    ("K16", |s| s.is("connect") && s.state == Connected && s.bad_pointer() && s.fails(Errno::EFAULT)),
    ("K20", |s| matches!(s.step, Step::Delay { .. }) && s.ok()),
    ("K25", |s| refused(s, 2, Errno::EBUSY)),
    ("K26", |s| refused(s, 3, Errno::EBUSY)),
    ("K27", |s| refused(s, 4, Errno::EINVAL)),
    ("K28", |s| refused(s, 5, Errno::EBUSY)),
    ("K29", |s| refused(s, 9, Errno::EINVAL)),
    ("K37", |s| matches!(s.step, Step::SilentConnect { .. }) && s.fails(Errno::EFAULT)),
    ("K45", |s| s.is("connect") && s.state == Ended && s.ok()),
    ("V1", |s| s.is("connect-vtag") && s.state == Fresh && s.fails(Errno::EOPNOTSUPP)),
    ("V3", |s| s.is("connect-vtag") && s.bad_pointer() && s.fails(Errno::EFAULT)),
    ("V4", |s| s.is("connect-vtag") && s.fails(Errno::ENOTTY)),
    ("V7", |s| s.is("connect-vtag") && s.state == Fresh && s.fails(Errno::EINVAL)),
    ("V8", |s| s.is("connect-vtag") && s.state == Fresh && s.ok()),
    ("V10", |s| s.is("connect-vtag") && s.state == Connected && s.fails(Errno::EBUSY)),
    ("N1", |s| s.is("notify-set") && s.state == Fresh && s.fails(Errno::ENODEV)),
    ("N2", |s| s.is("notify-set") && s.state == Fresh && s.fails(Errno::EINVAL)),
    ("N3", |s| s.is("notify-set") && s.bad_pointer() && s.fails(Errno::EFAULT)),
    ("N4", |s| s.is("notify-set") && s.fails(Errno::EOPNOTSUPP)),
    ("N6", |s| s.is("notify-set") && s.state == Connected && s.ok()),
    ("N8", |s| s.is("notify-set") && s.state == Connected && s.fails(Errno::EINVAL)),
    ("N10", |s| matches!(s.step, Step::RefuseNotify { .. }) && s.fails(Errno::EINVAL)),
    ("N12", |s| matches!(s.step, Step::SilentNotify { .. }) && s.fails(Errno::EFAULT)),
    ("N14", |s| s.is("notify-set") && s.state == Ended && s.fails(Errno::ENODEV)),
    ("G1", |s| s.is("notify-get") && s.state == Fresh && s.fails(Errno::ENODEV)),
    ("G3", |s| s.is("notify-get") && s.fails(Errno::EOPNOTSUPP)),
    ("G4", |s| s.is("notify-get") && s.ok()),
    ("G7", |s| s.is("notify-get") && s.parked() && s.result.is_none()),
    ("G8", |s| s.is("notify-get") && s.fails(Errno::EAGAIN)),
    ("G9", |s| s.is("notify-get") && s.fails(Errno::EINTR)),
    ("G26", |s| s.is("notify-get") && s.state == Ended && s.fails(Errno::ENODEV)),
    ("R1", |s| s.is("read") && s.state == Fresh && s.length() == Some(0) && s.ok()),
    ("R2", |s| s.is("read") && s.state == Fresh && s.fails(Errno::ENODEV)),
    ("R6", |s| s.is("read") && s.state == Connected && matches!(s.result, Some(Ok(1..)))),
    ("R9", |s| s.is("read") && s.parked() && s.result.is_none()),
    ("R10", |s| s.is("read") && s.state == Connected && s.length() == Some(0) && s.ok()),
    ("R11", |s| s.is("read") && s.nonblocking() && s.fails(Errno::EAGAIN)),
    ("R13", |s| s.is("read") && s.fails(Errno::EINTR)),
    ("R23", |s| s.is("read") && s.fails(Errno::EMSGSIZE)),
    ("R24", |s| s.is("read") && s.file.is_some_and(|f| f.uncredited) && s.fails(Errno::EAGAIN)),
    ("R41", |s| s.is("read") && s.state == Ended && s.fails(Errno::ENODEV)),
    ("R42", |s| s.is("read") && s.state == Ended && matches!(s.result, Some(Ok(1..)))),
    ("W2", |s| s.is("write") && s.state == Fresh && s.fails(Errno::ENODEV)),
    ("W5", |s| s.is("write") && s.state == Connected && s.length() == s.mtu() && s.ok()),
    ("W6", |s| s.is("write") && s.state == Connected && s.fails(Errno::EFBIG)),
    ("W10", |s| s.is("write") && s.state == Connected && s.length() == Some(0) && s.ok()),
    ("W11", |s| s.is("write") && s.bad_pointer() && s.fails(Errno::EFAULT)),
    ("W15", |s| matches!(s.step, Step::Fill { .. }) && matches!(s.result, Some(Ok(20..)))),
    ("W21", |s| matches!(s.step, Step::Fill { .. }) && s.result == Some(Ok(51))),
    ("W22", |s| s.is("write") && s.nonblocking() && s.fails(Errno::EAGAIN)),
    ("W33", |s| s.is("write") && s.state == Ended && s.fails(Errno::ENODEV)),
    ("P1", |s| s.is("poll") && s.state == Fresh && s.result == Some(Ok(i64::from(POLLERR)))),
    ("P6", |s| s.is("poll") && s.state == Connected && s.result == Some(Ok(i64::from(POLLOUT)))),
    ("P9", |s| s.is("poll") && s.state == Connected && s.result == Some(Ok(0))),
    ("P12", |s| s.is("poll") && s.state == Connected && matches!(s.result, Some(Ok(0x100..)))),
    ("P24", |s| s.is("poll") && s.state == Ended && s.result == Some(Ok(i64::from(POLLERR)))),
    ("S1", |s| s.is("fsync") && s.state == Fresh && s.fails(Errno::ENODEV)),
    ("S2", |s| s.is("fdatasync") && s.state == Fresh && s.fails(Errno::ENODEV)),
    ("S4", |s| s.is("fsync") && s.state == Connected && s.ok()),
    ("S8", |s| s.is("fsync") && s.fails(Errno::EINTR)),
    ("S13", |s| s.is("fsync") && s.state == Ended && s.fails(Errno::ENODEV)),
    ("X1", |s| s.is("seek") && s.fails(Errno::ESPIPE)),
    ("L1", |s| s.step.kind() == "event disconnect" && s.state == Closed),
    ("L3", |s| matches!(s.step, Step::Reset(Breach::BadHeader))),
    ("L5", |s| matches!(s.step, Step::Reset(Breach::UnknownCommand))),
    ("L6", |s| matches!(s.step, Step::Reset(Breach::FrameToNobody))),
    ("L7", |s| matches!(s.step, Step::Reset(Breach::DropReady))),
];

/// The events, by the kinds of their steps.
pub(super) const EVENTS: [&str; 20] = [
    "event bad header",
    "event client added",
    "event client removed",
    "event connect delayed",
    "event connect refused",
    "event connect unanswered",
    "event credit granted",
    "event credit withheld",
    "event disconnect",
    "event disconnect unanswered",
    "event frame to nobody",
    "event link reset",
    "event message",
    "event message without credit",
    "event notify",
    "event notify refused",
    "event notify unanswered",
    "event unknown bus message",
    "signal",
    "two calls at once",
];

fn refused(seen: &Seen<'_>, with: u8, errno: Errno) -> bool {
    matches!(seen.step, Step::Refuse { status, .. } if *status == with)
        && seen.state == Fresh
        && seen.fails(errno)
}
