//! The directory that a FUSE session serves: one name, and behind it a fresh inode for everyone who asks.
//!
//! Fresh, because the kernel locks an inode over each write and fsync: with one inode for all, a write that
//! waits would keep every other program's write from ever arriving (fuse-file.md §1). For programs the file
//! still is one: all its inodes show the same number.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::fs::FileType;
use zerocopy::IntoBytes;

use super::mount::FileAttributes;
use crate::operation::DirectoryOperation;
use crate::wire::{
    Attr, AttrOut, Dirent, EntryOut, FileHandle, NodeId, OpenFlags, OpenOut, ReadIn, SetattrIn, SetattrValid,
    StatfsOut,
};
use crate::{DeviceName, Errno};

/// Inode number of the directory in `stat(2)`.
const DIRECTORY_INO: u64 = 1;
/// Inode number of the file in `stat(2)`.
const FILE_INO: u64 = 2;
const DIRECTORY_MODE: u32 = 0o755;
const PERMISSION_BITS: u32 = 0o7777;
const PAGE: u32 = 4096;
/// Longest name that `statfs(2)` reports, the kernel's own limit.
const NAME_MAX: u32 = 255;

/// The state of the directory.
#[derive(Debug)]
pub(super) struct Directory {
    name: DeviceName,
    file: FileAttributes,
    owner: (u32, u32),
    /// All times, as time since 1970.
    since: Duration,
    presence: Presence,
    next: NodeId,
    /// References the kernel holds to each inode. Each belongs to an open file or a path being walked, which
    /// bounds them.
    references: BTreeMap<NodeId, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Present,
    Gone,
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Entry(EntryOut),
    Attr(AttrOut),
    Open(OpenOut),
    Listing(Listing),
    Statfs(StatfsOut),
    Empty,
    Error(Errno),
    /// Forgetting is not answered.
    Silence,
}

impl Directory {
    pub(super) fn new(name: DeviceName, file: FileAttributes, since: Duration) -> Self {
        Self {
            name,
            file,
            owner: (file.uid, file.gid),
            since,
            presence: Presence::Present,
            next: NodeId(NodeId::ROOT.0 + 1),
            references: BTreeMap::new(),
        }
    }

    /// From now on the name is not found.
    pub(super) fn set_gone(&mut self) {
        self.presence = Presence::Gone;
    }

    pub(super) fn answer(&mut self, node: NodeId, operation: &DirectoryOperation<'_>) -> Answer {
        match operation {
            DirectoryOperation::Lookup(lookup) => or_error(self.lookup(node, lookup.name), Answer::Entry),
            DirectoryOperation::Forget(forget) => {
                self.forget(node, forget.nlookup);
                Answer::Silence
            }
            DirectoryOperation::BatchForget(forgets) => {
                forgets.for_each(|one| self.forget(one.nodeid, one.nlookup));
                Answer::Silence
            }
            DirectoryOperation::Getattr(_) => or_error(self.attributes(node), Answer::Attr),
            DirectoryOperation::Setattr(change) => or_error(self.set_attributes(node, change), Answer::Attr),
            DirectoryOperation::Opendir(_) => {
                Answer::Open(OpenOut { fh: FileHandle(0), open_flags: OpenFlags(0), padding: 0 })
            }
            DirectoryOperation::Readdir(read) => Answer::Listing(self.list(read)),
            DirectoryOperation::Releasedir(_) | DirectoryOperation::Access(_) => Answer::Empty,
            DirectoryOperation::Statfs => Answer::Statfs(StatfsOut {
                bsize: PAGE,
                frsize: PAGE,
                namelen: NAME_MAX,
                ..StatfsOut::default()
            }),
        }
    }

    /// A fresh inode with one reference. Zero time-outs: the kernel asks again for everyone.
    fn lookup(&mut self, parent: NodeId, name: &[u8]) -> Result<EntryOut, Errno> {
        let known = self.presence == Presence::Present && name == self.name.as_str().as_bytes();
        if parent != NodeId::ROOT || !known {
            return Err(Errno::NOENT);
        }
        let nodeid = self.next;
        // At a lookup a nanosecond this lasts for five hundred years.
        self.next = NodeId(nodeid.0.checked_add(1).ok_or(Errno::NOSPC)?);
        self.references.insert(nodeid, 1);
        Ok(EntryOut { nodeid, attr: self.file_attr(), ..EntryOut::default() })
    }

