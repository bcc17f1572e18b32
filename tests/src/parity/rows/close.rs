//! `close` (`device-abi.md` §4).

use super::table;
use crate::files::{Errno, Restart, Transport};
use crate::parity::{Bench, Step};
use crate::test_client::{ECHO, Event, SINGLE};

table! {
    Any: close_of_an_unconnected_file close_of_a_duplicate_does_nothing close_ends_the_connection
        close_discards_an_unread_message close_during_a_read close_with_a_partial_message
        close_after_the_firmware_ended_it close_without_an_answer_ends;
}

fn close_of_an_unconnected_file(b: &Bench<'_>) -> Step {
    b.open()?.close()?.returns(0)
}

fn close_of_a_duplicate_does_nothing(b: &Bench<'_>) -> Step {
    let file = b.connected(SINGLE)?;
    let other = file.duplicate()?;
    file.close()?.returns(0)?;
    other.send(b"still")?;
    other.read(512)?.reads(b"still")?;
    b.open()?.connect(SINGLE)?.fails(Errno::EBUSY)?;
    other.close()?.returns(0)?;
    b.connected(SINGLE).map(drop)
}

fn close_ends_the_connection(b: &Bench<'_>) -> Step {
    for _ in 0..5 {
        b.connected(SINGLE)?.close()?.returns(0)?;
    }
    Ok(())
}

fn close_discards_an_unread_message(b: &Bench<'_>) -> Step {
    let file = b.connected(SINGLE)?;
    file.send(b"unread")?;
    file.wait_readable()?;
    file.close()?.returns(0)?;
    let file = b.connected(SINGLE)?;
    file.send(b"mine")?;
    file.read(512)?.reads(b"mine")
}

fn close_with_a_partial_message(b: &Bench<'_>) -> Step {
    let file = b.connected(SINGLE)?;
    file.send(b"twelve bytes")?;
    file.read(6)?.reads(b"twelve")?;
    file.close()?.returns(0)?;
    let file = b.connected(SINGLE)?;
    file.send(b"from the start")?;
    file.read(512)?.reads(b"from the start")
}

/// The sleeping call holds the file: the descriptor is gone, the connection is not.
fn close_during_a_read(b: &Bench<'_>) -> Step {
    b.only(
        &[Transport::Fuse, Transport::Cuse, Transport::MeiMe],
        "a host is told only of the last reference",
    )?;
    let file = b.connected(SINGLE)?;
    let parked = file.park_read(512)?;
    file.close()?.returns(0)?;
    parked.still_sleeps()?;
    b.open()?.connect(SINGLE)?.fails(Errno::EBUSY)?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}

fn close_after_the_firmware_ended_it(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    file.close()?.returns(0)
}

/// Four to six seconds, then the link is reset (`device-abi.md` §4, step 3d).
fn close_without_an_answer_ends(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(SINGLE)?;
    engine.arm(Event::DisconnectSilent { client: SINGLE })?;
    b.call(file.close_call())?.returns(0)?;
    engine.wait_until_back()?;
    b.connected(SINGLE).map(drop)
}
