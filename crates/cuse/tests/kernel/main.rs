//! The FUSE session against this machine's kernel: every behaviour that fuse-file.md §1 to §3 promises, seen
//! from programs.
//!
//! Each test runs in a process of its own with private mounts, and with its own user namespace where it is
//! not root. It fails where the machine allows neither.
#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod isolation;
mod server;
mod sys;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cuse::{FileAttributes, FuseOptions, FuseSession, MountError, Permissions, Visibility, clear_stale};
use isolation::{Directory, isolated, isolated_as_user};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use server::{Event, Server, options};

const EINTR: i32 = 4;
const EAGAIN: i32 = 11;
const EBUSY_WAIT: Duration = Duration::from_millis(100);
const ENOTTY: i32 = 25;
const ESPIPE: i32 = 29;
const EPERM: i32 = 1;
const ENOTCONN: i32 = 107;
const ECONNABORTED: i32 = 103;
/// `IOCTL_MEI_CONNECT_CLIENT`: 16 bytes in, 16 bytes out.
const CONNECT: u64 = 0xC010_4801;

fn read_write(directory: &Directory) -> File {
    OpenOptions::new().read(true).write(true).open(directory.device()).unwrap()
}

/// The errno of something that must fail.
fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

#[test]
fn every_open_is_an_inode_of_its_own_and_looks_like_one_file() {
    isolated("every_open_is_an_inode_of_its_own_and_looks_like_one_file", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let (one, other) = (read_write(&directory), read_write(&directory));
        let (Event::Opened { node: first, .. }, Event::Opened { node: second, .. }) = (
            server.expect(|event| matches!(event, Event::Opened { fh: 1, .. })),
            server.expect(|event| matches!(event, Event::Opened { fh: 2, .. })),
        ) else {
            unreachable!()
        };
        assert_ne!(first, second);
        let (one, other, by_name) =
            (one.metadata().unwrap(), other.metadata().unwrap(), fs::metadata(directory.device()).unwrap());
        assert!(one.is_file());
        assert_eq!((one.ino(), one.mode(), one.len()), (2, 0o100_600, 0));
        assert_eq!((one.uid(), one.gid()), rustix_ids());
        for same in [other, by_name] {
            assert_eq!((same.dev(), same.ino(), same.mtime()), (one.dev(), one.ino(), one.mtime()));
        }
    });
}

fn rustix_ids() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

#[test]
fn reads_and_writes_carry_size_flags_and_caller() {
    isolated("reads_and_writes_carry_size_flags_and_caller", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        file.write_all(b"hello").unwrap();
        let Event::Wrote { pid, length, .. } = server.expect(|event| matches!(event, Event::Wrote { .. }))
        else {
            unreachable!()
        };
        let thread = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
        assert_eq!((pid, length), (thread, 5));
        let mut bytes = [0; 16];
        assert_eq!(file.read(&mut bytes).unwrap(), 5);
        assert_eq!(bytes[..5], *b"hello");

        let mut later = OpenOptions::new().read(true).custom_flags(0o4000).open(directory.device()).unwrap();
        assert_eq!(errno(later.read(&mut bytes)), EAGAIN);
        assert_eq!(file.read(&mut []).unwrap(), 0);
    });
}

#[test]
fn a_large_write_arrives_whole_whatever_its_alignment() {
    isolated("a_large_write_arrives_whole_whatever_its_alignment", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        let memory = vec![7; 131_072 + 4096];
        for start in [0, 1, 5, 4095] {
            assert_eq!(file.write(&memory[start..][..131_072]).unwrap(), 131_072);
            let Event::Wrote { length, .. } = server.expect(|event| matches!(event, Event::Wrote { .. }))
            else {
                unreachable!()
            };
            assert_eq!(length, 131_072, "from {start}");
        }
        // More than the session takes at once arrives in pieces.
        assert_eq!(file.write(&memory).unwrap(), 131_072 + 4096);
        server.expect(|event| matches!(event, Event::Wrote { length: 131_072, offset: 0, .. }));
        server.expect(|event| matches!(event, Event::Wrote { length: 4096, offset: 131_072, .. }));
    });
}

