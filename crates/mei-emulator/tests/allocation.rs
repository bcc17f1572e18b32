//! Nothing is allocated per message, whichever way and however long it is, once the engine is warm.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

use mei_emulator::{Engine, Persona};
use mei_wire::{Device, Registers};
use std::time::{Duration, Instant};

const H_CSR: u32 = 4;
const ECHO: u32 = 32;
const COMPLETE: u32 = 1 << 31;
/// H_IE, H_IS, H_IG, H_RDY.
const BELL: u32 = 0b1111;

fn engine(now: Instant) -> Engine {
    let text = "name = 'x'\ndevice = 0x1E3A\nhbm = '2.0'\n[[client]]\nkind = 'echo'\naddress = 32\n[timings]\nready-ms = 0";
    let mut engine = Engine::new(&Persona::parse(text, "test").unwrap(), now);
    engine.write32(H_CSR, 0x11).unwrap();
    engine.run(now);
    engine.write32(H_CSR, BELL).unwrap();
    send(&mut engine, COMPLETE | 4 << 16, &[0x0202_0001], now);
    send(&mut engine, COMPLETE | 4 << 16, &[0x0001_2006], now);
    engine
}

fn send(engine: &mut Engine, header: u32, slots: &[u32], now: Instant) {
    engine.write32(0, header).unwrap();
    engine.write_window(slots).unwrap();
    engine.write32(H_CSR, BELL).unwrap();
    engine.run(now);
}

/// Slots that wait in the ME window, taken out.
fn drain(engine: &mut Engine, slots: &mut [u32]) -> usize {
    let [_, write, read, _] = engine.read32(0x00C).unwrap().to_be_bytes();
    let filled = usize::from(write.wrapping_sub(read));
    engine.read_window(&mut slots[..filled]).unwrap();
    filled
}

fn round(engine: &mut Engine, length: usize, now: Instant) -> usize {
    let mut slots = [0; 128];
    let mut received = 0;
    let mut left = length;
    while left > 0 {
        let part = left.min(508);
        left -= part;
        let complete = if left == 0 { COMPLETE } else { 0 };
        let header = ECHO | 1 << 8 | u32::try_from(part).unwrap() << 16 | complete;
        send(engine, header, &[7; 127][..part / 4], now);
        drain(engine, &mut slots);
    }
    send(engine, COMPLETE | 8 << 16, &[0x0001_2008, 0], now);
    loop {
        let filled = drain(engine, &mut slots);
        if filled == 0 {
            return received;
        }
        received += filled;
        engine.write32(H_CSR, BELL).unwrap();
        engine.run(now);
    }
}

#[test]
fn a_warm_engine_allocates_nothing() {
    let now = Instant::now();
    let mut engine = engine(now);
    for length in [16, 508, 4096] {
        assert!(round(&mut engine, length, now) > length / 4, "the echo came");
    }
    let allocated = allocation_counter::measure(|| {
        for step in 0..1000 {
            for length in [4, 16, 508, 4096] {
                assert!(round(&mut engine, length, now + Duration::from_millis(step)) > length / 4);
            }
        }
    });
    assert_eq!(allocated.count_total, 0);
}
