//! `fsync` and `fdatasync` (`device-abi.md` §9).

use super::queue::full;
use super::table;
use crate::files::{Call, Errno, POLLIN, Restart, Transport};
use crate::parity::{Bench, Step};
use crate::test_client::{ECHO, Event};

table! {
    Any: fsync_when_idle fsync_after_a_write fsync_waits_for_queued_writes fsync_interrupted_is_eintr
        fsync_ends_with_the_connection fsync_of_another_file fdatasync_is_fsync fsync_nonblocking_waits
        fsync_does_not_wait_for_the_answer;
}

pub(super) fn exists(b: &Bench<'_>) -> Step {
    b.only(&[Transport::Host, Transport::Fuse, Transport::MeiMe], "CUSE has no fsync, see F-FSYNC-CUSE")
}

fn fsync_when_idle(b: &Bench<'_>) -> Step {
    exists(b)?;
    b.connected(ECHO)?.fsync()?.returns(0)
}

fn fsync_after_a_write(b: &Bench<'_>) -> Step {
    exists(b)?;
    let file = b.connected(ECHO)?;
    file.send(b"written")?;
    file.fsync()?.returns(0)?;
    file.read(512)?.reads(b"written")
}

fn fsync_does_not_wait_for_the_answer(b: &Bench<'_>) -> Step {
    exists(b)?;
    let file = b.connected(ECHO)?;
    file.send(b"one")?;
    file.fsync()?.returns(0)?;
    file.poll(0)?.returns(0)?;
    file.read(512)?.reads(b"one")
}

fn fsync_waits_for_queued_writes(b: &Bench<'_>) -> Step {
    exists(b)?;
    let (file, taken) = full(b)?;
    let parked = file.park(Call::Fsync(file.id()))?;
    parked.still_sleeps()?;
    for _ in 0..taken {
        file.poll_until(POLLIN)?;
        file.read(512)?.returns(4)?;
    }
    parked.ends()?.returns(0)
}

fn fsync_interrupted_is_eintr(b: &Bench<'_>) -> Step {
    exists(b)?;
    let (file, _) = full(b)?;
    for restart in [Restart::No, Restart::Yes] {
        let parked = file.park(Call::Fsync(file.id()))?;
        parked.signal(restart);
        parked.ends()?.fails(Errno::EINTR)?;
    }
    Ok(())
}

fn fsync_ends_with_the_connection(b: &Bench<'_>) -> Step {
    exists(b)?;
    let engine = b.engine()?;
    let (file, _) = full(b)?;
    let parked = file.park(Call::Fsync(file.id()))?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn fsync_of_another_file(b: &Bench<'_>) -> Step {
    exists(b)?;
    let (_full, _) = full(b)?;
    b.connected(ECHO)?.fsync()?.returns(0)
}

fn fdatasync_is_fsync(b: &Bench<'_>) -> Step {
    exists(b)?;
    let file = b.connected(ECHO)?;
    file.call(Call::Fdatasync)?.returns(0)?;
    let (file, _) = full(b)?;
    let parked = file.park(Call::Fdatasync(file.id()))?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}

fn fsync_nonblocking_waits(b: &Bench<'_>) -> Step {
    exists(b)?;
    // The file of `full` has O_NONBLOCK.
    let (file, _) = full(b)?;
    let parked = file.park(Call::Fsync(file.id()))?;
    parked.still_sleeps()?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}
