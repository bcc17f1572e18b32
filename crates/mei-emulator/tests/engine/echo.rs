//! Handshake, enumeration, echo.

use crate::driver::{Driver, H_CSR, IS, ME_CSR, RDY};
use crate::test_persona;
use mei_emulator::Persona;
use std::time::Duration;

const ECHO: u8 = 32;
const SLOW_ECHO: u8 = 33;
/// `5d6e1b3a-0b7c-4c5e-9f2a-7a1d4e8c0001` on the wire.
const ECHO_GUID: [u8; 16] =
    [0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, 0x00, 0x01];

#[test]
fn the_handshake_of_the_kernels_driver() {
    for name in Persona::builtin_names() {
        let mut driver = Driver::new(&Persona::builtin(name).unwrap());
        assert_ne!(driver.read(ME_CSR) & RDY, 0, "{name}: ready after power-on");
        driver.reset();
        assert_eq!(driver.read(H_CSR) & (RDY | IS), RDY, "{name}");
        driver.reset();
        driver.hbm(&[0x01, 0, 2, 2]);
        driver.bus(0x81);
    }
}

#[test]
fn enumeration_tells_each_client_once() {
    let mut driver = Driver::started(&test_persona("echo"));
    driver.hbm(&[0x04, 3, 0, 0]);
    let map = driver.bus(0x84);
    assert_eq!(map.len(), 36);
    assert_eq!(map[4..10], [0, 0, 0, 0, 0b11, 0]);
    driver.hbm(&[0x05, ECHO, 0, 0]);
    let properties = driver.bus(0x85);
    assert_eq!(properties[..4], [0x85, ECHO, 0, 0]);
    assert_eq!(properties[4..20], ECHO_GUID);
    assert_eq!(properties.len(), 28);
    driver.hbm(&[0x05, 99, 0, 0]);
    assert_eq!(driver.bus(0x85)[..3], [0x85, 99, 1]);
}

#[test]
fn echoes_of_every_length_come_back() {
    let mut driver = Driver::started(&test_persona("echo"));
    driver.connect(ECHO, 5);
    for length in (0..600).chain([1024, 2000, 4095, 4096]) {
        let data: Vec<u8> = (0..length).map(|index| (index * 7 + length) as u8).collect();
        driver.message(ECHO, 5, &data, 508);
        assert!(driver.bus.is_empty(), "no credit before the answer was taken");
        driver.credit(ECHO, 5);
        assert_eq!(driver.received(ECHO, 5), data);
        assert_eq!(driver.bus(0x08)[..3], [0x08, ECHO, 5]);
    }
}

#[test]
fn a_slow_client_connects_after_its_delay_and_holds_nobody() {
    let mut driver = Driver::started(&test_persona("echo"));
    driver.hbm(&[0x06, SLOW_ECHO, 1, 0]);
    assert!(driver.bus.is_empty());
    driver.connect(ECHO, 2);
    driver.pass(Duration::from_millis(3499));
    assert!(driver.bus.is_empty());
    driver.pass(Duration::from_millis(1));
    assert_eq!(driver.bus(0x86), [0x86, SLOW_ECHO, 1, 0]);
    assert_eq!(driver.bus(0x08)[..3], [0x08, SLOW_ECHO, 1]);
}
