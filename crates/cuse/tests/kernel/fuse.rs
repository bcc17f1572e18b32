//! The file in a directory (fuse-file.md §1 to §3).

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::isolation::{Directory, isolated, isolated_as_user};
use crate::server::{Event, Server, options};
use crate::{A_WHILE, CONNECT, errno, poll_once, sys};
use cuse::{FileAttributes, FuseOptions, FuseSession, MountError, Permissions, Visibility, clear_stale};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::Uid;
use rustix::thread::set_thread_res_uid;

const EAGAIN: i32 = 11;
const EINTR: i32 = 4;
const ENOTTY: i32 = 25;
const ESPIPE: i32 = 29;
const EPERM: i32 = 1;
const ENOTCONN: i32 = 107;
const ECONNABORTED: i32 = 103;

fn read_write(directory: &Directory) -> File {
    OpenOptions::new().read(true).write(true).open(directory.device()).unwrap()
}

#[test]
fn every_open_is_an_inode_of_its_own_and_looks_like_one_file() {
    isolated("fuse::every_open_is_an_inode_of_its_own_and_looks_like_one_file", || {
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
    isolated("fuse::reads_and_writes_carry_size_flags_and_caller", || {
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
    isolated("fuse::a_large_write_arrives_whole_whatever_its_alignment", || {
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
    isolated("fuse::ioctl_copies_by_the_size_in_the_code", || {
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
    isolated("fuse::poll_wakes_by_a_notification", || {
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
        thread::sleep(A_WHILE);
        server.push(1, b"news");
        let (revents, waited) = sleeper.join().unwrap();
        assert_eq!(revents, PollFlags::IN);
        assert!(waited >= A_WHILE && waited < Duration::from_secs(5), "{waited:?}");
        let mut bytes = [0; 8];
        assert_eq!(file.read(&mut bytes).unwrap(), 4);
    });
}

#[test]
fn a_signal_interrupts_a_parked_read() {
    isolated("fuse::a_signal_interrupts_a_parked_read", || {
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
    isolated("fuse::parked_writes_hold_up_nobody_else", || {
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
    isolated("fuse::fsync_flush_and_release_arrive", || {
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
    isolated("fuse::truncation_and_appending_open_like_a_device", || {
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
    isolated("fuse::there_is_no_position", || {
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
    isolated("fuse::a_killed_reader_dies_when_its_read_is_answered", || {
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
    isolated("fuse::a_killed_writer_blocks_nobody_before_its_write_is_answered", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let script = format!("printf park > {}", directory.device().display());
        let mut writer = Command::new("sh").args(["-c", &script]).spawn().unwrap();
        server.expect(|event| matches!(event, Event::Parked { .. }));
        server.ignore_interrupts();
        writer.kill().unwrap();
        server.expect(|event| matches!(event, Event::Interrupted { known: true }));
        thread::sleep(A_WHILE);
        assert!(writer.try_wait().unwrap().is_none(), "it waits for the answer even when killed");
        assert_eq!(read_write(&directory).write(b"passes").unwrap(), 6);
        server.unpark_writes();
        assert!(!writer.wait().unwrap().success());
    });
}

#[test]
fn the_directory_lists_its_file_and_takes_no_other() {
    isolated("fuse::the_directory_lists_its_file_and_takes_no_other", || {
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
    isolated("fuse::thousands_of_opens_leave_no_inode_behind", || {
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
    isolated("fuse::dropping_the_session_unmounts_and_ends_open_files", || {
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
    isolated("fuse::an_unmount_by_others_ends_the_session", || {
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
    isolated("fuse::an_aborted_session_ends_and_is_unmounted", || {
        let directory = Directory::new();
        let server = Server::mount(&directory);
        let mut file = read_write(&directory);
        // Aborts, and then finds the mount in use.
        let forced = rustix::mount::unmount(&directory.path, UnmountFlags::FORCE);
        assert_eq!(forced, Err(Errno::BUSY));
        server.expect(|event| matches!(event, Event::Ended));
        assert_eq!(errno(file.write(b"late")), ENOTCONN);
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
    isolated("fuse::mounts_of_dead_servers_are_replaced", || {
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
    isolated("fuse::a_mount_point_may_be_a_symbolic_link", || {
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
    isolated("fuse::a_living_server_is_not_hidden", || {
        let directory = Directory::new();
        let _server = Server::mount(&directory);
        let error = FuseSession::mount(&options(&directory)).unwrap_err();
        assert_eq!(error, MountError::Occupied { path: directory.path.clone() });
        assert_eq!(read_write(&directory).write(b"alive").unwrap(), 5);
    });
}

#[test]
fn what_is_missing_is_named() {
    isolated("fuse::what_is_missing_is_named", || {
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

/// Does `work` as a user without privileges, if this namespace has one.
fn as_nobody(work: impl FnOnce() + Send + 'static) {
    const NOBODY: u32 = 65534;
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    let mapped: u32 = map.split_whitespace().nth(2).unwrap().parse().unwrap();
    if mapped > NOBODY {
        // The user is changed for this one thread.
        let nobody = Uid::from_raw(NOBODY);
        let thread = thread::spawn(move || {
            set_thread_res_uid(nobody, nobody, nobody).unwrap();
            work();
        });
        thread.join().unwrap();
    }
}

/// Opens the file without a walk through directories that are closed to others.
fn open_in(root: &File) -> Result<OwnedFd, Errno> {
    openat(root, "mei0", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}

#[test]
fn everyone_may_use_a_mount_for_everyone_as_the_mode_says() {
    isolated("fuse::everyone_may_use_a_mount_for_everyone_as_the_mode_says", || {
        let directory = Directory::new();
        let file = FileAttributes { mode: 0o666, ..options(&directory).file };
        let shared = FuseOptions { file, visibility: Visibility::Everyone, ..options(&directory) };
        assert_eq!(shared.permissions, Permissions::Kernel);
        let _server = Server::mount_with(&shared);
        assert_eq!(fs::metadata(directory.device()).unwrap().mode(), 0o100_666);
        let root = File::open(&directory.path).unwrap();
        as_nobody(move || {
            let mut file = File::from(open_in(&root).unwrap());
            assert_eq!(file.write(b"hello").unwrap(), 5);
            let private = fs::Permissions::from_mode(0o600);
            assert_eq!(errno(file.set_permissions(private)), EPERM);
        });
        fs::set_permissions(directory.device(), fs::Permissions::from_mode(0o600)).unwrap();
        let root = File::open(&directory.path).unwrap();
        as_nobody(move || assert_eq!(open_in(&root).unwrap_err(), Errno::ACCESS));
    });
}

#[test]
fn nobody_else_may_use_a_mount_for_its_owner() {
    isolated("fuse::nobody_else_may_use_a_mount_for_its_owner", || {
        let directory = Directory::new();
        let file = FileAttributes { mode: 0o666, ..options(&directory).file };
        let _server = Server::mount_with(&FuseOptions { file, ..options(&directory) });
        let root = File::open(&directory.path).unwrap();
        assert!(open_in(&root).is_ok());
        as_nobody(move || assert_eq!(open_in(&root).unwrap_err(), Errno::ACCESS));
    });
}

#[test]
fn a_user_namespace_is_enough() {
    isolated_as_user("fuse::a_user_namespace_is_enough", || {
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
