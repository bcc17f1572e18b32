//! Reset, versions, stop, and what is ignored outside of a session (`hw.md` §4, `hbm.md` §3, §4).

use crate::driver::{COMPLETE, D0I3_IE, Driver, H_CSR, IE, IG, IS, ME_CSR, RDY, RST};
use crate::{persona, test_persona};
use mei_emulator::{Firmware, NoHostMemory};
use mei_wire::{ConfigSpace, Device, Registers};
use std::time::{Duration, Instant};

const ECHO: u8 = 3;

#[test]
fn versions_are_negotiated_down_to_what_both_speak() {
    // The engine's version, the host's offer, and the answer: supported, minor, major.
    let cases = [
        ("1.0", [2, 2], [0, 0, 1]),
        ("1.1", [2, 2], [0, 1, 1]),
        ("2.0", [2, 2], [0, 0, 2]),
        ("2.1", [2, 2], [0, 1, 2]),
        ("2.2", [2, 2], [1, 2, 2]),
        ("2.2", [0, 2], [1, 2, 2]),
        ("2.0", [1, 1], [1, 0, 2]),
        ("1.1", [1, 1], [1, 1, 1]),
        ("1.0", [0, 3], [0, 0, 1]),
    ];
    for (own, offer, answer) in cases {
        let persona = persona(&format!("name = \"x\"\ndevice = 0x1E3A\nhbm = \"{own}\"\n"));
        let mut driver = Driver::new(&persona);
        driver.reset();
        driver.hbm(&[0x01, 0, offer[0], offer[1]]);
        assert_eq!(driver.bus(0x81)[1..], answer, "{own}");
    }
}

#[test]
fn features_follow_the_version_in_use_not_the_engines() {
    let mut driver = Driver::new(&test_persona("engine"));
    driver.reset();
    driver.hbm(&[0x01, 0, 1, 1]);
    driver.bus(0x81);
    driver.hbm(&[0x13, 1, 0, 0]);
    assert_eq!(driver.bus(0x93), [0x93, 0, 0, 0]);
    driver.hbm(&[0x12; 40]);
    assert_eq!(driver.bus(0x92), [0x92, 5, 0, 0]);
    driver.connect(ECHO, 1);
    driver.hbm(&[0x10, ECHO, 1, 1]);
    assert_eq!(driver.bus(0x90)[3], 5);
}

#[test]
fn nothing_is_answered_before_the_start() {
    let mut driver = Driver::new(&test_persona("engine"));
    driver.reset();
    for message in [&[0x04, 3, 0, 0][..], &[0x05, 3, 0, 0], &[0x06, 3, 1, 0], &[0x08, 3, 1, 0, 0, 0, 0, 0]] {
        driver.hbm(message);
    }
    assert!(driver.bus.is_empty());
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
}

#[test]
fn a_start_in_the_middle_begins_anew() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
    driver.connect(ECHO, 1);
}

#[test]
fn stop_is_answered_and_ends_everything() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    driver.hbm(&[0x02, 0, 0, 0]);
    assert_eq!(driver.bus(0x82), [0x82, 0, 0, 0]);
    driver.hbm(&[0x04, 0, 0, 0]);
    assert!(driver.bus.is_empty());
    driver.reset();
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
    driver.connect(ECHO, 1);
}

#[test]
fn ready_comes_after_its_time_and_with_one_interrupt() {
    let mut driver = Driver::new(&test_persona("engine"));
    driver.assert_reset();
    assert_eq!(driver.read(ME_CSR) & RDY, 0, "at once");
    driver.pass(Duration::from_millis(4));
    assert_eq!((driver.read(ME_CSR) & RDY, driver.interrupts), (0, 0));
    driver.write(H_CSR, RST | IE);
    driver.pass(Duration::from_millis(1));
    assert_eq!((driver.read(ME_CSR) & RDY, driver.interrupts), (RDY, 1));
}

#[test]
fn without_enable_there_is_no_interrupt_but_the_cause_stays() {
    let mut driver = Driver::new(&test_persona("engine"));
    driver.write(H_CSR, RST | IG);
    driver.write(H_CSR, IG);
    driver.pass(Duration::from_millis(5));
    assert_eq!(driver.interrupts, 0);
    assert_eq!(driver.read(H_CSR) & (RST | IS | IE), IS);
    driver.write(H_CSR, IE);
    assert!(driver.engine.take_interrupt());
}

#[test]
fn a_reset_in_the_middle_of_everything_leaves_nothing() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    driver.frame(u32::from(ECHO) | 1 << 8 | 4 << 16, b"half");
    driver.settle();
    driver.push(u32::from(ECHO) | 1 << 8 | 400 << 16, b"a frame that never ends");
    driver.reset();
    assert_eq!(driver.filled(), 0);
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
    driver.connect(ECHO, 1);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, b"whole", 508);
    assert_eq!(driver.received(ECHO, 1), b"whole");
}

