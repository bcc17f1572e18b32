//! poll (`device-abi.md` §8).

use crate::bench::*;
use mei_core::Errno;

#[test]
fn the_bits_are_the_drivers() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    assert_eq!(bench.poll(file, POLLIN | POLLOUT | POLLPRI), 0x4);
    assert_eq!(bench.poll(file, !0), 0x104);
    assert_eq!(bench.took(0x08).len(), 1, "asking for input gives the credit");
    bench.message(3, 1, b"news");
    assert_eq!(bench.poll(file, POLLIN | POLLOUT), 0x5);
    assert_eq!(bench.poll(file, !0), 0x145);
    assert_eq!(bench.read(file, 9), Got::Data(b"news".to_vec()));
    assert_eq!(bench.read_nb(file, 9), error(Errno::AGAIN));
}

#[test]
fn pollers_are_woken_by_what_they_wait_for_and_once() {
    let mut bench = Bench::started();
    let (file, other) = (bench.connected(3), bench.connected(4));
    assert_eq!(bench.poll(file, POLLIN), 0);
    assert_eq!(bench.poll(other, POLLIN), 0);
    bench.wakes.clear();
    bench.message(3, 1, b"news");
    assert_eq!(bench.wakes, [file]);
    bench.read(file, 9);
    bench.read_nb(file, 9);
    bench.message(3, 1, b"more");
    assert_eq!(bench.wakes, [file], "who has not asked again is not woken again");
    bench.bus(&[0x07, 4, 2, 0]);
    assert_eq!(bench.wakes, [file, other], "a disconnect wakes");
}

#[test]
fn a_poller_from_before_the_connect_hears_of_it() {
    let mut bench = Bench::started();
    let file = bench.open();
    assert_eq!(bench.poll(file, 0x201D), POLLERR);
    assert!(bench.wakes.is_empty());
    bench.connect(file, 3);
    assert_eq!(bench.wakes, [file]);
    assert_eq!(bench.poll(file, POLLOUT), POLLOUT);
}

#[test]
fn room_in_the_queue_wakes() {
    let mut bench = Bench::started();
    let file = bench.connected(3);
    bench.fill(file);
    assert_eq!(bench.poll(file, POLLOUT), 0);
    bench.wakes.clear();
    bench.credit(3, 1);
    assert_eq!(bench.wakes, [file]);
    assert_eq!(bench.poll(file, POLLOUT), POLLOUT);
}
