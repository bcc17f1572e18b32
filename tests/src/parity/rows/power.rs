//! Sleep, stop and removal (`device-abi.md` §11), which only the owner of a host can bring about.

use super::table;
use crate::files::{Errno, POLLERR, POLLIN, Pointer, Power};
use crate::parity::bench::{CONNECT, NOTIFY_GET};
use crate::parity::{Bench, File, LIMIT, Step};
use crate::test_client::{ECHO, SLOW};

table! {
    Any: suspend_ends_a_read suspend_then_every_call suspend_then_open resume_then_connect
        resume_keeps_the_file suspend_wakes_poll suspend_fails_a_connect stop_ends_a_read
        stop_then_every_call remove_ends_a_read remove_ends_a_connect remove_then_every_call
        remove_files_can_be_closed remove_wakes_poll;
    Events: suspend_ends_notify_get remove_ends_notify_get;
}

/// Every call on a connected file of a device that is not ENABLED.
fn every_call(b: &Bench<'_>, file: &File<'_>) -> Step {
    file.read(10)?.fails(Errno::ENODEV)?;
    // The device's state comes before the length.
    file.read(0)?.fails(Errno::ENODEV)?;
    file.write(&[0; 10])?.fails(Errno::ENODEV)?;
    file.write(&[])?.fails(Errno::ENODEV)?;
    file.connect(ECHO)?.fails(Errno::ENODEV)?;
    file.connect_vtag(ECHO, 1)?.fails(Errno::ENODEV)?;
    file.notify_set(1)?.fails(Errno::ENODEV)?;
    file.notify_set(7)?.fails(Errno::ENODEV)?;
    file.notify_get()?.fails(Errno::ENODEV)?;
    file.ioctl(0xC008_487F, &[0; 8])?.fails(Errno::ENODEV)?;
    file.poll(POLLIN)?.returns(i64::from(POLLERR))?;
    file.fsync()?.fails(Errno::ENODEV)?;
    let opened = b.try_open()?.map(drop);
    b.check(opened == Err(Errno::ENODEV), format!("open: {opened:?}"))
}

/// A read, with the device befallen by `power`.
fn ends_a_read(b: &Bench<'_>, power: Power) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    b.files().power(power)?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn wakes_poll(b: &Bench<'_>, power: Power) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park(file.poll_call(POLLIN, LIMIT))?;
    b.files().power(power)?;
    parked.ends()?.returns(i64::from(POLLERR))
}

fn then_every_call(b: &Bench<'_>, power: Power) -> Step {
    let (connected, fresh) = (b.connected(ECHO)?, b.open()?);
    b.files().power(power)?;
    every_call(b, &connected)?;
    every_call(b, &fresh)
}

fn ends_notify_get(b: &Bench<'_>, power: Power) -> Step {
    let file = b.connected(ECHO)?;
    file.notify_set(1)?.returns(0)?;
    let parked = file.park(file.ioctl_call(NOTIFY_GET, &[0; 4], Pointer::Good))?;
    b.files().power(power)?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn fails_a_connect(b: &Bench<'_>, power: Power) -> Step {
    let file = b.open()?;
    let parked = file.park(file.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    b.files().power(power)?;
    parked.ends()?.fails(Errno::EFAULT)
}

fn suspend_ends_a_read(b: &Bench<'_>) -> Step {
    ends_a_read(b, Power::Suspend)
}

fn suspend_then_every_call(b: &Bench<'_>) -> Step {
    then_every_call(b, Power::Suspend)
}

fn suspend_then_open(b: &Bench<'_>) -> Step {
    b.files().power(Power::Suspend)?;
    let opened = b.try_open()?.map(drop);
    b.check(opened == Err(Errno::ENODEV), format!("open: {opened:?}"))
}

fn suspend_wakes_poll(b: &Bench<'_>) -> Step {
    wakes_poll(b, Power::Suspend)
}

fn suspend_fails_a_connect(b: &Bench<'_>) -> Step {
    fails_a_connect(b, Power::Suspend)
}

/// Quirk Q1.
fn suspend_ends_notify_get(b: &Bench<'_>) -> Step {
    ends_notify_get(b, Power::Suspend)
}

fn resume_then_connect(b: &Bench<'_>) -> Step {
    b.files().power(Power::Suspend)?;
    b.files().power(Power::Resume)?;
    crate::test_client::wait_until_enabled(b)?;
    let file = b.connected(ECHO)?;
    file.send(b"awake")?;
    file.read(512)?.reads(b"awake")
}

fn resume_keeps_the_file(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    b.files().power(Power::Suspend)?;
    b.files().power(Power::Resume)?;
    crate::test_client::wait_until_enabled(b)?;
    file.read(10)?.fails(Errno::ENODEV)?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"awake")?;
    file.read(512)?.reads(b"awake")
}

fn stop_ends_a_read(b: &Bench<'_>) -> Step {
    ends_a_read(b, Power::Stop)
}

fn stop_then_every_call(b: &Bench<'_>) -> Step {
    then_every_call(b, Power::Stop)
}

fn remove_ends_a_read(b: &Bench<'_>) -> Step {
    ends_a_read(b, Power::Remove)
}

fn remove_ends_a_connect(b: &Bench<'_>) -> Step {
    fails_a_connect(b, Power::Remove)
}

fn remove_wakes_poll(b: &Bench<'_>) -> Step {
    wakes_poll(b, Power::Remove)
}

fn remove_then_every_call(b: &Bench<'_>) -> Step {
    then_every_call(b, Power::Remove)
}

/// Quirk Q1.
fn remove_ends_notify_get(b: &Bench<'_>) -> Step {
    ends_notify_get(b, Power::Remove)
}

fn remove_files_can_be_closed(b: &Bench<'_>) -> Step {
    let (connected, fresh) = (b.connected(ECHO)?, b.open()?);
    b.files().power(Power::Remove)?;
    connected.close()?.returns(0)?;
    fresh.close()?.returns(0)
}
