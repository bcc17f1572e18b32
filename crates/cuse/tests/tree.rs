//! A tree of small files. The kernel is the other end of a socket: each answer is looked at as bytes.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

use std::os::fd::OwnedFd;

use cuse::wire::{
    Attr, InHeader, InitIn, NodeId, Opcode, PollFlags, PollHandle, PollIn, ReadIn, ReleaseIn, SetattrIn,
    SetattrValid, Unique, WriteIn,
};
use cuse::{Buffer, Entry, Errno, Received, Tree, TreeSession};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use zerocopy::{FromBytes, Immutable, IntoBytes};

const LIMIT: NodeId = NodeId(2);
const LINK: NodeId = NodeId(3);

/// `/limit`, which holds a number, and `/link`.
struct Numbers {
    limit: u64,
    reads: usize,
}

impl Tree for Numbers {
    fn entry(&self, node: NodeId) -> Option<Entry<'_>> {
        Some(match node {
            NodeId::ROOT => Entry::Directory,
            LIMIT => Entry::File(0o644),
            LINK => Entry::Link("limit"),
            _ => return None,
        })
    }

    fn find(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        match (parent, name) {
            (NodeId::ROOT, b"limit") => Some(LIMIT),
            (NodeId::ROOT, b"link") => Some(LINK),
            _ => None,
        }
    }

    fn child(&self, parent: NodeId, index: usize) -> Option<(NodeId, &str)> {
        let children = [(LIMIT, "limit"), (LINK, "link")];
        children.get(index).copied().filter(|_| parent == NodeId::ROOT)
    }

    fn read(&mut self, file: NodeId, text: &mut Vec<u8>) -> Result<(), Errno> {
        assert_eq!(file, LIMIT);
        self.reads += 1;
        text.extend_from_slice(format!("{:09}\n", self.limit).as_bytes());
        Ok(())
    }

    fn write(&mut self, _file: NodeId, data: &[u8]) -> Result<(), Errno> {
        let text = str::from_utf8(data).map_err(|_| Errno::INVAL)?;
        self.limit = text.trim_end().parse().map_err(|_| Errno::INVAL)?;
        Ok(())
    }
}

struct Mounted {
    session: TreeSession<Numbers>,
    kernel: OwnedFd,
    buffer: Buffer,
}

/// Error of an answer, and what follows its header.
type Answer = (i32, Vec<u8>);

impl Mounted {
    fn new() -> Self {
        let (ours, kernel) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let init = InitIn { major: 7, minor: 38, ..InitIn::default() };
        rustix::io::write(&kernel, &message(Opcode::INIT, NodeId(0), &init, &[])).unwrap();
        let session = TreeSession::begin(ours, Numbers { limit: 50, reads: 0 }).unwrap();
        let mut mounted = Self { session, kernel, buffer: Buffer::new() };
        assert_eq!(mounted.answer().1.len(), 64);
        mounted
    }

    fn answer(&mut self) -> Answer {
        let mut bytes = [0; 8192];
        let length = rustix::io::read(&self.kernel, &mut bytes).unwrap();
        let error = i32::read_from_bytes(&bytes[4..8]).unwrap();
        (error, bytes[16..length].to_vec())
    }

    fn ask(
        &mut self,
        opcode: Opcode,
        node: NodeId,
        payload: &(impl IntoBytes + Immutable + ?Sized),
        rest: &[u8],
    ) -> Answer {
        rustix::io::write(&self.kernel, &message(opcode, node, payload, rest)).unwrap();
        assert_eq!(self.session.serve(&mut self.buffer), Ok(Received::Served));
        self.answer()
    }

    /// Opens the file and returns its handle.
    fn open(&mut self) -> u64 {
        let (error, bytes) = self.ask(Opcode::OPEN, LIMIT, &[0u32; 2], &[]);
        assert_eq!(error, 0);
        u64::read_from_prefix(&bytes).unwrap().0
    }

    fn read(&mut self, fh: u64, offset: u64, size: u32) -> String {
        let read = ReadIn { fh: cuse::wire::FileHandle(fh), offset, size, ..ReadIn::default() };
        String::from_utf8(self.ask(Opcode::READ, LIMIT, &read, &[]).1).unwrap()
    }

    fn poll(&mut self, fh: u64) -> u32 {
        let poll = PollIn {
            fh: cuse::wire::FileHandle(fh),
            kh: PollHandle(77),
            flags: PollFlags::SCHEDULE_NOTIFY,
            events: 0x0A,
        };
        u32::read_from_prefix(&self.ask(Opcode::POLL, LIMIT, &poll, &[]).1).unwrap().0
    }
}

fn message(
    opcode: Opcode,
    nodeid: NodeId,
    payload: &(impl IntoBytes + Immutable + ?Sized),
    rest: &[u8],
) -> Vec<u8> {
    let payload = payload.as_bytes();
    let len = u32::try_from(size_of::<InHeader>() + payload.len() + rest.len()).unwrap();
    let header = InHeader { len, opcode, unique: Unique(2), nodeid, ..InHeader::default() };
    [header.as_bytes(), payload, rest].concat()
}

