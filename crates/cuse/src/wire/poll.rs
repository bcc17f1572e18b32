use super::{FileHandle, PollFlags, PollHandle};

/// Code of the notification that polled files changed, in `OutHeader::error`.
pub const NOTIFY_POLL: i32 = 1;

wire! {
    /// POLL request (cuse.md §9).
    pub struct PollIn: 24 {
        /// The file.
        pub fh: FileHandle,
        /// The kernel's handle, for a notification.
        pub kh: PollHandle,
        /// Whether somebody may sleep.
        pub flags: PollFlags,
        /// Events asked for, as in `poll(2)`.
        pub events: u32,
    }

    /// POLL answer.
    pub struct PollOut: 8 {
        /// Events present, as in `poll(2)`.
        pub revents: u32,
        /// Zero.
        pub padding: u32,
    }

    /// Notification that a polled file changed.
    pub struct NotifyPollWakeupOut: 8 {
        /// From the POLL request.
        pub kh: PollHandle,
    }
}
