//! The end of a device, and what outlives it.

use std::thread;
use std::time::{Duration, Instant};

use cuse::wire::{Opcode, OpenIn};
use cuse_frontend::{Linger, Pause};
use mei_core::DeviceState;
use rustix::io::{read as read_from, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::ENODEV;
use crate::kernel::{Bench, NOTIFY_GET, host};

#[test]
fn stopping_answers_everyone_first() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    assert_eq!(bench.poll(fh, 7, 1), 0);
    let (read, event) = (bench.read(fh, 16, 0, 2), bench.ioctl(fh, NOTIFY_GET, &[], 4));
    assert!(!bench.is_answered(read) && !bench.is_answered(event));
    bench.frontend.remote().stop();
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Stopped);
    assert_eq!(bench.notified(), [7]);
    let mut errors = Vec::new();
    for unique in [read, event] {
        assert!(bench.is_answered(unique));
        errors.push(bench.answer_at_hand(unique).error);
    }
    assert_eq!(errors, [ENODEV, ENODEV]);
}

#[test]
fn who_keeps_the_device_open_is_answered_until_it_closes() {
    let mut bench = Bench::new().lingering(Linger::AtMost(Duration::from_secs(600)));
    let fh = bench.connected();
    bench.frontend.remote().stop();
    assert_eq!(bench.pump(), Pause::Time, "the file is open");
    let read = bench.read(fh, 16, 0, 2);
    assert_eq!(bench.answer(read).error, ENODEV);
    assert_eq!(bench.poll(fh, 7, 1), 8);
    let open = bench.send(Opcode::OPEN, &OpenIn::default(), &[]);
    assert_eq!(bench.answer(open).error, ENODEV);
    bench.release(fh);
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Stopped);
}

#[test]
fn a_second_word_cuts_the_lingering_short() {
    let mut bench = Bench::new().lingering(Linger::AtMost(Duration::from_secs(600)));
    bench.connected();
    let remote = bench.frontend.remote();
    remote.stop();
    assert_eq!(bench.pump(), Pause::Time);
    remote.stop();
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Stopped);
}

#[test]
fn what_the_owner_waits_for_beside_the_device_pauses_the_loop() {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let mut bench = Bench::new().attending(ours);
    let fh = bench.connected();
    let read = bench.read(fh, 16, 0, 2);
    assert_eq!(bench.pump(), Pause::Time);
    write(&theirs, b"a signal").unwrap();
    for until in [None, Some(Instant::now())] {
        assert_eq!(bench.frontend.run(until).unwrap(), Pause::Attention, "as long as it is readable");
    }
    read_from(bench.frontend.attention().unwrap(), &mut [0; 8]).unwrap();
    assert!(!bench.is_answered(read));
    assert_eq!(bench.pump(), Pause::Time);
    bench.frontend.stop();
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Stopped);
    assert_eq!(bench.answer_at_hand(read).error, ENODEV);
}

#[test]
fn a_function_that_goes_and_comes_back() {
    let mut bench = Bench::new();
    let old = bench.connected();
    let read = bench.read(old, 16, 0, 2);
    assert!(!bench.is_answered(read));
    bench.frontend.host_mut().function().pull_out();
    // A write touches the function, which is how a driver learns of it.
    let write = bench.write(old, b"hello", 0);
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Gone);
    assert_eq!(bench.answer(read).error, ENODEV);
    bench.answer(write);
    let open = bench.send(Opcode::OPEN, &OpenIn::default(), &[]);
    assert_eq!(bench.answer(open).error, ENODEV);
    assert_eq!(bench.poll(old, 7, 1), 8);

    bench.frontend.replace(host());
    bench.until_enabled();
    let new = bench.connected();
    let write = bench.write(new, b"hello", 0);
    assert_eq!(bench.answer(write).error, 0);
    let read = bench.read(old, 16, 0, 2);
    assert_eq!(bench.answer(read).error, ENODEV, "a file of the old one stays of no use");
    let release = bench.release(old);
    assert_eq!(bench.answer(release).error, 0);
    assert_eq!(bench.frontend.open_files(), 1);
}

#[test]
fn a_session_that_is_aborted_ends_the_loop() {
    let mut bench = Bench::new();
    bench.connected();
    bench.hang_up();
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Ended);
}

#[test]
fn other_threads_visit_the_host_and_hear_of_its_states() {
    let mut bench = Bench::new();
    let remote = bench.frontend.remote();
    let visitor = thread::spawn(move || {
        let watch = remote.watch_state().unwrap();
        assert_eq!(remote.visit(|host, _| host.state()), Ok(DeviceState::Enabled));
        remote.visit(|host, now| host.suspend(now)).unwrap();
        cuse::wait(&watch).unwrap();
        watch.take();
        assert_eq!(remote.visit(|host, _| host.state()), Ok(DeviceState::Disabled));
        remote.visit(|host, now| host.resume(now)).unwrap();
        while remote.visit(|host, _| host.state()) != Ok(DeviceState::Enabled) {
            cuse::wait(&watch).unwrap();
            watch.take();
        }
        remote.stop();
        remote
    });
    assert_eq!(bench.frontend.run(None).unwrap(), Pause::Stopped);
    let remote = visitor.join().unwrap();
    drop(bench);
    assert_eq!(remote.visit(|host, _| host.state()), Err(cuse_frontend::Unanswered::Closed));
}