#[test]
fn names_are_found_and_have_their_types() {
    let mut tree = Mounted::new();
    let kind = |answer: &Answer| Attr::read_from_prefix(&answer.1[40..]).unwrap().0;
    let found = tree.ask(Opcode::LOOKUP, NodeId::ROOT, b"limit\0", &[]);
    assert_eq!((kind(&found).mode, kind(&found).size), (0o100_644, 4096));
    let found = tree.ask(Opcode::LOOKUP, NodeId::ROOT, b"link\0", &[]);
    assert_eq!((kind(&found).mode, kind(&found).size), (0o120_777, 5));
    assert_eq!(tree.ask(Opcode::LOOKUP, NodeId::ROOT, b"other\0", &[]), (-2, vec![]));
    assert_eq!(tree.ask(Opcode::READLINK, LINK, &[0u8; 0], &[]), (0, b"limit".to_vec()));
    assert_eq!(tree.ask(Opcode::READLINK, LIMIT, &[0u8; 0], &[]).0, -22);
    assert_eq!(tree.ask(Opcode::GETATTR, NodeId(9), &[0u64; 2], &[]).0, -116);
}

#[test]
fn a_listing_goes_on_where_it_stopped() {
    let mut tree = Mounted::new();
    let mut names = Vec::new();
    let mut offset = 0;
    loop {
        // Room for one entry at a time.
        let read = ReadIn { offset, size: 32, ..ReadIn::default() };
        let (error, bytes) = tree.ask(Opcode::READDIR, NodeId::ROOT, &read, &[]);
        assert_eq!(error, 0);
        if bytes.is_empty() {
            break;
        }
        offset = u64::read_from_bytes(&bytes[8..16]).unwrap();
        let length = usize::try_from(u32::read_from_bytes(&bytes[16..20]).unwrap()).unwrap();
        names.push(String::from_utf8(bytes[24..24 + length].to_vec()).unwrap());
    }
    assert_eq!(names, [".", "..", "limit", "link"]);
    let beyond = ReadIn { offset: u64::MAX, size: 4096, ..ReadIn::default() };
    assert_eq!(tree.ask(Opcode::READDIR, NodeId::ROOT, &beyond, &[]), (0, vec![]));
}

#[test]
fn a_text_is_made_up_at_its_beginning_and_read_in_pieces() {
    let mut tree = Mounted::new();
    let fh = tree.open();
    assert_eq!(tree.read(fh, 0, 4), "0000");
    tree.session.tree_mut().limit = 7;
    assert_eq!(tree.read(fh, 4, 4096), "00050\n");
    assert_eq!(tree.read(fh, 10, 4096), "");
    assert_eq!(tree.read(fh, 0, 4096), "000000007\n");
    assert_eq!(tree.session.tree_mut().reads, 2);
    // The first look may be anywhere.
    let other = tree.open();
    assert_ne!(other, fh);
    assert_eq!(tree.read(other, 8, 4096), "7\n");
    assert_eq!(tree.read(99, 0, 4096), "", "a file that nobody opened");
}

#[test]
fn what_is_written_is_taken_or_refused() {
    let mut tree = Mounted::new();
    let write = |size| WriteIn { size, ..WriteIn::default() };
    assert_eq!(tree.ask(Opcode::WRITE, LIMIT, &write(3), b"60\n"), (0, vec![3, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(tree.session.tree_mut().limit, 60);
    assert_eq!(tree.ask(Opcode::WRITE, LIMIT, &write(2), b"x\n").0, -22);
    let change = |valid| SetattrIn { valid, ..SetattrIn::default() };
    assert_eq!(tree.ask(Opcode::SETATTR, LIMIT, &change(SetattrValid::SIZE), &[]).0, 0, "O_TRUNC");
    assert_eq!(tree.ask(Opcode::SETATTR, LIMIT, &change(SetattrValid::MODE), &[]).0, -1);
    assert_eq!(tree.ask(Opcode::UNLINK, NodeId::ROOT, b"limit\0", &[]).0, -1);
}

#[test]
fn a_change_wakes_each_poller_once_until_it_reads() {
    let mut tree = Mounted::new();
    let fh = tree.open();
    assert_eq!(tree.poll(fh), 0x14F, "what was never read has changed");
    tree.read(fh, 0, 4096);
    assert_eq!(tree.poll(fh), 0x145);
    tree.session.notify(LIMIT);
    assert_eq!(tree.answer(), (1, 77u64.to_ne_bytes().to_vec()));
    tree.session.notify(LIMIT);
    assert_eq!(tree.poll(fh), 0x14F);
    tree.session.notify(LINK);
    let release = ReleaseIn { fh: cuse::wire::FileHandle(fh), ..ReleaseIn::default() };
    assert_eq!(tree.ask(Opcode::RELEASE, LIMIT, &release, &[]), (0, vec![]));
    assert_eq!(tree.open(), fh, "the place is used again");
}
