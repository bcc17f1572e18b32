//! CONNECT_CLIENT (`device-abi.md` §5.3, §5.4).

use super::table;
use crate::files::{Call, Errno, POLLERR, POLLIN, POLLOUT, Pointer, Restart};
use crate::parity::bench::{By, CONNECT};
use crate::parity::{Bench, Step};
use crate::test_client::{ABSENT, BIG, ECHO, Event, MTU, SINGLE, SLOW};
use mei_wire::Guid;

table! {
    Any: connect_unknown_then_known connect_unknown_copies_nothing_back connect_brings_properties
        connect_twice_is_ebusy connect_other_when_connected_is_ebusy connect_keeps_the_first_connection
        connect_of_the_last_instance_is_ebusy connect_after_the_instance_is_free connect_slow
        connect_is_not_interrupted connect_is_not_restarted connect_bad_pointer_when_connected
        connect_two_at_once_to_one_client connecting_read_is_enodev connecting_write_is_enodev
        connecting_poll_is_error connecting_fsync_is_enodev connecting_connect_is_ebusy
        connect_refused_copies_nothing_back connect_refused_already_exists connect_refused_rejected
        connect_refused_invalid_parameter connect_refused_not_allowed connect_refused_unknown_status
        connect_refused_then_other_client connect_refused_not_found;
    Events: connecting_notify_is_enodev;
    NoVtag: connect_unknown_when_connected_is_ebusy;
    Vtag: connect_unknown_when_connected_is_enotty;
}

fn connect_unknown_then_known(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.connect(ABSENT)?.fails(Errno::ENOTTY)?;
    file.connect(Guid([0; 16]))?.fails(Errno::ENOTTY)?;
    file.connect(ECHO)?.returns(0)
}

fn connect_unknown_copies_nothing_back(b: &Bench<'_>) -> Step {
    let said = b.open()?.connect(ABSENT)?;
    said.fails(Errno::ENOTTY)?;
    said.brings(&ABSENT.0)
}

/// The reserved bytes keep the caller's GUID (quirk Q3).
fn connect_brings_properties(b: &Bench<'_>) -> Step {
    for (guid, mtu) in [(ECHO, MTU), (BIG, 4096)] {
        let said = b.open()?.connect(guid)?;
        said.returns(0)?;
        let mut expected = guid.0;
        expected[..4].copy_from_slice(&u32::try_from(mtu).expect("an MTU").to_le_bytes());
        expected[4] = crate::test_client::PROTOCOL_VERSION;
        said.brings(&expected)?;
    }
    Ok(())
}

fn connect_twice_is_ebusy(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let said = file.connect(ECHO)?;
    said.fails(Errno::EBUSY)?;
    said.brings(&ECHO.0)
}

fn connect_other_when_connected_is_ebusy(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.connect(BIG)?.fails(Errno::EBUSY)
}

fn connect_unknown_when_connected_is_ebusy(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.connect(ABSENT)?.fails(Errno::EBUSY)
}

/// With virtual tags negotiated the GUID is looked up before the state of the file.
fn connect_unknown_when_connected_is_enotty(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.connect(ECHO)?.fails(Errno::EBUSY)?;
    file.connect(ABSENT)?.fails(Errno::ENOTTY)
}

fn connect_keeps_the_first_connection(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.connect(BIG)?.fails(Errno::EBUSY)?;
    file.send(b"still there")?;
    file.read(512)?.reads(b"still there")
}

fn connect_of_the_last_instance_is_ebusy(b: &Bench<'_>) -> Step {
    let first = b.connected(SINGLE)?;
    let second = b.open()?;
    second.connect(SINGLE)?.fails(Errno::EBUSY)?;
    second.connect(SINGLE)?.fails(Errno::EBUSY)?;
    second.connect(ECHO)?.returns(0)?;
    first.send(b"mine")?;
    first.read(512)?.reads(b"mine")
}

fn connect_after_the_instance_is_free(b: &Bench<'_>) -> Step {
    let first = b.connected(SINGLE)?;
    let second = b.open()?;
    second.connect(SINGLE)?.fails(Errno::EBUSY)?;
    first.close()?.returns(0)?;
    second.connect(SINGLE)?.returns(0)
}

fn connect_slow(b: &Bench<'_>) -> Step {
    b.open()?.connect(SLOW)?.returns(0)
}

