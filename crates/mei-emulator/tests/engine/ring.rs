//! The DMA ring, driver's side after `hbm.md` §11.

use crate::driver::{COMPLETE, DMA_RING, Driver};
use crate::test_persona;
use mei_wire::DmaMemory;

const ECHO: u8 = 3;
const SIZE: u32 = 8192;

struct Ring {
    host: u64,
    device: u64,
    control: u64,
}

fn setup(host: (u64, u32), device: (u64, u32), control: (u64, u32)) -> Vec<u8> {
    let mut request = vec![0x12, 0, 0, 0];
    for (address, size) in [host, device, control] {
        request.extend(((address >> 32) as u32).to_le_bytes());
        request.extend((address as u32).to_le_bytes());
        request.extend(size.to_le_bytes());
    }
    request
}

fn ring(driver: &mut Driver) -> Ring {
    let (host, device) = (driver.allocate(SIZE), driver.allocate(SIZE));
    let control = driver.allocate(4096);
    driver.hbm(&setup((host, SIZE), (device, SIZE), (control, 4096)));
    assert_eq!(driver.bus(0x92), [0x92, 0, 0, 0]);
    Ring { host, device, control }
}

fn index(driver: &Driver, ring: &Ring, offset: u64) -> u32 {
    let mut bytes = [0; 4];
    driver.engine.read_dma(ring.control + offset, &mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

/// Copies slot by slot, so that the wrap is nobody's arithmetic but the index's.
fn write(driver: &mut Driver, ring: &Ring, data: &[u8]) {
    let mut index = index(driver, ring, 0);
    for chunk in data.chunks(4) {
        let place = ring.host + u64::from(index % (SIZE / 4)) * 4;
        driver.engine.write_dma(place, chunk).unwrap();
        index = index.wrapping_add(1);
    }
    driver.engine.write_dma(ring.control, &index.to_le_bytes()).unwrap();
}

fn read(driver: &mut Driver, ring: &Ring, length: usize) -> Vec<u8> {
    let mut read = index(driver, ring, 24);
    let mut data = Vec::new();
    while data.len() < length {
        let mut slot = [0; 4];
        driver.engine.read_dma(ring.device + u64::from(read % (SIZE / 4)) * 4, &mut slot).unwrap();
        data.extend(slot);
        read = read.wrapping_add(1);
    }
    assert_eq!(read, index(driver, ring, 16), "nothing else is in the ring");
    driver.engine.write_dma(ring.control + 24, &read.to_le_bytes()).unwrap();
    data.truncate(length);
    data
}

#[test]
fn long_messages_go_through_the_rings_and_around_their_ends() {
    let mut driver = Driver::started(&test_persona("engine"));
    let ring = ring(&mut driver);
    driver.connect(ECHO, 1);
    let header = u32::from(ECHO) | 1 << 8 | 4 << 16 | COMPLETE | DMA_RING;
    for round in 0..20u32 {
        let length = 1000 + 155 * round as usize;
        let data: Vec<u8> = (0..length).map(|index| (index as u32 * 3 + round) as u8).collect();
        write(&mut driver, &ring, &data);
        driver.frame(header, &(length as u32).to_le_bytes());
        driver.settle();
        assert_eq!(index(&driver, &ring, 0), index(&driver, &ring, 8), "the engine took all of it");
        driver.credit(ECHO, 1);
        let frame = driver.frames.pop_front().unwrap();
        assert_eq!(frame.header, header);
        assert_eq!(frame.bytes, (length as u32).to_le_bytes());
        assert_eq!(read(&mut driver, &ring, length), data, "round {round}");
        driver.bus(0x08);
    }
}

#[test]
fn what_fits_the_window_never_uses_the_ring_and_a_full_ring_is_gone_around() {
    let mut driver = Driver::started(&test_persona("engine"));
    let ring = ring(&mut driver);
    driver.connect(ECHO, 1);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, &[1; 508], 508);
    assert_eq!(driver.received(ECHO, 1), [1; 508]);
    driver.bus(0x08);
    for full in [false, false, true, true] {
        driver.credit(ECHO, 1);
        driver.message(ECHO, 1, &[2; 4000], 508);
        if full {
            assert_eq!(driver.received(ECHO, 1), [2; 4000], "in fragments");
        } else {
            let frame = driver.frames.pop_front().unwrap();
            assert_ne!(frame.header & DMA_RING, 0);
        }
        driver.bus(0x08);
    }
    assert_eq!(index(&driver, &ring, 16), 2000);
}

#[test]
fn rings_that_cannot_be() {
    let mut driver = Driver::started(&test_persona("engine"));
    let (good, control) = (driver.allocate(SIZE), driver.allocate(4096));
    for request in [
        setup((good, 0), (good, SIZE), (control, 4096)),
        setup((good, 12), (good, SIZE), (control, 4096)),
        setup((good, 1 << 31), (good, SIZE), (control, 4096)),
        setup((good, SIZE), (good, SIZE), (control, 16)),
        setup((good, SIZE), (u64::MAX - 3, SIZE), (control, 4096)),
        setup((good, SIZE), (0, SIZE), (control, 4096)),
        setup((good, SIZE), (good, SIZE), (u64::MAX - 3, 4096)),
    ] {
        driver.hbm(&request);
        assert_eq!(driver.bus(0x92), [0x92, 4, 0, 0], "{request:02x?}");
    }
    driver.hbm(&setup((good, SIZE), (good, SIZE), (control, 4096)));
    assert_eq!(driver.bus(0x92), [0x92, 0, 0, 0]);
}

#[test]
fn a_ring_that_lies_resets_the_link() {
    let header = u32::from(ECHO) | 1 << 8 | 4 << 16 | COMPLETE | DMA_RING;
    // Write index of the host, and the length it claims.
    for (host_write, length) in [(0, 4u32), (1, 5), (1, u32::MAX), (2049, 4), (u32::MAX, 4)] {
        let mut driver = Driver::started(&test_persona("engine"));
        let ring = ring(&mut driver);
        driver.connect(ECHO, 1);
        driver.engine.write_dma(ring.control, &u32::to_le_bytes(host_write)).unwrap();
        driver.frame(header, &length.to_le_bytes());
        driver.settle();
        assert!(driver.link_lost, "{host_write} {length}");
    }
    let mut without = Driver::started(&test_persona("engine"));
    without.connect(ECHO, 1);
    without.frame(header, &[4, 0, 0, 0]);
    without.settle();
    assert!(without.link_lost, "no ring was set up");
}

#[test]
fn a_host_that_spoils_its_read_index_still_gets_its_message() {
    let mut driver = Driver::started(&test_persona("engine"));
    let ring = ring(&mut driver);
    driver.engine.write_dma(ring.control + 24, &0x1234_5678u32.to_le_bytes()).unwrap();
    driver.connect(ECHO, 1);
    driver.credit(ECHO, 1);
    driver.message(ECHO, 1, &[3; 2000], 508);
    assert_eq!(driver.received(ECHO, 1), [3; 2000]);
}
