//! `umei serve --watchdog`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::server::Server;
use crate::sys::ioctl;
use crate::{Folder, can_mount, succeed};

const GET_SUPPORT: u32 = 0x8028_5700;
const GET_STATUS: u32 = 0x8004_5701;
const KEEP_ALIVE: u32 = 0x8004_5705;
const SET_TIMEOUT: u32 = 0xC004_5706;
const GET_TIMEOUT: u32 = 0x8004_5707;
const SET_PRETIMEOUT: u32 = 0xC004_5708;
const GET_PRETIMEOUT: u32 = 0x8004_5709;
const GET_TIME_LEFT: u32 = 0x8004_570A;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const ENOTTY: i32 = 25;
const EOPNOTSUPP: i32 = 95;

/// A server whose `/dev` is the folder's `dev` and whose log is its `log`.
const SERVE: &str = r#"
    mkdir "$1/dev"; : > "$1/dev/fuse"; mount --bind /dev/fuse "$1/dev/fuse"
    mount --rbind "$1/dev" /dev; mount -t tmpfs private /run; export UMEI_LOG=warn,mei_emulator=debug
    exec "$umei" serve --frontend fuse --watchdog --persona tiger-lake 2> "$1/log""#;

/// Opens the watchdog once it is there: the firmware is asked first whether it wants one.
fn open(server: &Server) -> File {
    let path = Path::new("/run/umei/watchdog0/watchdog0");
    for _ in 0..600 {
        match server.open(path) {
            Ok(file) => return file,
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    panic!("there is no watchdog");
}

#[test]
fn the_watchdog_speaks_the_kernels_abi() {
    if !can_mount("the_watchdog_speaks_the_kernels_abi") {
        return;
    }
    let folder = Folder::new();
    let mut server = Server::start(SERVE, &folder);
    let file = open(&server);
    let mut info = [0; 40];
    assert_eq!(ioctl(&file, GET_SUPPORT, &mut info).unwrap(), 0);
    assert_eq!((&info[..4], &info[8..17]), (&[0x80, 0x84, 0, 0][..], &b"iamt_wdt\0"[..]));
    assert_eq!((&file).write(b"V").unwrap(), 1, "a ping");
    let busy = server.open(Path::new("/run/umei/watchdog0/watchdog0")).unwrap_err();
    assert_eq!(busy.raw_os_error(), Some(EBUSY));
    let mut integer = [0; 4];
    assert_eq!(ioctl(&file, GET_TIMEOUT, &mut integer).unwrap(), 0);
    assert_eq!(u32::from_ne_bytes(integer), 120);
    assert_eq!(ioctl(&file, KEEP_ALIVE, &mut integer).unwrap(), 0);
    let mut integer = 600u32.to_ne_bytes();
    assert_eq!(ioctl(&file, SET_TIMEOUT, &mut integer).unwrap(), 0);
    assert_eq!(u32::from_ne_bytes(integer), 600);
    let mut integer = 600u32.to_ne_bytes();
    assert_eq!(ioctl(&file, SET_PRETIMEOUT, &mut integer).unwrap_err().raw_os_error(), Some(EINVAL));
    let mut integer = 599u32.to_ne_bytes();
    assert_eq!(ioctl(&file, SET_PRETIMEOUT, &mut integer).unwrap(), 0);
    let mut integer = [0; 4];
    assert_eq!(ioctl(&file, GET_PRETIMEOUT, &mut integer).unwrap(), 0);
    assert_eq!(u32::from_ne_bytes(integer), 599);
    let unknown = ioctl(&file, GET_TIME_LEFT, &mut integer).unwrap_err();
    assert_eq!(unknown.raw_os_error(), Some(EOPNOTSUPP), "the kernel's driver does not know either");
    for status in [0x8200, 0x0200] {
        assert_eq!(ioctl(&file, GET_STATUS, &mut integer).unwrap(), 0);
        assert_eq!(u32::from_ne_bytes(integer), status, "pinged since it was last asked for, or not");
    }
    for refused in [119u32, 65536] {
        let mut integer = refused.to_ne_bytes();
        let error = ioctl(&file, SET_TIMEOUT, &mut integer).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EINVAL), "{refused}");
    }
    assert_eq!(ioctl(&file, 0x8004_5703, &mut integer).unwrap_err().raw_os_error(), Some(ENOTTY));
    // It stops with the close and can be used again at once, as often as one likes.
    drop(file);
    for _ in 0..3 {
        let file = server.open(Path::new("/run/umei/watchdog0/watchdog0")).unwrap();
        assert_eq!((&file).write(b"V").unwrap(), 1);
    }
    server.terminate();
    assert!(server.wait().success());
}

#[test]
fn signals_in_a_row_leave_the_watchdog_time_for_its_farewell() {
    if !can_mount("signals_in_a_row_leave_the_watchdog_time_for_its_farewell") {
        return;
    }
    let folder = Folder::new();
    let mut server = Server::start(SERVE, &folder);
    let file = open(&server);
    assert_eq!((&file).write(b"V").unwrap(), 1, "the alarm is on");
    // As from a service manager, which the server sees both at once.
    for signal in [Signal::STOP, Signal::TERM, Signal::HUP, Signal::CONT] {
        server.signal(signal);
    }
    assert!(server.wait().success());
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(log.contains("watchdog: the alarm is off"), "{log}");
    assert!(!log.contains("has failed"), "{log}");
    for name in ["mei0", "watchdog0"] {
        let left = fs::symlink_metadata(folder.0.join("dev").join(name));
        assert!(left.is_err(), "{name} is left: {left:?}");
    }
}

#[test]
fn a_device_that_is_taken_away_ends_the_service_and_waits_for_no_watchdog() {
    if !can_mount("a_device_that_is_taken_away_ends_the_service_and_waits_for_no_watchdog") {
        return;
    }
    let folder = Folder::new();
    let mut server = Server::start(SERVE, &folder);
    drop(open(&server));
    let begin = Instant::now();
    succeed(&mut server.inside(&["umount", "/run/umei/mei0"]));
    assert!(!server.wait().success());
    let took = begin.elapsed();
    let log = fs::read_to_string(folder.0.join("log")).unwrap();
    assert!(log.contains("the device was taken away"), "{log}");
    assert!(!log.contains("has failed"), "{log}");
    let left = fs::symlink_metadata(folder.0.join("dev/watchdog0"));
    assert!(left.is_err(), "{left:?}");
    // The loop is asked with a patience of ten seconds, and nobody answers any more.
    assert!(took < Duration::from_secs(8), "{took:?}: {log}");
}
