//! Answers, from their parts to the kernel in one system call.

use std::io::IoSlice;

use zerocopy::{Immutable, IntoBytes};

use crate::wire::{
    FileHandle, IOCTL_MAX_IOV, IoctlFlags, IoctlIovec, IoctlOut, NOTIFY_POLL, NotifyPollWakeupOut, OpenFlags,
    OpenOut, OutHeader, PollHandle, PollOut, Unique, WriteOut,
};
use crate::{Channel, Delivery, Errno, ReplyError};

/// The kernel takes −511 … 0; from 512 on are its internal codes (cuse.md §1).
const LARGEST_ERRNO: i32 = 511;

/// The number that fails a request with `errno`, EIO for one that the kernel would not take.
fn failure(errno: Errno) -> i32 {
    let number = errno.raw_os_error();
    if (1..=LARGEST_ERRNO).contains(&number) { -number } else { -Errno::IO.raw_os_error() }
}

/// The header of an answer with `payload` bytes behind it.
fn header(unique: Unique, error: i32, payload: usize) -> Result<OutHeader, ReplyError> {
    let length = payload.saturating_add(size_of::<OutHeader>());
    let len = u32::try_from(length).map_err(|_| ReplyError::TooLong { length })?;
    Ok(OutHeader { len, error, unique })
}

/// # Replies
///
/// Each answers the request of that name, now or later, once. [`Delivery::Forgotten`] is a success.
impl Channel {
    /// Fails a request.
    ///
    /// # Errors
    /// As [`ReplyError`]. An `errno` outside 1 … 511 goes out as EIO, so that the caller is not left waiting.
    pub fn reply_error(&self, unique: Unique, errno: Errno) -> Result<Delivery, ReplyError> {
        self.send(&[IoSlice::new(header(unique, failure(errno), 0)?.as_bytes())])
    }

