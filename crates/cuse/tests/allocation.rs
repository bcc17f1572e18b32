//! Receiving and answering allocates nothing, and neither does serving the directory once its inodes have
//! found their place. The kernel is the other end of a socket, so only the session is counted.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

use std::os::fd::OwnedFd;

use cuse::wire::{
    CuseInitIn, FileHandle, InHeader, InitIn, IoctlIn, IoctlIovec, NodeId, Opcode, OpenFlags, PollHandle,
    PollIn, ReadIn, ReleaseIn, Unique, WriteIn,
};
use cuse::{Buffer, DeviceName, Errno, FileAttributes, FuseSession, Operation, Received, Session};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use zerocopy::{Immutable, IntoBytes};

fn message(opcode: Opcode, payload: &(impl IntoBytes + Immutable + ?Sized), rest: &[u8]) -> Vec<u8> {
    let payload = payload.as_bytes();
    let len = u32::try_from(size_of::<InHeader>() + payload.len() + rest.len()).unwrap();
    let header =
        InHeader { len, opcode, unique: Unique(2), nodeid: NodeId::ROOT, pid: 1, ..InHeader::default() };
    [header.as_bytes(), payload, rest].concat()
}

fn begin() -> (FuseSession, OwnedFd) {
    let (ours, kernel) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let init = InitIn { major: 7, minor: 38, ..InitIn::default() };
    rustix::io::write(&kernel, &message(Opcode::INIT, &init, &[])).unwrap();
    let name = DeviceName::new("mei0").unwrap();
    let session = FuseSession::begin(ours, name, FileAttributes { mode: 0o600, uid: 0, gid: 0 }).unwrap();
    assert_eq!(rustix::io::read(&kernel, &mut [0; 256]).unwrap(), 16 + 64);
    (session, kernel)
}

/// Answers everything that a device would.
fn answer(session: &mut FuseSession, buffer: &mut Buffer) {
    let Received::Request(request) = session.recv(buffer).unwrap() else { return };
    let (channel, unique) = (session.channel(), request.unique);
    match request.operation {
        Operation::Open(_) => channel.reply_open(unique, FileHandle(1), OpenFlags::DEVICE),
        Operation::Read(_) => channel.reply_data(unique, b"hello"),
        Operation::Write(write) => {
            channel.notify_poll(PollHandle(1)).unwrap();
            channel.reply_write(unique, u32::try_from(write.data.len()).unwrap())
        }
        Operation::Ioctl(ioctl) if ioctl.input.is_empty() => {
            let area = IoctlIovec { base: ioctl.arg, len: 16 };
            channel.reply_ioctl_retry(unique, &[area], &[area])
        }
        Operation::Ioctl(ioctl) => channel.reply_ioctl(unique, 0, ioctl.input),
        Operation::Poll(_) => channel.reply_poll(unique, 5),
        Operation::Release(_) | Operation::Flush(_) | Operation::Fsync(_) => channel.reply_empty(unique),
        Operation::Interrupt(interrupt) => channel.reply_error(interrupt.target, Errno::INTR),
    }
    .unwrap();
}

#[test]
fn the_steady_path_allocates_nothing() {
    let (mut session, kernel) = begin();
    let mut buffer = Buffer::new();
    let data = [7; 4096];
    let messages = [
        message(Opcode::READ, &ReadIn { size: 512, ..ReadIn::default() }, &[]),
        message(Opcode::WRITE, &WriteIn { size: 4096, ..WriteIn::default() }, &data),
        message(Opcode::IOCTL, &IoctlIn { cmd: 0xC010_4801, ..IoctlIn::default() }, &[]),
        message(Opcode::IOCTL, &IoctlIn { in_size: 16, out_size: 16, ..IoctlIn::default() }, &data[..16]),
        message(Opcode::POLL, &PollIn::default(), &[]),
        message(Opcode::INTERRUPT, &4u64, &[]),
        message(Opcode::FSYNC, &[0u64; 2], &[]),
        message(Opcode::RELEASE, &ReleaseIn::default(), &[]),
        message(Opcode::GETATTR, &[0u64; 2], &[]),
        message(Opcode::READDIR, &ReadIn { size: 4096, ..ReadIn::default() }, &[]),
        message(Opcode::STATFS, &[0u8; 0], &[]),
        // Unknown and malformed ones are refused, no more.
        message(Opcode::CUSE_INIT, &CuseInitIn::default(), &[]),
        message(Opcode::GETXATTR, &1u64, b"user.name\0"),
        message(Opcode::READ, &1u64, &[]),
    ];
    let mut answers = [0; 8192];
    for message in &messages {
        rustix::io::write(&kernel, message).unwrap();
        let allocated = allocation_counter::measure(|| answer(&mut session, &mut buffer));
        assert_eq!(allocated.count_total, 0, "{message:?}");
        assert!(rustix::io::read(&kernel, &mut answers).unwrap() >= 16);
        while session.recv(&mut buffer).unwrap() != Received::Nothing {}
        // The notification of WRITE came first.
        if message[4] == 16 {
            rustix::io::read(&kernel, &mut answers).unwrap();
        }
    }
}
