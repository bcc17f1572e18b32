//! Each fault does what it says, to what it says, when it says.

use crate::stand_in::{Seen, StandIn};
use mei_tap::{Injector, Plan};
use mei_wire::{ConfigSpace, Device, Gone, Registers};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::time::{Duration, Instant};

const H_CB_WW: u32 = 0;
const H_CSR: u32 = 4;
const ME_CSR_HA: u32 = 0xC;

fn injector(plan: &str) -> Injector<StandIn> {
    let stand_in = StandIn { value: 0x0000_00F0, ..StandIn::default() };
    Injector::new(stand_in, Plan::parse(&format!("mei-faults 1\n{plan}\n"), "plan").unwrap())
}

fn reads<const N: usize>(device: &mut Injector<StandIn>, register: u32) -> [u32; N] {
    std::array::from_fn(|_| device.read32(register).unwrap())
}

#[test]
fn an_empty_plan_changes_nothing() {
    let mut device = injector("");
    device.write_window(&[1, 2]).unwrap();
    device.read_window(&mut [0; 2]).unwrap();
    assert_eq!(device.read_config32(0x40), Ok(0xF0));
    assert_eq!(device.device().bulk, 2, "windows pass in one piece");
    let seen = [Seen::Write(0, 1), Seen::Write(0, 2), Seen::Read(8), Seen::Read(8), Seen::Config(0x40)];
    assert_eq!(device.device().seen, seen);
}

#[test]
fn reads_go_wrong_when_they_are_to() {
    for (plan, expected) in [
        ("on read ME_CSR_HA at 2 ones", [0xF0, u32::MAX, 0xF0, 0xF0]),
        ("on read ME_CSR_HA at 2.. corrupt 0xF", [0xF0, 0xFF, 0xFF, 0xFF]),
        ("on read at 2..3 stuck-high 0x1", [0xF0, 0xF1, 0xF1, 0xF0]),
        ("on access stuck-low 0x10", [0xE0; 4]),
        ("on read ME_CSR_HA at 3 drop", [0xF0, 0xF0, 0, 0xF0]),
        ("on read H_CSR ones", [0xF0; 4]),
        ("on write ones", [0xF0; 4]),
        ("on read corrupt 0x3\non read corrupt 0x1", [0xF2; 4]),
        ("on read ones\non read stuck-low 0xFFFFFFF0", [0xF; 4]),
        ("on read corrupt 0x10\non read stuck-high 0x10", [0xF0; 4]),
    ] {
        let Ok(plan_read) = Plan::parse(&format!("mei-faults 1\n{plan}\n"), "plan") else {
            assert_eq!(plan, "on write ones");
            continue;
        };
        let mut device = Injector::new(StandIn { value: 0xF0, ..StandIn::default() }, plan_read);
        assert_eq!(reads::<4>(&mut device, ME_CSR_HA), expected, "{plan}");
    }
}

#[test]
fn a_read_that_is_dropped_is_not_made() {
    let mut device = injector("on read at 1 drop\non config at 2 corrupt 0xF0");
    reads::<2>(&mut device, 8);
    assert_eq!(device.device().seen, [Seen::Read(8)]);
    assert_eq!((device.read_config32(0x40), device.read_config32(0x40)), (Ok(0xF0), Ok(0)));
}

#[test]
fn writes_are_lost_and_changed() {
    let mut device = injector(
        "on write H_CB_WW at 2 drop\non write H_CB_WW at 3.. corrupt 0x80\non write H_CSR at 1 drop",
    );
    device.write_window(&[1, 2, 3]).unwrap();
    device.write32(H_CSR, 5).unwrap();
    device.write32(H_CSR, 6).unwrap();
    let seen = [Seen::Write(H_CB_WW, 1), Seen::Write(H_CB_WW, 0x83), Seen::Write(H_CSR, 6)];
    assert_eq!(device.device().seen, seen, "each slot counts");
}

#[test]
fn a_delayed_write_holds_up_what_is_behind_it() {
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut device = injector("on write H_CSR at 1 delay 100ms\non write H_CSR at 2 delay 10ms");
    device.run(start);
    device.write32(H_CSR, 1).unwrap();
    device.write_window(&[2, 3]).unwrap();
    device.write32(H_CSR, 4).unwrap();
    assert_eq!(device.read32(H_CSR), Ok(0xF0), "reads do not wait");
    assert_eq!(device.deadline(), Some(at(100)));
    device.run(at(99));
    assert_eq!(device.device().seen, [Seen::Read(H_CSR)]);
    device.run(at(100));
    let seen = [Seen::Read(4), Seen::Write(4, 1), Seen::Write(0, 2), Seen::Write(0, 3), Seen::Write(4, 4)];
    assert_eq!(device.device().seen, seen);
    assert_eq!(device.deadline(), None);
    device.write32(H_CSR, 5).unwrap();
    assert_eq!(device.device().seen.len(), 6, "nothing waits any more");
}