#[test]
fn ioctl_copies_by_the_size_in_the_code() {
    isolated("ioctl_copies_by_the_size_in_the_code", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let file = read_write(&directory);
        let mut data: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        assert_eq!(sys::ioctl(&file, CONNECT, &mut data).unwrap(), 3);
        assert_eq!(data, [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        server.expect(|event| matches!(event, Event::Ioctl { cmd: 0xC010_4801, input: 16, output: 16 }));
        assert_eq!(errno(sys::ioctl(&file, 0x4802, &mut data)), ENOTTY);
        // The directory has no ioctls, and the server is not asked.
        let root = File::open(&directory.path).unwrap();
        assert_eq!(errno(sys::ioctl(&root, CONNECT, &mut data)), ENOTTY);
    });
}

#[test]
fn poll_wakes_by_a_notification() {
    isolated("poll_wakes_by_a_notification", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        assert_eq!(poll_once(&file, Duration::ZERO), PollFlags::OUT);
        let sleeper = {
            let file = file.try_clone().unwrap();
            thread::spawn(move || {
                let begun = Instant::now();
                let wait = Timespec { tv_sec: 10, tv_nsec: 0 };
                let mut fds = [PollFd::new(&file, PollFlags::IN)];
                assert_eq!(poll(&mut fds, Some(&wait)), Ok(1));
                (fds[0].revents(), begun.elapsed())
            })
        };
        server.expect(|event| matches!(event, Event::Polled { schedule_notify: true }));
        thread::sleep(EBUSY_WAIT);
        server.push(1, b"news");
        let (revents, waited) = sleeper.join().unwrap();
        assert_eq!(revents, PollFlags::IN);
        assert!(waited >= EBUSY_WAIT && waited < Duration::from_secs(5), "{waited:?}");
        let mut bytes = [0; 8];
        assert_eq!(file.read(&mut bytes).unwrap(), 4);
    });
}

fn poll_once(file: &File, wait: Duration) -> PollFlags {
    let mut fds = [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN | PollFlags::OUT)];
    poll(&mut fds, Some(&wait.try_into().unwrap())).unwrap();
    fds[0].revents()
}

#[test]
fn a_signal_interrupts_a_parked_read() {
    isolated("a_signal_interrupts_a_parked_read", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        sys::ignore_by_handler();
        let mut file = read_write(&directory);
        let (tell, thread_of_reader) = mpsc::channel();
        let reader = thread::spawn(move || {
            tell.send(sys::this_thread()).unwrap();
            // Not `Read::read_exact`, which would hide the errno.
            errno(file.read(&mut [0; 8]))
        });
        let reader_thread = thread_of_reader.recv().unwrap();
        server.expect(|event| matches!(event, Event::Parked { fh: 1 }));
        sys::signal(reader_thread);
        server.expect(|event| matches!(event, Event::Interrupted { known: true }));
        assert_eq!(reader.join().unwrap(), EINTR);
    });
}

#[test]
fn parked_writes_hold_up_nobody_else() {
    isolated("parked_writes_hold_up_nobody_else", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let parked: Vec<_> = (1..=3)
            .map(|fh| {
                let mut file = read_write(&directory);
                let writer = thread::spawn(move || file.write(b"park me"));
                server.expect(|event| matches!(event, Event::Parked { fh: parked } if *parked == fh));
                writer
            })
            .collect();
        let mut fourth = read_write(&directory);
        assert_eq!(fourth.write(b"passes").unwrap(), 6);
        fourth.sync_all().unwrap();
        assert!(parked.iter().all(|writer| !writer.is_finished()));
        server.unpark_writes();
        for writer in parked {
            assert_eq!(writer.join().unwrap().unwrap(), 7);
        }
    });
}

