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

    /// The name is found again.
    pub(super) fn set_back(&mut self) {
        self.presence = Presence::Present;
    }

    /// Inodes that the kernel holds references to.
    pub(super) fn inodes(&self) -> usize {
        self.references.len()
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
            // There is none.
            DirectoryOperation::Readlink => Answer::Error(Errno::INVAL),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::tests::framed;
    use crate::request::{Body, Message};

    fn directory() -> Directory {
        let file = FileAttributes { mode: 0o600, uid: 1000, gid: 1001 };
        Directory::new(DeviceName::new("mei0").unwrap(), file, Duration::new(0x1234, 0x5678))
    }

    /// The answer to a message with `payload` about `node`.
    fn ask(directory: &mut Directory, opcode: u16, node: u64, payload: &[u8]) -> Answer {
        let bytes = framed(opcode, payload);
        let Body::Directory(operation) = Message::decode(&bytes).unwrap().body else { panic!() };
        directory.answer(NodeId(node), &operation)
    }

    fn look_up(directory: &mut Directory) -> EntryOut {
        match ask(directory, 1, 1, b"mei0\0") {
            Answer::Entry(entry) => entry,
            other => panic!("{other:?}"),
        }
    }

    fn read_directory(directory: &mut Directory, offset: u8, size: u8) -> Vec<u8> {
        let mut payload = [0; 40];
        (payload[8], payload[16]) = (offset, size);
        match ask(directory, 28, 1, &payload) {
            Answer::Listing(listing) => listing.as_bytes().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    const DOT: [u8; 32] = *b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x04\0\0\0.\0\0\0\0\0\0\0";
    const DOT_DOT: [u8; 32] = *b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0..\0\0\0\0\0\0";
    const FILE: [u8; 32] = *b"\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\0\0\0\x08\0\0\0mei0\0\0\0\0";

    #[test]
    fn lookup_answers_a_fresh_inode_and_no_time_out() {
        let mut directory = directory();
        let first = look_up(&mut directory);
        assert_eq!(
            first.as_bytes(),
            [
                2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // nodeid, generation
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // entry_valid, attr_valid
                0, 0, 0, 0, 0, 0, 0, 0, // the same in nanoseconds
                2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // ino, size
                0, 0, 0, 0, 0, 0, 0, 0, // blocks
                0x34, 0x12, 0, 0, 0, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0, // atime, mtime
                0x34, 0x12, 0, 0, 0, 0, 0, 0, // ctime
                0x78, 0x56, 0, 0, 0x78, 0x56, 0, 0, 0x78, 0x56, 0, 0, // the same in nanoseconds
                0x80, 0x81, 0, 0, 1, 0, 0, 0, // mode 0100600, nlink
                0xe8, 3, 0, 0, 0xe9, 3, 0, 0, 0, 0, 0, 0, // uid, gid, rdev
                0, 0x10, 0, 0, 0, 0, 0, 0, // blksize, flags
            ]
        );
        let second = look_up(&mut directory);
        assert_eq!((second.nodeid, second.attr.ino), (NodeId(3), 2));
    }

    #[test]
    fn other_names_are_not_found() {
        let mut directory = directory();
        for name in [&b"mei1\0"[..], b"mei\0", b"mei00\0", b"\0", b"..\0"] {
            assert_eq!(ask(&mut directory, 1, 1, name), Answer::Error(Errno::NOENT));
        }
        assert_eq!(ask(&mut directory, 1, 2, b"mei0\0"), Answer::Error(Errno::NOENT));
    }

    #[test]
    fn a_directory_that_is_gone_finds_nothing_and_keeps_what_is_open() {
        let mut directory = directory();
        let open = look_up(&mut directory);
        directory.set_gone();
        assert_eq!(ask(&mut directory, 1, 1, b"mei0\0"), Answer::Error(Errno::NOENT));
        assert!(matches!(ask(&mut directory, 3, open.nodeid.0, &[0; 16]), Answer::Attr(_)));
        assert_eq!(read_directory(&mut directory, 0, 255), [DOT, DOT_DOT].concat());
        directory.set_back();
        assert_ne!(look_up(&mut directory).nodeid, open.nodeid);
    }

    #[test]
    fn getattr_knows_the_directory_and_live_inodes() {
        let mut directory = directory();
        let Answer::Attr(root) = ask(&mut directory, 3, 1, &[0; 16]) else { panic!() };
        assert_eq!((root.attr.mode, root.attr.ino, root.attr.nlink), (0o40755, 1, 2));
        assert_eq!((root.attr_valid, root.attr_valid_nsec), (0, 0));
        let node = look_up(&mut directory).nodeid;
        let Answer::Attr(file) = ask(&mut directory, 3, node.0, &[0; 16]) else { panic!() };
        assert_eq!((file.attr.mode, file.attr.uid, file.attr.gid), (0o100_600, 1000, 1001));
        assert_eq!(ask(&mut directory, 3, 99, &[0; 16]), Answer::Error(Errno::STALE));
    }

    #[test]
    fn an_inode_lives_as_long_as_its_references() {
        let mut directory = directory();
        let (first, second) = (look_up(&mut directory).nodeid, look_up(&mut directory).nodeid);
        assert_eq!(ask(&mut directory, 2, first.0, &[0; 8]), Answer::Silence);
        assert_eq!(directory.references.len(), 2);
        assert_eq!(ask(&mut directory, 2, first.0, &[1, 0, 0, 0, 0, 0, 0, 0]), Answer::Silence);
        assert_eq!(directory.references.keys().collect::<Vec<_>>(), [&second]);
        let batch = [
            3, 0, 0, 0, 0, 0, 0, 0, // count, dummy
            1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, // the root, which is not counted
            99, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, // nothing
            3, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, // more than there are
        ];
        assert_eq!(ask(&mut directory, 42, 0, &batch), Answer::Silence);
        assert!(directory.references.is_empty());
    }

    #[test]
    fn truncation_succeeds_without_effect() {
        let mut directory = directory();
        let node = look_up(&mut directory).nodeid;
        let before = ask(&mut directory, 3, node.0, &[0; 16]);
        let mut payload = [0; 88];
        (payload[0], payload[16]) = (0x38, 0x77); // size and times
        assert_eq!(ask(&mut directory, 4, node.0, &payload), before);
    }

    #[test]
    fn chmod_and_chown_change_the_file_for_everyone() {
        let mut directory = directory();
        let (one, other) = (look_up(&mut directory).nodeid, look_up(&mut directory).nodeid);
        let mut payload = [0; 88];
        payload[0] = 7; // mode, uid, gid
        payload[68..70].copy_from_slice(&[0xb6, 0x81]); // 0100666
        (payload[76], payload[80]) = (5, 6);
        ask(&mut directory, 4, one.0, &payload);
        let Answer::Attr(seen) = ask(&mut directory, 3, other.0, &[0; 16]) else { panic!() };
        assert_eq!((seen.attr.mode, seen.attr.uid, seen.attr.gid), (0o100_666, 5, 6));
        assert_eq!(ask(&mut directory, 4, 1, &payload), Answer::Error(Errno::PERM));
    }

    #[test]
    fn readdir_lists_three_names_and_continues_anywhere() {
        let mut directory = directory();
        assert_eq!(read_directory(&mut directory, 0, 255), [DOT, DOT_DOT, FILE].concat());
        assert_eq!(read_directory(&mut directory, 0, 95), [DOT, DOT_DOT].concat());
        assert_eq!(read_directory(&mut directory, 2, 32), FILE);
        assert_eq!(read_directory(&mut directory, 2, 31), []);
        assert_eq!(read_directory(&mut directory, 3, 255), []);
    }

    #[test]
    fn the_longest_name_fits_in_a_listing() {
        let name = DeviceName::new(&"n".repeat(64)).unwrap();
        let mut directory = Directory::new(name, FileAttributes { mode: 0, uid: 0, gid: 0 }, Duration::ZERO);
        assert_eq!(read_directory(&mut directory, 0, 255).len(), 32 + 32 + 88);
    }

    #[test]
    fn the_rest_succeeds() {
        let mut directory = directory();
        assert_eq!(ask(&mut directory, 27, 1, &[0; 8]), Answer::Open(OpenOut::default()));
        assert_eq!(ask(&mut directory, 29, 1, &[0; 24]), Answer::Empty);
        assert_eq!(ask(&mut directory, 34, 1, &[7, 0, 0, 0, 0, 0, 0, 0]), Answer::Empty);
        let Answer::Statfs(numbers) = ask(&mut directory, 17, 1, &[]) else { panic!() };
        assert_eq!((numbers.bsize, numbers.namelen, numbers.blocks), (4096, 255, 0));
    }

    proptest! {
        #[test]
        fn every_inode_is_forgotten_when_its_count_is_returned(order in Just((2u64..12).collect::<Vec<_>>()).prop_shuffle()) {
            let mut directory = directory();
            for _ in 0..10 {
                look_up(&mut directory);
            }
            for node in order {
                directory.forget(NodeId(node), 1);
            }
            prop_assert!(directory.references.is_empty());
        }
    }
}