    /// Success without a result: Release, Flush, Fsync.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn reply_empty(&self, unique: Unique) -> Result<Delivery, ReplyError> {
        self.reply_data(unique, &[])
    }

    /// The file is open and is `fh` from now on. If this returns [`Delivery::Forgotten`] the file was never
    /// opened and no Release follows. `open_flags` is [`OpenFlags::DEVICE`] for a device.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn reply_open(
        &self,
        unique: Unique,
        fh: FileHandle,
        open_flags: OpenFlags,
    ) -> Result<Delivery, ReplyError> {
        self.reply_struct(unique, &OpenOut { fh, open_flags, padding: 0 })
    }

    /// The bytes read, none for the end of the file. No more than were asked for.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn reply_data(&self, unique: Unique, data: &[u8]) -> Result<Delivery, ReplyError> {
        self.send(&[IoSlice::new(header(unique, 0, data.len())?.as_bytes()), IoSlice::new(data)])
    }

    /// `size` bytes are written.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn reply_write(&self, unique: Unique, size: u32) -> Result<Delivery, ReplyError> {
        self.reply_struct(unique, &WriteOut { size, padding: 0 })
    }

    /// The ioctl returns `result`, which is not range-checked: −512 restarts the call after a signal
    /// (cuse.md §6). `out` goes to the caller, at most `out_size` bytes.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn reply_ioctl(&self, unique: Unique, result: i32, out: &[u8]) -> Result<Delivery, ReplyError> {
        self.send_ioctl(unique, &IoctlOut { result, ..IoctlOut::default() }, out, &[])
    }

    /// Asks for the ioctl again, with the areas `input` copied in and with room for the areas `output`.
    /// Only for requests with [`IoctlFlags::UNRESTRICTED`].
    ///
    /// # Errors
    /// As [`ReplyError`]; [`ReplyError::TooLong`] for more than [`IOCTL_MAX_IOV`] areas.
    pub fn reply_ioctl_retry(
        &self,
        unique: Unique,
        input: &[IoctlIovec],
        output: &[IoctlIovec],
    ) -> Result<Delivery, ReplyError> {
        let length = input.len().saturating_add(output.len());
        let (Ok(in_iovs), Ok(out_iovs), 0..=IOCTL_MAX_IOV) =
            (u32::try_from(input.len()), u32::try_from(output.len()), length)
        else {
            return Err(ReplyError::TooLong { length });
        };
        let out = IoctlOut { result: 0, flags: IoctlFlags::RETRY, in_iovs, out_iovs };
        self.send_ioctl(unique, &out, input.as_bytes(), output.as_bytes())
    }

    /// The events present, as in `poll(2)`.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn reply_poll(&self, unique: Unique, revents: u32) -> Result<Delivery, ReplyError> {
        self.reply_struct(unique, &PollOut { revents, padding: 0 })
    }

    /// Announces that a polled file changed. The kernel asks again with POLL; one announcement too many does
    /// no harm, and an unknown `kh` is ignored. Change the state first, then announce.
    ///
    /// # Errors
    /// As [`ReplyError`].
    pub fn notify_poll(&self, kh: PollHandle) -> Result<Delivery, ReplyError> {
        let wakeup = NotifyPollWakeupOut { kh };
        let header = header(Unique(0), NOTIFY_POLL, size_of_val(&wakeup))?;
        self.send(&[IoSlice::new(header.as_bytes()), IoSlice::new(wakeup.as_bytes())])
    }

    /// Success with a structure.
    pub(crate) fn reply_struct<T>(&self, unique: Unique, answer: &T) -> Result<Delivery, ReplyError>
    where
        T: IntoBytes + Immutable,
    {
        self.reply_data(unique, answer.as_bytes())
    }

    /// Success with a structure and bytes behind it.
    pub(crate) fn reply_struct_and<T>(
        &self,
        unique: Unique,
        answer: &T,
        rest: &[u8],
    ) -> Result<Delivery, ReplyError>
    where
        T: IntoBytes + Immutable,
    {
        let header = header(unique, 0, size_of::<T>().saturating_add(rest.len()))?;
        self.send(&[IoSlice::new(header.as_bytes()), IoSlice::new(answer.as_bytes()), IoSlice::new(rest)])
    }

    fn send_ioctl(
        &self,
        unique: Unique,
        out: &IoctlOut,
        first: &[u8],
        second: &[u8],
    ) -> Result<Delivery, ReplyError> {
        let payload = size_of_val(out).saturating_add(first.len()).saturating_add(second.len());
        self.send(&[
            IoSlice::new(header(unique, 0, payload)?.as_bytes()),
            IoSlice::new(out.as_bytes()),
            IoSlice::new(first),
            IoSlice::new(second),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::channel;

    const U: Unique = Unique(0x42);

    /// What the kernel gets.
    fn written(reply: impl FnOnce(&Channel) -> Result<Delivery, ReplyError>) -> Vec<u8> {
        let (channel, kernel) = channel();
        assert_eq!(reply(&channel), Ok(Delivery::Delivered));
        let mut bytes = [0; 256];
        let length = rustix::io::read(&kernel, &mut bytes).unwrap();
        bytes[..length].to_vec()
    }

    #[test]
    fn an_error_is_a_header() {
        let bytes = written(|channel| channel.reply_error(U, Errno::INTR));
        assert_eq!(bytes, [16, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 0x42, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn an_errno_out_of_range_goes_out_as_eio() {
        for number in [512, 4095] {
            let bytes = written(|channel| channel.reply_error(U, Errno::from_raw_os_error(number)));
            assert_eq!(bytes[4..8], [0xfb, 0xff, 0xff, 0xff], "{number}");
        }
        assert_eq!(failure(Errno::from_raw_os_error(511)), -511);
    }

    #[test]
    fn an_empty_answer_is_a_header_with_zero() {
        let bytes = written(|channel| channel.reply_empty(U));
        assert_eq!(bytes, [16, 0, 0, 0, 0, 0, 0, 0, 0x42, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn open_answers_handle_and_flags() {
        let bytes = written(|channel| channel.reply_open(U, FileHandle(9), OpenFlags::DEVICE));
        assert_eq!(bytes[..16], [32, 0, 0, 0, 0, 0, 0, 0, 0x42, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..], [9, 0, 0, 0, 0, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn read_answers_the_bytes() {
        let bytes = written(|channel| channel.reply_data(U, b"hello"));
        assert_eq!(bytes[..4], [21, 0, 0, 0]);
        assert_eq!(bytes[16..], *b"hello");
    }

    #[test]
    fn write_answers_the_size() {
        let bytes = written(|channel| channel.reply_write(U, 0x1234));
        assert_eq!(bytes[..4], [24, 0, 0, 0]);
        assert_eq!(bytes[16..], [0x34, 0x12, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn ioctl_answers_result_and_bytes() {
        let bytes = written(|channel| channel.reply_ioctl(U, -512, &[1, 2, 3]));
        assert_eq!(bytes[..8], [35, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..32], [0, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[32..], [1, 2, 3]);
    }

    #[test]
    fn ioctl_retry_lists_areas_in_then_out() {
        let area = |base, len| IoctlIovec { base, len };
        let bytes = written(|channel| channel.reply_ioctl_retry(U, &[area(0x1000, 16)], &[area(0x2000, 20)]));
        assert_eq!(bytes[..8], [64, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..32], [0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes[32..48], [0, 0x10, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[48..], [0, 0x20, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn too_many_areas_are_not_written() {
        let (channel, _kernel) = channel();
        let areas = [IoctlIovec::default(); 256];
        assert_eq!(channel.reply_ioctl_retry(U, &areas, &[]), Ok(Delivery::Delivered));
        let error = channel.reply_ioctl_retry(U, &areas, &areas[..1]);
        assert_eq!(error, Err(ReplyError::TooLong { length: 257 }));
    }

    #[test]
    fn poll_answers_events() {
        let bytes = written(|channel| channel.reply_poll(U, 0x41));
        assert_eq!(bytes[..4], [24, 0, 0, 0]);
        assert_eq!(bytes[16..], [0x41, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_notification_has_no_unique() {
        let bytes = written(|channel| channel.notify_poll(PollHandle(0x10)));
        assert_eq!(bytes[..16], [24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..], [0x10, 0, 0, 0, 0, 0, 0, 0]);
    }
}