#[test]
fn fsync_flush_and_release_arrive() {
    isolated("fsync_flush_and_release_arrive", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let file = read_write(&directory);
        file.sync_all().unwrap();
        file.sync_data().unwrap();
        for _ in 0..2 {
            server.expect(|event| matches!(event, Event::Synced { fh: 1 }));
        }
        let copy = file.try_clone().unwrap();
        drop(copy);
        assert!(server.seen(|event| matches!(event, Event::Flushed { fh: 1 })), "close waits for FLUSH");
        assert!(!server.seen(|event| matches!(event, Event::Released { .. })));
        drop(file);
        server.expect(|event| matches!(event, Event::Released { fh: 1 }));
    });
}

#[test]
fn truncation_and_appending_open_like_a_device() {
    isolated("truncation_and_appending_open_like_a_device", || {
        let directory = Directory::new();
        let _server = Server::mount(&directory);
        let mut file = File::create(directory.device()).unwrap();
        assert_eq!(file.write(b"hello").unwrap(), 5);
        let mut file = OpenOptions::new().append(true).open(directory.device()).unwrap();
        assert_eq!(file.write(b"hello").unwrap(), 5);
        assert_eq!(file.metadata().unwrap().len(), 0);
        // The shell's redirection.
        let echo = format!("echo hello > {}", directory.device().display());
        assert!(Command::new("sh").args(["-c", &echo]).status().unwrap().success());
    });
}

#[test]
fn there_is_no_position() {
    isolated("there_is_no_position", || {
        let directory = Directory::new();
        let _server = Server::mount(&directory);
        let mut file = read_write(&directory);
        assert_eq!(errno(file.seek(SeekFrom::Start(0))), ESPIPE);
        assert_eq!(errno(file.read_at(&mut [0; 4], 0)), ESPIPE);
        assert_eq!(errno(file.write_at(&[0; 4], 8)), ESPIPE);
    });
}

#[test]
fn a_killed_reader_dies_when_its_read_is_answered() {
    isolated("a_killed_reader_dies_when_its_read_is_answered", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut cat = Command::new("cat").arg(directory.device()).stdout(Stdio::null()).spawn().unwrap();
        server.expect(|event| matches!(event, Event::Parked { fh: 1 }));
        cat.kill().unwrap();
        server.expect(|event| matches!(event, Event::Interrupted { known: true }));
        assert!(!cat.wait().unwrap().success());
        server.expect(|event| matches!(event, Event::Released { fh: 1 }));
    });
}

#[test]
fn a_killed_writer_blocks_nobody_before_its_write_is_answered() {
    isolated("a_killed_writer_blocks_nobody_before_its_write_is_answered", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let script = format!("printf park > {}", directory.device().display());
        let mut writer = Command::new("sh").args(["-c", &script]).spawn().unwrap();
        server.expect(|event| matches!(event, Event::Parked { .. }));
        server.ignore_interrupts();
        writer.kill().unwrap();
        server.expect(|event| matches!(event, Event::Interrupted { known: true }));
        thread::sleep(EBUSY_WAIT);
        assert!(writer.try_wait().unwrap().is_none(), "it waits for the answer even when killed");
        assert_eq!(read_write(&directory).write(b"passes").unwrap(), 6);
        server.unpark_writes();
        assert!(!writer.wait().unwrap().success());
    });
}

