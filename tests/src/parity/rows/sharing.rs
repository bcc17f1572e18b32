//! Several callers, descriptors and files (`device-abi.md` §10).

use super::table;
use crate::files::{Errno, POLLIN, Restart};
use crate::parity::{Bench, Step};
use crate::test_client::{BIG, ECHO};

table! {
    Any: sharing_two_reads_take_a_message_each sharing_two_reads_take_one_message
        sharing_newest_read_is_served_first sharing_duplicate_is_the_same_file
        sharing_duplicate_keeps_the_position sharing_files_have_their_own_connections
        sharing_files_of_two_clients sharing_many_connections sharing_one_interrupted_read_leaves_the_other
        sharing_read_and_poll;
}

/// Quirk Q2: the driver sends no credit for the second reader.
fn sharing_two_reads_take_a_message_each(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q2")?;
    let file = b.connected(ECHO)?;
    let one = file.park_read(512)?;
    let two = file.park_read(512)?;
    file.send(b"message")?;
    file.send(b"message")?;
    one.ends()?.reads(b"message")?;
    two.ends()?.reads(b"message")
}

fn sharing_two_reads_take_one_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let one = file.park_read(512)?;
    let two = file.park_read(512)?;
    file.send(b"message")?;
    // Which of the two is the scheduler's affair for the driver; the other is left.
    let second = std::time::Duration::from_secs(1);
    let (taken, left) = match one.ends_within(second) {
        Ok(said) => (said, two),
        Err(one) => (two.ends()?, one),
    };
    taken.reads(b"message")?;
    left.still_sleeps()?;
    left.signal(Restart::No);
    left.ends()?.fails(Errno::EINTR)
}

/// What the kernel's wait order favours; a program that leaves an old read behind depends on it
/// (`clients.md` §1, rule 3).
fn sharing_newest_read_is_served_first(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("F-READ-ORDER")?;
    let file = b.connected(ECHO)?;
    let old = file.park_read(512)?;
    let new = file.park_read(512)?;
    file.send(b"for the newest")?;
    new.ends()?.reads(b"for the newest")?;
    old.still_sleeps()?;
    old.signal(Restart::No);
    old.ends()?.fails(Errno::EINTR)
}

fn sharing_one_interrupted_read_leaves_the_other(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let one = file.park_read(512)?;
    let two = file.park_read(512)?;
    one.signal(Restart::No);
    one.ends()?.fails(Errno::EINTR)?;
    two.still_sleeps()?;
    file.send(b"for the other")?;
    two.ends()?.reads(b"for the other")
}

fn sharing_duplicate_is_the_same_file(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let other = file.duplicate()?;
    other.connect(ECHO)?.fails(Errno::EBUSY)?;
    file.send(b"through one")?;
    other.read(512)?.reads(b"through one")?;
    other.set_nonblocking(true)?;
    file.read(512)?.fails(Errno::EAGAIN)
}

fn sharing_duplicate_keeps_the_position(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let other = file.duplicate()?;
    file.send(b"twelve bytes")?;
    file.read(6)?.reads(b"twelve")?;
    other.read(512)?.reads(b" bytes")
}

fn sharing_files_have_their_own_connections(b: &Bench<'_>) -> Step {
    let (one, two) = (b.connected(ECHO)?, b.connected(ECHO)?);
    one.send(b"one")?;
    two.send(b"two")?;
    two.read(512)?.reads(b"two")?;
    one.read(512)?.reads(b"one")
}

fn sharing_files_of_two_clients(b: &Bench<'_>) -> Step {
    let (one, two) = (b.connected(ECHO)?, b.connected(BIG)?);
    for n in 0..10 {
        one.send(&[n; 100])?;
        two.send(&[n; 3000])?;
    }
    for n in 0..10 {
        two.read(4096)?.reads(&[n; 3000])?;
        one.read(512)?.reads(&[n; 100])?;
    }
    Ok(())
}

fn sharing_many_connections(b: &Bench<'_>) -> Step {
    let mut files = Vec::new();
    for _ in 0..crate::test_client::MANY {
        files.push(b.connected(ECHO)?);
    }
    for (n, file) in (0_u8..).zip(&files) {
        file.send(&[n; 40])?;
    }
    for (n, file) in (0_u8..).zip(&files).collect::<Vec<_>>().into_iter().rev() {
        file.read(512)?.reads(&[n; 40])?;
    }
    Ok(())
}

fn sharing_read_and_poll(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let poll = file.park(file.poll_call(POLLIN, crate::parity::LIMIT))?;
    file.send(b"message")?;
    poll.ends()?.returns(i64::from(POLLIN))?;
    file.read(512)?.reads(b"message")
}
