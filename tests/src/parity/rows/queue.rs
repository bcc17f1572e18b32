//! The write queue and its limit (`device-abi.md` §7, `clients.md` §1, rule 2).

use super::table;
use crate::files::{Errno, POLLERR, POLLIN, POLLOUT, POLLWRNORM, Restart};
use crate::parity::{Bench, File, Step};
use crate::test_client::{ECHO, Event};
use std::time::Duration;

table! {
    Any: queue_takes_fifty_beyond_the_one_on_its_way queue_full_poll_has_no_room
        queue_full_write_sleeps queue_full_write_interrupted_is_eintr
        queue_full_write_restarts_never queue_full_nonblocking_is_eagain
        queue_full_read_frees_a_place queue_full_poll_wakes queue_full_holds_no_other_file
        queue_full_write_of_zero queue_full_write_too_long queue_drains_in_order
        queue_full_write_ends_with_the_connection queue_full_close_discards queue_full_reads_go_on;
}

/// What the driver queues of one file before it refuses.
const LIMIT: usize = 50;

/// A non-blocking file whose queue is full, and the messages that it took.
pub(super) fn full<'a>(b: &Bench<'a>) -> Step<(File<'a>, usize)> {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    let taken = fill(b, &file)?;
    Ok((file, taken))
}

/// Writes until the queue is full. The engine gives a credit only once its answer was taken, so that nothing moves
/// while nobody reads; the first message may be on its way and free its place a moment later, which behind a slow
/// interrupt is a long one.
pub(super) fn fill(b: &Bench<'_>, file: &File<'_>) -> Step<usize> {
    file.wait_writable()?;
    let mut taken = 0;
    let mut refused = 0;
    // Refused again and again, for longer than any interrupt takes: full.
    while refused < 5 {
        let number = u32::try_from(taken).expect("a few messages").to_le_bytes();
        match file.write(&number)?.outcome.result {
            Ok(4) => (taken, refused) = (taken + 1, 0),
            Err(Errno::EAGAIN) => {
                refused += 1;
                b.files().pass(Duration::from_millis(30));
            }
            other => return b.check(false, format!("write {taken}: {other:?}")).map(|()| 0),
        }
        b.check(taken <= 4 * LIMIT, "the queue takes no end of messages")?;
    }
    Ok(taken)
}

fn queue_takes_fifty_beyond_the_one_on_its_way(b: &Bench<'_>) -> Step {
    let (_file, taken) = full(b)?;
    b.check(taken == LIMIT + 1, format!("the queue took {taken} messages instead of {}", LIMIT + 1))
}

fn queue_full_poll_has_no_room(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.poll(POLLOUT)?.returns(0)?;
    file.poll(POLLOUT | POLLWRNORM)?.returns(0)
}

fn queue_full_nonblocking_is_eagain(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.write(&[0; 4])?.fails(Errno::EAGAIN)?;
    file.write(&[0; 4])?.fails(Errno::EAGAIN)
}

fn queue_full_write_sleeps(b: &Bench<'_>) -> Step {
    let (file, taken) = full(b)?;
    file.set_nonblocking(false)?;
    let parked = file.park(file.write_call(&[0xFF; 4]))?;
    parked.still_sleeps()?;
    file.read(512)?.reads(&[0; 4])?;
    parked.ends()?.returns(4)?;
    for number in 1..taken {
        file.read(512)?.reads(&u32::try_from(number).expect("a few messages").to_le_bytes())?;
    }
    file.read(512)?.reads(&[0xFF; 4])
}

fn queue_full_write_interrupted_is_eintr(b: &Bench<'_>) -> Step {
    let (file, taken) = full(b)?;
    file.set_nonblocking(false)?;
    let parked = file.park(file.write_call(&[0xFF; 4]))?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)?;
    drained(&file, taken)
}

fn queue_full_write_restarts_never(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.set_nonblocking(false)?;
    let parked = file.park(file.write_call(&[0xFF; 4]))?;
    parked.signal(Restart::Yes);
    parked.ends()?.fails(Errno::EINTR)
}

fn queue_full_read_frees_a_place(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.poll_until(POLLIN)?;
    file.read(512)?.reads(&[0; 4])?;
    file.wait_writable()?;
    file.write(&[0; 4])?.returns(4)
}

fn queue_full_poll_wakes(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    let parked = file.park(file.poll_call(POLLOUT, crate::parity::LIMIT))?;
    parked.still_sleeps()?;
    file.poll_until(POLLIN)?;
    file.read(512)?.reads(&[0; 4])?;
    parked.ends()?.returns(i64::from(POLLOUT))
}

/// Three writers asleep, a fourth program is served (`fuse-file.md` §1).
fn queue_full_holds_no_other_file(b: &Bench<'_>) -> Step {
    let mut writers = Vec::new();
    for _ in 0..3 {
        let (file, _) = full(b)?;
        file.set_nonblocking(false)?;
        let parked = file.park(file.write_call(&[1; 4]))?;
        writers.push((file, parked));
    }
    let other = b.connected(ECHO)?;
    other.send(b"served")?;
    other.read(512)?.reads(b"served")?;
    for (_file, parked) in writers {
        parked.signal(Restart::No);
        parked.ends()?.fails(Errno::EINTR)?;
    }
    Ok(())
}

fn queue_full_write_of_zero(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.write(&[])?.returns(0)
}

fn queue_full_write_too_long(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.write(&[0; 8192])?.fails(Errno::EFBIG)
}

fn drained(file: &File<'_>, taken: usize) -> Step {
    for number in 0..taken {
        file.read(512)?.reads(&u32::try_from(number).expect("a few messages").to_le_bytes())?;
    }
    Ok(())
}

fn queue_drains_in_order(b: &Bench<'_>) -> Step {
    let (file, taken) = full(b)?;
    file.set_nonblocking(false)?;
    drained(&file, taken)?;
    file.wait_writable()
}

fn queue_full_write_ends_with_the_connection(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let (file, _) = full(b)?;
    file.set_nonblocking(false)?;
    let parked = file.park(file.write_call(&[0xFF; 4]))?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    parked.ends()?.fails(Errno::ENODEV)?;
    file.poll(POLLOUT)?.returns(i64::from(POLLERR))
}

/// Unsent messages go with the file; the next file starts with an empty queue.
fn queue_full_close_discards(b: &Bench<'_>) -> Step {
    let (file, _) = full(b)?;
    file.close()?.returns(0)?;
    let file = b.connected(ECHO)?;
    file.send(b"new")?;
    file.read(512)?.reads(b"new")
}

fn queue_full_reads_go_on(b: &Bench<'_>) -> Step {
    let (file, taken) = full(b)?;
    file.set_nonblocking(false)?;
    let parked = file.park(file.write_call(&[0xFF; 4]))?;
    drained(&file, taken)?;
    parked.ends()?.returns(4)?;
    file.read(512)?.reads(&[0xFF; 4])
}
