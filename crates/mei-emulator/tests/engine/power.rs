//! Power gating, both kinds, as the kernel's driver drives them (`hw.md` §6).

use crate::driver::{D0I3_IE, D0I3_IS, Driver, H_CSR, H_D0I3C, H_HPG_CSR, IE, IG, ME_CSR, RDY};
use crate::{persona, test_persona};
use std::time::Duration;

const ECHO: u8 = 3;
const PGIHEXR: u32 = 1;
const PGI: u32 = 2;
const CIP: u32 = 1;
const IR: u32 = 2;
const I3: u32 = 4;

/// A driver that has isolated the link, with an echo that waits for credit.
fn isolated() -> Driver {
    let mut driver = Driver::started(&test_persona("engine"));
    assert_ne!(driver.read(ME_CSR) & 1 << 6, 0, "the PGI capability");
    driver.connect(ECHO, 1);
    driver.hbm(&[0x0A, 0, 0, 0]);
    assert_eq!(driver.bus(0x8A), [0x8A, 0, 0, 0]);
    driver.write(H_HPG_CSR, PGI);
    driver.settle();
    driver
}

#[test]
fn the_host_leaves_isolation() {
    let mut driver = isolated();
    assert!(driver.bus.is_empty());
    driver.write(H_HPG_CSR, PGI | PGIHEXR);
    driver.settle();
    assert_eq!(driver.bus(0x0B), [0x0B, 0, 0, 0]);
    let before = driver.interrupts;
    driver.hbm(&[0x8B, 0, 0, 0]);
    assert_eq!(driver.interrupts, before + 1, "the interrupt that ends the handshake");
    assert_eq!(driver.read(H_HPG_CSR), 0);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, b"as before", 508);
    assert_eq!(driver.received(ECHO, 1), b"as before");
}

#[test]
fn the_engine_asks_out_when_it_has_something_to_say() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../personas/test/engine.toml"));
    let mut driver = Driver::started(&persona(&text.unwrap()));
    let test = 6;
    driver.connect(test, 1);
    driver.credit(test, 1);
    let mut request = vec![1, 0, 0, 0, 50, 0, 0, 0];
    request.extend([0; 16]);
    request.extend(b"later");
    driver.message(test, 1, &request, 508);
    driver.bus(0x08);
    driver.hbm(&[0x0A, 0, 0, 0]);
    driver.bus(0x8A);
    driver.write(H_HPG_CSR, PGI);
    driver.pass(Duration::from_millis(50));
    assert_eq!(driver.bus(0x0B), [0x0B, 0, 0, 0]);
    assert!(driver.frames.is_empty(), "nothing else passes");
    driver.hbm(&[0x8B, 0, 0, 0]);
    assert_eq!(driver.received(test, 1), b"later");
    assert!(driver.bus.is_empty());
}

#[test]
fn a_host_that_goes_on_talking_was_never_gated() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    driver.hbm(&[0x0A, 0, 0, 0]);
    driver.bus(0x8A);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, b"changed my mind", 508);
    assert_eq!(driver.received(ECHO, 1), b"changed my mind");
}

#[test]
fn a_reset_ends_isolation() {
    let mut driver = isolated();
    driver.reset();
    assert_eq!(driver.read(H_HPG_CSR), 0);
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
}

#[test]
fn d0i3_takes_its_time_and_interrupts_when_asked() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    driver.hbm(&[0x0A, 0, 0, 0]);
    driver.bus(0x8A);
    driver.write(H_D0I3C, I3 | IR);
    assert_eq!(driver.read(H_D0I3C), I3 | IR | CIP);
    let before = driver.interrupts;
    driver.pass(Duration::from_millis(2));
    assert_eq!((driver.read(H_D0I3C), driver.interrupts), (I3 | IR | CIP, before));
    driver.pass(Duration::from_millis(1));
    assert_eq!((driver.read(H_D0I3C), driver.interrupts), (I3, before + 1));
    assert_eq!(driver.read(H_CSR) & D0I3_IS, 0, "acknowledged by the handler");

    driver.write(H_D0I3C, 0);
    driver.pass(Duration::from_millis(3));
    assert_eq!((driver.read(H_D0I3C), driver.interrupts), (0, before + 1), "not asked for");
    driver.write(H_CSR, IE | D0I3_IE | RDY | IG);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, b"as before", 508);
    assert_eq!(driver.received(ECHO, 1), b"as before");
}

#[test]
fn an_engine_without_power_gating_has_none() {
    let mut driver = Driver::started(&persona("name = \"x\"\ndevice = 0x1E3A\nhbm = \"1.1\"\n"));
    driver.write(H_D0I3C, I3 | IR);
    driver.write(H_HPG_CSR, PGI);
    driver.settle();
    assert_eq!((driver.read(H_D0I3C), driver.read(H_HPG_CSR)), (0, 0));
    assert_eq!(driver.read(ME_CSR) & 1 << 6, 0);
}
