//! The link is reset under the programs (`device-abi.md` §11, `hbm.md` §7).

use super::table;
use crate::files::{Call, Errno, POLLERR, POLLIN, POLLOUT, Pointer};
use crate::parity::bench::{CONNECT, NOTIFY_GET};
use crate::parity::{Bench, File, LIMIT, Step};
use crate::test_client::{ECHO, Event, SINGLE, SLOW};

table! {
    Any: reset_ends_a_read reset_ends_a_write reset_ends_an_fsync reset_wakes_poll
        reset_fails_a_connect reset_then_read reset_then_write reset_then_poll reset_then_connect
        reset_leaves_a_fresh_file reset_keeps_a_queued_message reset_after_an_armed_read
        reset_frees_instances reset_by_an_unknown_command reset_by_reserved_bits
        reset_by_a_message_to_nobody reset_by_the_ready_bit reset_many_times reset_files_can_be_closed
        no_reset_by_credit_for_nobody no_reset_by_event_for_nobody;
    Events: reset_ends_notify_get reset_forgets_notifications;
}

/// Runs the event, which must reset the link, and waits until the device is back.
fn reset(b: &Bench<'_>, event: Event) -> Step {
    b.engine()?.reset(&event)
}

/// A connected file, after a reset.
fn after<'a>(b: &Bench<'a>) -> Step<File<'a>> {
    let file = b.connected(ECHO)?;
    reset(b, Event::BadHeader)?;
    Ok(file)
}

fn reset_ends_a_read(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    reset(b, Event::BadHeader)?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn reset_ends_a_write(b: &Bench<'_>) -> Step {
    let (file, _) = super::queue::full(b)?;
    file.set_nonblocking(false)?;
    let parked = file.park(file.write_call(&[0; 4]))?;
    reset(b, Event::BadHeader)?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn reset_ends_an_fsync(b: &Bench<'_>) -> Step {
    b.only(
        &[crate::files::Transport::Host, crate::files::Transport::Fuse, crate::files::Transport::MeiMe],
        "CUSE has no fsync, see F-FSYNC-CUSE",
    )?;
    let (file, _) = super::queue::full(b)?;
    let parked = file.park(Call::Fsync(file.id()))?;
    reset(b, Event::BadHeader)?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn reset_wakes_poll(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park(file.poll_call(POLLIN, LIMIT))?;
    reset(b, Event::BadHeader)?;
    parked.ends()?.returns(i64::from(POLLERR))
}

/// EFAULT from drivers before 6.18; later ones try again for half a second, and may succeed.
fn reset_fails_a_connect(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    let parked = file.park(file.ioctl_call(CONNECT, &SLOW.0, Pointer::Good))?;
    engine.fire(&Event::BadHeader)?;
    let said = parked.ends()?;
    if b.transport() == crate::files::Transport::MeiMe && said.outcome.result != Err(Errno::EFAULT) {
        let later = matches!(said.outcome.result, Ok(0) | Err(Errno::ETIME));
        b.check(later, format!("connect: {:?}", said.outcome.result))?;
    } else {
        said.fails(Errno::EFAULT)?;
    }
    engine.wait_until_back()
}

/// Quirk Q1.
fn reset_ends_notify_get(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q1")?;
    let file = b.connected(ECHO)?;
    file.notify_set(1)?.returns(0)?;
    let parked = file.park(file.ioctl_call(NOTIFY_GET, &[0; 4], Pointer::Good))?;
    reset(b, Event::BadHeader)?;
    parked.ends()?.fails(Errno::ENODEV)
}

/// Quirk Q7.
fn reset_forgets_notifications(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q7")?;
    let file = b.connected(ECHO)?;
    file.notify_set(1)?.returns(0)?;
    reset(b, Event::BadHeader)?;
    file.connect(ECHO)?.returns(0)?;
    b.arm(Event::Notify { client: ECHO })?;
    file.poll(crate::files::POLLPRI)?.returns(0)
}

fn reset_then_read(b: &Bench<'_>) -> Step {
    after(b)?.read(512)?.fails(Errno::ENODEV)
}

fn reset_then_write(b: &Bench<'_>) -> Step {
    after(b)?.write(&[0; 10])?.fails(Errno::ENODEV)
}

fn reset_then_poll(b: &Bench<'_>) -> Step {
    after(b)?.poll(POLLIN | POLLOUT)?.returns(i64::from(POLLERR))
}

fn reset_then_connect(b: &Bench<'_>) -> Step {
    let file = after(b)?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"again")?;
    file.read(512)?.reads(b"again")
}

fn reset_leaves_a_fresh_file(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    reset(b, Event::BadHeader)?;
    file.poll(POLLIN)?.returns(i64::from(POLLERR))?;
    file.connect(ECHO)?.returns(0)
}

fn reset_keeps_a_queued_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"old message")?;
    file.wait_readable()?;
    reset(b, Event::BadHeader)?;
    file.read(512)?.reads(b"old message")?;
    file.read(512)?.fails(Errno::ENODEV)
}

/// Quirk Q9: with the driver this hangs.
fn reset_after_an_armed_read(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q9")?;
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.read(512)?.fails(Errno::EAGAIN)?;
    reset(b, Event::BadHeader)?;
    file.connect(ECHO)?.returns(0)?;
    file.set_nonblocking(false)?;
    file.send(b"again")?;
    file.read(512)?.reads(b"again")
}

fn reset_frees_instances(b: &Bench<'_>) -> Step {
    let _first = b.connected(SINGLE)?;
    reset(b, Event::BadHeader)?;
    b.connected(SINGLE).map(drop)
}

fn reset_by_an_unknown_command(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    reset(b, Event::Hbm(vec![0x7E, 0, 0, 0]))?;
    file.read(512)?.fails(Errno::ENODEV)
}

fn reset_by_reserved_bits(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    reset(b, Event::Frame(vec![0x0E04_0000, 0]))?;
    file.read(512)?.fails(Errno::ENODEV)
}

/// A connection that no file has: me 0xC8, host 0xC8, four bytes, complete.
fn reset_by_a_message_to_nobody(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    reset(b, Event::Frame(vec![0x8004_C8C8, 0]))?;
    file.read(512)?.fails(Errno::ENODEV)
}

fn reset_by_the_ready_bit(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    reset(b, Event::DropReady)?;
    file.read(512)?.fails(Errno::ENODEV)
}

/// The count of failed resets starts again each time the device comes up.
fn reset_many_times(b: &Bench<'_>) -> Step {
    for _ in 0..6 {
        let file = after(b)?;
        file.connect(ECHO)?.returns(0)?;
    }
    Ok(())
}

fn reset_files_can_be_closed(b: &Bench<'_>) -> Step {
    after(b)?.close()?.returns(0)?;
    b.connected(ECHO).map(drop)
}

fn no_reset_by_credit_for_nobody(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    b.arm(Event::Hbm(vec![0x08, 0xC8, 0xC8, 0, 0, 0, 0, 0]))?;
    file.send(b"still there")?;
    file.read(512)?.reads(b"still there")
}

fn no_reset_by_event_for_nobody(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    b.arm(Event::Hbm(vec![0x11, 0xC8, 0xC8, 0]))?;
    file.send(b"still there")?;
    file.read(512)?.reads(b"still there")
}
