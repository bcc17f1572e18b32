//! Notifications (`device-abi.md` §5.6, §5.7, §16).

use crate::bench::*;
use crate::stub::Answer;
use mei_core::{Blocking, Call, CallId, Errno, Handle};
use std::time::Duration;

const ON: [u8; 4] = 1u32.to_ne_bytes();
const OFF: [u8; 4] = 0u32.to_ne_bytes();

fn get(bench: &mut Bench, handle: Handle, blocking: Blocking) -> CallId {
    let id = bench.ask(Call::Ioctl { handle, command: NOTIFY_GET, argument: &[], blocking });
    bench.run();
    id
}

#[test]
fn an_event_is_polled_taken_and_gone() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.bus(&[0x11, 3, 1, 0]);
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &ON), Got::Ioctl(vec![]));
    assert_eq!(bench.took(0x10), [[0x10, 3, 1, 1]]);
    assert_eq!(bench.poll(file, POLLPRI), 0, "an event before they were wanted is dropped");
    bench.bus(&[0x11, 3, 1, 0]);
    bench.bus(&[0x11, 3, 1, 0]);
    assert_eq!(bench.wakes, [file]);
    assert_eq!(bench.poll(file, POLLPRI), POLLPRI);
    assert_eq!(bench.poll(file, POLLOUT), POLLOUT);
    let took = get(&mut bench, file, NonBlocking);
    assert_eq!(bench.got(took), Some(Got::Ioctl(1u32.to_ne_bytes().to_vec())));
    assert_eq!(bench.poll(file, POLLPRI), 0);
    let none = get(&mut bench, file, NonBlocking);
    assert_eq!(bench.got(none), Some(error(Errno::AGAIN)));
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &OFF), Got::Ioctl(vec![]));
    bench.bus(&[0x11, 3, 1, 0]);
    assert_eq!(bench.poll(file, POLLPRI), 0);
}

#[test]
fn one_event_releases_one_waiter() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.ioctl(file, NOTIFY_SET, &ON);
    let waiters = [get(&mut bench, file, Wait), get(&mut bench, file, Wait)];
    bench.bus(&[0x11, 3, 1, 0]);
    let answered: Vec<_> = waiters.iter().filter_map(|&id| bench.got(id)).collect();
    assert_eq!(answered, [Got::Ioctl(1u32.to_ne_bytes().to_vec())]);
}

#[test]
fn a_waiter_is_restarted_by_a_signal_and_released_by_the_end() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    let waiter = get(&mut bench, file, Wait);
    bench.host.cancel(waiter, bench.now);
    bench.run();
    assert_eq!(bench.got(waiter), Some(Got::Restart));
    let waiter = get(&mut bench, file, Wait);
    bench.host.abandon(waiter, bench.now);
    bench.run();
    assert_eq!(bench.got(waiter), Some(error(Errno::INTR)));
    let waiter = get(&mut bench, file, Wait);
    bench.bus(&[0x07, 3, 1, 0]);
    assert_eq!(bench.got(waiter), Some(error(Errno::NODEV)));
}

#[test]
fn a_refusal_is_told_and_not_kept() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().notify = Answer::Status(1);
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &ON), error(Errno::INVAL));
    bench.stub().notify = Answer::Status(6);
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &ON), Got::Ioctl(vec![]), "already started is started");
    bench.stub().notify = Answer::Status(7);
    assert_eq!(bench.ioctl(file, NOTIFY_SET, &OFF), Got::Ioctl(vec![]), "not started is stopped");
}

#[test]
fn a_switch_without_answer_fails_in_the_end() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.stub().notify = Answer::Silence;
    let call = bench.waits(Call::Ioctl { handle: file, command: NOTIFY_SET, argument: &ON, blocking: Wait });
    bench.host.cancel(call, bench.now);
    let took = bench.until_answered(call);
    assert!(took >= Duration::from_secs(14) && took <= Duration::from_secs(16), "{took:?}");
    assert_eq!(bench.got(call), Some(error(Errno::FAULT)));
    let call = bench.waits(Call::Ioctl { handle: file, command: NOTIFY_SET, argument: &ON, blocking: Wait });
    bench.bus(&[0x07, 3, 1, 0]);
    assert_eq!(bench.got(call), Some(error(Errno::FAULT)));
}

#[test]
fn a_new_connection_wants_no_notifications() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.ioctl(file, NOTIFY_SET, &ON);
    bench.bus(&[0x11, 3, 1, 0]);
    bench.bus(&[0x07, 3, 1, 0]);
    bench.connect(file, 3);
    assert_eq!(bench.poll(file, POLLPRI), 0);
    bench.bus(&[0x11, 3, 1, 0]);
    assert_eq!(bench.poll(file, POLLPRI), 0);
}