#[test]
fn the_directory_lists_its_file_and_takes_no_other() {
    isolated("the_directory_lists_its_file_and_takes_no_other", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let list = || -> Vec<_> {
            fs::read_dir(&directory.path).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        assert_eq!(list(), ["mei0"]);
        assert_eq!(errno(fs::create_dir(directory.path.join("other"))), EPERM);
        assert_eq!(errno(File::create(directory.path.join("other"))), EPERM);
        assert_eq!(errno(fs::remove_file(directory.device())), EPERM);
        assert_eq!(fs::metadata(directory.path.join("other")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(rustix::fs::statfs(&directory.path).unwrap().f_namelen, 255);

        fs::set_permissions(directory.device(), fs::Permissions::from_mode(0o660)).unwrap();
        assert_eq!(fs::metadata(directory.device()).unwrap().mode(), 0o100_660);

        let mut open = read_write(&directory);
        server.set_gone();
        assert_eq!(fs::metadata(directory.device()).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(list().is_empty());
        assert_eq!(open.write(b"served on").unwrap(), 9);
    });
}

#[test]
fn thousands_of_opens_leave_no_inode_behind() {
    isolated("thousands_of_opens_leave_no_inode_behind", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        for _ in 0..2000 {
            drop(read_write(&directory));
        }
        server.expect(|event| matches!(event, Event::Released { fh: 2000 }));
        // FORGET comes on its own time.
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let left = server.inodes();
            if left <= 1 {
                break;
            }
            assert!(Instant::now() < until, "{left} inodes left");
            thread::sleep(Duration::from_millis(10));
        }
    });
}

#[test]
fn dropping_the_session_unmounts_and_ends_open_files() {
    isolated("dropping_the_session_unmounts_and_ends_open_files", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        let mut parked = read_write(&directory);
        let reader = thread::spawn(move || errno(parked.read(&mut [0; 4])));
        server.expect(|event| matches!(event, Event::Parked { fh: 2 }));
        drop(server);
        assert_eq!(reader.join().unwrap(), ECONNABORTED);
        assert_eq!(errno(file.read(&mut [0; 4])), ENOTCONN);
        assert_eq!(poll_once(&file, Duration::ZERO), PollFlags::ERR);
        assert_eq!(fs::read_dir(&directory.path).unwrap().count(), 0);
    });
}

#[test]
fn an_unmount_by_others_ends_the_session() {
    isolated("an_unmount_by_others_ends_the_session", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        rustix::mount::unmount(&directory.path, UnmountFlags::empty()).unwrap();
        server.expect(|event| matches!(event, Event::Ended));
        // Another mount at the same place is not ours to remove.
        rustix::mount::mount("other", &directory.path, "tmpfs", MountFlags::empty(), None).unwrap();
        fs::write(directory.path.join("keep"), "").unwrap();
        drop(server);
        assert!(directory.path.join("keep").exists());
        rustix::mount::unmount(&directory.path, UnmountFlags::empty()).unwrap();
    });
}

#[test]
fn an_aborted_session_ends_and_is_unmounted() {
    isolated("an_aborted_session_ends_and_is_unmounted", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        // Aborts, and then finds the mount in use.
        let forced = rustix::mount::unmount(&directory.path, UnmountFlags::FORCE);
        assert_eq!(forced, Err(Errno::BUSY));
        server.expect(|event| matches!(event, Event::Ended));
        assert_eq!(errno(file.write(b"late")), ENOTCONN);
        assert_eq!(errno(fs::metadata(&directory.path)), ENOTCONN);
        drop(server);
        assert_eq!(fs::read_dir(&directory.path).unwrap().count(), 0);
    });
}

/// Mounts by hand and lets the server die, as a crash does: the mount stays.
fn leave_a_stale_mount(directory: &Directory) {
    use std::os::fd::AsRawFd;

    let fd = File::options().read(true).write(true).open("/dev/fuse").unwrap();
    let (uid, gid) = rustix_ids();
    let data = format!("fd={},rootmode=40000,user_id={uid},group_id={gid}", fd.as_raw_fd());
    let data = std::ffi::CString::new(data).unwrap();
    rustix::mount::mount("dead", &directory.path, "fuse", MountFlags::empty(), Some(data.as_c_str()))
        .unwrap();
    let FuseOptions { name, file, .. } = options(directory);
    drop(FuseSession::begin(fd.into(), name, file).unwrap());
    assert_eq!(errno(fs::metadata(&directory.path)), ENOTCONN);
}

