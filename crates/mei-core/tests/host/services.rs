//! What the driver does by itself: fix-ups, the watchdog, the shared AMTHI (`client-bus.md` §3,
//! `linux-watchdog.md`, `device-abi.md` §14).

use crate::bench::*;
use crate::stub::{Answer, Stub, StubClient};
use mei_core::{AmthiUse, Call, DeviceState, Errno, FixUps, Handle, Options, WatchdogState, WatchdogUse};
use mei_wire::Guid;

const MKHI_FIXED: Guid = Guid::from_u128(0x55213584_9a29_4916_badf_0fb7ed682aeb);
const WATCHDOG: Guid = Guid::from_u128(0x05b79a6f_4628_4d7f_899d_a91514cb32ab);
const AMTHI: Guid = Guid::from_u128(0x12f80028_b4b7_4b2d_aca8_46e0ff65814c);

fn client(id: u8, guid: Guid) -> StubClient {
    StubClient { id, guid, ..clients()[0] }
}

fn mkhi() -> StubClient {
    StubClient { fixed: 7, max_connections: 0, ..client(7, MKHI_FIXED) }
}

fn with_fix_ups(stub: Stub, device: u16) -> Bench {
    let options = Options::new(*mei_wire::pci::lookup(device).expect("a known device"));
    assert_eq!(options.fix_ups, FixUps::Kernel);
    let mut bench = Bench::with_options(stub, options);
    bench.host.start(bench.now);
    bench.run();
    assert_eq!(bench.host.state(), DeviceState::Enabled);
    bench
}

const OS_VERSION: [u8; 17] = [3, 6, 0, 0, 0, 0, 0x10, 0, 8, 0, 0, 0, 0, 2, 0, 0, 0];

#[test]
fn the_firmwares_version_is_asked_and_the_systems_told() {
    let mut bench = with_fix_ups(Stub::new(vec![mkhi()]), 0xA0E0);
    let (header, request) = bench.stub().data.remove(0);
    assert_eq!((header.me_addr(), header.host_addr(), header.internal()), (7, 0, false));
    assert_eq!(request, [0xFF, 2, 0, 0]);
    assert_eq!(bench.host.fw_ver(), "0:0.0.0.0\n0:0.0.0.0\n0:0.0.0.0\n");

    let file = bench.open();
    let mut argument = [0; 16];
    argument.copy_from_slice(&MKHI_FIXED.0);
    assert_eq!(bench.ioctl(file, CONNECT, &argument), error(Errno::BUSY), "the driver has it");

    let mut answer = vec![0xFF, 0x82, 0, 0];
    answer.extend([1, 0, 16, 2, 0x34, 0x12, 7, 0]);
    answer.extend([3, 0, 4, 5, 6, 0, 0, 1]);
    answer.extend([9; 5]);
    bench.message(7, 0, &answer);
    assert_eq!(bench.host.fw_ver(), "2:16.1.7.4660\n5:4.3.256.6\n0:0.0.0.0\n");
    let (header, told) = bench.stub().data.remove(0);
    assert!(header.internal());
    assert_eq!(told, OS_VERSION);
    assert!(matches!(bench.ioctl(file, CONNECT, &argument), Got::Ioctl(_)), "and lets it go");

    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.stub().data.len(), 1, "asked again after a reset");
    assert!(bench.host.fw_ver().starts_with("2:16.1.7.4660\n"), "what was known stays known");
}

#[test]
fn a_version_that_does_not_come_is_not_waited_for() {
    let mut bench = with_fix_ups(Stub::new(vec![mkhi()]), 0xA0E0);
    assert_eq!(bench.stub().data.len(), 1);
    bench.seconds(1);
    assert_eq!(bench.stub().data.len(), 2);
    assert_eq!(bench.stub().data[1].1, OS_VERSION);
    bench.message(7, 0, &[0xFF, 0x82, 0, 0, 1, 0, 16, 2, 0, 0, 0, 0]);
    assert!(bench.host.fw_ver().starts_with("0:0"), "too late");
    assert_eq!(bench.host.active().lines().count(), 1, "its host client is freed");
}

