//! CONNECT_CLIENT_VTAG and files that share a connection (`device-abi.md` §5.5, §10).

use super::queue::fill;
use super::{fsync, table};
use crate::files::{Call, Errno, POLLERR, POLLIN, POLLOUT, Restart};
use crate::parity::bench::CONNECT_VTAG;
use crate::parity::{Bench, File, Step};
use crate::test_client::{ABSENT, ECHO, Event, TAGGED, TAGGED_MTU};

table! {
    Vtag: vtag_unknown_client vtag_client_without_tags vtag_zero vtag_connects vtag_brings_properties
        vtag_twice_is_ebusy vtag_second_file_shares vtag_messages_go_by_tag vtag_same_tag_again
        vtag_plain_connect_of_a_tagged_client vtag_close_of_a_sharer vtag_close_of_the_first
        vtag_read_of_a_sharer_interrupted vtag_disconnect_ends_all vtag_reconnect_needs_the_same_tag
        vtag_unknown_client_by_plain_connect vtag_message_without_one_costs_no_credit
        vtag_answer_to_a_closed_sharer vtag_fsync_of_a_sharer;
}

/// Two files of one connection, with the tags 5 and 6.
fn sharers<'a>(b: &Bench<'a>) -> Step<(File<'a>, File<'a>)> {
    let (one, two) = (b.open()?, b.open()?);
    one.connect_vtag(TAGGED, 5)?.returns(0)?;
    two.connect_vtag(TAGGED, 6)?.returns(0)?;
    Ok((one, two))
}

fn vtag_unknown_client(b: &Bench<'_>) -> Step {
    b.open()?.connect_vtag(ABSENT, 5)?.fails(Errno::ENOTTY)
}

fn vtag_unknown_client_by_plain_connect(b: &Bench<'_>) -> Step {
    b.open()?.connect(ABSENT)?.fails(Errno::ENOTTY)
}

fn vtag_client_without_tags(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.connect_vtag(ECHO, 5)?.fails(Errno::EOPNOTSUPP)?;
    file.connect_vtag(ECHO, 0)?.fails(Errno::EOPNOTSUPP)?;
    file.connect(ECHO)?.returns(0)
}

fn vtag_zero(b: &Bench<'_>) -> Step {
    b.open()?.connect_vtag(TAGGED, 0)?.fails(Errno::EINVAL)
}

fn vtag_connects(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.connect_vtag(TAGGED, 5)?.returns(0)?;
    file.poll(POLLOUT)?.returns(i64::from(POLLOUT))?;
    file.send(b"tagged")?;
    file.read(512)?.reads(b"tagged")
}

fn vtag_brings_properties(b: &Bench<'_>) -> Step {
    let mut argument = [0xAB; 20];
    argument[..16].copy_from_slice(&TAGGED.0);
    argument[16] = 5;
    let said = b.open()?.ioctl(CONNECT_VTAG, &argument)?;
    said.returns(0)?;
    argument[..4].copy_from_slice(&u32::try_from(TAGGED_MTU).expect("an MTU").to_le_bytes());
    argument[4] = crate::test_client::PROTOCOL_VERSION;
    said.brings(&argument)
}

fn vtag_twice_is_ebusy(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.connect_vtag(TAGGED, 5)?.returns(0)?;
    file.connect_vtag(TAGGED, 5)?.fails(Errno::EBUSY)?;
    file.connect_vtag(TAGGED, 6)?.fails(Errno::EBUSY)
}

/// The firmware has one instance of this client: a second connection would be refused.
fn vtag_second_file_shares(b: &Bench<'_>) -> Step {
    let (_one, two) = sharers(b)?;
    two.send(b"six")?;
    two.read(512)?.reads(b"six")
}

fn vtag_messages_go_by_tag(b: &Bench<'_>) -> Step {
    let (one, two) = sharers(b)?;
    let reads = (one.park_read(512)?, two.park_read(512)?);
    two.send(b"six")?;
    one.send(b"five")?;
    reads.0.ends()?.reads(b"five")?;
    reads.1.ends()?.reads(b"six")
}

