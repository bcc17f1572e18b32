//! Firmware that does not answer (`hbm.md` §4.1, §5.2). On real time these rows take seconds each.

use super::table;
use crate::files::Errno;
use crate::parity::{Bench, Step};
use crate::test_client::{ECHO, Event, SINGLE};

table! {
    Events: stall_connect_is_efault stall_connect_leaves_others stall_connect_and_disconnect_resets
        stall_then_the_same_file_connects;
    Old: old_stall_connect_resets;
}

fn stall_connect_is_efault(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    engine.arm(Event::ConnectSilent { client: SINGLE })?;
    b.open()?.connect(SINGLE)?.fails(Errno::EFAULT)
}

/// A DISCONNECT follows instead of a reset.
fn stall_connect_leaves_others(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let other = b.connected(ECHO)?;
    engine.arm(Event::ConnectSilent { client: SINGLE })?;
    b.open()?.connect(SINGLE)?.fails(Errno::EFAULT)?;
    other.send(b"untouched")?;
    other.read(512)?.reads(b"untouched")
}

fn stall_then_the_same_file_connects(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    engine.arm(Event::ConnectSilent { client: SINGLE })?;
    file.connect(SINGLE)?.fails(Errno::EFAULT)?;
    file.connect(SINGLE)?.returns(0)?;
    file.send(b"after all")?;
    file.read(512)?.reads(b"after all")
}

fn stall_connect_and_disconnect_resets(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let other = b.connected(ECHO)?;
    engine.arm(Event::ConnectSilent { client: SINGLE })?;
    engine.arm(Event::DisconnectSilent { client: SINGLE })?;
    b.open()?.connect(SINGLE)?.fails(Errno::EFAULT)?;
    engine.wait_until_back()?;
    other.read(512)?.fails(Errno::ENODEV)
}

fn old_stall_connect_resets(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let other = b.connected(ECHO)?;
    engine.arm(Event::ConnectSilent { client: SINGLE })?;
    b.open()?.connect(SINGLE)?.fails(Errno::EFAULT)?;
    engine.wait_until_back()?;
    other.read(512)?.fails(Errno::ENODEV)
}