#[test]
fn a_short_version_is_no_version() {
    for length in [0, 4, 11] {
        let mut bench = with_fix_ups(Stub::new(vec![mkhi()]), 0xA0E0);
        bench.message(7, 0, &[0xFF; 12][..length]);
        assert!(bench.host.fw_ver().starts_with("0:0.0.0.0"), "{length}");
        assert_eq!(bench.stub().data.len(), 2);
    }
}

#[test]
fn who_is_asked_depends_on_generation_and_version() {
    for (device, version, expected) in [(0x2E04, (1, 1), 0), (0x2E04, (2, 0), 1), (0x1E3A, (1, 1), 1)] {
        let mut stub = Stub::new(vec![mkhi()]);
        stub.version = version;
        let mut bench = with_fix_ups(stub, device);
        bench.seconds(1);
        assert_eq!(bench.stub().data.len(), expected, "{device:#x} {version:?}");
        assert_eq!(bench.host.active().lines().count(), 1);
    }
}

#[test]
fn a_reset_in_the_middle_of_a_fix_up_begins_it_anew() {
    let mut bench = with_fix_ups(Stub::new(vec![mkhi()]), 0xA0E0);
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.stub().data.len(), 2);
    bench.host.stop(bench.now);
    bench.run();
    assert_eq!(bench.host.deadline(), None);
}

fn with_watchdog(version: u8) -> Bench {
    let stub = Stub::new(vec![StubClient { version, ..client(8, WATCHDOG) }]);
    let mut options = options();
    options.watchdog = WatchdogUse::On;
    let mut bench = Bench::with_options(stub, options);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Absent);
    bench.host.start(bench.now);
    bench.run();
    bench
}

fn ping(timeout: u16) -> Vec<u8> {
    let mut bytes = vec![0x02, 0x15, 0x13, 0x10];
    bytes.extend(timeout.to_le_bytes());
    bytes.resize(23, 0);
    bytes
}

fn said(bench: &mut Bench) -> Vec<Vec<u8>> {
    for _ in 0..4 {
        bench.credit(8, 1);
    }
    std::mem::take(&mut bench.stub().data).into_iter().map(|(_, bytes)| bytes).collect()
}

#[test]
fn the_watchdog_is_probed_used_and_stopped() {
    let mut bench = with_watchdog(2);
    assert_eq!(bench.took(0x10), [[0x10, 8, 1, 1]]);
    assert_eq!(said(&mut bench), [ping(120)]);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Probe);
    assert_eq!(bench.host.watchdog_ping(bench.now), Err(Errno::NODEV));
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 0]);
    assert_eq!(said(&mut bench), [vec![2, 2, 0x14, 0x10]]);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Idle);
    assert_eq!(bench.host.watchdog_ping(bench.now), Ok(()), "not in use: no message");
    assert_eq!(said(&mut bench).len(), 0);
    assert_eq!(bench.host.watchdog_start(), Ok(()));
    assert_eq!(bench.host.watchdog_start(), Err(Errno::BUSY));
    assert_eq!(said(&mut bench).len(), 0);
    assert_eq!(bench.host.watchdog_set_timeout(119, bench.now), Err(Errno::INVAL));
    assert_eq!(bench.host.watchdog_set_timeout(300, bench.now), Ok(()));
    assert_eq!(said(&mut bench), [ping(300)]);
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 0]);
    bench.message(8, 1, &[]);
    bench.message(8, 1, &[1]);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Running);
    assert_eq!(bench.host.watchdog_stop(bench.now), Ok(()));
    assert_eq!(said(&mut bench), [vec![2, 2, 0x14, 0x10]]);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Idle);
    let file = bench.open();
    bench.stub().connect = Answer::Status(2);
    assert_eq!(bench.ioctl(file, CONNECT, &WATCHDOG.0), error(Errno::BUSY));
}

