//! A monitor that is not ours: the client of the `vfio_user` crate.

use crate::engine::{ADDRESS, ALARM, COPIED, COPY, LEVEL, SCRATCH};
use crate::{Served, event, is_quiet, wait};
use mei_vfio_user::{InterruptMode, Options, Removal};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use vfio_user::Client;

const BAR0: u32 = 0;
const CONFIG: u32 = 7;
const INTX: u32 = 0;
const MSI: u32 = 1;
const REQ: u32 = 4;
const EVENTFD_TRIGGER: u32 = 4 | 32;
const NONE_UNMASK: u32 = 1 | 16;
const NONE_TRIGGER: u32 = 1 | 32;

fn register(client: &mut Client, offset: u32) -> u32 {
    let mut bytes = [0; 4];
    client.region_read(BAR0, offset.into(), &mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

fn set_register(client: &mut Client, offset: u32, value: u32) {
    client.region_write(BAR0, offset.into(), &value.to_le_bytes()).unwrap();
}

fn config<const N: usize>(client: &mut Client, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    client.region_read(CONFIG, offset, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_function_is_described() {
    let served = Served::new();
    let mut client = Client::new(served.path()).unwrap();
    let sizes: Vec<(u64, u32)> =
        (0..9).map(|index| client.region(index).map(|region| (region.size, region.flags)).unwrap()).collect();
    let mut expected = [(0, 0); 9];
    expected[0] = (4096, 3);
    expected[7] = (256, 3);
    assert_eq!(sizes, expected);
    // The crate's own flag is inverted: false is "can be reset".
    assert!(!client.resettable());
    let irqs: Vec<(u32, u32)> =
        (0..5).map(|index| client.get_irq_info(index).map(|irq| (irq.flags, irq.count)).unwrap()).collect();
    assert_eq!(irqs, [(7, 1), (9, 1), (0, 0), (9, 1), (9, 1)]);
    assert_eq!(config(&mut client, 0), [0x86, 0x80, 0xE0, 0x51]);
    assert_eq!(config(&mut client, 0x40), [0x45, 0x02, 0x00, 0x90]);
    drop(client);
    served.stop();
}

#[test]
fn without_msi_there_is_the_line_alone() {
    let served = Served::with(Options { interrupts: InterruptMode::Intx, ..Options::default() });
    let mut client = Client::new(served.path()).unwrap();
    assert_eq!(client.get_irq_info(MSI).unwrap().count, 0);
    assert_eq!(config(&mut client, 0x51), [0], "the list of capabilities ends with power management");
    drop(client);
    served.stop();
}

#[test]
fn intx_follows_the_level_and_masks_itself() {
    let served = Served::new();
    let mut client = Client::new(served.path()).unwrap();
    let line = event();
    client.set_irqs(INTX, EVENTFD_TRIGGER, 0, 1, &[line.as_raw_fd()]).unwrap();
    set_register(&mut client, LEVEL, 1);
    assert_eq!(wait(&line), 1);
    assert_eq!(config(&mut client, 0x06), [0x18], "interrupt pending in PCI_STATUS");
    set_register(&mut client, LEVEL, 0);
    set_register(&mut client, LEVEL, 1);
    assert_eq!(register(&mut client, LEVEL), 1);
    assert!(is_quiet(&line), "masked");
    client.set_irqs(INTX, NONE_UNMASK, 0, 1, &[]).unwrap();
    assert_eq!(wait(&line), 1);
    drop(client);
    served.stop();
}

#[test]
fn msi_comes_once_per_edge_also_from_the_engines_own_clock() {
    let served = Served::new();
    let mut client = Client::new(served.path()).unwrap();
    let message = event();
    client.set_irqs(MSI, EVENTFD_TRIGGER, 0, 1, &[message.as_raw_fd()]).unwrap();
    set_register(&mut client, LEVEL, 1);
    assert_eq!(wait(&message), 1);
    set_register(&mut client, LEVEL, 0);
    set_register(&mut client, ALARM, 1);
    assert_eq!(wait(&message), 1, "nobody touched the function");
    client.set_irqs(MSI, NONE_TRIGGER, 0, 0, &[]).unwrap();
    set_register(&mut client, LEVEL, 0);
    set_register(&mut client, LEVEL, 1);
    assert_eq!(register(&mut client, LEVEL), 1);
    assert!(is_quiet(&message));
    drop(client);
    served.stop();
}

#[test]
fn the_engine_reaches_guest_memory_as_long_as_it_is_mapped() {
    let served = Served::new();
    let mut client = Client::new(served.path()).unwrap();
    let ram = File::from(memfd_create("guest", MemfdFlags::CLOEXEC).unwrap());
    ram.set_len(0x3000).unwrap();
    ram.write_all_at(&[1, 2, 3, 4], 0x1010).unwrap();
    let copy = |client: &mut Client| {
        set_register(client, ADDRESS, 0x10_0010);
        set_register(client, COPY, 1);
        register(client, COPIED) == 1
    };
    client.dma_map(0x1000, 0x10_0000, 0x1000, ram.as_raw_fd()).unwrap();
    assert!(!copy(&mut client), "no bus master");
    client.region_write(CONFIG, 0x04, &[0x06, 0x00]).unwrap();
    assert!(copy(&mut client));
    let mut bytes = [0; 4];
    ram.read_exact_at(&mut bytes, 0x1014).unwrap();
    assert_eq!(bytes, [2, 3, 4, 5]);
    client.dma_unmap(0x77_0000, 0x1000).unwrap();
    client.dma_unmap(0x10_0000, 0x1000).unwrap();
    assert!(!copy(&mut client), "unmapped");
    drop(client);
    served.stop();
}

#[test]
fn a_monitor_finds_the_function_as_after_power_on() {
    let served = Served::new();
    for round in 1..4 {
        let mut client = Client::new(served.path()).unwrap();
        assert_eq!(register(&mut client, SCRATCH), 0);
        assert_eq!(config(&mut client, 0x04), [0, 0]);
        set_register(&mut client, SCRATCH, 7);
        client.region_write(CONFIG, 0x04, &[0x06, 0x00]).unwrap();
        assert_eq!((register(&mut client, SCRATCH), config(&mut client, 0x04)), (7, [6, 0]));
        drop(client);
        served.observed.wait_for_resets(round);
    }
    served.stop();
}

#[test]
fn a_reset_reaches_the_engine() {
    let served = Served::new();
    let mut client = Client::new(served.path()).unwrap();
    set_register(&mut client, SCRATCH, 7);
    client.reset().unwrap();
    assert_eq!(register(&mut client, SCRATCH), 0);
    drop(client);
    served.stop();
}

#[test]
fn orders_reach_the_guest() {
    let served = Served::new();
    let mut client = Client::new(served.path()).unwrap();
    let (message, request) = (event(), event());
    client.set_irqs(MSI, EVENTFD_TRIGGER, 0, 1, &[message.as_raw_fd()]).unwrap();
    client.set_irqs(REQ, EVENTFD_TRIGGER, 0, 1, &[request.as_raw_fd()]).unwrap();

    served.control.firmware_reset();
    assert_eq!(wait(&message), 1);
    assert_eq!(served.observed.firmware_resets.load(Ordering::Relaxed), 1);

    served.control.remove(Removal::Requested);
    assert_eq!(wait(&request), 1);
    assert_eq!(config(&mut client, 0), [0x86, 0x80], "asked, not taken");

    served.control.remove(Removal::Surprise);
    served.control.remove(Removal::Requested);
    wait(&request);
    assert_eq!((register(&mut client, SCRATCH), config(&mut client, 0x00)), (u32::MAX, [0xFF; 2]));

    served.control.reinsert();
    served.observed.wait_for_resets(1);
    assert_eq!((register(&mut client, SCRATCH), config(&mut client, 0x00)), (0, [0x86, 0x80]));
    drop(client);
    served.stop();
}
