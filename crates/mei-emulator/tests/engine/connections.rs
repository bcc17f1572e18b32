//! Connections, credit and tags: each HBM message of an open session (`hbm.md` §5, §6, §9).

use crate::driver::{COMPLETE, Driver, EXTENDED, Frame};
use crate::{persona, test_persona};

const ECHO: u8 = 3;
const ONE_AT_A_TIME: u8 = 8;
const FIXED: u8 = 7;
const TAGGED: u8 = 9;
const SHARED: u8 = 10;
const NOBODY: u8 = 99;

fn driver() -> Driver {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.hbm(&[0x13, 1, 0, 0]);
    assert_eq!(driver.bus(0x93), [0x93, 1, 0, 0]);
    driver
}

fn connect_status(driver: &mut Driver, me: u8, host: u8) -> u8 {
    driver.hbm(&[0x06, me, host, 0]);
    let response = driver.bus(0x86);
    assert_eq!(response[1..3], [me, host]);
    response[3]
}

#[test]
fn connects_that_cannot_be() {
    let mut driver = driver();
    assert_eq!(connect_status(&mut driver, NOBODY, 1), 1, "no such client");
    assert_eq!(connect_status(&mut driver, 0, 1), 1, "the bus is no client");
    assert_eq!(connect_status(&mut driver, ECHO, 0), 4, "no host address");
    assert_eq!(connect_status(&mut driver, FIXED, 1), 4, "a fixed address needs no connection");
    driver.connect(ECHO, 1);
    assert_eq!(connect_status(&mut driver, ECHO, 1), 2, "it exists");
    driver.connect(ONE_AT_A_TIME, 2);
    assert_eq!(connect_status(&mut driver, ONE_AT_A_TIME, 3), 3, "no connection left");
    driver.hbm(&[0x07, ONE_AT_A_TIME, 2, 0]);
    assert_eq!(driver.bus(0x87), [0x87, ONE_AT_A_TIME, 2, 0]);
    driver.connect(ONE_AT_A_TIME, 3);
}

#[test]
fn disconnects_are_always_answered_with_success() {
    let mut driver = driver();
    driver.hbm(&[0x07, NOBODY, 200, 0]);
    assert_eq!(driver.bus(0x87), [0x87, NOBODY, 200, 0], "a host waits 15 s for anything else");
    driver.connect(ECHO, 1);
    driver.message(ECHO, 1, b"an answer that waits for credit", 508);
    driver.hbm(&[0x07, ECHO, 1, 0]);
    assert_eq!(driver.bus(0x87), [0x87, ECHO, 1, 0]);
    driver.credit(ECHO, 1);
    assert!(driver.frames.is_empty() && driver.bus.is_empty(), "nothing is said after the answer");
    driver.connect(ECHO, 1);
    driver.credit(ECHO, 1);
    assert!(driver.frames.is_empty(), "nor to the next who has the address");
}

#[test]
fn a_thousand_connections_after_each_other_and_many_at_a_time() {
    let mut driver = driver();
    for round in 0..1000 {
        let host = (round % 255 + 1) as u8;
        driver.connect(ECHO, host);
        driver.hbm(&[0x07, ECHO, host, 0]);
        driver.bus(0x87);
    }
    for host in 1..=32 {
        driver.connect(ECHO, host);
    }
    assert_eq!(connect_status(&mut driver, ECHO, 33), 3);
    for host in (1..=32).rev() {
        driver.message(ECHO, host, &[host; 9], 508);
        driver.credit(ECHO, host);
        assert_eq!(driver.received(ECHO, host), [host; 9]);
        driver.bus(0x08);
    }
}

#[test]
fn one_message_per_credit_either_way() {
    let mut driver = driver();
    driver.connect(ECHO, 1);
    driver.message(ECHO, 1, b"first", 508);
    driver.message(ECHO, 1, b"too early", 508);
    assert_eq!(driver.bus(0x07), [0x07, ECHO, 1, 0], "who sends without credit is put out");
    assert_eq!(connect_status(&mut driver, ECHO, 1), 0, "and may come again, agreed or not");
    driver.bus(0x08);
    driver.credit(ECHO, 1);
    driver.credit(ECHO, 1);
    for text in [b"one", b"two"] {
        driver.message(ECHO, 1, text, 508);
        assert_eq!(driver.received(ECHO, 1), text, "credits add up");
        driver.bus(0x08);
    }
    driver.message(ECHO, 1, b"three", 508);
    assert!(driver.frames.is_empty());
}

