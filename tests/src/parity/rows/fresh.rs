//! A file that was never connected (`device-abi.md` §16, first rows).

use super::table;
use crate::files::{Call, Errno, POLLERR, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM, Pointer};
use crate::parity::bench::{By, CONNECT, CONNECT_VTAG, NOTIFY_GET, NOTIFY_SET};
use crate::parity::{Bench, Step};
use crate::test_client::ECHO;

table! {
    Any: fresh_read_of_zero fresh_read fresh_read_nonblocking fresh_write_of_zero fresh_write
        fresh_write_too_long fresh_poll fresh_poll_of_nothing fresh_poll_wakes_at_once fresh_epoll_mask
        fresh_fsync fresh_fdatasync fresh_async fresh_notify_set_of_two fresh_connect_bad_pointer
        fresh_connect_null_pointer fresh_vtag_bad_pointer fresh_notify_set_bad_pointer fresh_read_null;
    Events: fresh_notify_set fresh_notify_get fresh_notify_get_bad_pointer;
    NoVtag: fresh_vtag_without_the_feature;
    Old: old_notify_set old_notify_set_of_five old_notify_get old_vtag;
}

const ZERO_UNSEEN: &str = "F-ZERO-LENGTH";
const FSYNC_UNSEEN: &str = "F-FSYNC-CUSE";

fn fresh_read_of_zero(b: &Bench<'_>) -> Step {
    b.open()?.read(0)?.returns(0)
}

fn fresh_read(b: &Bench<'_>) -> Step {
    b.open()?.read(10)?.fails(Errno::ENODEV)
}

fn fresh_read_nonblocking(b: &Bench<'_>) -> Step {
    b.open_nonblocking()?.read(10)?.fails(Errno::ENODEV)
}

fn fresh_write_of_zero(b: &Bench<'_>) -> Step {
    let real = Err(Errno::ENODEV);
    let result = b.by(ZERO_UNSEEN, By { host: real, fuse: Ok(0), cuse: Ok(0), mei_me: real });
    b.open()?.write(&[])?.result_is(result)
}

fn fresh_write(b: &Bench<'_>) -> Step {
    b.open()?.write(&[0; 10])?.fails(Errno::ENODEV)
}

fn fresh_write_too_long(b: &Bench<'_>) -> Step {
    b.open()?.write(&[0; 8192])?.fails(Errno::ENODEV)
}

fn fresh_poll(b: &Bench<'_>) -> Step {
    b.open()?.poll(POLLIN | POLLOUT | POLLPRI)?.returns(i64::from(POLLERR))
}

fn fresh_poll_of_nothing(b: &Bench<'_>) -> Step {
    b.open()?.poll(0)?.returns(i64::from(POLLERR))
}

fn fresh_poll_wakes_at_once(b: &Bench<'_>) -> Step {
    b.open()?.wait_error()
}

/// What Go's runtime asks of every descriptor that it opens, before anything else (`clients.md` §1, rule 4).
fn fresh_epoll_mask(b: &Bench<'_>) -> Step {
    let mask = 0x201D & (POLLIN | POLLOUT | POLLPRI | POLLERR | POLLRDNORM | POLLWRNORM | 0x2010);
    let file = b.open()?;
    file.poll(mask)?.returns(i64::from(POLLERR))?;
    file.connect(ECHO)?.returns(0)
}

fn fresh_fsync(b: &Bench<'_>) -> Step {
    let real = Errno::ENODEV;
    let errno = b.by(FSYNC_UNSEEN, By { host: real, fuse: real, cuse: Errno::EINVAL, mei_me: real });
    b.open()?.fsync()?.fails(errno)
}

fn fresh_fdatasync(b: &Bench<'_>) -> Step {
    let real = Errno::ENODEV;
    let errno = b.by(FSYNC_UNSEEN, By { host: real, fuse: real, cuse: Errno::EINVAL, mei_me: real });
    b.open()?.call(Call::Fdatasync)?.fails(errno)
}

fn fresh_async(b: &Bench<'_>) -> Step {
    let real = Err(Errno::ENODEV);
    let result = b.by("F-ASYNC", By { host: real, fuse: Ok(0), cuse: Ok(0), mei_me: real });
    b.open()?.call(|file| Call::SetAsync(file, true))?.result_is(result)
}

fn fresh_notify_set(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.notify_set(1)?.fails(Errno::ENODEV)?;
    file.notify_set(0)?.fails(Errno::ENODEV)
}

fn fresh_notify_set_of_two(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.notify_set(2)?.fails(Errno::EINVAL)?;
    file.notify_set(u32::MAX)?.fails(Errno::EINVAL)
}

fn fresh_notify_get(b: &Bench<'_>) -> Step {
    b.open()?.notify_get()?.fails(Errno::ENODEV)
}

fn fresh_notify_get_bad_pointer(b: &Bench<'_>) -> Step {
    b.open()?.ioctl_at(NOTIFY_GET, Pointer::Unmapped)?.fails(Errno::ENODEV)
}

fn fresh_connect_bad_pointer(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.ioctl_at(CONNECT, Pointer::Unmapped)?.fails(Errno::EFAULT)?;
    file.connect(ECHO)?.returns(0)
}

fn fresh_connect_null_pointer(b: &Bench<'_>) -> Step {
    b.open()?.ioctl_at(CONNECT, Pointer::Null)?.fails(Errno::EFAULT)
}

fn fresh_vtag_bad_pointer(b: &Bench<'_>) -> Step {
    b.open()?.ioctl_at(CONNECT_VTAG, Pointer::Unmapped)?.fails(Errno::EFAULT)
}

fn fresh_notify_set_bad_pointer(b: &Bench<'_>) -> Step {
    b.open()?.ioctl_at(NOTIFY_SET, Pointer::Unmapped)?.fails(Errno::EFAULT)
}

/// The driver looks at the pointer before the connection; a FUSE front end never sees it.
fn fresh_read_null(b: &Bench<'_>) -> Step {
    let errno = b.by(
        "F-POINTER-ORDER",
        By { host: Errno::EMSGSIZE, fuse: Errno::EFAULT, cuse: Errno::EFAULT, mei_me: Errno::EMSGSIZE },
    );
    b.open()?.read_at(10, Pointer::Null)?.fails(errno)
}

fn fresh_vtag_without_the_feature(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.connect_vtag(ECHO, 5)?.fails(Errno::EOPNOTSUPP)?;
    file.connect_vtag(ECHO, 0)?.fails(Errno::EOPNOTSUPP)?;
    file.connect(ECHO)?.returns(0)
}

fn old_notify_set(b: &Bench<'_>) -> Step {
    b.open()?.notify_set(1)?.fails(Errno::EOPNOTSUPP)
}

fn old_notify_set_of_five(b: &Bench<'_>) -> Step {
    b.open()?.notify_set(5)?.fails(Errno::EINVAL)
}

fn old_notify_get(b: &Bench<'_>) -> Step {
    b.open()?.notify_get()?.fails(Errno::EOPNOTSUPP)
}

fn old_vtag(b: &Bench<'_>) -> Step {
    b.open()?.connect_vtag(ECHO, 5)?.fails(Errno::EOPNOTSUPP)
}
