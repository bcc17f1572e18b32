//! A file system of small files made up when they are read, as sysfs is.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::FileType;
use rustix::process::{getegid, geteuid};
use zerocopy::IntoBytes;

use super::mount::{FuseOptions, MountError, Mounted};
use super::{Received, SessionError, Step, init, note, receive, receive_first, refuse};
use crate::channel::Connection;
use crate::operation::{DirectoryOperation, Operation};
use crate::request::{Body, Message};
use crate::wire::{
    Attr, AttrOut, Dirent, EntryOut, FileHandle, NodeId, OpenFlags, OpenOut, PollHandle, ReadIn, StatfsOut,
    Unique,
};
use crate::{Buffer, Channel, Delivery, Errno, ReplyError};

/// Size that sysfs shows for every attribute, whatever is in it.
const FILE_SIZE: u64 = 4096;
const PAGE: u32 = 4096;
const NAME_MAX: u32 = 255;
/// Longest answer to READDIR; directories are small, and whoever wants more asks again.
const LISTING: usize = 4096;
/// Files open at a time.
const MOST_OPEN: usize = 4096;

/// POLLIN, POLLOUT, POLLRDNORM and POLLWRNORM: an attribute can be read and written at any time.
const ALWAYS: u32 = 0x0145;
/// POLLERR and POLLPRI: it changed since it was read.
const CHANGED: u32 = 0x000A;

/// What a [`TreeSession`] shows. Nodes are never forgotten: a tree is as large as it was at its largest.
pub trait Tree {
    /// What `node` is; `None` if it is no more.
    fn entry(&self, node: NodeId) -> Option<Entry<'_>>;

    /// What the directory `parent` has under `name`.
    fn find(&self, parent: NodeId, name: &[u8]) -> Option<NodeId>;

    /// Entry number `index` of the directory `parent`, from 0; `None` from the end on.
    fn child(&self, parent: NodeId, index: usize) -> Option<(NodeId, &str)>;

    /// Appends what `file` reads as to `text`.
    ///
    /// # Errors
    /// What `read(2)` fails with.
    fn read(&mut self, file: NodeId, text: &mut Vec<u8>) -> Result<(), Errno>;

    /// Takes what is written to `file`, all of it in one piece.
    ///
    /// # Errors
    /// What `write(2)` fails with.
    fn write(&mut self, file: NodeId, data: &[u8]) -> Result<(), Errno>;
}

/// What a node of a [`Tree`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A directory; [`NodeId::ROOT`] is one.
    Directory,
    /// A symbolic link to there.
    Link(&'a str),
    /// A file with these permission bits.
    File(u32),
}

/// A mounted [`Tree`]. Dropping it unmounts.
#[derive(Debug)]
pub struct TreeSession<T> {
    channel: Channel,
    mounted: Option<Mounted>,
    tree: T,
    /// By number, which is the file's handle.
    files: Vec<Option<OpenFile>>,
    listing: Vec<u8>,
}

#[derive(Debug)]
struct OpenFile {
    node: NodeId,
    text: Vec<u8>,
    state: Seen,
    poller: Option<PollHandle>,
}

/// Whether a file was read since it changed. One that was never read has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Changed,
    Read,
}

impl<T: Tree> TreeSession<T> {
    /// Mounts `tree`; of the options the file's name and attributes are not used. Everything belongs to the
    /// user of this process.
    ///
    /// # Errors
    /// [`MountError`]; nothing is left mounted then.
    pub fn mount(options: &FuseOptions, tree: T) -> Result<Self, MountError> {
        let (fd, mounted) = Mounted::mount(options)?;
        let mut session = Self::begin(fd, tree)?;
        session.mounted = Some(mounted);
        Ok(session)
    }

    /// Serves `tree` on a descriptor that somebody else has mounted, and will unmount.
    ///
    /// # Errors
    /// [`SessionError`].
    pub fn begin(fd: OwnedFd, tree: T) -> Result<Self, SessionError> {
        let channel = Channel::new(fd).map_err(SessionError::Read)?;
        let mut buffer = Buffer::new();
        let message = receive_first(&channel, &mut buffer)?;
        let Body::Init(init) = message.body else {
            return Err(SessionError::NotInitial { opcode: message.header.opcode });
        };
        channel.reply_struct(message.header.unique, &init::answer_init(&init)?)?;
        Ok(Self { channel, mounted: None, tree, files: Vec::new(), listing: Vec::new() })
    }

    /// What is shown.
    pub fn tree_mut(&mut self) -> &mut T {
        &mut self.tree
    }