#[test]
fn fragments_of_several_connections_interleave() {
    let mut driver = driver();
    driver.connect(ECHO, 1);
    driver.connect(ECHO, 2);
    let header = |host: u32, length: u32, flags: u32| u32::from(ECHO) | host << 8 | length << 16 | flags;
    driver.frame(header(1, 3, 0), b"one");
    driver.frame(header(2, 4, 0), b"uno,");
    driver.frame(header(1, 4, COMPLETE), b" two");
    driver.frame(header(2, 0, COMPLETE), b"");
    driver.settle();
    driver.credit(ECHO, 2);
    assert_eq!(driver.received(ECHO, 2), b"uno,");
    driver.credit(ECHO, 1);
    assert_eq!(driver.received(ECHO, 1), b"one two");
}

#[test]
fn a_message_longer_than_the_client_takes_ends_the_connection() {
    let mut driver = driver();
    driver.connect(ECHO, 1);
    driver.message(ECHO, 1, &[0; 4096], 508);
    driver.credit(ECHO, 1);
    assert_eq!(driver.received(ECHO, 1).len(), 4096);
    driver.bus(0x08);
    driver.message(ECHO, 1, &[0; 4097], 508);
    assert_eq!(driver.bus(0x07), [0x07, ECHO, 1, 0]);
    driver.hbm(&[0x87, ECHO, 1, 0]);
    assert!(driver.bus.is_empty() && !driver.link_lost);
    driver.connect(ECHO, 1);
}

#[test]
fn fixed_addresses_need_neither_connection_nor_credit() {
    let mut driver = driver();
    for round in 0..10 {
        driver.message(FIXED, 0, &[round; 64], 508);
        assert_eq!(driver.received(FIXED, 0), [round; 64]);
    }
    assert!(driver.bus.is_empty(), "no credits");
    driver.hbm(&[0x05, FIXED, 0, 0]);
    let properties = driver.bus(0x85);
    assert_eq!(properties[20..24], [1, 0, FIXED, 0], "version, connections, fixed address, flags");
    assert_eq!(properties[24..28], [64, 0, 0, 0]);
    driver.message(FIXED, 0, &[0; 65], 508);
    assert!(driver.frames.is_empty() && driver.bus.is_empty(), "dropped without a word");
    driver.message(FIXED, 0, b"again", 508);
    assert_eq!(driver.received(FIXED, 0), b"again");
}

#[test]
fn tags_come_back_and_are_told_only_to_a_host_that_has_them() {
    let mut driver = driver();
    driver.hbm(&[0x05, TAGGED, 0, 0]);
    assert_eq!(driver.bus(0x85)[23], 0b10);
    driver.connect(TAGGED, 1);
    let header = u32::from(TAGGED) | 1 << 8;
    driver.frame(header | 12 << 16 | EXTENDED, &[1, 1, 0, 0, 1, 1, 0x5A, 0, b'a', b'b', b'c', b'd']);
    driver.frame(header | 3 << 16 | COMPLETE, b"efg");
    driver.settle();
    driver.credit(TAGGED, 1);
    let echo = driver.frames.pop_front().unwrap();
    let bytes = [&[1, 1, 0, 0, 1, 1, 0x5A, 0][..], b"abcdefg"].concat();
    assert_eq!(echo, Frame { header: header | 15 << 16 | EXTENDED | COMPLETE, bytes });

    let mut other = Driver::started(&test_persona("engine"));
    other.hbm(&[0x05, TAGGED, 0, 0]);
    assert_eq!(other.bus(0x85)[23], 0, "not negotiated");
}

