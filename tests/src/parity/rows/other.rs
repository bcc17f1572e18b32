//! Calls that are no part of the driver's interface but reach it, or its file (`device-abi.md` §5.2, §9).

use super::table;
use crate::files::{Call, Errno, Pointer, Sharing, Transport};
use crate::parity::bench::By;
use crate::parity::{Bench, Step};
use crate::test_client::ECHO;

table! {
    Any: unknown_ioctl_is_enotty legacy_ioctl_is_enotty mei_ioctls_of_other_sizes_are_enotty
        unknown_ioctl_with_a_bad_pointer unknown_ioctl_when_connected fionread seek pread pwrite
        pread_when_connected mmap_private mmap_shared file_type fionbio_takes_effect
        nonblock_takes_effect_at_the_next_call async_when_connected;
}

const FIONREAD: u32 = 0x541B;
/// Nobody's: type H, number 0x7F, both ways, 8 bytes.
const UNKNOWN: u32 = 0xC008_487F;

fn unknown_ioctl_is_enotty(b: &Bench<'_>) -> Step {
    b.open()?.ioctl(UNKNOWN, &[0; 8])?.fails(Errno::ENOTTY)
}

/// Version query of an older driver, which a client tries first (`clients.md` §1, rule 10).
fn legacy_ioctl_is_enotty(b: &Bench<'_>) -> Step {
    b.open()?.ioctl(0xC005_4800, &[0; 5])?.fails(Errno::ENOTTY)
}

/// The driver compares whole command words.
fn mei_ioctls_of_other_sizes_are_enotty(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    for command in
        [0xC011_4801, 0xC000_4801, 0x8010_4801, 0x4010_4801, 0x4008_4802, 0x8008_4803, 0xC010_4804, 0x4801]
    {
        file.ioctl(command, &[0; 32])?.fails(Errno::ENOTTY)?;
    }
    file.connect(ECHO)?.returns(0)
}

fn unknown_ioctl_with_a_bad_pointer(b: &Bench<'_>) -> Step {
    let real = Errno::ENOTTY;
    let errno = b.by("F-POINTER-ORDER", By { host: real, fuse: Errno::EFAULT, cuse: real, mei_me: real });
    b.open()?.ioctl_at(UNKNOWN, Pointer::Unmapped)?.fails(errno)
}

fn unknown_ioctl_when_connected(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.ioctl(UNKNOWN, &[0; 8])?.fails(Errno::ENOTTY)?;
    file.ioctl(0xC005_4800, &[0; 5])?.fails(Errno::ENOTTY)
}

/// Answered by the VFS for a regular file, which FUSE's is.
fn fionread(b: &Bench<'_>) -> Step {
    let real = Err(Errno::ENOTTY);
    let result = b.by("F-REGULAR-FILE", By { host: real, fuse: Ok(0), cuse: real, mei_me: real });
    b.open()?.ioctl(FIONREAD, &[0; 4])?.result_is(result)
}

fn seek(b: &Bench<'_>) -> Step {
    let real = Err(Errno::ESPIPE);
    let result = b.by("F-SEEK-CUSE", By { host: real, fuse: real, cuse: Ok(0), mei_me: real });
    b.open()?.call(Call::Seek)?.result_is(result)
}

fn pread(b: &Bench<'_>) -> Step {
    let real = Errno::ESPIPE;
    let errno = b.by("F-SEEK-CUSE", By { host: real, fuse: real, cuse: Errno::ENODEV, mei_me: real });
    b.open()?.call(Call::ReadAt)?.fails(errno)
}

fn pwrite(b: &Bench<'_>) -> Step {
    let real = Errno::ESPIPE;
    let errno = b.by("F-SEEK-CUSE", By { host: real, fuse: real, cuse: Errno::ENODEV, mei_me: real });
    b.open()?.call(Call::WriteAt)?.fails(errno)
}

fn pread_when_connected(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    let real = Errno::ESPIPE;
    let errno = b.by("F-SEEK-CUSE", By { host: real, fuse: real, cuse: Errno::EAGAIN, mei_me: real });
    file.call(Call::ReadAt)?.fails(errno)
}

fn mmap_private(b: &Bench<'_>) -> Step {
    let real = Err(Errno::ENODEV);
    let result = b.by("F-REGULAR-FILE", By { host: real, fuse: Ok(0), cuse: real, mei_me: real });
    b.open()?.call(|file| Call::Map(file, Sharing::Private))?.result_is(result)
}

fn mmap_shared(b: &Bench<'_>) -> Step {
    b.open()?.call(|file| Call::Map(file, Sharing::Shared))?.fails(Errno::ENODEV)
}

fn file_type(b: &Bench<'_>) -> Step {
    let device = i64::from(libc::S_IFCHR);
    let regular = i64::from(libc::S_IFREG);
    let expected = b.by("F-REGULAR-FILE", By { host: device, fuse: regular, cuse: device, mei_me: device });
    b.open()?.call(Call::FileType)?.returns(expected)
}

fn fionbio_takes_effect(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.call(|file| Call::Fionbio(file, true))?.returns(0)?;
    file.read(10)?.fails(Errno::EAGAIN)
}

fn nonblock_takes_effect_at_the_next_call(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    file.set_nonblocking(true)?;
    parked.still_sleeps()?;
    file.read(10)?.fails(Errno::EAGAIN)?;
    file.send(b"wake")?;
    parked.ends()?.reads(b"wake")?;
    file.set_nonblocking(false)?;
    let parked = file.park_read(512)?;
    file.send(b"again")?;
    parked.ends()?.reads(b"again")
}

fn async_when_connected(b: &Bench<'_>) -> Step {
    b.only(&[Transport::Host, Transport::MeiMe], "answered by the kernel, see F-ASYNC")?;
    let file = b.connected(ECHO)?;
    file.call(|file| Call::SetAsync(file, true))?.returns(0)?;
    file.call(|file| Call::SetAsync(file, false))?.returns(0)
}