#[test]
fn delayed_writes_have_a_bound() {
    let start = Instant::now();
    let mut device = injector("on write delay 10s");
    device.run(start);
    for value in 0..5000 {
        device.write32(H_CB_WW, value).unwrap();
    }
    let seen: Vec<Seen> = (0..5000 - 4096).map(|value| Seen::Write(H_CB_WW, value)).collect();
    assert_eq!(device.device().seen, seen);
}

#[test]
fn interrupts_are_lost_and_late() {
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut device = injector("on interrupt at 2 drop\non interrupt at 3 delay 50ms");
    device.run(start);
    let interrupt = |device: &mut Injector<StandIn>| {
        device.device_mut().interrupt();
        device.take_interrupt()
    };
    assert!(interrupt(&mut device));
    assert!(!interrupt(&mut device), "lost");
    assert_eq!(device.device().ends_of_interrupts, 1, "a line is not masked for ever");
    assert!(!interrupt(&mut device), "late");
    assert_eq!(device.device().ends_of_interrupts, 1, "masked until its driver has dealt with it");
    assert_eq!(device.deadline(), Some(at(50)));
    device.run(at(49));
    assert!(!device.take_interrupt());
    device.run(at(50));
    assert!(device.take_interrupt());
    assert!(!device.take_interrupt(), "once");
    assert!(interrupt(&mut device));
}

#[test]
fn who_waits_for_a_descriptor_wakes_up_for_an_interrupt_that_is_late() {
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let mut device = injector("on interrupt at 1..2 delay 50ms");
    device.device_mut().descriptor = Some(eventfd(0, EventfdFlags::NONBLOCK).unwrap());
    device.run(start);
    let is_readable = |device: &Injector<StandIn>| {
        let mut fds = [PollFd::from_borrowed_fd(device.interrupt_fd().unwrap(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    };
    for round in 0..2 {
        assert!(!is_readable(&device));
        device.device_mut().interrupt();
        assert!(is_readable(&device), "the device's own is heard");
        assert!(!device.take_interrupt(), "late");
        let due = at(50 * (round + 1));
        assert_eq!(device.deadline(), Some(due));
        assert!(!is_readable(&device), "nobody is woken up before its time");
        device.run(due);
        assert!(is_readable(&device));
        assert!(device.take_interrupt());
        assert!(!is_readable(&device) && !device.take_interrupt(), "once");
    }
    device.device_mut().interrupt();
    assert!(is_readable(&device) && device.take_interrupt(), "what comes in time");
}

#[test]
fn who_is_gone_with_an_interrupt_says_so_once() {
    let mut device = injector("on interrupt at 2 gone");
    device.device_mut().interrupt();
    assert!(device.take_interrupt());
    device.device_mut().interrupt();
    assert!(device.take_interrupt(), "its driver finds out");
    assert_eq!(device.read32(H_CSR), Err(Gone));
    assert!(!device.take_interrupt());
}

#[test]
fn a_device_that_is_gone_under_a_delayed_write_says_so_itself() {
    let start = Instant::now();
    let mut device = injector("on write delay 50ms");
    device.run(start);
    device.write32(H_CSR, 1).unwrap();
    device.write32(H_CSR, 2).unwrap();
    device.device_mut().gone = true;
    device.device_mut().interrupt();
    device.run(start + Duration::from_millis(50));
    assert_eq!(device.deadline(), None, "nothing waits any more");
    assert!(device.take_interrupt());
    assert_eq!(device.read32(H_CSR), Err(Gone));
}

#[test]
fn a_fault_may_wait_for_its_time() {
    let start = Instant::now();
    let mut device = injector("on read H_CSR at 1 after 2s ones");
    assert_eq!(reads::<1>(&mut device, H_CSR), [0xF0]);
    device.run(start);
    device.run(start + Duration::from_millis(1999));
    assert_eq!(reads::<1>(&mut device, H_CSR), [0xF0], "and what matches too early does not count");
    device.run(start + Duration::from_secs(2));
    assert_eq!(reads::<2>(&mut device, H_CSR), [u32::MAX, 0xF0]);
}

#[test]
fn gone_is_for_good_and_for_everything() {
    let mut device = injector("on access at 3 gone");
    reads::<2>(&mut device, H_CSR);
    assert!(!device.is_gone());
    assert_eq!(device.write32(H_CSR, 1), Err(Gone));
    assert!(device.is_gone());
    assert_eq!(device.read32(H_CSR), Err(Gone));
    assert_eq!(device.read_config32(0x40), Err(Gone));
    assert_eq!(device.read_window(&mut [0]), Err(Gone));
    assert_eq!(device.write_window(&[0]), Err(Gone));
    device.device_mut().interrupt = true;
    assert!(!device.take_interrupt());
    device.run(Instant::now());
    assert_eq!(device.deadline(), None);
    assert_eq!(device.into_device().seen.len(), 2);
}