    /// Serves one message, if one waits. Never returns [`Received::Request`].
    ///
    /// # Errors
    /// [`SessionError::Read`] when the descriptor fails.
    pub fn serve(&mut self, buffer: &mut Buffer) -> Result<Received<'static>, SessionError> {
        match receive(&self.channel, buffer)? {
            Step::Request(request) => self.on_file(request.nodeid, request.unique, &request.operation),
            Step::Other(message) => match &message.body {
                Body::Directory(operation) => {
                    self.about(message.header.nodeid, message.header.unique, operation);
                }
                _ => return Ok(self.refuse(&message)),
            },
            Step::Done(received) => return Ok(received),
        }
        Ok(Received::Served)
    }

    /// `file` reads as something else now: whoever polls it is told, once until it is read.
    pub fn notify(&mut self, file: NodeId) {
        for open in self.files.iter_mut().flatten().filter(|open| open.node == file) {
            open.state = Seen::Changed;
            if let Some(poller) = open.poller.take() {
                note(Unique(0), self.channel.notify_poll(poller));
            }
        }
    }

    fn refuse(&self, message: &Message<'_>) -> Received<'static> {
        refuse(&self.channel, message, super::fuse::refusal(message.header.opcode))
    }

    fn about(&mut self, node: NodeId, unique: Unique, operation: &DirectoryOperation<'_>) {
        let channel = &self.channel;
        let outcome = match operation {
            DirectoryOperation::Forget(_) | DirectoryOperation::BatchForget(_) => return,
            DirectoryOperation::Lookup(lookup) => {
                let found = self.tree.find(node, lookup.name);
                match found.and_then(|nodeid| Some((nodeid, self.attr(nodeid)?))) {
                    Some((nodeid, attr)) => {
                        channel.reply_struct(unique, &EntryOut { nodeid, attr, ..EntryOut::default() })
                    }
                    None => channel.reply_error(unique, Errno::NOENT),
                }
            }
            DirectoryOperation::Setattr(change) if !change.valid.is_harmless() => {
                channel.reply_error(unique, Errno::PERM)
            }
            DirectoryOperation::Getattr(_) | DirectoryOperation::Setattr(_) => match self.attr(node) {
                Some(attr) => channel.reply_struct(unique, &AttrOut { attr, ..AttrOut::default() }),
                None => channel.reply_error(unique, Errno::STALE),
            },
            DirectoryOperation::Readlink => match self.tree.entry(node) {
                Some(Entry::Link(target)) => channel.reply_data(unique, target.as_bytes()),
                Some(Entry::Directory | Entry::File(_)) | None => channel.reply_error(unique, Errno::INVAL),
            },
            DirectoryOperation::Opendir(_) => channel.reply_struct(unique, &OpenOut::default()),
            DirectoryOperation::Readdir(read) => self.list(node, unique, read),
            DirectoryOperation::Releasedir(_) | DirectoryOperation::Access(_) => channel.reply_empty(unique),
            DirectoryOperation::Statfs => channel.reply_struct(
                unique,
                &StatfsOut { bsize: PAGE, frsize: PAGE, namelen: NAME_MAX, ..StatfsOut::default() },
            ),
        };
        note(unique, outcome);
    }

    fn attr(&self, node: NodeId) -> Option<Attr> {
        let (kind, permissions, nlink, size) = match self.tree.entry(node)? {
            Entry::Directory => (FileType::Directory, 0o755, 2, 0),
            Entry::Link(target) => (FileType::Symlink, 0o777, 1, target.len() as u64),
            Entry::File(mode) => (FileType::RegularFile, mode, 1, FILE_SIZE),
        };
        let mode = kind.as_raw_mode() | permissions;
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        Some(Attr { ino: node.0, size, mode, nlink, uid, gid, blksize: PAGE, ..Attr::default() })
    }

    /// The entries from `read.offset` on, as many as fit.
    fn list(&mut self, node: NodeId, unique: Unique, read: &ReadIn) -> Result<Delivery, ReplyError> {
        let limit = usize::try_from(read.size).unwrap_or(usize::MAX).min(LISTING);
        let from = usize::try_from(read.offset).unwrap_or(usize::MAX);
        self.listing.clear();
        for index in from..usize::MAX {
            let (child, name) = match index {
                0 => (node, "."),
                // Where that is only the kernel knows, and it does not look here for it.
                1 => (node, ".."),
                _ => match self.tree.child(node, index - 2) {
                    Some(found) => found,
                    None => break,
                },
            };
            let kind = match self.tree.entry(child) {
                Some(Entry::Directory) | None => FileType::Directory,
                Some(Entry::Link(_)) => FileType::Symlink,
                Some(Entry::File(_)) => FileType::RegularFile,
            };
            let Ok(namelen) = u32::try_from(name.len()) else { break };
            let off = index as u64 + 1;
            let head = Dirent { ino: child.0, off, namelen, kind: kind.as_raw_mode() >> 12 };
            let end = self.listing.len() + size_of::<Dirent>() + name.len().next_multiple_of(8);
            if end > limit {
                break;
            }
            self.listing.extend_from_slice(head.as_bytes());
            self.listing.extend_from_slice(name.as_bytes());
            self.listing.resize(end, 0);
        }
        self.channel.reply_data(unique, &self.listing)
    }

    fn on_file(&mut self, node: NodeId, unique: Unique, operation: &Operation<'_>) {
        let channel = &self.channel;
        let outcome = match operation {
            Operation::Interrupt(_) => return,
            Operation::Open(_) => match Self::open(&mut self.files, node) {
                Some(fh) => match channel.reply_open(unique, fh, OpenFlags::DIRECT_IO) {
                    Ok(Delivery::Forgotten) => {
                        close(&mut self.files, fh);
                        return;
                    }
                    outcome => outcome,
                },
                None => channel.reply_error(unique, Errno::NFILE),
            },
            Operation::Read(read) => match file(&mut self.files, read.fh) {
                Some(file) => match file.read(&mut self.tree, read.offset, read.size) {
                    Ok(bytes) => channel.reply_data(unique, bytes),
                    Err(errno) => channel.reply_error(unique, errno),
                },
                None => channel.reply_error(unique, Errno::BADF),
            },
            Operation::Write(write) => match self.tree.write(node, write.data) {
                Ok(()) => channel.reply_write(unique, u32::try_from(write.data.len()).unwrap_or(u32::MAX)),
                Err(errno) => channel.reply_error(unique, errno),
            },
            Operation::Poll(poll) => {
                let mut events = ALWAYS;
                if let Some(file) = file(&mut self.files, poll.fh) {
                    file.poller = poll.schedule_notify().then_some(poll.kh).or(file.poller);
                    events |= if file.state == Seen::Changed { CHANGED } else { 0 };
                }
                channel.reply_poll(unique, events)
            }
            Operation::Release(release) => {
                close(&mut self.files, release.fh);
                channel.reply_empty(unique)
            }
            Operation::Flush(_) | Operation::Fsync(_) => channel.reply_empty(unique),
            Operation::Ioctl(_) => channel.reply_error(unique, Errno::NOTTY),
        };
        note(unique, outcome);
    }

    fn open(files: &mut Vec<Option<OpenFile>>, node: NodeId) -> Option<FileHandle> {
        let place = files.iter().position(Option::is_none).unwrap_or(files.len());
        if place >= MOST_OPEN {
            return None;
        }
        if place == files.len() {
            files.push(None);
        }
        files[place] = Some(OpenFile { node, text: Vec::new(), state: Seen::Changed, poller: None });
        Some(FileHandle(place as u64))
    }
}

