//! Hosts that mean no good: nothing they do may panic, hang or grow without bound, and a reset always heals.

use crate::driver::{COMPLETE, DMA_RING, Driver, EXTENDED, H_CSR, IE, IG, RDY, RST};
use crate::test_persona;
use mei_emulator::{Engine, Persona};
use mei_wire::{Device, Registers};
use proptest::prelude::*;
use std::time::{Duration, Instant};

const ECHO: u8 = 3;

/// The engine still serves a host that behaves.
fn heals(driver: &mut Driver) {
    driver.reset();
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
    driver.connect(ECHO, 1);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, b"well", 508);
    assert_eq!(driver.received(ECHO, 1), b"well");
}

#[test]
fn frames_that_break_the_rules_reset_the_link() {
    let echo = u32::from(ECHO) | 1 << 8;
    let cases: [(u32, &[u8]); 10] = [
        (0, &[]),
        (echo | COMPLETE | 1 << 25, &[]),
        (echo | COMPLETE | 1 << 26, &[]),
        (echo | COMPLETE | 1 << 27, &[]),
        (echo | COMPLETE | EXTENDED | 3 << 16, &[0; 4]),
        (echo | COMPLETE | EXTENDED | DMA_RING | 7 << 16, &[0; 8]),
        (echo | COMPLETE | EXTENDED | 4 << 16, &[1, 1, 0, 0]),
        (echo | COMPLETE | EXTENDED | 8 << 16, &[1, 1, 0, 0, 1, 0, 0, 0]),
        (echo | COMPLETE | EXTENDED | 8 << 16, &[2, 1, 0, 0, 1, 1, 0, 0]),
        (echo | COMPLETE | 509 << 16, &[]),
    ];
    for (header, bytes) in cases {
        let mut driver = Driver::started(&test_persona("engine"));
        driver.connect(ECHO, 1);
        driver.frame(header, bytes);
        driver.settle();
        assert!(driver.link_lost, "{header:#010x} {bytes:02x?}");
        assert_eq!(driver.engine.firmware().statistics().violations, 1);
        heals(&mut driver);
    }
}

#[test]
fn an_overrun_buffer_resets_the_link() {
    let mut driver = Driver::started(&test_persona("engine"));
    (0..129).for_each(|_| driver.write(0, COMPLETE));
    driver.write(H_CSR, IE | RDY | IG);
    driver.settle();
    assert!(driver.link_lost);
    heals(&mut driver);
}

#[test]
fn unknown_and_short_bus_messages_are_ignored() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    for command in 0..=255u8 {
        // What ends the session, and what is always answered, is tested elsewhere.
        if matches!(command, 0x01 | 0x02) {
            continue;
        }
        for length in [0usize, 1, 2, 3] {
            driver.hbm(&[command; 3][..length]);
        }
    }
    assert!(driver.bus.is_empty() && driver.frames.is_empty() && !driver.link_lost, "{driver:?}");
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, b"still here", 508);
    assert_eq!(driver.received(ECHO, 1), b"still here");
}

#[test]
fn a_host_that_never_reads_is_answered_no_more() {
    let mut driver = Driver::started(&test_persona("engine"));
    let enumerate = [COMPLETE | 4 << 16, 0x04];
    let mut sent = 0;
    for _ in 0..10_000 {
        let csr = driver.read(H_CSR);
        if (csr >> 16).wrapping_sub(csr >> 8) & 0xFF > 120 {
            break;
        }
        driver.engine.write_window(&enumerate).unwrap();
        driver.engine.write32(H_CSR, RDY | IG).unwrap();
        driver.engine.run(driver.now);
        sent += 1;
    }
    assert!(sent < 500, "the engine took {sent} requests without an answer being read");
    driver.write(H_CSR, IE | RDY | IG);
    driver.settle();
    let answers = driver.bus.len();
    assert_eq!(answers, sent, "and all are answered once it reads");
}

#[test]
fn a_host_that_floods_gets_no_more_than_the_bounds() {
    let mut driver = Driver::started(&test_persona("engine"));
    for round in 0..2000u32 {
        driver.hbm(&[0x06, ECHO, (round % 255) as u8 + 1, 0]);
        driver.hbm(&[0x08, ECHO, (round % 255) as u8 + 1, 0, 0, 0, 0, 0]);
    }
    let accepted = driver.bus.iter().filter(|message| message[0] == 0x86 && message[3] == 0).count();
    assert_eq!(accepted, 32);
    for host in 0..=255u8 {
        driver.message(7, host, &[host], 508);
    }
    assert!(driver.frames.len() <= 256);
    heals(&mut driver);
}

/// One thing that a host does.
#[derive(Debug, Clone)]
enum Deed {
    Write(u32, u32),
    Read(u32),
    Push(u32),
    Frame(u32, Vec<u8>),
    Bus(Vec<u8>),
    Pass(u16),
}

