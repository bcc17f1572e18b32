//! The test client: what a program asks for happens, and in which order.

use crate::driver::{Driver, Frame, ME_CSR, RDY};
use crate::test_persona;
use std::time::Duration;

const ECHO: u8 = 3;
const TEST: u8 = 6;
const ABSENT: u8 = 40;
const ECHO_GUID: [u8; 16] =
    [0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, 0x00, 0x01];
const ABSENT_GUID: [u8; 16] =
    [0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, 0x00, 0x0A];
const SELF: [u8; 16] = [0; 16];
/// Host address of the connection to the test client.
const TESTER: u8 = 1;

fn driver() -> Driver {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(TEST, TESTER);
    driver
}

fn request(command: u8, argument: u8, count: u16, value: u32, target: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let mut request = vec![command, argument];
    request.extend(count.to_le_bytes());
    request.extend(value.to_le_bytes());
    request.extend(target);
    request.extend(payload);
    request
}

/// Sends a request with a credit for its answer; the answer is left where it comes.
fn send(driver: &mut Driver, request: &[u8]) {
    driver.credit(TEST, TESTER);
    driver.message(TEST, TESTER, request, 508);
}

/// Takes the one-byte answer, and the credit that follows it.
fn answer(driver: &mut Driver) -> u8 {
    let answer = driver.received(TEST, TESTER);
    assert_eq!(answer.len(), 1, "{answer:02x?}");
    assert_eq!(driver.bus(0x08)[..3], [0x08, TEST, TESTER]);
    answer[0]
}

fn command(driver: &mut Driver, request: &[u8]) {
    send(driver, request);
    assert_eq!(answer(driver), 0);
}

#[test]
fn echo_now_and_later() {
    let mut driver = driver();
    send(&mut driver, &request(1, 0, 0, 0, SELF, b"now"));
    assert_eq!(driver.received(TEST, TESTER), b"now");
    driver.bus(0x08);
    send(&mut driver, &request(1, 0, 0, 250, SELF, b"later"));
    driver.bus(0x08);
    driver.pass(Duration::from_millis(249));
    assert!(driver.frames.is_empty());
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.received(TEST, TESTER), b"later");
}

#[test]
fn the_next_connects_are_refused_swallowed_or_delayed() {
    let mut driver = driver();
    command(&mut driver, &request(2, 3, 2, 0x86, ECHO_GUID, &[]));
    for host in [5, 6] {
        driver.hbm(&[0x06, ECHO, host, 0]);
        assert_eq!(driver.bus(0x86), [0x86, ECHO, host, 3]);
    }
    driver.connect(ECHO, 7);
    command(&mut driver, &request(3, 0x86, 0, 0, ECHO_GUID, &[]));
    driver.hbm(&[0x06, ECHO, 8, 0]);
    assert!(driver.bus.is_empty());
    driver.connect(ECHO, 8);
    command(&mut driver, &request(4, 0x86, 0, 700, ECHO_GUID, &[]));
    driver.hbm(&[0x06, ECHO, 9, 0]);
    driver.pass(Duration::from_millis(699));
    assert!(driver.bus.is_empty());
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.bus(0x86), [0x86, ECHO, 9, 0]);
}

#[test]
fn other_responses_follow_the_rules_too_and_rules_outlive_a_reset() {
    let mut driver = driver();
    driver.connect(ECHO, 5);
    command(&mut driver, &request(3, 0x87, 1, 0, ECHO_GUID, &[]));
    driver.hbm(&[0x07, ECHO, 5, 0]);
    assert!(driver.bus.is_empty(), "the disconnect is not answered");
    driver.hbm(&[0x07, ECHO, 5, 0]);
    assert_eq!(driver.bus(0x87), [0x87, ECHO, 5, 0]);

    driver.connect(ECHO, 5);
    command(&mut driver, &request(2, 5, 1, 0x90, ECHO_GUID, &[]));
    driver.hbm(&[0x10, ECHO, 5, 1]);
    assert_eq!(driver.bus(0x90), [0x90, ECHO, 5, 5, 1, 0, 0, 0]);

    command(&mut driver, &request(3, 0x81, 2, 0, SELF, &[]));
    for _ in 0..2 {
        driver.reset();
        driver.hbm(&[0x01, 0, 2, 2]);
        assert!(driver.bus.is_empty(), "the start is not answered");
    }
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
}

