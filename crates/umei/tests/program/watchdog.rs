//! `umei serve --watchdog`.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::server::Server;
use crate::sys::ioctl;
use crate::{Folder, can_mount};

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

/// Opens the watchdog once it is there: the firmware is asked first whether it wants one.
fn open(server: &Server) -> File {
    let path = Path::new("/run/umei/watchdog0/watchdog0");
    for _ in 0..600 {
        match server.open(path) {
            Ok(file) => return file,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(100)),
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
    let mut server = Server::start(
        "mount -t tmpfs -o mode=755 private /mnt; : > /mnt/fuse; mount --bind /dev/fuse /mnt/fuse
         mount --rbind /mnt /dev; mount -t tmpfs private /run
         exec \"$umei\" serve --frontend fuse --watchdog --persona tiger-lake",
        &folder,
    );
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