fn connect_is_not_interrupted(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    let parked = file.park(file.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    parked.signal(Restart::No);
    let said = parked.ends()?;
    said.returns(0)?;
    file.send(b"connected")?;
    file.read(512)?.reads(b"connected")
}

fn connect_is_not_restarted(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    let parked = file.park(file.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    parked.signal(Restart::Yes);
    parked.signal(Restart::No);
    parked.ends()?.returns(0)
}

fn connect_bad_pointer_when_connected(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.ioctl_at(CONNECT, Pointer::Unmapped)?.fails(Errno::EFAULT)
}

/// The second request waits for the answer to the first; neither is refused.
fn connect_two_at_once_to_one_client(b: &Bench<'_>) -> Step {
    let (first, second) = (b.open()?, b.open()?);
    let one = first.park(first.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    let two = second.park(second.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    one.ends()?.returns(0)?;
    two.ends()?.returns(0)?;
    for file in [first, second] {
        file.send(b"hello")?;
        file.read(512)?.reads(b"hello")?;
    }
    Ok(())
}

/// Runs `then` while the file waits for the answer to its CONNECT, which is then good.
fn connecting(b: &Bench<'_>, then: impl FnOnce(&crate::parity::File<'_>) -> Step) -> Step {
    let file = b.open()?;
    let parked = file.park(file.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    then(&file)?;
    parked.ends()?.returns(0)
}

fn connecting_read_is_enodev(b: &Bench<'_>) -> Step {
    connecting(b, |file| file.read(10)?.fails(Errno::ENODEV))
}

fn connecting_write_is_enodev(b: &Bench<'_>) -> Step {
    connecting(b, |file| file.write(&[0; 10])?.fails(Errno::ENODEV))
}

fn connecting_poll_is_error(b: &Bench<'_>) -> Step {
    connecting(b, |file| file.poll(POLLIN | POLLOUT)?.returns(i64::from(POLLERR)))
}

fn connecting_fsync_is_enodev(b: &Bench<'_>) -> Step {
    let real = Errno::ENODEV;
    let errno = b.by("F-FSYNC-CUSE", By { host: real, fuse: real, cuse: Errno::EINVAL, mei_me: real });
    connecting(b, |file| file.call(Call::Fsync)?.fails(errno))
}

fn connecting_connect_is_ebusy(b: &Bench<'_>) -> Step {
    connecting(b, |file| {
        file.connect(SLOW)?.fails(Errno::EBUSY)?;
        file.connect(ECHO)?.fails(Errno::EBUSY)
    })
}

fn connecting_notify_is_enodev(b: &Bench<'_>) -> Step {
    connecting(b, |file| {
        file.notify_set(1)?.fails(Errno::ENODEV)?;
        file.notify_get()?.fails(Errno::ENODEV)
    })
}

/// The firmware refuses a CONNECT with `status`; the file may then connect to another client.
fn refused(b: &Bench<'_>, status: u8, errno: Errno) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    engine.arm(Event::ConnectStatus { client: ECHO, status })?;
    file.connect(ECHO)?.fails(errno)?;
    file.poll(POLLIN)?.returns(i64::from(POLLERR))?;
    file.read(10)?.fails(Errno::ENODEV)?;
    file.connect(BIG)?.returns(0)
}

fn connect_refused_already_exists(b: &Bench<'_>) -> Step {
    refused(b, 2, Errno::EBUSY)
}

fn connect_refused_rejected(b: &Bench<'_>) -> Step {
    refused(b, 3, Errno::EBUSY)
}

fn connect_refused_invalid_parameter(b: &Bench<'_>) -> Step {
    refused(b, 4, Errno::EINVAL)
}

fn connect_refused_not_allowed(b: &Bench<'_>) -> Step {
    refused(b, 5, Errno::EBUSY)
}

fn connect_refused_unknown_status(b: &Bench<'_>) -> Step {
    refused(b, 9, Errno::EINVAL)?;
    refused(b, 255, Errno::EINVAL)
}

fn connect_refused_then_other_client(b: &Bench<'_>) -> Step {
    refused(b, 3, Errno::EBUSY)?;
    // What was armed is over.
    b.connected(ECHO).map(drop)
}

fn connect_refused_copies_nothing_back(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    engine.arm(Event::ConnectStatus { client: ECHO, status: 3 })?;
    let said = file.connect(ECHO)?;
    said.fails(Errno::EBUSY)?;
    said.brings(&ECHO.0)
}

/// Status 1 also takes the client off the list, so that nothing is asked the second time.
fn connect_refused_not_found(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    engine.arm(Event::ConnectStatus { client: SINGLE, status: 1 })?;
    file.connect(SINGLE)?.fails(Errno::ENOTTY)?;
    file.connect(SINGLE)?.fails(Errno::ENOTTY)?;
    b.open()?.connect(SINGLE)?.fails(Errno::ENOTTY)?;
    // Enumeration brings it back.
    engine.reset(&Event::BadHeader)?;
    b.open()?.connect(SINGLE)?.returns(0)
}