fn place(files: &mut [Option<OpenFile>], fh: FileHandle) -> Option<&mut Option<OpenFile>> {
    files.get_mut(usize::try_from(fh.0).ok()?)
}

fn file(files: &mut [Option<OpenFile>], fh: FileHandle) -> Option<&mut OpenFile> {
    place(files, fh)?.as_mut()
}

fn close(files: &mut [Option<OpenFile>], fh: FileHandle) {
    if let Some(place) = place(files, fh) {
        *place = None;
    }
}

impl OpenFile {
    /// The text is made up when it is read from its beginning, so that it is of one piece.
    fn read(&mut self, tree: &mut impl Tree, offset: u64, size: u32) -> Result<&[u8], Errno> {
        if offset == 0 || self.text.is_empty() {
            self.state = Seen::Read;
            self.text.clear();
            tree.read(self.node, &mut self.text)?;
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        let rest = &self.text[from..];
        Ok(rest.get(..usize::try_from(size).unwrap_or(usize::MAX)).unwrap_or(rest))
    }
}

impl<T> AsFd for TreeSession<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

impl<T> Drop for TreeSession<T> {
    /// Unmounts before the descriptor is closed, so that nobody finds a dead file system.
    fn drop(&mut self) {
        let Some(mounted) = &mut self.mounted else { return };
        let connection = self.channel.connection().unwrap_or(Connection::Dead);
        if let Err(error) = mounted.unmount(connection) {
            log::warn!("{error}");
        }
    }
}
