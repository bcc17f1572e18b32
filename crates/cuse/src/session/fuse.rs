//! A file that behaves like a device, in a small directory.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use super::directory::{Answer, Directory};
use super::mount::{FileAttributes, FuseOptions, MountError, Mounted};
use super::{Received, Session, SessionError, Step, init, note, receive, receive_first, refuse};
use crate::operation::Operation;
use crate::request::{Body, Message};
use crate::wire::{IoctlFlags, Opcode};
use crate::{Buffer, Channel, Delivery, DeviceName, Errno};

/// A directory with one device-like file, served from this process. Dropping it unmounts; programs that have
/// the file open get ECONNABORTED, then ENOTCONN.
///
/// Each open is an inode of its own. The session answers everything about the directory; requests on the
/// open file go to the user of the session, as they do for a character device. Answer OPEN with
/// [`OpenFlags::DEVICE`](crate::wire::OpenFlags::DEVICE). How the file differs from a device is listed in
/// fuse-file.md §2.
#[derive(Debug)]
pub struct FuseSession {
    channel: Channel,
    mounted: Option<Mounted>,
    directory: Directory,
}

impl FuseSession {
    /// Mounts and begins a session. What a dead server left mounted there is replaced.
    ///
    /// # Errors
    /// [`MountError`]; nothing is left mounted then.
    pub fn mount(options: &FuseOptions) -> Result<Self, MountError> {
        let (fd, mounted) = Mounted::mount(options)?;
        let mut session = Self::begin(fd, options.name.clone(), options.file)?;
        session.mounted = Some(mounted);
        Ok(session)
    }

    /// Begins a session on a descriptor that somebody else has mounted, and will unmount.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn begin(fd: OwnedFd, name: DeviceName, file: FileAttributes) -> Result<Self, SessionError> {
        let channel = Channel::new(fd).map_err(SessionError::Read)?;
        let mut buffer = Buffer::new();
        let message = receive_first(&channel, &mut buffer)?;
        let Body::Init(init) = message.body else {
            return Err(SessionError::NotInitial { opcode: message.header.opcode });
        };
        channel.reply_struct(message.header.unique, &init::answer_init(&init)?)?;
        // A clock before 1970 makes old files, no more.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Ok(Self { mounted: None, channel, directory: Directory::new(name, file, since) })
    }

    /// Unmounts and ends the session.
    ///
    /// # Errors
    /// [`MountError::Unmount`] or [`MountError::Mountpoint`]; the session has ended all the same.
    pub fn unmount(mut self) -> Result<(), MountError> {
        self.detach()
    }

    fn detach(&mut self) -> Result<(), MountError> {
        let Some(mounted) = &mut self.mounted else { return Ok(()) };
        mounted.unmount(self.channel.connection().map_err(SessionError::Read)?)
    }

    /// How many inodes the kernel holds: one for each open file, and for a moment one for each path walked.
    #[must_use]
    pub fn inodes(&self) -> usize {
        self.directory.inodes()
    }

    /// Serves what is about the directory.
    fn serve(&mut self, message: &Message<'_>) -> Received<'static> {
        let Body::Directory(operation) = &message.body else {
            return refuse(&self.channel, message, refusal(message.header.opcode));
        };
        let unique = message.header.unique;
        let answer = self.directory.answer(message.header.nodeid, operation);
        let delivery = match &answer {
            Answer::Entry(entry) => self.channel.reply_struct(unique, entry),
            Answer::Attr(attr) => self.channel.reply_struct(unique, attr),
            Answer::Open(open) => self.channel.reply_struct(unique, open),
            Answer::Listing(listing) => self.channel.reply_data(unique, listing.as_bytes()),
            Answer::Statfs(statfs) => self.channel.reply_struct(unique, statfs),
            Answer::Empty => self.channel.reply_empty(unique),
            Answer::Error(errno) => self.channel.reply_error(unique, *errno),
            Answer::Silence => return Received::Served,
        };
        if let (Answer::Entry(entry), Ok(Delivery::Forgotten)) = (&answer, &delivery) {
            // The kernel never saw the inode and will not return it.
            self.directory.forget(entry.nodeid, 1);
        }
        note(unique, delivery);
        Received::Served
    }
}

/// What an operation is refused with that neither the session nor its user serves.
pub(super) fn refusal(opcode: Opcode) -> Errno {
    match opcode {
        Opcode::SYMLINK
        | Opcode::MKNOD
        | Opcode::MKDIR
        | Opcode::UNLINK
        | Opcode::RMDIR
        | Opcode::RENAME
        | Opcode::RENAME2
        | Opcode::LINK
        | Opcode::CREATE
        | Opcode::TMPFILE => Errno::PERM,
        _ => Errno::NOSYS,
    }
}

/// Ioctls on the directory, which have no file to go to.
fn is_on_directory(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::Ioctl(ioctl) if ioctl.flags.contains(IoctlFlags::DIR))
}

impl Session for FuseSession {
    #[inline(always)]
    fn recv<'b>(&mut self, buffer: &'b mut Buffer) -> Result<Received<'b>, SessionError> {
        Ok(match receive(&self.channel, buffer)? {
            Step::Request(request) if is_on_directory(&request.operation) => {
                note(request.unique, self.channel.reply_error(request.unique, Errno::NOTTY));
                Received::Served
            }
            Step::Request(request) => Received::Request(request),
            Step::Other(message) => self.serve(&message),
            Step::Done(received) => received,
        })
    }

    fn channel(&self) -> &Channel {
        &self.channel
    }

    fn set_gone(&mut self) {
        self.directory.set_gone();
    }

    fn set_back(&mut self) {
        self.directory.set_back();
    }
}

impl Drop for FuseSession {
    /// Unmounts before the descriptor is closed, so that nobody finds a dead file system.
    fn drop(&mut self) {
        if let Err(error) = self.detach() {
            log::warn!("{error}");
        }
    }
}

impl AsFd for FuseSession {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