#[test]
fn mounts_of_dead_servers_are_replaced() {
    isolated("mounts_of_dead_servers_are_replaced", || {
        let directory = Directory::new();
        leave_a_stale_mount(&directory);
        assert_eq!(clear_stale(&directory.path), Ok(1));
        assert_eq!(clear_stale(&directory.path), Ok(0));
        leave_a_stale_mount(&directory);
        let server = Server::mount(&directory);
        assert_eq!(read_write(&directory).write(b"alive").unwrap(), 5);
        drop(server);
        assert_eq!(fs::read_dir(&directory.path).unwrap().count(), 0);
    });
}

#[test]
fn a_mount_point_may_be_a_symbolic_link() {
    isolated("a_mount_point_may_be_a_symbolic_link", || {
        let directory = Directory::new();
        let link = directory.path.with_file_name("link");
        std::os::unix::fs::symlink(&directory.path, &link).unwrap();
        let server = Server::mount_with(&FuseOptions { mountpoint: link.clone(), ..options(&directory) });
        assert_eq!(read_write(&directory).write(b"found").unwrap(), 5);
        drop(server);
        assert_eq!(fs::read_dir(&directory.path).unwrap().count(), 0);
        fs::remove_file(link).unwrap();
    });
}

#[test]
fn a_living_server_is_not_hidden() {
    isolated("a_living_server_is_not_hidden", || {
        let directory = Directory::new();
        let _server = Server::mount(&directory);
        let error = FuseSession::mount(&options(&directory)).unwrap_err();
        assert_eq!(error, MountError::Occupied { path: directory.path.clone() });
        assert_eq!(read_write(&directory).write(b"alive").unwrap(), 5);
    });
}

#[test]
fn what_is_missing_is_named() {
    isolated("what_is_missing_is_named", || {
        let directory = Directory::new();
        let nowhere = FuseOptions { mountpoint: directory.path.join("nowhere"), ..options(&directory) };
        let error = FuseSession::mount(&nowhere).unwrap_err();
        assert!(matches!(error, MountError::Mountpoint { errno: Errno::NOENT, .. }), "{error}");
        let no_fuse = FuseOptions { control: "/dev/no-fuse".into(), ..options(&directory) };
        let error = FuseSession::mount(&no_fuse).unwrap_err();
        assert_eq!(error.to_string(), "opening /dev/no-fuse: No such file or directory (os error 2)");
        let not_fuse = FuseOptions { control: "/dev/null".into(), ..options(&directory) };
        let error = FuseSession::mount(&not_fuse).unwrap_err();
        assert!(matches!(error, MountError::Mount { errno: Errno::INVAL, .. }), "{error}");
    });
}

#[test]
fn everyone_may_use_a_mount_for_everyone() {
    isolated("everyone_may_use_a_mount_for_everyone", || {
        let directory = Directory::new();
        let file = FileAttributes { mode: 0o666, ..options(&directory).file };
        let shared = FuseOptions {
            file,
            visibility: Visibility::Everyone,
            permissions: Permissions::Kernel,
            ..options(&directory)
        };
        let _server = Server::mount_with(&shared);
        fs::set_permissions(directory.path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(fs::metadata(directory.device()).unwrap().mode(), 0o100_666);
        if let Some(nobody) = sys::as_nobody(Command::new("sh")) {
            let mut nobody = nobody;
            let script = format!("echo hello > {0} && ! chmod 600 {0} 2>&-", directory.device().display());
            assert!(nobody.args(["-c", &script]).status().unwrap().success());
        }
    });
}

#[test]
fn a_user_namespace_is_enough() {
    isolated_as_user("a_user_namespace_is_enough", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        file.write_all(b"hello").unwrap();
        assert_eq!(file.read(&mut [0; 16]).unwrap(), 5);
        let mut data = [0; 16];
        assert_eq!(sys::ioctl(&file, CONNECT, &mut data).unwrap(), 3);
        drop(file);
        server.expect(|event| matches!(event, Event::Released { fh: 1 }));
    });
}