#[test]
fn a_host_that_drops_ready_takes_the_link_down() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    driver.write(H_CSR, IE | D0I3_IE);
    driver.settle();
    driver.hbm(&[0x04, 0, 0, 0]);
    assert!(driver.bus.is_empty());
    driver.reset();
    driver.hbm(&[0x01, 0, 2, 2]);
    driver.bus(0x81);
    driver.connect(ECHO, 1);
}

#[test]
fn a_frame_in_pieces_waits_for_the_rest() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.write(0, COMPLETE | 4 << 16);
    driver.write(H_CSR, IE | D0I3_IE | RDY | IG);
    driver.settle();
    assert!(driver.bus.is_empty() && !driver.link_lost);
    driver.write(0, u32::from_le_bytes([0x04, 3, 0, 0]));
    driver.write(H_CSR, IE | D0I3_IE | RDY | IG);
    driver.settle();
    driver.bus(0x84);
}

#[test]
fn consuming_alone_interrupts() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    let before = driver.interrupts;
    driver.message(ECHO, 1, b"an answer that waits for credit", 508);
    assert_eq!(driver.interrupts, before + 1, "the host transmits again only when it sees an empty buffer");
}

#[test]
fn configuration_space_tells_who_it_is() {
    let text =
        "name = \"x\"\ndevice = 0xA0E0\nhbm = \"2.2\"\n[status]\nhfs1 = 0x90000245\nhfs2 = 2\nhfs6 = 6\n";
    let mut driver = Driver::new(&persona(text));
    let expected = [
        (0x00, 0xA0E0_8086),
        (0x08, 0x0780_0000),
        (0x40, 0x9000_0245),
        (0x48, 2),
        (0x60, 0),
        (0x64, 0),
        (0x68, 0),
        (0x6C, 6),
        (0x44, 0),
    ];
    for (offset, value) in expected {
        assert_eq!(driver.engine.read_config32(offset).unwrap(), value, "{offset:#x}");
    }
}

#[test]
fn the_windows_in_bulk_are_the_windows_slot_by_slot() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.engine.write_window(&[COMPLETE | 4 << 16, 0x04]).unwrap();
    driver.engine.write32(H_CSR, RDY | IG).unwrap();
    driver.engine.run(driver.now);
    let mut slots = [0; 12];
    driver.engine.read_window(&mut slots).unwrap();
    assert_eq!(slots[..3], [COMPLETE | 36 << 16, 0x84, 0x7C8]);
    assert_eq!(slots[10..], [0, 0], "empty reads 0");
    assert_eq!(driver.filled(), 0);
}

#[test]
fn idle_is_idle() {
    let mut driver = Driver::started(&test_persona("engine"));
    driver.connect(ECHO, 1);
    assert_eq!(driver.engine.deadline(), None, "nothing waits for time");
    let statistics = driver.engine.firmware().statistics();
    driver.pass(Duration::from_secs(86_400));
    assert_eq!(driver.engine.firmware().statistics(), statistics);
}

#[test]
fn a_function_reset_is_a_power_on() {
    let mut memory = NoHostMemory;
    let mut now = Instant::now();
    let mut firmware = Firmware::new(&test_persona("engine"), now);
    let fresh = |firmware: &mut Firmware| -> Vec<u32> {
        [0x004, 0x00C, 0x010, 0x800].map(|offset| firmware.read32(offset)).to_vec()
    };
    let at_power_on = fresh(&mut firmware);
    for step in 0..6 {
        // Into the middle of a reset, of a session, of a D0i3 transition, of a frame.
        firmware.write32(H_CSR, RST | IE);
        if step > 0 {
            firmware.run(&mut memory, now);
            now += Duration::from_millis(5);
            firmware.run(&mut memory, now);
            firmware.write32(H_CSR, IE | RDY | IS | IG);
            firmware.run(&mut memory, now);
        }
        if step > 1 {
            firmware.write_window(&[COMPLETE | 4 << 16, 0x0202_0001]);
            firmware.write32(H_CSR, IE | RDY | IG);
            firmware.run(&mut memory, now);
        }
        if step > 2 {
            firmware.write32(0x800, 0b110);
        }
        if step > 3 {
            firmware.run(&mut memory, now);
        }
        if step > 4 {
            firmware.write_window(&[COMPLETE | 400 << 16, 1]);
        }
        firmware.function_reset(now);
        assert_eq!(fresh(&mut firmware), at_power_on, "step {step}");
        assert_eq!(firmware.deadline(), None, "step {step}");
        assert!(!firmware.interrupt_level() && !firmware.take_interrupt_edge(), "step {step}");
        firmware.run(&mut memory, now + Duration::from_secs(60));
        assert_eq!(fresh(&mut firmware), at_power_on, "step {step}");
    }
}