fn deed() -> impl Strategy<Value = Deed> {
    let offset = prop_oneof![
        Just(0x000u32),
        Just(0x004),
        Just(0x008),
        Just(0x00C),
        Just(0x010),
        Just(0x800),
        0..0x2000u32
    ];
    let csr = prop_oneof![Just(IE | RDY | IG), Just(IE | IG), Just(IE | RST | IG | 2), any::<u32>()];
    let client = prop_oneof![Just(0u32), Just(3), Just(6), Just(7), Just(8), Just(9), Just(10), 0..256u32];
    let header = (client, 0..4u32, any::<bool>(), 0..8u32).prop_map(|(me, host, complete, flags)| {
        me | host << 8
            | if complete { COMPLETE } else { 0 }
            | if flags == 0 { EXTENDED } else { 0 }
            | if flags == 1 { DMA_RING } else { 0 }
    });
    let command = prop_oneof![
        prop::sample::select(vec![
            0x01u8, 0x02, 0x04, 0x05, 0x06, 0x07, 0x87, 0x08, 0x0A, 0x8B, 0x10, 0x12, 0x13, 0x14
        ]),
        any::<u8>()
    ];
    let bus = (
        command,
        prop::sample::select(vec![3u8, 6, 7, 8, 9, 10, 40, 0]),
        0..4u8,
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|(command, me, host, rest)| [vec![command, me, host], rest].concat());
    prop_oneof![
        1 => (offset.clone(), any::<u32>()).prop_map(|(offset, value)| Deed::Write(offset, value)),
        2 => csr.prop_map(|value| Deed::Write(H_CSR, value)),
        2 => offset.prop_map(Deed::Read),
        1 => any::<u32>().prop_map(Deed::Push),
        4 => (header, prop::collection::vec(any::<u8>(), 0..508)).prop_map(|(header, bytes)| Deed::Frame(header, bytes)),
        6 => bus.prop_map(Deed::Bus),
        1 => any::<u16>().prop_map(Deed::Pass),
    ]
}

fn push_frame(engine: &mut Engine, header: u32, bytes: &[u8]) {
    engine.write32(0, header | (bytes.len() as u32) << 16).unwrap();
    for chunk in bytes.chunks(4) {
        let mut slot = [0; 4];
        slot[..chunk.len()].copy_from_slice(chunk);
        engine.write32(0, u32::from_le_bytes(slot)).unwrap();
    }
    engine.write32(H_CSR, IE | RDY | IG).unwrap();
}

fn suffer(persona: &Persona, deeds: &[Deed]) {
    let mut now = Instant::now();
    let mut engine = Engine::new(persona, now);
    for deed in deeds {
        match deed {
            Deed::Write(offset, value) => engine.write32(*offset, *value).unwrap(),
            Deed::Read(offset) => drop(engine.read32(*offset)),
            Deed::Push(slot) => engine.write32(0, *slot).unwrap(),
            Deed::Frame(header, bytes) => push_frame(&mut engine, *header, bytes),
            Deed::Bus(bytes) => push_frame(&mut engine, COMPLETE, bytes),
            Deed::Pass(milliseconds) => now += Duration::from_millis((*milliseconds).into()),
        }
        engine.run(now);
        engine.run(now);
        assert!(
            engine.deadline().is_none_or(|deadline| deadline > now),
            "a deadline that running does not meet"
        );
        let filled = engine.read32(0x00C).map(|csr| (csr >> 16).wrapping_sub(csr >> 8) & 0xFF).unwrap();
        assert!(filled <= 128, "the engine overran its buffer");
        if let Deed::Bus(_) = deed {
            let mut slots = [0; 64];
            engine.read_window(&mut slots).unwrap();
        }
    }
    let mut driver = Driver::over(engine, now);
    heals(&mut driver);
}

/// Fewer cases than proptest's own choice, unless PROPTEST_CASES asks for a number.
fn sweep() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(sweep())]

    #[test]
    fn no_sequence_of_deeds_breaks_the_engine(deeds in prop::collection::vec(deed(), 1..200)) {
        let persona = test_persona("engine");
        // Half of the time the deeds begin where a well-behaved host is.
        suffer(&persona, &deeds);
        let start = [
            Deed::Write(H_CSR, RST | IE), Deed::Pass(50), Deed::Write(H_CSR, IE | IG),
            Deed::Bus(vec![0x01, 0, 2, 2]), Deed::Bus(vec![0x13, 7, 0, 0]), Deed::Bus(vec![0x06, 3, 1, 0]),
            Deed::Bus(vec![0x06, 6, 2, 0]), Deed::Bus(vec![0x06, 10, 3, 0]),
        ];
        suffer(&persona, &[&start[..], &deeds].concat());
    }
}