#[test]
fn messages_are_swallowed_or_delayed() {
    let mut driver = driver();
    driver.connect(ECHO, 5);
    command(&mut driver, &request(3, 0, 1, 0, ECHO_GUID, &[]));
    driver.credit(ECHO, 5);
    driver.message(ECHO, 5, b"lost", 508);
    assert!(driver.frames.is_empty());
    driver.bus(0x08);
    command(&mut driver, &request(4, 0, 1, 40, ECHO_GUID, &[]));
    driver.message(ECHO, 5, b"late", 508);
    driver.pass(Duration::from_millis(39));
    assert!(driver.frames.is_empty());
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.received(ECHO, 5), b"late");
    driver.bus(0x08);
    driver.credit(ECHO, 5);
    driver.message(ECHO, 5, b"as ever", 508);
    assert_eq!(driver.received(ECHO, 5), b"as ever");
}

#[test]
fn two_connections_are_delayed_each_for_its_own_time() {
    let mut driver = driver();
    for host in [5, 6] {
        driver.connect(ECHO, host);
        driver.credit(ECHO, host);
    }
    for (host, milliseconds, message) in [(5, 40, b"first"), (6, 80, b"later")] {
        command(&mut driver, &request(4, 0, 1, milliseconds, ECHO_GUID, &[]));
        driver.message(ECHO, host, message, 508);
    }
    assert!(driver.frames.is_empty());
    driver.pass(Duration::from_millis(40));
    assert_eq!(driver.received(ECHO, 5), b"first");
    driver.bus(0x08);
    driver.pass(Duration::from_millis(39));
    assert!(driver.frames.is_empty());
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.received(ECHO, 6), b"later");
}

#[test]
fn messages_come_unasked_before_the_answer() {
    let mut driver = driver();
    driver.connect(ECHO, 5);
    driver.connect(ECHO, 6);
    driver.credit(ECHO, 5);
    let expected: Vec<u8> = (0..700).map(|byte| byte as u8).collect();
    send(&mut driver, &request(5, 0, 0, 700, ECHO_GUID, &[]));
    assert_eq!(driver.received(ECHO, 5), expected, "the first thing that comes");
    assert_eq!(answer(&mut driver), 0);
    driver.credit(ECHO, 6);
    assert_eq!(driver.received(ECHO, 6), expected, "with the credit that was missing");
    send(&mut driver, &request(6, 0, 0, 0, ECHO_GUID, &[]));
    let empty = |host: u32| Frame { header: 0x8000_0000 | host << 8 | u32::from(ECHO), bytes: vec![] };
    assert_eq!(driver.frames.pop_front(), Some(empty(5)), "without any credit");
    assert_eq!(driver.frames.pop_front(), Some(empty(6)));
    assert_eq!(answer(&mut driver), 0);
}

#[test]
fn connections_end_and_events_are_raised() {
    let mut driver = driver();
    driver.connect(ECHO, 5);
    driver.connect(ECHO, 6);
    driver.hbm(&[0x10, ECHO, 6, 1]);
    assert_eq!(driver.bus(0x90), [0x90, ECHO, 6, 0, 1, 0, 0, 0]);
    send(&mut driver, &request(8, 0, 0, 0, ECHO_GUID, &[]));
    assert_eq!(driver.bus(0x11), [0x11, ECHO, 6, 0], "only where it is wanted");
    assert_eq!(answer(&mut driver), 0);
    send(&mut driver, &request(7, 0, 0, 0, ECHO_GUID, &[]));
    assert_eq!(driver.bus(0x07), [0x07, ECHO, 5, 0]);
    assert_eq!(driver.bus(0x07), [0x07, ECHO, 6, 0]);
    assert_eq!(answer(&mut driver), 0);
    for host in [5, 6] {
        driver.hbm(&[0x87, ECHO, host, 0]);
    }
    driver.connect(ECHO, 5);
    command(&mut driver, &request(7, 0, 0, 30, SELF, &[]));
    assert!(driver.bus.is_empty());
    driver.pass(Duration::from_millis(30));
    assert_eq!(driver.bus(0x07), [0x07, TEST, TESTER, 0]);
}

