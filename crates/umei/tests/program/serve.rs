//! `umei serve` over FUSE: for everyone, until it is told to stop.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::server::Server;
use crate::sys::ioctl;
use crate::{Folder, can_mount, script, succeed};

const CONNECT: u32 = 0xC010_4801;
/// AMTHI, 12f80028-b4b7-4b2d-aca8-46e0ff65814c.
const AMTHI: [u8; 16] = *b"\x28\x00\xf8\x12\xb7\xb4\x2d\x4b\xac\xa8\x46\xe0\xff\x65\x81\x4c";
const ENODEV: i32 = 19;

#[test]
fn a_device_in_several_folders_with_its_sysfs() {
    if !can_mount("a_device_in_several_folders_with_its_sysfs") {
        return;
    }
    let folder = Folder::new();
    let (one, two, sysfs) = (folder.make("one"), folder.make("two"), folder.make("sysfs"));
    let mut server = Server::start(
        "exec \"$umei\" serve --frontend fuse --mount \"$1/one\" \"$1/two\" --sysfs \"$1/sysfs\"",
        &folder,
    );
    let file = server.open(&one.join("mei0")).unwrap();
    let mut argument = AMTHI;
    assert_eq!(ioctl(&file, CONNECT, &mut argument).unwrap(), 0);
    assert!(server.open(&two.join("mei0")).is_ok());
    let attribute = |name: &str| server.path(&sysfs.join("class/mei/mei0")).join(name);
    assert_eq!(fs::read_to_string(attribute("dev_state")).unwrap(), "ENABLED");
    assert_eq!(fs::read_to_string(attribute("device/vendor")).unwrap(), "0x8086\n");

    // A reader and a poller of dev_state, when the end comes.
    let state = fs::File::open(attribute("dev_state")).unwrap();
    let mut text = String::new();
    (&state).read_to_string(&mut text).unwrap();
    let reader = thread::spawn(move || {
        let error = (&file).read(&mut [0; 64]).unwrap_err();
        let later = (&file).read(&mut [0; 64]).unwrap_err();
        [error.raw_os_error(), later.raw_os_error()]
    });
    let poller = thread::spawn(move || {
        let mut fds = [PollFd::from_borrowed_fd(state.as_fd(), PollFlags::PRI)];
        poll(&mut fds, Some(&Timespec { tv_sec: 60, tv_nsec: 0 })).unwrap();
        fds[0].revents()
    });
    server.terminate();
    assert_eq!(reader.join().unwrap(), [Some(ENODEV), Some(ENODEV)]);
    assert!(poller.join().unwrap().contains(PollFlags::PRI));
    assert_eq!(server.note(), "STOPPING=1");
    assert!(server.wait().success());
}

#[test]
fn what_a_dead_server_left_is_replaced() {
    if !can_mount("what_a_dead_server_left_is_replaced") {
        return;
    }
    let folder = Folder::new();
    let text = succeed(&mut script(
        "mount -t tmpfs -o mode=755 private /mnt; : > /mnt/fuse; : > /mnt/null
         mount --bind /dev/fuse /mnt/fuse; mount --bind /dev/null /mnt/null; mount --rbind /mnt /dev
         mount -t tmpfs private /run
         there() { until { test -f /dev/mei0; } 2>/dev/null; do sleep 0.05; done; }
         \"$umei\" serve --frontend fuse & first=$!; there
         kill -KILL $first; wait $first || true; readlink /dev/mei0
         \"$umei\" serve --frontend fuse & second=$!; there
         if \"$umei\" serve --frontend fuse; then echo a third served too; fi
         kill -TERM $second; wait $second; echo status $?
         if test -L /dev/mei0; then echo the link is left; fi
         if test -e /run/umei/mei0; then echo the folder is left; fi
         grep -c umei /proc/self/mountinfo || true",
        &folder,
    ));
    assert_eq!(text, "/run/umei/mei0/mei0\nstatus 0\n0\n");
}