/// A tag that is taken leads to a connection of its own, which the firmware refuses.
fn vtag_same_tag_again(b: &Bench<'_>) -> Step {
    let (one, two) = (b.open()?, b.open()?);
    one.connect_vtag(TAGGED, 5)?.returns(0)?;
    two.connect_vtag(TAGGED, 5)?.fails(Errno::EBUSY)?;
    one.send(b"five")?;
    one.read(512)?.reads(b"five")
}

fn vtag_plain_connect_of_a_tagged_client(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.connect(TAGGED)?.returns(0)?;
    file.send(b"no tag")?;
    file.read(512)?.reads(b"no tag")
}

fn vtag_close_of_a_sharer(b: &Bench<'_>) -> Step {
    let (one, two) = sharers(b)?;
    two.close()?.returns(0)?;
    one.send(b"five")?;
    one.read(512)?.reads(b"five")
}

fn vtag_close_of_the_first(b: &Bench<'_>) -> Step {
    let (one, two) = sharers(b)?;
    one.close()?.returns(0)?;
    two.send(b"six")?;
    two.read(512)?.reads(b"six")?;
    two.close()?.returns(0)?;
    // With the last sharer the connection is over.
    b.connected(TAGGED).map(drop)
}

fn vtag_read_of_a_sharer_interrupted(b: &Bench<'_>) -> Step {
    let (one, two) = sharers(b)?;
    let parked = one.park_read(512)?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)?;
    two.send(b"six")?;
    two.read(512)?.reads(b"six")
}

fn vtag_disconnect_ends_all(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let (one, two) = sharers(b)?;
    let parked = two.park_read(512)?;
    engine.arm(Event::Disconnect { client: TAGGED })?;
    parked.ends()?.fails(Errno::ENODEV)?;
    one.poll(POLLIN)?.returns(i64::from(POLLERR))
}

/// Quirk Q18: the driver drops the message with the credit of the read.
fn vtag_message_without_one_costs_no_credit(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q18")?;
    let engine = b.engine()?;
    let file = b.open()?;
    file.connect_vtag(TAGGED, 5)?.returns(0)?;
    let read = file.park_read(512)?;
    engine.arm(Event::Send { client: TAGGED, length: 100 })?;
    read.still_sleeps()?;
    file.send(b"five")?;
    read.ends()?.reads(b"five")
}

/// Quirk Q18 again: the driver drops what nobody is there for with the credit of the reader that is.
fn vtag_answer_to_a_closed_sharer(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q18")?;
    let (one, two) = sharers(b)?;
    // The engine answers once it has a credit, which the read of the other file brings.
    two.send(b"six")?;
    if fsync::exists(b).is_ok() {
        two.fsync()?.returns(0)?;
    }
    two.close()?.returns(0)?;
    let read = one.park_read(512)?;
    read.still_sleeps()?;
    one.send(b"five")?;
    read.ends()?.reads(b"five")
}

/// The queue is the connection's.
fn vtag_fsync_of_a_sharer(b: &Bench<'_>) -> Step {
    fsync::exists(b)?;
    let (one, two) = sharers(b)?;
    two.set_nonblocking(true)?;
    let taken = fill(b, &two)?;
    let parked = one.park(Call::Fsync(one.id()))?;
    parked.still_sleeps()?;
    for _ in 0..taken {
        two.poll_until(POLLIN)?;
        two.read(512)?.returns(4)?;
    }
    parked.ends()?.returns(0)
}

fn vtag_reconnect_needs_the_same_tag(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    file.connect_vtag(TAGGED, 5)?.returns(0)?;
    engine.arm(Event::Disconnect { client: TAGGED })?;
    file.wait_error()?;
    file.connect_vtag(TAGGED, 6)?.fails(Errno::EINVAL)?;
    file.connect_vtag(TAGGED, 5)?.returns(0)
}
