//! The character device (cuse.md).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::{env, thread};

use cuse::{CuseError, CuseOptions, CuseSession, DeviceName, Node};
use rustix::event::{PollFd, PollFlags, poll};

use crate::server::{Event, Server};
use crate::{A_WHILE, CONNECT, errno, poll_once, sys};

const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const ENXIO: i32 = 6;
const EFAULT: i32 = 14;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ENOTTY: i32 = 25;
const ECONNABORTED: i32 = 103;
const ENOTCONN: i32 = 107;

/// Whether there is CUSE here. Says so if not, and fails if there has to be.
fn is_missing(test: &str) -> bool {
    let missing = !Path::new("/dev/cuse").exists();
    assert!(!missing || env::var_os("CUSE_TEST_REQUIRED").is_none(), "no /dev/cuse");
    if missing {
        // Not by `eprintln!`, which is not shown for a test that passes.
        let note = format!("SKIPPED {test}: this kernel has no /dev/cuse\n");
        io::stderr().write_all(note.as_bytes()).unwrap();
    }
    missing
}

fn options(name: &str) -> CuseOptions {
    CuseOptions::new(DeviceName::new(name).unwrap())
}

fn node(name: &str) -> PathBuf {
    Path::new("/dev").join(name)
}

fn read_write(name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(node(name)).unwrap()
}

#[test]
fn a_device_appears_serves_and_goes() {
    if is_missing("a_device_appears_serves_and_goes") {
        return;
    }
    let session = CuseSession::start(&options("cuse-test0")).unwrap();
    let found = fs::metadata(node("cuse-test0")).unwrap();
    assert!(found.file_type().is_char_device());
    assert_eq!(found.mode() & 0o777, 0o600);
    let numbers = (rustix::fs::major(found.rdev()), rustix::fs::minor(found.rdev()));
    assert_eq!(session.node().unwrap(), Node::Ours(numbers));

    let server = Server::start(session);
    let mut file = read_write("cuse-test0");
    assert_eq!(file.write(b"hello").unwrap(), 5);
    assert_eq!(file.read(&mut [0; 16]).unwrap(), 5);
    assert_eq!(errno(file.sync_all()), EINVAL);
    let copy = file.try_clone().unwrap();
    drop(file);
    assert!(!server.seen(|event| matches!(event, Event::Released { .. } | Event::Flushed { .. })));
    drop(copy);
    assert!(server.seen(|event| matches!(event, Event::Released { fh: 1 })), "close waits for RELEASE");

    let mut orphan = read_write("cuse-test0");
    drop(server);
    assert!(!node("cuse-test0").exists());
    assert_eq!(errno(orphan.read(&mut [0; 4])), ENOTCONN);
    assert_eq!(poll_once(&orphan, A_WHILE), PollFlags::ERR);
}

#[test]
fn the_largest_write_that_never_splits_arrives_whole() {
    if is_missing("the_largest_write_that_never_splits_arrives_whole") {
        return;
    }
    let server = Server::start(CuseSession::start(&options("cuse-test1")).unwrap());
    let mut file = read_write("cuse-test1");
    let memory = vec![7; 126_977 + 4096];
    for start in [0, 1, 4095] {
        assert_eq!(file.write(&memory[start..][..126_977]).unwrap(), 126_977);
        server.expect(|event| matches!(event, Event::Wrote { length: 126_977, offset: 0, .. }));
    }
}

#[test]
fn an_unrestricted_ioctl_asks_for_the_memory_it_needs() {
    if is_missing("an_unrestricted_ioctl_asks_for_the_memory_it_needs") {
        return;
    }
    let server = Server::start(CuseSession::start(&options("cuse-test2")).unwrap());
    let file = read_write("cuse-test2");
    let mut data: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    assert_eq!(sys::ioctl(&file, CONNECT, &mut data).unwrap(), 3);
    assert_eq!(data, [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    server.expect(|event| matches!(event, Event::Ioctl { input: 0, output: 0, .. }));
    server.expect(|event| matches!(event, Event::Ioctl { input: 16, output: 16, .. }));
    // An unknown code is refused without a look at the memory; a known one fails by the memory.
    assert_eq!(errno(sys::ioctl_at(&file, 0xC010_48FF, 8)), ENOTTY);
    assert_eq!(errno(sys::ioctl_at(&file, CONNECT, 8)), EFAULT);
}

#[test]
fn signals_and_notifications_reach_both_sides() {
    if is_missing("signals_and_notifications_reach_both_sides") {
        return;
    }
    let server = Server::start(CuseSession::start(&options("cuse-test3")).unwrap());
    sys::ignore_by_handler();
    let mut file = read_write("cuse-test3");
    let mut sleeping = file.try_clone().unwrap();
    let (tell, thread_of_reader) = mpsc::channel();
    let reader = thread::spawn(move || {
        tell.send(sys::this_thread()).unwrap();
        errno(sleeping.read(&mut [0; 8]))
    });
    let reader_thread = thread_of_reader.recv().unwrap();
    server.expect(|event| matches!(event, Event::Parked { fh: 1 }));
    sys::signal(reader_thread);
    server.expect(|event| matches!(event, Event::Interrupted { known: true }));
    assert_eq!(reader.join().unwrap(), EINTR);

    let waiting = file.try_clone().unwrap();
    let sleeper = thread::spawn(move || {
        let mut fds = [PollFd::new(&waiting, PollFlags::IN)];
        assert_eq!(poll(&mut fds, None), Ok(1));
    });
    server.expect(|event| matches!(event, Event::Polled { schedule_notify: true }));
    server.push(1, b"news");
    sleeper.join().unwrap();
    assert_eq!(file.read(&mut [0; 8]).unwrap(), 4);
}

#[test]
fn names_and_nodes_that_are_taken_are_told_apart() {
    if is_missing("names_and_nodes_that_are_taken_are_told_apart") {
        return;
    }
    let first = CuseSession::start(&options("cuse-test4")).unwrap();
    let error = CuseSession::start(&options("cuse-test4")).unwrap_err();
    assert!(matches!(error, CuseError::NameTaken { .. }), "{error}");
    // The same when the class directory does not tell in advance: the kernel aborts.
    let blind = CuseOptions { class: "/nonexistent".into(), ..options("cuse-test4") };
    let error = CuseSession::start(&blind).unwrap_err();
    assert!(matches!(error, CuseError::Refused { .. }), "{error}");
    drop(first);
    assert!(!node("cuse-test4").exists());

    fs::write(node("cuse-test5"), "left over").unwrap();
    let error = CuseSession::start(&options("cuse-test5")).unwrap_err();
    assert!(matches!(error, CuseError::NodeTaken { .. }), "{error}");
    assert!(!Path::new("/sys/class/cuse/cuse-test5").exists());
    assert_eq!(fs::read_to_string(node("cuse-test5")).unwrap(), "left over");
    fs::remove_file(node("cuse-test5")).unwrap();
}

#[test]
fn an_abort_ends_the_session() {
    if is_missing("an_abort_ends_the_session") {
        return;
    }
    let server = Server::start(CuseSession::start(&options("cuse-test6")).unwrap());
    fs::write("/sys/class/cuse/cuse-test6/abort", "1").unwrap();
    server.expect(|event| matches!(event, Event::Ended));
    // The server lets go of the device meanwhile: from aborted over gone to no longer found.
    let number = errno(File::open(node("cuse-test6")));
    assert!([ECONNABORTED, ENOTCONN, ENODEV, ENXIO, ENOENT].contains(&number), "errno {number}");
}