#[test]
fn credit_is_held_and_released() {
    let mut driver = driver();
    driver.connect(ECHO, 5);
    command(&mut driver, &request(9, 0, 0, 0, ECHO_GUID, &[]));
    driver.credit(ECHO, 5);
    driver.message(ECHO, 5, b"x", 508);
    assert_eq!(driver.received(ECHO, 5), b"x");
    assert!(driver.bus.is_empty(), "no credit comes back");
    send(&mut driver, &request(10, 0, 0, 0, ECHO_GUID, &[]));
    assert_eq!(driver.bus(0x08)[..3], [0x08, ECHO, 5]);
    assert_eq!(answer(&mut driver), 0);
}

#[test]
fn clients_come_and_go() {
    let mut driver = driver();
    driver.hbm(&[0x06, ABSENT, 9, 0]);
    assert_eq!(driver.bus(0x86), [0x86, ABSENT, 9, 1]);
    driver.hbm(&[0x05, ABSENT, 0, 0]);
    assert_eq!(driver.bus(0x85)[..3], [0x85, ABSENT, 1]);
    send(&mut driver, &request(11, 0, 0, 0, ABSENT_GUID, &[]));
    let added = driver.bus(0x0F);
    assert_eq!(added[..4], [0x0F, ABSENT, 0, 0]);
    assert_eq!(added[4..20], ABSENT_GUID);
    assert_eq!(answer(&mut driver), 0);
    driver.hbm(&[0x8F, ABSENT, 0, 0]);
    driver.connect(ABSENT, 9);
    send(&mut driver, &request(12, 0, 0, 0, ABSENT_GUID, &[]));
    assert_eq!(driver.bus(0x07), [0x07, ABSENT, 9, 0]);
    assert_eq!(answer(&mut driver), 0);
    driver.hbm(&[0x06, ABSENT, 10, 0]);
    assert_eq!(driver.bus(0x86), [0x86, ABSENT, 10, 1]);
}

#[test]
fn anything_can_be_put_on_the_wire() {
    let mut driver = driver();
    send(&mut driver, &request(14, 0, 0, 0, SELF, &[0x7E, 1, 2]));
    assert_eq!(driver.bus(0x7E), [0x7E, 1, 2]);
    assert_eq!(answer(&mut driver), 0);
    send(&mut driver, &request(13, 0, 0, 0, SELF, &[0xC8, 0xC8, 4, 0x80, 1, 2, 3, 4]));
    assert_eq!(driver.received(0xC8, 0xC8), [1, 2, 3, 4]);
    assert_eq!(answer(&mut driver), 0);
}

#[test]
fn the_link_falls_now_and_later() {
    let mut driver = driver();
    send(&mut driver, &request(15, 0, 0, 0, SELF, &[]));
    assert!(driver.link_lost);
    assert_eq!(driver.read(ME_CSR) & RDY, 0);
    driver.reset();
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
    driver.connect(TEST, TESTER);
    command(&mut driver, &request(15, 0, 0, 90, SELF, &[]));
    driver.pass(Duration::from_millis(89));
    assert!(!driver.link_lost);
    driver.pass(Duration::from_millis(1));
    assert!(driver.link_lost);
}

#[test]
fn what_makes_no_sense_is_answered() {
    let mut driver = driver();
    for (bad, status) in [
        (request(0, 0, 0, 0, SELF, &[]), 1),
        (vec![7], 1),
        (request(14, 0, 0, 0, SELF, &[]), 1),
        (request(14, 0, 0, 0, SELF, &[0; 41]), 1),
        (request(7, 0, 0, 0, [9; 16], &[]), 2),
        (request(7, 0, 0, 5, [9; 16], &[]), 2),
        (request(13, 0, 0, 0, SELF, &[0; 1000]), 3),
    ] {
        send(&mut driver, &bad);
        assert_eq!(answer(&mut driver), status, "{bad:02x?}");
    }
    for round in 0..65 {
        send(&mut driver, &request(3, 0x92, 1, 0, SELF, &[]));
        assert_eq!(answer(&mut driver), if round < 64 { 0 } else { 3 }, "rule {round}");
    }
}