#[test]
fn a_farewell_on_its_way_is_waited_for_by_the_next_user_too() {
    let mut bench = with_watchdog(2);
    said(&mut bench);
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 0]);
    said(&mut bench);
    bench.host.watchdog_start().unwrap();
    // As many as there are credits, and one more.
    for _ in 0..8 {
        bench.host.watchdog_ping(bench.now).unwrap();
    }
    bench.host.watchdog_stop(bench.now).unwrap();
    bench.run();
    assert_eq!(bench.host.watchdog().state, WatchdogState::Stopping);
    bench.host.watchdog_start().unwrap();
    bench.host.watchdog_stop(bench.now).unwrap();
    bench.run();
    assert_eq!(bench.host.watchdog().state, WatchdogState::Stopping);
    let all: Vec<_> = (0..4).flat_map(|_| said(&mut bench)).collect();
    assert_eq!(all.last(), Some(&vec![2, 2, 0x14, 0x10]));
    assert_eq!(bench.host.watchdog().state, WatchdogState::Idle);
}

#[test]
fn a_watchdog_that_is_not_wanted_may_come_to_be() {
    let mut bench = with_watchdog(2);
    said(&mut bench);
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 1]);
    assert_eq!(bench.host.watchdog().state, WatchdogState::NotRequired);
    assert_eq!(bench.host.watchdog_start(), Err(Errno::NODEV));
    assert_eq!(bench.host.watchdog_ping(bench.now), Ok(()));
    bench.bus(&[0x11, 8, 1, 0]);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Idle);
}

#[test]
fn silence_is_told_and_heartbeats_go_on() {
    let mut bench = with_watchdog(2);
    said(&mut bench);
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 0]);
    said(&mut bench);
    bench.host.watchdog_start().unwrap();
    bench.host.watchdog_ping(bench.now).unwrap();
    bench.seconds(6);
    assert_eq!(bench.host.watchdog().unanswered, 1);
    bench.host.watchdog_ping(bench.now).unwrap();
    assert_eq!(said(&mut bench).len(), 2);
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 0]);
    assert_eq!(bench.host.watchdog().unanswered, 0);
}

#[test]
fn the_first_version_of_the_watchdog_answers_nothing() {
    let mut bench = with_watchdog(1);
    assert_eq!(bench.host.watchdog().state, WatchdogState::Idle);
    assert_eq!(said(&mut bench).len(), 0);
    bench.host.watchdog_start().unwrap();
    bench.host.watchdog_ping(bench.now).unwrap();
    bench.seconds(100);
    assert_eq!(bench.host.watchdog().unanswered, 0);
}

#[test]
fn a_reset_takes_the_watchdog_and_brings_it_back() {
    let mut bench = with_watchdog(2);
    said(&mut bench);
    bench.message(8, 1, &[2, 4, 0x83, 0x10, 0, 0]);
    said(&mut bench);
    bench.host.watchdog_start().unwrap();
    bench.stub().recovers = false;
    bench.stub().push_slots(&[0]);
    bench.run();
    assert_eq!(bench.host.watchdog().state, WatchdogState::Absent);
    assert_eq!(bench.host.watchdog_ping(bench.now), Err(Errno::NODEV));
    assert_eq!(bench.host.watchdog_stop(bench.now), Err(Errno::NODEV));
    bench.stub().recovers = true;
    bench.run();
    assert_eq!(bench.host.watchdog().state, WatchdogState::Probe);
}

fn shared() -> Bench {
    let mut stub = Stub::new(vec![client(8, AMTHI), clients()[0]]);
    stub.credits = 100;
    let mut options = options();
    options.amthi = AmthiUse::Shared;
    let mut bench = Bench::with_options(stub, options);
    bench.host.start(bench.now);
    bench.run();
    assert_eq!(bench.took(0x06), [[0x06, 8, 1, 0]]);
    bench
}