#[test]
fn a_long_tagged_message_has_its_tag_in_the_first_fragment_only() {
    let mut driver = driver();
    driver.connect(TAGGED, 1);
    let header = u32::from(TAGGED) | 1 << 8;
    let mut first = vec![1, 1, 0, 0, 1, 1, 7, 0];
    first.extend([0x11; 496]);
    driver.frame(header | 504 << 16 | EXTENDED, &first);
    driver.settle();
    driver.frame(header | 500 << 16 | COMPLETE, &[0x22; 500]);
    driver.settle();
    driver.credit(TAGGED, 1);
    let first = driver.frames.pop_front().unwrap();
    assert_eq!(first.header & (EXTENDED | COMPLETE), EXTENDED);
    let second = driver.frames.pop_front().unwrap();
    assert_eq!(second.header & (EXTENDED | COMPLETE), COMPLETE);
    assert_eq!([&first.bytes[8..], &second.bytes].concat(), [&[0x11; 496][..], &[0x22; 500]].concat());
}

#[test]
fn one_credit_for_all_connections_of_a_shared_buffer() {
    let mut driver = driver();
    driver.hbm(&[0x05, SHARED, 0, 0]);
    assert_eq!(driver.bus(0x85)[23], 0b01);
    assert_eq!(connect_status(&mut driver, SHARED, 1), 0);
    assert_eq!(driver.bus(0x08)[..3], [0x08, SHARED, 0], "for nobody in particular");
    assert_eq!(connect_status(&mut driver, SHARED, 2), 0);
    assert!(driver.bus.is_empty(), "one is out");
    driver.message(SHARED, 2, b"two", 508);
    assert!(driver.bus.is_empty(), "until the answer was taken");
    driver.credit(SHARED, 2);
    assert_eq!(driver.received(SHARED, 2), b"two");
    assert_eq!(driver.bus(0x08)[..3], [0x08, SHARED, 0]);

    driver.message(SHARED, 1, b"one", 508);
    driver.hbm(&[0x07, SHARED, 1, 0]);
    driver.bus(0x87);
    assert_eq!(driver.bus(0x08)[..3], [0x08, SHARED, 0], "passed on to those who stay");
    driver.hbm(&[0x07, SHARED, 2, 0]);
    driver.bus(0x87);
    assert_eq!(connect_status(&mut driver, SHARED, 3), 0);
    assert_eq!(driver.bus(0x08)[..3], [0x08, SHARED, 0], "the host forgot the last one");
}

#[test]
fn notifications_are_switched_once() {
    let mut driver = driver();
    driver.connect(ECHO, 1);
    for (start, status) in [(0, 7), (1, 0), (1, 6), (0, 0)] {
        driver.hbm(&[0x10, ECHO, 1, start]);
        assert_eq!(driver.bus(0x90), [0x90, ECHO, 1, status, start, 0, 0, 0]);
    }
    driver.hbm(&[0x10, ECHO, 77, 1]);
    assert_eq!(driver.bus(0x90)[..5], [0x90, ECHO, 77, 1, 1]);
}

#[test]
fn client_dma_is_answered_as_it_was_granted() {
    let mut driver = driver();
    let mut map = [0; 16];
    (map[0], map[1], map[13]) = (0x14, 1, 0x10);
    driver.hbm(&map);
    assert_eq!(driver.bus(0x94), [0x94, 5], "not granted");
    driver.hbm(&[0x13, 0b111, 0, 0]);
    assert_eq!(driver.bus(0x93), [0x93, 0b101, 0, 0], "tags and client DMA, no graphics");
    driver.hbm(&map);
    assert_eq!(driver.bus(0x94), [0x94, 0]);
    driver.hbm(&[0x15, 0, 1, 0]);
    assert_eq!(driver.bus(0x95), [0x95, 0]);
}

#[test]
fn an_engine_without_a_feature_does_not_grant_it() {
    let plain = persona("name = \"plain\"\ndevice = 0xA0E0\nhbm = \"2.2\"\n");
    let mut driver = Driver::started(&plain);
    driver.hbm(&[0x13, 0b111, 0, 0]);
    assert_eq!(driver.bus(0x93), [0x93, 0, 0, 0]);
    driver.hbm(&[0x12; 40]);
    assert_eq!(driver.bus(0x92), [0x92, 5, 0, 0]);
    driver.hbm(&[0x04, 0, 0, 0]);
    assert_eq!(driver.bus(0x84)[4..], [0; 32], "no clients");
}