#[test]
fn a_program_that_keeps_the_device_open_delays_the_end_but_does_not_prevent_it() {
    if !can_mount("a_program_that_keeps_the_device_open_delays_the_end_but_does_not_prevent_it") {
        return;
    }
    let folder = Folder::new();
    let one = folder.make("one");
    let mut server = Server::start("exec \"$umei\" serve --frontend fuse --mount \"$1/one\"", &folder);
    let file = server.open(&one.join("mei0")).unwrap();
    server.terminate();
    assert!(server.wait().success());
    let error = (&file).read(&mut [0; 64]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

#[test]
fn signals_in_a_row_end_the_server_once() {
    if !can_mount("signals_in_a_row_end_the_server_once") {
        return;
    }
    // As from a service manager; the server sees the first two at once, or one after the other.
    for signals in
        [&[Signal::STOP, Signal::TERM, Signal::HUP, Signal::CONT][..], &[Signal::TERM, Signal::HUP]]
    {
        let folder = Folder::new();
        let node = folder.make("one").join("mei0");
        let mut server = Server::start(
            "export UMEI_LOG=debug; exec \"$umei\" serve --frontend fuse --mount \"$1/one\" 2> \"$1/log\"",
            &folder,
        );
        let file = server.open(&node).unwrap();
        ioctl(&file, CONNECT, &mut AMTHI.clone()).unwrap();
        let reader = thread::spawn(move || {
            let asleep = (&file).read(&mut [0; 64]).unwrap_err();
            // Long after the second signal, and before the server has no patience any more.
            thread::sleep(Duration::from_millis(300));
            [asleep, (&file).read(&mut [0; 64]).unwrap_err()].map(|error| error.raw_os_error())
        });
        // Whether it sleeps by then changes no answer.
        thread::sleep(Duration::from_millis(200));
        for signal in signals {
            server.signal(*signal);
            thread::sleep(Duration::from_millis(20));
        }
        assert!(server.wait().success());
        assert_eq!(reader.join().unwrap(), [Some(ENODEV), Some(ENODEV)]);
        let log = fs::read_to_string(folder.0.join("log")).unwrap();
        assert!(!log.contains("waits for nothing"), "{log}");
    }
}

#[test]
fn an_unmount_by_others_ends_the_server_and_says_so() {
    if !can_mount("an_unmount_by_others_ends_the_server_and_says_so") {
        return;
    }
    let folder = Folder::new();
    folder.make("one");
    let text = succeed(&mut script(
        "\"$umei\" serve --frontend fuse --mount \"$1/one\" 2> \"$1/said\" & server=$!
         until test -f \"$1/one/mei0\"; do sleep 0.05; done
         umount \"$1/one\"; wait $server || echo status $?; tail -n 1 \"$1/said\"",
        &folder,
    ));
    assert!(text.starts_with("status 1\n") && text.contains("unmounted"), "{text}");
}

#[test]
fn a_function_that_goes_is_waited_for() {
    if !can_mount("a_function_that_goes_is_waited_for") {
        return;
    }
    let folder = Folder::new();
    let node = folder.make("one").join("mei0");
    // Each engine that is started lasts this long.
    fs::write(folder.0.join("plan"), "mei-faults 1\non access after 3s gone\n").unwrap();
    let mut server = Server::start(
        "exec \"$umei\" serve --frontend fuse --mount \"$1/one\" --inject \"$1/plan\"",
        &folder,
    );
    let old = server.open(&node).unwrap();
    let connects = || server.open(&node).and_then(|file| ioctl(&file, CONNECT, &mut AMTHI.clone())).is_ok();
    let wait_until = |done: &dyn Fn() -> bool| {
        let mut patience = 1200;
        while !done() {
            patience -= 1;
            assert!(patience > 0, "nothing changes");
            thread::sleep(Duration::from_millis(50));
        }
    };
    wait_until(&connects);
    wait_until(&|| !connects());
    wait_until(&connects);
    assert_eq!((&old).read(&mut [0; 64]).unwrap_err().raw_os_error(), Some(ENODEV));
    drop(old);
    server.terminate();
    assert!(server.wait().success());
}