fn attached(bench: &mut Bench) -> Handle {
    let file = bench.open();
    assert_eq!(bench.ioctl(file, CONNECT, &AMTHI.0), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    assert_eq!(bench.took(0x06).len(), 0, "no connection of its own");
    file
}

#[test]
fn requests_to_the_shared_amthi_go_one_at_a_time_to_whom_they_belong() {
    let mut bench = shared();
    let (one, two) = (attached(&mut bench), attached(&mut bench));
    assert_eq!(bench.ioctl(one, CONNECT, &AMTHI.0), error(Errno::BUSY));
    assert_eq!(bench.write(one, b"first"), Got::Written(5));
    assert_eq!(bench.write(two, b"second"), Got::Written(6));
    assert_eq!(bench.write(one, &[0; 513]), error(Errno::FBIG));
    let sent: Vec<_> = bench.stub().data.drain(..).map(|(_, bytes)| bytes).collect();
    assert_eq!(sent, [b"first"]);
    assert_eq!(bench.read_nb(two, 99), error(Errno::AGAIN));
    assert_eq!(bench.took(0x08).len(), 1);
    let read = bench.read_waits(one);
    assert_eq!(bench.poll(two, POLLIN | POLLOUT), POLLOUT);
    bench.wakes.clear();
    bench.message(8, 1, b"to one");
    assert_eq!(bench.got(read), Some(Got::Data(b"to one".to_vec())));
    let sent: Vec<_> = bench.stub().data.drain(..).map(|(_, bytes)| bytes).collect();
    assert_eq!(sent, [b"second"]);
    bench.message(8, 1, b"to two");
    assert!(bench.wakes.contains(&two));
    assert_eq!(bench.read(two, 99), Got::Data(b"to two".to_vec()));
    assert_eq!(bench.release(one), Got::Done);
    assert_eq!(bench.took(0x07).len(), 0);
}

#[test]
fn a_reply_to_a_closed_file_is_nobodys() {
    let mut bench = shared();
    let (one, two) = (attached(&mut bench), attached(&mut bench));
    bench.write(one, b"first");
    bench.write(two, b"second");
    bench.release(one);
    let three = attached(&mut bench);
    bench.message(8, 1, b"to one");
    assert_eq!(bench.read_nb(three, 99), error(Errno::AGAIN), "not to the one that has its id now");
    bench.message(8, 1, b"to two");
    assert_eq!(bench.read(two, 99), Got::Data(b"to two".to_vec()));
}

#[test]
fn a_reply_that_is_fetched_too_late_has_expired() {
    let mut bench = shared();
    let file = attached(&mut bench);
    bench.write(file, b"ask");
    bench.message(8, 1, b"answer");
    bench.seconds(11);
    assert_eq!(bench.read(file, 99), error(Errno::TIME));
    assert_eq!(bench.read_nb(file, 99), error(Errno::AGAIN));
}

#[test]
fn an_amthi_that_does_not_answer_is_reset() {
    let mut bench = shared();
    let file = attached(&mut bench);
    bench.write(file, b"ask");
    let read = bench.read_waits(file);
    bench.seconds(11);
    assert_eq!(bench.stub().resets, 1);
    bench.seconds(2);
    assert_eq!(bench.stub().resets, 2);
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
    assert_eq!(bench.took(0x06), [[0x06, 8, 1, 0]]);
    assert_eq!(bench.ioctl(file, CONNECT, &AMTHI.0), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    bench.write(file, b"again");
    bench.message(8, 1, b"answer");
    assert_eq!(bench.read(file, 99), Got::Data(b"answer".to_vec()));
}

#[test]
fn a_firmware_that_ends_the_shared_connection_ends_it_for_all() {
    let mut bench = shared();
    let file = attached(&mut bench);
    let read = bench.read_waits(file);
    bench.bus(&[0x07, 8, 1, 0]);
    assert_eq!(bench.got(read), Some(error(Errno::NODEV)));
    assert_eq!(bench.ioctl(file, CONNECT, &AMTHI.0), error(Errno::NODEV), "and it is asked for anew");
    assert_eq!(bench.ioctl(file, CONNECT, &AMTHI.0), Got::Ioctl(vec![0, 2, 0, 0, 3]));
    let other = bench.connected(3);
    assert_eq!(bench.write(other, b"x"), Got::Written(1));
    bench.host.stop(bench.now);
    bench.run();
    assert_eq!(bench.ask_and_drain(Call::Release { handle: file }), Got::Done);
}