    /// The kernel drops `count` references.
    pub(super) fn forget(&mut self, node: NodeId, count: u64) {
        if let Some(references) = self.references.get_mut(&node) {
            *references = references.saturating_sub(count);
            if *references == 0 {
                self.references.remove(&node);
            }
        }
    }

    fn attributes(&self, node: NodeId) -> Result<AttrOut, Errno> {
        let attr = match node {
            NodeId::ROOT => self.directory_attr(),
            _ if self.references.contains_key(&node) => self.file_attr(),
            _ => return Err(Errno::STALE),
        };
        Ok(AttrOut { attr, ..AttrOut::default() })
    }

    /// `chmod` and `chown` of the file work as on a device node. `O_TRUNC` and times succeed without effect.
    fn set_attributes(&mut self, node: NodeId, change: &SetattrIn) -> Result<AttrOut, Errno> {
        let wants = |valid| change.valid.contains(valid);
        let touches_owner = wants(SetattrValid::MODE) || wants(SetattrValid::UID) || wants(SetattrValid::GID);
        if node == NodeId::ROOT && touches_owner {
            return Err(Errno::PERM);
        }
        if wants(SetattrValid::MODE) {
            self.file.mode = change.mode & PERMISSION_BITS;
        }
        if wants(SetattrValid::UID) {
            self.file.uid = change.uid;
        }
        if wants(SetattrValid::GID) {
            self.file.gid = change.gid;
        }
        self.attributes(node)
    }

    /// The entries from `read.offset` on, as many as fit.
    fn list(&self, read: &ReadIn) -> Listing {
        let entries = [
            (DIRECTORY_INO, FileType::Directory, "."),
            (DIRECTORY_INO, FileType::Directory, ".."),
            (FILE_INO, FileType::RegularFile, self.name.as_str()),
        ];
        let shown = if self.presence == Presence::Present { 3 } else { 2 };
        let mut listing = Listing::new(usize::try_from(read.size).unwrap_or(usize::MAX));
        for (off, (ino, kind, name)) in (1..).zip(entries).take(shown) {
            if off > read.offset && !listing.push(ino, off, kind, name) {
                break;
            }
        }
        listing
    }

    fn file_attr(&self) -> Attr {
        let FileAttributes { mode, uid, gid } = self.file;
        let mode = FileType::RegularFile.as_raw_mode() | (mode & PERMISSION_BITS);
        Attr { ino: FILE_INO, mode, nlink: 1, uid, gid, ..self.times() }
    }

    fn directory_attr(&self) -> Attr {
        let (uid, gid) = self.owner;
        let mode = FileType::Directory.as_raw_mode() | DIRECTORY_MODE;
        Attr { ino: DIRECTORY_INO, mode, nlink: 2, uid, gid, ..self.times() }
    }

    fn times(&self) -> Attr {
        let (seconds, nanoseconds) = (self.since.as_secs(), self.since.subsec_nanos());
        Attr {
            atime: seconds,
            mtime: seconds,
            ctime: seconds,
            atimensec: nanoseconds,
            mtimensec: nanoseconds,
            ctimensec: nanoseconds,
            blksize: PAGE,
            ..Attr::default()
        }
    }
}

fn or_error<T>(result: Result<T, Errno>, answer: impl FnOnce(T) -> Answer) -> Answer {
    result.map_or_else(Answer::Error, answer)
}

/// The bytes of a READDIR answer. Three entries with the longest name fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    bytes: [u8; Self::CAPACITY],
    length: usize,
    limit: usize,
}

impl Listing {
    const CAPACITY: usize = 2 * (24 + 8) + (24 + 64);

    fn new(size: usize) -> Self {
        Self { bytes: [0; Self::CAPACITY], length: 0, limit: size.min(Self::CAPACITY) }
    }

    /// Appends an entry, padded to 8 bytes, unless it is too much.
    fn push(&mut self, ino: u64, off: u64, kind: FileType, name: &str) -> bool {
        let Ok(namelen) = u32::try_from(name.len()) else { return false };
        let head = Dirent { ino, off, namelen, kind: kind.as_raw_mode() >> 12 };
        let start = self.length;
        let name_start = start + size_of::<Dirent>();
        let end = name_start + name.len().next_multiple_of(8);
        if end > self.limit {
            return false;
        }
        self.bytes[start..name_start].copy_from_slice(head.as_bytes());
        self.bytes[name_start..name_start + name.len()].copy_from_slice(name.as_bytes());
        self.length = end;
        true
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
